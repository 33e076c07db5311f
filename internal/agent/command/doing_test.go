package command

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorlight/doorlight/client"
	"github.com/doorlight/doorlight/internal/agent"
	"github.com/doorlight/doorlight/internal/agent/localcal"
	"github.com/doorlight/doorlight/internal/agent/probe"
	"github.com/doorlight/doorlight/presence"
)

// Where no icon is shown, status is how the owner learns what is measured and why not. What they are doing is not in it.
func TestAClientTellsWhatItDoes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 26, 8, 2, 0, 0, time.Local)
	busy := presence.Busy
	works := agent.State{Connected: true, Since: at, Told: true, Name: "Anna", Presence: client.Presence{Status: &busy, Text: "Exam"},
		Settings: client.Settings{Enabled: true, InactiveAfter: 600, Lock: true, Microphone: []string{"zoom"}, CalendarDays: 14},
		Idle:     &probe.Idle{Way: "logind", Idle: true}, Lock: &probe.Lock{Err: &probe.Unmeasured{What: "the lock", Why: []string{"logind does not run", "XScreenSaver does not run"}}},
		Recording: []string{"zoom"},
		Calendars: []agent.Calendar{{Program: "Notes", Err: localcal.ErrAbsent}, {Program: "Outlook", Count: 12, Handed: at.Add(time.Hour), Problems: []string{"one entry could not be read"}}}}
	wished := works
	wished.Muted, wished.Microphone = true, &probe.Microphone{Way: "PulseAudio"}
	wished.Settings.InactiveAfter, wished.Idle, wished.Settings.CalendarDays = 0, nil, 0
	wished.Lock, wished.Problem = &probe.Lock{Err: errors.New("not known before the first change")}, "50 clients of this person run already"
	for name, c := range map[string]struct {
		state agent.State
		want  string
	}{
		"at the beginning":    {agent.State{}, "connected: not yet\n"},
		"without a server":    {agent.State{Problem: "connection refused", Since: at}, "connected: no: connection refused\n"},
		"nothing has counted": {agent.State{Connected: true, Since: at, Told: true}, "connected: yes, since 2026-11-26 08:02\ninput: does not count here\nlock: does not count here\nmicrophone: does not count here\ncalendars: do not count here\n"},
		"at work": {works, `connected: yes, since 2026-11-26 08:02
input: logind
lock: cannot be measured here
  logind does not run
  XScreenSaver does not run
microphone: is about to be measured
calendar of Notes: not on this computer
calendar of Outlook: 12 appointments, handed over 2026-11-26 09:02
  one entry could not be read
`},
		"by their wish": {wished, `connected: yes, since 2026-11-26 08:02
refused: 50 clients of this person run already
input: does not count here
lock: not known before the first change
microphone: does not count, by your wish
calendars: do not count here
`},
	} {
		if d := cmp.Diff(c.want, doing(&c.state)); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}
