package agent

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/doorlight/doorlight/client"
	"github.com/doorlight/doorlight/internal/agent/probe"
	"github.com/doorlight/doorlight/presence"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// TestWhatCountsIsTold goes through what is told of a computer whose owner went at noon.
func TestWhatCountsIsTold(t *testing.T) {
	t.Parallel()
	all := client.Settings{Enabled: true, InactiveAfter: 600, Lock: true}
	noLock, noInput, off := all, all, client.Settings{}
	noLock.Lock, noInput.InactiveAfter = false, 0
	idle, used, blind := &probe.Idle{Idle: true, Since: noon}, &probe.Idle{}, &probe.Idle{Err: errors.New("no way")}
	locked, open, unseen := &probe.Lock{Locked: true}, &probe.Lock{}, &probe.Lock{Err: errors.New("no locker")}
	for _, c := range []struct {
		name string
		c    client.Settings
		idle *probe.Idle
		lock *probe.Lock
		want string // empty: nothing is known yet
	}{
		{"before anything was measured", all, nil, nil, ""},
		{"before the lock was measured", all, idle, nil, ""},
		{"before input was measured", all, nil, open, ""},
		{"used", all, used, open, "active"},
		{"not used", all, idle, open, "idle since 12:00"},
		{"locked, and not used", all, idle, locked, "locked since 12:01"},
		{"locked, and input cannot be measured", all, blind, locked, "locked since 12:01"},
		{"unlocked, and input cannot be measured", all, blind, open, "unknown"},
		{"neither can be measured", all, blind, unseen, "unknown"},
		{"not used, and the lock cannot be measured", all, idle, unseen, "idle since 12:00"},
		{"locked, which does not count", noLock, idle, nil, "idle since 12:00"},
		{"used, and the lock does not count", noLock, used, nil, "active"},
		{"not used, which does not count", noInput, nil, open, "active"},
		{"locked, and input does not count", noInput, nil, locked, "locked since 12:01"},
		{"nothing counts", off, nil, nil, "unknown"},
	} {
		m := measured{idle: c.idle, lock: c.lock, lockedAt: noon.Add(time.Minute)}
		s := m.say(&counts{Settings: c.c, known: true})
		got := ""
		if s.activity != nil {
			got = s.activity.String()
		}
		if !s.since.IsZero() {
			got += " since " + s.since.Format("15:04")
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if s := (&measured{idle: used, lock: open, microphone: &probe.Microphone{}}).say(&counts{Settings: all}); s.activity != nil || s.microphone != nil {
		t.Errorf("before the server has said what counts, %+v is told", s)
	}
}

// TestOnlyRowsOfTheTableAreTold draws tables and programs: whatever records, nothing leaves the computer but rows of the table, and those that record do.
func TestOnlyRowsOfTheTableAreTold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SampledFrom([]string{"Zoom", "zoom.exe", "ZOOM", "teams", "ms-teams", "Slack", "solitaire", "", "chrome", "Chrome.EXE"})
		rows := rapid.SliceOfN(names, 0, 4).Draw(t, "rows")
		m := measured{microphone: &probe.Microphone{}}
		for _, name := range rapid.SliceOfN(names, 0, 4).Draw(t, "programs") {
			m.microphone.Programs = append(m.microphone.Programs, probe.Program{Name: name})
		}
		c := counts{Settings: client.Settings{Enabled: rapid.Bool().Draw(t, "enabled"), Microphone: rows}, known: true, muted: rapid.Bool().Draw(t, "muted")}
		if rapid.IntRange(0, 9).Draw(t, "fails") == 0 {
			m.microphone.Err = errors.New("no sound server")
		}
		told := m.say(&c).microphone
		if told == nil {
			t.Fatal("it was measured, and nothing is told")
		}
		plain := func(s string) string { return strings.TrimSuffix(strings.ToLower(s), ".exe") }
		for _, row := range rows {
			records := slices.ContainsFunc(m.microphone.Programs, func(p probe.Program) bool { return plain(p.Name) == plain(row) })
			if want := records && c.Enabled && !c.muted && m.microphone.Err == nil; slices.Contains(told, row) != want {
				t.Fatalf("%q is told: %v, want %v", row, !want, want)
			}
		}
		for _, row := range told {
			if !slices.Contains(rows, row) {
				t.Fatalf("%q is told and not in the table", row)
			}
		}
	})
}

// TestOnlyChangesAreTold: nothing is said twice, and what is left out is as before.
func TestOnlyChangesAreTold(t *testing.T) {
	t.Parallel()
	hour := func(t time.Time) time.Time { return t.Add(time.Hour) } // the server's clock is ahead
	active, idle := presence.Active, presence.Idle
	first := said{activity: &active, microphone: []string{}}
	r, ok := first.report(nil, "desk", "Desk", hour)
	if !ok || r.ID != "desk" || r.Label != "Desk" || *r.Activity != presence.Active || r.ActivitySince != nil || len(*r.Microphone) != 0 {
		t.Errorf("at first %+v is told", r)
	}
	same := said{activity: &active, microphone: []string{}}
	if r, ok := same.report(&first, "desk", "Desk", hour); ok {
		t.Errorf("the same is told again: %+v", r)
	}
	gone := said{activity: &idle, since: noon, microphone: []string{}}
	if r, ok := gone.report(&first, "desk", "Desk", hour); !ok || r.Label != "" || *r.Activity != presence.Idle || !r.ActivitySince.Equal(noon.Add(time.Hour)) || r.Microphone != nil {
		t.Errorf("of being left %+v is told", r)
	}
	if r, ok := (&said{}).report(&gone, "desk", "Desk", hour); ok {
		t.Errorf("of what is not known %+v is told", r)
	}
	zoom := said{activity: &idle, since: noon, microphone: []string{"Zoom"}}
	if r, ok := zoom.report(&gone, "desk", "Desk", hour); !ok || r.Activity != nil || !slices.Equal(*r.Microphone, []string{"Zoom"}) {
		t.Errorf("of a program that records %+v is told", r)
	}
}
