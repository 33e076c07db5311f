package domino

import (
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/agenda/agendatest"
	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/source/domino/dominotest"
	"github.com/doorlight/doorlight/internal/source/gate"
	"github.com/doorlight/doorlight/internal/source/outbound"
	"github.com/doorlight/doorlight/presence"
)

var rounds = flag.Int("rounds", 1000, "changes in TestPresenceFollowsEveryMailFile")

const privateSubject = "zqPrivateSurgeryqz"

// TestPresenceFollowsEveryMailFile has people's calendars changed at random while everything goes wrong at random. When it
// is over, everybody's presence is what stands in their mail files, in whichever form the server hands them out.
func TestPresenceFollowsEveryMailFile(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]dominotest.Config{
		"occurrences": {Gaps: 4, Buffer: 70, ETags: true},
		"series":      {Series: true, Zones: true, Session: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, err := dominotest.Start(form)
			must(t, err)
			t.Cleanup(server.Close)
			client := outbound.NewClient(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
			t.Cleanup(client.CloseIdleConnections)
			s, err := New(Config{URL: server.URL, AllowHTTP: true, Username: dominotest.DefaultUsername, Password: dominotest.DefaultPassword,
				MailFile: "mail/{local}.nsf", HTTP: client, Log: slog.New(slog.DiscardHandler),
				timing: timing{backoff: gate.Backoff{First: 20 * time.Millisecond, Most: 200 * time.Millisecond}, polled: 500 * time.Millisecond, refused: 200 * time.Millisecond, page: 20}})
			must(t, err)
			t.Cleanup(s.Close)
			g := &gremlin{r: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 2)), server: server}
			var addresses []string
			for i := range 10 {
				address := fmt.Sprintf("p%02d@example.test", i)
				must(t, server.AddMailFile(dominotest.MailFile{Path: fileOf(address), Zone: agendatest.Zone}))
				addresses = append(addresses, address)
				for range 10 { // something to begin with
					g.change(t, fileOf(address))
				}
			}
			o := agendatest.Start(t, agenda.KindDomino, s, addresses...)
			inMailFile := func(mailbox string, from, to time.Time) []agendatest.Occurrence {
				all, err := server.View(fileOf(mailbox), from, to)
				must(t, err)
				return inMailFile(all)
			}
			o.Agrees(t, inMailFile, time.Minute)
			for i := range *rounds {
				g.change(t, fileOf(addresses[g.r.IntN(len(addresses))]))
				if g.r.IntN(10) == 0 {
					g.spite(t, addresses)
				}
				if g.r.IntN(4) == 0 {
					time.Sleep(time.Duration(g.r.IntN(20)) * time.Millisecond)
				}
				if (i+1)%250 == 0 {
					g.peace()
					o.Agrees(t, inMailFile, time.Minute)
				}
			}
			g.peace()
			o.Agrees(t, inMailFile, time.Minute)
			for _, secret := range []string{privateSubject, dominotest.DefaultPassword} {
				if strings.Contains(o.Log(), secret) {
					t.Errorf("%q is in the log", secret)
				}
				if found := o.Files(secret); len(found) > 0 {
					t.Errorf("%q is in %q", secret, found)
				}
			}
		})
	}
}

func fileOf(address string) string {
	local, _, _ := strings.Cut(address, "@")
	return "mail/" + local + ".nsf"
}

// inMailFile translates what stands in a mail file, as Notes has it and not as the client does.
func inMailFile(all []dominotest.Occurrence) (list []agendatest.Occurrence) {
	for _, x := range all {
		if x.Status == "cancelled" || x.Declined {
			continue
		}
		o := agendatest.Occurrence{ID: x.UID, Start: x.Start, End: x.End, ShowAs: presence.ShowBusy, Subject: x.Subject,
			Private: x.Class == "private" || x.Class == "confidential", Holiday: len(x.Categories) > 0}
		switch {
		case x.Transparent, x.Type == "1", x.Type == "4":
			o.ShowAs = presence.ShowFree
		case x.Status == "tentative":
			o.ShowAs = presence.ShowTentative
		}
		if x.RecurrenceID != "" {
			o.ID += "/" + x.RecurrenceID
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

// gremlin changes mail files at random, and has the server fail.
type gremlin struct {
	r      *rand.Rand
	server *dominotest.Server
	n      int
	lifts  []func()
}

func (g *gremlin) one(words ...string) string { return words[g.r.IntN(len(words))] }

// event makes an entry of the days around today.
func (g *gremlin) event(t *testing.T) dominotest.Event {
	t.Helper()
	r := g.r
	g.n++
	zone, err := time.LoadLocation(g.one("Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "UTC", "America/New_York"))
	must(t, err)
	start := time.Now().Add(time.Duration(r.IntN(72)-30) * time.Hour).Truncate(15 * time.Minute).In(zone)
	e := dominotest.Event{Subject: fmt.Sprintf("Appointment %d", g.n), Start: start, End: start.Add(time.Duration(1+r.IntN(12)) * 15 * time.Minute),
		Transparent: r.IntN(5) == 0, Status: g.one("", "", "confirmed", "tentative"), Type: g.one("", "", "3", "4")}
	if r.IntN(8) == 0 {
		y, m, d := start.Date()
		e.AllDay, e.Type = true, g.one("2", "2", "1")
		e.Start = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
		e.End = e.Start.AddDate(0, 0, 1+r.IntN(12))
	}
	if e.Type == "4" { // reminders take no time
		e.End = e.Start
	}
	if r.IntN(5) == 0 {
		e.Class, e.Subject = g.one("private", "confidential"), privateSubject
	}
	if r.IntN(5) == 0 {
		e.Categories = []string{"On holiday"}
	}
	if r.IntN(3) == 0 && e.End.Sub(e.Start) < 25*time.Hour {
		e.Start, e.End = e.Start.AddDate(0, 0, -20), e.End.AddDate(0, 0, -20)
		switch r.IntN(3) {
		case 0:
			e.Repeat = &dominotest.Repeat{Every: "day", Interval: 1 + r.IntN(2)}
		case 1:
			e.Repeat = &dominotest.Repeat{Every: "week", Interval: 1 + r.IntN(2), Days: []time.Weekday{start.Weekday(), start.AddDate(0, 0, 1).Weekday()}}
			for e.Start.Weekday() != e.Repeat.Days[0] && e.Start.Weekday() != e.Repeat.Days[1] { // DTSTART is the first occurrence (RFC 5545 §3.8.5.3)
				e.Start, e.End = e.Start.AddDate(0, 0, 1), e.End.AddDate(0, 0, 1)
			}
		default:
			e.Repeat = &dominotest.Repeat{Every: "month"}
		}
		if r.IntN(2) == 0 {
			e.Repeat.Count = 5 + r.IntN(40)
		}
	}
	return e
}

// change makes one change in a mail file.
func (g *gremlin) change(t *testing.T, file string) {
	t.Helper()
	r, now := g.r, time.Now()
	all, err := g.server.View(file, now.AddDate(0, 0, -1), now.AddDate(0, 0, 3))
	must(t, err)
	if len(all) < 3 || r.IntN(4) == 0 && len(all) < 40 {
		_, err := g.server.Put(file, g.event(t))
		must(t, err)
		return
	}
	x := all[r.IntN(len(all))]
	original := ""
	if x.RecurrenceID != "" {
		original = g.originalDate(t, file, x)
	}
	change := func(edit func(*dominotest.Event)) {
		if original != "" && r.IntN(2) == 0 {
			must(t, g.server.ChangeOccurrence(file, x.UID, original, edit))
		} else {
			must(t, g.server.Change(file, x.UID, edit))
		}
	}
	switch r.IntN(8) {
	case 0, 1:
		by := time.Duration(r.IntN(9)-4) * 15 * time.Minute
		change(func(e *dominotest.Event) {
			if !e.AllDay && e.Start.Add(by).Weekday() == e.Start.Weekday() {
				e.Start, e.End = e.Start.Add(by), e.End.Add(by)
			}
		})
	case 2:
		change(func(e *dominotest.Event) {
			if !e.AllDay && e.Type != "4" {
				e.End = e.End.Add(30 * time.Minute)
			}
		})
	case 3:
		transparent := r.IntN(2) == 0
		change(func(e *dominotest.Event) { e.Transparent = transparent })
	case 4:
		change(func(e *dominotest.Event) { e.Class, e.Subject = "private", privateSubject })
	case 5:
		must(t, g.server.Decline(file, x.UID))
	case 6:
		if original != "" {
			must(t, g.server.DeleteOccurrence(file, x.UID, original))
		} else {
			must(t, g.server.Delete(file, x.UID))
		}
	default:
		must(t, g.server.Cancel(file, x.UID))
	}
}

// originalDate returns the date on which an occurrence would begin, by which the stand-in knows it.
func (g *gremlin) originalDate(t *testing.T, file string, x dominotest.Occurrence) string {
	t.Helper()
	date, err := g.server.OriginalDate(file, x.UID, x.RecurrenceID)
	must(t, err)
	return date
}

// spite has something go wrong for a while.
func (g *gremlin) spite(t *testing.T, addresses []string) {
	t.Helper()
	r := g.r
	who := fileOf(addresses[r.IntN(len(addresses))])
	if len(g.lifts) > 3 {
		g.peace()
	}
	breaks := func(rule dominotest.Rule) { g.lifts = append(g.lifts, g.server.Break(rule)) }
	switch r.IntN(11) {
	case 0:
		breaks(dominotest.Rule{Do: dominotest.Drop, Times: 1 + r.IntN(5)})
	case 1:
		breaks(dominotest.Rule{Do: dominotest.Half, Times: 1 + r.IntN(5)})
	case 2:
		breaks(dominotest.Rule{Do: dominotest.Answer, Status: 503, RetryAfter: time.Second, Times: 1})
	case 3:
		breaks(dominotest.Rule{Do: dominotest.Answer, Status: 503, Times: 1 + r.IntN(5)})
	case 4:
		breaks(dominotest.Rule{Do: dominotest.Answer, Status: 401, Times: 1 + r.IntN(3)})
	case 5:
		g.server.ForgetSessions()
	case 6:
		breaks(dominotest.Rule{MailFile: who, Do: dominotest.Answer, Status: 500, Times: 1 + r.IntN(10)})
	case 7:
		breaks(dominotest.Rule{MailFile: who, Do: dominotest.Slow, Delay: 100 * time.Millisecond, Times: 1 + r.IntN(5)})
	case 8:
		breaks(dominotest.Rule{Do: dominotest.Damage, Times: 1 + r.IntN(3)})
	case 9:
		g.server.SetService(false)
		g.lifts = append(g.lifts, func() { g.server.SetService(true) })
	case 10:
		g.server.SetPassword("another one")
		g.lifts = append(g.lifts, func() { g.server.SetPassword(dominotest.DefaultPassword) })
	}
}

// peace ends everything that goes wrong.
func (g *gremlin) peace() {
	for _, lift := range g.lifts {
		lift()
	}
	g.lifts = nil
}
