package telephones

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/sipserver"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/telephony"
)

// key is a line as one server knows it: folded.
type key struct{ connector, line string }

// redirect is how a line is forwarded.
type redirect struct {
	person string // whose line it was when that was set
	f      telephony.Forwarding
}

// forwarding is the form in which one is kept.
type forwarding struct {
	DoNotDisturb bool   `json:"do_not_disturb,omitempty"`
	All          string `json:"all,omitempty"`
	Internal     string `json:"internal,omitempty"`
	External     string `json:"external,omitempty"`
	NoAnswer     string `json:"no_answer,omitempty"`
}

func (f forwarding) telephony() telephony.Forwarding {
	return telephony.Forwarding{DoNotDisturb: f.DoNotDisturb, All: f.All, Internal: f.Internal, External: f.External, NoAnswer: f.NoAnswer}
}

// System returns a server as the telephone system that it is to whoever forwards lines: what it is told is kept here, and calls are answered by it.
// It is there also while the server does not listen.
func (t *Telephones) System(id string) telephony.System { return &system{t, id} }

// Forget deletes how lines are redirected by a server whose connector is deleted. It is to be dropped before.
func (t *Telephones) Forget(ctx context.Context, by office.By, id string) error {
	t.mu.Lock()
	n := 0
	for k := range t.redirects {
		if k.connector == id {
			n++
		}
	}
	t.mu.Unlock()
	if n == 0 {
		return nil
	}
	e := by.Entry("telephone.forget")
	detail, err := json.Marshal(map[string]any{"connector": id, "lines": n})
	if err != nil { // plain data
		panic(err)
	}
	e.Detail = detail
	if err := t.store.Update(ctx, store.Changes{DeleteRedirectsOf: []string{id}, Audit: []store.AuditEntry{e}}); err != nil {
		return fmt.Errorf("telephones: forget: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for k := range t.redirects {
		if k.connector == id {
			delete(t.redirects, k)
		}
	}
	return nil
}

// system implements telephony.System.
type system struct {
	t  *Telephones
	id string
}

// Follow implements telephony.System: nothing is told of lines.
func (*system) Follow([]string) {}

// Watch implements telephony.System: nothing is told of lines.
func (*system) Watch(context.Context, func(telephony.Line)) error { return nil }

// Close implements telephony.System.
func (*system) Close() {}

// Can implements telephony.System. Whether a line is busy is not known here.
func (*system) Can() telephony.Abilities {
	return telephony.Abilities{Forwarding: []telephony.Ability{
		telephony.CanDoNotDisturb, telephony.CanAll, telephony.CanInternal, telephony.CanExternal, telephony.CanNoAnswer,
	}}
}

// Forwarding implements telephony.System. What somebody has set whose line it was before is not told to who has it now, and not followed.
func (s *system) Forwarding(ctx context.Context, line string) (telephony.Forwarding, error) {
	owner, k := s.t.ownerOf(s.id, line), key{s.id, telephony.Fold(line)}
	s.t.mu.Lock()
	r, kept := s.t.redirects[k]
	s.t.mu.Unlock()
	if !kept || owner == "" || owner == r.person {
		return r.f, nil
	}
	return telephony.Forwarding{}, s.drop(ctx, k, r.person)
}

// drop forgets how a line was forwarded when it was another's: if they get it back, calls go to their desk.
func (s *system) drop(ctx context.Context, k key, person string) error {
	leave, err := s.t.turn(ctx, k)
	if err != nil {
		return unavailable(err)
	}
	defer leave()
	s.t.mu.Lock()
	still := s.t.redirects[k].person == person
	s.t.mu.Unlock()
	if !still {
		return nil
	}
	if err := s.t.store.WriteRedirects(ctx, store.Redirect{ConnectorID: k.connector, Line: k.line}); err != nil {
		return unavailable(err)
	}
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	delete(s.t.redirects, k)
	return nil
}

// turn waits until nobody else sets a line.
func (t *Telephones) turn(ctx context.Context, k key) (leave func(), err error) {
	h := fnv.New32a()
	h.Write([]byte(k.line))
	return take(ctx, t.setting[h.Sum32()%uint32(len(t.setting))])
}

// SetForwarding implements telephony.System. A line that is nobody's, and of which nothing is kept, is not forwarded.
func (s *system) SetForwarding(ctx context.Context, line string, f telephony.Forwarding) error {
	if f.Busy != "" || f.OneNumber != "" {
		return &source.Error{Kind: source.Other, Text: "Calls to a line that is busy cannot be forwarded here: it is not known whether it is."}
	}
	for _, target := range []string{f.All, f.Internal, f.External, f.NoAnswer} {
		if target != "" && !isTarget(telephony.Fold(target)) {
			return &source.Error{Kind: source.Other, Text: "Calls can be forwarded to a number, as it is dialled, or to an address that begins with sip:."}
		}
	}
	k := key{s.id, telephony.Fold(line)}
	leave, err := s.t.turn(ctx, k)
	if err != nil {
		return unavailable(err)
	}
	defer leave()
	rec, whose := store.Redirect{ConnectorID: k.connector, Line: k.line}, ""
	if !f.Off() {
		if whose = s.t.ownerOf(s.id, line); whose == "" { // of who has it no more, or is blocked
			s.t.mu.Lock()
			whose = s.t.redirects[k].person
			s.t.mu.Unlock()
		}
		if whose == "" {
			return &source.Error{Kind: source.NotFound, Text: "The line is nobody's here."}
		}
		text, err := json.Marshal(forwarding{f.DoNotDisturb, f.All, f.Internal, f.External, f.NoAnswer})
		if err != nil { // plain data
			panic(err)
		}
		rec.PersonID, rec.Forwarding = whose, text
	}
	if err := s.t.store.WriteRedirects(ctx, rec); err != nil {
		return unavailable(err)
	}
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	if f.Off() {
		delete(s.t.redirects, k)
		return nil
	}
	if _, ok := s.t.office.Person(whose); !ok { // deleted behind that, and what was written with them
		return unavailable(errors.New("its owner was deleted meanwhile"))
	}
	s.t.redirects[k] = redirect{whose, f}
	return nil
}

func unavailable(err error) error {
	return &source.Error{Kind: source.Unavailable, Text: "The forwarding could not be kept.", Err: fmt.Errorf("telephones: %w", err)}
}

// ownerOf returns whose a line of a server is; empty: nobody's.
func (t *Telephones) ownerOf(id, number string) (personID string) {
	if p, ok := t.book.find(number, true); ok {
		if who, ok := t.office.Person(p); ok && t.lineIn(id, who, number) != "" {
			return p
		}
	}
	return ""
}

// lineIn returns how somebody's line of a number is written in a server; empty: they have no such line there.
func (t *Telephones) lineIn(id string, who *office.Person, number string) string {
	want := keys(number)
	for _, l := range t.cfg.Lines(who) {
		if l.ConnectorID == id && slices.ContainsFunc(keys(l.Line), func(k string) bool { return slices.Contains(want, k) }) {
			return l.Line
		}
	}
	return ""
}

// lineOf returns somebody's line that a server answers for, and whether it is one of its own; without one it is the work number.
func (t *Telephones) lineOf(id string, who *office.Person) (number string, own bool) {
	for _, l := range t.cfg.Lines(who) {
		if l.ConnectorID == id && l.Line != "" {
			return l.Line, true
		}
	}
	return strings.TrimSpace(who.WorkNumber), false
}

// Check implements telephony.System. Its steps are "listen" (whether telephones reach it), "desk" (whether calls are answered), and with a line "line"
// (whose it is, and where calls to it go).
func (s *system) Check(_ context.Context, line string) (steps []source.Step) {
	step := func(name, found, remedy string) {
		steps = append(steps, source.Step{Name: name, OK: remedy == "", Found: found, Remedy: remedy})
	}
	t := s.t
	t.mu.Lock()
	srv := t.servers[s.id]
	var sip *sipserver.Server
	problem := "It is not used."
	var set Settings
	if srv != nil {
		sip, problem, set = srv.sip, srv.problem, srv.Settings
	}
	t.mu.Unlock()
	switch {
	case sip != nil:
		step("listen", "it listens on "+strings.Join(sip.Addrs(), ", "), "")
	case problem == "":
		step("listen", "it is about to listen", "Check once more in a moment.")
	default:
		step("listen", problem, "See that nothing else listens there, and that the addresses are this server's.")
	}
	if srv == nil {
		return steps
	}
	if set.Desk == "" {
		step("desk", "there is no address at which lines ring, and so calls are not answered", "Enter one, such as sip:{line}@pbx.example.com, if a telephone system is to ask where calls go.")
		return steps
	}
	if found := "calls ring at addresses such as " + set.desk("201"); len(set.Trusted) > 0 {
		step("desk", found, "")
	} else {
		step("desk", found+", but no telephone system is trusted", "Enter the address of the telephone system that asks as trusted.")
	}
	if line == "" {
		return steps
	}
	who, ok := t.book.find(line, true)
	p, there := t.office.Person(who)
	switch {
	case !ok || !there:
		step("line", fmt.Sprintf("%s is nobody's", line), "Enter it as somebody's work number, or as a line of theirs.")
	case t.lineIn(s.id, p, line) == "":
		step("line", fmt.Sprintf("%s is a number of %s, and not a line of this server: calls ring at %s, and are not forwarded", line, p.Name, set.desk(line)), "Enter it as a line of theirs of this server, if it is to be forwarded.")
	default:
		step("line", fmt.Sprintf("%s is a line of %s, which rings at %s", line, p.Name, set.desk(line)), "")
	}
	return steps
}

// targets implements sipserver.Targets for one server, under the settings that it listens by.
type targets struct {
	t   *Telephones
	id  string
	set Settings
}

// Target implements sipserver.Targets. A telephone that signed in is told of forwarding only if its owner may know of that; to others it looks as if
// the line rang, and so do calls to it: the telephone system asks again.
func (x *targets) Target(_ context.Context, personID string, from sipserver.Caller) (sipserver.Target, error) {
	t := x.t
	who, ok := t.office.Person(personID)
	if !ok || who.Blocked {
		return sipserver.Target{}, nil
	}
	level := rights.Self
	if from.Viewer != "" {
		level = t.office.Level(from.Viewer, personID)
	}
	if !rights.MayRead(level, rights.Name) {
		return sipserver.Target{}, nil
	}
	number, own := t.lineOf(x.id, who)
	if number == "" {
		return sipserver.Target{}, nil
	}
	ring := sipserver.Target{Kind: sipserver.Ring, Contacts: []sipserver.Contact{{URI: x.set.desk(number), Q: 1}}}
	if !own {
		return ring, nil
	}
	t.mu.Lock()
	r := t.redirects[key{x.id, telephony.Fold(number)}]
	t.mu.Unlock()
	f := r.f
	if r.person != who.ID || f.Off() || !rights.MayRead(level, rights.Forwarding) {
		return ring, nil
	}
	to := f.All
	if to == "" && from.Internal {
		to = f.Internal
	}
	if to == "" && !from.Internal {
		to = f.External
	}
	switch {
	case f.DoNotDisturb:
		return sipserver.Target{Kind: sipserver.DoNotDisturb}, nil
	case to != "":
		return sipserver.Target{Kind: sipserver.Forward, Reason: "unconditional", Contacts: []sipserver.Contact{{URI: x.address(to), Q: 1}}}, nil
	case f.NoAnswer != "":
		ring.Contacts = append(ring.Contacts, sipserver.Contact{URI: x.address(f.NoAnswer), Q: 0.5})
	}
	return ring, nil
}

// address is where a number is reached: at a desk if it is somebody's here.
func (x *targets) address(number string) string {
	if hasScheme(number) {
		return number
	}
	if p, ok := x.t.book.find(number, true); ok {
		if who, ok := x.t.office.Person(p); ok {
			if l := x.t.lineIn(x.id, who, number); l != "" {
				return x.set.desk(l)
			}
			if l, own := x.t.lineOf(x.id, who); own && slices.ContainsFunc(keys(who.WorkNumber), func(k string) bool { return slices.Contains(keys(number), k) }) {
				return x.set.desk(l)
			}
			return x.set.desk(number)
		}
	}
	return x.set.outside(number)
}
