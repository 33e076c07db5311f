package ami

import (
	"log/slog"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/ami/amitest"
	"github.com/doorlight/doorlight/internal/telephony/wire/wiretest"
	"github.com/doorlight/doorlight/presence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "wV9-secret"

// house is an Asterisk and what hears of its lines.
type house struct {
	*wiretest.House
	server *amitest.Server
	sys    *System
}

func newHouse(t *testing.T, server amitest.Config, edit func(*Config), phones ...string) *house {
	t.Helper()
	if server.Users == nil {
		server.Users = map[string]amitest.User{"doorlight": {Secret: secret, Read: "system,call", Write: "system,call"}}
	}
	h := &house{House: wiretest.NewHouse(t)}
	h.server = amitest.Start(h.Listener, server)
	h.server.AddPhone(phones...)
	c := Config{Host: h.Host, Port: h.Port, Username: "doorlight", Secret: secret, Forwarding: ForwardingFreePBX, Client: h.Client, Log: slog.New(h.Log)}
	if edit != nil {
		edit(&c)
	}
	var err error
	if h.sys, err = New(c); err != nil {
		t.Fatal(err)
	}
	h.Use(h.sys)
	return h
}

// end ends everything, and looks at what may never happen.
func (h *house) end() {
	h.T.Helper()
	h.Unwatch()
	h.sys.Close()
	h.server.Close()
	if v := h.server.Violations(); len(v) > 0 {
		h.T.Errorf("violations: %q", v)
	}
	h.Discreet(secret, "+4989", "+4915", "Phone 2")
}

// agrees compares what was told of lines with what is.
func (h *house) agrees(lines ...string) {
	h.T.Helper()
	for _, l := range lines {
		got := h.Stands(l, telephony.Forwarding{DoNotDisturb: h.server.Entry("DND", l) != "", All: h.server.Entry("CF", l), Busy: h.server.Entry("CFB", l), NoAnswer: h.server.Entry("CFU", l)})
		var want []telephony.Call
		for _, leg := range h.server.Truth("PJSIP/" + l) {
			c := telephony.Call{ID: leg.ID, State: presence.LineOnThePhone, Other: leg.Other, Held: leg.Held, Reach: presence.External}
			if leg.Ringing {
				c.State = presence.LineRinging
			}
			if len(leg.Other) == 3 {
				c.Reach = presence.Internal
			}
			want = append(want, c)
		}
		if !slices.Equal(got, want) {
			h.T.Errorf("%s: told was %+v\nbut it is %+v", l, got, want)
		}
	}
}
