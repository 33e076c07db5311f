// Package siplinetest is a stand-in for a telephone system that tells of its lines (RFC 4235, RFC 6665). It is strict: what a subscriber does
// wrong is answered as the standards have it, and noted. It can be told what telephones do, and what goes wrong.
package siplinetest

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/doorlight/doorlight/internal/telephony/sipua"
)

// Domain is that of all addresses.
const Domain = "pbx.example.com"

// Config is how a PBX behaves. The zero value asks for no password and takes any life of a subscription.
type Config struct {
	Lines    []string // that there are
	Username string   // of the one account; empty: nobody is asked
	Password string
	Style    Style
	Partial  bool          // documents have what changed, but after a SUBSCRIBE
	Least    time.Duration // a subscription has to last (423)
	Most     time.Duration // and may
	Deaf     bool          // OPTIONS are not answered
	Proxy    bool          // a Record-Route is put into everything
	Pause    time.Duration // after the first NOTIFY, until the SUBSCRIBE is answered; zero: none to speak of, and sometimes the answer is first
}

// PBX is a telephone system.
type PBX struct {
	c     Config
	agent *sipua.Agent
	life  context.Context
	end   context.CancelFunc
	wg    sync.WaitGroup

	mu         sync.Mutex // guards what follows
	guard      *sipua.Guard
	at         map[sipua.Transport]netip.AddrPort
	lines      map[string][]Dialog
	subs       map[string]*sub
	answer     func(line string, refresh bool) *Answer
	fault      func() Fault
	complaints []string
	arrived    []time.Time // SUBSCRIBEs that were granted or ended
	asked      int         // that were asked for an account
	notified   int
}

// Answer is what a SUBSCRIBE is answered in place of what is right.
type Answer struct {
	Code   int
	Fields map[string]string
	Silent bool // it is not answered at all
}

// Fault is what becomes of a NOTIFY.
type Fault uint8

// Faults.
const (
	Fine  Fault = iota
	Lost        // it is not sent, but counted
	Late        // it is sent after two seconds, and others may be before it
	Twice       // it is sent again with the same number
)

type sub struct {
	d       *sipua.Dialog
	line    string
	route   *sipua.Route
	contact sip.Uri
	ends    time.Time
	version uint32
	told    []Dialog
	before  chan struct{} // closed when the last NOTIFY was answered
}

// New returns a telephone system that hears nothing yet: see Serve and Listen. Close it when done.
func New(c Config) (*PBX, error) {
	p := &PBX{c: c, lines: map[string][]Dialog{}, subs: map[string]*sub{}, guard: sipua.NewGuard(Domain, time.Minute), at: map[sipua.Transport]netip.AddrPort{}}
	p.life, p.end = context.WithCancel(context.Background())
	for _, l := range c.Lines {
		p.lines[l] = nil
	}
	handlers := map[sip.RequestMethod]sipua.Handler{sip.SUBSCRIBE: p.subscribe}
	if c.Deaf {
		handlers[sip.OPTIONS] = func(*sip.Request, sip.ServerTransaction) {}
	}
	var err error
	p.agent, err = sipua.New(sipua.Config{Name: "Stand-in"}, handlers)
	return p, err
}

// Serve hears what comes to a socket in memory.
func (p *PBX) Serve(n *Net, at netip.AddrPort) error {
	c, err := n.Listen(at)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.at[sipua.UDP] = at
	p.mu.Unlock()
	return p.agent.ServePacket(c)
}

// Listen hears what comes to a port of this computer, and returns its address. TLS needs a configuration.
func (p *PBX) Listen(t sipua.Transport, c *tls.Config) (netip.AddrPort, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, err := p.agent.Listen(t, "127.0.0.1:0", c)
	if err != nil {
		return netip.AddrPort{}, err
	}
	p.at[t] = netip.MustParseAddrPort(at.String())
	return p.at[t], nil
}

// Close ends it.
func (p *PBX) Close() {
	p.end()
	p.agent.Close()
	p.wg.Wait()
}

// Set has a line do something else, of which its subscribers are told.
func (p *PBX) Set(line string, dialogs ...Dialog) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines[line] = slices.Clone(dialogs)
	for _, s := range p.subs {
		if s.line == line {
			p.notify(s, !p.c.Partial, "active")
		}
	}
}

// Dialogs returns what a line does.
func (p *PBX) Dialogs(line string) []Dialog {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.lines[line])
}

// Answers has SUBSCRIBEs answered by f, where it returns something. Nil: as is right.
func (p *PBX) Answers(f func(line string, refresh bool) *Answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = f
}

// Faults has something happen to NOTIFYs. Nil: nothing.
func (p *PBX) Faults(f func() Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// Restart has it forget who is subscribed, and all calls.
func (p *PBX) Restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.subs)
	for l := range p.lines {
		p.lines[l] = nil
	}
	p.guard = sipua.NewGuard(Domain, time.Minute)
}

// CountAnew has it remember who is subscribed, but begin its own numbers again, as if they were not stored.
func (p *PBX) CountAnew() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.subs {
		s.d.Sent, s.version = 0, 0
	}
}

// End ends the subscriptions of a line (RFC 6665 §4.1.3).
func (p *PBX) End(line, reason string, retry int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	state := "terminated"
	if reason != "" {
		state += ";reason=" + reason
	}
	if retry > 0 {
		state += fmt.Sprintf(";retry-after=%d", retry)
	}
	for id, s := range p.subs {
		if s.line == line {
			p.notify(s, true, state)
			delete(p.subs, id)
		}
	}
}

// Raw sends a NOTIFY of the caller's making to the subscribers of a line: change may alter anything.
func (p *PBX) Raw(line string, change func(*sip.Request)) (codes []int) {
	p.mu.Lock()
	var all []*sub
	for _, s := range p.subs {
		if s.line == line {
			all = append(all, s)
		}
	}
	p.mu.Unlock()
	for _, s := range all {
		p.mu.Lock()
		req := s.d.Request(sip.NOTIFY, s.contact, sip.NewHeader("Event", "dialog"), sip.NewHeader("Subscription-State", "active;expires=600"))
		p.mu.Unlock()
		change(req)
		res, err := p.agent.Do(p.life, s.route, req)
		if err == nil {
			codes = append(codes, res.StatusCode)
		}
	}
	return codes
}

// Subscribed is how many subscriptions there are to a line; to all of them, if it is empty.
func (p *PBX) Subscribed(line string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, s := range p.subs {
		if (line == "" || s.line == line) && time.Now().Before(s.ends) {
			n++
		}
	}
	return n
}

// Contacts returns where the subscribers of a line say that they are.
func (p *PBX) Contacts(line string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, s := range p.subs {
		if s.line == line {
			all = append(all, s.d.Target.String())
		}
	}
	return all
}

// Complaints returns what subscribers did wrong.
func (p *PBX) Complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.complaints)
}

// Arrived returns when SUBSCRIBEs were accepted, and how many were asked for an account.
func (p *PBX) Arrived() (at []time.Time, asked int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.arrived), p.asked
}

// complain notes what a subscriber did wrong. p.mu is held.
func (p *PBX) complain(format string, args ...any) {
	if len(p.complaints) < 20 {
		p.complaints = append(p.complaints, fmt.Sprintf(format, args...))
	}
}

func (p *PBX) subscribe(req *sip.Request, tx sip.ServerTransaction) {
	res := p.decide(req)
	if res == nil {
		return
	}
	// The NOTIFY is there first, more often than not (RFC 6665 §4.1.2.4).
	if p.c.Pause > 0 || rand.IntN(2) == 0 {
		sleep(p.life, max(p.c.Pause, 2*time.Millisecond))
	}
	tx.Respond(res)
}

// decide returns the answer to a SUBSCRIBE, nil for none, and does what it asks for.
func (p *PBX) decide(req *sip.Request) *sip.Response {
	p.mu.Lock()
	defer p.mu.Unlock()
	no := func(code int, reason string, fields ...sip.Header) *sip.Response {
		res := sip.NewResponseFromRequest(req, code, reason, nil)
		for _, f := range fields {
			res.AppendHeader(f)
		}
		return res
	}
	wrong := func(format string, args ...any) *sip.Response {
		p.complain(format, args...)
		return no(400, "Bad Request")
	}
	to, from, contact, seq, forwards, via := req.To(), req.From(), req.Contact(), req.CSeq(), req.MaxForwards(), req.Via()
	switch {
	case to == nil || from == nil || seq == nil || req.CallID() == nil || via == nil:
		return wrong("a SUBSCRIBE lacks a field of every request (RFC 3261 §8.1.1)")
	case forwards == nil || forwards.Val() != 70:
		return wrong("a SUBSCRIBE has no Max-Forwards of 70 (RFC 3261 §8.1.1.6)")
	case contact == nil || contact.Address.Host == "" || contact.Address.Port == 0:
		return wrong("a SUBSCRIBE has no Contact to which a NOTIFY could go (RFC 6665 §4.1.2.1)")
	case !via.Params.Has("rport"):
		return wrong("a SUBSCRIBE has no rport (RFC 3581)")
	case req.ContentLength() == nil:
		return wrong("a SUBSCRIBE has no Content-Length")
	case len(req.GetHeaders("Event")) != 1 || sipua.Field(req, "Event", "o") != "dialog":
		p.complain("a SUBSCRIBE is for %q", sipua.Field(req, "Event", "o"))
		return no(489, "Bad Event", sip.NewHeader("Allow-Events", "dialog"))
	case !strings.Contains(sipua.Field(req, "Accept", ""), "application/dialog-info+xml"):
		p.complain("a SUBSCRIBE does not take documents about dialogs")
		return no(406, "Not Acceptable")
	}
	if tag, _ := from.Params.Get("tag"); tag == "" {
		return wrong("a SUBSCRIBE has no tag in From")
	}
	want, err := strconv.Atoi(sipua.Field(req, "Expires", ""))
	if err != nil || want < 0 {
		return wrong("a SUBSCRIBE has no Expires that can be read")
	}
	tag, refresh := to.Params.Get("tag")
	if want > 0 && p.answer != nil {
		if a := p.answer(sipua.Unescape(to.Address.User), refresh); a != nil {
			if a.Silent {
				return nil
			}
			var fields []sip.Header
			for k, v := range a.Fields {
				fields = append(fields, sip.NewHeader(k, v))
			}
			return no(a.Code, "As Told", fields...)
		}
	}
	if p.c.Username != "" {
		_, v := p.guard.Check(req, func(user, algorithm string) (string, bool) {
			return sipua.Hash(algorithm, p.c.Username, Domain, p.c.Password), user == p.c.Username
		})
		if v != sipua.Known {
			p.asked++
			return no(401, "Unauthorized", p.guard.Challenges(v == sipua.Stale)...)
		}
	}
	expires := time.Duration(want) * time.Second
	if expires > 0 && expires < p.c.Least {
		return no(423, "Interval Too Brief", sip.NewHeader("Min-Expires", fmt.Sprint(int(p.c.Least.Seconds()))))
	}
	if p.c.Most > 0 {
		expires = min(expires, p.c.Most)
	}
	var s *sub
	if refresh {
		s = p.subs[string(*req.CallID())]
		if s == nil || s.d.LocalTag != tag || time.Now().After(s.ends) {
			delete(p.subs, string(*req.CallID()))
			return no(481, "Subscription Does Not Exist")
		}
		if s.d.Take(req) != sipua.Next {
			p.complain("a SUBSCRIBE has the number %d, after %d", seq.SeqNo, s.d.Heard)
			return no(500, "Out Of Order")
		}
		if home := p.home(req); req.Recipient.Host != home.Host || req.Recipient.Port != home.Port {
			p.complain("a SUBSCRIBE of a dialog goes to %s, not to the Contact", req.Recipient.HostPort())
		}
		if routes := req.GetHeaders("Route"); p.c.Proxy != (len(routes) == 1) {
			p.complain("a SUBSCRIBE of a dialog has %d routes", len(routes))
		}
	} else {
		line := sipua.Unescape(req.Recipient.User)
		if req.Recipient.Host != Domain {
			p.complain("a SUBSCRIBE is for a line of %q", req.Recipient.Host)
		}
		if _, ok := p.lines[line]; !ok {
			return no(404, "Not Found")
		}
		if s = (&sub{d: sipua.AnswerDialog(req), line: line}); s.d == nil {
			return wrong("a SUBSCRIBE cannot begin a dialog")
		}
	}
	p.arrived = append(p.arrived, time.Now())
	s.contact = p.home(req)
	s.ends = time.Now().Add(expires)
	local := p.at[sipua.Transport(strings.ToLower(req.Transport()))]
	if s.route, err = p.agent.Back(req, local); err != nil {
		return wrong("%v", err)
	}
	if target := s.d.Target; s.route.Transport == sipua.UDP { // whoever has no connection is reached at his Contact, and nowhere else
		if addr, err := netip.ParseAddrPort(target.HostPort()); err == nil {
			s.route.Remote = addr
		} else {
			p.complain("the Contact %s is no address", target.HostPort())
		}
	}
	state := fmt.Sprintf("active;expires=%d", int(expires/time.Second))
	if expires == 0 {
		delete(p.subs, s.d.CallID)
		state = "terminated;reason=timeout"
	} else {
		p.subs[s.d.CallID] = s
	}
	res := sip.NewResponseFromRequest(req, 200, "OK", nil)
	res.To().Params.Remove("tag")
	res.To().Params.Add("tag", s.d.LocalTag)
	if p.c.Proxy {
		res.AppendHeader(p.route())
	}
	for _, h := range []sip.Header{&sip.ContactHeader{Address: s.contact}, sip.NewHeader("Expires", fmt.Sprint(int(expires/time.Second)))} {
		res.AppendHeader(h)
	}
	p.notify(s, true, state)
	return res
}

func (p *PBX) route() sip.Header {
	params := sip.NewParams()
	params.Add("lr", "")
	return &sip.RecordRouteHeader{Address: sip.Uri{Scheme: "sip", Host: "proxy.example.com", UriParams: params}}
}

// home is where a subscriber sends to. p.mu is held.
func (p *PBX) home(req *sip.Request) sip.Uri {
	t := sipua.Transport(strings.ToLower(req.Transport()))
	return sipua.Contact("pbx", t, p.at[t])
}

// notify sends a NOTIFY, after those before it were answered. p.mu is held.
func (p *PBX) notify(s *sub, full bool, state string) {
	if state == "active" {
		left := time.Until(s.ends)
		if left <= 0 {
			state = "terminated;reason=timeout"
			delete(p.subs, s.d.CallID)
		} else {
			state = fmt.Sprintf("active;expires=%d", int(left/time.Second))
		}
	}
	now := slices.Clone(p.lines[s.line])
	show := now
	if !full {
		show = changes(s.told, now)
	}
	s.told = now
	body := Document(p.c.Style, s.version, full, "sip:"+s.line+"@"+Domain, s.line, show)
	s.version++
	req := s.d.Request(sip.NOTIFY, s.contact, sip.NewHeader("Event", "dialog"), sip.NewHeader("Subscription-State", state),
		sip.NewHeader("Content-Type", "application/dialog-info+xml"))
	if p.c.Proxy {
		req.AppendHeader(p.route())
	}
	req.SetBody(body)
	p.notified++
	what := Fine
	if p.fault != nil {
		what = p.fault()
	}
	if what == Lost {
		return
	}
	before, done, route := s.before, make(chan struct{}), s.route
	if what != Late {
		s.before = done
	}
	again := req.Clone()
	p.wg.Go(func() {
		defer close(done)
		if what == Late {
			if !sleep(p.life, 2*time.Second) {
				return
			}
		} else if before != nil {
			select {
			case <-before:
			case <-p.life.Done():
				return
			}
		}
		ctx, cancel := context.WithTimeout(p.life, 4*time.Second)
		defer cancel()
		res, err := p.agent.Do(ctx, route, req)
		if err == nil && what == Twice {
			res, err = p.agent.Do(ctx, route, again)
		}
		if err == nil && (res.StatusCode == 481 || res.StatusCode == 489 || res.StatusCode == 404) {
			p.mu.Lock()
			if p.subs[s.d.CallID] == s {
				delete(p.subs, s.d.CallID)
			}
			p.mu.Unlock()
		}
	})
}

// changes is what a partial document has: dialogs that are new or others than before, and those that are gone.
func changes(before, now []Dialog) []Dialog {
	var all []Dialog
	for _, d := range now {
		if !slices.Contains(before, d) {
			all = append(all, d)
		}
	}
	for _, d := range before {
		if !slices.ContainsFunc(now, func(n Dialog) bool { return n.ID == d.ID }) {
			d.State = "terminated"
			all = append(all, d)
		}
	}
	return all
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
