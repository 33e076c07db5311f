package domino

import (
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/agenda/agendatest"
	"github.com/doorlight/doorlight/internal/source/domino/dominotest"
	"github.com/doorlight/doorlight/internal/source/gate"
	"github.com/doorlight/doorlight/internal/source/outbound"
	"github.com/doorlight/doorlight/presence"
)

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
			addresses := agendatest.Addresses()
			for _, a := range addresses {
				must(t, server.AddMailFile(dominotest.MailFile{Path: fileOf(a), Zone: agendatest.Zone}))
			}
			agendatest.Endure(t, agenda.KindDomino, s, addresses, &gremlin{server: server}, dominotest.DefaultPassword)
		})
	}
}

func fileOf(address string) string {
	local, _, _ := strings.Cut(address, "@")
	return "mail/" + local + ".nsf"
}

// gremlin changes mail files at random, and has the server fail.
type gremlin struct {
	agendatest.Troubles
	server *dominotest.Server
}

// View translates what stands in a mail file, as Notes has it and not as the client does.
func (g *gremlin) View(t *testing.T, mailbox string, from, to time.Time) (list []agendatest.Occurrence) {
	t.Helper()
	all, err := g.server.View(fileOf(mailbox), from, to)
	must(t, err)
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
			o.First, o.Behind = agendatest.Day(x.Start.UTC()), agendatest.Day(x.End.UTC())
		}
		list = append(list, o)
	}
	return list
}

// event makes an entry of the days around today.
func (g *gremlin) event(t *testing.T) dominotest.Event {
	t.Helper()
	zone, err := time.LoadLocation(agendatest.One("Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "UTC", "America/New_York"))
	must(t, err)
	start, end, subject := agendatest.Sometime()
	start = start.In(zone)
	e := dominotest.Event{Subject: subject, Start: start, End: end.In(zone),
		Transparent: rand.IntN(5) == 0, Status: agendatest.One("", "", "confirmed", "tentative"), Type: agendatest.One("", "", "3", "4")}
	if rand.IntN(8) == 0 {
		y, m, d := start.Date()
		e.AllDay, e.Type = true, agendatest.One("2", "2", "1")
		e.Start = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
		e.End = e.Start.AddDate(0, 0, 1+rand.IntN(12))
	}
	if e.Type == "4" { // reminders take no time
		e.End = e.Start
	}
	if rand.IntN(5) == 0 {
		e.Class, e.Subject = agendatest.One("private", "confidential"), agendatest.PrivateSubject
	}
	if rand.IntN(5) == 0 {
		e.Categories = []string{"On holiday"}
	}
	if rand.IntN(3) == 0 && e.End.Sub(e.Start) < 25*time.Hour {
		e.Start, e.End = e.Start.AddDate(0, 0, -20), e.End.AddDate(0, 0, -20)
		switch rand.IntN(3) {
		case 0:
			e.Repeat = &dominotest.Repeat{Every: "day", Interval: 1 + rand.IntN(2)}
		case 1:
			e.Repeat = &dominotest.Repeat{Every: "week", Interval: 1 + rand.IntN(2), Days: []time.Weekday{start.Weekday(), start.AddDate(0, 0, 1).Weekday()}}
			for e.Start.Weekday() != e.Repeat.Days[0] && e.Start.Weekday() != e.Repeat.Days[1] { // DTSTART is the first occurrence (RFC 5545 §3.8.5.3)
				e.Start, e.End = e.Start.AddDate(0, 0, 1), e.End.AddDate(0, 0, 1)
			}
		default:
			e.Repeat = &dominotest.Repeat{Every: "month"}
		}
		if rand.IntN(2) == 0 {
			e.Repeat.Count = 5 + rand.IntN(40)
		}
	}
	return e
}

// Change makes one change in a mail file.
func (g *gremlin) Change(t *testing.T, mailbox string) {
	t.Helper()
	file, now := fileOf(mailbox), time.Now()
	all, err := g.server.View(file, now.AddDate(0, 0, -1), now.AddDate(0, 0, 3))
	must(t, err)
	if len(all) < 3 || rand.IntN(4) == 0 && len(all) < 40 {
		_, err := g.server.Put(file, g.event(t))
		must(t, err)
		return
	}
	x := all[rand.IntN(len(all))]
	original := ""
	if x.RecurrenceID != "" {
		original = g.originalDate(t, file, x)
	}
	change := func(edit func(*dominotest.Event)) {
		if original != "" && rand.IntN(2) == 0 {
			must(t, g.server.ChangeOccurrence(file, x.UID, original, edit))
		} else {
			must(t, g.server.Change(file, x.UID, edit))
		}
	}
	switch rand.IntN(8) {
	case 0, 1:
		by := time.Duration(rand.IntN(9)-4) * 15 * time.Minute
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
		transparent := rand.IntN(2) == 0
		change(func(e *dominotest.Event) { e.Transparent = transparent })
	case 4:
		change(func(e *dominotest.Event) { e.Class, e.Subject = "private", agendatest.PrivateSubject })
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

// Spite has something go wrong for a while.
func (g *gremlin) Spite(_ *testing.T, mailbox string) {
	breaks := func(rule dominotest.Rule) { g.Until(g.server.Break(rule)) }
	switch rand.IntN(11) {
	case 0:
		breaks(dominotest.Rule{Do: dominotest.Drop, Times: 1 + rand.IntN(5)})
	case 1:
		breaks(dominotest.Rule{Do: dominotest.Half, Times: 1 + rand.IntN(5)})
	case 2:
		breaks(dominotest.Rule{Do: dominotest.Answer, Status: 503, RetryAfter: time.Second, Times: 1})
	case 3:
		breaks(dominotest.Rule{Do: dominotest.Answer, Status: 503, Times: 1 + rand.IntN(5)})
	case 4:
		breaks(dominotest.Rule{Do: dominotest.Answer, Status: 401, Times: 1 + rand.IntN(3)})
	case 5:
		g.server.ForgetSessions()
	case 6:
		breaks(dominotest.Rule{MailFile: fileOf(mailbox), Do: dominotest.Answer, Status: 500, Times: 1 + rand.IntN(10)})
	case 7:
		breaks(dominotest.Rule{MailFile: fileOf(mailbox), Do: dominotest.Slow, Delay: 100 * time.Millisecond, Times: 1 + rand.IntN(5)})
	case 8:
		breaks(dominotest.Rule{Do: dominotest.Damage, Times: 1 + rand.IntN(3)})
	case 9:
		g.server.SetService(false)
		g.Until(func() { g.server.SetService(true) })
	case 10:
		g.server.SetPassword("another one")
		g.Until(func() { g.server.SetPassword(dominotest.DefaultPassword) })
	}
}
