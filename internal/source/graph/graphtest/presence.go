package graphtest

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
)

// Pair is an availability and an activity (graph/api/resources/presence).
type Pair struct{ Availability, Activity string }

func (p Pair) String() string { return p.Availability + "/" + p.Activity }

// Presence is what is shown of a user.
type Presence struct {
	Pair
	Sequence string    // sequenceNumber: of one user, later ones sort after earlier ones as text
	Since    time.Time // zero: from the start
}

// Session is what one Teams client, one call in it or one application says of a user (graph/cloud-communications-manage-presence-state,
// presence sessions).
type Session struct {
	Name  string // as given to Client; of a call with whom; of an application its ID
	Kind  string // client, call, app
	Pair         // now
	Since time.Time
	Until time.Time // when it expires; zero: never
}

// PresenceRules are those of which the documentation is silent, and what may be switched off. The zero value is what a client should expect.
type PresenceRules struct {
	// RefuseUnknown has getPresencesByUserId with the ID of nobody refused as a whole, with 404, where it else leaves them out. The documentation
	// does not say which. Subscriptions with such an ID are answered with 500 then, as was reported of users that had been deleted
	// (microsoftgraph/msgraph-beta-sdk-dotnet, "Presence subscription fails").
	RefuseUnknown bool
	// OldestWins has the session win that shows what it shows for longest among those of equal rank; else the newest does. Not documented.
	OldestWins bool
	// Reorder lets what readers see go back in time when the delay shrinks or grows.
	Reorder bool
	// NoLimits lifts the published limits of requests.
	NoLimits bool
	// SequenceInNotifications writes sequenceNumber into rich notifications. The page on presence names availability and activity only.
	SequenceInNotifications bool
}

// SetPresenceRules replaces them.
func (s *Server) SetPresenceRules(r PresenceRules) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rulesOf = r
}

// SetPresenceDelay has reads and notifications tell what was shown that long ago, by the stand-in's clock, of each user: "it takes a few minutes to
// update the presence status" (graph/cloud-communications-manage-presence-state). The function is given the user's sign-in name each time somebody
// looks, and must not call the stand-in. Without PresenceRules.Reorder nobody sees an older state after a newer one. Nil: no delay.
func (s *Server) SetPresenceDelay(delay func(user string) time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = delay
	now := s.clock()
	for box := range s.watched {
		s.alarm(box, now)
	}
}

// ranks says which of a user's sessions wins: the higher. DoNotDisturb > Busy > Available > Away is documented
// (graph/cloud-communications-manage-presence-state); where the other words (graph/api/resources/presence) stand is not: the idle ones just below
// what they were, those that mean away with Away, and Offline last.
var ranks = map[string]int{"DoNotDisturb": 80, "Busy": 70, "BusyIdle": 65, "Available": 60, "AvailableIdle": 55, "Away": 40, "BeRightBack": 40, "OutOfOffice": 40,
	"PresenceUnknown": 10, "Offline": 10}

var activities = []string{"Available", "Away", "BeRightBack", "Busy", "DoNotDisturb", "InACall", "InAConferenceCall", "Inactive", "InAMeeting", "Offline", "OffWork",
	"OutOfOffice", "PresenceUnknown", "Presenting", "UrgentInterruptionsOnly"}

var offline = Pair{"Offline", "Offline"} // of who has no session (graph/api/presence-clearpresence)

// Fading of sessions that are Available (graph/cloud-communications-manage-presence-state, timeout, expiration, and keep alive): in five minutes, and in
// five more. The times of an idle Teams client are taken to be the same; those are not published.
const (
	firstTimeout  = 5 * time.Minute
	secondTimeout = 10 * time.Minute
)

type session struct {
	name  string
	kind  string
	pair  Pair
	since time.Time // from when it shows pair
	fades time.Time // from when the timeouts count; zero: not at all
	until time.Time // zero: until it is ended
}

// at returns what a session shows, and whether it exists.
func (one *session) at(now time.Time) (Pair, time.Time, bool) {
	if !one.until.IsZero() && !now.Before(one.until) {
		return offline, one.until, false
	}
	if one.fades.IsZero() || one.pair.Availability != "Available" {
		return one.pair, one.since, true
	}
	switch idle := now.Sub(one.fades); {
	case idle >= secondTimeout:
		return Pair{"Away", "Away"}, one.fades.Add(secondTimeout), true
	case idle >= firstTimeout && one.kind == "app": // these are the documentation's words, though presence does not list them
		return Pair{"Available", "AvailableInactive"}, one.fades.Add(firstTimeout), true
	case idle >= firstTimeout:
		return Pair{"AvailableIdle", "Inactive"}, one.fades.Add(firstTimeout), true
	}
	return one.pair, one.since, true
}

// presence is all there is of one user. The zero value is somebody who never ran Teams. Guarded by Server.mu.
type presence struct {
	sessions  []*session
	preferred *session // what the user, or an application for them, chose
	shown     []Presence
	settled   time.Time // up to when shown is complete
	next      time.Time // when time alone changes something; zero: never
	seen      time.Time // up to when readers have seen
	watchers  map[*Subscription]bool
	told      string // the sequence that watchers were told last
}

// aggregate returns what is shown (graph/cloud-communications-manage-presence-state): what the user prefers over what sessions say, if there is a session
// (graph/api/presence-setuserpreferredpresence), and among these the highest.
func (p *presence) aggregate(now time.Time, oldestWins bool) Pair {
	best, rank, since, any := offline, -1, time.Time{}, false
	for _, one := range p.sessions {
		pair, from, alive := one.at(now)
		if !alive {
			continue
		}
		any = true
		r := ranks[pair.Availability]
		if r > rank || r == rank && (from.After(since) && !oldestWins || from.Before(since) && oldestWins) {
			best, rank, since = pair, r, from
		}
	}
	if one := p.preferred; any && one != nil {
		if pair, _, alive := one.at(now); alive {
			return pair
		}
	}
	return best
}

// nextChange returns the first instant after now at which time alone may change something; zero: never.
func (p *presence) nextChange(now time.Time) time.Time {
	var next time.Time
	soon := func(t time.Time) {
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	of := func(one *session) {
		if !one.until.IsZero() {
			soon(one.until)
		}
		if !one.fades.IsZero() && one.pair.Availability == "Available" {
			soon(one.fades.Add(firstTimeout))
			soon(one.fades.Add(secondTimeout))
		}
	}
	for _, one := range p.sessions {
		of(one)
	}
	if p.preferred != nil {
		of(p.preferred)
	}
	return next
}

const remembered = time.Hour // how long what was shown is kept, for those who see it late

// note writes down what is shown at t, if it is something else than before. s.mu is held.
func (s *Server) note(p *presence, t time.Time) {
	pair := p.aggregate(t, s.rulesOf.OldestWins)
	if last := p.now(); last.Pair == pair {
		return
	}
	s.presenceSequence++
	for len(p.shown) > 1 && p.shown[1].Since.Before(t.Add(-remembered)) {
		p.shown = p.shown[1:]
	}
	p.shown = append(p.shown, Presence{Pair: pair, Sequence: sequenceText(s.presenceSequence), Since: t})
}

// sequenceText sorts as text ("lexicographically sortable", graph/api/resources/presence).
func sequenceText(n uint64) string { return fmt.Sprintf("A%012d", n) }

func (p *presence) now() Presence {
	if len(p.shown) == 0 {
		return Presence{Pair: offline, Sequence: sequenceText(0)}
	}
	return p.shown[len(p.shown)-1]
}

// settle lets the time pass that passed. It returns now, or what was the time when it was last called if the clock was put back. s.mu is held.
func (s *Server) settle(p *presence, now time.Time) time.Time {
	if now.Before(p.settled) {
		return p.settled
	}
	p.settled = now
	for !p.next.IsZero() && !p.next.After(now) {
		t := p.next
		s.note(p, t)
		p.sessions = slices.DeleteFunc(p.sessions, func(one *session) bool { _, _, alive := one.at(t); return !alive })
		if one := p.preferred; one != nil {
			if _, _, alive := one.at(t); !alive {
				p.preferred = nil
			}
		}
		p.next = p.nextChange(t)
	}
	return now
}

// alter changes what there is of a user, and has what follows of it happen. s.mu is held.
func (s *Server) alter(box *mailbox, change func(p *presence, now time.Time)) {
	p := &box.presence
	now := s.settle(p, s.clock())
	change(p, now)
	s.note(p, now)
	p.next = p.nextChange(now)
	if len(p.watchers) > 0 {
		s.alarm(box, now)
	}
}

// clock is now, with s.mu held.
func (s *Server) clock() time.Time { return time.Now().Add(s.skew) }

// visible returns what readers see of a user. s.mu is held.
func (s *Server) visible(box *mailbox, now time.Time) Presence {
	p := &box.presence
	now = s.settle(p, now)
	if s.delay == nil && !s.rulesOf.Reorder {
		p.seen = now
		return p.now()
	}
	at := now
	if s.delay != nil {
		at = now.Add(-max(0, s.delay(box.info.UPN)))
	}
	if !s.rulesOf.Reorder {
		if at.Before(p.seen) {
			at = p.seen
		}
		p.seen = at
	}
	i := sort.Search(len(p.shown), func(i int) bool { return p.shown[i].Since.After(at) })
	if i == 0 {
		return Presence{Pair: offline, Sequence: sequenceText(0)}
	}
	return p.shown[i-1]
}

// get returns the session of that kind and name; nil: there is none.
func (p *presence) get(kind, name string) *session {
	for _, one := range p.sessions {
		if one.kind == kind && one.name == name {
			return one
		}
	}
	return nil
}

// set starts a session or changes it. One that shows what it showed has done so since.
func (p *presence) set(one *session) {
	if old := p.get(one.kind, one.name); old != nil {
		if old.pair == one.pair {
			one.since = old.since
		}
		*old = *one
		return
	}
	p.sessions = append(p.sessions, one)
}

func (p *presence) end(kind, name string) bool {
	before := len(p.sessions)
	p.sessions = slices.DeleteFunc(p.sessions, func(one *session) bool { return one.kind == kind && one.name == name })
	return len(p.sessions) < before
}

// Shown returns what is shown of a user, without any delay; the zero value if there is no such user.
func (s *Server) Shown(address string) Presence {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.find(address)
	if box == nil {
		return Presence{}
	}
	s.settle(&box.presence, s.clock())
	return box.presence.now()
}

// Sessions returns a user's sessions, in the order they began. Those that expired are gone.
func (s *Server) Sessions(address string) []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.find(address)
	if box == nil {
		return nil
	}
	now := s.settle(&box.presence, s.clock())
	var out []Session
	for _, one := range box.presence.sessions {
		pair, since, _ := one.at(now)
		out = append(out, Session{Name: one.name, Kind: one.kind, Pair: pair, Since: since, Until: one.until})
	}
	return out
}

// Preferred returns what a user prefers to be shown, and until when; ok is false if nothing is.
func (s *Server) Preferred(address string) (pair Pair, until time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.find(address)
	if box == nil {
		return Pair{}, time.Time{}, false
	}
	s.settle(&box.presence, s.clock())
	one := box.presence.preferred
	if one == nil {
		return Pair{}, time.Time{}, false
	}
	return one.pair, one.until, true
}

// PresenceWrite is a call that was to write a presence.
type PresenceWrite struct {
	At       time.Time // by the stand-in's clock
	User     string    // sign-in name; empty: there is no such user
	ID       string    // as it was in the address; of /me that of the user
	Op       string    // setPresence, clearPresence, setUserPreferredPresence, clearUserPreferredPresence
	Pair     Pair      // as it was sent
	Duration string    // likewise, such as PT5M; empty: none was
	App      string
	By       string // sign-in name of who was signed in; empty: the application itself
	Status   int    // of the answer; zero: the connection was broken before anything was done
}

const longestJournal = 200_000

// Journal returns the calls that were to write a presence, in the order in which they were answered, since the start or since ClearJournal: at most
// 200,000, the newest.
func (s *Server) Journal() []PresenceWrite {
	s.stat.Lock()
	defer s.stat.Unlock()
	return slices.Clone(s.journal)
}

// ClearJournal empties the journal.
func (s *Server) ClearJournal() {
	s.stat.Lock()
	defer s.stat.Unlock()
	s.journal = nil
}

func (s *Server) written(w PresenceWrite) {
	s.stat.Lock()
	defer s.stat.Unlock()
	if len(s.journal) >= longestJournal {
		s.journal = slices.Clone(s.journal[len(s.journal)/2:])
	}
	s.journal = append(s.journal, w)
}

// withUser runs change on the user with that address.
func (s *Server) withUser(address string, change func(p *presence, now time.Time) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.find(address)
	if box == nil {
		return errNoMailbox
	}
	var err error
	s.alter(box, func(p *presence, now time.Time) { err = change(p, now) })
	return err
}

// Client starts a Teams client of a user (name is any word, such as desktop), or has it show something else: Available/Available, Busy/InAMeeting
// and so on. The client is in use from then on: see Idle.
func (s *Server) Client(address, name, availability, activity string) error {
	if _, ok := ranks[availability]; !ok {
		return fmt.Errorf("graphtest: no availability %q", availability)
	}
	if !slices.Contains(activities, activity) {
		return fmt.Errorf("graphtest: no activity %q", activity)
	}
	return s.withUser(address, func(p *presence, now time.Time) error {
		p.set(&session{name: name, kind: "client", pair: Pair{availability, activity}, since: now})
		return nil
	})
}

// Idle has nobody use a client any more, until Client is called again: while it is Available, it fades to AvailableIdle/Inactive after five minutes
// and to Away/Away after ten.
func (s *Server) Idle(address, name string) error {
	return s.withUser(address, func(p *presence, now time.Time) error {
		one := p.get("client", name)
		if one == nil {
			return fmt.Errorf("graphtest: no client %q", name)
		}
		if one.fades.IsZero() {
			one.fades = now
		}
		return nil
	})
}

// Quit ends a client. The last one ends the user's calls.
func (s *Server) Quit(address, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.find(address)
	if box == nil {
		return errNoMailbox
	}
	if box.presence.get("client", name) == nil {
		return fmt.Errorf("graphtest: no client %q", name)
	}
	s.alter(box, func(p *presence, _ time.Time) { p.end("client", name) })
	if slices.ContainsFunc(box.presence.sessions, func(one *session) bool { return one.kind == "client" }) {
		return nil
	}
	var others []string
	for _, one := range box.presence.sessions {
		if one.kind == "call" {
			others = append(others, one.name)
		}
	}
	for _, other := range others {
		s.hangUp(box, other)
	}
	return nil
}

// What a call shows of its two parties, as Teams does: whoever shares the screen is presenting.
var (
	inACall    = Pair{"Busy", "InACall"}
	presenting = Pair{"DoNotDisturb", "Presenting"}
)

// Call has a call b, or their shared screen become a call again: both are in a call. Whoever has no client starts one named Teams. An address that is
// no user's, such as a telephone number, is somebody outside.
func (s *Server) Call(a, b string) error { return s.call(a, b, inACall) }

// VideoCall is Call with pictures: it shows the same.
func (s *Server) VideoCall(a, b string) error { return s.call(a, b, inACall) }

// Share has a show b their screen, in a call of its own, with video, or in the one they have: a is presenting, b in a call.
func (s *Server) Share(a, b string) error { return s.call(a, b, presenting) }

func (s *Server) call(a, b string, first Pair) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	caller, called := s.find(a), s.find(b)
	switch {
	case caller == nil:
		return errNoMailbox
	case caller == called:
		return fmt.Errorf("graphtest: %s calls %s", a, b)
	}
	join := func(box *mailbox, with string, pair Pair) {
		s.alter(box, func(p *presence, now time.Time) {
			if !slices.ContainsFunc(p.sessions, func(one *session) bool { return one.kind == "client" }) {
				p.set(&session{name: "Teams", kind: "client", pair: Pair{"Available", "Available"}, since: now})
			}
			p.set(&session{name: with, kind: "call", pair: pair, since: now})
		})
	}
	if called == nil {
		join(caller, strings.ToLower(b), first)
		return nil
	}
	join(caller, strings.ToLower(called.info.UPN), first)
	join(called, strings.ToLower(caller.info.UPN), inACall)
	return nil
}

// EndCall ends the call that a and b have.
func (s *Server) EndCall(a, b string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.find(a)
	if box == nil {
		return errNoMailbox
	}
	with := strings.ToLower(b)
	if other := s.find(b); other != nil {
		with = strings.ToLower(other.info.UPN)
	}
	if box.presence.get("call", with) == nil {
		return fmt.Errorf("graphtest: %s has no call with %s", a, b)
	}
	s.hangUp(box, with)
	return nil
}

// hangUp ends a call on both sides. s.mu is held.
func (s *Server) hangUp(box *mailbox, with string) {
	s.alter(box, func(p *presence, _ time.Time) { p.end("call", with) })
	if other := s.addresses[with]; other != nil {
		s.alter(other, func(p *presence, _ time.Time) { p.end("call", strings.ToLower(box.info.UPN)) })
	}
}

// Choose is a user's own choice in a Teams client: what is preferred from then on. A lasts of zero is as long as Teams would: a day for do not disturb
// and busy, seven days for others.
func (s *Server) Choose(address string, pair Pair, lasts time.Duration) error {
	if !slices.Contains(preferredPairs, pair) {
		return fmt.Errorf("graphtest: nobody can choose %s", pair)
	}
	return s.withUser(address, func(p *presence, now time.Time) error {
		p.prefer(pair, cmp.Or(lasts, preferredFor(pair)), now)
		return nil
	})
}

func (p *presence) prefer(pair Pair, lasts time.Duration, now time.Time) {
	p.preferred = &session{kind: "preferred", pair: pair, since: now, until: now.Add(lasts)}
}

// Reset is a user's own "reset status" in a Teams client.
func (s *Server) Reset(address string) error {
	return s.withUser(address, func(p *presence, _ time.Time) error { p.preferred = nil; return nil })
}

// alarm has a user's subscribers told. s.mu is held.
func (s *Server) alarm(box *mailbox, at time.Time) { s.watched[box] = at }
