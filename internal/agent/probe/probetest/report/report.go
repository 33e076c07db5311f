// Package report is what the command watch prints, for the tests that read it.
package report

import "time"

// Line is one thing that a probe has told.
type Line struct {
	Probe    string    `json:"probe"` // "idle", "lock", "microphone", "end"; at last "over": all probes have returned
	On       bool      `json:"on"`
	Since    time.Time `json:"since,omitzero"`
	Way      string    `json:"way,omitempty"`
	Err      string    `json:"err,omitempty"`
	Programs []string  `json:"programs,omitempty"`
}
