package api

import (
	"context"
	"slices"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/store"
)

// located is the input of what administrators of a location may do. It tells which locations are concerned, those of
// what is there and of what it would become; an empty one stands for what does not exist. Of lists it tells none: their
// handlers leave out what is elsewhere.
type located interface{ locations(s *Server) []string }

// admitTo lets system administrators in, and administrators of all the locations given. Who is not let in is not told
// what exists.
func (s *Server) admitTo(ctx context.Context, locations []string) error {
	c := callerOf(ctx)
	for _, l := range locations {
		if !c.administers(l) {
			return fault.New(fault.Forbidden, "this is for administrators of the location")
		}
	}
	return nil
}

// administers reports whether the caller administers a location.
func (c caller) administers(location string) bool {
	return c.isAdmin() || c.isLocationAdmin() && slices.Contains(c.person.Administers, location)
}

// isLocationAdmin reports whether the caller administers some locations, and not all.
func (c caller) isLocationAdmin() bool {
	return c.token == nil && c.person != nil && c.person.Role == office.RoleLocationAdmin
}

// mayGovern refuses a change of people who are administrators of more than the caller: whoever sets somebody's
// password can be them.
func (c caller) mayGovern(p *office.Person) error {
	if c.isAdmin() {
		return nil
	}
	within := p.Role != office.RoleAdmin && !slices.ContainsFunc(p.Administers, func(l string) bool { return !c.administers(l) })
	if !within {
		return fault.New(fault.Forbidden, "%s administers more than you do", p.Name)
	}
	return nil
}

// mayExpose refuses groups by which others could act for people who administer more than the caller.
func (s *Server) mayExpose(ctx context.Context, level rights.Level, people []string) error {
	c := callerOf(ctx)
	if c.isAdmin() || !rights.MayWrite(level, rights.Status) {
		return nil
	}
	for _, id := range people {
		if p, ok := s.office.Person(id); ok {
			if err := c.mayGovern(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// mayAppoint refuses roles that only system administrators give.
func (c caller) mayAppoint(was, is *store.Person) error {
	if !c.isAdmin() && (was.Role != is.Role || !slices.Equal(was.Administers, is.Administers)) {
		return fault.Bad("role", "roles are given by system administrators")
	}
	return nil
}

// listed is the input of lists without parameters that leave out what is elsewhere.
type listed struct{}

func (listed) locations(*Server) []string { return nil }

func (in *LocationPath) locations(*Server) []string { return []string{in.Location} }
func (in *ScopePath) locations(s *Server) []string  { return []string{s.office.LocationOf(in.Scope)} }
func (in *GroupPath) ofGroup(s *Server) []string    { return []string{s.office.LocationOf(in.Group)} }

func (in *groupNew) locations(*Server) []string { return []string{in.Body.Location} }
func (in *groupInput) locations(s *Server) []string {
	return append(in.ofGroup(s), in.Body.Location)
}
func (in *groupDelete) locations(s *Server) []string { return in.ofGroup(s) }

func (in *PersonNew) locations(*Server) []string { return []string{in.Body.Location} }
func (in *PersonInput) locations(s *Server) []string {
	return append(s.locationOfPerson(in.Person), in.Body.Location)
}
func (in *recordPath) locations(s *Server) []string { return s.locationOfPerson(in.Person) }

// locationOfPerson returns where somebody belongs; an empty location if there is no such person.
func (s *Server) locationOfPerson(ids ...string) (all []string) {
	for _, id := range ids {
		p, ok := s.office.Person(id)
		if !ok {
			all = append(all, "")
			continue
		}
		all = append(all, p.LocationID)
	}
	if len(all) == 0 { // a group of nobody is nobody's
		return []string{""}
	}
	return all
}

func (s *Server) locationsOfWorkGroup(id string) []string {
	for _, g := range s.office.WorkGroups() {
		if g.ID == id {
			return s.locationOfPerson(g.Members...)
		}
	}
	return []string{""}
}

func (s *Server) locationsOfMonitoringGroup(id string) []string {
	for _, g := range s.office.MonitoringGroups() {
		if g.ID == id {
			return s.locationOfPerson(slices.Concat(g.Observers, g.Members)...)
		}
	}
	return []string{""}
}

func (in *workGroupNew) locations(s *Server) []string { return s.locationOfPerson(in.Body.Members...) }
func (in *workGroupInput) locations(s *Server) []string {
	return append(s.locationsOfWorkGroup(in.Group), s.locationOfPerson(in.Body.Members...)...)
}
func (in *workGroupDelete) locations(s *Server) []string { return s.locationsOfWorkGroup(in.Group) }
func (in *monitoringGroupNew) locations(s *Server) []string {
	return s.locationOfPerson(slices.Concat(in.Body.Observers, in.Body.Members)...)
}
func (in *monitoringGroupInput) locations(s *Server) []string {
	return append(s.locationsOfMonitoringGroup(in.Group), s.locationOfPerson(slices.Concat(in.Body.Observers, in.Body.Members)...)...)
}
func (in *monitoringGroupDelete) locations(s *Server) []string {
	return s.locationsOfMonitoringGroup(in.Group)
}

// administersAll reports whether the caller administers all the locations.
func (c caller) administersAll(locations []string) bool {
	return !slices.ContainsFunc(locations, func(l string) bool { return !c.administers(l) })
}
