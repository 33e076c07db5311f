package teams_test

import (
	"testing"
	"time"

	"github.com/doorlight/doorlight/presence"
)

const shortly = 12 * time.Second // in which something goes from one side to the other, and comes to rest

// The table of T1: what happens in Teams, for who starts it and who is called, on both sides.
func TestCallsInTeamsAreSeenHere(t *testing.T) {
	for name, c := range map[string]struct {
		begin     func(h *house) error
		annaThere string
		annaHere  string
		bertThere string
		bertHere  string
	}{
		"call":                {func(h *house) error { return h.microsoft.Call(at("anna"), at("bert")) }, "Busy/InACall", "busy [Appointment] On the phone (MS Teams) (on_the_phone MS Teams)", "Busy/InACall", "busy [Appointment] On the phone (MS Teams) (on_the_phone MS Teams)"},
		"video call":          {func(h *house) error { return h.microsoft.VideoCall(at("anna"), at("bert")) }, "Busy/InACall", "busy [Appointment] On the phone (MS Teams) (on_the_phone MS Teams)", "Busy/InACall", "busy [Appointment] On the phone (MS Teams) (on_the_phone MS Teams)"},
		"only screen sharing": {func(h *house) error { return h.microsoft.Share(at("anna"), at("bert")) }, "DoNotDisturb/Presenting", "do_not_disturb [Do not disturb]", "Busy/InACall", "busy [Appointment] On the phone (MS Teams) (on_the_phone MS Teams)"},
		"video with screen sharing": {func(h *house) error {
			if err := h.microsoft.VideoCall(at("anna"), at("bert")); err != nil {
				return err
			}
			return h.microsoft.Share(at("anna"), at("bert"))
		}, "DoNotDisturb/Presenting", "do_not_disturb [Do not disturb]", "Busy/InACall", "busy [Appointment] On the phone (MS Teams) (on_the_phone MS Teams)"},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, 2, func(t *testing.T, h *house) {
				h.choose("anna", presence.Available, time.Time{})
				h.choose("bert", presence.Available, time.Time{})
				time.Sleep(shortly)
				h.both("anna", "available", "Available/Available")
				h.both("bert", "available", "Available/Available")
				h.ok(c.begin(h))
				time.Sleep(shortly)
				h.both("anna", c.annaHere, c.annaThere)
				h.both("bert", c.bertHere, c.bertThere)
				time.Sleep(time.Hour)
				h.both("anna", c.annaHere, c.annaThere)
				h.both("bert", c.bertHere, c.bertThere)
				h.ok(h.microsoft.EndCall(at("anna"), at("bert")))
				time.Sleep(shortly)
				h.both("anna", "available", "Available/Available")
				h.both("bert", "available", "Available/Available")
				if w := h.microsoft.Journal(); len(w) != 0 {
					t.Errorf("Teams was told %+v", w)
				}
			})
		})
	}
}

// What happens here is seen in Teams: a call as a call, do not disturb as that; and it goes with its cause.
func TestCallsHereAreSeenInTeams(t *testing.T) {
	story(t, 1, func(t *testing.T, h *house) {
		h.choose("anna", presence.Available, time.Time{})
		time.Sleep(shortly)
		h.phone("anna", presence.LineRinging)
		time.Sleep(shortly)
		h.both("anna", "available (ringing)", "Available/Available")
		h.phone("anna", presence.LineOnThePhone)
		time.Sleep(shortly)
		h.both("anna", "available (on_the_phone)", "Busy/InACall")
		time.Sleep(time.Hour)
		h.both("anna", "available (on_the_phone)", "Busy/InACall")
		h.phone("anna", presence.LineIdle)
		time.Sleep(shortly)
		h.both("anna", "available", "Available/Available")
		h.choose("anna", presence.DoNotDisturb, time.Time{})
		time.Sleep(shortly)
		h.both("anna", "do_not_disturb", "DoNotDisturb/DoNotDisturb")
		time.Sleep(26 * time.Hour)
		h.both("anna", "do_not_disturb", "DoNotDisturb/DoNotDisturb")
		h.choose("anna", presence.Available, time.Time{})
		time.Sleep(shortly)
		h.both("anna", "available", "Available/Available")
	})
}
