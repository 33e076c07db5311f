package api

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/connector"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/presence"
)

// longestAgenda bounds the span of one agenda.
const longestAgenda = 62 * 24 * time.Hour

func (s *Server) getAgenda(ctx context.Context, in *AgendaQuery) (*Out[Agenda], error) {
	p, _, l, err := s.subjectWith(ctx, in.Person, rights.Times, false)
	if err != nil {
		return nil, err
	}
	if !in.To.After(in.From) {
		return nil, fault.Bad("query.to", "is not after from")
	}
	if in.To.Sub(in.From) > longestAgenda {
		return nil, fault.Bad("query.to", "is more than 62 days after from")
	}
	seen, ok := rights.SeeAgenda(l, s.appointments(p.ID, in.From, in.To))
	if !ok {
		return nil, fault.New(fault.Forbidden, "as %s you may not see the agenda of %s", l, p.Name)
	}
	return &Out[Agenda]{Agenda{seen}}, nil
}

// appointments returns what stands in a person's agenda: appointments of their calendars, timed choices and live
// entries, with what the claims say of each.
func (s *Server) appointments(id string, from, to time.Time) []rights.AppointmentFacts {
	facts := s.agenda.Appointments(id, from, to)
	claims, pol, _ := s.hub.Claims(id)
	now := hub.Now()
	marks := map[presence.Ref]presence.Claim{}
	for _, c := range claims {
		if c.Source.Class() == presence.SourceMark && (c.Until.IsZero() || now.Before(c.Until)) {
			marks[c.Target] = c
		}
	}
	dismissed := map[presence.Ref]bool{}
	for _, e := range presence.Explain(claims, pol, now, 0).Entries {
		if e.Outcome == presence.DismissedByChoice || e.Outcome == presence.DismissedByHand {
			dismissed[e.Claim.Ref()] = true
		}
	}
	for i := range facts {
		f := &facts[i]
		m, marked := marks[f.Ref]
		f.Dismissed = dismissed[f.Ref] || marked && m.Mark == presence.Dismiss
		if marked && m.Mark == presence.Restore && m.Profile != "" {
			f.Profile, f.Status = m.Profile, m.Status
		}
	}
	for _, c := range claims {
		switch c.Source.Class() {
		case presence.SourceTeams, presence.SourceMicrophone:
		case presence.SourceHand, presence.SourceAssistant:
			if !c.Timed() {
				continue
			}
		default:
			continue
		}
		end := c.Until
		if !c.From.Before(to) || !end.IsZero() && !end.After(from) || end.IsZero() && now.Before(from) {
			continue
		}
		facts = append(facts, rights.AppointmentFacts{
			Ref: c.Ref(), Start: c.From, End: end, Status: c.Status, Profile: c.Profile, Subject: c.Text, Counts: true, Dismissed: dismissed[c.Ref()],
		})
	}
	slices.SortStableFunc(facts, func(a, b rights.AppointmentFacts) int { return a.Start.Compare(b.Start) })
	return facts
}

func (s *Server) putDecision(ctx context.Context, in *DecisionInput) (*struct{}, error) {
	p, c, l, err := s.subjectWith(ctx, in.Person, rights.Status, true)
	if err != nil {
		return nil, err
	}
	if err := feature(p); err != nil {
		return nil, err
	}
	b := in.Body
	entry, ok := s.entry(p.ID, l, b.Ref)
	target := entry.Ref
	switch target.Source.Class() {
	case presence.SourceCalendar, presence.SourceTeams, presence.SourceMicrophone:
	default:
		if !ok {
			return nil, fault.Bad("ref", "there is no entry %q in the agenda", b.Ref)
		}
		return nil, fault.Bad("ref", "%q is no entry of the agenda that can be dismissed", b.Ref)
	}
	if b.Dismissed && b.Profile != "" {
		return nil, fault.Bad("profile", "does not go with dismissed")
	}
	mark := presence.Claim{Source: presence.SourceMark, ID: target.String(), Target: target, Mark: presence.Restore}
	if b.Dismissed {
		mark.Mark = presence.Dismiss
	}
	if b.Profile != "" {
		o := p.Own
		if !rights.MayRead(l, rights.Own) {
			o = policy.Own{}
		}
		f := p.Settings.Profile(&o, b.Profile)
		if f == nil {
			return nil, fault.Bad("profile", "%q is not offered", b.Profile)
		}
		mark.Status, mark.Profile, mark.Text = f.Status, f.Name, f.Text
	}
	err = s.hub.Change(ctx, p.ID, func(e *hub.Edit) error {
		mark.From = e.Now
		mark.Until = entry.End
		for _, x := range e.Claims() {
			if x.Ref() == target {
				mark.Call = x.Call // of a call that is seen twice, both views are meant
			}
		}
		if mark.Until.IsZero() { // a running call: it ends some day, and the mark with it
			mark.Until = e.Now.Add(12 * time.Hour)
		}
		if !mark.Until.After(e.Now) {
			return fault.Bad("ref", "the appointment is over")
		}
		e.Put(mark)
		return nil
	})
	if err == nil && l != rights.Self {
		s.note(ctx, c.by(), "agenda.decision", p, map[string]any{"dismissed": b.Dismissed, "profile": mark.Profile})
	}
	return nil, err
}

// entry finds the entry of a person's agenda, from now on, that a viewer of a level knows by this name.
func (s *Server) entry(id string, l rights.Level, name string) (f rights.AppointmentFacts, ok bool) {
	now := hub.Now()
	for _, f := range s.appointments(id, now.Add(-time.Minute), now.AddDate(1, 0, 0)) {
		if rights.EntryName(l, &f) == name {
			return f, true
		}
	}
	return f, false
}

func calendarOut(c agenda.Status) Calendar {
	out := Calendar{
		ID: c.ID, Kind: c.Kind, Name: c.Name, URL: c.URL, Username: c.Username, HasPassword: c.HasPassword,
		Connector: c.ConnectorID, Central: c.Central, Error: c.Error, Problems: notNil(c.Problems), Appointments: c.Appointments,
	}
	if !c.CheckedAt.IsZero() {
		out.CheckedAt = &c.CheckedAt
	}
	if !c.SucceededAt.IsZero() {
		out.SucceededAt = &c.SucceededAt
	}
	return out
}

func (s *Server) calendars(id string) []Calendar {
	out := []Calendar{}
	for _, c := range s.agenda.Calendars(id) {
		out = append(out, calendarOut(c))
	}
	return out
}

func (s *Server) getCalendars(ctx context.Context, in *PersonPath) (*Out[Calendars], error) {
	p, _, _, err := s.subjectWith(ctx, in.Person, rights.Own, false)
	if err != nil {
		return nil, err
	}
	c := &p.Settings.Calendar
	out := Calendars{Calendars: s.calendars(p.ID), Allowed: c.OwnCalendars, Local: c.Method == policy.CalendarLocal, Accounts: []Provider{}}
	if app, err := s.connectors.Get(c.Accounts); c.Method == policy.CalendarLocal && err == nil && app.Enabled {
		out.Accounts = append(out.Accounts, Provider{ID: app.ID, Name: app.Name, Path: connector.AccountPath(app.ID, "begin")})
	}
	return &Out[Calendars]{out}, nil
}

func (s *Server) putLocalCalendar(ctx context.Context, in *LocalCalendarInput) (*Out[Calendar], error) {
	p, c, _, err := s.subjectWith(ctx, in.Person, rights.Own, true)
	if err != nil {
		return nil, err
	}
	handed := agenda.Handed{PersonID: p.ID, Name: in.Name, Lease: time.Duration(in.Body.LeaseSeconds) * time.Second}
	var bad fault.Fields
	for i := range in.Body.Appointments {
		handed.Appointments = append(handed.Appointments, in.Body.Appointments[i].appointment(fmt.Sprintf("appointments[%d]", i), &bad))
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	status, err := s.agenda.Hand(ctx, c.by(), handed)
	if err != nil {
		return nil, err
	}
	out := calendarOut(status)
	return &Out[Calendar]{out}, nil
}

func (x *LocalAppointment) appointment(at string, bad *fault.Fields) calendar.Appointment {
	a := calendar.Appointment{
		ID: x.ID, ShowAs: calendar.Busy, Subject: x.Subject, Private: x.Private, Categories: x.Categories, URL: x.URL,
		Reminder: time.Duration(x.ReminderMinutes) * time.Minute,
	}
	if x.ShowAs != "" {
		var err error
		if a.ShowAs, err = calendar.ParseShowAs(x.ShowAs); err != nil {
			bad.Add(at+".show_as", "%q is none of free, tentative, busy, out_of_office, working_elsewhere", x.ShowAs)
		}
	}
	date := func(field, text string) calendar.Date {
		day, err := time.Parse(time.DateOnly, text)
		if err != nil {
			bad.Add(at+"."+field, "%q is no date, such as 2026-11-26", text)
			return calendar.Date{}
		}
		return calendar.Date{Year: day.Year(), Month: day.Month(), Day: day.Day()}
	}
	switch {
	case x.StartDate != "" || x.EndDate != "":
		if x.Start != nil || x.End != nil {
			bad.Add(at+".start", "does not go with start_date and end_date")
		}
		a.AllDay, a.StartDate, a.EndDate = true, date("start_date", x.StartDate), date("end_date", x.EndDate)
	case x.Start == nil || x.End == nil:
		bad.Add(at+".start", "must be given, with end; or start_date with end_date")
	default:
		a.Start, a.End = *x.Start, *x.End
	}
	return a
}

func (s *Server) postCalendar(ctx context.Context, in *CalendarNew) (*Out[Calendar], error) {
	return s.enterCalendar(ctx, in.Person, "", in.Body)
}

func (s *Server) putCalendar(ctx context.Context, in *CalendarInput) (*Out[Calendar], error) {
	return s.enterCalendar(ctx, in.Person, in.Calendar, in.Body)
}

func (s *Server) enterCalendar(ctx context.Context, person, id string, b CalendarBody) (*Out[Calendar], error) {
	p, c, _, err := s.subjectWith(ctx, person, rights.Own, true)
	if err != nil {
		return nil, err
	}
	if !p.Settings.Calendar.OwnCalendars {
		return nil, fault.New(fault.Forbidden, "own calendars are not allowed here")
	}
	status, err := s.agenda.Put(ctx, c.by(), agenda.Entry{
		ID: id, PersonID: p.ID, Kind: b.Kind, Name: b.Name, URL: b.URL, Username: b.Username, Password: b.Password,
	})
	if err != nil {
		return nil, err
	}
	out := calendarOut(status)
	return &Out[Calendar]{out}, nil
}

func (s *Server) deleteCalendar(ctx context.Context, in *CalendarPath) (*struct{}, error) {
	p, c, _, err := s.subjectWith(ctx, in.Person, rights.Own, true)
	if err != nil {
		return nil, err
	}
	return nil, s.agenda.Delete(ctx, c.by(), p.ID, in.Calendar)
}

func (s *Server) postCalendarSync(ctx context.Context, in *CalendarPath) (*Out[Calendar], error) {
	p, _, _, err := s.subjectWith(ctx, in.Person, rights.Own, true)
	if err != nil {
		return nil, err
	}
	status, err := s.agenda.Sync(ctx, p.ID, in.Calendar)
	if err != nil {
		return nil, err
	}
	out := calendarOut(status)
	return &Out[Calendar]{out}, nil
}
