package exchange

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/agenda/agendatest"
	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/source/exchange/exchangetest"
	"github.com/doorlight/doorlight/presence"
)

var rounds = flag.Int("rounds", 1000, "changes in TestPresenceFollowsEveryMailbox")

const privateSubject = "zqPrivateSurgeryqz"

// TestPresenceFollowsEveryMailbox has people's calendars changed at random while everything goes wrong at random. When it
// is over, everybody's presence is what stands in their mailboxes, by stream and by pull.
func TestPresenceFollowsEveryMailbox(t *testing.T) {
	t.Parallel()
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
			server, err := exchangetest.Start(exchangetest.Config{
				Servers: []string{"mbx1.example.test", "mbx2.example.test"}, HeartBeat: 200 * time.Millisecond, Minute: time.Second,
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(server.Close)
			server.AddAccount(exchangetest.Account{Name: "doorlight", Password: "secret", Impersonates: []string{"*"}})
			var addresses []string
			for i := range 10 {
				p := exchangetest.Person{Address: fmt.Sprintf("p%02d@example.test", i), Server: []string{"mbx1.example.test", "mbx2.example.test"}[i%2]}
				if _, err := server.AddMailbox(p); err != nil {
					t.Fatal(err)
				}
				addresses = append(addresses, p.Address)
			}
			s := newSystem(t, server.Base(), func(c *Config) {
				c.Account, c.Domain = "doorlight", ""
				c.timing.silence = time.Second
				if way != nil {
					way(c)
				}
			})
			g := &gremlin{r: r, server: server}
			for _, a := range addresses { // something to begin with
				for range 10 {
					g.change(t, a)
				}
			}
			o := agendatest.Start(t, agenda.KindExchange, s, addresses...)
			truth := func(mailbox string, from, to time.Time) []agendatest.Occurrence {
				return inMailbox(server.View(mailbox, from, to))
			}
			o.Agrees(t, truth, time.Minute)
			for i := range *rounds {
				g.change(t, addresses[r.IntN(len(addresses))])
				if r.IntN(10) == 0 {
					g.spite(t, addresses)
				}
				if r.IntN(4) == 0 {
					time.Sleep(time.Duration(r.IntN(20)) * time.Millisecond)
				}
				if (i+1)%250 == 0 {
					g.peace()
					o.Agrees(t, truth, time.Minute)
				}
			}
			g.peace()
			o.Agrees(t, truth, time.Minute)
			for _, where := range append(o.Files(privateSubject), o.Log()) {
				if where != o.Log() || strings.Contains(where, privateSubject) {
					t.Errorf("the subject of a private appointment is in %s", where[:min(len(where), 200)])
				}
			}
		})
	}
}

// inMailbox translates what stands in a mailbox, as the specification has it and not as the client does.
func inMailbox(all []exchangetest.Occurrence) (list []agendatest.Occurrence) {
	showAs := map[string]presence.ShowAs{
		"Free": presence.ShowFree, "Tentative": presence.ShowTentative, "Busy": presence.ShowBusy, "OOF": presence.ShowOutOfOffice,
		"WorkingElsewhere": presence.ShowElsewhere,
	}
	for _, x := range all {
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
			day := func(t time.Time) calendar.Date {
				y, m, d := t.In(zone).Date()
				return calendar.Date{Year: y, Month: m, Day: d}
			}
			o.First, o.Behind = day(e.Start), day(e.End)
		}
		list = append(list, o)
	}
	return list
}

// gremlin changes mailboxes at random, and has servers fail.
type gremlin struct {
	r      *rand.Rand
	server *exchangetest.Server
	n      int
	faults exchangetest.Faults
	backup *exchangetest.Backup
	ill    []string // mailboxes that fail
}

func (g *gremlin) one(words ...string) string { return words[g.r.IntN(len(words))] }

// event makes an appointment of the days around today.
func (g *gremlin) event() exchangetest.Event {
	r := g.r
	g.n++
	start := time.Now().Add(time.Duration(r.IntN(72)-30) * time.Hour).Truncate(15 * time.Minute)
	e := exchangetest.Event{
		Subject: fmt.Sprintf("Appointment %d", g.n), Start: start, End: start.Add(time.Duration(1+r.IntN(12)) * 15 * time.Minute),
		Zone:   g.one("W. Europe Standard Time", "Pacific Standard Time", "India Standard Time", "UTC", "Tonga Standard Time"),
		ShowAs: g.one("Busy", "Busy", "Tentative", "OOF", "Free", "WorkingElsewhere"), AllDay: r.IntN(8) == 0,
	}
	if r.IntN(5) == 0 {
		e.Sensitivity, e.Subject = g.one("Private", "Personal", "Confidential"), privateSubject
	}
	if r.IntN(5) == 0 {
		e.Categories = []string{"On holiday"}
	}
	if r.IntN(3) == 0 {
		y, m, d := start.AddDate(0, 0, -r.IntN(20)).Date()
		e.Recurrence = &exchangetest.Recurrence{StartDate: exchangetest.Date{Year: y, Month: m, Day: d}, Interval: 1 + r.IntN(2)}
		e.Start, e.End = e.Start.AddDate(0, 0, -20), e.End.AddDate(0, 0, -20)
		e.Recurrence.StartDate = exchangetest.Date{}
		switch r.IntN(3) {
		case 0:
			e.Recurrence.Pattern = exchangetest.Daily
		case 1:
			e.Recurrence.Pattern, e.Recurrence.Days = exchangetest.Weekly, []string{start.Weekday().String(), start.AddDate(0, 0, 1).Weekday().String()}
		default:
			e.Recurrence.Pattern, e.Recurrence.Interval, e.Recurrence.DayOfMonth = exchangetest.AbsoluteMonthly, 1, start.Day()
		}
		if r.IntN(2) == 0 {
			e.Recurrence.Count = 5 + r.IntN(40)
		}
	}
	return e
}

// change makes one change in a mailbox. What the server refuses is no change.
func (g *gremlin) change(t *testing.T, mailbox string) {
	t.Helper()
	m, r := g.server.Mailbox(mailbox), g.r
	now := time.Now()
	all := m.View(now.AddDate(0, 0, -1), now.AddDate(0, 0, 3))
	if len(all) < 3 || r.IntN(4) == 0 && len(all) < 40 {
		if _, err := m.Put(g.event()); err != nil {
			t.Fatal(err)
		}
		return
	}
	x := all[r.IntN(len(all))]
	change := func(edit func(*exchangetest.Event)) {
		if err := m.Change(x.ItemID, edit); err != nil && x.Type == "Single" {
			t.Fatal(err)
		}
	}
	switch r.IntN(9) {
	case 0, 1:
		by := time.Duration(r.IntN(9)-4) * 15 * time.Minute
		change(func(e *exchangetest.Event) { e.Start, e.End = e.Start.Add(by), e.End.Add(by) })
	case 2:
		change(func(e *exchangetest.Event) { e.End = e.End.Add(30 * time.Minute) })
	case 3:
		as := g.one("Busy", "Free", "OOF", "Tentative")
		change(func(e *exchangetest.Event) { e.ShowAs = as })
	case 4:
		change(func(e *exchangetest.Event) { e.Sensitivity, e.Subject = "Private", privateSubject })
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

// spite has something go wrong until there is peace.
func (g *gremlin) spite(t *testing.T, addresses []string) {
	t.Helper()
	r := g.r
	who := addresses[r.IntN(len(addresses))]
	some := 0.05 + r.Float64()/4
	switch f := &g.faults; r.IntN(20) {
	case 0:
		g.server.EndSubscriptions(g.one("mbx1.example.test", "mbx2.example.test"))
	case 1:
		if err := g.server.MoveMailbox(who, g.one("mbx1.example.test", "mbx2.example.test")); err != nil {
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
		g.server.SetSkew(time.Duration(r.IntN(240)-120) * time.Second)
	case 17:
		g.server.Mailbox(who).SetState([]exchangetest.State{exchangetest.Failing, exchangetest.Hanging, exchangetest.Moving, exchangetest.Unreachable}[r.IntN(4)])
		g.ill = append(g.ill, who)
	case 18:
		g.backup = g.server.Backup()
	default:
		if g.backup != nil && r.IntN(3) == 0 { // the server is rolled back to how it was a while ago
			g.server.Restore(g.backup)
			g.backup = nil
		}
		g.faults = exchangetest.Faults{}
	}
	g.server.SetFaults(g.faults)
}

// peace ends everything that goes wrong.
func (g *gremlin) peace() {
	g.faults = exchangetest.Faults{}
	g.server.SetFaults(g.faults)
	g.server.SetSkew(0)
	for _, who := range g.ill {
		g.server.Mailbox(who).SetState(exchangetest.Working)
	}
	g.ill = nil
}
