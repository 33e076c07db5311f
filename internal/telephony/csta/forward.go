package csta

import (
	"cmp"
	"context"
	"errors"
	"strconv"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/wire"
)

// part is a part of forwarding, with the types that it is set by: the first, or with Config.Split the others. Whichever is active counts.
type part struct {
	ability telephony.Ability
	name    string
	types   []string
	target  func(*telephony.Forwarding) *string
}

var parts = []part{
	{telephony.CanAll, "all calls", []string{"forwardImmediate"}, func(f *telephony.Forwarding) *string { return &f.All }},
	{telephony.CanInternal, "internal calls", []string{"forwardImmInt"}, func(f *telephony.Forwarding) *string { return &f.Internal }},
	{telephony.CanExternal, "external calls", []string{"forwardImmExt"}, func(f *telephony.Forwarding) *string { return &f.External }},
	{telephony.CanBusy, "busy", []string{"forwardBusy", "forwardBusyInt", "forwardBusyExt"}, func(f *telephony.Forwarding) *string { return &f.Busy }},
	{telephony.CanNoAnswer, "no answer", []string{"forwardNoAns", "forwardNoAnsInt", "forwardNoAnsExt"}, func(f *telephony.Forwarding) *string { return &f.NoAnswer }},
}

// setting is how a line is forwarded, and by which types.
type setting struct {
	telephony.Forwarding
	active map[string]string // type to target
}

// Forwarding implements telephony.System.
func (s *System) Forwarding(ctx context.Context, line string) (telephony.Forwarding, error) {
	e, err := s.forwards(line)
	if err != nil {
		return telephony.Forwarding{}, err
	}
	var f setting
	err = s.link.With(ctx, func(ctx context.Context, x *session) (err error) {
		f, err = s.read(ctx, x, e)
		return err
	})
	return f.Forwarding, err
}

// forwards is the extension of a line that can be forwarded.
func (s *System) forwards(line string) (string, error) {
	if len(s.c.Forwarding) == 0 {
		return "", &source.Error{Kind: source.NotAllowed, Whole: true, Text: "This telephone system is set up to forward nothing."}
	}
	e := s.numbers.Extension(line)
	if e == "" {
		return "", &source.Error{Kind: source.BadAddress, Text: "The line has no number."}
	}
	return e, nil
}

// read reads how a line is forwarded.
func (s *System) read(ctx context.Context, x *session, extension string) (setting, error) {
	f := setting{active: map[string]string{}}
	device := s.device(extension)
	a, err := x.do(ctx, el("GetForwarding", leaf("device", device)))
	if err != nil {
		return f, err
	}
	if list := a.at("forwardingList"); list != nil {
		for _, item := range list.nodes {
			if on, _ := strconv.ParseBool(item.value("forwardStatus")); on {
				f.active[cmp.Or(item.value("forwardingType"), "forwardImmediate")] = wire.Clean(cmp.Or(item.value("forwardDN"), item.value("forwardDN", "deviceIdentifier")))
			}
		}
	}
	for _, p := range parts {
		for _, t := range p.types {
			if target := f.active[t]; target != "" {
				*p.target(&f.Forwarding) = target
				break
			}
		}
	}
	if !s.Can().Has(telephony.CanDoNotDisturb) {
		return f, nil
	}
	if a, err = x.do(ctx, el("GetDoNotDisturb", leaf("device", device))); err != nil {
		return f, err
	}
	f.DoNotDisturb, _ = strconv.ParseBool(a.value("doNotDisturbOn"))
	return f, nil
}

// SetForwarding implements telephony.System.
func (s *System) SetForwarding(ctx context.Context, line string, f telephony.Forwarding) error {
	e, err := s.forwards(line)
	if err != nil {
		return err
	}
	for _, p := range parts {
		t := p.target(&f)
		if *t == "" {
			continue
		}
		if *t, err = wire.Target(*t, p.name); err != nil {
			return err
		}
	}
	err = s.link.With(ctx, func(ctx context.Context, x *session) error { return s.write(ctx, x, e, f) })
	s.link.Again(e) // also when it was done in part
	return err
}

// write sets what is not as it is to be.
func (s *System) write(ctx context.Context, x *session, e string, f telephony.Forwarding) error {
	now, err := s.read(ctx, x, e)
	if err != nil {
		return err
	}
	can := s.Can()
	refuse := func(what string) error {
		return &source.Error{Kind: source.NotAllowed, Text: "This telephone system has no forwarding for " + what + "."}
	}
	for _, p := range parts {
		if !can.Has(p.ability) && *p.target(&f) != *p.target(&now.Forwarding) {
			return refuse(p.name)
		}
	}
	switch {
	case f.OneNumber != "":
		return refuse("the One Number Service")
	case f.DoNotDisturb && !can.Has(telephony.CanDoNotDisturb):
		return &source.Error{Kind: source.NotAllowed, Text: "This telephone system has no do not disturb."}
	}
	device := s.device(e)
	set := func(kind, target string) error {
		r := el("SetForwarding", leaf("device", device), leaf("forwardingType", kind), leaf("activateForward", strconv.FormatBool(target != "")))
		if target != "" { // left out when it is switched off
			r.nodes = append(r.nodes, leaf("forwardDN", target))
		}
		_, err := x.do(ctx, r)
		return err
	}
	// What is to end is ended first: some systems take no second forwarding of one kind.
	for _, off := range []bool{true, false} {
		for _, p := range parts {
			if !can.Has(p.ability) {
				continue
			}
			want := *p.target(&f)
			if want == *p.target(&now.Forwarding) && !s.c.Split { // by whichever type: it stays as it was made
				continue
			}
			for i, t := range p.types {
				mine := (i > 0) == (s.c.Split && len(p.types) > 1)
				target := want
				if !mine {
					target = ""
				}
				if (target == "") != off || now.active[t] == target {
					continue
				}
				if err := set(t, target); err != nil {
					return err
				}
			}
		}
	}
	if can.Has(telephony.CanDoNotDisturb) && f.DoNotDisturb != now.DoNotDisturb {
		_, err = x.do(ctx, el("SetDoNotDisturb", leaf("device", device), leaf("doNotDisturbOn", strconv.FormatBool(f.DoNotDisturb))))
	}
	return err
}

// Check implements telephony.System. Its steps are, as far as they apply: "connection", "session", "line" (watching it), "calls" (the snapshot) and
// "forwarding" (reading it). It stops where nothing further can be tried, and changes nothing.
func (s *System) Check(ctx context.Context, line string) []source.Step {
	var steps []source.Step
	step := func(name, found, remedy string) {
		steps = append(steps, source.Step{Name: name, Server: s.c.Host, OK: remedy == "", Found: found, Remedy: remedy})
	}
	ctx, cancel := s.link.Open(ctx)
	defer cancel()
	x, err := s.connect(ctx, true)
	if e, no := errors.AsType[*source.Error](err); no && e.Kind == source.Credentials {
		step("connection", "it answers", "")
		step("session", e.Text, "Set the application up at the telephone system, and enter its name as it is there.")
		return steps
	}
	if err != nil {
		step("connection", s.link.Explain(err).Text, "See that the CSTA interface of the telephone system is on, on this port, for XML over TCP, lets this server's address in, and that the way of beginning (session, register or none) is the right one.")
		return steps
	}
	defer x.Leave()
	step("connection", "it answers", "")
	step("session", "it began, with "+word(x.namespace()), "")
	e := s.numbers.Extension(line)
	if e == "" {
		return steps
	}
	device := s.device(e)
	a, err := x.do(ctx, el("MonitorStart", el("monitorObject", leaf("deviceObject", device))))
	if err != nil {
		step("line", s.link.Explain(err).Text, "See that the telephone system knows the line as "+device+", and that this application may watch it. If the number has something before the extension, enter that as a prefix.")
		return steps
	}
	step("line", device+" can be watched", "")
	defer x.do(context.WithoutCancel(ctx), el("MonitorStop", leaf("monitorCrossRefID", a.value("monitorCrossRefID"))))
	if _, err := x.do(ctx, el("SnapshotDevice", leaf("snapshotObject", device))); err != nil {
		step("calls", s.link.Explain(err).Text, "Allow this application the service SnapshotDevice: calls that an event was lost of would stay for ever otherwise.")
	} else {
		step("calls", "they can be read", "")
	}
	if len(s.c.Forwarding) == 0 {
		return steps
	}
	if _, err := s.read(ctx, x, e); err != nil {
		step("forwarding", s.link.Explain(err).Text, "Allow this application the services GetForwarding and GetDoNotDisturb, or leave out what the telephone system does not have.")
	} else {
		step("forwarding", "it can be read", "")
	}
	return steps
}
