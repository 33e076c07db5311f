package graph

import (
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
	"github.com/doorlight/doorlight/internal/source/gate"
	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/internal/source/outbound"
	"github.com/doorlight/doorlight/presence"
)

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
			addresses := agendatest.Addresses()
			for _, a := range addresses {
				_, err := server.AddMailbox(graphtest.Mailbox{UPN: a, Zone: agendatest.Zone})
				must(t, err)
			}
			agendatest.Endure(t, agenda.KindGraph, s, addresses, &gremlin{server: server})
		})
	}
}

// gremlin changes mailboxes at random, and has the service fail.
type gremlin struct {
	agendatest.Troubles
	server *graphtest.Server
}

// View translates what stands in a mailbox, as the specification has it and not as the client does.
func (g *gremlin) View(t *testing.T, mailbox string, from, to time.Time) (list []agendatest.Occurrence) {
	t.Helper()
	all, err := g.server.View(mailbox, from, to)
	must(t, err)
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
			o.First, o.Behind = agendatest.Day(x.Start.UTC()), agendatest.Day(x.End.UTC())
		}
		list = append(list, o)
	}
	return list
}

// event makes an appointment of the days around today.
func (g *gremlin) event(t *testing.T) graphtest.Event {
	t.Helper()
	zone, err := time.LoadLocation(agendatest.One("Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "UTC", "Pacific/Tongatapu"))
	must(t, err)
	start, end, subject := agendatest.Sometime()
	start = start.In(zone)
	e := graphtest.Event{Subject: subject, Start: start, End: end.In(zone), ShowAs: agendatest.One("busy", "busy", "tentative", "oof", "free", "workingElsewhere")}
	if rand.IntN(8) == 0 {
		e.AllDay = true
		y, m, d := start.Date()
		e.Start = time.Date(y, m, d, 0, 0, 0, 0, zone)
		e.End = e.Start.AddDate(0, 0, 1+rand.IntN(2))
	}
	if rand.IntN(5) == 0 {
		e.Sensitivity, e.Subject = agendatest.One("private", "personal", "confidential"), agendatest.PrivateSubject
	}
	if rand.IntN(5) == 0 {
		e.Categories = []string{"On holiday"}
	}
	if rand.IntN(3) == 0 {
		e.Start, e.End = e.Start.AddDate(0, 0, -20), e.End.AddDate(0, 0, -20)
		switch rand.IntN(3) {
		case 0:
			e.Repeat = &graphtest.Repeat{Type: "daily", Interval: 1 + rand.IntN(2)}
		case 1:
			e.Repeat = &graphtest.Repeat{Type: "weekly", Interval: 1 + rand.IntN(2), Days: []time.Weekday{start.Weekday(), start.AddDate(0, 0, 1).Weekday()}}
		default:
			e.Repeat = &graphtest.Repeat{Type: "absoluteMonthly", Day: start.Day()}
		}
		if rand.IntN(2) == 0 {
			e.Repeat.Count = 5 + rand.IntN(40)
		}
	}
	return e
}

// Change makes one change in a mailbox.
func (g *gremlin) Change(t *testing.T, mailbox string) {
	t.Helper()
	now := time.Now()
	all, err := g.server.View(mailbox, now.AddDate(0, 0, -1), now.AddDate(0, 0, 3))
	must(t, err)
	if len(all) < 3 || rand.IntN(4) == 0 && len(all) < 40 {
		_, err := g.server.Put(mailbox, g.event(t))
		must(t, err)
		return
	}
	x := all[rand.IntN(len(all))]
	series, err := g.series(mailbox, x)
	must(t, err)
	change := func(edit func(*graphtest.Event)) {
		var err error
		if x.Recurring && rand.IntN(2) == 0 {
			err = g.server.ChangeOccurrence(mailbox, series, x.Original.Format(time.DateOnly), edit)
		} else {
			err = g.server.Change(mailbox, series, edit)
		}
		_ = err // what the service refuses is no change
	}
	switch rand.IntN(8) {
	case 0, 1:
		by := time.Duration(rand.IntN(9)-4) * 15 * time.Minute
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
		as := agendatest.One("busy", "free", "oof", "tentative")
		change(func(e *graphtest.Event) { e.ShowAs = as })
	case 4:
		change(func(e *graphtest.Event) { e.Sensitivity, e.Subject = "private", agendatest.PrivateSubject })
	case 5:
		change(func(e *graphtest.Event) { e.Response = "declined" })
	case 6:
		if x.Recurring {
			g.server.DeleteOccurrence(mailbox, series, x.Original.Format(time.DateOnly)) // it may be deleted already
		} else {
			must(t, g.server.Delete(mailbox, series))
		}
	default:
		must(t, g.server.Cancel(mailbox, series))
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

// Spite has something go wrong for a while.
func (g *gremlin) Spite(t *testing.T, who string) {
	t.Helper()
	breaks := func(rule graphtest.Rule) { g.Until(g.server.Break(rule)) }
	switch rand.IntN(14) {
	case 0:
		breaks(graphtest.Rule{Do: graphtest.Drop, Times: 1 + rand.IntN(5)})
	case 1:
		breaks(graphtest.Rule{Do: graphtest.Half, Times: 1 + rand.IntN(5)})
	case 2:
		breaks(graphtest.Rule{Do: graphtest.Answer, Status: 429, Code: "TooManyRequests", RetryAfter: time.Second, Times: 1})
	case 3:
		breaks(graphtest.Rule{Mailbox: who, Do: graphtest.Answer, Status: 429, Code: "ApplicationThrottled", Times: 1 + rand.IntN(3)})
	case 4:
		breaks(graphtest.Rule{Do: graphtest.Answer, Status: 503, Code: "ServiceUnavailable", Times: 1 + rand.IntN(5)})
	case 5:
		breaks(graphtest.Rule{Do: graphtest.Answer, Status: 401, Code: "InvalidAuthenticationToken", Times: 1 + rand.IntN(3)})
	case 6:
		g.server.ForgetTokens()
	case 7:
		breaks(graphtest.Rule{Mailbox: who, Do: graphtest.Answer, Status: 500, Code: "ErrorInternalServerError", Times: 1 + rand.IntN(10)})
	case 8:
		breaks(graphtest.Rule{Mailbox: who, Do: graphtest.Slow, Delay: 100 * time.Millisecond, Times: 1 + rand.IntN(5)})
	case 9:
		must(t, g.server.LoseSubscriptions(who))
	case 10:
		if err := g.server.Lifecycle(who, agendatest.One("missed", "subscriptionRemoved", "reauthorizationRequired")); err != nil {
			t.Log(err) // it has none at the moment
		}
	case 11:
		g.server.SetNotifyFaults(graphtest.NotifyFaults{Twice: rand.IntN(2) == 0, Late: time.Duration(rand.IntN(100)) * time.Millisecond, Reverse: rand.IntN(2) == 0, Miss: rand.IntN(10)})
		g.Until(func() { g.server.SetNotifyFaults(graphtest.NotifyFaults{}) })
	case 12:
		_, err := g.server.MoveMailbox(who)
		must(t, err)
	case 13:
		g.server.SetClock(time.Duration(rand.IntN(240)-120) * time.Second)
		g.Until(func() { g.server.SetClock(0) })
	}
}
