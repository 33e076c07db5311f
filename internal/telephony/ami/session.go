package ami

import (
	"bufio"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/source"
)

const (
	answerTime = 15 * time.Second // without a byte, until a question counts as not answered
	pingEvery  = 15 * time.Second
	maxEvents  = 200_000 // that wait to be looked at; more are taken for a system that floods
)

// session is one connection, signed in. Its methods may be called by several goroutines.
type session struct {
	s      *System
	conn   net.Conn
	banner string        // what the system calls itself
	done   chan struct{} // closed when the connection is
	wake   chan struct{} // has something when events wait

	writing sync.Mutex // of one who writes

	mu      sync.Mutex // guards what follows
	err     error      // why it ended
	last    uint64     // ActionID
	waiting map[string]*question
	events  []message // that nobody asked for, in order
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

// connect opens a connection and signs in. mask are the classes of events that are wanted, "off" for none.
func (s *System) connect(ctx context.Context, mask string) (*session, error) {
	conn, err := s.place.Dial(ctx)
	if err != nil {
		return nil, err
	}
	x := &session{s: s, conn: conn, done: make(chan struct{}), wake: make(chan struct{}, 1), waiting: map[string]*question{}, heard: time.Now()}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	conn.SetReadDeadline(time.Now().Add(answerTime))
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
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.background.Go(func() { x.read(r) })
	}
	s.mu.Unlock()
	if closed {
		conn.Close()
		return nil, errClosed
	}
	if err := x.signIn(ctx, mask); err != nil {
		x.close(err)
		return nil, err
	}
	return x, nil
}

func (x *session) signIn(ctx context.Context, mask string) error {
	c := x.s.c
	fields := []string{"AuthType", "plain", "Username", c.Username, "Secret", c.Secret}
	if c.Auth == AuthMD5 {
		a, err := x.do(ctx, "Challenge", "AuthType", "MD5")
		if err != nil {
			return x.s.explain(err)
		}
		sum := md5.Sum([]byte(a.get("challenge") + c.Secret))
		fields = []string{"AuthType", "MD5", "Username", c.Username, "Key", hex.EncodeToString(sum[:])}
	}
	_, err := x.do(ctx, "Login", append(fields, "Events", mask)...)
	if r, ok := errors.AsType[*refused](err); ok {
		return &source.Error{Kind: source.Credentials, Whole: true, Err: r,
			Text: x.s.place.Host + " refuses the user name or the secret, or takes no sign-in from this server's address (deny and permit in manager.conf)."}
	}
	if err != nil {
		return x.s.explain(err)
	}
	return nil
}

// read takes messages in until the connection ends.
func (x *session) read(r *bufio.Reader) {
	for {
		m, err := readMessage(r)
		if err != nil {
			x.close(err)
			return
		}
		if !x.take(m) {
			x.close(errors.New("ami: more events than can be looked at"))
			return
		}
	}
}

// take reports whether there was room for a message.
func (x *session) take(m message) bool {
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
			return true
		}
		q.entries = append(q.entries, m)
		if q.single != "" && event == q.single {
			x.end(id, q)
		}
	case isEvent && id == "":
		if len(x.events) >= maxEvents {
			return false
		}
		x.events = append(x.events, m)
		select {
		case x.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// end has whoever waits for a question go on. x.mu is held.
func (x *session) end(id string, q *question) {
	delete(x.waiting, id)
	close(q.done)
}

// take all events that nobody looked at yet.
func (x *session) drain() []message {
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.events
	x.events = nil
	return e
}

// close ends the connection; the first reason stays.
func (x *session) close(why error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err != nil {
		return
	}
	x.err = why
	close(x.done)
	x.conn.Close()
}

// why is what ended the connection.
func (x *session) why() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.err
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
	x.mu.Lock()
	if x.err != nil {
		x.mu.Unlock()
		return nil, x.err
	}
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
		x.close(err)
		return nil, x.why()
	}
	timer := time.NewTimer(answerTime)
	defer timer.Stop()
	for {
		select {
		case <-q.done:
			return q.said(action)
		case <-x.done:
			select {
			case <-q.done: // the answer was the last word
				return q.said(action)
			default:
			}
			return nil, x.why()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-timer.C: // a long list is no silence
			x.mu.Lock()
			rest := answerTime - time.Since(x.heard)
			x.mu.Unlock()
			if rest <= 0 {
				x.close(errSilent)
				return nil, errSilent
			}
			timer.Reset(rest)
		}
	}
}

var errSilent = fmt.Errorf("ami: no answer within %v: %w", answerTime, context.DeadlineExceeded)

func (x *session) send(pairs []string) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	if err := x.conn.SetWriteDeadline(time.Now().Add(answerTime)); err != nil {
		return err
	}
	_, err := x.conn.Write(writeMessage(pairs))
	return err
}

// keep asks from time to time whether the system is still there, until the connection ends.
func (x *session) keep(ctx context.Context) {
	t := time.NewTicker(pingEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-x.done:
			return
		case <-t.C:
		}
		if _, err := x.do(ctx, "Ping"); err != nil {
			if _, no := errors.AsType[*refused](err); !no && ctx.Err() == nil {
				x.close(err)
			}
		}
	}
}

// leave signs off, if that takes no longer than a second.
func (x *session) leave() {
	t := time.AfterFunc(time.Second, func() { x.close(errLeft) })
	defer t.Stop()
	x.send([]string{"Action", "Logoff"})
	x.close(errLeft)
}

var errLeft = errors.New("ami: signed off")
