package switchboard_test

import (
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/ami"
	"github.com/doorlight/doorlight/internal/telephony/ami/amitest"
	"github.com/doorlight/doorlight/internal/telephony/csta"
	"github.com/doorlight/doorlight/internal/telephony/csta/cstatest"
	"github.com/doorlight/doorlight/internal/telephony/wire/wiretest"
	"github.com/doorlight/doorlight/presence"
)

var histories = flag.Int("histories", 6, "random histories for each stand-in")

// played is a telephone system that a stand-in plays, with all of its protocol in between.
type played struct {
	way   func(*house) telephony.System
	all   func(line string) string // where all calls go
	dnd   func(line string) bool
	press func(line, target string) // somebody has all calls go there at the telephone
	late  func(n int)
	stop  func()
	boot  func()
	close func() []string // returns what was asked that makes no sense

	faults interface {
		Break()
		Silence(on bool)
		Lose(n int)
		Double(on bool)
	}
}

func playedAsterisk(h *house) *played {
	w := wiretest.NewHouse(h.t)
	s := amitest.Start(w.Listener, amitest.Config{Users: map[string]amitest.User{"doorlight": {Secret: "wV9-secret", Read: "system,call", Write: "system,call"}}})
	for _, l := range lines {
		s.AddPhone(l)
	}
	return &played{
		way: func(h *house) telephony.System {
			x, err := ami.New(ami.Config{Host: w.Host, Port: w.Port, Username: "doorlight", Secret: "wV9-secret", Forwarding: ami.ForwardingFreePBX, Client: w.Client, Log: slog.New(w.Log)})
			h.ok(err)
			return x
		},
		all: func(line string) string { return s.Entry("CF", line) }, dnd: func(line string) bool { return s.Entry("DND", line) != "" },
		press: func(line, target string) { s.Press(line, "CF", target) }, late: s.Late, stop: func() { s.Stop(false) }, boot: s.Boot,
		close: func() []string { s.Close(); return s.Violations() }, faults: s,
	}
}

func playedCSTA(h *house) *played {
	w := wiretest.NewHouse(h.t)
	s := cstatest.Start(w.Listener, cstatest.Config{})
	for _, l := range lines {
		s.AddPhone(l)
	}
	can := []telephony.Ability{telephony.CanDoNotDisturb, telephony.CanAll, telephony.CanInternal, telephony.CanExternal, telephony.CanBusy, telephony.CanNoAnswer}
	return &played{
		way: func(h *house) telephony.System {
			x, err := csta.New(csta.Config{Host: w.Host, Port: w.Port, Forwarding: can, Client: w.Client, Log: slog.New(w.Log)})
			h.ok(err)
			return x
		},
		all: func(line string) string { return s.Forwarded(line, "forwardImmediate") }, dnd: s.DND,
		press: func(line, target string) { s.Press(line, "forwardImmediate", target) }, late: s.Late, stop: s.Stop, boot: s.Boot,
		close: func() []string { s.Close(); return s.Violations() }, faults: s,
	}
}

// Random histories over the protocols of telephone systems, whose messages get lost, come late and twice, whose connections break, and who are away or silent for
// a while, with a server that stops at any moment: when all is quiet nobody is left forwarded, and what people set at the telephone is as they set it.
func TestNobodyIsLeftForwardedByTheStandIns(t *testing.T) {
	for name, play := range map[string]func(*house) *played{"asterisk": playedAsterisk, "csta": playedCSTA} {
		for seed := range uint64(*histories) {
			t.Run(fmt.Sprintf("%s %d", name, seed), func(t *testing.T) {
				var p *played
				storyWith(t, func(h *house) {
					p = play(h)
					h.system = func() telephony.System { return p.way(h) }
				}, func(t *testing.T, h *house) {
					defer func() {
						h.stop()
						if v := p.close(); len(v) > 0 {
							t.Errorf("it was asked %q", v)
						}
					}()
					history(h, p, rand.New(rand.NewPCG(seed, 11)))
				})
			})
		}
	}
}

func history(h *house, p *played, rng *rand.Rand) {
	human := map[string]string{}
	for i := range 30 {
		who := people[rng.IntN(len(people))]
		switch rng.IntN(10) {
		case 0, 1, 2:
			h.appointment(who, time.Duration(1+rng.IntN(60))*time.Minute)
		case 3:
			c := []struct {
				profile string
				status  presence.Status
			}{{"Home office", presence.Available}, {"Do not disturb", presence.DoNotDisturb}, {"Break", presence.BeRightBack}, {"Available", presence.Available}}[rng.IntN(4)]
			h.choose(who, c.profile, c.status)
		case 4, 5:
			human[who] = fmt.Sprintf("7%04d", i) // nobody's number, and each is another
			p.press(lines[who], human[who])
		case 6:
			p.faults.Lose(1 + rng.IntN(20))
			p.faults.Double(rng.IntN(2) == 0)
		case 7:
			p.late(1 + rng.IntN(5))
			p.faults.Break()
		case 8:
			if rng.IntN(2) == 0 {
				p.stop()
				time.Sleep(time.Duration(rng.IntN(600_000)) * time.Millisecond)
				p.boot()
			} else {
				p.faults.Silence(true)
				time.Sleep(time.Duration(rng.IntN(600_000)) * time.Millisecond)
				p.faults.Silence(false)
			}
		default:
			h.stop()
			time.Sleep(time.Duration(rng.IntN(1200_000)) * time.Millisecond)
			h.open()
		}
		time.Sleep(time.Duration(rng.IntN(1000_000)) * time.Millisecond)
	}
	p.faults.Double(false)
	p.faults.Lose(0)
	time.Sleep(2 * time.Hour)
	for _, who := range people {
		h.choose(who, "Available", presence.Available)
	}
	time.Sleep(20 * time.Minute)
	for _, who := range people {
		if got := p.all(lines[who]); got != human[who] || p.dnd(lines[who]) {
			h.t.Errorf("%s's line is forwarded to %q, do not disturb %v; they have it go to %q", who, got, p.dnd(lines[who]), human[who])
		}
	}
}
