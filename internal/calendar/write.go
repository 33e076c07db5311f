package calendar

import (
	"net/url"
	"strings"
	"time"
)

// Write returns iCalendar whose expansion gives the same appointments, each an event of its own: for servers that
// expand recurrence themselves and hand out occurrences. The order is kept, so that equal appointments give equal
// text. ID, or UID if it is empty, becomes the UID; Start and End count for appointments with a time, StartDate and
// EndDate for those of whole days. Instants are cut to seconds. The subject and the address of a private appointment
// are left out, whatever the fields hold, and so is an address that is not of the web.
func Write(appointments []Appointment) []byte {
	w := &writer{}
	w.line("BEGIN", "VCALENDAR")
	w.line("VERSION", "2.0")
	w.line("PRODID", "-//Doorlight//calendar//EN")
	for i := range appointments {
		w.appointment(&appointments[i])
	}
	w.line("END", "VCALENDAR")
	return w.Bytes()
}

func (w *writer) appointment(a *Appointment) {
	id := a.ID
	if id == "" {
		id = a.UID
	}
	w.line("BEGIN", "VEVENT")
	w.line("UID", escape(oneLine(id)))
	if a.AllDay {
		w.line("DTSTART;VALUE=DATE", strings.ReplaceAll(a.StartDate.String(), "-", ""))
		w.line("DTEND;VALUE=DATE", strings.ReplaceAll(a.EndDate.String(), "-", ""))
	} else {
		w.line("DTSTART", a.Start.UTC().Format("20060102T150405Z"))
		w.line("DTEND", a.End.UTC().Format("20060102T150405Z"))
	}
	switch a.ShowAs {
	case Busy:
	case Free:
		w.line("TRANSP", "TRANSPARENT")
	case Tentative:
		w.line("STATUS", "TENTATIVE")
	default:
		w.line("X-MICROSOFT-CDO-BUSYSTATUS", cdoNames[a.ShowAs])
	}
	if a.Private {
		w.line("CLASS", "PRIVATE")
	} else if a.Subject != "" {
		w.line("SUMMARY", escape(oneLine(a.Subject)))
	}
	if len(a.Categories) > 0 {
		escaped := make([]string, len(a.Categories))
		for i, one := range a.Categories {
			escaped[i] = escape(oneLine(one))
		}
		w.line("CATEGORIES", strings.Join(escaped, ","))
	}
	if u, err := url.Parse(a.URL); !a.Private && err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		w.line("URL", u.String())
	}
	if a.Reminder > 0 {
		w.line("BEGIN", "VALARM")
		w.line("ACTION", "DISPLAY")
		w.line("TRIGGER", span{seconds: -int(a.Reminder / time.Second)}.String())
		w.line("END", "VALARM")
	}
	w.line("END", "VEVENT")
}
