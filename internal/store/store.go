// Package store says what Doorlight keeps on disk: the record types and the Store interface. Package sqlite
// implements it on the embedded database, package postgres on PostgreSQL; storetest holds both to the same
// behaviour. Records are plain data: what they mean is decided by packages presence, policy and rights, and
// nothing here resolves, checks rights or waits.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/doorlight/doorlight/presence"
)

// Errors that callers ask for with errors.Is. The text of a ConflictError or a TooLongError names the field.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("conflicts with what is stored")
	ErrTooLong  = errors.New("is too long for a key")
)

// MaxKey is how many bytes a key may have. PostgreSQL keeps 2,704 in a row of an index, and some keys have three parts.
const MaxKey = 1000

// TooLongError is an ErrTooLong with the record and field, for example {"claim", "id"}.
type TooLongError struct {
	Record string
	Field  string
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("%s: %s has more than %d bytes", e.Record, e.Field, MaxKey)
}

// Is makes errors.Is(err, ErrTooLong) true.
func (e *TooLongError) Is(target error) bool { return target == ErrTooLong }

// ConflictError is an ErrConflict with the record and field that collide, as recognised by the database's
// constraint: for example {"person", "login"}.
type ConflictError struct {
	Record string
	Field  string
}

func (e *ConflictError) Error() string {
	return e.Record + ": " + e.Field + " is taken or still in use"
}

// Is makes errors.Is(err, ErrConflict) true.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// Location is a place of the organisation; every person belongs to one (R1).
type Location struct {
	ID       string
	Name     string // unique
	TimeZone string // IANA name; people without their own use it
}

// Group is a configuration group of a location (R1).
type Group struct {
	ID         string
	LocationID string
	Name       string // unique in its location
}

// Section is one section of the settings of a scope: a location, or a configuration group that has it as
// individual. A group without a record takes the location's; a location without one has the factory defaults.
type Section struct {
	ScopeID string // Location.ID or Group.ID
	Name    string // as in package policy, such as "activation"
	Value   json.RawMessage
}

// Person is somebody of the organisation.
type Person struct {
	ID           string
	LocationID   string
	GroupID      string // empty: none
	Login        string // unique, lower case; empty: cannot sign in with a password
	Name         string // shown to colleagues
	Email        string
	WorkNumber   string
	MobileNumber string
	HomeNumber   string
	Voicemail    string
	TimeZone     string   // IANA name; empty: the location's
	Language     string   // "en", "de"; empty: the browser's
	Role         string   // "user", "location_admin", "admin"
	Administers  []string // locations, sorted, of a location_admin
	VIP          bool
	Blocked      bool            // cannot sign in, is not shown
	PasswordHash string          // argon2id in PHC form; empty: none
	Own          json.RawMessage // the person's own settings and profiles (package policy); never nil when read
	CreatedAt    time.Time
	Directory    Origin // zero: the person was entered by hand or by a list
	Lines        []Line // of telephones; the first is the main one. None: what the settings of their scope say of their work number
}

// Line is a telephone line of a person.
type Line struct {
	ConnectorID string `json:"connector"` // of the telephone system
	Line        string `json:"line"`      // as that knows it
	Forwards    bool   `json:"forwards"`  // it is forwarded as its owner's presence asks for
}

// Origin says from which directory a person comes.
type Origin struct {
	ConnectorID string // Connector.ID
	ExternalID  string // in the directory: stable over renames and moves; empty: it gives none
	Blocked     bool   // the directory has blocked them, and may let them in again
	Gone        bool   // the directory has deleted them, and may bring them back; they do not come from it until then
}

// Connector is an outside system, and how the last attempt to use it went.
type Connector struct {
	ID      string
	Kind    string // "ldap", "scim"
	Name    string
	Enabled bool
	Config  json.RawMessage // without secrets
	Secret  []byte          // sealed by package secret; nil: none

	CheckedAt   time.Time // last attempt; zero: never
	SucceededAt time.Time // last success; zero: never
	Error       string    // of the last attempt, in words for administrators; empty: it went well
	Report      json.RawMessage
}

// DirectoryGroup is a group of people that an outside system maintains.
type DirectoryGroup struct {
	ID          string
	ConnectorID string
	Name        string // unique in its connector
	ExternalID  string // what the outside system calls it; empty: nothing
	WorkGroupID string // the work group that has its members; empty: none
	CreatedAt   time.Time
	Members     []string // IDs of people
}

// WorkGroup relates all its members to one another at one level (R2).
type WorkGroup struct {
	ID      string
	Name    string // unique among work groups
	Level   string // rights.Level
	Members []string
}

// MonitoringGroup relates observers and members, with one level each way (R2).
type MonitoringGroup struct {
	ID            string
	Name          string // unique among monitoring groups
	ObserverLevel string // what observers are to the members: what they may see of them
	MemberLevel   string // what members are to the observers
	Observers     []string
	Members       []string
}

// Relationship is an owner's own choice about one viewer (R2).
type Relationship struct {
	OwnerID  string
	ViewerID string
	Level    string
}

// RelationshipKey names a Relationship.
type RelationshipKey struct{ OwnerID, ViewerID string }

// Token lets a program in (A3). Only the SHA-256 of its secret is kept.
type Token struct {
	ID        string
	Name      string
	Origin    string   // label of the claims it makes, unique; empty: it makes none
	Scopes    []string // as in the API document
	PersonID  string   // it acts with this person's rights; empty: for the organisation
	Hash      []byte
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
}

// Session is a sign-in of a person, in a browser or of a desktop client. Only the SHA-256 of its secret is kept.
type Session struct {
	Hash      []byte
	PersonID  string
	Label     string // such as "Firefox on Linux"
	Address   string // from where it was made
	CreatedAt time.Time
	ExpiresAt time.Time

	ConnectorID     string // the sign-in provider; empty: with a password of this server or of a directory
	ProviderSession string // as the provider calls it; empty: it does not tell

	Client bool // of a desktop client, whose secret is no cookie and which may do less than a browser
}

// Identity says as whom a sign-in provider knows a person: one for each provider and person.
type Identity struct {
	ConnectorID string // Connector.ID
	Subject     string // which the provider gives to nobody else
	PersonID    string
	CreatedAt   time.Time
}

// IdentityKey names an Identity.
type IdentityKey struct{ ConnectorID, Subject string }

// Link lets its bearer set a person's password, once. Only the SHA-256 of its secret is kept.
type Link struct {
	Hash      []byte
	PersonID  string
	Kind      string // "invitation" or "reset"
	CreatedAt time.Time
	ExpiresAt time.Time
}

// AuditEntry says who changed what (O7).
type AuditEntry struct {
	ID         int64 // given by the database, ascending
	At         time.Time
	Actor      string // Person.ID, or "token/" and Token.ID; empty: the system
	Address    string // from where; empty: not over the network
	Action     string // such as "settings.put"
	PersonID   string // the person concerned; empty: none in particular
	LocationID string // the location concerned; empty: none in particular
	Detail     json.RawMessage
}

// Calendar is one calendar of a person, and how its last synchronisation went.
type Calendar struct {
	ID          string
	PersonID    string
	Kind        string // "ics", "caldav", "exchange", ...
	Name        string
	URL         string
	Username    string // with a system: the mailbox
	Password    []byte // sealed by package secret; nil: none
	ConnectorID string // the system that holds it; empty: it is reached by its URL, or handed over

	State       string    // ETag, Last-Modified or sync token, as its source understands it
	CheckedAt   time.Time // last attempt; zero: never
	SucceededAt time.Time // last success; zero: never
	Error       string    // of the last attempt, in words for its owner; empty: it went well
	Problems    json.RawMessage
}

// CalendarObject is one resource of a calendar, reduced to what scheduling needs; never the subject of a
// private appointment.
type CalendarObject struct {
	CalendarID string
	Href       string
	ETag       string
	Data       []byte // iCalendar
}

// ForwardingRecord is what was set of a line in a telephone system. It stays until that was taken back, also when nobody has the
// line any more.
type ForwardingRecord struct {
	ConnectorID string
	Line        string          // as the telephone system knows it
	State       json.RawMessage // as package forward understands it
	UpdatedAt   time.Time
}

// TeamsRecord is somebody in Microsoft Teams: who they are there, their sign-in, and what was written there.
type TeamsRecord struct {
	PersonID    string
	ConnectorID string          // the application that is used, or was last
	Address     string          // by which UserID was found; empty: a sign-in told it
	UserID      string          // object ID at Microsoft; empty: not known
	Account     string          // user name of who signed in; empty: nobody
	Token       []byte          // of the sign-in, sealed by package secret; nil: none is remembered
	State       json.RawMessage // as package teams understands it; nil: nothing
	UpdatedAt   time.Time       // zero: not known
}

// SIPAccount is an account with which a telephone of a person signs in.
type SIPAccount struct {
	User      string // the name that it signs in with
	PersonID  string
	Name      string // as its owner calls it
	Secret    []byte // hashes of the password, sealed by package secret
	CreatedAt time.Time
}

// Redirect is how a line is forwarded for which this server answers as a telephone system.
type Redirect struct {
	ConnectorID string
	Line        string
	PersonID    string          // whose line it was when that was set: it goes with them
	Forwarding  json.RawMessage // as package telephones understands it
}

// Office is everything that is held in memory, as read at start.
type Office struct {
	Locations        []Location
	Groups           []Group
	Sections         []Section
	People           []Person
	WorkGroups       []WorkGroup
	MonitoringGroups []MonitoringGroup
	Relationships    []Relationship
	Tokens           []Token
	Calendars        []Calendar
	Connectors       []Connector
	Identities       []Identity
	DirectoryGroups  []DirectoryGroup
}

// Changes is a set of changes that take effect together or not at all. Puts replace a record of the same key,
// members included; they are applied before the deletes. Deleting what is not there is no error. Deleting a
// person deletes their claims, calendars, what is kept about Teams, accounts and redirects of their telephones, sessions, memberships and relationships, the tokens that act for them, and
// the details of the audit entries about them, of which who did what and when stays. Deleting a connector or a person deletes
// the identities. Deleting a location deletes its groups, and either deletes its sections.
type Changes struct {
	PutLocations        []Location
	PutGroups           []Group
	PutSections         []Section
	PutPeople           []Person
	PutWorkGroups       []WorkGroup
	PutMonitoringGroups []MonitoringGroup
	PutRelationships    []Relationship
	PutTokens           []Token
	PutSessions         []Session
	PutLinks            []Link // in place of the person's earlier ones
	PutCalendars        []Calendar
	PutConnectors       []Connector
	PutIdentities       []Identity
	PutDirectoryGroups  []DirectoryGroup
	PutSIPAccounts      []SIPAccount

	DeleteLocations        []string // a location or group with people in it is an ErrConflict
	DeleteGroups           []string
	DeleteSections         []Section // by ScopeID and Name
	DeletePeople           []string
	DeleteWorkGroups       []string
	DeleteMonitoringGroups []string
	DeleteRelationships    []RelationshipKey
	DeleteTokens           []string
	DeleteSessions         [][]byte // by Hash
	DeleteSessionsOf       []string // by ConnectorID
	DeleteLinks            []string // by PersonID
	DeleteCalendars        []string
	DeleteIdentities       []IdentityKey
	DeleteConnectors       []string // their groups go with them
	DeleteDirectoryGroups  []string
	DeleteSIPAccounts      []string // by User
	DeleteRedirectsOf      []string // by ConnectorID

	Audit []AuditEntry // appended; ID is ignored
}

// PersonClaim is a claim with the person it is about.
type PersonClaim struct {
	PersonID string
	Claim    presence.Claim
}

// PersonRef names a claim of a person.
type PersonRef struct {
	PersonID string
	Ref      presence.Ref
}

// PersonShown is a person's presence.Shown.
type PersonShown struct {
	PersonID string
	Shown    presence.Shown
}

// ClaimBatch is a set of claim changes of any number of people that become durable together. Puts come first.
// A put for a person who does not exist any more is left out silently: the person was deleted meanwhile. Of several
// puts of one claim the last counts. A claim that would end before it begins is kept as ending when it begins.
type ClaimBatch struct {
	Puts    []PersonClaim
	Deletes []PersonRef
	Shown   []PersonShown
}

// AuditQuery selects audit entries. The zero value selects the newest.
type AuditQuery struct {
	PersonID  string    // about this person; empty: all
	Locations []string  // about one of these locations; nil: all
	Actor     string    // by them; empty: all
	Action    string    // whose action begins so; empty: all
	Text      string    // which hold this in action or detail, whatever the capitals; empty: all
	Since     time.Time // zero: no lower bound
	Until     time.Time // zero: no upper bound
	Before    int64     // entries with a smaller ID; zero: no upper bound
	After     int64     // entries with a larger ID; zero: no lower bound
	Ascending bool      // oldest first, to read on from After
	Limit     int       // zero: 100
}

// Counts says how many there are of the records that Office does not hold.
type Counts struct{ Claims, Shown, CalendarObjects, Teams, Forwardings, SIPAccounts, Redirects, Audit int }

// Store keeps Doorlight's data. Every method is one transaction and durable when it returns without error.
// Methods may be called by several goroutines at once. Times are kept in milliseconds, UTC. Keys, which are IDs,
// names that must be unique, logins, origins, hrefs and a claim's source, have at most MaxKey bytes; to put a longer one
// is ErrTooLong. NUL and what is not UTF-8 are kept as U+FFFD. Lists that are read empty are nil. A reference to what is not there is ErrNotFound; the ConflictError of
// what cannot be deleted because it is in use names the field "id".
type Store interface {
	// LoadOffice reads everything that is held in memory, each list sorted by its key.
	LoadOffice(ctx context.Context) (Office, error)
	// Update applies changes. Its error is ErrConflict or ErrNotFound where the data is the reason.
	Update(ctx context.Context, c Changes) error

	// WriteClaims makes a batch durable.
	WriteClaims(ctx context.Context, b ClaimBatch) error
	// LoadClaims calls f for every claim, all of a person in succession, sorted by person. It may be slow to
	// call f concurrently with itself, so it does not.
	LoadClaims(ctx context.Context, f func(personID string, c presence.Claim) error) error
	// LoadShown calls f for every person's presence.Shown.
	LoadShown(ctx context.Context, f func(personID string, s presence.Shown) error) error

	// SyncCalendar enters the outcome of one synchronisation: the calendar's state, and its changed objects. If
	// replace is set, objects that are not among puts are deleted. ErrNotFound: the calendar was deleted.
	SyncCalendar(ctx context.Context, c Calendar, puts []CalendarObject, deletes []string, replace bool) error
	// CalendarObjects returns a calendar's objects, sorted by Href.
	CalendarObjects(ctx context.Context, calendarID string) ([]CalendarObject, error)

	// LoadForwardings calls f for every record, sorted by connector and line. It does not call f concurrently with itself.
	LoadForwardings(ctx context.Context, f func(ForwardingRecord) error) error
	// WriteForwardings replaces records, of each line one; a record without a state is removed.
	WriteForwardings(ctx context.Context, records ...ForwardingRecord) error

	// LoadSIPAccounts calls f for every account, sorted by user. It does not call f concurrently with itself.
	LoadSIPAccounts(ctx context.Context, f func(SIPAccount) error) error
	// LoadRedirects calls f for every redirect, sorted by connector and line. It does not call f concurrently with itself.
	LoadRedirects(ctx context.Context, f func(Redirect) error) error
	// WriteRedirects replaces redirects, of each line one; one without a forwarding is removed. ErrNotFound: there is no such person.
	WriteRedirects(ctx context.Context, records ...Redirect) error

	// LoadTeams calls f for everybody's record, sorted by person. It does not call f concurrently with itself.
	LoadTeams(ctx context.Context, f func(TeamsRecord) error) error
	// WriteTeams replaces records, then deletes those of other people. A put for a person who does not exist any more is left out
	// silently: the person was deleted meanwhile. Of several puts for one person the last counts.
	WriteTeams(ctx context.Context, puts []TeamsRecord, deletes []string) error

	// Session returns a session that has not expired at now; ErrNotFound otherwise.
	Session(ctx context.Context, hash []byte, now time.Time) (Session, error)
	// RenewSession has a session expire later, or earlier. One that is gone stays so, without an error.
	RenewSession(ctx context.Context, hash []byte, expires time.Time) error
	// Sessions returns a person's sessions that have not expired at now, newest first.
	Sessions(ctx context.Context, personID string, now time.Time) ([]Session, error)
	// ProviderSessions returns the sessions that a provider knows by a name and that have not expired at now, sorted by Hash.
	ProviderSessions(ctx context.Context, connectorID, name string, now time.Time) ([]Session, error)
	// TakeLink deletes a link that has not expired at now and returns it; ErrNotFound if there is none.
	TakeLink(ctx context.Context, hash []byte, now time.Time) (Link, error)
	// DeleteExpired deletes sessions, links and tokens that expired before now.
	DeleteExpired(ctx context.Context, now time.Time) error

	// Audit returns entries, newest first unless the query says otherwise.
	Audit(ctx context.Context, q AuditQuery) ([]AuditEntry, error)
	// DeleteAudit deletes entries from before an instant.
	DeleteAudit(ctx context.Context, before time.Time) error

	// Meta returns a value of the installation, such as when it was set up; empty if it was never set.
	Meta(ctx context.Context, key string) (string, error)
	// PutMeta sets a value of the installation.
	PutMeta(ctx context.Context, key, value string) error
	// AllMeta returns all values of the installation by their keys.
	AllMeta(ctx context.Context) (map[string]string, error)

	// Count counts what Office does not hold.
	Count(ctx context.Context) (Counts, error)

	// Ping checks that the database answers.
	Ping(ctx context.Context) error
	// Close waits for what is under way and releases the database.
	Close() error
}
