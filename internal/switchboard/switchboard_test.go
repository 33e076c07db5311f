package switchboard_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/store/sqlite"
	"github.com/doorlight/doorlight/internal/store/sqlite/sqlitetest"
	"github.com/doorlight/doorlight/internal/switchboard"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/presence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pbx is a telephone system, scripted.
type pbx struct {
	mu        sync.Mutex // guards what follows
	choose    func(telephony.Choice)
	lines     map[string]telephony.Forwarding
	calls     map[string][]telephony.Call
	followed  []string
	tell      func(telephony.Line)
	can       telephony.Abilities
	trouble   func(op string) error // nil: none
	partly    func() bool           // a command that fails has set a part
	slowRead  time.Duration         // how long a reading takes to come back
	slowSet   time.Duration         // and that something was set
	ignores   bool                  // it says that it did what it did not
	stuck     chan struct{}         // readings come back once it is closed, whoever gives up meanwhile; nil: at once
	set, read int

	now  bool  // it is heard
	mute error // why it is not
}

// Heard implements telephony.Reporter.
func (p *pbx) Heard() (now bool, trouble error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now, p.mute
}

var all = telephony.Abilities{Lines: true, Forwarding: []telephony.Ability{telephony.CanDoNotDisturb, telephony.CanAll, telephony.CanInternal,
	telephony.CanExternal, telephony.CanBusy, telephony.CanNoAnswer, telephony.CanOneNumber}}

func newPBX() *pbx {
	return &pbx{lines: map[string]telephony.Forwarding{}, calls: map[string][]telephony.Call{}, can: all}
}

func (p *pbx) Follow(lines []string) {
	p.mu.Lock()
	p.followed = lines
	p.mu.Unlock()
	for _, l := range lines {
		p.say(l)
	}
}

func (p *pbx) Watch(ctx context.Context, tell func(telephony.Line)) error {
	p.mu.Lock()
	p.tell = tell
	lines := p.followed
	p.mu.Unlock()
	for _, l := range lines {
		p.say(l)
	}
	again := time.NewTicker(telephony.Lasts / 2)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			p.mu.Lock()
			p.tell = nil
			p.mu.Unlock()
			return context.Cause(ctx)
		case <-again.C:
			p.mu.Lock()
			lines := p.followed
			p.mu.Unlock()
			for _, l := range lines {
				p.say(l)
			}
		}
	}
}

func (p *pbx) say(line string) {
	p.mu.Lock()
	tell, calls := p.tell, slices.Clone(p.calls[line])
	if p.trouble != nil && p.trouble("tell") != nil || !slices.Contains(p.followed, line) {
		tell = nil
	}
	p.mu.Unlock()
	if tell != nil {
		tell(telephony.Line{Line: line, Calls: calls})
	}
}

func (p *pbx) Forwarding(_ context.Context, line string) (telephony.Forwarding, error) {
	p.mu.Lock()
	slow, stuck := p.slowRead, p.stuck
	defer func() {
		time.Sleep(slow)
		if stuck != nil {
			<-stuck
		}
	}()
	defer p.mu.Unlock()
	p.read++
	if p.trouble != nil {
		if err := p.trouble("read"); err != nil {
			return telephony.Forwarding{}, err
		}
	}
	return p.lines[line], nil
}

func (p *pbx) SetForwarding(_ context.Context, line string, f telephony.Forwarding) error {
	p.mu.Lock()
	slow := p.slowSet
	defer func() { time.Sleep(slow) }()
	defer p.mu.Unlock()
	p.set++
	if p.trouble != nil {
		if err := p.trouble("set"); err != nil {
			if p.partly != nil && p.partly() {
				had := p.lines[line]
				had.All, had.DoNotDisturb = f.All, f.DoNotDisturb
				p.lines[line] = had
			}
			return err
		}
	}
	had := p.lines[line]
	for _, part := range []struct {
		can     telephony.Ability
		differs bool
	}{{telephony.CanDoNotDisturb, f.DoNotDisturb != had.DoNotDisturb}, {telephony.CanAll, f.All != had.All}, {telephony.CanInternal, f.Internal != had.Internal},
		{telephony.CanExternal, f.External != had.External}, {telephony.CanBusy, f.Busy != had.Busy}, {telephony.CanNoAnswer, f.NoAnswer != had.NoAnswer},
		{telephony.CanOneNumber, f.OneNumber != had.OneNumber}} {
		if part.differs && !p.can.Has(part.can) {
			return &source.Error{Kind: source.NotAllowed, Text: "This telephone system cannot do that."}
		}
	}
	if !p.ignores {
		p.lines[line] = f
	}
	return nil
}

// times is how often something was set.
func (p *pbx) times() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.set
}

// change has the system itself become another.
func (p *pbx) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *pbx) Can() telephony.Abilities                    { return p.can }
func (p *pbx) Check(context.Context, string) []source.Step { return nil }
func (p *pbx) Close()                                      {}

// Choices implements telephony.Chooser.
func (p *pbx) Choices(f func(telephony.Choice)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.choose = f
}

func (p *pbx) at(line string) telephony.Forwarding {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines[line]
}

// dial has somebody change a line at the telephone.
func (p *pbx) dial(line string, change func(f *telephony.Forwarding)) {
	p.mu.Lock()
	f := p.lines[line]
	change(&f)
	p.lines[line] = f
	tell := p.tell
	p.mu.Unlock()
	if tell != nil {
		tell(telephony.Line{Line: line, Calls: p.calls[line], Forwarding: &f})
	}
}

// ring has a line do something.
func (p *pbx) ring(line string, calls ...telephony.Call) {
	p.mu.Lock()
	p.calls[line] = calls
	p.mu.Unlock()
	p.say(line)
}

// disk is a database on a disk that may be full.
type disk struct {
	store.Store
	full *atomic.Bool
}

func (d disk) WriteClaims(ctx context.Context, b store.ClaimBatch) error {
	if d.full.Load() {
		return errors.New("the disk is full")
	}
	return d.Store.WriteClaims(ctx, b)
}

// house is an office with a telephone system, in a bubble. Everybody has one line, which is their work number.
type house struct {
	*switchboard.Switchboard
	t        *testing.T
	pbx      *pbx
	system   func() telephony.System // a way to another telephone system than pbx; nil: that
	folder   string
	log      bytes.Buffer
	used     []string // how the telephone system was used
	store    store.Store
	full     atomic.Bool                             // the disk is
	lines    func(*office.Person) []switchboard.Line // nil: the work number
	office   *office.Office
	hub      *hub.Hub
	location string
	stop     func()
}

var people = []string{"anna", "bert", "carl"}

var lines = map[string]string{"anna": "201", "bert": "202", "carl": "203"}

func story(t *testing.T, tell func(t *testing.T, h *house)) {
	t.Helper()
	storyWith(t, func(*house) {}, tell)
}

// storyWith is story with a house that is furnished before it opens.
func storyWith(t *testing.T, furnish func(h *house), tell func(t *testing.T, h *house)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, pbx: newPBX(), folder: sqlitetest.Folder(t)}
		furnish(h)
		h.open()
		defer func() { h.stop() }()
		l := store.Location{Name: "Berlin", TimeZone: "UTC"}
		h.ok(h.office.PutLocation(t.Context(), office.By{}, &l))
		h.location = l.ID
		for _, id := range people {
			h.ok(h.office.PutPeople(t.Context(), office.By{}, "person.add", &store.Person{ID: id, Name: id, LocationID: l.ID, CreatedAt: time.Now().UTC(),
				WorkNumber: lines[id], MobileNumber: "0171 " + lines[id]}))
		}
		h.ok(h.office.ChangeSection(t.Context(), office.By{}, l.ID, policy.SectionTemplates, func(s *policy.Settings) error {
			for i := range s.Templates.Templates {
				x := &s.Templates.Templates[i]
				switch x.ID {
				case policy.TemplateAppointment:
					x.Forwarding = policy.Forwarding{Action: policy.ForwardTo, Target: policy.TargetNumber, Number: "*97"}
				case policy.TemplateHoliday:
					x.Forwarding = policy.Forwarding{Action: policy.ForwardTo, Target: policy.TargetNumber, Number: "202"}
				case policy.TemplateBreak:
					x.Forwarding = policy.Forwarding{Action: policy.ForwardTo, Target: policy.TargetHome}
				case policy.TemplateDoNotDisturb:
					x.Forwarding = policy.Forwarding{Action: policy.ForwardDND}
				case policy.TemplateHomeOffice:
					x.Forwarding = policy.Forwarding{Action: policy.ForwardOff}
				}
			}
			return nil
		}))
		for _, id := range people {
			h.choose(id, "Available", presence.Available)
		}
		h.settle()
		tell(t, h)
	})
}

func (h *house) open() {
	h.t.Helper()
	ctx := context.Background()
	quiet := slog.New(slog.NewTextHandler(&h.log, nil))
	file, err := sqlite.Open(ctx, filepath.Join(h.folder, "doorlight.db"))
	h.ok(err)
	h.store = disk{file, &h.full}
	h.office, err = office.Open(ctx, h.store, quiet)
	h.ok(err)
	h.hub, err = hub.Open(ctx, h.store, h.office, func(u []hub.Update) { h.Published(u) }, hub.Config{Shards: 1, Log: quiet})
	h.ok(err)
	h.office.Listen(func(c office.Change) { h.hub.Repolicy(c.Policies, c.Removed) })
	h.Switchboard, err = switchboard.New(ctx, h.store, h.office, h.hub, switchboard.Config{Log: quiet, Lines: func(p *office.Person) []switchboard.Line {
		switch {
		case h.lines != nil:
			return h.lines(p)
		case p.WorkNumber == "":
			return nil
		}
		return []switchboard.Line{{ConnectorID: "pbx", Line: p.WorkNumber, Forwards: true}}
	}})
	h.ok(err)
	h.hub.Watch(h.Touched)
	var system telephony.System = h.pbx
	if h.system != nil {
		system = h.system()
	}
	h.PutSystem(switchboard.System{ID: "pbx", Name: "PBX", System: system, Used: func(err error) {
		h.pbx.mu.Lock()
		defer h.pbx.mu.Unlock()
		h.used = append(h.used, fmt.Sprint(err))
	}})
	running, stop := context.WithCancel(ctx)
	working, stopWorking := context.WithCancel(ctx)
	var hubs, both sync.WaitGroup
	hubs.Go(func() { h.hub.Run(running) })
	both.Go(func() { h.Run(working) })
	synctest.Wait()
	h.stop = sync.OnceFunc(func() {
		stopWorking()
		both.Wait()
		if h.system != nil {
			system.Close()
		}
		stop()
		hubs.Wait()
		if err := h.store.Close(); err != nil {
			h.t.Error(err)
		}
	})
}

// among says what everybody is to everybody.
func (h *house) among(l rights.Level) {
	h.t.Helper()
	h.ok(h.office.ChangeSection(h.t.Context(), office.By{}, h.location, policy.SectionRelationships, func(s *policy.Settings) error {
		s.Relationships.Default = l
		return nil
	}))
}

// relate says what a viewer is to an owner.
func (h *house) relate(viewer, owner string, l rights.Level) {
	h.t.Helper()
	h.ok(h.office.SetRelationship(h.t.Context(), office.By{Actor: owner}, owner, viewer, &l))
}

func (h *house) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// settle lets pass what takes a moment.
func (h *house) settle() {
	time.Sleep(time.Second)
	synctest.Wait()
}

func (h *house) choose(who, profile string, status presence.Status) {
	h.t.Helper()
	h.ok(h.hub.Change(h.t.Context(), who, func(e *hub.Edit) error {
		e.Put(presence.Claim{Source: presence.SourceHand, ID: presence.ChoiceID, Status: status, Profile: profile, From: e.Now})
		return nil
	}))
}

// appointment has one begin now.
func (h *house) appointment(who string, lasts time.Duration) {
	h.t.Helper()
	h.ok(h.hub.Change(h.t.Context(), who, func(e *hub.Edit) error {
		e.Put(presence.Claim{Source: "calendar/a", ID: fmt.Sprint(e.Now.UnixMilli()), Status: presence.Busy, Profile: "Appointment", From: e.Now, Until: e.Now.Add(lasts)})
		return nil
	}))
}

func (h *house) is(who string, want telephony.Forwarding) {
	h.t.Helper()
	if got := h.pbx.at(lines[who]); got != want {
		h.t.Errorf("%s's line is forwarded %+v, want %+v", who, got, want)
	}
}

// edit changes a person.
func (h *house) edit(who string, change func(p *store.Person)) {
	h.t.Helper()
	p, _ := h.office.Person(who)
	is := p.Person
	change(&is)
	h.ok(h.office.PutPeople(h.t.Context(), office.By{}, "person.change", &is))
	h.settle()
}

func (h *house) line(who, want string) {
	h.t.Helper()
	p, _, _ := h.hub.Presence(who)
	got := p.Line.State.String()
	if p.Line.Other != "" {
		got += " " + p.Line.Other
	}
	if got != want {
		h.t.Errorf("%s's line is %q, want %q", who, got, want)
	}
}

func TestAnAppointmentForwardsAndItsEndTakesItBack(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.appointment("anna", time.Hour)
		h.settle()
		h.is("anna", telephony.Forwarding{All: "*97"})
		if st := h.Lines("anna"); len(st) != 1 || !st[0].Settled || st[0].Reported.All != "*97" || h.RefusalFor(&st[0], "anna") != "" {
			t.Errorf("she is told %+v", st)
		}
		time.Sleep(time.Hour)
		h.settle()
		h.is("anna", telephony.Forwarding{})
		// A choice in between takes it back at once (P4, row 3).
		h.appointment("anna", time.Hour)
		h.settle()
		h.choose("anna", "Available", presence.Available)
		h.settle()
		h.is("anna", telephony.Forwarding{})
		set := h.pbx.set
		time.Sleep(2 * time.Hour)
		if h.pbx.set != set {
			t.Error("something was set though nothing happened")
		}
	})
}

func TestWhatIsChangedAtTheTelephoneStays(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.appointment("anna", time.Hour)
		h.settle()
		h.pbx.dial("201", func(f *telephony.Forwarding) { f.All = "0151" })
		h.settle()
		h.is("anna", telephony.Forwarding{All: "0151"})
		time.Sleep(time.Hour)
		h.settle()
		h.is("anna", telephony.Forwarding{All: "0151"})
	})
}

func TestWhatCannotBeForwardedIsSaid(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		says := func(who, want string) {
			t.Helper()
			if st := h.Lines(who); len(st) != 1 || h.RefusalFor(&st[0], who) != want {
				t.Errorf("%s is told %+v, want %q", who, st, want)
			}
		}
		h.among(rights.TeamColleague)
		h.choose("anna", "Break", presence.BeRightBack)
		h.settle()
		says("anna", "Break forwards calls, but your home number is empty. The forwarding was left as it was.")
		h.is("anna", telephony.Forwarding{})
		// Forwarded to a colleague: as long as they are there and do not forward themselves.
		h.choose("anna", "On holiday", presence.Unavailable)
		h.settle()
		h.is("anna", telephony.Forwarding{All: "202"})
		says("anna", "")
		h.choose("bert", "Unavailable", presence.Unavailable)
		h.settle()
		says("anna", "bert is absent too. The forwarding was left as it was.")
		h.is("anna", telephony.Forwarding{})
		h.choose("bert", "Do not disturb", presence.DoNotDisturb)
		h.settle()
		says("anna", "bert does not want to be disturbed. The forwarding was left as it was.")
		h.is("bert", telephony.Forwarding{DoNotDisturb: true})
		h.choose("bert", "Appointment", presence.Busy)
		h.settle()
		says("anna", "bert forwards calls as well: they would be led on from there. The forwarding was left as it was.")
		h.choose("bert", "On holiday", presence.Unavailable)
		h.settle()
		says("bert", "Calls would be forwarded to where they come from. The forwarding was left as it was.")
		h.choose("bert", "Available", presence.Available)
		h.settle()
		says("anna", "")
		h.is("anna", telephony.Forwarding{All: "202"})
	})
}

// What is refused tells nobody what they may not see of others: neither the owner of the line, nor who looks at it.
func TestARefusalGivesNobodyAway(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		says := func(viewer, want string) {
			t.Helper()
			h.settle()
			if st := h.Lines("anna"); len(st) != 1 || h.RefusalFor(&st[0], viewer) != want {
				t.Errorf("%s is told %q, want %q", viewer, h.RefusalFor(&st[0], viewer), want)
			}
		}
		// Bert is absent, which employees may see.
		h.among(rights.Employee)
		h.choose("bert", "Unavailable", presence.Unavailable)
		h.choose("anna", "On holiday", presence.Unavailable)
		says("anna", "bert is absent too. The forwarding was left as it was.")
		h.relate("carl", "bert", rights.Unknown) // Carl is not one to him
		says("carl", "Calls cannot be forwarded to that number at present. The forwarding was left as it was.")
		says("", "Calls cannot be forwarded to that number at present. The forwarding was left as it was.")
		err := h.Set(t.Context(), "carl", "anna", "pbx", "201", telephony.Forwarding{All: "202"})
		if e, ok := errors.AsType[*fault.Error](err); !ok || len(e.Fields) != 1 || e.Fields[0].Path != "all" || e.Fields[0].Message != "Calls cannot be forwarded to that number at present." {
			t.Errorf("Carl forwards her line and is told %v", err)
		}
		// He is there, and forwards, which they may not.
		h.choose("bert", "Appointment", presence.Busy)
		says("anna", "")
		h.is("anna", telephony.Forwarding{All: "202"})
		h.is("bert", telephony.Forwarding{All: "*97"})
		// As soon as he is nobody's business she cannot find out by her telephone whether he is there.
		h.relate("anna", "bert", rights.Blocked)
		h.choose("bert", "Unavailable", presence.Unavailable)
		says("anna", "")
		h.relate("anna", "bert", rights.TeamColleague)
		says("anna", "bert is absent too. The forwarding was left as it was.")
		h.is("anna", telephony.Forwarding{})
		// Calls that would come back come back, whoever may see what: from Bert to Carl, and from him to Anna.
		h.relate("anna", "bert", rights.Blocked)
		h.choose("bert", "Available", presence.Available)
		says("anna", "")
		h.choose("anna", "Available", presence.Available)
		h.settle()
		h.ok(h.Set(t.Context(), "bert", "bert", "pbx", "202", telephony.Forwarding{All: "203"}))
		h.ok(h.Set(t.Context(), "carl", "carl", "pbx", "203", telephony.Forwarding{External: "201"}))
		for id, line := range map[string]string{"bert": "202", "carl": "203"} {
			if _, err := h.Read(t.Context(), id, "pbx", line); err != nil {
				t.Error(err)
			}
		}
		h.choose("anna", "On holiday", presence.Unavailable)
		says("anna", "Calls would be forwarded to where they come from. The forwarding was left as it was.")
		h.is("anna", telephony.Forwarding{})
	})
}

func TestByHand(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.ok(h.Set(t.Context(), "anna", "anna", "pbx", "201", telephony.Forwarding{Internal: "203", External: "0171 99"}))
		h.settle()
		h.is("anna", telephony.Forwarding{Internal: "203", External: "017199"})
		h.appointment("anna", time.Hour)
		h.settle()
		h.is("anna", telephony.Forwarding{All: "*97"})
		time.Sleep(time.Hour)
		h.settle()
		h.is("anna", telephony.Forwarding{Internal: "203", External: "017199"})
		h.pbx.can = telephony.Abilities{Forwarding: []telephony.Ability{telephony.CanAll}}
		err := h.Set(t.Context(), "anna", "anna", "pbx", "201", telephony.Forwarding{DoNotDisturb: true, All: "201"})
		if e, ok := errors.AsType[*fault.Error](err); !ok || len(e.Fields) != 2 {
			t.Errorf("what it cannot do, and to herself: %v", err)
		}
		if err := h.Set(t.Context(), "bert", "bert", "pbx", "201", telephony.Forwarding{}); fault.KindOf(err) != fault.NotFound {
			t.Errorf("another's line: %v", err)
		}
		if f, err := h.Read(t.Context(), "anna", "pbx", "201"); err != nil || f.External != "017199" {
			t.Errorf("read %+v, %v", f, err)
		}
	})
}

func TestLinesAreSeen(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		ringing := telephony.Call{ID: "1", State: presence.LineRinging, Reach: presence.External, Other: "0301234"}
		talking := telephony.Call{ID: "1", State: presence.LineOnThePhone, Reach: presence.External, Other: "0301234"}
		h.line("anna", "idle")
		h.pbx.ring("201", ringing)
		h.settle()
		h.line("anna", "ringing 0301234")
		h.pbx.ring("201", talking)
		h.settle()
		h.line("anna", "on_the_phone 0301234")
		time.Sleep(time.Hour) // it is told again and again
		h.line("anna", "on_the_phone 0301234")
		h.pbx.ring("201", talking, telephony.Call{ID: "2", State: presence.LineRinging, Other: "202"})
		h.settle()
		h.line("anna", "on_the_phone 0301234")
		h.pbx.ring("201")
		h.settle()
		h.line("anna", "idle")
		// A telephone system that falls silent keeps nobody on the phone.
		h.pbx.ring("202", talking)
		h.settle()
		h.line("bert", "on_the_phone 0301234")
		h.pbx.mu.Lock()
		h.pbx.trouble = func(string) error { return errors.New("away") }
		h.pbx.mu.Unlock()
		time.Sleep(telephony.Lasts + time.Second)
		h.settle()
		h.line("bert", "idle")
		h.pbx.mu.Lock()
		h.pbx.trouble = nil
		h.pbx.mu.Unlock()
		time.Sleep(telephony.Lasts)
		h.line("bert", "on_the_phone 0301234")
		// A line that is another's is seen of them.
		anna, _ := h.office.Person("anna")
		bert, _ := h.office.Person("bert")
		a, b := anna.Person, bert.Person
		a.WorkNumber, b.WorkNumber = "202", ""
		h.ok(h.office.PutPeople(t.Context(), office.By{}, "person.change", &b))
		h.settle()
		h.ok(h.office.PutPeople(t.Context(), office.By{}, "person.change", &a))
		time.Sleep(telephony.Lasts)
		h.line("bert", "idle")
		h.line("anna", "on_the_phone 0301234")
	})
}

// A telephone system that is not heard is told of, whether anybody asks it something or not.
func TestASystemThatIsNotHeardIsTroubled(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		said := func(want ...string) {
			t.Helper()
			synctest.Wait()
			h.pbx.mu.Lock()
			defer h.pbx.mu.Unlock()
			if !slices.Equal(h.used, want) {
				t.Errorf("it was told %q, want %q", h.used, want)
			}
			h.used = nil
		}
		hears := func(now bool, why error) {
			h.pbx.mu.Lock()
			defer h.pbx.mu.Unlock()
			h.pbx.now, h.pbx.mute = now, why
		}
		time.Sleep(time.Minute) // it is not known yet, and nobody has asked it anything
		said()
		hears(false, &source.Error{Kind: source.Unavailable, Text: "It is away."})
		time.Sleep(10 * time.Second)
		said("calendar source: unavailable: It is away.")
		h.choose("anna", "Available", presence.Available) // she is to be forwarded nowhere: nobody asks for it
		time.Sleep(time.Second)
		said()
		hears(true, nil)
		time.Sleep(10 * time.Second)
		said("<nil>")
		h.appointment("anna", time.Hour)
		time.Sleep(time.Second)
		said("<nil>", "<nil>") // it was set, and read once more
		h.DropSystem("pbx")
		time.Sleep(time.Minute)
		said()
	})
}

// Whoever is deleted, or has the line no more, leaves nobody's calls behind.
func TestALineThatIsNobodysIsSetBack(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.appointment("anna", 24*time.Hour)
		h.settle()
		h.is("anna", telephony.Forwarding{All: "*97"})
		h.ok(h.office.DeletePerson(t.Context(), office.By{}, "anna"))
		h.settle()
		h.is("anna", telephony.Forwarding{})
		h.appointment("bert", 24*time.Hour)
		h.settle()
		h.is("bert", telephony.Forwarding{All: "*97"})
		h.stop() // and while this server is down
		h.open()
		h.ok(h.office.ChangeSection(t.Context(), office.By{}, h.location, policy.SectionFeature, func(s *policy.Settings) error { s.Feature.Enabled = false; return nil }))
		h.settle()
		h.is("bert", telephony.Forwarding{})
	})
}

// Random histories with a telephone system that fails in all ways, and a server that stops at any moment: when all is quiet nobody is left
// forwarded, and what people set at the telephone is as they set it.
func TestNobodyIsLeftForwarded(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			story(t, func(t *testing.T, h *house) {
				rng, fate := rand.New(rand.NewPCG(seed, 9)), rand.New(rand.NewPCG(seed, 10)) // fate is the telephone system's, under its lock
				human := map[string]string{}
				h.pbx.partly = func() bool { return fate.IntN(2) == 0 }
				trouble := func(on bool) {
					h.pbx.mu.Lock()
					defer h.pbx.mu.Unlock()
					h.pbx.trouble = nil
					if on {
						h.pbx.trouble = func(string) error {
							if fate.IntN(3) > 0 {
								return nil
							}
							return &source.Error{Kind: source.Unavailable, Text: "The telephone system does not answer."}
						}
					}
				}
				trouble(true)
				for i := range 50 {
					who := people[rng.IntN(len(people))]
					switch rng.IntN(7) {
					case 0, 1:
						h.appointment(who, time.Duration(1+rng.IntN(60))*time.Minute)
					case 2:
						p := []string{"Home office", "Do not disturb", "Break", "Available"}[rng.IntN(4)]
						h.choose(who, p, map[string]presence.Status{"Home office": presence.Available, "Do not disturb": presence.DoNotDisturb, "Break": presence.BeRightBack, "Available": presence.Available}[p])
					case 3, 4:
						human[who] = fmt.Sprintf("h%d", i)
						h.pbx.dial(lines[who], func(f *telephony.Forwarding) { f.All = human[who] })
					case 5: // here, by hand, perhaps to what was set already or what stood before; the system answers, as nobody could tell what came of it else
						trouble(false)
						f := h.pbx.at(lines[who])
						f.All = []string{fmt.Sprintf("h%d", i), "", "*97"}[rng.IntN(3)]
						if f.All != h.pbx.at(lines[who]).All {
							human[who] = f.All
						}
						h.ok(h.Set(t.Context(), who, who, "pbx", lines[who], f))
						trouble(true)
					default:
						h.stop()
						time.Sleep(time.Duration(rng.IntN(20)) * time.Minute)
						h.open()
					}
					time.Sleep(time.Duration(rng.IntN(1000)) * time.Second)
				}
				trouble(false)
				time.Sleep(2 * time.Hour)
				for _, who := range people {
					h.choose(who, "Available", presence.Available)
				}
				time.Sleep(10 * time.Minute)
				for _, who := range people {
					h.is(who, telephony.Forwarding{All: human[who]})
				}
			})
		})
	}
}

// Who dials a feature code of their scope has chosen by hand; what is no code, or nobody's line, chooses nothing.
func TestFeatureCodes(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.ok(h.office.ChangeSection(t.Context(), office.By{}, h.location, policy.SectionTelephony, func(s *policy.Settings) error {
			s.Telephony.Codes = []policy.Code{{Code: "*81", Profile: policy.TemplateDoNotDisturb}}
			return nil
		}))
		h.appointment("anna", time.Hour)
		h.settle()
		for _, c := range []telephony.Choice{{Line: "201", Code: "*81"}, {Line: "202", Code: "*82"}, {Line: "209", Code: "*81"}} {
			h.pbx.choose(c)
		}
		h.settle()
		h.is("anna", telephony.Forwarding{DoNotDisturb: true})
		h.is("bert", telephony.Forwarding{})
		if p, _, _ := h.hub.Presence("anna"); p.Profile != "Do not disturb" || p.Cause.Source != presence.SourceHand {
			t.Errorf("she is %v by %v", p.Profile, p.Cause)
		}
		if err := h.office.ChangeSection(t.Context(), office.By{}, h.location, policy.SectionTemplates, func(s *policy.Settings) error {
			s.Template(policy.TemplateDoNotDisturb).Active = false
			return nil
		}); fault.KindOf(err) == 0 || !strings.Contains(err.Error(), "telephony.codes[0]") {
			t.Errorf("a template with a code is switched off: %v", err)
		}
	})
}
