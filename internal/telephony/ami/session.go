package ami

import (
	"bufio"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/telephony/wire"
)

const (
	pingEvery = 15 * time.Second
	maxEvents = 200_000 // that wait to be looked at
)

// session is one connection, signed in. Its methods may be called by several goroutines.
type session struct {
	*wire.Conn[message]
	s      *System
	banner string // what the system calls itself

	mu      sync.Mutex // guards what follows
	last    uint64     // ActionID
	waiting map[string]*question
	heard   time.Time // last byte
}

// question is an action that is not answered yet.
type question struct {
	single string // event that ends it though no list is complete, in lower case
	list   bool   // events follow the answer

	answer  message
	entries []message
	done    chan struct{}
}

// said returns the question with its answer, or an error that the answer is. done is closed.
func (q *question) said(action string) (*question, error) {
	if r := q.answer.get("response"); !strings.EqualFold(r, "Success") && !strings.EqualFold(r, "Goodbye") {
		return nil, &refused{action: action, text: q.answer.get("message")}
	}
	return q, nil
}

// refused is an answer that says no.
type refused struct{ action, text string }

func (r *refused) Error() string { return "ami: " + r.action + ": " + r.text }

// denied reports whether an answer means that the account may not.
func denied(err error) bool {
	r, ok := errors.AsType[*refused](err)
	return ok && strings.EqualFold(r.text, "Permission denied")
}

// missing reports whether an answer means that there is no such entry in the database.
func missing(err error) bool {
	r, ok := errors.AsType[*refused](err)
	return ok && strings.EqualFold(r.text, "Database entry not found")
}

// connect opens a connection and signs in.
func (s *System) connect(ctx context.Context, events bool) (*session, error) {
	conn, err := s.place.Dial(ctx)
	if err != nil {
		return nil, err
	}
	x := &session{s: s, Conn: wire.NewConn[message](conn, maxEvents), waiting: map[string]*question{}, heard: time.Now()}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	conn.SetReadDeadline(time.Now().Add(wire.AnswerTime))
	r := bufio.NewReader(conn)
	x.banner, err = readLine(r)
	if !stop() { // it was given up
		conn.Close()
		return nil, s.place.Explain(ctx, context.Cause(ctx))
	}
	switch {
	case err != nil:
		conn.Close()
		return nil, s.place.Explain(ctx, err)
	case !strings.Contains(x.banner, "Call Manager"):
		conn.Close()
		return nil, &source.Error{Kind: source.Other, Whole: true, Text: fmt.Sprintf("On port %d of %s something else answers than the manager interface of Asterisk.", s.place.Port, s.place.Host)}
	}
	conn.SetReadDeadline(time.Time{})
	if !s.link.Go(func() { x.read(r) }) {
		conn.Close()
		return nil, wire.ErrClosed
	}
	mask := "off"
	if events {
		mask = "system,call,user"
	}
	if err := x.signIn(ctx, mask); err != nil {
		x.Close(err)
		return nil, s.link.Explain(err)
	}
	return x, nil
}

func (x *session) signIn(ctx context.Context, mask string) error {
	c := x.s.c
	fields := []string{"AuthType", "plain", "Username", c.Username, "Secret", c.Secret}
	if c.Auth == AuthMD5 {
		a, err := x.do(ctx, "Challenge", "AuthType", "MD5")
		if err != nil {
			return err
		}
		sum := md5.Sum([]byte(a.get("challenge") + c.Secret))
		fields = []string{"AuthType", "MD5", "Username", c.Username, "Key", hex.EncodeToString(sum[:])}
	}
	_, err := x.do(ctx, "Login", append(fields, "Events", mask)...)
	if r, ok := errors.AsType[*refused](err); ok {
		return &source.Error{Kind: source.Credentials, Whole: true, Err: r,
			Text: x.s.place.Host + " refuses the user name or the secret, or takes no sign-in from this server's address (deny and permit in manager.conf)."}
	}
	return err
}

// read takes messages in until the connection ends.
func (x *session) read(r *bufio.Reader) {
	for {
		m, err := readMessage(r)
		if err != nil {
			x.Close(err)
			return
		}
		if err := x.take(m); err != nil {
			x.Close(err)
			return
		}
	}
}

// take takes a message in: an answer to whoever waits for it, events that nobody asked for in order to Watch.
func (x *session) take(m message) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.heard = time.Now()
	id := m.get("actionid")
	q := x.waiting[id]
	event, isEvent := m["event"]
	switch {
	case q != nil && !isEvent:
		q.answer = m
		if !q.list || !strings.EqualFold(m.get("response"), "Success") {
			x.end(id, q)
		}
	case q != nil:
		event = strings.ToLower(event)
		if strings.EqualFold(m.get("eventlist"), "Complete") || strings.HasSuffix(event, "complete") {
			x.end(id, q)
			return nil
		}
		q.entries = append(q.entries, m)
		if q.single != "" && event == q.single {
			x.end(id, q)
		}
	case isEvent && id == "":
		return x.Add(m)
	}
	return nil
}

// end has whoever waits for a question go on. x.mu is held.
func (x *session) end(id string, q *question) {
	delete(x.waiting, id)
	close(q.done)
}

// do sends an action and waits for its answer. An answer that says no is a *refused, what befell the connection anything else.
func (x *session) do(ctx context.Context, action string, pairs ...string) (message, error) {
	q, err := x.ask(ctx, &question{}, action, pairs)
	if err != nil {
		return nil, err
	}
	return q.answer, nil
}

// list sends an action and waits for all the events that answer it.
func (x *session) list(ctx context.Context, action string, pairs ...string) ([]message, error) {
	q, err := x.ask(ctx, &question{list: true}, action, pairs)
	if err != nil {
		return nil, err
	}
	return q.entries, nil
}

func (x *session) ask(ctx context.Context, q *question, action string, pairs []string) (*question, error) {
	q.done = make(chan struct{})
	if err := x.Why(); err != nil {
		return nil, err
	}
	x.mu.Lock()
	x.last++
	id := "doorlight-" + strconv.FormatUint(x.last, 10)
	x.waiting[id] = q
	x.mu.Unlock()
	defer func() {
		x.mu.Lock()
		delete(x.waiting, id)
		x.mu.Unlock()
	}()
	if err := x.send(append([]string{"Action", action, "ActionID", id}, pairs...)); err != nil {
		x.Close(err)
		return nil, x.Why()
	}
	timer := time.NewTimer(wire.AnswerTime)
	defer timer.Stop()
	for {
		select {
		case <-q.done:
			return q.said(action)
		case <-x.Done:
			select {
			case <-q.done: // the answer was the last word
				return q.said(action)
			default:
			}
			return nil, x.Why()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-timer.C: // a long list is no silence
			x.mu.Lock()
			rest := wire.AnswerTime - time.Since(x.heard)
			x.mu.Unlock()
			if rest <= 0 {
				x.Close(wire.ErrSilent)
				return nil, wire.ErrSilent
			}
			timer.Reset(rest)
		}
	}
}

func (x *session) send(pairs []string) error {
	return x.Send(func(w io.Writer) error {
		_, err := w.Write(writeMessage(pairs))
		return err
	})
}

// keep asks from time to time whether the system is still there, until the connection ends.
func (x *session) keep(ctx context.Context) {
	t := time.NewTicker(pingEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-x.Done:
			return
		case <-t.C:
		}
		if _, err := x.do(ctx, "Ping"); err != nil {
			if _, no := errors.AsType[*refused](err); !no && ctx.Err() == nil {
				x.Close(err)
			}
		}
	}
}

// Leave signs off.
func (x *session) Leave() {
	x.SignOff(func() { x.send([]string{"Action", "Logoff"}) })
}
