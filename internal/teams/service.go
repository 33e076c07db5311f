// Package teams keeps the presence of people here and in Microsoft Teams in step (T1 to T4). What Teams shows becomes a live
// entry; what stands here without that entry is shown in Teams. [State] decides for one person, without I/O; [Teams] asks, writes
// and keeps what it knows. docs/teams.md tells it as a whole.
package teams

import (
	"context"
	"time"

	"github.com/doorlight/doorlight/internal/source/graph"
	"github.com/doorlight/doorlight/internal/store"
)

// Service is Microsoft Teams as one application sees it. A nil *graph.SignIn is the application's own permission. Errors are of type
// *source.Error. *graph.System is one.
type Service interface {
	UserIDs(ctx context.Context, addresses []string) (map[string]string, error)
	Presences(ctx context.Context, as *graph.SignIn, ids []string) ([]graph.Presence, error)
	Own(ctx context.Context, as *graph.SignIn) (graph.Presence, error)
	SetSession(ctx context.Context, as *graph.SignIn, id string, p graph.Pair, lease time.Duration) error
	ClearSession(ctx context.Context, as *graph.SignIn, id string) error
	SetPreferred(ctx context.Context, as *graph.SignIn, id string, p graph.Pair, lease time.Duration) error
	ClearPreferred(ctx context.Context, as *graph.SignIn, id string) error
	FollowPresences(list []graph.PresenceWatcher)
	WatchPresences(ctx context.Context, told func([]graph.Presence), hint func(id string)) error
}

// Store is what is kept.
type Store interface {
	LoadTeams(ctx context.Context, f func(store.TeamsRecord) error) error
	WriteTeams(ctx context.Context, puts []store.TeamsRecord, deletes []string) error
	Update(ctx context.Context, c store.Changes) error
}

// System is an application that serves people.
type System struct {
	ID   string // of its connector
	Name string
	Service
	Used func(error) // called with how asking it went, as far as it is about the application; may be nil
}

// Account is a Microsoft account with which somebody has signed in.
type Account struct {
	PersonID    string
	ConnectorID string
	Username    string // under which they signed in
	UserID      string // object ID
	Token       string // refresh token
	Remember    bool   // it is kept, sealed; else it is gone with the end of this server
}

// Status is how one person and Teams are doing. The zero value is of somebody whom Teams has nothing to do with.
type Status struct {
	ConnectorID  string
	Account      string // under which they signed in; empty: they have not
	Remembered   bool
	SignInNeeded bool
	HeardAt      time.Time // when Teams was last heard of them; zero: never
	Availability string    // what it showed then
	Activity     string
	Entry        Kind
	Written      []string // what Teams was told: "call", "do_not_disturb"
	Hidden       string   // which of it a choice in Teams hides; empty: none
	HiddenBy     string   // the availability that is shown instead
	Problem      string   // in words for them; empty: none
}

// SystemStatus is how an application and its people are doing.
type SystemStatus struct {
	People   int           // who are to be kept in step
	Found    int           // who are known to Teams
	SignedIn int           // with accounts of their own
	HeardAt  time.Time     // when anything was heard last; zero: never
	Oldest   time.Duration // since when somebody was not heard of
	Unknown  []Unknown     // at most 100
	Failing  []Failing     // at most 100
	More     int           // further ones of either
}

// Unknown is somebody whom the directory does not know.
type Unknown struct{ PersonID, Address string }

// Failing is somebody for whom something does not work.
type Failing struct{ PersonID, Problem string }

// kindNames are the words of entries: in the API, and the IDs of their claims.
var kindNames = [...]string{NoEntry: "", OnCall: "call", Presenting: "presenting", NotToDisturb: "do_not_disturb"}

// String returns the word for it, empty for none.
func (k Kind) String() string { return kindNames[k] }

func kindNamed(name string) Kind {
	for k, n := range kindNames {
		if n == name {
			return Kind(k)
		}
	}
	return NoEntry
}
