package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/presence"
)

// calendarName is what the members call their calendars.
const calendarName = "Office calendar"

// publisher publishes the members' calendars on an address of this computer that nobody else reaches.
type publisher struct {
	roster *Roster
	clock  Clock
	seed   uint64

	base    string
	secret  string // part of the addresses, as publishers do
	server  *http.Server
	stopped chan error

	mu   sync.Mutex // guards days, which are those of the window last asked for
	days map[int][]Appointment
}

// appointments returns what stands in all calendars on some days. Everybody's calendar is made of the same.
func (p *publisher) appointments(from, to int) [][]Appointment {
	p.mu.Lock()
	defer p.mu.Unlock()
	days := make(map[int][]Appointment, to-from)
	list := make([][]Appointment, 0, to-from)
	for day := from; day < to; day++ {
		a, ok := p.days[day]
		if !ok {
			a = p.roster.Day(p.seed, day).Appointments
		}
		days[day] = a
		list = append(list, a)
	}
	p.days = days
	return list
}

// publish begins to serve the calendars.
func publish(r *Roster, c Clock, seed uint64) (*publisher, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &publisher{roster: r, clock: c, seed: seed, base: "http://" + l.Addr().String(), secret: "published", stopped: make(chan error, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /"+p.secret+"/{file}", p.serve)
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { p.stopped <- p.server.Serve(l) }()
	return p, nil
}

func (p *publisher) close() {
	p.server.Close()
	<-p.stopped
}

func (p *publisher) url(login string) string { return p.base + "/" + p.secret + "/" + login + ".ics" }

// subscribe enters the calendars of all members who have one. Those of an earlier run are moved to the new address.
func (p *publisher) subscribe(ctx context.Context, ag *agenda.Agenda) error {
	for i := range p.roster.Members {
		m := &p.roster.Members[i]
		if !m.hasCalendar() {
			continue
		}
		e := agenda.Entry{PersonID: m.Login, Kind: agenda.KindFeed, Name: calendarName, URL: p.url(m.Login)}
		for _, known := range ag.Calendars(m.Login) {
			if known.Name == calendarName {
				e.ID = known.ID
			}
		}
		if _, err := ag.Put(ctx, office.By{}, e); fault.KindOf(err) == fault.Forbidden || fault.KindOf(err) == fault.Conflict {
			continue // somebody has switched calendars off there
		} else if err != nil {
			return fmt.Errorf("calendar of %s: %w", m.Login, err)
		}
	}
	return nil
}

func (m *Member) hasCalendar() bool {
	return m.Team != Reception && m.Habit != NightShift && m.Habit != NotYetHere
}

func (p *publisher) serve(w http.ResponseWriter, r *http.Request) {
	login, ok := strings.CutSuffix(r.PathValue("file"), ".ics")
	m := p.roster.Member(login)
	if !ok || m == nil || !m.hasCalendar() {
		http.NotFound(w, r)
		return
	}
	today, _ := p.clock.Sim(time.Now())
	from, to := p.clock.window(today)
	body := calendarOf(p.clock, m, from, p.appointments(from, to))
	sum := sha256.Sum256(body)
	etag := `"` + hex.EncodeToString(sum[:8]) + `"`
	w.Header().Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
	w.Write(body) // the reader may be gone
}

// window returns which days stand in the calendars on a day: on real days the week that was and the two to come.
func (c Clock) window(day int) (from, to int) {
	if c.speed == Slowest {
		return day - 7, day + 14
	}
	return day - 1, day + 3
}

// calendarOf writes a member's calendar (RFC 5545) of days that begin with from.
func calendarOf(c Clock, m *Member, from int, days [][]Appointment) []byte {
	w := icsWriter{reminders: c.speed == Slowest} // ten minutes before are hours on fast days
	w.line("BEGIN:VCALENDAR")
	w.line("VERSION:2.0")
	w.line("PRODID:-//Lindner und Hartwig//Calendar//EN")
	w.line("X-WR-CALNAME:" + escape(m.Name))
	for i, appointments := range days {
		day := from + i
		for _, a := range appointments {
			if !slices.Contains(a.People, m.Login) || a.From < c.first || a.To > c.first+c.length {
				continue
			}
			switch {
			case !a.Daily:
				w.event(&a, c.Real(day, a.From), c.Real(day, a.To))
			case day == from:
				w.recurring(&a, c, from, from+len(days))
			}
		}
	}
	w.allDay(m, c.start)
	w.line("END:VCALENDAR")
	return []byte(w.String())
}

type icsWriter struct {
	strings.Builder
	reminders bool
}

// line writes a content line, folded where it is longer than 75 octets (RFC 5545 §3.1).
func (w *icsWriter) line(s string) {
	for most := 75; len(s) > most; most = 74 {
		cut := most
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		w.WriteString(s[:cut] + "\r\n ")
		s = s[cut:]
	}
	w.WriteString(s + "\r\n")
}

var escaper = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`)

func escape(s string) string { return escaper.Replace(s) }

func utc(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// begin writes what all events have.
func (w *icsWriter) begin(a *Appointment, stamp time.Time) {
	w.line("BEGIN:VEVENT")
	w.line("UID:" + a.ID + "@lindner-hartwig.example")
	w.line("DTSTAMP:" + utc(stamp))
	w.line("SUMMARY:" + escape(a.Subject))
	if a.Category != "" {
		w.line("CATEGORIES:" + escape(a.Category))
	}
	if a.URL != "" {
		w.line("URL:" + a.URL)
	}
	if a.Private {
		w.line("CLASS:PRIVATE")
	}
	switch a.ShowAs {
	case presence.ShowOutOfOffice:
		w.line("X-MICROSOFT-CDO-BUSYSTATUS:OOF")
	case presence.ShowTentative:
		w.line("STATUS:TENTATIVE")
		w.line("X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE")
	case presence.ShowElsewhere:
		w.line("X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE")
	case presence.ShowFree:
		w.line("TRANSP:TRANSPARENT")
	}
}

func (w *icsWriter) end(a *Appointment) {
	if a.ShowAs == presence.ShowBusy && w.reminders {
		w.line("BEGIN:VALARM")
		w.line("ACTION:DISPLAY")
		w.line("DESCRIPTION:" + escape(a.Subject))
		w.line("TRIGGER:-PT10M")
		w.line("END:VALARM")
	}
	w.line("END:VEVENT")
}

func (w *icsWriter) event(a *Appointment, from, to time.Time) {
	w.begin(a, from)
	w.line("DTSTART:" + utc(from))
	w.line("DTEND:" + utc(to))
	w.end(a)
}

// recurring writes what is there every day: by a rule where days have 24 hours, else by its dates, since no rule that
// calendars have to understand repeats every few minutes.
func (w *icsWriter) recurring(a *Appointment, c Clock, from, to int) {
	begin := c.Real(from, a.From)
	w.begin(a, begin)
	w.line("DTSTART:" + utc(begin))
	w.line(fmt.Sprintf("DURATION:PT%dS", max(1, int(time.Duration(float64(a.To-a.From)/c.speed)/time.Second))))
	if c.speed == Slowest {
		w.line(fmt.Sprintf("RRULE:FREQ=DAILY;COUNT=%d", to-from))
	} else {
		var dates []string
		for day := from + 1; day < to; day++ {
			dates = append(dates, utc(c.Real(day, a.From)))
		}
		w.line("RDATE:" + strings.Join(dates, ","))
	}
	w.end(a)
}

// allDay writes what takes whole real days, however fast those of the office go.
func (w *icsWriter) allDay(m *Member, now time.Time) {
	if zone, err := time.LoadLocation(homeZone); err == nil {
		now = now.In(zone)
	}
	a := Appointment{ShowAs: presence.ShowOutOfOffice}
	before, after := 0, 0 // days
	switch {
	case m.Habit == AwayOnLeave:
		a.ID, a.Subject, a.Category, before, after = "leave-"+m.Login, "Urlaub", "On holiday", 4, 10
	case m.Habit == AtFair:
		a.ID, a.Subject, before, after = "fair-"+m.Login, "Messe Köln", 1, 3
	case m.Login == "tim":
		a.ID, a.Subject, a.ShowAs, before, after = "birthday-"+m.Login, "Geburtstag", presence.ShowFree, 0, 1
	case m.Login == "matthias":
		a.ID, a.Subject, a.ShowAs, before, after = "fair-"+m.Login, "Messe Köln (evtl.)", presence.ShowTentative, -2, 4
	default:
		return
	}
	day := func(n int) string { return now.AddDate(0, 0, n).Format("20060102") }
	w.begin(&a, now)
	w.line("DTSTART;VALUE=DATE:" + day(-before))
	w.line("DTEND;VALUE=DATE:" + day(after))
	w.end(&a)
}
