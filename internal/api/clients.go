package api

import (
	"context"
	"slices"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/live"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/presence"
)

func (s *Server) getClients(ctx context.Context, in *PersonPath) (*Out[Clients], error) {
	p, _, _, err := s.subjectWith(ctx, in.Person, rights.Own, false)
	if err != nil {
		return nil, err
	}
	return &Out[Clients]{Clients{s.clients(p.ID)}}, nil
}

func (s *Server) clients(id string) []Client {
	claims, _, _ := s.hub.Claims(id)
	now := hub.Now()
	list := []Client{}
	for _, c := range claims {
		if c.Source != presence.SourceClient || now.Before(c.From) || !c.End().IsZero() && !now.Before(c.End()) {
			continue
		}
		x := Client{ID: c.ID, Label: c.Label, Since: c.From, Activity: c.Activity, Lease: c.Lease}
		if !c.ActivitySince.IsZero() {
			since := c.ActivitySince
			x.ActivitySince = &since
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b Client) int { return a.Since.Compare(b.Since) })
	return list
}

// mostClients bounds how many clients of one person are kept track of.
const mostClients = 50

func (s *Server) putClient(ctx context.Context, in *ClientInput) (*Out[ClientSettings], error) {
	p, c, err := s.self(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	r := live.Report{ID: in.Client, Label: in.Body.Label, Activity: in.Body.Activity, ActivitySince: in.Body.ActivitySince, Microphone: in.Body.Microphone}
	if r.Label == "" {
		r.Label = browserOf(c.agent)
	}
	if err := s.Report(ctx, p.ID, r); err != nil {
		return nil, err
	}
	return &Out[ClientSettings]{s.clientSettings(p)}, nil
}

// mostRecording bounds how many processes a client says record at once.
const mostRecording = 50

// Report implements live.Clients.
func (s *Server) Report(ctx context.Context, personID string, r live.Report) error {
	p, ok := s.office.Person(personID)
	if !ok {
		return noPerson(personID)
	}
	var bad fault.Fields
	policy.CheckText("label", r.Label, &bad)
	if r.ActivitySince != nil && r.Activity == nil {
		bad.Add("activity_since", "needs activity")
	}
	if r.Microphone != nil && len(*r.Microphone) > mostRecording {
		bad.Add("microphone", "has %d processes; at most %d are taken", len(*r.Microphone), mostRecording)
	}
	if err := bad.Err(); err != nil {
		return err
	}
	if err := s.startClient(ctx, personID, r); err != nil {
		return err
	}
	return s.records(ctx, p, r.ID, r.Microphone)
}

// Attach implements live.Clients.
func (s *Server) Attach(personID, clientID string) (detach func()) {
	return s.hub.Attach(personID, clientID)
}

// Settings implements live.Clients.
func (s *Server) Settings(personID string) []byte {
	var told struct {
		Type string `json:"type"`
		ClientSettings
	}
	told.Type = "settings"
	if p, ok := s.office.Person(personID); ok {
		told.ClientSettings = s.clientSettings(p)
	}
	return mustJSON(told)
}

// clientSettings is what a client of somebody is to measure. What does not count is not to be measured at all.
func (s *Server) clientSettings(p *office.Person) ClientSettings {
	out := ClientSettings{LeaseSeconds: int(s.hub.Grace().Seconds()), Microphone: []string{}, Statuses: []presence.Status{}, Profiles: []ClientProfile{}}
	if p.Policy.Off {
		return out
	}
	out.Enabled = true
	if p.Policy.Inactive.On {
		out.InactiveAfter = int(p.Policy.InactiveAfter.Seconds())
	}
	out.Lock = p.Policy.Locked.On
	out.Microphone = p.Settings.Microphone.Processes()
	if p.Settings.Calendar.Method == policy.CalendarLocal {
		out.CalendarDays = p.Settings.CalendarOptions(&p.Own).DaysAhead
	}
	for _, status := range presence.Statuses() {
		if p.Settings.OwnProfiles.Permits(status) {
			out.Statuses = append(out.Statuses, status)
		}
	}
	for _, f := range p.Settings.Profiles(&p.Own) {
		out.Profiles = append(out.Profiles, ClientProfile{f.ID, f.Name, f.Status})
	}
	return out
}

// startClient enters that a client runs, and whether it is used; nil activity leaves that as before. A report that
// changes nothing only renews the lease.
func (s *Server) startClient(ctx context.Context, personID string, r live.Report) error {
	clientID, activity, since := r.ID, r.Activity, r.ActivitySince
	ref := presence.Ref{Source: presence.SourceClient, ID: clientID}
	if activity == nil && s.hub.Refresh(personID, ref, s.hub.Grace()) {
		return nil
	}
	return s.hub.Change(ctx, personID, func(e *hub.Edit) error {
		running, ended := 0, []presence.Claim{}
		for _, x := range e.Claims() {
			switch end := x.End(); {
			case x.Source != presence.SourceClient || x.ID == clientID:
			case end.IsZero() || e.Now.Before(end):
				running++
			default:
				ended = append(ended, x)
			}
		}
		if running >= mostClients {
			return fault.New(fault.TooMany, "%d clients of this person run already", running)
		}
		// Clients that have ended are remembered for a while; the last ones are enough.
		slices.SortFunc(ended, func(a, b presence.Claim) int { return b.End().Compare(a.End()) })
		for _, x := range ended[min(len(ended), mostClients):] {
			e.Delete(x.Ref())
		}
		for _, x := range presence.StartClient(e.Claims(), clientID, r.Label, e.Now, e.Now.Add(e.Grace)) {
			later := since != nil && *activity != presence.Active && since.After(x.ActivitySince) // there was input meanwhile
			if x.Source == presence.SourceClient && activity != nil && (x.Activity != *activity || later) {
				x.Activity, x.ActivitySince = *activity, e.Now
				if since != nil && since.Before(e.Now) && *activity != presence.Active {
					x.ActivitySince = since.UTC().Truncate(time.Millisecond)
				}
			}
			e.Put(x)
		}
		return nil
	})
}

func (s *Server) deleteClient(ctx context.Context, in *ClientPath) (*struct{}, error) {
	p, _, err := s.self(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	return nil, s.End(ctx, p.ID, in.Client)
}

// End implements live.Clients.
func (s *Server) End(ctx context.Context, personID, clientID string) error {
	return s.hub.Change(ctx, personID, func(e *hub.Edit) error {
		if ended, ok := presence.EndClient(e.Claims(), clientID, e.Now); ok {
			e.Put(ended)
		}
		for _, ref := range recording(e.Claims(), clientID) {
			e.Delete(ref)
		}
		return nil
	})
}

// recording returns the claims that programs record, as a client sees them.
func recording(claims []presence.Claim, client string) (refs []presence.Ref) {
	for i := range claims {
		if ref := claims[i].Ref(); ref.Source == presence.SourceMicrophone && presence.ClientOf(ref) == client {
			refs = append(refs, ref)
		}
	}
	return refs
}

// records enters which programs record, as a client reports it (M2); nil: as before, for as long again. What is not in the table is not kept.
func (s *Server) records(ctx context.Context, p *office.Person, client string, processes *[]string) error {
	if processes == nil {
		claims, _, _ := s.hub.Claims(p.ID)
		for _, ref := range recording(claims, client) {
			s.hub.Refresh(p.ID, ref, s.hub.Grace())
		}
		return nil
	}
	var want []presence.Claim
	for _, process := range *processes {
		row := p.Settings.Microphone.Program(process)
		if row == nil || p.Policy.Off {
			continue
		}
		c := presence.Claim{Source: presence.SourceMicrophone, ID: presence.RecordingID(client, row.Process), Status: presence.Busy, Text: row.Alias}
		if f := p.Settings.MicrophoneProfile(&p.Own); f != nil {
			c.Status, c.Profile = f.Status, f.Name
		}
		if row.InTeams() {
			c.Call = policy.CallTeams
		}
		if !slices.ContainsFunc(want, func(x presence.Claim) bool { return x.ID == c.ID }) {
			want = append(want, c)
		}
	}
	claims, _, _ := s.hub.Claims(p.ID)
	if len(want) == 0 && len(recording(claims, client)) == 0 {
		return nil
	}
	return s.hub.Change(ctx, p.ID, func(e *hub.Edit) error {
		for _, ref := range recording(e.Claims(), client) {
			if !slices.ContainsFunc(want, func(c presence.Claim) bool { return c.ID == ref.ID }) {
				e.Delete(ref)
			}
		}
		for _, c := range want {
			c.From, c.Lease = e.Now, e.Now.Add(e.Grace)
			for _, old := range e.Claims() {
				if old.Ref() == c.Ref() && e.Now.Before(old.End()) {
					c.From = old.From
				}
			}
			e.Put(c)
		}
		return nil
	})
}
