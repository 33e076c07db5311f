package csta

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/csta/cstatest"
	"github.com/doorlight/doorlight/internal/telephony/wire/wiretest"
	"github.com/doorlight/doorlight/presence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "wV9-secret"

var everything = []telephony.Ability{telephony.CanDoNotDisturb, telephony.CanAll, telephony.CanInternal, telephony.CanExternal, telephony.CanBusy, telephony.CanNoAnswer}

// house is a telephone system and what hears of its lines.
type house struct {
	*wiretest.House
	server *cstatest.Server
	sys    *System
}

func newHouse(t *testing.T, server cstatest.Config, edit func(*Config), phones ...string) *house {
	t.Helper()
	h := &house{House: wiretest.NewHouse(t)}
	h.server = cstatest.Start(h.Listener, server)
	h.server.AddPhone(phones...)
	c := Config{Host: h.Host, Port: h.Port, Forwarding: everything, Split: server.SplitTypes, Internal: []string{"2XX"}, Client: h.Client, Log: slog.New(h.Log)}
	if server.Register {
		c.Session = SessionRegister
	}
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
	if n := h.server.Unanswered(); n > 0 {
		h.T.Errorf("%d requests of the system were not answered", n)
	}
	h.server.Close()
	if v := h.server.Violations(); len(v) > 0 {
		h.T.Errorf("violations: %q", v)
	}
	h.Discreet(secret, "+4989")
}

// agrees compares what was told of lines with what is; exact also with whom they speak.
func (h *house) agrees(exact bool, lines ...string) {
	h.T.Helper()
	for _, l := range lines {
		is := func(kind string) string { return h.server.Forwarded(l, kind) }
		got := h.Stands(l, telephony.Forwarding{DoNotDisturb: h.server.DND(l), All: is("forwardImmediate"), Internal: is("forwardImmInt"), External: is("forwardImmExt"), Busy: is("forwardBusy"),
			NoAnswer: is("forwardNoAns")})
		show := func(ringing, held bool, other string) string {
			if !exact {
				other = ""
			}
			return fmt.Sprint(ringing, held, other)
		}
		var want, have []string
		for _, leg := range h.server.Truth(l) {
			want = append(want, show(leg.Ringing, leg.Held, leg.Other))
		}
		for _, c := range got {
			have = append(have, show(c.State == presence.LineRinging, c.Held, c.Other))
		}
		slices.Sort(want)
		slices.Sort(have)
		if !slices.Equal(have, want) {
			h.T.Errorf("%s: told was %+v\nbut it is %q", l, got, want)
		}
	}
}
