package exchange

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/doorlight/doorlight/internal/source"
)

// endpoint is where a mailbox is served.
type endpoint struct {
	url   *url.URL
	web   string // of Outlook on the web, ending in a slash; may be empty
	group string // GroupingInformation; may be empty
}

// lane is a connection, used by one request at a time: NTLM signs in a connection, so that the legs of one sign-in
// must not be mixed up with those of another.
type lane struct{ transport *http.Transport }

func (s *System) newLane() *lane {
	t := s.c.Client.Transport(1)
	t.MaxConnsPerHost = 1
	return &lane{transport: t}
}

// host is one server, as its address names it, with its budget and its connections.
type host struct {
	name  string // for words
	gate  *gate
	free  chan *lane // as many as requests are allowed at the same time
	lanes []*lane

	old      atomic.Bool  // it is older than 2013
	unsigned atomic.Int32 // calls in a row that were refused for the account
}

func (s *System) host(u *url.URL) *host {
	origin := u.Scheme + "://" + strings.ToLower(u.Host)
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hosts[origin]
	if h == nil {
		h = &host{name: u.Hostname(), gate: newGate(s.c.timing), free: make(chan *lane, s.c.Limit)}
		for range s.c.Limit {
			l := s.newLane()
			h.lanes = append(h.lanes, l)
			h.free <- l
		}
		s.hosts[origin] = h
	}
	return h
}

func (h *host) closeIdle() {
	for _, l := range h.lanes {
		l.transport.CloseIdleConnections()
	}
}

// alone reports whether there is one server only, so that its troubles are the system's.
func (s *System) alone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fixed != nil || len(s.hosts) == 1
}

// request is one message to one server.
type request struct {
	key   string // of the mailbox; empty: the account's own
	box   *box   // of the mailbox, held; nil: none
	who   person
	at    *endpoint
	utc   bool
	body  func(*writer)
	route route
	force bool // though a budget is stopped: an administrator wants to know

	raw    []byte // in place of body: something that is no message of the services
	action string // SOAPAction, with raw; may be empty
}

// route has requests land on the mailbox server that a subscription lives on.
type route struct {
	anchor string // X-AnchorMailbox
	prefer bool   // X-PreferServerAffinity
	cookie string // X-BackEndOverrideCookie
}

const overrideCookie = "X-BackEndOverrideCookie"

func (r route) apply(h http.Header) {
	if r.anchor != "" && !strings.HasPrefix(r.anchor, "S-1-") {
		h.Set("X-AnchorMailbox", r.anchor)
	}
	if r.prefer {
		h.Set("X-PreferServerAffinity", "true")
	}
	if r.cookie != "" {
		h.Add("Cookie", overrideCookie+"="+r.cookie)
	}
}

// overridden returns the cookie that leads to the same mailbox server again, or "".
func overridden(h http.Header) string {
	for _, c := range (&http.Response{Header: h}).Cookies() {
		if strings.EqualFold(c.Name, overrideCookie) {
			return c.Value
		}
	}
	return ""
}

// call sends a message and returns its one answer, if that is a success. Errors are of type *failure. What a failure means for
// the budgets is settled.
func (s *System) call(ctx context.Context, r request) (*message, http.Header, error) {
	m, header, f := s.ask(ctx, r)
	if f != nil {
		return nil, nil, f
	}
	return m, header, nil
}

// enter waits until a request may be sent, and returns the lane to send it on.
func (s *System) enter(ctx context.Context, h *host, force bool) (l *lane, leave func(), f *failure) {
	given := func() *failure { return explainNetwork(ctx, h.name, s.c.Timeout, context.Cause(ctx)) }
	if e := h.gate.shut(time.Now()); e != nil && !force {
		return nil, nil, &failure{told: s.whole(e)}
	}
	select {
	case l = <-h.free:
	case <-ctx.Done():
		return nil, nil, given()
	}
	back := func() {
		if s.stop.Err() != nil {
			l.transport.CloseIdleConnections()
		}
		h.free <- l
	}
	if force {
		return l, back, nil
	}
	release, e, err := h.gate.enter(ctx)
	switch {
	case err != nil:
		back()
		return nil, nil, given()
	case e != nil:
		back()
		return nil, nil, &failure{told: s.whole(e)}
	}
	return l, func() { back(); release() }, nil
}

// whole says of an error of a server whether it is one of the system.
func (s *System) whole(e *source.Error) *source.Error {
	c := *e
	c.Whole = s.alone()
	return &c
}

func (s *System) ask(ctx context.Context, r request) (*message, http.Header, *failure) {
	h := s.host(r.at.url)
	l, leave, f := s.enter(ctx, h, r.force)
	if f != nil {
		return nil, nil, f
	}
	defer leave()
	for again := false; ; again = true {
		answer, header, f := s.send(ctx, h, l, r)
		var m *message
		if f == nil {
			m, f = s.single(answer, h.name, &r)
		}
		switch {
		case f == nil:
			h.gate.good()
			h.unsigned.Store(0)
			if r.box != nil {
				s.rested(r.box)
			}
			return m, header, nil
		case !again && f.scope == ofSignIn && f.code == "":
			// Once more on a new connection: the old one may have been another's by now.
			l.transport.CloseIdleConnections()
			continue
		case !again && (f.code == "ErrorInvalidServerVersion" || f.code == "ErrorIncorrectSchemaVersion" || f.code == "ErrorInvalidSchemaVersionForMailboxVersion") && !h.old.Swap(true):
			continue
		}
		s.settle(h, r, f)
		return nil, nil, f
	}
}

// send sends a message once and returns the envelope that answers it.
func (s *System) send(ctx context.Context, h *host, l *lane, r request) (*soap, http.Header, *failure) {
	timed, cancel := context.WithTimeout(ctx, s.c.Timeout)
	defer cancel()
	defer context.AfterFunc(s.stop, cancel)()
	resp, f := s.post(timed, ctx, h, l, r)
	if f != nil {
		return nil, nil, f
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, nil, explainNetwork(ctx, h.name, s.c.Timeout, err)
	case err != nil:
		return nil, nil, explainNetwork(ctx, h.name, s.c.Timeout, io.ErrUnexpectedEOF)
	case len(body) > maxBody:
		return nil, nil, &failure{scope: ofMailbox, told: &source.Error{Kind: source.TooLarge, Text: "The answer of " + h.name + " is larger than is read."}}
	}
	answer, err := parse(body)
	if err != nil {
		if resp.StatusCode == http.StatusOK && bytes.Contains(body[:min(len(body), 2048)], []byte("Envelope")) {
			return nil, nil, garbled(h.name, err)
		}
		return nil, nil, explainStatus(resp, h.name)
	}
	if refused := answer.refused(); refused != nil {
		refused.status = resp.StatusCode
		return nil, nil, s.explainRefusal(refused, h.name, r.impersonated())
	}
	if resp.StatusCode != http.StatusOK {
		return nil, nil, explainStatus(resp, h.name)
	}
	return answer, resp.Header, nil
}

func (r *request) impersonated() bool { return r.who.mailbox != "" && r.who.access != AccessDelegate }

// post sends a message and returns what answers it, of any status but 401.
func (s *System) post(timed, ctx context.Context, h *host, l *lane, r request) (*http.Response, *failure) {
	version := version2013
	if h.old.Load() {
		version = version2010
	}
	body := r.raw
	if body == nil {
		body = envelope(version, r.who, r.utc, r.body)
	}
	req, err := http.NewRequestWithContext(timed, http.MethodPost, r.at.url.String(), bytes.NewReader(body))
	if err != nil {
		return nil, &failure{told: &source.Error{Kind: source.BadAddress, Text: "The address of Exchange is not valid."}}
	}
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.Header.Set("User-Agent", "Doorlight")
	if r.action != "" {
		req.Header.Set("SOAPAction", `"`+r.action+`"`)
	}
	// Not sent; it has net/http send the request again if a kept connection turns out to be closed. A repeated
	// Subscribe leaves a subscription behind, which ends by itself.
	req.Header["X-Idempotency-Key"] = []string{}
	route := r.route
	if route.anchor == "" && r.who.names != NamesSID {
		route.anchor = r.who.mailbox
	}
	route.apply(req.Header)
	resp, err := s.signer.send(l.transport, req)
	if err != nil {
		return nil, explainNetwork(ctx, h.name, s.c.Timeout, err)
	}
	if resp.StatusCode == http.StatusUnauthorized {
		resp.Body.Close()
		f := explainStatus(resp, h.name)
		if !s.signer.offered(resp.Header) {
			f.told.Text = h.name + " does not offer to sign in by " + s.c.Auth + "; it offers " + schemes(resp.Header) + "."
		}
		return nil, f
	}
	return resp, nil
}

// lookup sends a question to a directory service and returns its answer, which may be a redirect.
func (s *System) lookup(ctx context.Context, r request) (*http.Response, []byte, *failure) {
	h := s.host(r.at.url)
	l, leave, f := s.enter(ctx, h, r.force)
	if f != nil {
		return nil, nil, f
	}
	defer leave()
	for again := false; ; again = true {
		resp, body, f := s.receive(ctx, h, l, r)
		switch {
		case f == nil:
			h.gate.good()
			h.unsigned.Store(0)
			return resp, body, nil
		case !again && f.scope == ofSignIn && f.code == "":
			l.transport.CloseIdleConnections()
			continue
		}
		r.box = nil // another server may know the mailbox
		s.settle(h, r, f)
		return nil, nil, f
	}
}

func (s *System) receive(ctx context.Context, h *host, l *lane, r request) (*http.Response, []byte, *failure) {
	timed, cancel := context.WithTimeout(ctx, s.c.Timeout)
	defer cancel()
	defer context.AfterFunc(s.stop, cancel)()
	resp, f := s.post(timed, ctx, h, l, r)
	if f != nil {
		return nil, nil, f
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxFound+1))
	switch {
	case err != nil:
		return nil, nil, explainNetwork(ctx, h.name, s.c.Timeout, err)
	case len(body) > maxFound:
		return nil, nil, &failure{scope: ofNobody, told: &source.Error{Kind: source.TooLarge, Text: "The answer of " + h.name + " is larger than is read."}}
	case resp.StatusCode == http.StatusNotFound:
		f := explainStatus(resp, h.name)
		f.scope = ofNobody
		return nil, nil, f
	case resp.StatusCode >= 400 && !bytes.Contains(body, []byte("Envelope")):
		return nil, nil, explainStatus(resp, h.name)
	}
	return resp, body, nil
}

// schemes are the names of the ways of signing in that a 401 offers.
func schemes(h http.Header) string {
	var out []string
	for _, field := range h.Values("WWW-Authenticate") {
		name, _, _ := strings.Cut(strings.TrimSpace(field), " ")
		if name = safeCode(name); name != "no code" {
			out = append(out, name)
		}
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, ", ")
}

// single returns the one answer in an envelope.
func (s *System) single(answer *soap, where string, r *request) (*message, *failure) {
	list := answer.messages()
	if len(list) != 1 {
		return nil, garbled(where, errors.New("not one answer"))
	}
	if refused := list[0].refused(); refused != nil {
		return nil, s.explainRefusal(refused, where, r.impersonated())
	}
	return &list[0], nil
}

// settle stops the budgets that a failure concerns.
func (s *System) settle(h *host, r request, f *failure) {
	if r.force {
		return
	}
	rest := func() {
		if r.box == nil {
			return
		}
		d := s.rest(r.box, f.wait, f.told)
		if f.told.Kind == source.Unavailable {
			f.told.RetryAfter = d
		}
	}
	shut := func(now bool) {
		e := h.gate.shut(time.Now())
		if e == nil {
			return
		}
		f.told.Whole = s.alone()
		if f.told.Kind == source.Unavailable {
			f.told.RetryAfter = max(f.told.RetryAfter, e.RetryAfter)
		}
		if now {
			s.log.Warn("exchange is left alone for a while", "server", h.name, "err", f.told.Err)
		}
	}
	key := r.key
	if r.box != nil && f.look {
		s.forget(r.key)
	}
	switch f.scope {
	case ofNobody:
		if f.code != "" {
			h.gate.good()
			h.unsigned.Store(0)
		}
	case ofMailbox:
		rest()
		if busy[f.code] {
			shut(h.gate.suspect(key, f.wait, s.c.timing.most, f.told))
			return
		}
		h.gate.good() // it answers, and lets the account in
		h.unsigned.Store(0)
	case ofSilence:
		if s.chronic(r.box) {
			rest() // it says nothing about the others
			return
		}
		rest()
		shut(h.gate.suspect(key, f.wait, s.c.timing.silent(), f.told))
	case ofServer:
		shut(h.gate.down(f.wait, s.c.timing.silent(), f.told))
	case ofSignIn:
		rest()
		h.gate.unsigned()
		if n := h.unsigned.Add(1); n >= 2 {
			wait := 30 * s.c.timing.wait
			for i := int32(2); i < n && wait < 3*s.c.timing.most; i++ {
				wait *= 2
			}
			shut(h.gate.down(min(wait, 3*s.c.timing.most), s.c.timing.most, f.told))
		}
	}
}
