package demo

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// Hub is what Life needs of the hub.
type Hub interface {
	ChangeAll(ctx context.Context, edits []hub.PersonEdit) []error
	Refresh(personID string, ref presence.Ref, lease time.Duration) (ok bool)
	Grace() time.Duration
}

var _ Hub = (*hub.Hub)(nil)

// Leases of the sources: how long what they said holds if they fall silent.
const (
	lineLease  = 2 * time.Minute  // as of a subscription to a line
	teamsLease = 10 * time.Minute // T2
	micLease   = 2 * time.Minute
	doorLease  = 15 * time.Minute
)

// LifeConfig holds what has a default.
type LifeConfig struct {
	Log *slog.Logger
	// Profile looks up what a profile that somebody chooses comes to; nil: every name is offered and means available.
	Profile func(person, name string) (status presence.Status, text string, ok bool)
	// Assisted is told what an assistant has set for somebody; nil: nobody is.
	Assisted func(ctx context.Context, assistant, person string, status presence.Status)
}

// Life makes the days happen: it does what the plans say when it is time, and keeps the leases of what goes on alive,
// as the sources of real claims would.
type Life struct {
	roster *Roster
	clock  Clock
	seed   uint64
	hub    Hub
	cfg    LifeConfig

	day   int    // whose steps are under way
	steps []Step // of it, those that are still to come

	// What is kept alive, by person. It is owned by whoever calls Begin and Run; edits run elsewhere, while their caller
	// waits for them.
	alive map[string]map[presence.Ref]time.Duration
}

// NewLife returns the life of an office that nobody lives yet.
func NewLife(r *Roster, c Clock, seed uint64, h Hub, cfg LifeConfig) *Life {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Profile == nil {
		cfg.Profile = func(string, string) (presence.Status, string, bool) { return presence.Available, "", true }
	}
	if cfg.Assisted == nil {
		cfg.Assisted = func(context.Context, string, string, presence.Status) {}
	}
	l := &Life{roster: r, clock: c, seed: seed, hub: h, cfg: cfg, alive: map[string]map[presence.Ref]time.Duration{}}
	for i := range r.Members {
		l.alive[r.Members[i].Login] = map[presence.Ref]time.Duration{}
	}
	return l
}

// Begin brings everybody to where they are by now: what happened today and the day before is entered with the times
// at which it happened. What an earlier life left is forgotten, but for what visitors have chosen since.
func (l *Life) Begin(ctx context.Context) error {
	today, now := l.clock.Sim(time.Now())
	past := l.plan(today - 1)
	yesterday := len(past)
	l.day, l.steps = today, l.plan(today)
	i, _ := slices.BinarySearchFunc(l.steps, now, func(s Step, now time.Duration) int {
		if s.At <= now {
			return -1
		}
		return 1
	})
	past = append(past, l.steps[:i]...)
	l.steps = l.steps[i:]
	byPerson := map[string][]timedStep{}
	for i, s := range past {
		day := today
		if i < yesterday {
			day--
		}
		byPerson[s.Person] = append(byPerson[s.Person], timedStep{s, l.clock.Real(day, s.At)})
	}
	for _, refs := range l.alive {
		clear(refs)
	}
	var edits []hub.PersonEdit
	for i := range l.roster.Members {
		m := &l.roster.Members[i]
		edits = append(edits, hub.PersonEdit{PersonID: m.Login, Edit: func(e *hub.Edit) error {
			visitors := chosenByVisitors(e.Claims())
			forget(e)
			for _, s := range byPerson[m.Login] {
				l.perform(e, s)
			}
			for _, c := range visitors {
				i := slices.IndexFunc(e.Claims(), func(x presence.Claim) bool { return x.Ref() == c.Ref() })
				if i < 0 || e.Claims()[i].From.Before(c.From) {
					e.Put(c)
				}
			}
			return nil
		}})
	}
	return l.change(ctx, edits)
}

// ours marks the choices that the office makes.
const ours = "demo"

// chosenByVisitors returns the choices of those who were signed in.
func chosenByVisitors(claims []presence.Claim) (chosen []presence.Claim) {
	for _, c := range claims {
		switch c.Source.Class() {
		case presence.SourceHand, presence.SourceAssistant:
			if c.Label != ours {
				chosen = append(chosen, c)
			}
		}
	}
	return chosen
}

// plan returns the steps of a day that the clock has time for.
func (l *Life) plan(day int) []Step {
	return slices.DeleteFunc(l.roster.Day(l.seed, day).Steps, func(s Step) bool {
		return s.At < l.clock.first || s.At >= l.clock.first+l.clock.length
	})
}

// Run lives until ctx ends, and returns its cause. Begin comes first.
func (l *Life) Run(ctx context.Context) error {
	keepEvery := min(l.hub.Grace()/3, lineLease/4)
	keep := time.NewTicker(keepEvery)
	defer keep.Stop()
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-keep.C:
			l.keep(ctx)
			continue
		case <-next.C:
		}
		now := time.Now()
		if day, _ := l.clock.Sim(now); day > l.day+1 { // the computer slept for days
			if err := l.Begin(ctx); err != nil && ctx.Err() == nil {
				l.cfg.Log.Warn("the invented office could not be brought up to date", "err", err)
			}
		}
		if err := l.live(ctx, now); err != nil && ctx.Err() == nil {
			if errors.Is(err, hub.ErrStopped) {
				return err
			}
			l.cfg.Log.Warn("something in the invented office did not happen", "err", err)
		}
		next.Reset(min(time.Until(l.upcoming()), time.Minute)) // a minute: notice clock steps
	}
}

// upcoming returns when something is to be done next.
func (l *Life) upcoming() time.Time {
	if len(l.steps) > 0 {
		return l.clock.Real(l.day, l.steps[0].At)
	}
	return l.clock.Real(l.day+1, l.clock.first)
}

// live does what is due.
func (l *Life) live(ctx context.Context, now time.Time) error {
	due := map[string][]timedStep{}
	for {
		for len(l.steps) > 0 {
			s := l.steps[0]
			when := l.clock.Real(l.day, s.At)
			if when.After(now) {
				break
			}
			due[s.Person] = append(due[s.Person], timedStep{s, when})
			l.steps = l.steps[1:]
		}
		if day, _ := l.clock.Sim(now); len(l.steps) > 0 || day <= l.day {
			break
		}
		l.day++
		l.steps = l.plan(l.day)
	}
	if len(due) == 0 {
		return nil
	}
	var edits []hub.PersonEdit
	for _, person := range slices.Sorted(maps.Keys(due)) {
		steps := due[person]
		edits = append(edits, hub.PersonEdit{PersonID: person, Edit: func(e *hub.Edit) error {
			for _, s := range steps {
				l.perform(e, s)
			}
			return nil
		}})
	}
	if err := l.change(ctx, edits); err != nil {
		return err
	}
	for _, edit := range edits {
		for _, s := range due[edit.PersonID] {
			if s.By != "" {
				l.cfg.Assisted(ctx, s.By, s.Person, s.Status)
			}
		}
	}
	return nil
}

// change has the hub make edits, and passes over people whom somebody has deleted.
func (l *Life) change(ctx context.Context, edits []hub.PersonEdit) error {
	var errs []error
	for _, err := range l.hub.ChangeAll(ctx, edits) {
		if err != nil && fault.KindOf(err) != fault.NotFound {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// keep renews the leases of what goes on.
func (l *Life) keep(ctx context.Context) {
	for person, refs := range l.alive {
		for ref, lease := range refs {
			if l.hub.Refresh(person, ref, lease) {
				continue
			}
			delete(refs, ref)
			if ref.Source != presence.SourceClient {
				continue
			}
			// As a client does that is told that it is not known any more.
			if err := l.change(ctx, []hub.PersonEdit{{PersonID: person, Edit: func(e *hub.Edit) error {
				l.perform(e, timedStep{Step{Person: person, Do: Come}, e.Now})
				return nil
			}}}); err != nil && ctx.Err() == nil {
				l.cfg.Log.Warn("a client of the invented office could not be started again", "user", person, "err", err)
			}
		}
	}
}

// timedStep is a step with its time in the real world.
type timedStep struct {
	Step
	when time.Time
}

// Refs of the claims that the office makes. A member has one client and one line.
const (
	clientPrefix = "demo-"
	sourceLine   = presence.SourceLine + "/" + originPBX
	sourceDoor   = presence.SourceAPI + "/" + originDoor
	doorSlot     = "slot" // as of every origin
)

func clientRef(person string) presence.Ref {
	return presence.Ref{Source: presence.SourceClient, ID: clientPrefix + person}
}

// perform makes of a step what its source would: claims. It depends on the claims that stand, so that a step that no
// longer fits, because a visitor has changed something, does nothing.
func (l *Life) perform(e *hub.Edit, s timedStep) {
	now := s.when
	if now.After(e.Now) {
		now = e.Now
	}
	switch s.Do {
	case Come:
		l.report(e, s.Person, presence.Active, now, now)
	case Leave:
		if ended, ok := presence.EndClient(e.Claims(), clientRef(s.Person).ID, now); ok {
			e.Put(ended)
		}
		l.release(s.Person, clientRef(s.Person))
	case Vanish:
		l.release(s.Person, clientRef(s.Person))
	case Idle, Lock, Touch:
		l.use(e, s, now)
	case Choose:
		l.choose(e, s, now)
	case Ring, Talk:
		l.hold(e, s.Person, lineLease, presence.Claim{Source: sourceLine, ID: s.Call, From: now, Line: s.Line})
	case HangUp:
		l.retract(e, s.Person, presence.Ref{Source: sourceLine, ID: s.Call})
	case JoinTeams:
		l.hold(e, s.Person, teamsLease, presence.Claim{
			Source: presence.SourceTeams, ID: s.Call, Status: presence.Busy, Profile: l.ifOffered(s.Person, profileTeams),
			Text: "On the phone (MS Teams)", From: now, Call: s.Call, Line: s.Line,
		})
		// The program uses the microphone as well: the same call, seen twice (P4).
		l.hold(e, s.Person, micLease, presence.Claim{
			Source: presence.SourceMicrophone, ID: s.Call, Status: presence.Busy, Profile: l.ifOffered(s.Person, profileMic),
			Text: "Teams V2", From: now, Call: s.Call,
		})
	case QuitTeams:
		l.retract(e, s.Person, presence.Ref{Source: presence.SourceTeams, ID: s.Call})
		l.retract(e, s.Person, presence.Ref{Source: presence.SourceMicrophone, ID: s.Call})
	case Record:
		l.hold(e, s.Person, micLease, presence.Claim{
			Source: presence.SourceMicrophone, ID: s.Call, Status: presence.Busy, Profile: l.ifOffered(s.Person, profileMic),
			Text: s.Text, From: now,
		})
	case StopRecord:
		l.retract(e, s.Person, presence.Ref{Source: presence.SourceMicrophone, ID: s.Call})
	case BadgeOut:
		l.hold(e, s.Person, doorLease, presence.Claim{Source: sourceDoor, ID: doorSlot, Status: s.Status, Text: s.Text, From: now})
	case BadgeIn:
		l.retract(e, s.Person, presence.Ref{Source: sourceDoor, ID: doorSlot})
	}
}

// ifOffered returns the name of a profile if the person is offered it, else that of the one it falls back to.
func (l *Life) ifOffered(person, name string) string {
	if _, _, ok := l.cfg.Profile(person, name); ok {
		return name
	}
	return "Appointment"
}

// report enters that a person's client runs and how it is used, as a report through the API would.
func (l *Life) report(e *hub.Edit, person string, activity presence.Activity, since, now time.Time) {
	label := "Desktop client on Windows"
	if len(person)%3 == 0 {
		label = "Desktop client on Linux"
	}
	ref := clientRef(person)
	for _, c := range presence.StartClient(e.Claims(), ref.ID, label, now, e.Now.Add(e.Grace)) {
		if c.Source == presence.SourceClient && c.Activity != activity {
			c.Activity, c.ActivitySince = activity, since
		}
		e.Put(c)
	}
	l.attend(person, ref, e.Grace)
}

// use reports input, inactivity and locking of a client that runs.
func (l *Life) use(e *hub.Edit, s timedStep, now time.Time) {
	ref := clientRef(s.Person)
	i := slices.IndexFunc(e.Claims(), func(c presence.Claim) bool { return c.Ref() == ref })
	if i < 0 || !e.Claims()[i].Until.IsZero() {
		return
	}
	switch s.Do {
	case Touch:
		l.report(e, s.Person, presence.Active, now, now)
	case Lock:
		if !visited(e, now) {
			l.report(e, s.Person, presence.Locked, now, now)
		}
	case Idle:
		if !visited(e, now) {
			// It has been untouched for so long already; on fast days as long as it takes to count.
			l.report(e, s.Person, presence.Idle, now.Add(-e.Policy.InactiveAfter), now)
		}
	}
}

// choose enters a choice by hand or by an assistant.
func (l *Life) choose(e *hub.Edit, s timedStep, now time.Time) {
	if s.By == "" && visited(e, now) {
		return // whoever is signed in as this person chooses for them
	}
	status, text := s.Status, ""
	if s.Profile != "" {
		var ok bool
		if status, text, ok = l.cfg.Profile(s.Person, s.Profile); !ok {
			return
		}
	}
	if s.Text != "" {
		text = s.Text
	}
	by := presence.SourceHand
	if s.By != "" {
		by = presence.SourceAssistant + presence.Source("/"+s.By)
	}
	var until time.Time
	if s.Until > 0 {
		until = now.Add(time.Duration(float64(s.Until-s.At) / l.clock.Speed())).Truncate(time.Millisecond)
	}
	c := presence.Choose(by, status, s.Profile, text, now, until)
	c.Label = ours
	e.Put(c)
}

// visited reports whether a client runs that is not the office's: somebody has signed in as this person.
func visited(e *hub.Edit, now time.Time) bool {
	return slices.ContainsFunc(e.Claims(), func(c presence.Claim) bool {
		return c.Source == presence.SourceClient && !strings.HasPrefix(c.ID, clientPrefix) && (c.End().IsZero() || now.Before(c.End()))
	})
}

// hold asserts a claim with a lease that is kept alive until it is retracted.
func (l *Life) hold(e *hub.Edit, person string, lease time.Duration, c presence.Claim) {
	c.Lease = e.Now.Add(lease)
	e.Put(c)
	l.attend(person, c.Ref(), lease)
}

func (l *Life) retract(e *hub.Edit, person string, ref presence.Ref) {
	e.Delete(ref)
	l.release(person, ref)
}

// attend and release are called by edits. Those of different people may run at the same time, on different shards; but
// each has its own map, made beforehand.
func (l *Life) attend(person string, ref presence.Ref, lease time.Duration) {
	l.alive[person][ref] = lease
}

func (l *Life) release(person string, ref presence.Ref) { delete(l.alive[person], ref) }

// forget retracts everything that the office has claimed about a person, in this life or an earlier one.
func forget(e *hub.Edit) {
	for _, c := range slices.Clone(e.Claims()) {
		switch c.Source.Class() {
		case presence.SourceStart, presence.SourceEnd, presence.SourceHand, presence.SourceAssistant, presence.SourceTeams, presence.SourceMicrophone:
			e.Delete(c.Ref())
		case presence.SourceClient:
			if strings.HasPrefix(c.ID, clientPrefix) {
				e.Delete(c.Ref())
			}
		case presence.SourceLine, presence.SourceAPI:
			if c.Source == sourceLine || c.Source == sourceDoor {
				e.Delete(c.Ref())
			}
		}
	}
}

// auditing enters in the audit log what assistants do, as the API does (O7).
func auditing(st store.Store, log *slog.Logger) func(ctx context.Context, assistant, person string, status presence.Status) {
	return func(ctx context.Context, assistant, person string, status presence.Status) {
		detail, err := json.Marshal(map[string]any{"status": status, "profile": ""})
		if err != nil { // plain data
			panic(err)
		}
		if err := st.Update(ctx, store.Changes{Audit: []store.AuditEntry{{
			At: time.Now().UTC(), Actor: assistant, Action: "presence.choice", PersonID: person, Detail: detail,
		}}}); err != nil && ctx.Err() == nil {
			log.Warn("audit entry could not be stored", "err", err)
		}
	}
}
