package calendar

import (
	"fmt"
	"strings"
	"time"
)

// ShowAs says how an appointment counts. The zero value is Free.
type ShowAs uint8

const (
	Free ShowAs = iota
	Tentative
	Busy
	OutOfOffice
	WorkingElsewhere
)

var showAsNames = [...]string{"free", "tentative", "busy", "out_of_office", "working_elsewhere"}

// cdoNames are the same in X-MICROSOFT-CDO-BUSYSTATUS ([MS-OXCICAL] 2.1.3.1.1.20.31).
var cdoNames = [...]string{"FREE", "TENTATIVE", "BUSY", "OOF", "WORKINGELSEWHERE"}

// String returns the word for s in the API and on disk.
func (s ShowAs) String() string {
	if int(s) < len(showAsNames) {
		return showAsNames[s]
	}
	return fmt.Sprintf("ShowAs(%d)", uint8(s))
}

// ParseShowAs is the inverse of String.
func ParseShowAs(word string) (ShowAs, error) {
	for i, name := range showAsNames {
		if name == word {
			return ShowAs(i), nil
		}
	}
	return Free, fmt.Errorf("calendar: %q is not one of %s", word, strings.Join(showAsNames[:], ", "))
}

// Appointment is one occurrence of an event.
type Appointment struct {
	// ID is unique within the calendar and stays the same when the occurrence
	// is moved: the UID, and for a recurring event "/" and its original start.
	ID  string
	UID string

	// Start and End are UTC and half open. They are equal for an event that
	// takes no time. All-day appointments reach from midnight to midnight in
	// the zone of the owner.
	Start, End time.Time

	AllDay             bool
	StartDate, EndDate Date // of an all-day appointment, the end exclusive; else zero

	ShowAs     ShowAs
	Subject    string // one line; always empty if Private
	Private    bool   // CLASS is anything but PUBLIC (RFC 5545 §3.8.1.3)
	Categories []string
	URL        string        // of the original, http or https; may be empty
	Reminder   time.Duration // how long before Start to remind; zero: not at all
}
