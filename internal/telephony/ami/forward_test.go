package ami

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/ami/amitest"
	"github.com/doorlight/doorlight/internal/telephony/wire/wiretest"
)

// What is set stands in the database as FreePBX reads it, and the lamps show it; what is read is what stands there.
func TestForwarding(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		for _, server := range []amitest.Config{{}, {OldDBGet: true, NoTree: true}} {
			h := newHouse(t, server, nil, "201", "202")
			ctx := t.Context()
			set := func(f telephony.Forwarding) {
				t.Helper()
				for range 2 { // twice does no harm
					if err := h.sys.SetForwarding(ctx, "201", f); err != nil {
						t.Fatal(err)
					}
				}
				if got, err := h.sys.Forwarding(ctx, "201"); err != nil || got != f {
					t.Errorf("set was %+v, read is %+v, %v", f, got, err)
				}
			}
			set(telephony.Forwarding{DoNotDisturb: true, All: "+4915112345", Busy: "202", NoAnswer: "*97"})
			for key, want := range map[string]string{"DND": "YES", "CF": "+4915112345", "CFB": "202", "CFU": "*97"} {
				if got := h.server.Entry(key, "201"); got != want {
					t.Errorf("%s is %q, want %q", key, got, want)
				}
			}
			for _, lamp := range []string{"Custom:DND201", "Custom:DEVDND201", "Custom:CF201", "Custom:DEVCF201"} {
				if got := h.server.Lamp(lamp); got != "BUSY" {
					t.Errorf("%s is %s", lamp, got)
				}
			}
			set(telephony.Forwarding{NoAnswer: "202"})
			if h.server.Lamp("Custom:DND201") != "NOT_INUSE" || h.server.Lamp("Custom:DEVCF201") != "NOT_INUSE" || h.server.Entry("DND", "201") != "" {
				t.Error("do not disturb is still shown")
			}
			set(telephony.Forwarding{})
			if got, err := h.sys.Forwarding(ctx, "202"); err != nil || !got.Off() {
				t.Errorf("somebody else's: %+v, %v", got, err)
			}
			h.end()
		}
	})
}

// A target is written as it is dialled.
func TestTargets(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201")
		defer h.end()
		if err := h.sys.SetForwarding(t.Context(), "201", telephony.Forwarding{All: "+49 (0)151 123-45"}); err != nil {
			t.Fatal(err)
		}
		if got := h.server.Entry("CF", "201"); got != "+4915112345" {
			t.Errorf("%q", got)
		}
		for _, f := range []telephony.Forwarding{{All: "anna@example.com"}, {All: "sip:201@pbx"}, {Busy: "call me"}, {NoAnswer: "1\r\nAction: Command"}, {Internal: "202"},
			{External: "202"}, {OneNumber: "202"}, {DoNotDisturb: true, Internal: "5"}} {
			if err := h.sys.SetForwarding(t.Context(), "201", f); err == nil {
				t.Errorf("%+v was taken", f)
			}
		}
		if got := h.server.Entry("DND", "201"); got != "" || h.server.Entry("CF", "201") != "+4915112345" {
			t.Error("something that was refused was done in part")
		}
		for _, line := range []string{"", "anna", "201\r\nKey: 202"} {
			if _, err := h.sys.Forwarding(t.Context(), line); err == nil {
				t.Errorf("the line %q was taken", line)
			}
		}
	})
}

// What is changed at the telephone is told at once where a lamp goes with it, within a minute otherwise, and what is set here at once too.
func TestForwardingIsTold(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		for _, server := range []amitest.Config{{}, {NoTree: true}} {
			h := newHouse(t, server, nil, "201", "202")
			h.Begin("201", "202")
			time.Sleep(5 * time.Second)
			h.Forwarded("201", telephony.Forwarding{})
			h.server.Press("201", "DND", "YES")
			h.Forwarded("201", telephony.Forwarding{DoNotDisturb: true})
			h.server.Press("201", "CF", "202")
			h.Forwarded("201", telephony.Forwarding{DoNotDisturb: true, All: "202"})
			h.server.Press("201", "DND", "")
			h.Forwarded("201", telephony.Forwarding{All: "202"})
			h.server.Press("201", "CFU", "+4915199")
			time.Sleep(65 * time.Second)
			h.Forwarded("201", telephony.Forwarding{All: "202", NoAnswer: "+4915199"})
			if err := h.sys.SetForwarding(t.Context(), "201", telephony.Forwarding{Busy: "202"}); err != nil {
				t.Fatal(err)
			}
			h.Forwarded("201", telephony.Forwarding{Busy: "202"})
			h.Forwarded("202", telephony.Forwarding{})
			if n := h.server.Sessions(); n != 1 {
				t.Errorf("%d connections", n)
			}
			h.end()
		}
	})
}

// An Asterisk whose dialplan keeps forwarding elsewhere, or only some of it.
func TestFamilies(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, func(c *Config) {
			c.Families = Families{DoNotDisturb: "rest", All: "divert", Busy: "-", NoAnswer: "-", DoNotDisturbStates: []string{"Custom:rest-{line}"}, AllStates: []string{"-"}}
		}, "201")
		defer h.end()
		can := h.sys.Can()
		if !can.Lines || !can.Tells || !can.Has(telephony.CanAll) || !can.Has(telephony.CanDoNotDisturb) || can.Has(telephony.CanBusy) || can.Has(telephony.CanNoAnswer) {
			t.Errorf("it can %+v", can)
		}
		if err := h.sys.SetForwarding(t.Context(), "201", telephony.Forwarding{DoNotDisturb: true, All: "5"}); err != nil {
			t.Fatal(err)
		}
		if h.server.Entry("rest", "201") != "YES" || h.server.Entry("divert", "201") != "5" || h.server.Lamp("Custom:rest-201") != "BUSY" || h.server.Lamp("Custom:CF201") != "" {
			t.Error("it was written elsewhere")
		}
		if err := h.sys.SetForwarding(t.Context(), "201", telephony.Forwarding{Busy: "5"}); !strings.Contains(wiretest.Says(err), "no forwarding for busy") {
			t.Errorf("%v", err)
		}
	})
}

// An Asterisk without FreePBX forwards nothing, and is not asked.
func TestNoForwarding(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, func(c *Config) { c.Forwarding = "" }, "201")
		defer h.end()
		if can := h.sys.Can(); !can.Lines || can.Tells || len(can.Forwarding) > 0 {
			t.Errorf("it can %+v", can)
		}
		if _, err := h.sys.Forwarding(t.Context(), "201"); !strings.Contains(wiretest.Says(err), "forward nothing") {
			t.Errorf("%v", err)
		}
		h.Begin("201")
		time.Sleep(2 * time.Minute)
		h.Is("201", "idle")
		if h.Told("201").Forwarding != nil || h.server.Asked("DBGet")+h.server.Asked("DBGetTree") > 0 {
			t.Error("it was asked for forwarding")
		}
	})
}

// A user that may not do it is told what is missing, and lines are told of all the same.
func TestMayNot(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{Users: map[string]amitest.User{"doorlight": {Secret: secret, Read: "system,call", Write: "call,reporting"}}}, nil, "201")
		defer h.end()
		h.Begin("201")
		h.Is("201", "idle")
		err := h.sys.SetForwarding(t.Context(), "201", telephony.Forwarding{All: "5"})
		if !strings.Contains(wiretest.Says(err), "write = system") {
			t.Errorf("%v", err)
		}
	})
}

// Who asks while Asterisk is away is told so at once.
func TestForwardingWhileItIsAway(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201")
		defer h.end()
		h.server.Stop(false)
		if err := h.sys.SetForwarding(t.Context(), "201", telephony.Forwarding{All: "5"}); err == nil {
			t.Error("it was set")
		}
		at := time.Now()
		if _, err := h.sys.Forwarding(t.Context(), "201"); err == nil || time.Since(at) > 0 {
			t.Errorf("%v after %v", err, time.Since(at))
		}
		h.server.Boot()
		time.Sleep(5 * time.Second)
		if err := h.sys.SetForwarding(t.Context(), "201", telephony.Forwarding{All: "5"}); err != nil {
			t.Error(err)
		}
		h.server.Silence(true)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		at = time.Now()
		if _, err := h.sys.Forwarding(ctx, "201"); err == nil || time.Since(at) > 4*time.Second {
			t.Errorf("%v after %v", err, time.Since(at))
		}
	})
}

// Close does not wait for a system that does not answer.
func TestCloseWhileAsking(t *testing.T) {
	wiretest.In(t, func(t *testing.T) {
		h := newHouse(t, amitest.Config{}, nil, "201")
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
