package api

import (
	"context"
	"slices"
	"strings"
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
func (s *Server) Attach(personID, clientID string) (detach func(heard time.Time)) {
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
	return nil, s.endClient(ctx, p.ID, in.Client, true)
}

// End implements live.Clients.
func (s *Server) End(ctx context.Context, personID, clientID string) error {
	return s.endClient(ctx, personID, clientID, false)
}

// endClient enters that a client has ended; unless by somebody else's word it has not while a connection of it stands.
func (s *Server) endClient(ctx context.Context, personID, clientID string, whatever bool) error {
	return s.hub.Change(ctx, personID, func(e *hub.Edit) error {
		if !whatever && s.hub.Attached(personID, clientID) {
			return nil
		}
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
	claims, _, _ := s.hub.Claims(p.ID)
	before := recording(claims, client)
	if processes == nil && !s.otherRows(p, claims, before) {
		for _, ref := range before {
			s.hub.Refresh(p.ID, ref, s.hub.Grace())
		}
		return nil
	}
	if processes != nil && len(before) == 0 && !slices.ContainsFunc(*processes, func(x string) bool { return rowOf(p, x) != nil }) {
		return nil
	}
	return s.hub.Change(ctx, p.ID, func(e *hub.Edit) error {
		now, ok := s.office.Person(p.ID) // the table may have changed meanwhile
		if !ok {
			return noPerson(p.ID)
		}
		names := processesOf(recording(e.Claims(), client))
		if processes != nil {
			names = *processes
		}
		record(e, now, client, names, true)
		return nil
	})
}

// record enters that these processes record, as a client sees them, and no others; heard says that the client has just been heard of.
func record(e *hub.Edit, p *office.Person, client string, processes []string, heard bool) {
	var want []presence.Claim
	for _, process := range processes {
		row := rowOf(p, process)
		if row == nil {
			continue
		}
		c := recordingClaim(p, client, row)
		if !slices.ContainsFunc(want, func(x presence.Claim) bool { return x.ID == c.ID }) {
			want = append(want, c)
		}
	}
	for _, ref := range recording(e.Claims(), client) {
		if !slices.ContainsFunc(want, func(c presence.Claim) bool { return c.ID == ref.ID }) {
			e.Delete(ref)
		}
	}
	for _, c := range want {
		c.From, c.Lease = e.Now, e.Now.Add(e.Grace)
		for _, old := range e.Claims() {
			if old.Ref() == c.Ref() && e.Now.Before(old.End()) {
				if c.From = old.From; !heard {
					c.Lease = old.Lease
				}
			}
		}
		e.Put(c)
	}
}

// rowOf is the row of somebody's table that a process has; nil if it does not count.
func rowOf(p *office.Person, process string) *policy.Program {
	if p.Policy.Off {
		return nil
	}
	return p.Settings.Microphone.Program(process)
}

// recordingClaim says that a program of the table records; when is for the caller to say.
func recordingClaim(p *office.Person, client string, row *policy.Program) presence.Claim {
	c := presence.Claim{Source: presence.SourceMicrophone, ID: presence.RecordingID(client, row.Process), Status: presence.Busy, Text: row.Alias}
	if f := p.Settings.MicrophoneProfile(&p.Own); f != nil {
		c.Status, c.Profile = f.Status, f.Name
	}
	if row.InTeams() {
		c.Call = policy.CallTeams
	}
	return c
}

// processesOf are the processes of claims that programs record.
func processesOf(refs []presence.Ref) (names []string) {
	for _, ref := range refs {
		_, name, _ := strings.Cut(ref.ID, "/")
		names = append(names, name)
	}
	return names
}

// otherRows reports whether what stands of programs that record is not what the table says by now.
func (s *Server) otherRows(p *office.Person, claims []presence.Claim, refs []presence.Ref) bool {
	for _, ref := range refs {
		client := presence.ClientOf(ref)
		row := rowOf(p, processesOf([]presence.Ref{ref})[0])
		if row == nil {
			return true
		}
		want := recordingClaim(p, client, row)
		for i := range claims {
			if c := &claims[i]; c.Ref() == ref && (c.ID != want.ID || c.Status != want.Status || c.Profile != want.Profile || c.Text != want.Text || c.Call != want.Call) {
				return true
			}
		}
	}
	return false
}

// followTables has what stands of programs that record follow the tables of people whose settings changed.
func (s *Server) followTables(people []string) {
	var changed []string
	for _, id := range people {
		p, ok := s.office.Person(id)
		claims, _, known := s.hub.Claims(id)
		if !ok || !known {
			continue
		}
		refs := slices.DeleteFunc(refsOf(claims), func(r presence.Ref) bool { return r.Source != presence.SourceMicrophone })
		if s.otherRows(p, claims, refs) {
			changed = append(changed, id)
		}
	}
	if len(changed) == 0 {
		return
	}
	s.jobs.beside(func(ctx context.Context) {
		for _, id := range changed {
			err := s.hub.Change(ctx, id, func(e *hub.Edit) error {
				p, ok := s.office.Person(id)
				if !ok {
					return nil
				}
				clients := map[string][]presence.Ref{}
				for _, ref := range refsOf(e.Claims()) {
					if ref.Source == presence.SourceMicrophone {
						clients[presence.ClientOf(ref)] = append(clients[presence.ClientOf(ref)], ref)
					}
				}
				for client, refs := range clients {
					record(e, p, client, processesOf(refs), false)
				}
				return nil
			})
			if err != nil && ctx.Err() == nil {
				s.log.Warn("what programs record could not follow the table", "user", id, "err", err)
			}
		}
	})
}

func refsOf(claims []presence.Claim) (refs []presence.Ref) {
	for i := range claims {
		refs = append(refs, claims[i].Ref())
	}
	return refs
}
