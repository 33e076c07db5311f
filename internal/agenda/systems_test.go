package agenda_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/store"
)

// mail is a system with everybody's calendars, scripted.
type mail struct {
	mu       sync.Mutex // guards what follows
	boxes    map[string][]calendar.Appointment
	asked    []string
	accounts []source.Account
	followed []string
	takes    time.Duration
	fails    map[string]error // by mailbox; of "" for all
	every    time.Duration
	rotates  bool
	changed  func(string)
	watches  int
	used     []string // as the agenda told how it went
}

func newMail() *mail {
	return &mail{boxes: map[string][]calendar.Appointment{}, fails: map[string]error{}, every: time.Hour}
}

func (m *mail) Fetch(ctx context.Context, a source.Account) (source.Result, error) {
	m.mu.Lock()
	m.asked = append(m.asked, a.Mailbox)
	m.accounts = append(m.accounts, a)
	text, every, rotates := calendar.Write(m.boxes[a.Mailbox]), m.every, m.rotates
	err, takes := errors.Join(m.fails[""], m.fails[a.Mailbox]), m.takes
	m.mu.Unlock()
	select {
	case <-ctx.Done():
		return source.Result{}, ctx.Err()
	case <-time.After(takes):
	}
	if err != nil {
		return source.Result{}, err
	}
	tag := fmt.Sprintf("%x", sha256.Sum256(text))
	res := source.Result{State: "s", Every: every}
	if rotates {
		res.Password = a.Password + "'"
	}
	if a.Known["view"] == tag {
		res.Unchanged = true
		return res, nil
	}
	res.Objects = []source.Object{{Href: "view", ETag: tag, Data: text}}
	return res, nil
}

// Follow tells of mailboxes that are new, as it would hear of their changes from now on.
func (m *mail) Follow(mailboxes []string) {
	m.mu.Lock()
	var fresh []string
	for _, x := range mailboxes {
		if !slices.Contains(m.followed, x) || m.changed == nil {
			fresh = append(fresh, x)
		}
	}
	m.followed = mailboxes
	changed := m.changed
	m.mu.Unlock()
	if changed != nil {
		for _, x := range fresh {
			changed(x)
		}
	}
}

func (m *mail) Watch(ctx context.Context, changed func(string)) error {
	m.mu.Lock()
	m.changed = changed
	m.watches++
	fresh := m.followed
	m.mu.Unlock()
	for _, x := range fresh {
		changed(x)
	}
	<-ctx.Done()
	m.mu.Lock()
	m.watches--
	m.mu.Unlock()
	return context.Cause(ctx)
}

func (m *mail) Check(context.Context, string) []source.Step { return nil }

// put has a mailbox hold appointments, and tells of it.
func (m *mail) put(mailbox string, all ...calendar.Appointment) {
	m.mu.Lock()
	m.boxes[mailbox] = all
	changed := m.changed
	m.mu.Unlock()
	if changed != nil {
		changed(mailbox)
	}
}

func (m *mail) set(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// readings returns the mailboxes that were asked for since it was called last.
func (m *mail) readings() []string {
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	got := m.asked
	m.asked = nil
	slices.Sort(got)
	return got
}

// exchange has a system hold the calendars of everybody in Berlin.
func (h *house) exchange() *mail {
	h.t.Helper()
	m := newMail()
	h.plug(m)
	h.address("anna", "anna@example.org")
	h.address("bert", "bert@example.org")
	h.office.UseSystems(func(id string) (office.System, bool) {
		return office.System{Name: "Exchange", Calendar: id == "ex", Accounts: id == "app"}, true
	})
	h.settings(policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.Method, s.Calendar.Connector = policy.CalendarCentral, "ex" })
	return m
}

func (h *house) plug(m *mail) {
	h.PutSystem(agenda.System{
		ID: "ex", Kind: agenda.KindExchange, Name: "Exchange", System: m, Mailbox: func(p *office.Person) string { return p.Email },
		Used: func(err error) { m.set(func() { m.used = append(m.used, fmt.Sprint(err)) }) },
	})
	h.settle()
}

func (h *house) address(id, email string) {
	h.t.Helper()
	h.ok(h.office.EditPeople(context.Background(), office.By{}, "person.change", []office.Key{{ID: id}}, func(_ int, p *store.Person) error {
		p.Email = email
		return nil
	}))
	h.settle()
}

func (h *house) meeting(id string, from, until time.Duration) calendar.Appointment {
	return calendar.Appointment{ID: id, Start: h.on(from), End: h.on(until), ShowAs: calendar.Busy, Subject: "About " + id}
}

func TestWhereSettingsNameASystemEverybodyHasTheirCalendar(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		m := h.exchange()
		if got := m.readings(); !slices.Equal(got, []string{"anna@example.org", "bert@example.org"}) {
			t.Errorf("read were %q", got)
		}
		if s := h.status(); s.Kind != agenda.KindExchange || !s.Central || s.Username != "anna@example.org" || s.Name != "Exchange" || s.SucceededAt.IsZero() {
			t.Errorf("the calendar is %+v", s)
		}
		if !slices.Equal(m.followed, []string{"anna@example.org", "bert@example.org"}) {
			t.Errorf("followed are %q", m.followed)
		}
		m.put("anna@example.org", h.meeting("1", 10*time.Hour, 11*time.Hour))
		h.settle()
		h.wantClaims("busy Appointment 10h0m0s..11h0m0s")
		h.told()
		h.at(11 * time.Hour)
		h.wantTold("10h0m0s anna busy Appointment", "11h0m0s anna logged_out")

		// It is not theirs to change or delete.
		id := h.status().ID
		if err := h.Delete(t.Context(), office.By{}, "anna", id); fault.KindOf(err) != fault.Conflict {
			t.Errorf("deleting it: %v", err)
		}
		if _, err := h.Put(t.Context(), office.By{}, agenda.Entry{ID: id, PersonID: "anna", Kind: agenda.KindFeed, Name: "x", URL: address}); fault.KindOf(err) != fault.Conflict {
			t.Errorf("changing it: %v", err)
		}

		// Somebody new has theirs too; who has no address has none.
		h.person("cleo")
		h.settle()
		if all := h.Calendars("cleo"); len(all) != 0 {
			t.Errorf("without an address there are %+v", all)
		}
		m.put("cleo@example.org", h.meeting("3", 13*time.Hour, 14*time.Hour))
		h.address("cleo", "cleo@example.org")
		if got := h.claims("cleo"); len(got) != 1 {
			t.Errorf("claims of somebody new: %q", got)
		}

		// With the setting it goes, and its claims with it.
		m.put("anna@example.org", h.meeting("2", 15*time.Hour, 16*time.Hour))
		h.settle()
		h.wantClaims("busy Appointment 15h0m0s..16h0m0s")
		h.settings(policy.SectionCalendar, func(s *policy.Settings) { s.Calendar.Method, s.Calendar.Connector = policy.CalendarLocal, "" })
		h.wantClaims()
		if all := h.Calendars("anna"); len(all) != 0 {
			t.Errorf("there are still %+v", all)
		}
		if len(m.followed) != 0 {
			t.Errorf("still followed are %q", m.followed)
		}
	})
}

func TestAnotherMailAddressIsAnotherMailbox(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		m := h.exchange()
		m.put("anna@example.org", h.meeting("1", 10*time.Hour, 11*time.Hour))
		m.put("a.nowak@example.org", h.meeting("2", 12*time.Hour, 13*time.Hour))
		h.settle()
		id := h.status().ID
		h.address("anna", "a.nowak@example.org")
		h.wantClaims("busy Appointment 12h0m0s..13h0m0s")
		if s := h.status(); s.ID != id || s.Username != "a.nowak@example.org" {
			t.Errorf("the calendar is %+v", s)
		}
		if !slices.Equal(m.followed, []string{"a.nowak@example.org", "bert@example.org"}) {
			t.Errorf("followed are %q", m.followed)
		}
		m.put("anna@example.org", h.meeting("1", 9*time.Hour, 11*time.Hour)) // nobody's any more
		h.settle()
		h.wantClaims("busy Appointment 12h0m0s..13h0m0s")
	})
}

func TestAHintDuringAReadingIsNotLost(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		m := h.exchange()
		m.set(func() { m.takes = 5 * time.Second })
		m.put("anna@example.org", h.meeting("1", 10*time.Hour, 11*time.Hour))
		time.Sleep(2 * time.Second)
		m.put("anna@example.org", h.meeting("1", 12*time.Hour, 13*time.Hour))
		h.at(30 * time.Second)
		h.wantClaims("busy Appointment 12h0m0s..13h0m0s")
	})
}

func TestASystemThatIsDownIsLeftAlone(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		for i := range 60 {
			h.person(fmt.Sprintf("p%03d", i))
			h.address(fmt.Sprintf("p%03d", i), fmt.Sprintf("p%03d@example.org", i))
		}
		m := h.exchange()
		m.put("anna@example.org", h.meeting("1", 10*time.Hour, 11*time.Hour))
		h.settle()
		m.set(func() {
			m.fails[""] = &source.Error{Kind: source.Unavailable, Whole: true, RetryAfter: 10 * time.Minute, Text: "Exchange does not answer."}
			m.every, m.used = time.Minute, nil
		})
		m.readings()
		writes := h.store.count()
		h.at(5 * time.Hour)
		// Every ten minutes as many as are read at a time find out, no more; nobody's calendar says that it is broken.
		if n := len(m.readings()); n < 20 || n > 30*40 {
			t.Errorf("in five hours of silence it was asked %d times", n)
		}
		if n := h.store.count() - writes; n != 0 {
			t.Errorf("%d writes", n)
		}
		if s := h.status(); s.Error != "" {
			t.Errorf("the calendar says %q", s.Error)
		}
		if len(m.used) == 0 || !strings.Contains(m.used[0], "does not answer") {
			t.Errorf("of the system it was told %q", m.used)
		}
		h.wantClaims("busy Appointment 10h0m0s..11h0m0s")
		m.set(func() { m.fails[""] = nil; m.used = nil })
		m.put("anna@example.org", h.meeting("1", 10*time.Hour, 12*time.Hour))
		h.at(5*time.Hour + 11*time.Minute)
		h.wantClaims("busy Appointment 10h0m0s..12h0m0s")
		if got := h.SystemStatus("ex"); got.Calendars != 62 || len(got.Failing) != 0 {
			t.Errorf("the system: %+v", got)
		}
		if len(m.used) == 0 || m.used[0] != "<nil>" {
			t.Errorf("of the system it was told %q", m.used)
		}
	})
}

func TestABrokenMailboxHoldsUpNobody(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		m := h.exchange()
		m.set(func() {
			m.fails["bert@example.org"] = &source.Error{Kind: source.NotFound, Text: "There is no such mailbox."}
		})
		m.put("bert@example.org")
		m.put("anna@example.org", h.meeting("1", 10*time.Hour, 11*time.Hour))
		h.settle()
		h.wantClaims("busy Appointment 10h0m0s..11h0m0s")
		got := h.SystemStatus("ex")
		if got.Calendars != 2 || len(got.Failing) != 1 || got.Failing[0].Username != "bert@example.org" || got.Failing[0].Error != "There is no such mailbox." {
			t.Errorf("the system: %+v", got)
		}
	})
}

func TestASlowSystemKeepsOnlyItsOwnWaiting(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		for i := range 50 {
			h.person(fmt.Sprintf("p%03d", i))
			h.address(fmt.Sprintf("p%03d", i), fmt.Sprintf("p%03d@example.org", i))
		}
		m := h.exchange()
		m.set(func() { m.takes = time.Hour })
		for i := range 50 {
			m.put(fmt.Sprintf("p%03d@example.org", i))
		}
		h.web.publish(address, event("1", h.on(10*time.Hour), h.on(11*time.Hour)))
		h.calendar(address)
		h.wantClaims("busy Appointment 10h0m0s..11h0m0s")
	})
}

func TestAfterARestartASystemIsReadAnewAndNobodyLosesTheirs(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		m := h.exchange()
		m.put("anna@example.org", h.meeting("1", 10*time.Hour, 11*time.Hour))
		h.settle()
		id := h.status().ID
		m.readings()
		h.restart(time.Hour)
		h.settle()
		h.wantClaims("busy Appointment 10h0m0s..11h0m0s")
		if got := m.readings(); len(got) != 0 {
			t.Errorf("without the system %q were read", got)
		}
		m.put("anna@example.org", h.meeting("1", 10*time.Hour, 12*time.Hour))
		h.plug(m)
		h.wantClaims("busy Appointment 10h0m0s..12h0m0s")
		if h.status().ID != id {
			t.Error("it is another calendar")
		}
		// Switched off, it stays; its claims end with their lease.
		h.DropSystem("ex")
		h.settle()
		if m.watches != 0 {
			t.Error("it is still watched")
		}
		h.wantClaims("busy Appointment 10h0m0s..12h0m0s")
	})
}

func TestDaysPassInWhatIsRead(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		m := h.exchange()
		m.put("anna@example.org")
		h.at(50 * time.Hour)
		m.mu.Lock()
		defer m.mu.Unlock()
		first, last := m.accounts[0], m.accounts[len(m.accounts)-1]
		if d := first.To.Sub(h.begun); d < 30*24*time.Hour || d > 33*24*time.Hour {
			t.Errorf("read is up to %s", d)
		}
		if last.To.Sub(first.To) != 48*time.Hour || last.From.Sub(first.From) != 48*time.Hour {
			t.Errorf("two days later from %s to %s", last.From, last.To)
		}
	})
}

func TestACalendarIsHandedOverFromSomebodysComputer(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		in := agenda.Handed{PersonID: "anna", Name: "Outlook", Lease: 2 * time.Hour, Appointments: []calendar.Appointment{
			h.meeting("1", time.Hour, 5*time.Hour),
			{ID: "2", Start: h.on(6 * time.Hour), End: h.on(7 * time.Hour), ShowAs: calendar.Busy, Subject: "Surgery", Private: true},
		}}
		first, err := h.Hand(t.Context(), office.By{Actor: "anna"}, in)
		h.ok(err)
		h.settle()
		if s := h.status(); s.Kind != agenda.KindLocal || s.Name != "Outlook" || s.ID != first.ID || s.Appointments != 2 {
			t.Errorf("the calendar is %+v", s)
		}
		h.at(90 * time.Minute)
		in.Appointments = in.Appointments[:1]
		again, err := h.Hand(t.Context(), office.By{Actor: "anna"}, in)
		h.ok(err)
		if again.ID != first.ID {
			t.Error("it is another calendar")
		}
		h.told()
		h.at(4 * time.Hour)
		h.wantTold("3h30m0s anna logged_out") // the program is silent
		h.nowhere("Surgery")

		for name, bad := range map[string]agenda.Handed{
			"name":                {PersonID: "anna", Lease: time.Hour},
			"lease_seconds":       {PersonID: "anna", Name: "x"},
			"appointments[1].id":  {PersonID: "anna", Name: "x", Lease: time.Hour, Appointments: []calendar.Appointment{h.meeting("1", 1, 2), h.meeting("1", 1, 2)}},
			"appointments[0].end": {PersonID: "anna", Name: "x", Lease: time.Hour, Appointments: []calendar.Appointment{h.meeting("1", 2, 1)}},
			"appointments[0]":     {PersonID: "anna", Name: "x", Lease: time.Hour, Appointments: []calendar.Appointment{h.meeting("1", 0, 90_000*time.Hour)}},
			"appointments[1]": {PersonID: "anna", Name: "x", Lease: time.Hour, Appointments: []calendar.Appointment{h.meeting("1", 1, 2),
				{ID: "2", AllDay: true, StartDate: calendar.Date{Year: 1, Month: 1, Day: 1}, EndDate: calendar.Date{Year: 9999, Month: 1, Day: 1}}}},
			"appointments[0].end_date": {PersonID: "anna", Name: "x", Lease: time.Hour, Appointments: []calendar.Appointment{{ID: "1", AllDay: true}}},
		} {
			_, err := h.Hand(t.Context(), office.By{}, bad)
			var told *fault.Error
			if !errors.As(err, &told) || len(told.Fields) != 1 || told.Fields[0].Path != name {
				t.Errorf("%s: %v", name, err)
			}
		}
		h.ok(h.Delete(t.Context(), office.By{}, "anna", first.ID))
		h.exchange()
		if _, err := h.Hand(t.Context(), office.By{}, in); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("where calendars are read centrally: %v", err)
		}
	})
}

func TestAnAccountIsConnectedAndDisconnected(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		m := h.exchange()
		in := agenda.Account{PersonID: "anna", ConnectorID: "app", Name: "Microsoft 365", Username: "anna@example.org", Token: "refresh-1"}
		if _, err := h.Connect(t.Context(), office.By{}, in); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("where it is not offered: %v", err)
		}
		h.settings(policy.SectionCalendar, func(s *policy.Settings) {
			s.Calendar.Method, s.Calendar.Connector, s.Calendar.Accounts = policy.CalendarLocal, "", "app"
		})
		m.set(func() { m.rotates, m.accounts, m.every = true, nil, 10*time.Minute })
		m.put("anna@example.org", h.meeting("1", 10*time.Hour, 11*time.Hour))
		h.PutSystem(agenda.System{ID: "app", Kind: agenda.KindGraph, Name: "Microsoft 365", System: m, Mailbox: func(*office.Person) string { return "" }})
		s, err := h.Connect(t.Context(), office.By{Actor: "anna"}, in)
		h.ok(err)
		h.settle()
		h.wantClaims("busy Appointment 10h0m0s..11h0m0s")
		h.at(25 * time.Minute)
		var tokens []string
		for _, a := range m.accounts {
			tokens = append(tokens, a.Password)
		}
		if !slices.Equal(tokens, []string{"refresh-1", "refresh-1'", "refresh-1''"}) {
			t.Errorf("the tokens were %q", tokens)
		}
		h.nowhere("refresh-1")
		// Again: it is one calendar, with the new token.
		in.Token = "refresh-2"
		again, err := h.Connect(t.Context(), office.By{Actor: "anna"}, in)
		h.ok(err)
		h.settle()
		if again.ID != s.ID || h.status().HasPassword {
			t.Errorf("connected again it is %+v", h.status())
		}
		if last := m.accounts[len(m.accounts)-1]; last.Password != "refresh-2" || last.State != "" {
			t.Errorf("it was read with %q, %q", last.Password, last.State)
		}
		h.ok(h.Delete(t.Context(), office.By{Actor: "anna"}, "anna", s.ID))
		h.settle()
		h.wantClaims()
		if o, err := h.store.LoadOffice(t.Context()); err != nil || len(o.Calendars) != 0 {
			t.Errorf("stored are %+v, %v", o.Calendars, err)
		}
	})
}
