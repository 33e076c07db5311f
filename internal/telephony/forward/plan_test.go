package forward

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/doorlight/doorlight/internal/telephony"
)

var everything = telephony.Abilities{Forwarding: parts}

// What the table of the specification says (P4, rows 2, 3; F1, F2), and what the words of it mean.
func TestStories(t *testing.T) {
	type step struct {
		what  string
		wish  Wish
		human func(f *telephony.Forwarding) // somebody changes it at the telephone first
		want  telephony.Forwarding
	}
	voicemail := Wish{Action: To, Target: "*97", Cause: "Appointment"}
	mobile := Wish{Action: To, Target: "0171", Cause: "On holiday"}
	home := Wish{Action: To, Target: "030", Cause: "Home office"}
	keep := Wish{}
	for name, story := range map[string]struct {
		before telephony.Forwarding
		can    telephony.Abilities
		steps  []step
	}{
		"an appointment begins and ends": {steps: []step{
			{what: "it begins", wish: voicemail, want: telephony.Forwarding{All: "*97"}},
			{what: "it ends", wish: keep, want: telephony.Forwarding{}},
		}},
		"what stood before comes back": {before: telephony.Forwarding{All: "22", NoAnswer: "*97", Internal: "33"}, steps: []step{
			{what: "it begins", wish: voicemail, want: telephony.Forwarding{All: "*97", NoAnswer: "*97"}},
			{what: "another follows", wish: mobile, want: telephony.Forwarding{All: "0171", NoAnswer: "*97"}},
			{what: "it ends", wish: keep, want: telephony.Forwarding{All: "22", NoAnswer: "*97", Internal: "33"}},
		}},
		"what somebody changed meanwhile stays": {before: telephony.Forwarding{All: "22"}, steps: []step{
			{what: "it begins", wish: voicemail, want: telephony.Forwarding{All: "*97"}},
			{what: "changed at the telephone", wish: voicemail, human: func(f *telephony.Forwarding) { f.All = "44" }, want: telephony.Forwarding{All: "44"}},
			{what: "it ends", wish: keep, want: telephony.Forwarding{All: "44"}},
		}},
		"what somebody switched off meanwhile stays off": {before: telephony.Forwarding{All: "22"}, steps: []step{
			{what: "it begins", wish: voicemail, want: telephony.Forwarding{All: "*97"}},
			{what: "switched off at the telephone", wish: voicemail, human: func(f *telephony.Forwarding) { f.All = "" }, want: telephony.Forwarding{}},
			{what: "it ends", wish: keep, want: telephony.Forwarding{}},
		}},
		"what the system writes in its own way is not changed": {before: telephony.Forwarding{All: "22"}, steps: []step{
			{what: "it begins", wish: Wish{Action: To, Target: "0171234567", Cause: "On holiday"}, want: telephony.Forwarding{All: "0171234567"}},
			{what: "it is written in full", wish: Wish{Action: To, Target: "0171234567", Cause: "On holiday"}, human: func(f *telephony.Forwarding) { f.All = "+49171234567" },
				want: telephony.Forwarding{All: "+49171234567"}},
			{what: "it ends", wish: keep, want: telephony.Forwarding{All: "22"}},
		}},
		"one part that was changed keeps no other from coming back": {before: telephony.Forwarding{All: "22", Internal: "33"}, steps: []step{
			{what: "off", wish: Wish{Action: Off, Cause: "Office"}, want: telephony.Forwarding{}},
			{what: "changed", wish: Wish{Action: Off, Cause: "Office"}, human: func(f *telephony.Forwarding) { f.Internal = "55" }, want: telephony.Forwarding{Internal: "55"}},
			{what: "it ends", wish: keep, want: telephony.Forwarding{All: "22", Internal: "55"}},
		}},
		"another profile asks anew": {steps: []step{
			{what: "it begins", wish: voicemail, want: telephony.Forwarding{All: "*97"}},
			{what: "changed", wish: voicemail, human: func(f *telephony.Forwarding) { f.All = "44" }, want: telephony.Forwarding{All: "44"}},
			{what: "another begins", wish: mobile, want: telephony.Forwarding{All: "0171"}},
			{what: "it ends", wish: keep, want: telephony.Forwarding{All: "44"}},
		}},
		"a profile that comes back after an appointment does not ask once more": {before: telephony.Forwarding{Internal: "33"}, steps: []step{
			{what: "it is chosen", wish: home, want: telephony.Forwarding{All: "030"}},
			{what: "changed", wish: home, human: func(f *telephony.Forwarding) { f.All = "44" }, want: telephony.Forwarding{All: "44"}},
			{what: "an appointment", wish: voicemail, want: telephony.Forwarding{All: "*97"}},
			{what: "and one that forwards nothing", wish: keep, want: telephony.Forwarding{All: "44", Internal: "33"}},
			{what: "it comes back", wish: home, want: telephony.Forwarding{All: "44"}},
			{what: "an appointment once more", wish: voicemail, want: telephony.Forwarding{All: "*97"}},
			{what: "it comes back at once", wish: home, want: telephony.Forwarding{All: "44"}},
			{what: "it is chosen anew", wish: Wish{Action: To, Target: "030", Cause: "Home office 2"}, want: telephony.Forwarding{All: "030"}},
			{what: "it ends", wish: keep, want: telephony.Forwarding{All: "44", Internal: "33"}},
		}},
		"what was changed just before an appointment": {steps: []step{
			{what: "it is chosen", wish: home, want: telephony.Forwarding{All: "030"}},
			{what: "changed, and an appointment begins", wish: voicemail, human: func(f *telephony.Forwarding) { f.All = "44" }, want: telephony.Forwarding{All: "*97"}},
			{what: "it ends", wish: home, want: telephony.Forwarding{All: "44"}},
			{what: "all ends", wish: keep, want: telephony.Forwarding{All: "44"}},
		}},
		"the One Number Service is ended by off alone, and does not come back": {before: telephony.Forwarding{OneNumber: "0171"}, steps: []step{
			{what: "forwarded", wish: voicemail, want: telephony.Forwarding{All: "*97", OneNumber: "0171"}},
			{what: "do not disturb", wish: Wish{Action: DoNotDisturb, Cause: "Exam"}, want: telephony.Forwarding{DoNotDisturb: true, OneNumber: "0171"}},
			{what: "off", wish: Wish{Action: Off, Cause: "Office"}, want: telephony.Forwarding{}},
			{what: "it ends", wish: keep, want: telephony.Forwarding{}},
		}},
		"do not disturb gives way to a target": {before: telephony.Forwarding{DoNotDisturb: true}, steps: []step{
			{what: "forwarded", wish: voicemail, want: telephony.Forwarding{All: "*97"}},
			{what: "it ends", wish: keep, want: telephony.Forwarding{DoNotDisturb: true}},
		}},
		"a system that tells calls from inside and outside apart": {can: telephony.Abilities{Forwarding: []Part{telephony.CanInternal, telephony.CanExternal}}, steps: []step{
			{what: "forwarded", wish: voicemail, want: telephony.Forwarding{Internal: "*97", External: "*97"}},
			{what: "do not disturb, which it cannot", wish: Wish{Action: DoNotDisturb, Cause: "Exam"}, want: telephony.Forwarding{}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			can := story.can
			if len(can.Forwarding) == 0 {
				can = everything
			}
			line, state := story.before, State{}
			for _, s := range story.steps {
				if s.human != nil {
					s.human(&line)
				}
				for range 3 { // a plan for what stands already changes nothing
					line, state = Plan(s.wish, state, line, can)
				}
				if line != s.want {
					t.Fatalf("%s: it is %+v, want %+v", s.what, line, s.want)
				}
			}
			if !state.Rests() && story.steps[len(story.steps)-1].wish == keep {
				t.Errorf("something is left: %+v", state)
			}
		})
	}
}

// A part that a system is told to leave alone, or cannot do for a while, is not looked at: it may be reported as anything. What we have set of it is
// taken back once it can be.
func TestAPartThatCannotBeSetForAWhile(t *testing.T) {
	t.Parallel()
	less := telephony.Abilities{Forwarding: []Part{telephony.CanDoNotDisturb, telephony.CanNoAnswer}}
	mobile := Wish{Action: To, Target: "0171", Cause: "On holiday"}
	for name, hides := range map[string]bool{"it is not reported": true, "it is reported": false} {
		line, state := Plan(mobile, State{}, telephony.Forwarding{All: "22"}, everything)
		line, state = Plan(mobile, state, line, everything)
		read := func() telephony.Forwarding {
			f := line
			if hides {
				f.All = ""
			}
			return f
		}
		for _, w := range []Wish{mobile, {}, mobile, {}, {}} {
			var desired telephony.Forwarding
			if desired, state = Plan(w, state, read(), less); desired != read() {
				t.Fatalf("%s: %+v is to be %+v", name, read(), desired)
			}
			if state.Rests() {
				t.Fatalf("%s: what was set is forgotten", name)
			}
		}
		for range 2 {
			line, state = Plan(Wish{}, state, line, everything)
		}
		if line != (telephony.Forwarding{All: "22"}) || !state.Rests() {
			t.Errorf("%s: in the end it is %+v, and %+v is left", name, line, state)
		}
	}
}

// A thousand random histories, in which commands are lost, seem to be, or are made in part, and we are killed at every step: in the end
// nobody is left forwarded, and what people have set is as they have set it.
func TestRandomHistories(t *testing.T) {
	t.Parallel()
	for seed := range uint64(1000) {
		rng := rand.New(rand.NewPCG(seed, 6))
		line := telephony.Forwarding{}
		human := Parts{}
		for _, p := range parts {
			if rng.IntN(3) == 0 && p != telephony.CanDoNotDisturb && p != telephony.CanOneNumber {
				human[p] = fmt.Sprintf("h%d", rng.IntN(1000))
				put(&line, p, human[p])
			}
		}
		can := everything
		if rng.IntN(3) == 0 {
			can = telephony.Abilities{Forwarding: parts[1+rng.IntN(3):]}
		}
		var state State
		kept, _ := json.Marshal(state)
		wish := Wish{}
		work := func(trouble bool) {
			desired, next := Plan(wish, state, line, can)
			state = next
			stored, err := json.Marshal(next)
			if err != nil {
				t.Fatal(err)
			}
			killed := func() bool {
				if !trouble || rng.IntN(6) > 0 {
					return false
				}
				state = State{}
				if err := json.Unmarshal(kept, &state); err != nil {
					t.Fatal(err)
				}
				return true
			}
			if killed() { // before it was kept
				return
			}
			kept = stored
			if killed() {
				return
			}
			for _, p := range parts { // each part is a command of its own
				if get(desired, p) == get(line, p) {
					continue
				}
				if trouble && rng.IntN(4) == 0 { // lost
					continue
				}
				put(&line, p, get(desired, p))
				if killed() {
					return
				}
			}
		}
		for i := range 40 {
			switch rng.IntN(3) {
			case 0:
				wish = []Wish{{}, {Action: Off, Cause: "off"}, {Action: DoNotDisturb, Cause: "dnd"}, {Action: To, Target: "t1", Cause: "one"}, {Action: To, Target: "t2", Cause: "two"}}[rng.IntN(5)]
			case 1:
				p := parts[1+rng.IntN(5)]
				value := fmt.Sprintf("h%d.%d", seed, i)
				if rng.IntN(3) > 0 {
					human[p] = value
					put(&line, p, value)
					break
				}
				// Here, by hand: also to what stood before, and what was set.
				if before, ours := state.Before[p]; ours {
					value = []string{value, before, state.Set[p]}[rng.IntN(3)]
				}
				reported := line
				if put(&line, p, value); line != reported {
					human[p] = value
					state = state.ByHand(reported, line)
					kept, _ = json.Marshal(state)
				}
			}
			for range 1 + rng.IntN(3) {
				work(true)
			}
		}
		wish = Wish{}
		work(false)
		work(false)
		for _, p := range parts {
			if got := get(line, p); got != human[p] {
				t.Fatalf("seed %d: %s is %q in the end, people want it %q; %+v", seed, p, got, human[p], state)
			}
		}
		if !state.Rests() {
			t.Fatalf("seed %d: something is left: %+v", seed, state)
		}
	}
}
