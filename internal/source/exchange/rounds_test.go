package exchange

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/agenda/agendatest"
	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/source/exchange/exchangetest"
	"github.com/doorlight/doorlight/presence"
)

// TestPresenceFollowsEveryMailbox has people's calendars changed at random while everything goes wrong at random. When it
// is over, everybody's presence is what stands in their mailboxes, by stream and by pull.
func TestPresenceFollowsEveryMailbox(t *testing.T) {
	t.Parallel()
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, err := exchangetest.Start(exchangetest.Config{
				Servers: []string{"mbx1.example.test", "mbx2.example.test"}, HeartBeat: 200 * time.Millisecond, Minute: time.Second,
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(server.Close)
			server.AddAccount(exchangetest.Account{Name: "doorlight", Password: "secret", Impersonates: []string{"*"}})
			addresses := agendatest.Addresses()
			for i, a := range addresses {
				if _, err := server.AddMailbox(exchangetest.Person{Address: a, Server: []string{"mbx1.example.test", "mbx2.example.test"}[i%2]}); err != nil {
					t.Fatal(err)
				}
			}
			s := newSystem(t, server.Base(), func(c *Config) {
				c.Account, c.Domain = "doorlight", ""
				c.timing.silence = time.Second
				if way != nil {
					way(c)
				}
			})
			agendatest.Endure(t, agenda.KindExchange, s, addresses, &gremlin{server: server})
		})
	}
}

// gremlin changes mailboxes at random, and has servers fail.
type gremlin struct {
	server *exchangetest.Server
	faults exchangetest.Faults
	backup *exchangetest.Backup
	ill    []string // mailboxes that fail
}

// View translates what stands in a mailbox, as the specification has it and not as the client does.
func (g *gremlin) View(_ *testing.T, mailbox string, from, to time.Time) (list []agendatest.Occurrence) {
	showAs := map[string]presence.ShowAs{
		"Free": presence.ShowFree, "Tentative": presence.ShowTentative, "Busy": presence.ShowBusy, "OOF": presence.ShowOutOfOffice,
		"WorkingElsewhere": presence.ShowElsewhere,
	}
	for _, x := range g.server.View(mailbox, from, to) {
		e := x.Event
		if e.Cancelled || e.Response == "Decline" {
			continue
		}
		o := agendatest.Occurrence{
			ID: x.UID, Start: e.Start, End: e.End, ShowAs: showAs[e.ShowAs], Subject: e.Subject, Private: e.Sensitivity != "Normal",
			Holiday: len(e.Categories) > 0,
		}
		if !x.RecurrenceID.IsZero() {
			o.ID += "/" + x.RecurrenceID.UTC().Format("20060102T150405Z")
		}
		if e.AllDay {
			zone := calendar.Location(e.Zone)
			o.First, o.Behind = agendatest.Day(e.Start.In(zone)), agendatest.Day(e.End.In(zone))
		}
		list = append(list, o)
	}
	return list
}

// event makes an appointment of the days around today.
func (g *gremlin) event() exchangetest.Event {
	start, end, subject := agendatest.Sometime()
	e := exchangetest.Event{
		Subject: subject, Start: start, End: end,
		Zone:   agendatest.One("W. Europe Standard Time", "Pacific Standard Time", "India Standard Time", "UTC", "Tonga Standard Time"),
		ShowAs: agendatest.One("Busy", "Busy", "Tentative", "OOF", "Free", "WorkingElsewhere"), AllDay: rand.IntN(8) == 0,
	}
	if rand.IntN(5) == 0 {
		e.Sensitivity, e.Subject = agendatest.One("Private", "Personal", "Confidential"), agendatest.PrivateSubject
	}
	if rand.IntN(5) == 0 {
		e.Categories = []string{"On holiday"}
	}
	if rand.IntN(3) == 0 {
		y, m, d := start.AddDate(0, 0, -rand.IntN(20)).Date()
		e.Recurrence = &exchangetest.Recurrence{StartDate: exchangetest.Date{Year: y, Month: m, Day: d}, Interval: 1 + rand.IntN(2)}
		e.Start, e.End = e.Start.AddDate(0, 0, -20), e.End.AddDate(0, 0, -20)
		e.Recurrence.StartDate = exchangetest.Date{}
		switch rand.IntN(3) {
		case 0:
			e.Recurrence.Pattern = exchangetest.Daily
		case 1:
			e.Recurrence.Pattern, e.Recurrence.Days = exchangetest.Weekly, []string{start.Weekday().String(), start.AddDate(0, 0, 1).Weekday().String()}
		default:
			e.Recurrence.Pattern, e.Recurrence.Interval, e.Recurrence.DayOfMonth = exchangetest.AbsoluteMonthly, 1, start.Day()
		}
		if rand.IntN(2) == 0 {
			e.Recurrence.Count = 5 + rand.IntN(40)
		}
	}
	return e
}

// Change makes one change in a mailbox. What the server refuses is no change.
func (g *gremlin) Change(t *testing.T, mailbox string) {
	t.Helper()
	m, now := g.server.Mailbox(mailbox), time.Now()
	all := m.View(now.AddDate(0, 0, -1), now.AddDate(0, 0, 3))
	if len(all) < 3 || rand.IntN(4) == 0 && len(all) < 40 {
		if _, err := m.Put(g.event()); err != nil {
			t.Fatal(err)
		}
		return
	}
	x := all[rand.IntN(len(all))]
	change := func(edit func(*exchangetest.Event)) {
		if err := m.Change(x.ItemID, edit); err != nil && x.Type == "Single" {
			t.Fatal(err)
		}
	}
	switch rand.IntN(9) {
	case 0, 1:
		by := time.Duration(rand.IntN(9)-4) * 15 * time.Minute
		change(func(e *exchangetest.Event) { e.Start, e.End = e.Start.Add(by), e.End.Add(by) })
	case 2:
		change(func(e *exchangetest.Event) { e.End = e.End.Add(30 * time.Minute) })
	case 3:
		as := agendatest.One("Busy", "Free", "OOF", "Tentative")
		change(func(e *exchangetest.Event) { e.ShowAs = as })
	case 4:
		change(func(e *exchangetest.Event) { e.Sensitivity, e.Subject = "Private", agendatest.PrivateSubject })
	case 5:
		change(func(e *exchangetest.Event) { e.Meeting, e.Response = true, "Decline" })
	case 6:
		if err := m.Cancel(x.ItemID); err != nil && x.Type == "Single" {
			t.Fatal(err)
		}
	case 7:
		if err := m.Delete(x.ItemID); err != nil {
			t.Fatal(err)
		}
	default:
		m.Trash(x.ItemID) // of a single day it is refused
	}
}

// Spite has something go wrong until there is peace.
func (g *gremlin) Spite(t *testing.T, who string) {
	t.Helper()
	some := 0.05 + rand.Float64()/4
	switch f := &g.faults; rand.IntN(20) {
	case 0:
		g.server.EndSubscriptions(agendatest.One("mbx1.example.test", "mbx2.example.test"))
	case 1:
		if err := g.server.MoveMailbox(who, agendatest.One("mbx1.example.test", "mbx2.example.test")); err != nil {
			t.Fatal(err)
		}
	case 2:
		f.Drop = some
	case 3:
		f.HalfAnswer = some
	case 4:
		f.Unauthorized = some / 4
	case 5:
		f.Unavailable = some
	case 6:
		f.Busy = some
	case 7:
		f.Internal = some
	case 8:
		f.Slow = some
	case 9:
		f.LoseSubscription = some
	case 10:
		f.MissEvents = some
	case 11:
		f.BadWatermark = some
	case 12:
		f.BadSyncState = some
	case 13:
		f.ReadFails, f.DropStream = some, some
	case 14:
		g.server.MissEvents(who)
	case 15:
		g.server.InvalidateStates(who)
	case 16:
		g.server.SetSkew(time.Duration(rand.IntN(240)-120) * time.Second)
	case 17:
		g.server.Mailbox(who).SetState([]exchangetest.State{exchangetest.Failing, exchangetest.Hanging, exchangetest.Moving, exchangetest.Unreachable}[rand.IntN(4)])
		g.ill = append(g.ill, who)
	case 18:
		g.backup = g.server.Backup()
	default:
		if g.backup != nil && rand.IntN(3) == 0 { // the server is rolled back to how it was a while ago
			g.server.Restore(g.backup)
			g.backup = nil
		}
		g.faults = exchangetest.Faults{}
	}
	g.server.SetFaults(g.faults)
}

// Peace ends everything that goes wrong.
func (g *gremlin) Peace() {
	g.faults = exchangetest.Faults{}
	g.server.SetFaults(g.faults)
	g.server.SetSkew(0)
	for _, who := range g.ill {
		g.server.Mailbox(who).SetState(exchangetest.Working)
	}
	g.ill = nil
}
