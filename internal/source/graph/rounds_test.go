package graph

import (
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/agenda/agendatest"
	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/source/gate"
	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/internal/source/outbound"
	"github.com/doorlight/doorlight/presence"
)

var rounds = flag.Int("rounds", 1000, "changes in TestPresenceFollowsEveryMailbox")

const privateSubject = "zqPrivateSurgeryqz"

// TestPresenceFollowsEveryMailbox has people's calendars changed at random while everything goes wrong at random. When it
// is over, everybody's presence is what stands in their mailboxes, with notifications and without.
func TestPresenceFollowsEveryMailbox(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"told", "polled"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			server, err := graphtest.Start(graphtest.Config{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(server.Close)
			client := outbound.NewClient(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, MaxRedirects: -1})
			t.Cleanup(client.CloseIdleConnections)
			app := graphtest.DefaultApp()
			c := Config{
				Tenant: server.Tenant, ClientID: app.ID, Secret: app.Secret, Cloud: Custom, LoginURL: server.LoginURL, GraphURL: server.GraphURL, HTTP: client,
				Log:    slog.New(slog.DiscardHandler),
				timing: timing{backoff: gate.Backoff{First: 20 * time.Millisecond, Most: 200 * time.Millisecond}, pace: time.Millisecond, polled: time.Second, watched: 2 * time.Second},
			}
			var s *System
			if way == "told" {
				hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Notify().ServeHTTP(w, r) }))
				t.Cleanup(hook.Close)
				c.NotifyURL = hook.URL + "/hooks/graph"
			}
			if s, err = New(c); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			g := &gremlin{r: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 2)), server: server}
			var addresses []string
			for i := range 10 {
				m, err := server.AddMailbox(graphtest.Mailbox{UPN: fmt.Sprintf("p%02d@example.test", i), Zone: agendatest.Zone})
				if err != nil {
					t.Fatal(err)
				}
				addresses = append(addresses, m.UPN)
				for range 10 { // something to begin with
					g.change(t, m.UPN)
				}
			}
			o := agendatest.Start(t, agenda.KindGraph, s, addresses...)
			truth := func(mailbox string, from, to time.Time) []agendatest.Occurrence {
				all, err := server.View(mailbox, from, to)
				if err != nil {
					t.Fatal(err)
				}
				return inMailbox(all)
			}
			o.Agrees(t, truth, time.Minute)
			for i := range *rounds {
				g.change(t, addresses[g.r.IntN(len(addresses))])
				if g.r.IntN(10) == 0 {
					g.spite(t, addresses)
				}
				if g.r.IntN(4) == 0 {
					time.Sleep(time.Duration(g.r.IntN(20)) * time.Millisecond)
				}
				if (i+1)%250 == 0 {
					g.peace()
					o.Agrees(t, truth, time.Minute)
				}
			}
			g.peace()
			o.Agrees(t, truth, time.Minute)
			if strings.Contains(o.Log(), privateSubject) {
				t.Error("the subject of a private appointment is in the log")
			}
			if found := o.Files(privateSubject); len(found) > 0 {
				t.Errorf("the subject of a private appointment is in %q", found)
			}
		})
	}
}

// inMailbox translates what stands in a mailbox, as the specification has it and not as the client does.
func inMailbox(all []graphtest.Occurrence) (list []agendatest.Occurrence) {
	showAs := map[string]presence.ShowAs{
		"free": presence.ShowFree, "tentative": presence.ShowTentative, "busy": presence.ShowBusy, "oof": presence.ShowOutOfOffice,
		"workingElsewhere": presence.ShowElsewhere,
	}
	for _, x := range all {
		if x.Cancelled || x.Response == "declined" {
			continue
		}
		o := agendatest.Occurrence{
			ID: x.UID, Start: x.Start, End: x.End, ShowAs: showAs[x.ShowAs], Subject: x.Subject, Private: x.Sensitivity != "normal", Holiday: len(x.Categories) > 0,
		}
		if x.Recurring {
			o.ID += "/" + x.Original.UTC().Format("20060102T150405Z")
		}
		if x.AllDay {
			day := func(t time.Time) calendar.Date {
				y, m, d := t.UTC().Date()
				return calendar.Date{Year: y, Month: m, Day: d}
			}
			o.First, o.Behind = day(x.Start), day(x.End)
		}
		list = append(list, o)
	}
	return list
}

// gremlin changes mailboxes at random, and has the service fail.
type gremlin struct {
	r      *rand.Rand
	server *graphtest.Server
	n      int
	lifts  []func()
}

func (g *gremlin) one(words ...string) string { return words[g.r.IntN(len(words))] }

// event makes an appointment of the days around today.
func (g *gremlin) event(t *testing.T) graphtest.Event {
	t.Helper()
	r := g.r
	g.n++
	zone, err := time.LoadLocation(g.one("Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "UTC", "Pacific/Tongatapu"))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now().Add(time.Duration(r.IntN(72)-30) * time.Hour).Truncate(15 * time.Minute).In(zone)
	e := graphtest.Event{
		Subject: fmt.Sprintf("Appointment %d", g.n), Start: start, End: start.Add(time.Duration(1+r.IntN(12)) * 15 * time.Minute),
		ShowAs: g.one("busy", "busy", "tentative", "oof", "free", "workingElsewhere"),
	}
	if r.IntN(8) == 0 {
		e.AllDay = true
		y, m, d := start.Date()
		e.Start = time.Date(y, m, d, 0, 0, 0, 0, zone)
		e.End = e.Start.AddDate(0, 0, 1+r.IntN(2))
	}
	if r.IntN(5) == 0 {
		e.Sensitivity, e.Subject = g.one("private", "personal", "confidential"), privateSubject
	}
	if r.IntN(5) == 0 {
		e.Categories = []string{"On holiday"}
	}
	if r.IntN(3) == 0 {
		e.Start, e.End = e.Start.AddDate(0, 0, -20), e.End.AddDate(0, 0, -20)
		switch r.IntN(3) {
		case 0:
			e.Repeat = &graphtest.Repeat{Type: "daily", Interval: 1 + r.IntN(2)}
		case 1:
			e.Repeat = &graphtest.Repeat{Type: "weekly", Interval: 1 + r.IntN(2), Days: []time.Weekday{start.Weekday(), start.AddDate(0, 0, 1).Weekday()}}
		default:
			e.Repeat = &graphtest.Repeat{Type: "absoluteMonthly", Day: start.Day()}
		}
		if r.IntN(2) == 0 {
			e.Repeat.Count = 5 + r.IntN(40)
		}
	}
	return e
}

// change makes one change in a mailbox.
func (g *gremlin) change(t *testing.T, mailbox string) {
	t.Helper()
	r, now := g.r, time.Now()
	all, err := g.server.View(mailbox, now.AddDate(0, 0, -1), now.AddDate(0, 0, 3))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 3 || r.IntN(4) == 0 && len(all) < 40 {
		if _, err := g.server.Put(mailbox, g.event(t)); err != nil {
			t.Fatal(err)
		}
		return
	}
	x := all[r.IntN(len(all))]
	series, err := g.series(mailbox, x)
	if err != nil {
		t.Fatal(err)
	}
	change := func(edit func(*graphtest.Event)) {
		var err error
		if x.Recurring && r.IntN(2) == 0 {
			err = g.server.ChangeOccurrence(mailbox, series, x.Original.Format(time.DateOnly), edit)
		} else {
			err = g.server.Change(mailbox, series, edit)
		}
		_ = err // what the service refuses is no change
	}
	switch r.IntN(8) {
	case 0, 1:
		by := time.Duration(r.IntN(9)-4) * 15 * time.Minute
		change(func(e *graphtest.Event) {
			if !e.AllDay {
				e.Start, e.End = e.Start.Add(by), e.End.Add(by)
			}
		})
	case 2:
		change(func(e *graphtest.Event) {
			if !e.AllDay {
				e.End = e.End.Add(30 * time.Minute)
			}
		})
	case 3:
		as := g.one("busy", "free", "oof", "tentative")
		change(func(e *graphtest.Event) { e.ShowAs = as })
	case 4:
		change(func(e *graphtest.Event) { e.Sensitivity, e.Subject = "private", privateSubject })
	case 5:
		change(func(e *graphtest.Event) { e.Response = "declined" })
	case 6:
		if x.Recurring {
			g.server.DeleteOccurrence(mailbox, series, x.Original.Format(time.DateOnly)) // it may be deleted already
		} else if err := g.server.Delete(mailbox, series); err != nil {
			t.Fatal(err)
		}
	default:
		if err := g.server.Cancel(mailbox, series); err != nil {
			t.Fatal(err)
		}
	}
}

// series finds the event that an occurrence belongs to.
func (g *gremlin) series(mailbox string, x graphtest.Occurrence) (string, error) {
	ids, err := g.server.Events(mailbox)
	for _, id := range ids {
		if strings.HasPrefix(x.ID, id) {
			return id, err
		}
	}
	return x.ID, err
}

// spite has something go wrong for a while.
func (g *gremlin) spite(t *testing.T, addresses []string) {
	t.Helper()
	r := g.r
	who := addresses[r.IntN(len(addresses))]
	if len(g.lifts) > 3 {
		g.peace()
	}
	breaks := func(rule graphtest.Rule) { g.lifts = append(g.lifts, g.server.Break(rule)) }
	switch r.IntN(14) {
	case 0:
		breaks(graphtest.Rule{Do: graphtest.Drop, Times: 1 + r.IntN(5)})
	case 1:
		breaks(graphtest.Rule{Do: graphtest.Half, Times: 1 + r.IntN(5)})
	case 2:
		breaks(graphtest.Rule{Do: graphtest.Answer, Status: 429, Code: "TooManyRequests", RetryAfter: time.Second, Times: 1})
	case 3:
		breaks(graphtest.Rule{Mailbox: who, Do: graphtest.Answer, Status: 429, Code: "ApplicationThrottled", Times: 1 + r.IntN(3)})
	case 4:
		breaks(graphtest.Rule{Do: graphtest.Answer, Status: 503, Code: "ServiceUnavailable", Times: 1 + r.IntN(5)})
	case 5:
		breaks(graphtest.Rule{Do: graphtest.Answer, Status: 401, Code: "InvalidAuthenticationToken", Times: 1 + r.IntN(3)})
	case 6:
		g.server.ForgetTokens()
	case 7:
		breaks(graphtest.Rule{Mailbox: who, Do: graphtest.Answer, Status: 500, Code: "ErrorInternalServerError", Times: 1 + r.IntN(10)})
	case 8:
		breaks(graphtest.Rule{Mailbox: who, Do: graphtest.Slow, Delay: 100 * time.Millisecond, Times: 1 + r.IntN(5)})
	case 9:
		if err := g.server.LoseSubscriptions(who); err != nil {
			t.Fatal(err)
		}
	case 10:
		if err := g.server.Lifecycle(who, g.one("missed", "subscriptionRemoved", "reauthorizationRequired")); err != nil {
			t.Log(err) // it has none at the moment
		}
	case 11:
		g.server.SetNotifyFaults(graphtest.NotifyFaults{Twice: r.IntN(2) == 0, Late: time.Duration(r.IntN(100)) * time.Millisecond, Reverse: r.IntN(2) == 0, Miss: r.IntN(10)})
	case 12:
		if _, err := g.server.MoveMailbox(who); err != nil {
			t.Fatal(err)
		}
	case 13:
		g.server.SetClock(time.Duration(r.IntN(240)-120) * time.Second)
	}
}

// peace ends everything that goes wrong.
func (g *gremlin) peace() {
	for _, lift := range g.lifts {
		lift()
	}
	g.lifts = nil
	g.server.SetNotifyFaults(graphtest.NotifyFaults{})
	g.server.SetClock(0)
}
