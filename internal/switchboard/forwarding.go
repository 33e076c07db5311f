package switchboard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/forward"
	"github.com/doorlight/doorlight/presence"
)

const (
	firstRetry = 2 * time.Second
	lastRetry  = 5 * time.Minute
)

// retry is how long to wait after so many failures before.
func retry(failures int) time.Duration { return min(lastRetry, firstRetry<<min(failures, 8)) }

// wishOf is what a presence asks for of a line.
func wishOf(who *office.Person, shown presence.Presence) (w forward.Wish, refusal string) {
	if shown.Off || shown.Profile == "" {
		return w, ""
	}
	p := who.Settings.ProfileNamed(&who.Own, shown.Profile)
	if p == nil {
		return w, ""
	}
	// Each appointment asks anew, also by the same profile.
	w.Cause = fmt.Sprintf("%s %s %d", p.Name, shown.Cause, shown.Since.UnixMilli())
	switch p.Forwarding.Action {
	case policy.ForwardOff:
		w.Action = forward.Off
	case policy.ForwardDND:
		w.Action = forward.DoNotDisturb
	case policy.ForwardTo:
		var field string
		switch p.Forwarding.Target {
		case policy.TargetNumber:
			w.Target, field = p.Forwarding.Number, "the number in the profile"
		case policy.TargetHome:
			w.Target, field = who.HomeNumber, "your home number"
		case policy.TargetMobile:
			w.Target, field = who.MobileNumber, "your mobile number"
		case policy.TargetVoicemail:
			w.Target, field = who.Voicemail, "the number of your voicemail"
		}
		if w.Target = telephony.Fold(w.Target); w.Target == "" {
			return forward.Wish{}, fmt.Sprintf("%s forwards calls, but %s is empty. The forwarding was left as it was.", p.Name, field)
		}
		w.Action = forward.To
	default:
		return forward.Wish{}, ""
	}
	return w, ""
}

// refusal is why a line is not forwarded as asked for.
type refusal struct {
	text  string // empty: it is
	about string // whose presence or forwarding it tells of, beside the owner's own; empty: nobody's
	needs rights.Right
}

// asItWas ends refusals of what a presence asks for.
const asItWas = " The forwarding was left as it was."

// untold is what those are told instead who may not see of the other what a refusal tells.
const untold = "Calls cannot be forwarded to that number at present."

// words returns the refusal in words for a viewer.
func (s *Switchboard) words(r refusal, viewer string) string {
	if r.about == "" || rights.MayRead(s.office.Level(viewer, r.about), r.needs) {
		return r.text
	}
	return untold + asItWas
}

// target says why a line must not be forwarded to a target (B7), and to whom the target leads. It uses of others what the owner of the line may see:
// of whom they may see nothing they cannot find out anything so. Only calls that would come back are always refused. mu is held.
func (s *Switchboard) target(l *line, target string, shown func(string) presence.Presence) (no refusal, person string) {
	other := s.reached(l, target)
	switch {
	case other == nil:
		return no, ""
	case other == l || other.person == l.person, s.leadsBack(other, l.person):
		return refusal{text: "Calls would be forwarded to where they come from." + asItWas}, other.person
	case other.person == "":
		return no, ""
	}
	level := s.office.Level(l.person, other.person)
	name := other.person
	if who, ok := s.office.Person(other.person); ok {
		name = who.Name
	}
	told := func(needs rights.Right, what string) (refusal, string) {
		return refusal{name + what + asItWas, other.person, needs}, other.person
	}
	if rights.MayRead(level, rights.Forwarding) {
		switch {
		case len(onward(other)) > 0:
			return told(rights.Forwarding, " forwards calls as well: they would be led on from there.")
		case other.wish.Action == forward.DoNotDisturb:
			return told(rights.Forwarding, " does not want to be disturbed.")
		}
	}
	if rights.MayRead(level, rights.Status) {
		switch p := shown(other.person); {
		case p.Status == presence.DoNotDisturb:
			return told(rights.Status, " does not want to be disturbed.")
		case p.Status == presence.Unavailable, p.Status == presence.LoggedOut && !p.Off:
			return told(rights.Status, " is absent too.")
		}
	}
	return no, other.person
}

// onward returns where calls of a line go on to, as far as that is known; mu is held.
func onward(l *line) (targets []string) {
	if l.wish.Action == forward.To {
		targets = append(targets, l.wish.Target)
	}
	if l.reported != nil {
		for _, x := range []string{l.reported.All, l.reported.External} {
			if x != "" {
				targets = append(targets, telephony.Fold(x))
			}
		}
	}
	return targets
}

// leadsBack reports whether calls to a line go on to one of a person; mu is held.
func (s *Switchboard) leadsBack(l *line, person string) bool {
	seen := map[*line]bool{}
	var goes func(*line) bool
	goes = func(l *line) bool {
		if seen[l] {
			return false
		}
		seen[l] = true
		for _, target := range onward(l) {
			if next := s.reached(l, target); next != nil && (next.person == person || goes(next)) {
				return true
			}
		}
		return false
	}
	return goes(l)
}

// lead notes to whom the wish of a line leads, or would; mu is held.
func (s *Switchboard) lead(l *line, person string) {
	if l.aims == person {
		return
	}
	if l.aims != "" {
		if delete(s.aims[l.aims], l); len(s.aims[l.aims]) == 0 {
			delete(s.aims, l.aims)
		}
	}
	if l.aims = person; person != "" {
		if s.aims[person] == nil {
			s.aims[person] = map[*line]bool{}
		}
		s.aims[person][l] = true
	}
}

// hand has lines looked at whose time has come, until ctx ends.
func (s *Switchboard) hand(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-timer.C:
		}
		now := time.Now()
		wait := time.Hour
		s.mu.Lock()
		for l := range s.timed {
			switch left := l.due.Sub(now); {
			case l.due.IsZero():
				delete(s.timed, l)
			case left <= 0:
				delete(s.timed, l)
				s.soon(l)
			default:
				wait = min(wait, left)
			}
		}
		s.mu.Unlock()
		timer.Reset(wait)
	}
}

// later has a line looked at in a while; mu is held.
func (s *Switchboard) later(l *line, d time.Duration) {
	l.due = time.Now().Add(d)
	s.timed[l] = true
	signal(s.wake)
}

// serve works for a system until ctx ends.
func (s *Switchboard) serve(ctx context.Context, sys *system) {
	var work sync.WaitGroup
	defer work.Wait()
	for range s.cfg.Workers {
		work.Go(func() {
			for {
				s.mu.Lock()
				if len(sys.queue) == 0 {
					s.mu.Unlock()
					select {
					case <-ctx.Done():
						return
					case <-sys.work:
					}
					continue
				}
				l := sys.queue[0]
				sys.queue = sys.queue[1:]
				if len(sys.queue) > 0 {
					signal(sys.work)
				}
				l.queued, l.busy, l.again = false, true, false
				s.mu.Unlock()
				s.see(ctx, sys, l)
				if ctx.Err() != nil {
					return
				}
			}
		})
	}
	if x, ok := sys.System.System.(telephony.Chooser); ok {
		dialled := make(chan telephony.Choice, mostChoices)
		x.Choices(func(c telephony.Choice) {
			select {
			case dialled <- c:
			default:
			}
		})
		work.Go(func() { s.choices(ctx, sys, dialled) })
	}
	err := sys.Watch(ctx, func(told telephony.Line) { s.tell(sys, told) })
	if err != nil && ctx.Err() == nil {
		s.log.Warn("nothing is told of lines", "connector", sys.ID, "err", err)
	}
	<-ctx.Done()
}

// see has a line forwarded as it is to be.
func (s *Switchboard) see(ctx context.Context, sys *system, l *line) {
	if done, err := s.inherit(ctx, l); !done {
		s.done(sys, l, err, time.Second)
		return
	}
	s.mu.Lock()
	if l.to != nil { // that one sees to it
		s.mu.Unlock()
		s.done(sys, l, nil, 0)
		return
	}
	person := l.person
	wish, no, aims := s.wants(l)
	s.lead(l, aims)
	if wish != l.wish {
		for other := range s.aims[person] { // what leads here may be led on, or no more
			s.soon(other)
		}
	}
	l.wish, l.refusal = wish, no
	state := l.state
	if wish.Action == forward.Keep && state.Rests() && (person != "" || state.Empty()) { // there is nothing to do, and nothing is asked
		l.unheeded = 0
		s.mu.Unlock()
		s.done(sys, l, nil, 0)
		return
	}
	s.mu.Unlock()
	done, err := s.settle(ctx, sys, l, wish)
	if e, ok := errors.AsType[*source.Error](err); err == nil || ok && e.Whole {
		sys.used(err)
	}
	if err != nil {
		s.done(sys, l, err, 0)
		return
	}
	s.mu.Lock()
	look := time.Duration(0)
	if done {
		l.unheeded = 0
		if !l.state.Rests() {
			look = s.cfg.Look
		}
	} else {
		look = time.Millisecond // to see that it is so
		if l.unheeded > 0 {
			look = retry(l.unheeded - 1)
		}
		l.unheeded++
	}
	s.mu.Unlock()
	s.done(sys, l, nil, look)
}

// wants is what the presence of a line's owner asks for, or why that is not done; aims is to whom it leads, or would. mu is held.
func (s *Switchboard) wants(l *line) (wish forward.Wish, no refusal, aims string) {
	if who, ok := s.office.Person(l.person); ok && l.forwards {
		if shown, _, ok := s.hub.Presence(l.person); ok {
			wish, no.text = wishOf(who, shown)
		}
	}
	if wish.Action != forward.To {
		return wish, no, ""
	}
	shown := func(id string) presence.Presence { p, _, _ := s.hub.Presence(id); return p }
	if no, aims = s.target(l, wish.Target, shown); no.text != "" {
		wish = forward.Wish{}
	}
	return wish, no, aims
}

// settle compares what is reported with what is to be, and sets that; done says that there was nothing to set.
func (s *Switchboard) settle(ctx context.Context, sys *system, l *line, wish forward.Wish) (done bool, err error) {
	if err := l.begin(ctx); err != nil {
		return false, err
	}
	defer l.end()
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	s.mu.Lock()
	state := l.state
	s.mu.Unlock()
	reported, err := sys.Forwarding(ctx, l.key.line)
	if err != nil {
		return false, err
	}
	if ctx.Err() != nil { // it may have been replaced while it answered
		return false, context.Cause(ctx)
	}
	desired, next := forward.Plan(wish, state, reported, sys.Can())
	s.mu.Lock()
	if l.person == "" { // whose it was gets no answer any more
		next.Past = nil
	}
	l.reported, l.at, l.desired = &reported, time.Now(), desired
	s.mu.Unlock()
	if err := s.keep(ctx, l, next); err != nil { // before anything is set
		return false, err
	}
	if desired == reported {
		return true, nil
	}
	return false, sys.SetForwarding(ctx, l.key.line, desired)
}

// problemOf is what people are told of an error.
func problemOf(err error) string {
	if e, ok := errors.AsType[*source.Error](err); ok {
		return e.Public()
	}
	return "The telephone system could not be asked."
}

// keep has a line have a state once that is stored. The line's turn is held.
func (s *Switchboard) keep(ctx context.Context, l *line, next forward.State) error {
	s.mu.Lock()
	state := l.state
	s.mu.Unlock()
	is, was := recordOf(l.key, next), recordOf(l.key, state)
	if !slices.Equal(is.State, was.State) {
		if err := s.store.WriteForwardings(ctx, is); err != nil {
			return err
		}
	}
	s.mu.Lock()
	l.state = next
	s.mu.Unlock()
	return nil
}

// begin waits until nobody else reads and sets a line, and end lets others.
func (l *line) begin(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l *line) end() { <-l.turn }

// done ends a look at a line; look is when to do so again, zero: when something happens.
func (s *Switchboard) done(sys *system, l *line, err error, look time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.busy = false
	if s.systems[l.key.connector] != sys { // what came of it says nothing about the one in its place
		s.soon(l)
		return
	}
	if err != nil {
		wait := retry(l.failures)
		l.failures++
		l.problem = problemOf(err)
		if e, ok := errors.AsType[*source.Error](err); ok {
			wait = max(wait, e.RetryAfter)
		} else {
			s.log.Warn("a line could not be forwarded", "connector", sys.ID, "err", err)
		}
		s.later(l, wait)
		return
	}
	if l.failures, l.problem = 0, ""; l.unheeded > 1 {
		l.problem = "The telephone system takes the forwarding, but does not do it."
	}
	switch {
	case l.again:
		s.soon(l)
	case look > 0:
		s.later(l, look)
	case l.person == "" && l.state.Rests() && l.from == nil && l.to == nil && s.lines[l.key] == l: // and not another in its place
		delete(s.lines, l.key)
	}
}

// RefusalFor returns why a line is not forwarded as the presence asks for, in words for a viewer: of others it tells what the viewer may see.
// Empty: it is.
func (s *Switchboard) RefusalFor(st *Status, viewer string) string {
	if st.refusal.text == "" {
		return ""
	}
	return s.words(st.refusal, viewer)
}

// Lines returns how the lines of a person are doing.
func (s *Switchboard) Lines(personID string) (all []Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.byPerson[personID] {
		all = append(all, s.status(l))
	}
	return all
}

// status tells of a line; mu is held.
func (s *Switchboard) status(l *line) Status {
	st := Status{
		PersonID: l.person, ConnectorID: l.key.connector, Line: l.key.line, Forwards: l.forwards, Wanted: l.desired, ReportedAt: l.at, Problem: l.problem,
		refusal: l.refusal,
	}
	if sys := s.systems[l.key.connector]; sys != nil {
		st.System, st.Can = sys.Name, sys.Can()
	}
	if l.reported != nil {
		reported := *l.reported
		st.Reported = &reported
		st.Settled = l.problem == "" && reported == l.desired
	}
	return st
}

// SystemStatus returns how the lines of a telephone system are doing.
func (s *Switchboard) SystemStatus(connectorID string) (st SystemStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var failing []*line
	for k, l := range s.lines {
		if k.connector != connectorID {
			continue
		}
		if l.person != "" {
			st.Lines++
			if l.heard {
				st.Heard++
			}
			if l.forwards {
				st.Follow++
			}
		}
		if !l.state.Rests() {
			st.Forwarded++
		}
		if l.problem != "" || l.refusal.text != "" {
			failing = append(failing, l)
		}
	}
	slices.SortFunc(failing, func(a, b *line) int { return strings.Compare(a.key.line, b.key.line) })
	st.More = max(0, len(failing)-mostFailing)
	for _, l := range failing[:len(failing)-st.More] {
		st.Failing = append(st.Failing, s.status(l))
	}
	return st
}

// Read asks the telephone system how a person's line is forwarded.
func (s *Switchboard) Read(ctx context.Context, personID, connectorID, number string) (telephony.Forwarding, error) {
	sys, l, err := s.of(personID, connectorID, number)
	if err != nil {
		return telephony.Forwarding{}, err
	}
	f, err := sys.Forwarding(ctx, l.key.line)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		if ctx.Err() != context.Canceled { // whoever asked has not gone away
			if l.problem = problemOf(err); !l.queued && !l.busy && l.due.IsZero() {
				s.later(l, s.cfg.Look)
			}
		}
		return f, err
	}
	l.reported, l.at, l.problem = &f, time.Now(), ""
	if l.state.Rests() && l.wish.Action == forward.Keep {
		l.desired = f
	}
	return f, nil
}

// Set forwards a person's line by hand (F4). It stays until somebody changes it, or another profile asks for something; then it comes back
// after that. What the system cannot do is refused, and names the field; if it does not do what it can, that is Unavailable. viewer is who is told why something is refused.
func (s *Switchboard) Set(ctx context.Context, viewer, personID, connectorID, number string, f telephony.Forwarding) error {
	sys, l, err := s.of(personID, connectorID, number)
	if err != nil {
		return err
	}
	var bad fault.Fields
	can := sys.Can()
	for _, x := range []struct {
		field string
		wants bool
		can   telephony.Ability
	}{
		{"do_not_disturb", f.DoNotDisturb, telephony.CanDoNotDisturb}, {"all", f.All != "", telephony.CanAll}, {"internal", f.Internal != "", telephony.CanInternal},
		{"external", f.External != "", telephony.CanExternal}, {"busy", f.Busy != "", telephony.CanBusy}, {"no_answer", f.NoAnswer != "", telephony.CanNoAnswer},
	} {
		if x.wants && !can.Has(x.can) {
			bad.Add(x.field, "is something that %s cannot do", sys.Name)
		}
	}
	shown := func(id string) presence.Presence { p, _, _ := s.hub.Presence(id); return p }
	s.mu.Lock()
	for field, target := range map[string]string{"all": f.All, "internal": f.Internal, "external": f.External} {
		if target == "" {
			continue
		}
		if no, _ := s.target(l, telephony.Fold(target), shown); no.text != "" {
			bad.Add(field, "%s", strings.TrimSuffix(s.words(no, viewer), asItWas))
		}
	}
	s.mu.Unlock()
	if err := bad.Err(); err != nil {
		return err
	}
	f.All, f.Internal, f.External, f.Busy, f.NoAnswer = telephony.Fold(f.All), telephony.Fold(f.Internal), telephony.Fold(f.External), telephony.Fold(f.Busy), telephony.Fold(f.NoAnswer)
	if err := l.begin(ctx); err != nil {
		return fault.Wrap(fault.Unavailable, err, "the line is being set at present")
	}
	defer l.end()
	defer func() {
		s.mu.Lock()
		s.soon(l)
		s.mu.Unlock()
	}()
	reported, err := sys.Forwarding(ctx, l.key.line)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "%s", problemOf(err))
	}
	f = forward.Whole(reported, f, can)
	if err := sys.SetForwarding(ctx, l.key.line, f); err != nil {
		return fault.Wrap(fault.Unavailable, err, "%s", problemOf(err))
	}
	s.mu.Lock()
	wish, _, _ := s.wants(l)
	_, next := forward.Plan(wish, l.state, reported, can) // the presence may have asked for something since, and not have had its way yet
	next = next.ByHand(reported, f)
	l.reported, l.at, l.problem = &f, time.Time{}, "" // to be read again, as the system may write numbers in its own way
	if next.Rests() && l.wish.Action == forward.Keep {
		l.desired = f
	}
	s.mu.Unlock()
	if err := s.keep(ctx, l, next); err != nil { // what is read next says nearly as much
		s.log.Warn("what was set by hand could not be stored", "connector", sys.ID, "err", err)
	}
	return nil
}

func (s *Switchboard) of(personID, connectorID, number string) (*system, *line, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, sys := s.lines[key{connectorID, number}], s.systems[connectorID]
	switch {
	case l == nil || l.person != personID:
		return nil, nil, fault.New(fault.NotFound, "there is no line %q", number)
	case sys == nil:
		return nil, nil, fault.New(fault.Unavailable, "the telephone system is not used at present")
	}
	return sys, l, nil
}
