package tray

import (
	"context"
	"errors"
	"time"
)

// dialogs ask the owner something.
type dialogs interface {
	// ask asks for a line of text. ok is false if they did not want to answer; the error is that nothing can be asked here.
	ask(ctx context.Context, question, was string) (answer string, ok bool, err error)
	// tell says that something was wrong.
	tell(ctx context.Context, text string)
}

// errNoDialogs is that nothing can be asked on this computer.
var errNoDialogs = errors.New("there is no program for dialogs")

// longestText is how many characters of a text the server takes.
const longestText = 120

// askAndChoose asks for a text or an end, and chooses with it. Where nothing can be asked, the page of the server is opened, on which both can be given.
func (t *tray) askAndChoose(a action, l language) {
	c := a.choice
	question, was := l.say("ask.end"), ""
	if a.verb == askText {
		question = l.say("ask.text", a.about)
		if c.Text != nil {
			was = *c.Text
		}
	}
	for {
		answer, ok, err := t.ask.ask(t.ctx, question, was)
		if err != nil {
			t.Log.Info("tray: no dialog can be shown here; the page is opened instead", "err", err)
			t.Open("/")
			return
		}
		if !ok {
			return
		}
		if a.verb == askText {
			if r := []rune(answer); len(r) > longestText {
				answer = string(r[:longestText])
			}
			c.Text = &answer
			break
		}
		at, err := parseEnd(answer, time.Now())
		if err == nil {
			c.Until = &at
			break
		}
		t.ask.tell(t.ctx, l.say("ask.wrong", answer))
		was = answer
	}
	t.choose(c)
}

// AskServer asks for the address of the server, until check takes the answer. ok is false if the owner does not want to answer, or nothing can be asked here.
func AskServer(ctx context.Context, check func(string) error) (server string, ok bool) {
	ask := system{}
	l := speak(locale(ask.getenv)...)
	for {
		answer, ok, err := ask.ask(ctx, l.say("ask.server"), server)
		if err != nil || !ok {
			return "", false
		}
		server = answer
		if err := check(server); err == nil {
			return server, true
		}
		ask.tell(ctx, l.say("ask.noserver", server))
	}
}
