package api

import (
	"time"

	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/provision"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/presence"
)

// Out wraps a response body.
type Out[T any] struct{ Body T }

// PersonPath is the path parameter of everything about one person.
type PersonPath struct {
	Person string `path:"person" maxLength:"64" doc:"ID of a person, or me."`
}

// Setup tells whether the installation has an administrator yet.
type Setup struct {
	Needed       bool `json:"needed" doc:"Nobody can sign in yet: make the first administrator."`
	CodeRequired bool `json:"code_required" doc:"The set-up code that the server printed at start must be given, because this browser runs on another computer."`
	Demo         bool `json:"demo" doc:"The server runs an invented office."`
}

// SetupInput makes the first administrator.
type SetupInput struct {
	Body struct {
		Code     string `json:"code,omitempty" maxLength:"64" doc:"Printed by the server at start; not needed on the same computer."`
		Name     string `json:"name" minLength:"1" maxLength:"120"`
		Login    string `json:"login" minLength:"1" maxLength:"120"`
		Password string `json:"password" minLength:"10" maxLength:"512"`
		Location string `json:"location" minLength:"1" maxLength:"120" doc:"Name of the first location."`
		TimeZone string `json:"time_zone" maxLength:"64" doc:"IANA name of its time zone."`
	}
}

// SignIn is a request for a session.
type SignIn struct {
	Body struct {
		Login    string `json:"login" minLength:"1" maxLength:"120"`
		Password string `json:"password" minLength:"1" maxLength:"512"`
	}
}

// Me is who is signed in.
type Me struct {
	Person      rights.Card `json:"person"`
	Login       string      `json:"login"`
	Role        string      `json:"role" enum:"user,location_admin,admin"`
	Administers []string    `json:"administers,omitempty" doc:"IDs of the locations that a location_admin administers."`
	Voicemail   string      `json:"voicemail_number,omitempty"`
	Language    string      `json:"language,omitempty" enum:"en,de" doc:"Absent: the browser's."`
	TimeZone    string      `json:"time_zone" doc:"IANA name."`
	Enabled     bool        `json:"presence_enabled" doc:"Presence management is on for this person."`
	Version     string      `json:"version" doc:"Of the server."`
	PublicURL   string      `json:"public_url,omitempty" format:"uri" doc:"The address under which browsers know this server, without a slash at the end. Absent: none was named when it was started, and the address that a browser uses is as good as any."`
}

// SessionOut answers a sign-in: the session's secret goes into a cookie that scripts cannot read.
type SessionOut struct {
	SetCookie string `header:"Set-Cookie"`
	Body      Me
}

// SignedOut takes the cookie away.
type SignedOut struct {
	SetCookie string `header:"Set-Cookie"`
}

// PeopleQuery searches people.
type PeopleQuery struct {
	Q     string `query:"q" maxLength:"120" doc:"Beginning of a word of the name, or digits of the work number."`
	After string `query:"after" maxLength:"1000" doc:"Go on behind this: next of the answer before."`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// People is one page of people.
type People struct {
	People []rights.Card `json:"people"`
	Next   string        `json:"next,omitempty" doc:"Absent on the last page."`
}

// Team is what the team view shows.
type Team struct {
	Groups     []TeamGroup   `json:"groups"`
	Favourites []string      `json:"favourites" doc:"Person IDs in the chosen order."`
	People     []rights.Card `json:"people" doc:"Everybody named above, and yourself."`
}

// TeamGroup is one group that you are in or observe.
type TeamGroup struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Kind   string   `json:"kind" enum:"work,monitoring"`
	People []string `json:"people" doc:"Person IDs, without those who are not for you to see."`
}

// FavouritesInput replaces the favourites.
type FavouritesInput struct {
	PersonPath
	Body struct {
		Favourites []string `json:"favourites" maxItems:"200" doc:"Person IDs in the order of choice."`
	}
}

// ChoiceInput is a choice of presence, by the person or somebody who may act for them.
type ChoiceInput struct {
	PersonPath
	Body struct {
		Profile string           `json:"profile,omitempty" maxLength:"64" doc:"ID of an offered profile. Give this or a status."`
		Status  *presence.Status `json:"status,omitempty" enum:"available,be_right_back,busy,do_not_disturb,unavailable,logged_out"`
		Text    *string          `json:"text,omitempty" maxLength:"120" doc:"Absent: the profile's own text."`
		Until   *time.Time       `json:"until,omitempty" doc:"The choice ends then; absent: until the next one."`
	}
}

// AgendaQuery selects a span of days.
type AgendaQuery struct {
	PersonPath
	From time.Time `query:"from" required:"true" doc:"First instant."`
	To   time.Time `query:"to" required:"true" doc:"First instant behind the span; at most 62 days later."`
}

// Agenda is a span of a person's agenda.
type Agenda struct {
	Appointments []rights.Appointment `json:"appointments" doc:"Sorted by start."`
}

// DecisionInput is a decision about one entry of the agenda.
type DecisionInput struct {
	PersonPath
	Body struct {
		Ref       string `json:"ref" minLength:"1" maxLength:"1024" doc:"As in the agenda."`
		Dismissed bool   `json:"dismissed" doc:"It does not count for presence."`
		Profile   string `json:"profile,omitempty" maxLength:"64" doc:"Give it this profile; with dismissed false."`
	}
}

// Profiles is what a person is offered, and may make.
type Profiles struct {
	Own        []policy.Profile  `json:"own"`
	Templates  []policy.Template `json:"templates" doc:"The active ones."`
	OwnAllowed bool              `json:"own_allowed" doc:"The person may make own profiles."`
	Permitted  []presence.Status `json:"permitted" enum:"be_right_back,busy,do_not_disturb,unavailable" doc:"Statuses for own profiles and for a choice."`
}

// OwnProfilesInput replaces the own profiles, in the order of choice. Entries keep their ID, new ones have none.
type OwnProfilesInput struct {
	PersonPath
	Body struct {
		Own []policy.Profile `json:"own" maxItems:"100"`
	}
}

// EventSetting is one automatic activation as it stands for a person.
type EventSetting struct {
	Central   policy.EventRule `json:"central"`
	Own       *policy.OnEvent  `json:"own,omitempty" doc:"Absent: the central value holds."`
	Effective policy.OnEvent   `json:"effective"`
}

// PersonSettings are a person's own settings beside the central ones.
type PersonSettings struct {
	Activation map[policy.Event]EventSetting `json:"activation"`
	Calendar   CalendarSetting               `json:"calendar"`
	Teams      TeamsSetting                  `json:"teams"`
	Language   string                        `json:"language,omitempty" enum:"en,de"`
	TimeZone   string                        `json:"time_zone,omitempty" doc:"Absent: the location's."`
}

// CalendarSetting is how a person's appointments become presence.
type CalendarSetting struct {
	Central   policy.CalendarSection  `json:"central"`
	Own       *policy.CalendarOptions `json:"own,omitempty"`
	Effective policy.CalendarOptions  `json:"effective"`
}

// PersonSettingsInput replaces a person's own settings; what is absent returns to the central value.
type PersonSettingsInput struct {
	PersonPath
	Body struct {
		Activation map[policy.Event]policy.OnEvent `json:"activation,omitempty"`
		Calendar   *policy.CalendarOptions         `json:"calendar,omitempty"`
		Teams      *policy.OwnTeams                `json:"teams,omitempty"`
		Language   string                          `json:"language,omitempty" enum:"en,de"`
		TimeZone   string                          `json:"time_zone,omitempty" maxLength:"64"`
	}
}

// ResetInput resets presence management settings (P11).
type ResetInput struct {
	KeepProfiles bool `json:"keep_profiles" doc:"Own profiles stay."`
	DryRun       bool `json:"dry_run" doc:"Only count."`
}

// PersonResetInput resets one person's settings.
type PersonResetInput struct {
	PersonPath
	Body ResetInput
}

// ResetResult tells how many people a reset touches, or touched.
type ResetResult struct {
	People int  `json:"people"`
	Done   bool `json:"done"`
}

// RelationshipsQuery searches the people to whom one is something.
type RelationshipsQuery struct {
	PersonPath
	Q     string `query:"q" maxLength:"120" doc:"Beginning of a word of the name. Absent: those who are more or less than the default."`
	After string `query:"after" maxLength:"1000"`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// RelationshipList is what others are to a person.
type RelationshipList struct {
	Default       rights.Level   `json:"default" enum:"blocked,unknown,external,employee,team_colleague,assistant,assistant_plus" doc:"What everybody is who is nothing more."`
	ExtendOnly    bool           `json:"extend_only" doc:"You may only add to what others are given."`
	Relationships []Relationship `json:"relationships"`
	Next          string         `json:"next,omitempty"`
}

// Relationship is what one viewer is to a person.
type Relationship struct {
	Viewer         string        `json:"viewer"`
	Name           string        `json:"name" doc:"Empty for those who do not let you see it; only what you chose about them is listed then, at the end."`
	Administrative rights.Level  `json:"administrative" enum:"blocked,unknown,external,employee,team_colleague,assistant,assistant_plus" doc:"By the default and the groups."`
	Own            *rights.Level `json:"own,omitempty" enum:"blocked,unknown,external,employee,team_colleague,assistant,assistant_plus" doc:"By own choice."`
	Effective      rights.Level  `json:"effective" enum:"blocked,unknown,external,employee,team_colleague,assistant,assistant_plus"`
}

// RelationshipInput sets or clears the own choice about one viewer.
type RelationshipInput struct {
	PersonPath
	Viewer string `path:"viewer" maxLength:"64"`
	Body   struct {
		Level string `json:"level" enum:"default,blocked,unknown,external,employee,team_colleague,assistant,assistant_plus" doc:"default returns to what the administration gives."`
	}
}

// SeenBy is what viewers of one level see of a person (B4).
type SeenBy struct {
	Level  rights.Level `json:"level" enum:"blocked,unknown,external,employee,team_colleague,assistant,assistant_plus"`
	People int          `json:"people" doc:"How many are that."`
	Card   *rights.Card `json:"card,omitempty" doc:"Absent: nothing at all."`
	Names  []string     `json:"names" doc:"Some of them."`
}

// Seen is who sees what about a person.
type Seen struct {
	Levels []SeenBy `json:"levels"`
}

// Client is one running client of a person.
type Client struct {
	ID            string            `json:"id"`
	Label         string            `json:"label"`
	Since         time.Time         `json:"since"`
	Activity      presence.Activity `json:"activity" enum:"unknown,active,idle,locked"`
	ActivitySince *time.Time        `json:"activity_since,omitempty"`
	Lease         time.Time         `json:"lease" doc:"It counts as ended then unless it is heard of."`
}

// Clients are the running clients of a person.
type Clients struct {
	Clients []Client `json:"clients"`
}

// ClientPath names a client of a person.
type ClientPath struct {
	PersonPath
	Client string `path:"client" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9_.-]+$" doc:"Chosen by the client, the same for as long as it runs."`
}

// ClientInput reports that a client runs, and whether it is used.
type ClientInput struct {
	ClientPath
	Body struct {
		Label         string             `json:"label,omitempty" maxLength:"120"`
		Activity      *presence.Activity `json:"activity,omitempty" enum:"unknown,active,idle,locked" doc:"Absent: as before."`
		ActivitySince *time.Time         `json:"activity_since,omitempty" doc:"The last input or the moment of locking; absent: now."`
		Microphone    *[]string          `json:"microphone,omitempty" maxItems:"50" doc:"Names of the processes that record from the microphone, of those of the table; what is not in it is not kept. Empty: none does any more. Absent: as before."`
	}
}

// ClientSettings tell a client what to measure. What does not count is not to leave its owner's computer.
type ClientSettings struct {
	Enabled       bool              `json:"presence_enabled" doc:"Presence management is on for this person; if not, there is nothing to measure."`
	LeaseSeconds  int               `json:"lease_seconds" doc:"So long after it was heard of last a client counts as ended. On the live stream it is heard of while it is connected."`
	InactiveAfter int               `json:"inactive_after_seconds" doc:"The person counts as inactive after so long without input; 0: never."`
	Lock          bool              `json:"lock" doc:"Locking the screen counts."`
	Microphone    []string          `json:"microphone" doc:"Processes whose use of the microphone counts, without folder and .exe; capitals do not matter. Of others nothing is to be told."`
	CalendarDays  int               `json:"calendar_days" doc:"So many days of the calendars on the computer are to be handed over; 0: none."`
	Statuses      []presence.Status `json:"statuses" enum:"available,be_right_back,busy,do_not_disturb,unavailable,logged_out" doc:"That the person may choose without a profile."`
	Profiles      []ClientProfile   `json:"profiles" doc:"That the person may choose."`
}

// ClientProfile is a profile as a client offers it for choice.
type ClientProfile struct {
	ID     string          `json:"id"`
	Name   string          `json:"name"`
	Status presence.Status `json:"status" enum:"available,be_right_back,busy,do_not_disturb,unavailable,logged_out"`
}

// ClaimInput is what an origin says about a person.
type ClaimInput struct {
	PersonPath
	Body ClaimBody
}

// ClaimBody is one statement of an origin.
type ClaimBody struct {
	Status       presence.Status `json:"status" enum:"available,be_right_back,busy,do_not_disturb,unavailable,logged_out"`
	Text         string          `json:"text,omitempty" maxLength:"120"`
	Profile      string          `json:"profile,omitempty" maxLength:"60" doc:"Name of a profile, for display and forwarding."`
	Until        *time.Time      `json:"until,omitempty" doc:"It ends then; absent: when it is retracted."`
	LeaseSeconds int             `json:"lease_seconds,omitempty" minimum:"0" maximum:"2678400" doc:"It ends unless said again within so long. 0: no lease."`
}

// ClaimsInput is a set of statements about many people; all become durable together.
type ClaimsInput struct {
	Body struct {
		Claims []PersonClaim `json:"claims" minItems:"1" maxItems:"1000" doc:"Of people whose presence management is switched off nothing is kept."`
	}
}

// PersonClaim is a statement about one person, or its retraction.
type PersonClaim struct {
	Person  string     `json:"person" maxLength:"64"`
	Retract bool       `json:"retract,omitempty" doc:"Take it back; claim is not needed then."`
	Claim   *ClaimBody `json:"claim,omitempty"`
}

// LinePath names a telephone line of a person.
type LinePath struct {
	PersonPath
	Line string `path:"line" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9_.+-]+$"`
}

// LineInput is what a line is doing.
type LineInput struct {
	LinePath
	Body struct {
		State        presence.LineState `json:"state" enum:"idle,ringing,on_the_phone"`
		Reach        presence.Reach     `json:"reach,omitempty" enum:"unknown,internal,external"`
		Service      string             `json:"service,omitempty" maxLength:"60"`
		Other        string             `json:"other,omitempty" maxLength:"120" doc:"Number or name of the other party."`
		LeaseSeconds int                `json:"lease_seconds,omitempty" minimum:"10" maximum:"86400" default:"3600" doc:"Idle again unless said again within so long."`
	}
}

// Calendar is one calendar of a person, and how it is doing.
type Calendar struct {
	ID           string     `json:"id"`
	Kind         string     `json:"kind" enum:"ics,caldav,exchange,graph,domino,graph_account,local" doc:"exchange, graph and domino are there because the administrator's settings say so. graph_account is a Microsoft account that the person has connected, local is handed over by a program."`
	Name         string     `json:"name"`
	URL          string     `json:"url,omitempty" doc:"Of kinds ics and caldav."`
	Connector    string     `json:"connector,omitempty" doc:"The system that holds it."`
	Central      bool       `json:"central,omitempty" doc:"It is neither changed nor removed by hand."`
	Username     string     `json:"username,omitempty"`
	HasPassword  bool       `json:"has_password,omitempty"`
	CheckedAt    *time.Time `json:"checked_at,omitempty"`
	SucceededAt  *time.Time `json:"succeeded_at,omitempty"`
	Error        string     `json:"error,omitempty" doc:"What went wrong last, in words."`
	Problems     []string   `json:"problems" doc:"What could not be read, while the rest was."`
	Appointments int        `json:"appointments" doc:"In the days ahead."`
}

// Calendars are a person's calendars.
type Calendars struct {
	Calendars []Calendar `json:"calendars"`
	Allowed   bool       `json:"allowed" doc:"The person may enter calendars."`
	Local     bool       `json:"local" doc:"Programs may hand over calendars of the person."`
	Accounts  []Provider `json:"accounts" doc:"Applications with which the person may connect their Microsoft account; the path leads to the page that asks them for it."`
}

// LocalCalendarInput is what a program on somebody's computer hands over of a calendar that is reached from there only.
type LocalCalendarInput struct {
	PersonPath
	Name string `path:"name" minLength:"1" maxLength:"120" doc:"Of the calendar, such as Outlook; calendars of one name are one."`
	Body struct {
		LeaseSeconds int                `json:"lease_seconds" minimum:"60" maximum:"86400" doc:"So long it holds, unless it is handed over again."`
		Appointments []LocalAppointment `json:"appointments" maxItems:"2000" doc:"All that there are in the days ahead, in place of what was handed over before."`
	}
}

// LocalAppointment is one occurrence that a program hands over.
type LocalAppointment struct {
	ID              string     `json:"id" minLength:"1" maxLength:"255" doc:"The same whenever the occurrence is handed over, also if it was moved."`
	Start           *time.Time `json:"start,omitempty" doc:"Of those with a time."`
	End             *time.Time `json:"end,omitempty"`
	StartDate       string     `json:"start_date,omitempty" format:"date" doc:"Of those of whole days, which are days of the person's time zone."`
	EndDate         string     `json:"end_date,omitempty" format:"date" doc:"The first day behind it."`
	ShowAs          string     `json:"show_as,omitempty" enum:"free,tentative,busy,out_of_office,working_elsewhere" default:"busy"`
	Subject         string     `json:"subject,omitempty" maxLength:"1024" doc:"Of private ones it is not kept; best leave it out."`
	Private         bool       `json:"private,omitempty"`
	Categories      []string   `json:"categories,omitempty" maxItems:"50"`
	URL             string     `json:"url,omitempty" maxLength:"2048" doc:"Of the original, https or http."`
	ReminderMinutes int        `json:"reminder_minutes,omitempty" minimum:"0" maximum:"525600" doc:"Before the start. 0: none."`
}

// CalendarBody is what a person enters about a calendar.
type CalendarBody struct {
	Kind     string  `json:"kind" enum:"ics,caldav"`
	Name     string  `json:"name" minLength:"1" maxLength:"120"`
	URL      string  `json:"url" minLength:"1" maxLength:"2048"`
	Username string  `json:"username,omitempty" maxLength:"256"`
	Password *string `json:"password,omitempty" maxLength:"512" doc:"Never given out again; absent: as before."`
}

// CalendarNew enters a calendar.
type CalendarNew struct {
	PersonPath
	Body CalendarBody
}

// CalendarPath names a calendar of a person.
type CalendarPath struct {
	PersonPath
	Calendar string `path:"calendar" maxLength:"64"`
}

// CalendarInput changes a calendar.
type CalendarInput struct {
	CalendarPath
	Body CalendarBody
}

// Export is everything that is kept about one person (O6).
type Export struct {
	Person        ExportPerson         `json:"person"`
	Presence      rights.Presence      `json:"presence"`
	Explanation   rights.Explanation   `json:"explanation"`
	Profiles      []policy.Profile     `json:"profiles"`
	Settings      PersonSettings       `json:"settings"`
	Favourites    []string             `json:"favourites"`
	Relationships []Relationship       `json:"relationships" doc:"Own choices."`
	Calendars     []Calendar           `json:"calendars"`
	Agenda        []rights.Appointment `json:"agenda"`
	Clients       []Client             `json:"clients"`
	Teams         PersonTeams          `json:"teams"`
	Lines         []PersonLine         `json:"lines" doc:"Telephone lines, and how they are forwarded."`
	Identities    []Identity           `json:"identities" doc:"As whom sign-in providers know the person."`
	Sessions      []Session            `json:"sessions" doc:"Where the person is signed in."`
	Directory     *ExportDirectory     `json:"directory,omitempty"`
	Audit         []AuditEntry         `json:"audit"`
}

// ExportDirectory is what is kept of where a person comes from.
type ExportDirectory struct {
	Connector string   `json:"connector"`
	ID        string   `json:"id,omitempty" doc:"What the person is called there."`
	Gone      bool     `json:"gone,omitempty" doc:"They have been deleted there."`
	Groups    []string `json:"groups" doc:"Names of their groups there, as far as these are kept."`
}

// ExportPerson is the person's own record.
type ExportPerson struct {
	PersonBody
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
}

// AuditEntry says who changed what (O7).
type AuditEntry struct {
	ID       int64     `json:"id"`
	At       time.Time `json:"at"`
	Actor    string    `json:"actor" doc:"Person or token; empty: the system."`
	Address  string    `json:"address,omitempty" doc:"From where, over the network."`
	Action   string    `json:"action"`
	Person   string    `json:"person,omitempty" doc:"The person concerned."`
	Location string    `json:"location,omitempty" doc:"The location concerned."`
	Detail   any       `json:"detail,omitempty" doc:"What changed: before and after hold the fields that differ."`
}

// Audit is one page of the audit log, newest first.
type Audit struct {
	Entries []AuditEntry `json:"entries"`
}

// AuditFilter selects entries of the audit log.
type AuditFilter struct {
	Person string    `query:"person" maxLength:"64" doc:"About this person."`
	Actor  string    `query:"actor" maxLength:"80" doc:"By this person or token."`
	Action string    `query:"action" maxLength:"64" doc:"Whose action begins so, such as settings."`
	Text   string    `query:"text" maxLength:"120" doc:"Which hold this in action or detail."`
	Since  time.Time `query:"since" doc:"Not before this instant."`
	Until  time.Time `query:"until" doc:"Before this instant."`
}

// AuditQuery selects a page of entries.
type AuditQuery struct {
	AuditFilter
	Before int64 `query:"before" minimum:"0" doc:"Older than this entry."`
	Limit  int   `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

// PersonAuditQuery selects a page of the entries about a person.
type PersonAuditQuery struct {
	PersonPath
	Before int64 `query:"before" minimum:"0" doc:"Older than this entry."`
	Limit  int   `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

// Table is an answer for spreadsheets (RFC 4180).
type Table struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

// RecordsQuery searches people's records.
type RecordsQuery struct {
	Q         string `query:"q" maxLength:"120" doc:"Beginning of a word of the name, digits of the work number, or a login."`
	Location  string `query:"location" maxLength:"64"`
	Group     string `query:"group" maxLength:"64"`
	Role      string `query:"role" enum:"user,location_admin,admin"`
	Blocked   string `query:"blocked" enum:"yes,no"`
	Directory string `query:"directory" maxLength:"64" doc:"ID of the connector that they come from; none: of people who were entered here."`
	After     string `query:"after" maxLength:"1000" doc:"Go on behind this: next of the answer before."`
	Limit     int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// Records is one page of people's records.
type Records struct {
	Records []PersonRecord `json:"records"`
	Total   int            `json:"total" doc:"How many there are on all pages."`
	Next    string         `json:"next,omitempty" doc:"Absent on the last page."`
}

// Session is a sign-in of a person.
type Session struct {
	ID        string    `json:"id"`
	Label     string    `json:"label" doc:"Such as Firefox on Linux."`
	Address   string    `json:"address,omitempty" doc:"From where it was made."`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	Client    bool      `json:"client,omitempty" doc:"It is a desktop client's, which may do less than a browser, and lasts for as long as it is used."`
	Current   bool      `json:"current,omitempty" doc:"It is the one that asks."`
	Provider  string    `json:"provider,omitempty" doc:"Name of the sign-in provider; absent: it was made with a password."`
}

// Sessions are the sign-ins of a person, newest first.
type Sessions struct {
	Sessions []Session `json:"sessions"`
}

// SessionPath names a sign-in of a person.
type SessionPath struct {
	PersonPath
	Session string `path:"session" maxLength:"64"`
}

// PasswordInput changes the own password.
type PasswordInput struct {
	PersonPath
	Body struct {
		Old string `json:"old" minLength:"1" maxLength:"512"`
		New string `json:"new" minLength:"10" maxLength:"512"`
	}
}

// LinkInput makes a link with which somebody sets a password.
type LinkInput struct {
	PersonPath
	Body struct {
		Kind string `json:"kind" enum:"invitation,reset" doc:"An invitation holds for a week, a reset for a day."`
	}
}

// Link lets its bearer set the password of one person, once.
type Link struct {
	Path      string    `json:"path" doc:"Of this server; shown once."`
	ExpiresAt time.Time `json:"expires_at"`
}

// LinkUse sets a password by a link.
type LinkUse struct {
	Body struct {
		Secret   string `json:"secret" minLength:"1" maxLength:"128" doc:"Of the link."`
		Password string `json:"password" minLength:"10" maxLength:"512"`
	}
}

// Location is a place of the organisation.
type Location struct {
	ID       string `json:"id" readOnly:"true" required:"false"`
	Name     string `json:"name" minLength:"1" maxLength:"120"`
	TimeZone string `json:"time_zone" maxLength:"64" doc:"IANA name."`
	People   int    `json:"people" readOnly:"true" required:"false"`
}

// Group is a configuration group of a location.
type Group struct {
	ID       string `json:"id" readOnly:"true" required:"false"`
	Location string `json:"location" maxLength:"64"`
	Name     string `json:"name" minLength:"1" maxLength:"120"`
	People   int    `json:"people" readOnly:"true" required:"false"`
}

// SectionParts are the sections of a scope's settings, as far as they are given.
type SectionParts struct {
	Feature       *policy.Feature         `json:"feature,omitempty"`
	Templates     *policy.Templates       `json:"templates,omitempty"`
	OwnProfiles   *policy.OwnProfiles     `json:"own_profiles,omitempty"`
	Activation    *policy.Activation      `json:"activation,omitempty"`
	Calendar      *policy.CalendarSection `json:"calendar,omitempty"`
	Teams         *policy.Teams           `json:"teams,omitempty"`
	Telephony     *policy.Telephony       `json:"telephony,omitempty"`
	Microphone    *policy.Microphone      `json:"microphone,omitempty"`
	Relationships *policy.Relationships   `json:"relationships,omitempty"`
}

// given tells which sections are given, and puts them into settings.
func (p *SectionParts) given() map[string]func(*policy.Settings) {
	all := map[string]func(*policy.Settings){}
	if p.Feature != nil {
		all[policy.SectionFeature] = func(s *policy.Settings) { s.Feature = *p.Feature }
	}
	if p.Templates != nil {
		all[policy.SectionTemplates] = func(s *policy.Settings) { s.Templates = *p.Templates }
	}
	if p.OwnProfiles != nil {
		all[policy.SectionOwnProfiles] = func(s *policy.Settings) { s.OwnProfiles = *p.OwnProfiles }
	}
	if p.Activation != nil {
		all[policy.SectionActivation] = func(s *policy.Settings) { s.Activation = *p.Activation }
	}
	if p.Calendar != nil {
		all[policy.SectionCalendar] = func(s *policy.Settings) { s.Calendar = *p.Calendar }
	}
	if p.Teams != nil {
		all[policy.SectionTeams] = func(s *policy.Settings) { s.Teams = *p.Teams }
	}
	if p.Telephony != nil {
		all[policy.SectionTelephony] = func(s *policy.Settings) { s.Telephony = *p.Telephony }
	}
	if p.Microphone != nil {
		all[policy.SectionMicrophone] = func(s *policy.Settings) { s.Microphone = *p.Microphone }
	}
	if p.Relationships != nil {
		all[policy.SectionRelationships] = func(s *policy.Settings) { s.Relationships = *p.Relationships }
	}
	return all
}

// Section is one section of a scope's settings. Which of the parts is present follows from name.
type Section struct {
	Name       string `json:"name" enum:"feature,templates,own_profiles,activation,calendar,teams,telephony,microphone,relationships"`
	Individual bool   `json:"individual" doc:"The scope has its own; otherwise it takes the location's, or for a location the factory defaults."`
	Version    string `json:"version" doc:"Tells these values apart from others, to be given back as was."`
	SectionParts
}

// ScopeSettings are all sections of a scope.
type ScopeSettings struct {
	Sections []Section `json:"sections"`
}

// ScopePath names a location or a configuration group.
type ScopePath struct {
	Scope string `path:"scope" maxLength:"64" doc:"ID of a location or configuration group."`
}

// SectionPath names a section of a scope.
type SectionPath struct {
	ScopePath
	Section string `path:"section" enum:"feature,templates,own_profiles,activation,calendar,teams,telephony,microphone,relationships"`
}

// SectionInput replaces a section, which makes it individual. The part named like the section must be given.
type SectionInput struct {
	SectionPath
	Body struct {
		SectionParts
	}
}

// TemplatePath names a template of a scope.
type TemplatePath struct {
	ScopePath
	Template string `path:"template" maxLength:"64"`
}

// TemplateNew adds a template.
type TemplateNew struct {
	ScopePath
	Body policy.Template
}

// TemplateInput changes a template.
type TemplateInput struct {
	TemplatePath
	Body policy.Template
}

// ScopeResetInput resets the settings of everybody in a scope.
type ScopeResetInput struct {
	ScopePath
	Body ResetInput
}

// PersonBody is a person as administrators see and change them.
type PersonBody struct {
	Name         string   `json:"name" minLength:"1" maxLength:"120"`
	Login        string   `json:"login,omitempty" maxLength:"120"`
	Email        string   `json:"email,omitempty" maxLength:"254"`
	Location     string   `json:"location" maxLength:"64" doc:"ID of a location."`
	Group        string   `json:"group,omitempty" maxLength:"64" doc:"ID of a configuration group of that location."`
	WorkNumber   string   `json:"work_number,omitempty" maxLength:"40"`
	MobileNumber string   `json:"mobile_number,omitempty" maxLength:"40"`
	HomeNumber   string   `json:"home_number,omitempty" maxLength:"40"`
	Voicemail    string   `json:"voicemail_number,omitempty" maxLength:"40"`
	TimeZone     string   `json:"time_zone,omitempty" maxLength:"64"`
	Language     string   `json:"language,omitempty" enum:"en,de"`
	Role         string   `json:"role,omitempty" enum:"user,location_admin,admin" default:"user"`
	Administers  []string `json:"administers,omitempty" maxItems:"1000" doc:"IDs of the locations that a location_admin administers."`
	VIP          bool     `json:"vip,omitempty"`
	Blocked      bool     `json:"blocked,omitempty"`
	Lines        []Line   `json:"lines,omitempty" maxItems:"20" doc:"Telephone lines, the main one first. None: the work number is one, in the telephone system that the settings of their scope name."`
}

// Line is a telephone line as it is entered for a person.
type Line struct {
	Connector string `json:"connector" minLength:"1" maxLength:"64" doc:"ID of the telephone system."`
	Line      string `json:"line" minLength:"1" maxLength:"120" doc:"Its number, or its address, as the system knows it."`
	Forwards  bool   `json:"forwards" doc:"It is forwarded as its owner's presence asks for."`
}

// PersonRecord is a person for administrators.
type PersonRecord struct {
	PersonBody
	ID        string `json:"id"`
	Directory string `json:"directory,omitempty" doc:"ID of the connector that the person comes from, and follows."`
}

// PersonNew adds a person.
type PersonNew struct {
	Body struct {
		PersonBody
		Password string `json:"password,omitempty" maxLength:"512"`
	}
}

// PersonInput changes a person.
type PersonInput struct {
	PersonPath
	Body struct {
		PersonBody
		Password string `json:"password,omitempty" maxLength:"512" doc:"Absent: as before."`
	}
}

// ImportInput enters a list of people.
type ImportInput struct {
	Body struct {
		CSV      string `json:"csv" minLength:"1" maxLength:"31457280" doc:"A heading with login and any of name, email, location, group, work_number, mobile_number, home_number, voicemail_number, time_zone, language, role, vip, blocked; then a row for each person, told apart by login. Columns that are not there stay as they are."`
		Location string `json:"location,omitempty" maxLength:"120" doc:"Name or ID: of new people of whom the list says none. An empty location says nothing then. Absent: they are refused."`
		Group    string `json:"group,omitempty" maxLength:"120" doc:"Configuration group of these people, by name or ID. Absent: none."`
		DryRun   bool   `json:"dry_run,omitempty" doc:"Only tell what it would do."`
	}
}

// JobPath names a job.
type JobPath struct {
	Job string `path:"job" maxLength:"64"`
}

// States of a job.
const (
	jobRunning = "running"
	jobDone    = "done"
	jobFailed  = "failed"
)

// Job is work that goes on after the answer. It can be asked about for an hour after its end.
type Job struct {
	ID     string            `json:"id"`
	State  string            `json:"state" enum:"running,done,failed"`
	Done   int               `json:"done" doc:"Of total."`
	Total  int               `json:"total"`
	Error  string            `json:"error,omitempty" doc:"Why it failed; report tells what was done before."`
	Report *provision.Report `json:"report,omitempty" doc:"At its end."`

	Unusual bool `json:"unusual,omitempty" doc:"It failed because an unusual number of people would be blocked, as many as the report says; anyway lets it."`
}

// WorkGroup relates its members to one another.
type WorkGroup struct {
	ID      string       `json:"id" readOnly:"true" required:"false"`
	Name    string       `json:"name" minLength:"1" maxLength:"120"`
	Level   rights.Level `json:"level" enum:"unknown,external,employee,team_colleague,assistant,assistant_plus" doc:"What each member is to the others."`
	Members []string     `json:"members" maxItems:"10000"`
}

// MonitoringGroup relates observers and members.
type MonitoringGroup struct {
	ID            string       `json:"id" readOnly:"true" required:"false"`
	Name          string       `json:"name" minLength:"1" maxLength:"120"`
	ObserverLevel rights.Level `json:"observer_level" enum:"unknown,external,employee,team_colleague,assistant,assistant_plus" doc:"What observers are to the members."`
	MemberLevel   rights.Level `json:"member_level" enum:"unknown,external,employee,team_colleague,assistant,assistant_plus" doc:"What members are to the observers."`
	Observers     []string     `json:"observers" maxItems:"10000"`
	Members       []string     `json:"members" maxItems:"10000"`
}

// Token lets a program in.
type Token struct {
	ID        string     `json:"id" readOnly:"true" required:"false"`
	Name      string     `json:"name" minLength:"1" maxLength:"120"`
	Origin    string     `json:"origin,omitempty" maxLength:"40" pattern:"^[a-z0-9][a-z0-9-]*$" doc:"Label of the claims it makes. Absent: it makes none."`
	Scopes    []string   `json:"scopes" enum:"claims,lines,read,admin" doc:"claims and lines: say something about people; read: see what its person sees; admin: everything."`
	Person    string     `json:"person,omitempty" maxLength:"64" doc:"It acts with the rights of this person."`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	Secret    string     `json:"secret,omitempty" readOnly:"true" required:"false" doc:"Shown once, in the answer that makes the token."`
}
