package telephones_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/store/sqlite"
	"github.com/doorlight/doorlight/internal/switchboard"
	"github.com/doorlight/doorlight/internal/telephones"
	"github.com/doorlight/doorlight/internal/telephony/sipua"
	"github.com/doorlight/doorlight/presence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that must come.
const patience = 20 * time.Second

// house is an office with telephones. The telephone system is at 127.0.0.2, which is trusted; desk phones are at 127.0.0.1, and sign in. Anna's, Bert's and
// Carl's work numbers are lines of the server, Dora's is not.
type house struct {
	*telephones.Telephones
	t        *testing.T
	folder   string
	log      locked
	store    store.Store
	box      *secret.Box
	office   *office.Office
	hub      *hub.Hub
	board    *switchboard.Switchboard
	location string
	lines    func(*office.Person) []switchboard.Line
	tls      atomic.Pointer[tls.Config]
	stop     func()
}

// locked is a log that several write.
type locked struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var numbers = map[string]string{"anna": "201", "bert": "+49 (0)30 / 1234-202", "carl": "203", "dora": "204"}

func build(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, folder: t.TempDir()}
	h.lines = func(p *office.Person) []switchboard.Line {
		if p.ID == "dora" || p.WorkNumber == "" {
			return nil
		}
		return []switchboard.Line{{ConnectorID: "elsewhere", Line: "9" + p.WorkNumber}, {ConnectorID: "sip", Line: p.WorkNumber, Forwards: true}}
	}
	box, err := secret.OpenBox(filepath.Join(h.folder, "key"))
	h.ok(err)
	h.box = box
	h.open()
	t.Cleanup(func() { h.stop() })
	l := store.Location{Name: "Berlin", TimeZone: "UTC"}
	h.ok(h.office.PutLocation(t.Context(), office.By{}, &l))
	h.location = l.ID
	for _, id := range []string{"anna", "bert", "carl", "dora"} {
		h.ok(h.office.PutPeople(t.Context(), office.By{}, "person.add", &store.Person{ID: id, Name: strings.ToUpper(id[:1]) + id[1:], Login: id + ".b@example.com", LocationID: l.ID,
			CreatedAt: time.Now().UTC(), WorkNumber: numbers[id], Role: "user"}))
		h.wait("the hub to know "+id, func() bool { _, _, ok := h.hub.Presence(id); return ok })
	}
	return h
}

// open starts the office, and stops it with h.stop.
func (h *house) open() {
	h.t.Helper()
	ctx := context.Background()
	log := slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	h.store, err = sqlite.Open(ctx, filepath.Join(h.folder, "doorlight.db"))
	h.ok(err)
	h.office, err = office.Open(ctx, h.store, log)
	h.ok(err)
	h.hub, err = hub.Open(ctx, h.store, h.office, func(u []hub.Update) { h.Published(u); h.board.Published(u) }, hub.Config{Shards: 1, Log: log})
	h.ok(err)
	h.office.Listen(func(c office.Change) { h.hub.Repolicy(c.Policies, c.Removed) })
	h.board, err = switchboard.New(ctx, h.store, h.office, h.hub, switchboard.Config{Log: log, Lines: h.lines})
	h.ok(err)
	h.hub.Watch(h.board.Touched)
	h.Telephones, err = telephones.New(ctx, h.store, h.box, h.office, h.hub, telephones.Config{
		Log: log, Lines: h.lines, TLS: h.tls.Load, Choose: h.board.Choose,
	})
	h.ok(err)
	ctx, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { h.hub.Run(ctx) })
	working, rest := context.WithCancel(ctx)
	var first sync.WaitGroup
	first.Go(func() { h.Run(working) })
	first.Go(func() { h.board.Run(working) })
	h.stop = sync.OnceFunc(func() {
		rest()
		first.Wait()
		stop()
		work.Wait()
		if err := h.store.Close(); err != nil {
			h.t.Error(err)
		}
	})
}

// settings of a server on a free port.
func settings() telephones.Settings {
	return telephones.Settings{
		Listen: []string{"udp:127.0.0.1:0"}, Trusted: []string{"127.0.0.2"}, Internal: []string{"7xx"}, Desk: "sip:{line}@pbx.example.com", Outside: "sip:{number}@gateway.example.com",
	}
}

// serve has the server listen, and returns where.
func (h *house) serve() netip.AddrPort {
	h.t.Helper()
	h.PutServer(telephones.Server{ID: "sip", Name: "SIP", Settings: settings()})
	h.board.PutSystem(switchboard.System{ID: "sip", Name: "SIP", System: h.System("sip")})
	return h.at("sip")
}

// at waits until a server listens.
func (h *house) at(id string) netip.AddrPort {
	h.t.Helper()
	h.wait("the server to listen", func() bool { return len(h.Addrs(id)) > 0 })
	return netip.MustParseAddrPort(strings.TrimPrefix(h.Addrs(id)[0], "udp:"))
}

func (h *house) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) wait(what string, f func() bool) {
	h.t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("waited in vain for %s; the log says\n%s", what, h.log.String())
		}
	}
}

// level has somebody be something to an owner.
func (h *house) level(viewer, owner string, l rights.Level) {
	h.t.Helper()
	h.ok(h.office.SetRelationship(h.t.Context(), office.By{}, owner, viewer, &l))
}

// choose has somebody choose a status and a text.
func (h *house) choose(who string, status presence.Status, text string) {
	h.t.Helper()
	h.ok(h.hub.Change(h.t.Context(), who, func(e *hub.Edit) error {
		e.Put(presence.Claim{Source: presence.SourceHand, ID: presence.ChoiceID, Status: status, Text: text, From: e.Now})
		return nil
	}))
}

// talk has somebody be on the phone with another party; empty: not any more.
func (h *house) talk(who, other string) {
	h.t.Helper()
	ref := presence.Ref{Source: "line/pbx", ID: "1"}
	h.ok(h.hub.Change(h.t.Context(), who, func(e *hub.Edit) error {
		if other == "" {
			e.Delete(ref)
			return nil
		}
		e.Put(presence.Claim{Source: ref.Source, ID: ref.ID, From: e.Now, Lease: e.Now.Add(time.Hour), Line: presence.Line{State: presence.LineOnThePhone, Reach: presence.External, Other: other}})
		return nil
	}))
}

// change changes a person's record.
func (h *house) change(who string, edit func(*store.Person)) {
	h.t.Helper()
	_, err := h.office.ChangePerson(h.t.Context(), office.By{}, "person.change", who, func(p *store.Person) error { edit(p); return nil })
	h.ok(err)
}

// phone is a telephone.
type phone struct {
	h       *house
	agent   *sipua.Agent
	route   *sipua.Route
	login   *sipua.Login
	contact sip.Uri
	user    string

	mu    sync.Mutex // guards what follows
	subs  map[string]*sub
	heard []string // all bodies and headers
}

// sub is a subscription of a telephone.
type sub struct {
	p      *phone
	dialog *sipua.Dialog
	state  string // Subscription-State of the last notification
	body   string
	n      int
}

// phone connects a telephone from an address.
func (h *house) phone(from string, server netip.AddrPort, user, password string) *phone {
	h.t.Helper()
	p := &phone{h: h, login: sipua.NewLogin(user, password), user: user, subs: map[string]*sub{}}
	var err error
	var agent *sipua.Agent
	agent, err = sipua.New(sipua.Config{ListenPacket: func(netip.AddrPort) (net.PacketConn, error) {
		return net.ListenPacket("udp", from+":0")
	}}, map[sip.RequestMethod]sipua.Handler{sip.NOTIFY: func(req *sip.Request, tx sip.ServerTransaction) {
		p.mu.Lock()
		s := p.subs[req.CallID().Value()]
		p.heard = append(p.heard, req.String())
		if s != nil {
			s.state, s.n = sipua.Field(req, "Subscription-State", ""), s.n+1
			if len(req.Body()) > 0 {
				s.body = string(req.Body())
			}
		}
		p.mu.Unlock()
		if s == nil {
			agent.Answer(req, tx, 481, "Subscription Does Not Exist")
			return
		}
		agent.Answer(req, tx, 200, "OK")
	}})
	h.ok(err)
	p.agent = agent
	h.t.Cleanup(agent.Close)
	p.route, err = agent.Connect(h.t.Context(), sipua.UDP, server, nil)
	h.ok(err)
	p.contact = sipua.Contact(user, sipua.UDP, p.route.Local)
	return p
}

// desk is a telephone of somebody, with a new account.
func (h *house) desk(who string, server netip.AddrPort) (*phone, telephones.Account) {
	h.t.Helper()
	a, password, err := h.Add(h.t.Context(), office.By{Actor: who}, who, "Desk")
	h.ok(err)
	return h.phone("127.0.0.1", server, a.User, password), a
}

func address(user string) sip.Uri { return sip.Uri{Scheme: "sip", User: user, Host: "office.example"} }

// subscribe returns the subscription, and the code that is answered.
func (p *phone) subscribe(user, event string, fields ...string) (*sub, int) {
	p.h.t.Helper()
	s := &sub{p: p, dialog: sipua.NewDialog(address(p.user), address(user))}
	p.mu.Lock()
	p.subs[s.dialog.CallID] = s
	p.mu.Unlock()
	return s, s.send(event, 600, fields...)
}

func (s *sub) send(event string, expires int, fields ...string) int {
	p := s.p
	p.h.t.Helper()
	headers := []sip.Header{sip.NewHeader("Event", event), sip.NewHeader("Expires", fmt.Sprint(expires))}
	for i := 0; i+1 < len(fields); i += 2 {
		headers = append(headers, sip.NewHeader(fields[i], fields[i+1]))
	}
	ctx, cancel := context.WithTimeout(p.h.t.Context(), patience)
	defer cancel()
	res, err := p.login.Do(ctx, p.agent, p.route, func() *sip.Request { return s.dialog.Request(sip.SUBSCRIBE, p.contact, headers...) })
	p.h.ok(err)
	if res.StatusCode == 200 {
		s.dialog.Confirm(res)
	}
	return res.StatusCode
}

// see is subscribe to a presence that is taken.
func (p *phone) see(user string, fields ...string) *sub {
	p.h.t.Helper()
	s, code := p.subscribe(user, "presence", fields...)
	if code != 200 {
		p.h.t.Fatalf("to subscribe to %s is answered with %d", user, code)
	}
	return s
}

// shows waits until the last notification holds all of these, and none of those with a ! before them.
func (s *sub) shows(want ...string) {
	s.p.h.t.Helper()
	last := ""
	s.p.h.wait(fmt.Sprintf("%q to be shown", want), func() bool {
		s.p.mu.Lock()
		defer s.p.mu.Unlock()
		if s.body != last {
			last = s.body
			s.p.h.t.Logf("%s is told\n%s", s.p.user, last)
		}
		return s.n > 0 && fits(s.body, want)
	})
}

func fits(body string, want []string) bool {
	for _, w := range want {
		if not, ok := strings.CutPrefix(w, "!"); ok {
			if strings.Contains(body, not) {
				return false
			}
		} else if !strings.Contains(body, w) {
			return false
		}
	}
	return true
}

// ends waits until the subscription has ended.
func (s *sub) ends(reason string) {
	s.p.h.t.Helper()
	s.p.h.wait("the subscription to end", func() bool {
		s.p.mu.Lock()
		defer s.p.mu.Unlock()
		return strings.HasPrefix(s.state, "terminated") && strings.Contains(s.state, reason)
	})
}

// everything returns all that a telephone has heard.
func (p *phone) everything() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.heard, "\n")
}

// call calls a user, and returns the code and where the call is to go.
func (p *phone) call(user, caller string) (code int, contacts string, diversion string) {
	p.h.t.Helper()
	ctx, cancel := context.WithTimeout(p.h.t.Context(), patience)
	defer cancel()
	from := sip.Uri{Scheme: "sip", User: caller, Host: "provider.example"}
	res, err := p.login.Do(ctx, p.agent, p.route, func() *sip.Request {
		return sipua.NewDialog(from, address(user)).Request(sip.INVITE, p.contact)
	})
	p.h.ok(err)
	var all []string
	for _, c := range res.GetHeaders("Contact") {
		all = append(all, c.Value())
	}
	if res.StatusCode != 302 {
		all = nil // a refusal may tell who refused
	}
	p.mu.Lock()
	p.heard = append(p.heard, res.String())
	p.mu.Unlock()
	return res.StatusCode, strings.Join(all, " "), sipua.Field(res, "Diversion", "")
}

// leads checks where a call goes.
func (p *phone) leads(user, caller string, code int, contacts string) {
	p.h.t.Helper()
	c, to, _ := p.call(user, caller)
	if c != code || to != contacts {
		p.h.t.Errorf("a call to %s from %s gets %d to %q, want %d to %q", user, caller, c, to, code, contacts)
	}
}
