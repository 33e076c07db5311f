package agenda

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/store"
)

const (
	mostHanded   = 2000 // appointments that a program hands over at a time
	longestField = 255  // bytes of an appointment's ID, and characters of one category
	mostWords    = 50   // categories of an appointment

	longestHanded = 10 * 365 * 24 * time.Hour // what lasts longer package calendar takes for a mistake
)

// Handed is what a program on somebody's computer hands over of a calendar that is reached from there only: the
// appointments of a span, in place of what it handed over before.
type Handed struct {
	PersonID     string
	Name         string // of the calendar, such as "Outlook"; calendars of one name are one
	Appointments []calendar.Appointment
	Lease        time.Duration // so long it holds, unless it is handed over again; at most a day
}

// Hand takes over a calendar of kind local. It is refused where calendars are read centrally.
func (a *Agenda) Hand(ctx context.Context, by office.By, in Handed) (Status, error) {
	p, ok := a.office.Person(in.PersonID)
	if !ok {
		return Status{}, fault.New(fault.NotFound, "there is no person %q", in.PersonID)
	}
	if err := may(p, KindLocal, ""); err != nil {
		return Status{}, err
	}
	var bad fault.Fields
	in.Name = strings.TrimSpace(in.Name)
	if in.Name == "" || utf8.RuneCountInString(in.Name) > longestName || !utf8.ValidString(in.Name) || strings.ContainsFunc(in.Name, unicode.IsControl) {
		bad.Add("name", "must be one line of at most %d characters", longestName)
	}
	if in.Lease < time.Minute || in.Lease > trust {
		bad.Add("lease_seconds", "must be between 60 and %d", int(trust.Seconds()))
	}
	checkHanded(in.Appointments, &bad)
	if err := bad.Err(); err != nil {
		return Status{}, err
	}
	e, err := a.local(ctx, by, p, in.Name)
	if err != nil {
		return Status{}, err
	}
	if err := e.lock(ctx); err != nil {
		return Status{}, err
	}
	defer a.release(e)
	rec := a.record(e)
	if _, err := a.find(p.ID, rec.ID); err != nil {
		return Status{}, err // deleted meanwhile
	}
	now := time.Now().UTC()
	rec.CheckedAt, rec.SucceededAt, rec.Error, rec.Problems = now, now, "", nil
	rec.State = now.Add(in.Lease).Format(time.RFC3339Nano)
	data := calendar.Write(in.Appointments)
	cal, err := calendar.Parse(strings.NewReader(string(data)), calendar.Limits{})
	if err != nil {
		return Status{}, err
	}
	sum := sha256.Sum256(data)
	put := store.CalendarObject{CalendarID: rec.ID, Href: "view", ETag: hex.EncodeToString(sum[:16]), Data: cal.Strip()}
	if err := a.store.SyncCalendar(ctx, rec, []store.CalendarObject{put}, nil, true); err != nil {
		return Status{}, err
	}
	a.entered(e, rec, now)
	if err := a.derive(ctx, e); err != nil {
		return Status{}, err
	}
	return a.status(e), nil
}

// handedUntil returns until when what was handed over of a calendar holds.
func handedUntil(rec *store.Calendar) time.Time {
	until, _ := time.Parse(time.RFC3339Nano, rec.State) // else never
	return until
}

// local returns a person's calendar of kind local of a name; it is made if there is none.
func (a *Agenda) local(ctx context.Context, by office.By, p *office.Person, name string) (*entry, error) {
	a.making.Lock()
	defer a.making.Unlock()
	all := a.of(p.ID)
	for _, e := range all {
		if rec := a.record(e); rec.Kind == KindLocal && rec.Name == name {
			return e, nil
		}
	}
	if len(all) >= mostEach {
		return nil, fault.Bad("name", "there are %d calendars already", mostEach)
	}
	e := newEntry(store.Calendar{ID: office.NewID(), PersonID: p.ID, Kind: KindLocal, Name: name})
	if err := a.store.Update(ctx, store.Changes{
		PutCalendars: []store.Calendar{e.rec},
		Audit:        []store.AuditEntry{entryAbout(by, "calendar.add", p, map[string]any{"calendar": e.rec.ID, "name": name})},
	}); err != nil {
		return nil, err
	}
	a.added(e)
	return e, nil
}

func checkHanded(all []calendar.Appointment, bad *fault.Fields) {
	if len(all) > mostHanded {
		bad.Add("appointments", "are more than %d", mostHanded)
		return
	}
	seen := map[string]bool{}
	for i := range all {
		x, at := &all[i], "appointments["+strconv.Itoa(i)+"]"
		switch {
		case x.ID == "" || len(x.ID) > longestField || !utf8.ValidString(x.ID) || strings.ContainsFunc(x.ID, unicode.IsControl):
			bad.Add(at+".id", "must be one line of at most %d bytes", longestField)
		case seen[x.ID]:
			bad.Add(at+".id", "%q is there twice; each occurrence has its own", x.ID)
		}
		seen[x.ID] = true
		if x.AllDay {
			if x.EndDate.String() <= x.StartDate.String() {
				bad.Add(at+".end_date", "must be after start_date: it is the first day behind the appointment")
			}
		} else if x.End.Before(x.Start) {
			bad.Add(at+".end", "is before start")
		}
		if lasts(x) > longestHanded {
			bad.Add(at, "lasts longer than ten years")
		}
		if len(x.Categories) > mostWords {
			bad.Add(at+".categories", "are more than %d", mostWords)
		}
		if x.Reminder < 0 {
			bad.Add(at+".reminder_minutes", "must not be negative")
		}
	}
}

func lasts(x *calendar.Appointment) time.Duration {
	if !x.AllDay {
		return x.End.Sub(x.Start)
	}
	day := func(d calendar.Date) time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }
	return day(x.EndDate).Sub(day(x.StartDate))
}
