package ami

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/wire"
)

// key is where one part of forwarding is kept.
type key struct {
	ability telephony.Ability
	family  string
	states  []string // custom device states, with {line} and {device}
	get     func(telephony.Forwarding) string
	set     func(*telephony.Forwarding, string)
}

const dndOn = "YES" // as FreePBX writes it; whatever is there counts as on

// keys are those that the configuration has.
func (s *System) keys() []key {
	f := s.c.Families
	all := []key{
		{telephony.CanDoNotDisturb, f.DoNotDisturb, f.DoNotDisturbStates, func(x telephony.Forwarding) string {
			if x.DoNotDisturb {
				return dndOn
			}
			return ""
		}, func(x *telephony.Forwarding, v string) { x.DoNotDisturb = v != "" }},
		{telephony.CanAll, f.All, f.AllStates, func(x telephony.Forwarding) string { return x.All }, func(x *telephony.Forwarding, v string) { x.All = v }},
		{telephony.CanBusy, f.Busy, nil, func(x telephony.Forwarding) string { return x.Busy }, func(x *telephony.Forwarding, v string) { x.Busy = v }},
		{telephony.CanNoAnswer, f.NoAnswer, nil, func(x telephony.Forwarding) string { return x.NoAnswer }, func(x *telephony.Forwarding, v string) { x.NoAnswer = v }},
	}
	return slices.DeleteFunc(all, func(k key) bool { return k.family == "" })
}

// lamps are the custom device states that go with a key.
func (k key) lamps(extension string, devices []string) []string {
	var out []string
	for _, s := range k.states {
		s = strings.ReplaceAll(s, "{line}", extension)
		if !strings.Contains(s, "{device}") {
			out = append(out, s)
			continue
		}
		for _, d := range devices {
			out = append(out, strings.ReplaceAll(s, "{device}", d))
		}
	}
	return out
}

// Forwarding implements telephony.System.
func (s *System) Forwarding(ctx context.Context, line string) (telephony.Forwarding, error) {
	e, err := s.forwards(line)
	if err != nil {
		return telephony.Forwarding{}, err
	}
	var f telephony.Forwarding
	err = s.link.With(ctx, func(ctx context.Context, x *session) (err error) {
		f, err = s.read(ctx, x, e)
		return err
	})
	return f, err
}

// forwards is the extension of a line that can be forwarded.
func (s *System) forwards(line string) (string, error) {
	if s.c.Forwarding == ForwardingNone {
		return "", &source.Error{Kind: source.NotAllowed, Whole: true, Text: "This Asterisk is set up to forward nothing: its dialplan has to read forwarding from the database, as that of FreePBX does."}
	}
	e := s.numbers.Extension(line)
	if !wire.Dialable(e) {
		return "", &source.Error{Kind: source.BadAddress, Text: "The line is no number that Asterisk could know."}
	}
	return e, nil
}

// value reads one entry of the database; empty: there is none.
func (x *session) value(ctx context.Context, family, key string) (string, error) {
	q, err := x.ask(ctx, &question{list: true, single: "dbgetresponse"}, "DBGet", []string{"Family", family, "Key", key})
	switch {
	case missing(err):
		return "", nil
	case err != nil:
		return "", err
	case len(q.entries) == 0:
		return "", nil
	}
	return q.entries[0].get("val"), nil
}

// read reads how an extension is forwarded.
func (s *System) read(ctx context.Context, x *session, extension string) (telephony.Forwarding, error) {
	var f telephony.Forwarding
	for _, k := range s.keys() {
		v, err := x.value(ctx, k.family, extension)
		if err != nil {
			return telephony.Forwarding{}, err
		}
		k.set(&f, v)
	}
	return f, nil
}

// forwardings reads how many extensions are forwarded: by family where the system can (16.28, 18.14 and later), else one by one.
func (s *System) forwardings(ctx context.Context, x *session, extensions []string) (map[string]telephony.Forwarding, error) {
	all := make(map[string]telephony.Forwarding, len(extensions))
	for _, e := range extensions {
		all[e] = telephony.Forwarding{}
	}
	s.mu.Lock()
	tree := !s.noTree
	s.mu.Unlock()
	if tree {
		err := s.trees(ctx, x, all)
		if _, no := errors.AsType[*refused](err); !no || denied(err) {
			return all, err
		}
		s.mu.Lock()
		s.noTree = true
		s.mu.Unlock()
	}
	var (
		mu    sync.Mutex
		first error
		wg    sync.WaitGroup
		todo  = make(chan string)
	)
	for range min(16, len(extensions)) {
		wg.Go(func() {
			for e := range todo {
				f, err := s.read(ctx, x, e)
				mu.Lock()
				all[e] = f
				if first == nil {
					first = err
				}
				mu.Unlock()
			}
		})
	}
	for _, e := range extensions {
		mu.Lock()
		failed := first != nil
		mu.Unlock()
		if failed {
			break
		}
		todo <- e
	}
	close(todo)
	wg.Wait()
	return all, first
}

func (s *System) trees(ctx context.Context, x *session, all map[string]telephony.Forwarding) error {
	for _, k := range s.keys() {
		entries, err := x.list(ctx, "DBGetTree", "Family", k.family)
		if missing(err) {
			continue
		}
		if err != nil {
			return err
		}
		for _, m := range entries {
			e, ok := strings.CutPrefix(m.get("key"), "/"+k.family+"/")
			if f, followed := all[e]; ok && followed {
				k.set(&f, m.get("val"))
				all[e] = f
			}
		}
	}
	return nil
}

// SetForwarding implements telephony.System. Targets are numbers as the context of internal calls dials them.
func (s *System) SetForwarding(ctx context.Context, line string, f telephony.Forwarding) error {
	e, err := s.forwards(line)
	if err != nil {
		return err
	}
	if f, err = s.wish(f); err != nil {
		return err
	}
	err = s.link.With(ctx, func(ctx context.Context, x *session) error { return s.write(ctx, x, e, f) })
	s.link.Again(e) // also when it was done in part
	return err
}

// wish is a forwarding as it can be set, with targets as they are dialled.
func (s *System) wish(f telephony.Forwarding) (telephony.Forwarding, error) {
	for _, part := range []struct {
		ability telephony.Ability
		target  *string
		name    string
	}{{telephony.CanAll, &f.All, "all calls"}, {telephony.CanInternal, &f.Internal, "internal calls"}, {telephony.CanExternal, &f.External, "external calls"},
		{telephony.CanBusy, &f.Busy, "busy"}, {telephony.CanNoAnswer, &f.NoAnswer, "no answer"}, {telephony.CanOneNumber, &f.OneNumber, "the One Number Service"}} {
		if *part.target == "" {
			continue
		}
		if !s.Can().Has(part.ability) {
			return f, &source.Error{Kind: source.NotAllowed, Text: "This Asterisk has no forwarding for " + part.name + "."}
		}
		var err error
		if *part.target, err = wire.Target(*part.target, part.name); err != nil {
			return f, err
		}
	}
	if f.DoNotDisturb && !s.Can().Has(telephony.CanDoNotDisturb) {
		return f, &source.Error{Kind: source.NotAllowed, Text: "This Asterisk has no do not disturb."}
	}
	return f, nil
}

// write sets what is not as it is to be, and the lamps in any case: they lie after a change that broke off.
func (s *System) write(ctx context.Context, x *session, e string, f telephony.Forwarding) error {
	now, err := s.read(ctx, x, e)
	if err != nil {
		return err
	}
	devices := []string{e}
	if v, err := x.value(ctx, "AMPUSER", e+"/device"); err != nil {
		return err
	} else if v != "" {
		devices = strings.Split(v, "&")
	}
	for _, k := range s.keys() {
		old, v := k.get(now), k.get(f)
		switch {
		case old == v:
		case v == "":
			if _, err := x.do(ctx, "DBDel", "Family", k.family, "Key", e); err != nil {
				if r, no := errors.AsType[*refused](err); !no || denied(err) {
					return err
				} else if left, again := x.value(ctx, k.family, e); again != nil || left != "" { // somebody else was faster, or not
					return fmt.Errorf("forward %s: %w", k.ability, r)
				}
			}
		default:
			if _, err := x.do(ctx, "DBPut", "Family", k.family, "Key", e, "Val", v); err != nil {
				return err
			}
		}
		state := "NOT_INUSE"
		if v != "" {
			state = "BUSY"
		}
		for _, lamp := range k.lamps(e, devices) {
			if _, err := x.do(ctx, "Setvar", "Variable", "DEVICE_STATE("+lamp+")", "Value", state); err != nil {
				return err
			}
		}
	}
	return nil
}
