package crash

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/presence"
)

// person is somebody about whom one program after the other says something, and what must come of it.
type person struct {
	id     string
	name   string
	secret string // of a token that acts for them

	mu     sync.Mutex // guards what follows
	states []state    // after each operation, the first one before any; the last one may be in doubt
	doubt  bool       // whether the last operation was made is not known
	seen   map[string]*sight
}

// state is what holds after a prefix of the operations.
type state struct {
	op     string
	claims []presence.Claim
	shows  look
}

// look is what team colleagues see. For others only status and line are compared.
type look struct {
	status  presence.Status
	text    string
	cause   presence.Source
	line    presence.LineState
	service string
}

// sight is how far one watcher has followed a person.
type sight struct {
	at    int             // earliest state that it may have seen last
	since map[look]string // of what it saw, as it was told
	raw   string          // what it saw last
}

var began = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func newPerson(id, name, secret string) *person {
	return &person{id: id, name: name, secret: secret, states: []state{{op: "nothing"}}, seen: map[string]*sight{}}
}

// operation is one request and what it does to the claims.
type operation struct {
	name, method, path, secret string
	body                       any
	apply                      func(claims []presence.Claim, now time.Time) []presence.Claim
}

func put(c presence.Claim) func([]presence.Claim, time.Time) []presence.Claim {
	return func(claims []presence.Claim, now time.Time) []presence.Claim {
		claims = slices.DeleteFunc(slices.Clone(claims), func(x presence.Claim) bool { return x.Ref() == c.Ref() })
		c.From = now
		return append(claims, c)
	}
}

func retract(ref presence.Ref) func([]presence.Claim, time.Time) []presence.Claim {
	return func(claims []presence.Claim, _ time.Time) []presence.Claim {
		return slices.DeleteFunc(slices.Clone(claims), func(x presence.Claim) bool { return x.Ref() == ref })
	}
}

// next makes up the operation that comes next.
func (p *person) next(o *office) operation {
	p.mu.Lock()
	n := len(p.states)
	p.mu.Unlock()
	status := []presence.Status{presence.Available, presence.BeRightBack, presence.Busy, presence.DoNotDisturb, presence.Unavailable}[rand.IntN(5)]
	text := fmt.Sprintf("%s %d.%d", p.name, o.round, n) // never said twice
	path := "/people/" + p.id
	switch kind := rand.IntN(10); kind {
	case 0, 1, 2:
		return operation{"choose " + text, "PUT", path + "/choice", p.secret,
			map[string]any{"status": status, "text": text},
			put(presence.Choose(presence.SourceHand, status, "", text, time.Time{}, time.Time{}))}
	case 3:
		return operation{"choose for a while " + text, "PUT", path + "/choice", p.secret,
			map[string]any{"status": status, "text": text, "until": time.Now().Add(24 * time.Hour)},
			put(presence.Choose(presence.SourceHand, status, "", text, time.Time{}, began.AddDate(10, 0, 0)))}
	case 4, 5, 6:
		origin := []string{"door", "clock"}[kind%2]
		return operation{origin + " says " + text, "PUT", path + "/claim", o.origins[origin],
			map[string]any{"status": status, "text": text},
			put(presence.Claim{Source: presence.Source("api/" + origin), ID: "slot", Status: status, Text: text})}
	case 7:
		origin := []string{"door", "clock"}[rand.IntN(2)]
		return operation{origin + " retracts", "DELETE", path + "/claim", o.origins[origin], nil,
			retract(presence.Ref{Source: presence.Source("api/" + origin), ID: "slot"})}
	case 8:
		line := presence.Line{State: presence.LineOnThePhone, Service: text}
		return operation{"line " + text, "PUT", path + "/lines/1", o.origins["door"],
			map[string]any{"state": line.State, "service": text, "lease_seconds": 7200},
			put(presence.Claim{Source: "line/door", ID: "1", Line: line})}
	}
	return operation{"line gone", "DELETE", path + "/lines/1", o.origins["door"], nil, retract(presence.Ref{Source: "line/door", ID: "1"})}
}

// enter notes that an operation is under way; from now on it may show.
func (p *person) enter(op operation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := began.Add(time.Duration(len(p.states)) * time.Second)
	claims := op.apply(p.states[len(p.states)-1].claims, now)
	for _, ref := range presence.Spent(claims, now) {
		claims = retract(ref)(claims, now)
	}
	r := presence.Resolve(claims, &presence.Policy{}, now)
	p.states = append(p.states, state{op.name, claims, look{r.Status, r.Text, r.Cause.Source.Class(), r.Line.State, r.Line.Service}})
	p.doubt = true
}

func (p *person) acknowledged() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doubt = false
}

// claimNames returns what an explanation of the state lists.
func (s *state) claimNames() map[string]string {
	list := map[string]string{}
	for _, c := range s.claims {
		list[c.Ref().String()] = c.Status.String() + " " + c.Text
		if c.Source.Class() == presence.SourceLine {
			list[c.Ref().String()] = ""
		}
	}
	return list
}

// settle decides the operation in doubt by what is there after a restart.
func (p *person) settle(e rights.Explanation) error {
	found := map[string]string{}
	for _, r := range e.Entries {
		if r.Outcome == presence.Over {
			continue
		}
		found[r.Ref] = r.Status.String() + " " + r.Text
		if r.Source.Class() == presence.SourceLine {
			found[r.Ref] = ""
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.states) - 1
	got, _ := lookOf(e.Presence)
	fits := func(s *state) bool { return maps.Equal(s.claimNames(), found) && s.shows == got }
	switch {
	case fits(&p.states[last]):
	case p.doubt && fits(&p.states[last-1]):
		for who, s := range p.seen {
			if s.at == last {
				return fmt.Errorf("%s saw %q of %s, and it was lost", who, p.states[last].op, p.name)
			}
		}
		p.states = p.states[:last]
	default:
		text := fmt.Sprintf("%s has %v and shows %+v\nwant %v, %+v", p.name, found, got, p.states[last].claimNames(), p.states[last].shows)
		if p.doubt {
			text += fmt.Sprintf("\nor, without %q, %v, %+v", p.states[last].op, p.states[last-1].claimNames(), p.states[last-1].shows)
		}
		return fmt.Errorf("%s", text)
	}
	p.doubt = false
	return nil
}

func lookOf(v rights.Presence) (l look, since string) {
	if v.Status != nil {
		l.status = *v.Status
	}
	if v.Since != nil {
		since = v.Since.Format(time.RFC3339Nano)
	}
	l.text, l.cause = v.Text, v.Cause
	if v.Line != nil {
		l.line, l.service = v.Line.State, v.Line.Service
	}
	return l, since
}

// saw notes what a watcher was told and checks that it is what came of some prefix of the operations, no earlier one
// than it had seen before.
func (p *person) saw(who string, v rights.Presence, raw string, colleague bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.seen[who]
	if s == nil {
		s = &sight{since: map[look]string{}}
		p.seen[who] = s
	}
	got, since := lookOf(v)
	if raw == s.raw {
		return nil
	}
	for i := s.at; i < len(p.states); i++ {
		want := p.states[i].shows
		if !colleague {
			want = look{status: want.status, line: want.line}
		}
		if got != want {
			continue
		}
		s.at, s.raw = i, raw
		if !colleague {
			return nil
		}
		base := got
		base.line, base.service = 0, "" // the line says nothing about since
		if was, ok := s.since[base]; ok && was != since {
			return fmt.Errorf("%s was told that %s is %+v since %s, before it was %s", who, p.name, got, since, was)
		}
		s.since[base] = since
		return nil
	}
	text := fmt.Sprintf("%s was told that %s is %+v; the operations since what it saw before make", who, p.name, got)
	for _, x := range p.states[s.at:] {
		text += fmt.Sprintf("\n  %s: %+v", x.op, x.shows)
	}
	return fmt.Errorf("%s\ntold: %s\nbefore: %s", text, raw, s.raw)
}
