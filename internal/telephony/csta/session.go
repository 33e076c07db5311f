package csta

import (
	"bufio"
	"context"
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
	beatEvery = 15 * time.Second // at most, between signs of life that are asked for
	duration  = 300              // seconds that a session is asked to last
	maxEvents = 100_000          // that wait to be looked at
)

// session is one connection that was begun. Its events are also requests of the system that were answered. Its methods may be called by several goroutines.
type session struct {
	*wire.Conn[*node]
	s     *System
	id    string // sessionID; empty: there is no session of ECMA-354
	lasts time.Duration

	mu      sync.Mutex // guards what follows
	space   string     // namespace of requests
	invoke  int
	waiting map[string]chan *node
	beaten  time.Time
}

// connect opens a connection and begins. Events come only once there are monitors.
func (s *System) connect(ctx context.Context, _ bool) (*session, error) {
	conn, err := s.place.Dial(ctx)
	if err != nil {
		return nil, err
	}
	x := &session{s: s, Conn: wire.NewConn[*node](conn, maxEvents), space: editionSpace + s.c.Edition, waiting: map[string]chan *node{}}
	if s.c.Edition == "ed2" {
		x.space = "http://www.ecma.ch/standards/ecma-323/csta/ed2"
	}
	if !s.link.Go(func() { x.read(bufio.NewReader(conn)) }) {
		conn.Close()
		return nil, wire.ErrClosed
	}
	if err := x.begin(ctx); err != nil {
		x.Close(err)
		return nil, s.link.Explain(err)
	}
	x.beaten = time.Now()
	return x, nil
}

func (x *session) begin(ctx context.Context) error {
	c := x.s.c
	switch c.Session {
	case SessionNone:
		return nil
	case SessionRegister:
		_, err := x.do(ctx, el("SystemRegister", el("requestTypes", leaf("systemStatus", "true"), leaf("requestSystemStatus", "false"))))
		return err
	}
	info := el("applicationInfo", leaf("applicationID", c.Application))
	if c.Username != "" {
		login := el("SessionLoginInfo", leaf("userName", c.Username), leaf("password", c.Password), leaf("sessionCleanupDelay", "60"), leaf("sessionID", ""))
		login.space = avayaSpace
		info.nodes = append(info.nodes, el("applicationSpecificInfo", login))
	}
	r := el("StartApplicationSession", info, el("requestedProtocolVersions", leaf("protocolVersion", x.space)), leaf("requestedSessionDuration", strconv.Itoa(duration)))
	r.space = sessionSpace
	a, err := x.do(ctx, r)
	if r, no := errors.AsType[*refused](err); no {
		return &source.Error{Kind: source.Credentials, Whole: true, Err: err,
			Text: fmt.Sprintf("%s begins no session with this application (%s). See how the application, or its user, is set up there.", c.Host, r.code)}
	}
	if err != nil {
		return err
	}
	x.id = a.value("sessionID")
	if v := a.value("actualProtocolVersion"); strings.HasPrefix(v, "http") {
		x.mu.Lock()
		x.space = v
		x.mu.Unlock()
	}
	x.lasts = duration * time.Second
	if n, err := strconv.Atoi(a.value("actualSessionDuration")); err == nil && n > 0 {
		x.lasts = time.Duration(n) * time.Second
	}
	return nil
}

// read takes messages in until the connection ends.
func (x *session) read(r *bufio.Reader) {
	for {
		invoke, body, err := x.s.c.Framing.Read(r)
		if err != nil {
			x.Close(err)
			return
		}
		n, err := parse(body)
		if err != nil {
			x.s.log.Debug("a message of the telephone system cannot be read", "server", x.s.c.Host, "err", err)
			continue
		}
		if err := x.take(invoke, n); err != nil {
			x.Close(err)
			return
		}
	}
}

// take takes a message in: an answer to whoever waits for it, all else in order to Watch. What the system asks is answered.
func (x *session) take(invoke string, n *node) error {
	x.mu.Lock()
	if strings.HasSuffix(n.name, "Response") || n.name == "CSTAErrorCode" || n.name == "UniversalFailure" {
		if c := x.waiting[invoke]; c != nil {
			delete(x.waiting, invoke)
			c <- n
		}
		x.mu.Unlock()
		return nil
	}
	x.mu.Unlock()
	if err := x.Add(n); err != nil {
		return err
	}
	switch n.name {
	case "SystemStatus", "MonitorStop", "RequestSystemStatus":
		a := el(n.name + "Response")
		if n.name == "RequestSystemStatus" {
			a.nodes = []*node{leaf("systemStatus", "normal")}
		}
		return x.send(invoke, a)
	case "ApplicationSessionTerminated":
		return fmt.Errorf("csta: the session was ended by the system: %s", word(n.value("sessionTermReason", "definedTermReason")))
	}
	return nil
}

func (x *session) namespace() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.space
}

func (x *session) send(invoke string, n *node) error {
	return x.Send(func(w io.Writer) error { return x.s.c.Framing.Write(w, invoke, n.write(x.namespace())) })
}

// do sends a request and waits for its answer. An answer that says no is a *refused.
func (x *session) do(ctx context.Context, r *node) (*node, error) {
	if err := x.Why(); err != nil {
		return nil, err
	}
	c := make(chan *node, 1)
	x.mu.Lock()
	invoke := ""
	for invoke == "" || x.waiting[invoke] != nil { // 0001 to 9998
		x.invoke = x.invoke%9998 + 1
		invoke = fmt.Sprintf("%04d", x.invoke)
	}
	x.waiting[invoke] = c
	x.mu.Unlock()
	defer func() {
		x.mu.Lock()
		if x.waiting[invoke] == c {
			delete(x.waiting, invoke)
		}
		x.mu.Unlock()
	}()
	if err := x.send(invoke, r); err != nil {
		x.Close(err)
		return nil, x.Why()
	}
	timer := time.NewTimer(wire.AnswerTime)
	defer timer.Stop()
	select {
	case a := <-c:
		return said(r.name, a)
	case <-x.Done:
		select {
		case a := <-c: // the answer was the last word
			return said(r.name, a)
		default:
		}
		return nil, x.Why()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-timer.C:
		x.Close(wire.ErrSilent)
		return nil, wire.ErrSilent
	}
}

// said returns the answer to a request, or an error that it is.
func said(request string, a *node) (*node, error) {
	switch {
	case a.name == "CSTAErrorCode" || a.name == "UniversalFailure":
		e := &refused{request: request, group: "unspecified", code: word(a.text)}
		if len(a.nodes) > 0 {
			e.group, e.code = word(a.nodes[0].name), word(a.nodes[0].text)
		}
		return nil, e
	case strings.HasSuffix(a.name, "NegResponse"):
		return nil, &refused{request: request, group: "session", code: word(reason(a))}
	}
	return a, nil
}

// reason is the first text in an element.
func reason(n *node) string {
	if n.text != "" {
		return n.text
	}
	for _, c := range n.nodes {
		if t := reason(c); t != "" {
			return t
		}
	}
	return ""
}

// beat asks for a sign of life from time to time, until the connection ends; with a session it prolongs it.
func (x *session) beat(ctx context.Context) {
	every := beatEvery
	if x.id != "" {
		every = max(min(every, x.lasts/3), time.Second)
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-x.Done:
			return
		case <-t.C:
		}
		r := el("RequestSystemStatus")
		if x.id != "" {
			r = el("ResetApplicationSessionTimer", leaf("sessionID", x.id), leaf("requestedSessionDuration", strconv.Itoa(duration)))
			r.space = sessionSpace
		}
		_, err := x.do(ctx, r)
		_, no := errors.AsType[*refused](err)
		switch {
		case err == nil, no && x.id == "": // also one that cannot say how it is, is there
			x.mu.Lock()
			x.beaten = time.Now()
			x.mu.Unlock()
			x.Nudge()
		case ctx.Err() == nil:
			x.Close(err)
		}
	}
}

// lately is when there was a sign of life that was asked for.
func (x *session) lately() time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.beaten
}

// Leave ends the session.
func (x *session) Leave() {
	x.SignOff(func() {
		if x.id != "" && x.Why() == nil {
			r := el("StopApplicationSession", leaf("sessionID", x.id), el("sessionEndReason", leaf("definedEndReason", "normal")))
			r.space = sessionSpace
			x.do(context.Background(), r)
		}
	})
}
