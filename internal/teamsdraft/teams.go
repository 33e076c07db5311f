// Package teams is what the layers around it need of package teams while that is being written.
package teams

import (
	"context"
	"time"

	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/source/graph"
)

// Service is Microsoft Teams as one application sees it.
type Service interface {
	Own(ctx context.Context, as *graph.SignIn) (graph.Presence, error)
}

// Teams keeps people and Teams in step.
type Teams interface {
	PutSystem(s System) (left <-chan struct{})
	DropSystem(id string) (left <-chan struct{})
	Forget(ctx context.Context, by office.By, connectorID string) error
	Connect(ctx context.Context, by office.By, a Account) error
	Disconnect(ctx context.Context, by office.By, personID string) error
	Status(personID string) Status
	SystemStatus(connectorID string) SystemStatus
}

// System is an application that serves people.
type System struct {
	ID   string
	Name string
	Service
	Used func(error)
}

// Account is a Microsoft account with which somebody has signed in.
type Account struct {
	PersonID    string
	ConnectorID string
	Username    string
	UserID      string
	Token       string
	Remember    bool
}

// Status is how one person and Teams are doing.
type Status struct {
	ConnectorID  string
	Account      string
	Remembered   bool
	SignInNeeded bool
	HeardAt      time.Time
	Availability string
	Activity     string
	Entry        Kind
	Written      []string
	Hidden       string
	HiddenBy     string
	Problem      string
}

// SystemStatus is how an application and its people are doing.
type SystemStatus struct {
	People   int
	Found    int
	SignedIn int
	HeardAt  time.Time
	Oldest   time.Duration
	Unknown  []Unknown
	Failing  []Failing
	More     int
}

// Unknown is somebody whom the directory does not know.
type Unknown struct{ PersonID, Address string }

// Failing is somebody for whom something does not work.
type Failing struct{ PersonID, Problem string }

// Kind is what an entry of Teams is about.
type Kind uint8

// String returns the word for it.
func (k Kind) String() string { return [...]string{"", "call", "presenting", "do_not_disturb"}[k] }
