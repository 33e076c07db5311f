package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/presence"
)

// Names of the sections of a scope's settings. A configuration group takes each as default or individual (R1).
const (
	SectionFeature       = "feature"
	SectionTemplates     = "templates"
	SectionOwnProfiles   = "own_profiles"
	SectionActivation    = "activation"
	SectionCalendar      = "calendar"
	SectionTeams         = "teams"
	SectionTelephony     = "telephony"
	SectionMicrophone    = "microphone"
	SectionRelationships = "relationships"
)

// Sections returns all section names in the order of the administration pages.
func Sections() []string {
	return []string{SectionFeature, SectionTemplates, SectionOwnProfiles, SectionActivation, SectionCalendar, SectionTeams, SectionTelephony, SectionMicrophone, SectionRelationships}
}

// Settings are all sections of one scope. The zero value is not valid; begin with Factory.
type Settings struct {
	Feature       Feature
	Templates     Templates
	OwnProfiles   OwnProfiles
	Activation    Activation
	Calendar      CalendarSection
	Teams         Teams
	Telephony     Telephony
	Microphone    Microphone
	Relationships Relationships
}

// Feature switches presence management on or off (P10).
type Feature struct {
	Enabled bool `json:"enabled" doc:"People of the scope use presence management."`
}

// Templates are the central profile templates (P6), in the order in which they are offered.
type Templates struct {
	Templates []Template `json:"templates"`
}

// OwnProfiles says whether users make their own profiles, and which statuses they may use (P7, P8).
type OwnProfiles struct {
	Allowed   bool              `json:"allowed" doc:"Users may make their own profiles."`
	Permitted []presence.Status `json:"permitted" enum:"be_right_back,busy,do_not_disturb,unavailable" doc:"Statuses for own profiles and for changes of the active profile, besides available and logged_out, which are always permitted."`
}

// Permits reports whether users may use a status by themselves.
func (o *OwnProfiles) Permits(s presence.Status) bool {
	return s == presence.Available || s == presence.LoggedOut || slices.Contains(o.Permitted, s)
}

// Event is what activates a profile automatically (P9).
type Event string

const (
	EventStart      Event = "start"
	EventEnd        Event = "end"
	EventInactivity Event = "inactivity"
	EventLock       Event = "lock"
)

// Events returns all four.
func Events() []Event { return []Event{EventStart, EventEnd, EventInactivity, EventLock} }

// OnEvent is what one event does: the central value, or a person's own.
type OnEvent struct {
	On      bool   `json:"on"`
	Profile string `json:"profile" doc:"ID of a template; in own settings also of an own profile."`
	Minutes int    `json:"minutes,omitempty" minimum:"0" maximum:"1440" doc:"For inactivity: without input for so long."`
}

// EventRule is the central value of an event and whether users may change it.
type EventRule struct {
	OnEvent
	UserMayChange bool `json:"user_may_change"`
}

// Activation is the automatic activation of profiles (P9).
type Activation struct {
	Start      EventRule `json:"start"`
	End        EventRule `json:"end"`
	Inactivity EventRule `json:"inactivity"`
	Lock       EventRule `json:"lock"`
}

// Rule returns the rule of an event.
func (a *Activation) Rule(e Event) *EventRule {
	switch e {
	case EventStart:
		return &a.Start
	case EventEnd:
		return &a.End
	case EventInactivity:
		return &a.Inactivity
	case EventLock:
		return &a.Lock
	}
	panic("policy: no such event: " + string(e))
}

// CalendarOptions say how appointments become presence (C2).
type CalendarOptions struct {
	DaysAhead        int               `json:"days_ahead" minimum:"1" maximum:"365"`
	Profile          string            `json:"profile" doc:"ID of the template for appointments that choose none."`
	SubjectAsText    bool              `json:"subject_as_text" doc:"Show the subject as presence text; never of private appointments."`
	ShowAs           []presence.ShowAs `json:"show_as" enum:"busy,out_of_office,tentative,working_elsewhere" doc:"Which appointments count. Free ones never do."`
	AllDay           bool              `json:"all_day" doc:"Appointments of whole days count."`
	CategoryProfiles bool              `json:"category_profiles" doc:"A category that is the name of a profile selects it."`
	OnlyWithCategory bool              `json:"only_with_category" doc:"Only appointments with such a category count."`
}

// CalendarMethod says how the calendars of a scope are reached (C1). Those that users enter themselves come on top.
type CalendarMethod string

const (
	CalendarLocal   CalendarMethod = "local"   // from each user: handed over by a desktop client, or with an account that they connect
	CalendarCentral CalendarMethod = "central" // from a system that holds everybody's
)

// CalendarSection is the calendar part of a scope's settings.
type CalendarSection struct {
	CalendarOptions
	UserMayChange bool           `json:"user_may_change"`
	Method        CalendarMethod `json:"method" enum:"local,central" doc:"local: from each user, handed over by a desktop client or with an account that they connect. central: from a system that holds everybody's."`
	Connector     string         `json:"connector,omitempty" maxLength:"64" doc:"With central: ID of the connector of that system."`
	Accounts      string         `json:"accounts,omitempty" maxLength:"64" doc:"With local: ID of a connector of kind graph with which users connect their Microsoft accounts. Absent: they do not."`
	// OwnCalendars lets users enter calendars of their own (CalDAV, published addresses).
	OwnCalendars bool `json:"own_calendars" doc:"Users may enter calendars of their own."`
}

// TeamsSync is what is synchronised with Microsoft Teams (T1).
type TeamsSync string

const (
	TeamsNone      TeamsSync = "none"
	TeamsTelephony TeamsSync = "telephony"            // telephone states, both ways
	TeamsAll       TeamsSync = "telephony_and_status" // and do not disturb, both ways
)

// TeamsAccess says by whose permission Teams is read and written (T4).
type TeamsAccess string

const (
	TeamsApplication TeamsAccess = "application" // the application's: one consent for everybody
	TeamsDelegated   TeamsAccess = "delegated"   // each person's own: they sign in
)

// Limits of Teams.KeepMinutes (T2).
const (
	DefaultKeepMinutes = 10
	MaxKeepMinutes     = 12 * 60
)

// Teams is how the people of a scope are synchronised with Microsoft Teams (T1, T4). Without a connector it has no effect.
type Teams struct {
	Sync          TeamsSync   `json:"sync" enum:"none,telephony,telephony_and_status" doc:"What is synchronised, both ways: nothing, the telephone state, or also do not disturb."`
	UserMayChange bool        `json:"user_may_change"`
	Connector     string      `json:"connector,omitempty" maxLength:"64" doc:"ID of the connector of kind graph. Needed unless nothing is synchronised and users may not change that."`
	Access        TeamsAccess `json:"access" enum:"application,delegated" doc:"By whose permission: application: its own, for everybody. delegated: each user's, who signs in for it."`
	Remember      bool        `json:"remember" doc:"With delegated: users may have their sign-in remembered. Otherwise they sign in again whenever the server was restarted."`
	KeepMinutes   int         `json:"keep_minutes" minimum:"1" maximum:"720" doc:"So long after Teams was last heard an entry of it stays."`
}

// needsConnector reports whether anybody could want something of Teams.
func (t *Teams) needsConnector() bool { return t.Sync != TeamsNone || t.UserMayChange }

// CheckConnector enters that a connector is missing where one is needed. It is apart from [Settings.Check] since settings that
// were stored when there was none go on to be good, and have no effect.
func (t *Teams) CheckConnector(at string, bad *fault.Fields) {
	if t.Connector == "" && t.needsConnector() {
		bad.Add(at+".connector", "must be given: the application at Microsoft 365")
	}
}

func (t *Teams) check(at string, bad *fault.Fields) {
	t.Sync.check(at+".sync", bad)
	switch t.Access {
	case TeamsApplication, TeamsDelegated:
	default:
		bad.Add(at+".access", "%q is none of application, delegated", t.Access)
	}
	if t.KeepMinutes < 1 || t.KeepMinutes > MaxKeepMinutes {
		bad.Add(at+".keep_minutes", "%d is not between 1 and %d", t.KeepMinutes, MaxKeepMinutes)
	}
}

func (t TeamsSync) check(at string, bad *fault.Fields) {
	switch t {
	case TeamsNone, TeamsTelephony, TeamsAll:
	default:
		bad.Add(at, "%q is none of none, telephony, telephony_and_status", t)
	}
}

// Telephony says in which telephone systems the lines of the people of a scope are (L1), and whether these follow their presence (F2). The zero
// value has none.
type Telephony struct {
	Connector  string `json:"connector,omitempty" maxLength:"64" doc:"ID of the connector of the telephone system in which people's work numbers are their lines. Absent: they have those lines only that are entered for them."`
	Forwarding string `json:"forwarding,omitempty" maxLength:"64" doc:"ID of the connector with which lines are forwarded as presence asks for: the same one, or one of kind sip_server, which telephone systems ask where a call goes. Absent: they are not forwarded."`
	Codes      []Code `json:"codes,omitempty" maxItems:"50" doc:"Feature codes with which people choose a presence at their telephone."`
}

// Code is a feature code: who dials it at their telephone chooses a template (L2).
type Code struct {
	Code    string `json:"code" minLength:"2" maxLength:"20" doc:"As it is dialled, such as *81."`
	Profile string `json:"profile" maxLength:"64" doc:"ID of a template."`
}

// Coded returns the template that a feature code chooses, nil if it is none.
func (t *Telephony) Coded(s *Settings, code string) *Template {
	for _, c := range t.Codes {
		if x := s.Template(c.Profile); c.Code == code && x != nil && x.Active {
			return x
		}
	}
	return nil
}

func (t *Telephony) check(at string, known func(string) bool, bad *fault.Fields) {
	seen := map[string]bool{}
	for i, c := range t.Codes {
		at := index(at+".codes", i)
		switch {
		case len(c.Code) < 2 || len(c.Code) > 20 || strings.Trim(c.Code, "0123456789*#") != "":
			bad.Add(at+".code", "must be 2 to 20 digits, * and #, such as *81")
		case seen[c.Code]:
			bad.Add(at+".code", "%s is listed twice", c.Code)
		}
		seen[c.Code] = true
		if !known(c.Profile) {
			bad.Add(at+".profile", "%q is no active template", c.Profile)
		}
	}
}

// Microphone says which programs make people busy that record from the microphone (M2), as far as a desktop client sees them.
type Microphone struct {
	Enabled  bool      `json:"enabled" doc:"The use of the microphone counts."`
	Programs []Program `json:"programs" maxItems:"200"`
}

// Program is one row of the table of programs.
type Program struct {
	Active  bool   `json:"active"`
	Process string `json:"process" minLength:"1" maxLength:"100" doc:"Name of the process, without folder and .exe; capitals do not matter."`
	Alias   string `json:"alias" minLength:"1" maxLength:"60" doc:"Shown as text to those who may see texts."`
}

// Relationships are what a scope says about who sees what (R2).
type Relationships struct {
	Default    rights.Level `json:"default" enum:"blocked,unknown,external,employee,team_colleague,assistant,assistant_plus" doc:"What everybody is to the people of the scope who is nothing more."`
	ExtendOnly bool         `json:"extend_only" doc:"People may only add to what they are given."`
}

// IDs of the shipped templates. They are the same everywhere, so that settings that name one hold in every scope.
const (
	TemplateAvailable    = "available"
	TemplateHomeOffice   = "home-office"
	TemplateBeRightBack  = "be-right-back"
	TemplateBreak        = "break"
	TemplateAppointment  = "appointment"
	TemplateDoNotDisturb = "do-not-disturb"
	TemplateHoliday      = "on-holiday"
	TemplateSick         = "off-sick"
	TemplateUnavailable  = "unavailable"
)

// NameTeams is the name of the profile that an entry of Microsoft Teams has, where there is one (T2).
const NameTeams = "MS Teams"

// NameMicrophone is the name of the profile that somebody has while a program records, where there is one (M2).
const NameMicrophone = "MicSync"

// CallTeams is the presence.Claim.Call of all that is seen of a call in Microsoft Teams.
const CallTeams = "teams"

// Factory returns the settings that a new scope begins with.
func Factory() Settings {
	t := func(id, name string, s presence.Status, text string) Template {
		return Template{
			Profile: Profile{ID: id, Name: name, Status: s, Text: text, Forwarding: Forwarding{Action: ForwardKeep}},
			Active:  true, UserForwarding: UserOwn,
		}
	}
	on := func(profile string, minutes int) EventRule {
		return EventRule{OnEvent: OnEvent{On: true, Profile: profile, Minutes: minutes}, UserMayChange: true}
	}
	return Settings{
		Feature: Feature{Enabled: true},
		Templates: Templates{[]Template{
			t(TemplateAvailable, "Available", presence.Available, ""),
			t(TemplateHomeOffice, "Home office", presence.Available, "Home office"),
			t(TemplateBeRightBack, "Be right back", presence.BeRightBack, ""),
			t(TemplateBreak, "Break", presence.BeRightBack, "Break"),
			t(TemplateAppointment, "Appointment", presence.Busy, "Appointment"),
			t(TemplateDoNotDisturb, "Do not disturb", presence.DoNotDisturb, ""),
			t(TemplateHoliday, "On holiday", presence.Unavailable, "On holiday"),
			t(TemplateSick, "Off sick", presence.Unavailable, "Off sick"),
			t(TemplateUnavailable, "Unavailable", presence.Unavailable, ""),
		}},
		OwnProfiles: OwnProfiles{Allowed: true, Permitted: []presence.Status{
			presence.BeRightBack, presence.Busy, presence.DoNotDisturb, presence.Unavailable,
		}},
		Activation: Activation{
			Start:      on(TemplateAvailable, 0),
			End:        on(TemplateUnavailable, 0),
			Inactivity: on(TemplateBeRightBack, 10),
			Lock:       on(TemplateBeRightBack, 0),
		},
		Calendar: CalendarSection{
			CalendarOptions: CalendarOptions{
				DaysAhead: 30, Profile: TemplateAppointment, AllDay: true, CategoryProfiles: true,
				ShowAs: []presence.ShowAs{presence.ShowBusy, presence.ShowOutOfOffice, presence.ShowTentative},
			},
			UserMayChange: true, Method: CalendarLocal, OwnCalendars: true,
		},
		Teams:         Teams{Sync: TeamsNone, Access: TeamsApplication, KeepMinutes: DefaultKeepMinutes},
		Microphone:    Microphone{Programs: shippedPrograms()},
		Relationships: Relationships{Default: rights.Employee},
	}
}

// shippedPrograms are the programs that a new scope begins with (M2).
func shippedPrograms() []Program {
	var all []Program
	for _, x := range [][2]string{
		{"Amazon Chime", "Amazon Chime"}, {"BlueJeans", "BlueJeans"}, {"Circuit", "Circuit"}, {"CiscoCollabHost", "Cisco Webex"},
		{"Discord", "Discord"}, {"chrome", "Google Chrome"}, {"g2mcomm", "GoTo Meeting"}, {"firefox", "Mozilla Firefox"},
		{"msedge", "Microsoft Edge"}, {"iexplore", "Internet Explorer"}, {"teams", "MS Teams (V1)"}, {"ms-teams", "MS Teams"},
		{"RingCentral", "RingCentral"}, {"Slack", "Slack"}, {"TeamViewerMeeting", "TeamViewer Meeting"}, {"Unify Office", "Unify Office"},
		{"Zoom", "Zoom"},
	} {
		all = append(all, Program{Active: true, Process: x[0], Alias: x[1]})
	}
	return all
}

// section returns a pointer to the part of s that a section name stands for.
func (s *Settings) section(name string) (any, bool) {
	switch name {
	case SectionFeature:
		return &s.Feature, true
	case SectionTemplates:
		return &s.Templates, true
	case SectionOwnProfiles:
		return &s.OwnProfiles, true
	case SectionActivation:
		return &s.Activation, true
	case SectionCalendar:
		return &s.Calendar, true
	case SectionTeams:
		return &s.Teams, true
	case SectionTelephony:
		return &s.Telephony, true
	case SectionMicrophone:
		return &s.Microphone, true
	case SectionRelationships:
		return &s.Relationships, true
	}
	return nil, false
}

// Section returns one section as it is stored; nil if there is none of that name.
func (s *Settings) Section(name string) json.RawMessage {
	part, ok := s.section(name)
	if !ok {
		return nil
	}
	value, err := json.Marshal(part)
	if err != nil { // all parts are plain data
		panic(err)
	}
	return value
}

// Version tells the values of a section apart from others; empty if there is no such section.
func (s *Settings) Version(name string) string {
	value := s.Section(name)
	if value == nil {
		return ""
	}
	sum := sha256.Sum256(value)
	return hex.EncodeToString(sum[:8])
}

// Set replaces one section by its stored form.
func (s *Settings) Set(name string, value json.RawMessage) error {
	next := *s
	part, ok := next.section(name)
	if !ok {
		return fmt.Errorf("there is no section %q of the settings", name)
	}
	reflect.ValueOf(part).Elem().SetZero() // a section is replaced, not merged
	if err := json.Unmarshal(value, part); err != nil {
		return fmt.Errorf("settings section %s: %w", name, err)
	}
	if next.Calendar.Method == "" { // it was stored when there was only one
		next.Calendar.Method = CalendarLocal
	}
	if next.Teams.Access == "" { // it was stored when nothing more was known of it
		next.Teams.Access = TeamsApplication
	}
	if next.Teams.KeepMinutes == 0 {
		next.Teams.KeepMinutes = DefaultKeepMinutes
	}
	*s = next
	return nil
}

// Template returns the template with an ID, nil if there is none.
func (s *Settings) Template(id string) *Template {
	for i := range s.Templates.Templates {
		if t := &s.Templates.Templates[i]; t.ID == id {
			return t
		}
	}
	return nil
}

// Use is a place where a template is needed.
type Use struct {
	Section string
	Field   string // such as "activation.start"
}

// Uses returns where the settings need a template (P6): it can be neither deactivated nor deleted then. An event
// that is switched off needs none.
func (s *Settings) Uses(templateID string) []Use {
	var uses []Use
	for _, e := range Events() {
		if r := s.Activation.Rule(e); r.On && r.Profile == templateID {
			uses = append(uses, Use{SectionActivation, "activation." + string(e)})
		}
	}
	if s.Calendar.Profile == templateID {
		uses = append(uses, Use{SectionCalendar, "calendar.profile"})
	}
	for i, c := range s.Telephony.Codes {
		if c.Profile == templateID {
			uses = append(uses, Use{SectionTelephony, index("telephony.codes", i)})
		}
	}
	return uses
}

// Check returns everything that is wrong with the settings, naming the fields.
func (s *Settings) Check() error {
	var bad fault.Fields
	profiles := make([]*Profile, len(s.Templates.Templates))
	for i := range s.Templates.Templates {
		t := &s.Templates.Templates[i]
		profiles[i] = &t.Profile
		switch t.UserForwarding {
		case UserOwn, UserAdjust, UserFixed:
		default:
			bad.Add(index("templates", i)+".user_forwarding", "%q is none of own, adjust, fixed", t.UserForwarding)
		}
	}
	checkProfiles("templates", profiles, &bad)
	for i, p := range s.OwnProfiles.Permitted {
		if p == presence.Available || p == presence.LoggedOut {
			bad.Add(index("own_profiles.permitted", i), "%s is always permitted and not listed", p)
		}
		if slices.Contains(s.OwnProfiles.Permitted[:i], p) {
			bad.Add(index("own_profiles.permitted", i), "%s is listed twice", p)
		}
	}
	for _, e := range Events() {
		r := s.Activation.Rule(e)
		r.OnEvent.check("activation."+string(e), e, func(id string) bool { t := s.Template(id); return t != nil && t.Active }, &bad)
	}
	s.Calendar.check("calendar", func(id string) bool { t := s.Template(id); return t != nil && t.Active }, &bad)
	s.Calendar.checkMethod("calendar", &bad)
	s.Teams.check("teams", &bad)
	s.Telephony.check("telephony", func(id string) bool { t := s.Template(id); return t != nil && t.Active }, &bad)
	s.Microphone.check("microphone", &bad)
	if s.Relationships.Default > rights.AssistantPlus {
		bad.Add("relationships.default", "%s cannot be granted", s.Relationships.Default)
	}
	return bad.Err()
}

func (o *OnEvent) check(at string, e Event, known func(string) bool, bad *fault.Fields) {
	if o.On && !known(o.Profile) {
		bad.Add(at+".profile", "%q is no active template", o.Profile)
	}
	switch {
	case e != EventInactivity && o.Minutes != 0:
		bad.Add(at+".minutes", "is for inactivity only")
	case e == EventInactivity && o.On && (o.Minutes < 1 || o.Minutes > 1440):
		bad.Add(at+".minutes", "%d is not between 1 and 1440", o.Minutes)
	}
}

func (c *CalendarOptions) check(at string, known func(string) bool, bad *fault.Fields) {
	if c.DaysAhead < 1 || c.DaysAhead > MaxDaysAhead {
		bad.Add(at+".days_ahead", "%d is not between 1 and %d", c.DaysAhead, MaxDaysAhead)
	}
	if !known(c.Profile) {
		bad.Add(at+".profile", "%q is no active template", c.Profile)
	}
	for i, s := range c.ShowAs {
		if s == presence.ShowFree {
			bad.Add(index(at+".show_as", i), "free appointments never count")
		}
		if slices.Contains(c.ShowAs[:i], s) {
			bad.Add(index(at+".show_as", i), "%s is listed twice", s)
		}
	}
	if c.OnlyWithCategory && !c.CategoryProfiles {
		bad.Add(at+".only_with_category", "needs category_profiles")
	}
}

func (c *CalendarSection) checkMethod(at string, bad *fault.Fields) {
	switch c.Method {
	case CalendarLocal:
		if c.Connector != "" {
			bad.Add(at+".connector", "is for the method central")
		}
	case CalendarCentral:
		if c.Connector == "" {
			bad.Add(at+".connector", "must be given: the system that holds the calendars")
		}
		if c.Accounts != "" {
			bad.Add(at+".accounts", "is for the method local")
		}
	default:
		bad.Add(at+".method", "%q is none of local, central", c.Method)
	}
}

// otherNames are the rows of programs that are called otherwise where they come from somebody else or run elsewhere: Debian's, Ubuntu's and openSUSE's
// browsers on Linux, and names on macOS, which nobody has tried there yet. A row of the name itself goes first, active or not.
var otherNames = map[string]string{
	"chromium": "chrome", "chromium-browser": "chrome", "firefox-esr": "firefox", "firefox-bin": "firefox",
	"google chrome": "chrome", "microsoft edge": "msedge", "zoom.us": "zoom",
}

// Program returns the active row of a process, nil if it does not count. Capitals do not matter, nor does .exe; a program that is known by another name
// has the row of that.
func (m *Microphone) Program(process string) *Program {
	if !m.Enabled {
		return nil
	}
	name := strings.TrimSuffix(strings.ToLower(strings.TrimSpace(process)), ".exe")
	for _, name := range []string{name, otherNames[name]} {
		for i := range m.Programs {
			p := &m.Programs[i]
			if strings.ToLower(p.Process) != name {
				continue
			}
			if !p.Active {
				return nil
			}
			return p
		}
	}
	return nil
}

// Processes returns the names of the processes that have an active row: those of the rows in their order, then the other names of the same programs,
// sorted. It is what a desktop client compares with, without regard to capitals; of other processes it tells nobody.
func (m *Microphone) Processes() []string {
	all := []string{}
	for _, x := range m.Programs {
		if m.Program(x.Process) != nil {
			all = append(all, x.Process)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(otherNames)) {
		own := slices.ContainsFunc(m.Programs, func(x Program) bool { return strings.EqualFold(x.Process, name) })
		if !own && m.Program(name) != nil {
			all = append(all, name)
		}
	}
	return all
}

// InTeams reports whether a program is Microsoft Teams: what it records is the call that Teams tells of too.
func (p *Program) InTeams() bool {
	switch strings.ToLower(p.Process) {
	case "teams", "ms-teams":
		return true
	}
	return false
}

func (m *Microphone) check(at string, bad *fault.Fields) {
	seen := map[string]bool{}
	for i, p := range m.Programs {
		at := index(at+".programs", i)
		name := strings.ToLower(p.Process)
		switch {
		case strings.TrimSpace(p.Process) == "" || p.Process != strings.TrimSpace(p.Process):
			bad.Add(at+".process", "must be a name without space around it")
		case strings.ContainsAny(p.Process, `/\`) || strings.HasSuffix(name, ".exe"):
			bad.Add(at+".process", "must be without folder and .exe")
		case seen[name]:
			bad.Add(at+".process", "%s is listed twice", p.Process)
		}
		seen[name] = true
		if strings.TrimSpace(p.Alias) == "" || utf8.RuneCountInString(p.Alias) > 60 || strings.ContainsFunc(p.Alias, func(r rune) bool { return r < 0x20 }) {
			bad.Add(at+".alias", "must be one line of at most 60 characters")
		}
	}
}

func index(at string, i int) string { return at + "[" + strconv.Itoa(i) + "]" }

// activation makes the presence package's form of an event's value.
func activation(o OnEvent, find func(id string) *Profile) presence.Activation {
	if !o.On {
		return presence.Activation{}
	}
	p := find(o.Profile)
	if p == nil {
		return presence.Activation{}
	}
	return presence.Activation{On: true, Status: p.Status, Profile: p.Name, Text: p.Text}
}

func minutes(n int) time.Duration { return time.Duration(n) * time.Minute }
