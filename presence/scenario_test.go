package presence

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// story is one scenario of testdata/scenarios; its README tells the format.
type story struct {
	name   string
	file   string
	line   int
	policy Policy
	lines  []storyLine
}

type storyLine struct {
	n     int
	words []string
}

func TestScenarios(t *testing.T) {
	t.Parallel()
	stories := readStories(t)
	rows := map[string]bool{}
	overlaps := 0
	for _, s := range stories {
		if id, _, _ := strings.Cut(s.name, ":"); strings.HasPrefix(id, "P4-") {
			rows[id] = true
		} else {
			overlaps++
		}
		t.Run(s.file+"/"+s.name, func(t *testing.T) {
			t.Parallel()
			s.play(t)
		})
	}
	for row := 1; row <= 16; row++ {
		if !rows[fmt.Sprintf("P4-%d", row)] {
			t.Errorf("row %d of the table in P4 has no scenario", row)
		}
	}
	if overlaps < 150 {
		t.Errorf("%d scenarios beside the table, want at least 150", overlaps)
	}
}

func readStories(t testing.TB) []story {
	t.Helper()
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	var all []story
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		var s *story
		sc := bufio.NewScanner(f)
		fresh := true
		for n := 1; sc.Scan(); n++ {
			line := strings.TrimSpace(sc.Text())
			switch {
			case line == "":
				fresh = true
			case strings.HasPrefix(line, "#"):
				if fresh {
					if s != nil && len(s.lines) > 0 {
						all = append(all, *s)
					}
					s = &story{name: strings.TrimSpace(line[1:]), file: strings.TrimSuffix(filepath.Base(name), ".txt"), line: n, policy: defaultPolicy()}
				}
				fresh = false
			default:
				fresh = false
				words, err := splitWords(line)
				if err != nil || s == nil {
					t.Fatalf("%s:%d: %v", name, n, err)
				}
				s.lines = append(s.lines, storyLine{n, words})
			}
		}
		if s != nil && len(s.lines) > 0 {
			all = append(all, *s)
		}
		f.Close()
	}
	return all
}

func defaultPolicy() Policy {
	return Policy{
		Start:         Activation{On: true, Status: Available},
		End:           Activation{On: true, Status: Unavailable},
		Inactive:      Activation{On: true, Status: BeRightBack},
		Locked:        Activation{On: true, Status: BeRightBack},
		InactiveAfter: 10 * time.Minute,
	}
}

// splitWords splits at spaces outside quotes and strips a trailing comment.
func splitWords(line string) ([]string, error) {
	var words []string
	var b strings.Builder
	quoted, inWord := false, false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '"':
			quoted, inWord = !quoted, true
			b.WriteByte(c)
		case c == '#' && !quoted && !inWord:
			i = len(line)
		case (c == ' ' || c == '\t') && !quoted:
			if inWord {
				words = append(words, b.String())
				b.Reset()
			}
			inWord = false
		default:
			inWord = true
			b.WriteByte(c)
		}
	}
	if quoted {
		return nil, fmt.Errorf("quote not closed")
	}
	if inWord {
		words = append(words, b.String())
	}
	return words, nil
}

// event is something that becomes known at a time.
type event struct {
	at   time.Time
	line storyLine
}

func (s *story) play(t *testing.T) {
	var claims []Claim
	var events []event
	fail := func(n int, format string, args ...any) {
		t.Helper()
		t.Errorf("%s.txt:%d: %s", s.file, n, fmt.Sprintf(format, args...))
	}
	// First what is known from the beginning, and the events in the order of their times.
	for _, l := range s.lines {
		switch l.words[0] {
		case "policy":
			if err := s.setPolicy(l.words[1:]); err != nil {
				fail(l.n, "%v", err)
			}
		case "claim":
			c, err := parseClaim(l.words[1:])
			if err != nil {
				t.Fatalf("%s.txt:%d: %v", s.file, l.n, err)
			}
			claims = put(claims, c)
		case "at", "next":
		default:
			at, err := parseTime(l.words[0])
			if err != nil {
				t.Fatalf("%s.txt:%d: %v", s.file, l.n, err)
			}
			events = append(events, event{at, storyLine{l.n, l.words[1:]}})
		}
	}
	var now time.Time
	done := 0
	var shown Shown
	advance := func(to time.Time) {
		for done < len(events) && !events[done].at.After(to) {
			e := events[done]
			if done > 0 && e.at.Before(events[done-1].at) {
				t.Fatalf("%s.txt:%d: events out of order", s.file, e.line.n)
			}
			checkProperties(t, s, claims, now, e.at)
			shown = shown.Advance(claims, &s.policy, e.at)
			var err error
			if e.line.words[0] == "policy" {
				err = s.setPolicy(e.line.words[1:])
			} else {
				claims, err = applyEvent(claims, e.at, e.line.words)
			}
			if err != nil {
				t.Fatalf("%s.txt:%d: %v", s.file, e.line.n, err)
			}
			shown = shown.Note(Resolve(claims, &s.policy, e.at), e.at)
			now = e.at
			done++
		}
		checkProperties(t, s, claims, now, to)
		shown = shown.Advance(claims, &s.policy, to)
		now = to
	}
	now = monday
	checked := 0
	for _, l := range s.lines {
		switch l.words[0] {
		case "at":
			at, err := parseTime(l.words[1])
			if err != nil {
				t.Fatalf("%s.txt:%d: %v", s.file, l.n, err)
			}
			if at.Before(now) {
				t.Fatalf("%s.txt:%d: back in time", s.file, l.n)
			}
			advance(at)
			got := Resolve(claims, &s.policy, at)
			for _, problem := range compareAt(claims, &s.policy, at, got, l.words[2:]) {
				fail(l.n, "%s", problem)
			}
			if shown.Status != got.Status {
				fail(l.n, "shown to status viewers %s, resolved %s", shown.Status, got.Status)
			}
			for _, w := range l.words[2:] {
				if value, ok := strings.CutPrefix(w, "status_since="); ok {
					if want, err := parseTime(value); err != nil || !shown.Since.Equal(want) {
						fail(l.n, "at %s the status is shown since %s, want %s (%v)", clock(at), clock(shown.Since), value, err)
					}
				}
			}
			checked++
		case "next":
			e := Explain(claims, &s.policy, now, 1)
			want := l.words[1]
			switch {
			case want == "never" && len(e.Next) > 0:
				fail(l.n, "next change at %s, want never", clock(e.Next[0].At))
			case want != "never" && len(e.Next) == 0:
				fail(l.n, "no next change, want %s", want)
			case want != "never":
				if at, err := parseTime(want); err != nil || !at.Equal(e.Next[0].At) {
					fail(l.n, "next change at %s, want %s (%v)", clock(e.Next[0].At), want, err)
				}
			}
		}
	}
	if checked == 0 {
		t.Errorf("%s.txt:%d: nothing is checked", s.file, s.line)
	}
}

// checkProperties holds the general promises against every claim set that a story passes through.
func checkProperties(t *testing.T, s *story, claims []Claim, from, to time.Time) {
	t.Helper()
	for at, n := from, 0; n < 4*len(claims)+1; n++ {
		shuffled := append([]Claim(nil), claims...)
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if got, want := Resolve(shuffled, &s.policy, at), Resolve(claims, &s.policy, at); !got.Equal(want) {
			t.Errorf("at %s the order of claims matters: %+v or %+v", clock(at), got, want)
		}
		if e := Explain(claims, &s.policy, at, 0); !e.Presence.Equal(Resolve(claims, &s.policy, at)) || e.winners() > 1 {
			t.Errorf("at %s the explanation has %d winners: %+v", clock(at), e.winners(), e.Entries)
		}
		next, ok := NextChange(claims, &s.policy, at)
		last := to
		if ok && next.Before(to) {
			last = next
		}
		if before := Resolve(claims, &s.policy, at); last.Sub(at) > 1 {
			if got := Resolve(claims, &s.policy, last.Add(-1)); !got.Equal(before) {
				t.Errorf("changes between %s and the announced %s: %+v, then %+v", clock(at), clock(last), before, got)
			}
		}
		kept := without(claims, Spent(claims, at))
		for _, later := range []time.Time{at, last, to, to.Add(24 * time.Hour)} {
			if got, want := Resolve(kept, &s.policy, later), Resolve(claims, &s.policy, later); !got.Equal(want) {
				t.Errorf("spent at %s, yet it matters at %s: %+v without, %+v with", clock(at), clock(later), got, want)
			}
		}
		if !ok || next.After(to) {
			return
		}
		at = next
	}
}

func (e *Explanation) winners() (n int) {
	for _, x := range e.Entries {
		if x.Outcome == Won {
			n++
		}
	}
	return n
}

func without(claims []Claim, refs []Ref) []Claim {
	var kept []Claim
	for _, c := range claims {
		gone := false
		for _, r := range refs {
			gone = gone || c.Ref() == r
		}
		if !gone {
			kept = append(kept, c)
		}
	}
	return kept
}

func put(claims []Claim, c Claim) []Claim {
	return append(without(claims, []Ref{c.Ref()}), c)
}

func applyEvent(claims []Claim, at time.Time, words []string) ([]Claim, error) {
	switch words[0] {
	case "claim":
		c, err := parseClaim(words[1:])
		return put(claims, c), err
	case "retract":
		return without(claims, []Ref{parseName(words[1])}), nil
	case "choose":
		return applyChoice(claims, at, words[1:])
	case "dismiss", "restore":
		target := parseName(words[1])
		c := Claim{Source: SourceMark, ID: target.String(), Target: target, From: at, Mark: Dismiss}
		for _, x := range claims {
			if x.Ref() == target {
				c.Call = x.Call
			}
		}
		if words[0] == "restore" {
			c.Mark = Restore
			for i, w := range words[2:] {
				switch {
				case i == 0:
					st, err := ParseStatus(w)
					if err != nil {
						return nil, err
					}
					c.Status = st
				case strings.HasPrefix(w, "profile="):
					c.Profile = unquote(w[len("profile="):])
				default:
					c.Text = unquote(w)
				}
			}
		}
		return put(claims, c), nil
	case "client":
		return applyClient(claims, at, words[1], words[2])
	}
	return nil, fmt.Errorf("unknown event %q", words[0])
}

func applyChoice(claims []Claim, at time.Time, words []string) ([]Claim, error) {
	if len(words) < 2 {
		return nil, fmt.Errorf("a choice needs who and a status")
	}
	status, err := ParseStatus(words[1])
	if err != nil {
		return nil, err
	}
	var text, profile string
	var until time.Time
	for _, w := range words[2:] {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "until":
			if until, err = parseTime(value); err != nil {
				return nil, err
			}
		case "profile":
			profile = unquote(value)
		default:
			text = unquote(w)
		}
	}
	return put(claims, Choose(Source(words[0]), status, profile, text, at, until)), nil
}

const grace = 90 * time.Second

func applyClient(claims []Claim, at time.Time, id, what string) ([]Claim, error) {
	var found *Claim
	for i := range claims {
		if claims[i].Source == SourceClient && claims[i].ID == id {
			c := claims[i]
			found = &c
		}
	}
	switch what {
	case "start":
		for _, c := range StartClient(claims, id, "", at, time.Time{}) { // heard of until told otherwise
			claims = put(claims, c)
		}
		return claims, nil
	case "end":
		c, ok := EndClient(claims, id, at)
		if !ok {
			return nil, fmt.Errorf("client %s does not run", id)
		}
		return put(claims, c), nil
	}
	if found == nil {
		return nil, fmt.Errorf("client %s was never started", id)
	}
	switch what {
	case "lost":
		found.Lease = at.Add(grace)
	case "active":
		found.Activity, found.ActivitySince = Active, at
	case "idle":
		found.Activity, found.ActivitySince = Idle, at
	case "lock":
		found.Activity, found.ActivitySince = Locked, at
	default:
		return nil, fmt.Errorf("a client cannot %q", what)
	}
	return put(claims, *found), nil
}

func (s *story) setPolicy(words []string) error {
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "presence":
			s.policy.Off = value == "off"
			continue
		case "after":
			d, err := time.ParseDuration(value)
			if err != nil {
				return err
			}
			s.policy.InactiveAfter = d
			continue
		}
		var a Activation
		if value != "off" {
			status, text, _ := strings.Cut(value, ",")
			st, err := ParseStatus(status)
			if err != nil {
				return err
			}
			a = Activation{On: true, Status: st, Text: unquote(text)}
		}
		switch name {
		case "start":
			s.policy.Start = a
		case "end":
			s.policy.End = a
		case "inactive":
			s.policy.Inactive = a
		case "locked":
			s.policy.Locked = a
		default:
			return fmt.Errorf("unknown policy %q", name)
		}
	}
	return nil
}

func parseName(name string) Ref {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return Ref{Source: Source(name)}
	}
	return Ref{Source(name[:i]), name[i+1:]}
}

func nameOf(r Ref) string {
	switch {
	case r == Ref{}:
		return "-"
	case r.ID == "":
		return string(r.Source)
	}
	return string(r.Source) + "/" + r.ID
}

func parseClaim(words []string) (Claim, error) {
	if len(words) < 4 {
		return Claim{}, fmt.Errorf("a claim needs a name, a status, a text and times")
	}
	ref := parseName(words[0])
	c := Claim{Source: ref.Source, ID: ref.ID, Text: unquote(words[2])}
	var err error
	if c.Status, err = ParseStatus(words[1]); err != nil {
		return c, err
	}
	from, until, ok := strings.Cut(words[3], "..")
	if !ok {
		return c, fmt.Errorf("times %q want FROM..UNTIL", words[3])
	}
	if c.From, err = parseTime(from); err != nil {
		return c, err
	}
	if until != "" {
		if c.Until, err = parseTime(until); err != nil {
			return c, err
		}
	}
	for _, w := range words[4:] {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "lease":
			c.Lease, err = parseTime(value)
		case "show_as":
			c.ShowAs, err = ParseShowAs(value)
		case "all_day":
			c.AllDay = true
		case "profile":
			c.Profile = unquote(value)
		case "call":
			c.Call = value
		case "line":
			c.Line, err = parseLine(value)
		default:
			err = fmt.Errorf("unknown word %q", w)
		}
		if err != nil {
			return c, err
		}
	}
	return c, nil
}

func parseLine(value string) (l Line, err error) {
	parts := strings.Split(value, ":")
	if l.State, err = ParseLineState(parts[0]); err != nil {
		return l, err
	}
	if len(parts) > 1 {
		if l.Reach, err = ParseReach(parts[1]); err != nil {
			return l, err
		}
	}
	if len(parts) > 2 {
		l.Service = strings.ReplaceAll(parts[2], "_", " ")
	}
	return l, nil
}

func compareAt(claims []Claim, policy *Policy, at time.Time, got Presence, want []string) (problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	status := got.Status.String()
	if got.Off {
		status = "off"
	}
	if status != want[0] || nameOf(got.Cause) != want[1] {
		bad("at %s shown %s by %s, want %s by %s", clock(at), status, nameOf(got.Cause), want[0], want[1])
	}
	for _, w := range want[2:] {
		name, value, _ := strings.Cut(w, "=")
		var have string
		switch name {
		case "text":
			have, value = got.Text, unquote(value)
		case "profile":
			have, value = got.Profile, unquote(value)
		case "since", "until":
			when := got.Since
			if name == "until" {
				when = got.Until
			}
			have = clock(when)
			if t, err := parseTime(value); err == nil {
				value = clock(t)
			}
		case "line":
			l, err := parseLine(value)
			if err != nil {
				bad("%v", err)
			}
			if !strings.Contains(value, ":") {
				l.Reach, l.Service = got.Line.Reach, got.Line.Service
			}
			have, value = fmt.Sprint(got.Line), fmt.Sprint(l)
		case "lost":
			claim, outcome, _ := strings.Cut(unquote(value), " ")
			have = claim + " not listed"
			for _, e := range Explain(claims, policy, at, 0).Entries {
				if nameOf(e.Claim.Ref()) == claim {
					have = claim + " " + e.Outcome.String()
				}
			}
			value = claim + " " + outcome
		case "status_since": // belongs to Shown
			continue
		default:
			bad("unknown word %q", w)
		}
		if have != value {
			bad("at %s %s is %q, want %q", clock(at), name, have, value)
		}
	}
	return problems
}

func unquote(s string) string { return strings.Trim(s, `"`) }

func parseTime(s string) (time.Time, error) {
	day := 1
	if d, rest, ok := strings.Cut(s, "/"); ok {
		n, err := strconv.Atoi(d)
		if err != nil {
			return time.Time{}, fmt.Errorf("day %q: %w", d, err)
		}
		day, s = n, rest
	}
	for _, layout := range []string{"15:04", "15:04:05", "15:04:05.000"} {
		if t, err := time.Parse(layout, s); err == nil {
			return monday.AddDate(0, 0, day-1).Add(t.Sub(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC))), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time", s)
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format("02 15:04:05.999999999")
}
