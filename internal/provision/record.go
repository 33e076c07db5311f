package provision

import (
	"fmt"
	"slices"
	"strings"

	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/store"
)

// Field is something of a person that a list can say.
type Field string

// The fields, named as in the API.
const (
	Login      Field = "login"
	Name       Field = "name"
	Email      Field = "email"
	Location   Field = "location" // name or ID
	Group      Field = "group"    // name in that location, or ID
	WorkNumber Field = "work_number"
	Mobile     Field = "mobile_number"
	Home       Field = "home_number"
	Voicemail  Field = "voicemail_number"
	TimeZone   Field = "time_zone"
	Language   Field = "language"
	Role       Field = "role"
	VIP        Field = "vip"     // yes or no
	Blocked    Field = "blocked" // yes or no
)

// Fields returns all fields, in the order of a table.
func Fields() []Field {
	return []Field{Login, Name, Email, Location, Group, WorkNumber, Mobile, Home, Voicemail, TimeZone, Language, Role, VIP, Blocked}
}

// Record is one person of a list. What it does not say stays as it is, or is empty for somebody new.
type Record struct {
	Row    int // in the list, from 1
	Values map[Field]string
}

// Refusal is a row that was not entered, and why.
type Refusal struct {
	Row     int    `json:"row" doc:"Line in the file; the heading is line 1."`
	Login   string `json:"login,omitempty"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

func (r Refusal) String() string {
	at := fmt.Sprintf("line %d", r.Row)
	if r.Login != "" {
		at += " (" + r.Login + ")"
	}
	if r.Field != "" {
		at += ", " + r.Field
	}
	return at + ": " + r.Message
}

// scopes finds locations and their configuration groups by name, whatever the capitals, or ID.
type scopes struct {
	locations []store.Location
	groups    []store.Group
	placed    bool // there is a place for new people: an empty location says nothing then
}

// scopesOf returns those that may be named; visible nil: all.
func scopesOf(of *office.Office, visible func(location string) bool) scopes {
	locations, _ := of.Locations()
	groups, _ := of.Groups()
	if visible != nil {
		locations = slices.DeleteFunc(locations, func(l store.Location) bool { return !visible(l.ID) })
		groups = slices.DeleteFunc(groups, func(g store.Group) bool { return !visible(g.LocationID) })
	}
	return scopes{locations: locations, groups: groups}
}

func (s scopes) location(name string) (id string, ok bool) {
	i := slices.IndexFunc(s.locations, func(l store.Location) bool { return l.ID == name || strings.EqualFold(l.Name, name) })
	if i < 0 {
		return "", false
	}
	return s.locations[i].ID, true
}

func (s scopes) group(location, name string) (id string, ok bool) {
	i := slices.IndexFunc(s.groups, func(g store.Group) bool {
		return g.LocationID == location && (g.ID == name || strings.EqualFold(g.Name, name))
	})
	if i < 0 {
		return "", false
	}
	return s.groups[i].ID, true
}

// enter puts what a record says into p, which may be somebody new, and returns what is wrong with it.
func (s scopes) enter(r *Record, p *store.Person) (wrong []Refusal) {
	refuse := func(f Field, format string, args ...any) {
		wrong = append(wrong, Refusal{Row: r.Row, Login: p.Login, Field: string(f), Message: fmt.Sprintf(format, args...)})
	}
	for f, to := range map[Field]*string{
		Login: &p.Login, Name: &p.Name, Email: &p.Email, WorkNumber: &p.WorkNumber, Mobile: &p.MobileNumber, Home: &p.HomeNumber,
		Voicemail: &p.Voicemail, TimeZone: &p.TimeZone, Language: &p.Language,
	} {
		if v, given := r.Values[f]; given {
			*to = v
		}
	}
	p.Login = office.NormalLogin(p.Login)
	if v, given := r.Values[Role]; given && v != p.Role {
		if p.Role = v; v == "" {
			p.Role = office.RoleUser
		}
		if p.Role != office.RoleLocationAdmin {
			p.Administers = nil
		}
	}
	for f, to := range map[Field]*bool{VIP: &p.VIP, Blocked: &p.Blocked} {
		v, given := r.Values[f]
		switch strings.ToLower(v) {
		case "yes", "true", "1":
			*to = true
		case "no", "false", "0", "":
			if given {
				*to = false
			}
		default:
			refuse(f, "%q is neither yes nor no", v)
		}
	}
	was := p.LocationID
	v, given := r.Values[Location]
	if s.placed && v == "" {
		given = false
	}
	stays, elsewhere := s.placed && !given, given && p.ID == "" // the group of new people is for those of whom nothing is said
	if given || was == "" {
		id, ok := s.location(v)
		switch {
		case v == "":
			refuse(Location, "must not be empty")
		case !ok:
			refuse(Location, "there is no location %q", v)
		default:
			p.LocationID = id
		}
	}
	v, given = r.Values[Group]
	switch {
	case stays && v == "": // so the group
	case given && v == "", !given && (p.LocationID != was || elsewhere): // the groups of another location are others
		p.GroupID = ""
	case given && p.LocationID != "":
		id, ok := s.group(p.LocationID, v)
		if !ok {
			refuse(Group, "there is no configuration group %q in that location", v)
		}
		p.GroupID = id
	}
	slices.SortFunc(wrong, func(a, b Refusal) int { return strings.Compare(a.Field, b.Field) })
	return wrong
}
