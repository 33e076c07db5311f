package teams

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// world is one person with a phone here, and Teams there, by the published rules (cloud-communications-manage-presence-state):
// a choice over sessions, of those do not disturb over busy over available.
type world struct {
	rng   *rand.Rand
	rules rulesOf
	now   time.Time

	client  bool   // a Teams client runs
	genuine string // what goes on in it: "", call, conference, share
	choice  struct {
		availability string // empty: none
		ours         bool
		until        time.Time
		at           time.Time
	}
	session time.Time // ours stands until then
	tied    bool      // of two busy sessions ours is shown
	history []version
	lastIn  [kindCount]time.Time // when the person was last in a call, and so on, by themselves

	want     Want
	wantedAt [EndDND + 1]time.Time // since when
	state    State
	kept     State // as it was last stored
	entry    Kind
	from     time.Time
	inbox    []arrival
	booted   time.Time
	doing    *attempt
	sent     []*attempt // that may yet land, also long after they were given up

	asked, failed [EndDND + 1]int // attempts, of a cause
	periods       []string
}

type version struct {
	at                     time.Time
	availability, activity string
	number                 int
}

type arrival struct {
	at time.Time
	r  Reading
}

type attempt struct {
	op      Op
	lands   time.Time // when it takes effect; zero: never
	returns time.Time
	outcome Outcome
	until   time.Time
}

// rulesOf says what may happen.
type rulesOf struct {
	name    string
	ordered bool          // readings are numbered
	lag     time.Duration // how old they may be
	was     time.Duration // and might be not long ago
	steady  bool          // as old as that, up to a third less or more; else anything up to it
	choices bool          // people choose something that hides a call, and take it back
	trouble float64       // share of writes and readings that go wrong
	restart bool
}

func (w *world) shows() (availability, activity string) {
	type session struct {
		rank                   int
		availability, activity string
	}
	var best session
	better := func(s session) {
		if s.rank > best.rank {
			best = s
		}
	}
	if w.client {
		switch w.genuine {
		case "call":
			better(session{30, "Busy", "InACall"})
		case "conference":
			better(session{30, "Busy", "InAConferenceCall"})
		case "share":
			better(session{40, "DoNotDisturb", "Presenting"})
		default:
			better(session{20, "Available", "Available"})
		}
	}
	if w.session.After(w.now) {
		rank := 29
		if w.tied {
			rank = 31
		}
		better(session{rank, "Busy", "InACall"})
	}
	switch {
	case best.rank == 0:
		return "Offline", "Offline"
	case w.choice.availability != "" && w.choice.until.After(w.now):
		return w.choice.availability, w.choice.availability
	}
	return best.availability, best.activity
}

func (w *world) note() {
	a, b := w.shows()
	if n := len(w.history); n == 0 || w.history[n-1].availability != a || w.history[n-1].activity != b {
		w.history = append(w.history, version{w.now, a, b, n})
	}
	if w.client && w.genuine != "" {
		w.lastIn[OnCall] = w.now
		if w.genuine == "share" {
			w.lastIn[Presenting] = w.now
		}
	}
	if w.choice.availability == "DoNotDisturb" && !w.choice.ours && w.choice.until.After(w.now) {
		w.lastIn[NotToDisturb] = w.now
	}
}

func (w *world) chance(p float64) bool { return w.rng.Float64() < p }

// act has something happen to the person.
func (w *world) act() {
	switch n := w.rng.IntN(12); {
	case n < 3:
		w.want.Call = !w.want.Call
		w.turn(SetCall, w.want.Call)
	case n < 5:
		w.want.DND = !w.want.DND
		w.want.Until = time.Time{}
		if w.want.DND && w.chance(0.5) {
			w.want.Until = w.now.Add(time.Duration(1+w.rng.IntN(3000)) * time.Second)
		}
		w.turn(SetDND, w.want.DND)
	case n < 9:
		if w.genuine = ""; w.chance(0.6) {
			w.genuine, w.client = []string{"call", "call", "conference", "share"}[w.rng.IntN(4)], true
		}
	case n < 10:
		if w.genuine == "" {
			w.client = !w.client
		}
	default:
		what := []string{"", "DoNotDisturb", "Available", "Away", "Busy"}[w.rng.IntN(5)]
		if !w.rules.choices && what != "" {
			what = "DoNotDisturb"
		}
		w.choice.availability, w.choice.ours, w.choice.until, w.choice.at = what, false, w.now.Add(24*time.Hour), w.now
	}
}

// turn begins or ends a cause to write.
func (w *world) turn(op Op, on bool) {
	if on {
		w.wantedAt[op] = w.now
		w.asked[op], w.failed[op] = 0, 0
		return
	}
	held := w.now.Sub(w.wantedAt[op])
	if most := 10 + int(held/(2*time.Minute)) + w.failed[op]; w.asked[op] > most { // ten: towards its end leases become ever shorter
		w.periods = append(w.periods, fmt.Sprintf("%v was written %d times in %v, %d failed", op, w.asked[op], held, w.failed[op]))
	}
}

// ask polls Teams.
func (w *world) ask() {
	if w.chance(w.rules.trouble / 2) {
		return
	}
	age := time.Duration(w.rng.Int64N(int64(w.rules.lag) + 1))
	if w.rules.steady {
		age = w.rules.lag*2/3 + time.Duration(w.rng.Int64N(int64(w.rules.lag)*2/3+1))
	}
	i := len(w.history) - 1
	for i > 0 && w.history[i].at.After(w.now.Add(-age)) {
		i--
	}
	v := w.history[i]
	r := Reading{Availability: v.availability, Activity: v.activity, Asked: w.now}
	if w.rules.ordered {
		r.Sequence = fmt.Sprintf("%08d", v.number+1)
	}
	for again := true; again; again = w.chance(w.rules.trouble / 2) { // messages may be repeated
		delay := time.Duration(w.rng.Int64N(int64(2 * time.Second)))
		if w.chance(w.rules.trouble / 2) {
			delay += time.Duration(w.rng.Int64N(int64(20 * time.Second)))
		}
		w.inbox = append(w.inbox, arrival{w.now.Add(delay), r})
	}
}

// step has a second pass.
func (w *world) step(t *testing.T, calm bool) {
	w.now = w.now.Add(time.Second)
	under := w.sent[:0]
	for _, a := range w.sent {
		if w.now.Before(a.lands) {
			under = append(under, a)
			continue
		}
		switch a.op {
		case SetCall:
			w.session = a.until
		case EndCall:
			w.session = time.Time{}
		case SetDND:
			w.choice.availability, w.choice.ours, w.choice.until = "DoNotDisturb", true, a.until
		case EndDND:
			w.choice.availability = ""
		}
	}
	w.sent = under
	if w.want.DND && !w.want.Until.IsZero() && !w.now.Before(w.want.Until) {
		w.want.DND, w.want.Until = false, time.Time{}
		w.turn(SetDND, false)
	}
	w.note()
	if w.now.Unix()%4 == 0 {
		w.ask()
	}
	rest := w.inbox[:0]
	for _, m := range w.inbox {
		if m.at.After(w.now) {
			rest = append(rest, m)
			continue
		}
		w.state.Hear(m.r, w.now)
	}
	w.inbox = rest
	if a := w.doing; a != nil && !w.now.Before(a.returns) {
		w.doing = nil
		w.state.End(a.outcome, a.until, 0, w.now)
		w.kept = w.state
	}
	if op, _ := w.state.Plan(w.want, w.now); op != NoOp {
		w.write(t, op, calm)
	}
	if !calm && w.rules.restart && w.chance(0.001) {
		w.doing = nil // what was under way may have landed, or not
		entry, from := w.entry, w.from
		stored, err := json.Marshal(w.kept)
		if err != nil {
			t.Fatal(err)
		}
		w.state = State{}
		if err := json.Unmarshal(stored, &w.state); err != nil {
			t.Fatal(err)
		}
		w.state.Resume(entry, from)
		w.inbox, w.booted = nil, w.now
		w.failed[SetCall]++ // what was under way is made again
		w.failed[SetDND]++
	}
	was := w.entry
	w.entry, w.from = w.state.Entry(true, true, w.now)
	if w.entry != NoEntry && w.entry != was {
		if since := w.now.Sub(w.lastIn[w.entry]); since > max(w.rules.lag, w.rules.was)*4/3+time.Minute {
			t.Fatalf("%s: an echo is taken for entry %d: it was last so %v ago; written were %+v and %+v; Teams shows %+v", w.rules.name, w.entry, since, w.state.Call, w.state.DND, w.state.Shown())
		}
	}
}

func (w *world) write(t *testing.T, op Op, calm bool) {
	if op == SetCall && !w.want.Call || op == SetDND && !w.want.DND {
		t.Fatalf("%s: %v has no cause", w.rules.name, op)
	}
	if op == EndCall && w.want.Call || op == EndDND && w.want.DND {
		t.Fatalf("%s: %v though it is wanted", w.rules.name, op)
	}
	// A choice that says the same as ours cannot be told from it, nor a fresh one from what was before.
	if op == EndDND && w.choice.availability != "" && w.choice.availability != "DoNotDisturb" && !w.choice.ours && !w.state.DND.Renew.IsZero() && w.client && w.now.Sub(w.choice.at) > 2*echoWindow && w.now.Sub(w.booted) > 2*echoWindow {
		t.Fatalf("%s: a choice of their own is taken back: %+v", w.rules.name, w.choice)
	}
	w.state.Begin(op, w.now)
	w.kept = w.state
	w.asked[op]++
	a := &attempt{op: op, returns: w.now.Add(time.Second), lands: w.now.Add(time.Second)}
	switch op {
	case SetCall:
		a.until = w.now.Add(sessionLease)
	case SetDND:
		a.until = w.now.Add(choiceLease)
	}
	if op == SetDND && !w.want.Until.IsZero() {
		a.until = w.now.Add(max(time.Minute, min(choiceLease, w.want.Until.Sub(w.now))))
	}
	if !calm && w.chance(w.rules.trouble) {
		w.failed[op]++
		a.outcome, a.lands = Refused, time.Time{}
		if w.chance(0.5) {
			a.outcome, a.returns = Unsure, w.now.Add(10*time.Second)
			if w.chance(0.5) {
				a.lands = w.now.Add(time.Duration(1+w.rng.IntN(90)) * time.Second)
			}
		}
	}
	w.doing = a
	if !a.lands.IsZero() {
		w.sent = append(w.sent, a)
	}
}

// Whatever happens in which order: nothing that was written comes back as a call, nothing is written without a cause, nor
// much for one, and when all is quiet both sides agree.
func TestNoEcho(t *testing.T) {
	t.Parallel()
	for _, rules := range []rulesOf{
		{name: "quick", ordered: true, lag: 5 * time.Second, steady: true, choices: true, trouble: 0.1, restart: true},
		{name: "slow", ordered: true, lag: 7 * time.Minute, steady: true, choices: true, trouble: 0.1, restart: true},
		{name: "any age, numbered", ordered: true, lag: 9 * time.Minute, trouble: 0.2, restart: true},
		{name: "any age, any order", lag: 9 * time.Minute, choices: true, trouble: 0.2, restart: true},
	} {
		t.Run(rules.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(150) {
				if !liveThrough(t, rules, seed) {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

func liveThrough(t *testing.T, rules rulesOf, seed uint64) bool {
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	w := &world{rng: rand.New(rand.NewPCG(seed, 5)), rules: rules, now: time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC), client: true}
	w.tied = w.chance(0.5)
	w.note()
	w.kept = w.state
	for range 3600 {
		if w.chance(1.0 / 60) {
			w.act()
		}
		w.step(t, false)
	}
	w.rules.trouble, w.rules.lag, w.rules.steady, w.rules.was = 0, 5*time.Second, false, w.rules.lag
	for i := range 80 * 60 {
		if i == 20*60 {
			w.rules.was = 0
		}
		w.step(t, true)
	}
	w.turn(SetCall, false)
	w.turn(SetDND, false)
	for _, p := range w.periods {
		t.Errorf("%s: %s", rules.name, p)
	}
	in := w.client && w.genuine != ""
	ours := w.session.After(w.now)
	oursDND := w.choice.availability == "DoNotDisturb" && w.choice.ours && w.choice.until.After(w.now)
	newer := !w.choice.ours && w.choice.at.After(w.wantedAt[SetDND])
	switch {
	case ours && !w.want.Call:
		t.Errorf("%s: Teams still shows our call", rules.name)
	case w.want.Call && !ours && !in:
		t.Errorf("%s: Teams shows no call: %+v", rules.name, w.state.Call)
	case oursDND && !w.want.DND:
		t.Errorf("%s: Teams still shows our do not disturb", rules.name)
	case w.want.DND && !oursDND && !newer && w.choice.availability != "DoNotDisturb":
		t.Errorf("%s: Teams does not show do not disturb: %+v, chosen is %+v", rules.name, w.state.DND, w.choice)
	}
	a, b := w.shows()
	want := NoEntry
	switch meaningOf(Reading{Availability: a, Activity: b}) {
	case presenting:
		want = Presenting
	case conference:
		want = OnCall
	case call:
		if want = OnCall; ours { // which of the two it is cannot be told
			want = NoEntry
		}
	case dnd:
		if want = NotToDisturb; w.choice.ours {
			want = NoEntry
		}
	}
	if w.entry != want && !(want == NotToDisturb && w.state.DND.explains()) {
		t.Errorf("%s: the entry is %d, Teams shows %s, %s (ours: %t, %t), which means %d", rules.name, w.entry, a, b, ours, oursDND, want)
	}
	return !t.Failed()
}
