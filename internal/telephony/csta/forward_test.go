package csta

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/csta/cstatest"
	"github.com/doorlight/doorlight/internal/telephony/wire/wiretest"
)

// What is set is what is read, also of systems that have busy and no answer for internal and external calls each.
func TestForwarding(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		for _, server := range []cstatest.Config{{}, {SplitTypes: true, Decorated: true, Register: true}} {
			h := newHouse(t, server, nil, "201", "202")
			set := func(f telephony.Forwarding) {
				t.Helper()
				for range 2 { // twice does no harm
					if err := h.sys.SetForwarding(t.Context(), "201", f); err != nil {
						t.Fatal(err)
					}
				}
				if got, err := h.sys.Forwarding(t.Context(), "201"); err != nil || got != f {
					t.Errorf("set was %+v, read is %+v, %v", f, got, err)
				}
			}
			set(telephony.Forwarding{DoNotDisturb: true, All: "+4915112345", Busy: "202", NoAnswer: "*97"})
			asked := h.server.Asked("SetForwarding")
			if !h.server.DND("201") || h.server.Forwarded("201", "forwardImmediate") != "+4915112345" {
				t.Error("it is not set")
			}
			want := map[string]string{"forwardBusy": "202", "forwardBusyInt": "", "forwardBusyExt": "", "forwardNoAns": "*97", "forwardNoAnsExt": ""}
			if server.SplitTypes {
				want = map[string]string{"forwardBusy": "", "forwardBusyInt": "202", "forwardBusyExt": "202", "forwardNoAnsInt": "*97", "forwardNoAnsExt": "*97"}
			}
			for kind, target := range want {
				if got := h.server.Forwarded("201", kind); got != target {
					t.Errorf("%s is %q, want %q", kind, got, target)
				}
			}
			set(telephony.Forwarding{Internal: "202", External: "+4915112345"})
			if server.SplitTypes && asked != 5 || !server.SplitTypes && asked != 3 {
				t.Errorf("%d were set", asked)
			}
			set(telephony.Forwarding{})
			for kind := range want {
				if got := h.server.Forwarded("201", kind); got != "" {
					t.Errorf("%s is left %q", kind, got)
				}
			}
			h.end()
		}
	})
}

// Targets are dialled; what the system cannot is refused before anything is done, unless it is as it is.
func TestTargets(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, cstatest.Config{}, func(c *Config) { c.Forwarding = []telephony.Ability{telephony.CanAll} }, "201")
		defer h.end()
		ctx := t.Context()
		if err := h.sys.SetForwarding(ctx, "201", telephony.Forwarding{All: "+49 (0)151 123-45"}); err != nil || h.server.Forwarded("201", "forwardImmediate") != "+4915112345" {
			t.Errorf("%v", err)
		}
		h.server.Press("201", "forwardImmInt", "5")
		if err := h.sys.SetForwarding(ctx, "201", telephony.Forwarding{Internal: "5"}); err != nil || h.server.Forwarded("201", "forwardImmInt") != "5" || h.server.Forwarded("201", "forwardImmediate") != "" {
			t.Errorf("what it cannot and what was there: %v", err)
		}
		for _, f := range []telephony.Forwarding{{All: "anna@example.com", Internal: "5"}, {All: "call me", Internal: "5"}, {All: "7"}, {All: "7", Internal: "6"}, {All: "7", Internal: "5", Busy: "5"},
			{All: "7", Internal: "5", OneNumber: "202"}, {All: "7", Internal: "5", DoNotDisturb: true}} {
			if err := h.sys.SetForwarding(ctx, "201", f); err == nil {
				t.Errorf("%+v was taken", f)
			}
		}
		if h.server.Forwarded("201", "forwardImmediate") != "" || h.server.Forwarded("201", "forwardImmInt") != "5" {
			t.Error("something that was refused was done in part")
		}
		if _, err := h.sys.Forwarding(ctx, "999"); !strings.Contains(wiretest.Says(err), "does not know this line") {
			t.Errorf("%v", err)
		}
		if can := h.sys.Can(); !can.Lines || !can.Tells || len(can.Forwarding) != 1 {
			t.Errorf("it can %+v", can)
		}
	})
}

// What is changed at the telephone is told at once, and what is set here too.
func TestForwardingIsTold(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, cstatest.Config{}, nil, "201", "202")
		defer h.end()
		h.Begin("201", "202")
		h.Forwarded("201", telephony.Forwarding{})
		h.server.PressDND("201", true)
		h.Forwarded("201", telephony.Forwarding{DoNotDisturb: true})
		h.server.Press("201", "forwardNoAnsExt", "+49891")
		h.Forwarded("201", telephony.Forwarding{DoNotDisturb: true, NoAnswer: "+49891"})
		h.server.PressDND("201", false)
		h.Forwarded("201", telephony.Forwarding{NoAnswer: "+49891"})
		if err := h.sys.SetForwarding(t.Context(), "201", telephony.Forwarding{External: "202", NoAnswer: "+49891"}); err != nil {
			t.Fatal(err)
		}
		h.Forwarded("201", telephony.Forwarding{External: "202", NoAnswer: "+49891"})
		h.Forwarded("202", telephony.Forwarding{})
	})
}

// A system that knows no forwarding tells of lines all the same.
func TestNoForwarding(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		for _, edit := range []func(*Config){func(c *Config) { c.Forwarding = nil }, nil} {
			h := newHouse(t, cstatest.Config{NoForwarding: true}, edit, "201")
			h.Begin("201")
			h.Is("201", "idle")
			if h.Told("201").Forwarding != nil {
				t.Error("forwarding was told")
			}
			if _, err := h.sys.Forwarding(t.Context(), "201"); err == nil {
				t.Error("forwarding was read")
			}
			h.end()
		}
	})
}

// Errors are told by their group, with the word that the system has for it.
func TestErrors(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, cstatest.Config{}, nil, "201")
		defer h.end()
		for with, want := range map[string]source.Kind{"operation/invalidDeviceID": source.NotFound, "operation/serviceNotSupported": source.Other, "security/notAllowed": source.Credentials,
			"systemResourceAvailability/serviceBusy": source.Unavailable, "subscribedResourceAvailability/objectMonitorLimitExceeded": source.Unavailable,
			"performanceManagement/performanceLimitExceeded": source.Unavailable, "stateIncompatibility/invalidObjectState": source.Unavailable, "unspecified/strange": source.Other} {
			h.server.Refuse("SetForwarding", with)
			err := h.sys.SetForwarding(t.Context(), "201", telephony.Forwarding{All: "5"})
			e, ok := err.(*source.Error)
			_, code, _ := strings.Cut(with, "/")
			if !ok || e.Kind != want || !strings.Contains(e.Text, code) {
				t.Errorf("%s: %v", with, err)
			}
		}
		h.server.Refuse("SetForwarding", "")
		h.server.Stop()
		at := time.Now()
		for range 2 {
			if _, err := h.sys.Forwarding(t.Context(), "201"); err == nil || time.Since(at) > 0 {
				t.Errorf("%v after %v", err, time.Since(at))
			}
		}
		h.server.Boot()
		time.Sleep(3 * time.Second)
		if _, err := h.sys.Forwarding(t.Context(), "201"); err != nil {
			t.Error(err)
		}
		h.server.Silence(true)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		at = time.Now()
		if _, err := h.sys.Forwarding(ctx, "201"); err == nil || time.Since(at) > 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(at))
		}
	})
}

// Check says what is missing, step by step, and leaves nothing behind.
func TestCheck(t *testing.T) {
	for name, tc := range map[string]struct {
		server cstatest.Config
		edit   func(*Config)
		refuse string
		line   string
		want   string // steps, with a ! before those that are not well
		says   string
	}{
		"all well":       {line: "201", want: "connection session line calls forwarding"},
		"OpenScape":      {server: cstatest.Config{Register: true}, line: "201", want: "connection session line calls forwarding"},
		"without a line": {want: "connection session"},
		"unknown line":   {line: "999", want: "connection session !line", says: "prefix"},
		"no application": {server: cstatest.Config{Applications: "x"}, want: "connection !session", says: "Set the application up"},
		"no snapshots":   {line: "201", refuse: "SnapshotDevice", want: "connection session line !calls forwarding", says: "stay for ever"},
		"no forwarding":  {line: "201", refuse: "GetForwarding", want: "connection session line calls !forwarding", says: "GetForwarding"},
		"not there":      {edit: func(c *Config) { c.Port = 9 }, want: "!connection", says: "register or none"},
	} {
		t.Run(name, func(t *testing.T) {
			wiretest.In(t, func(t *testing.T) {
				h := newHouse(t, tc.server, tc.edit, "201")
				defer h.end()
				if tc.refuse != "" {
					h.server.Refuse(tc.refuse, "operation/serviceNotSupported")
				}
				var got []string
				text := ""
				for _, s := range h.sys.Check(t.Context(), tc.line) {
					mark := ""
					if !s.OK {
						mark = "!"
					}
					if s.OK != (s.Remedy == "") || s.Found == "" {
						t.Errorf("%+v", s)
					}
					got = append(got, mark+s.Name)
					text += s.Found + "\n" + s.Remedy + "\n"
				}
				if strings.Join(got, " ") != tc.want || !strings.Contains(text, tc.says) {
					t.Errorf("%v, want %s, with %q in\n%s", got, tc.want, tc.says, text)
				}
				synctest.Wait()
				if h.server.Monitors() > 0 || h.server.Asked("SetForwarding") > 0 {
					t.Error("something is left behind")
				}
			})
		})
	}
}

// Close does not wait for a system that does not answer.
func TestCloseWhileAsking(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, cstatest.Config{}, nil, "201")
		h.server.Silence(true)
		done := make(chan error)
		go func() {
			_, err := h.sys.Forwarding(t.Context(), "201")
			done <- err
		}()
		time.Sleep(time.Second)
		at := time.Now()
		h.sys.Close()
		if err := <-done; !strings.Contains(wiretest.Says(err), "given up") || time.Since(at) > 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(at))
		}
		h.end()
	})
}
