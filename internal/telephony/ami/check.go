package ami

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/source"
)

const checkTime = 60 * time.Second // for a whole Check

// Check implements telephony.System. Its steps are, as far as they apply: "connection", "sign_in", "rights" (what the user may do), "ready" (the
// system, and being told so), "calls" (the list of channels), "line" (its devices) and "forwarding" (reading it). It stops where nothing further can be
// tried, and changes nothing.
func (s *System) Check(ctx context.Context, line string) []source.Step {
	ctx, cancel := s.link.Open(ctx)
	defer cancel()
	ctx, late := context.WithTimeout(ctx, checkTime)
	defer late()
	var steps []source.Step
	step := func(name, found, remedy string) bool {
		steps = append(steps, source.Step{Name: name, Server: s.c.Host, OK: remedy == "", Found: found, Remedy: remedy})
		return remedy == ""
	}
	x, err := s.connect(ctx, true)
	if e, no := errors.AsType[*source.Error](err); no && e.Kind == source.Credentials {
		step("connection", "it answers", "")
		step("sign_in", e.Text, "See that the user is in manager.conf with this secret, that permit lets this server's address in, and reload the manager.")
		return steps
	}
	if err != nil {
		step("connection", s.link.Explain(err).Text, fmt.Sprintf("See that the manager interface is enabled (manager.conf: enabled, bindaddr, port %d, tlsenable) and that no firewall is in between.", s.place.Port))
		return steps
	}
	defer x.Leave()
	found := "it answers as " + short(x.banner)
	if s.c.TLS {
		found += ", encrypted"
	}
	step("connection", found, "")
	step("sign_in", "it takes the user "+s.c.Username, "")
	s.rights(ctx, x, step)

	booted := false
	t := time.NewTimer(3 * time.Second)
	defer t.Stop()
wait:
	for !booted {
		for _, m := range x.Drain() {
			booted = booted || m.get("event") == "FullyBooted"
		}
		if booted {
			break
		}
		select {
		case <-x.Wake:
		case <-t.C:
			break wait
		case <-x.Done:
			step("ready", s.link.Explain(x.Why()).Text, "See the log of Asterisk.")
			return steps
		}
	}
	if booted {
		step("ready", "it is ready, and says so", "")
	} else {
		step("ready", "it does not say that it is ready", "Wait until Asterisk has started; if it has, give the user read = system,call in manager.conf.")
	}
	b := newBoard(s.c, s.numbers)
	var l lists
	for _, one := range []struct {
		action string
		into   *[]message
	}{{"DeviceStateList", &l.devices}, {"ExtensionStateList", &l.extensions}, {"CoreShowChannels", &l.channels}} {
		if *one.into, err = x.list(ctx, one.action); err != nil {
			step("calls", s.link.Explain(err).Text, "Give the user "+wants(one.action)+" in manager.conf. Asterisk 13 or later is needed.")
			return steps
		}
	}
	e := s.numbers.Extension(line)
	b.replace(l, []string{e}, time.Now())
	step("calls", fmt.Sprintf("it lists %d devices, %d extensions and %d channels", len(b.states), len(b.inside), len(l.channels)), "")
	if e == "" {
		return steps
	}
	switch devices := b.lines[e]; {
	case len(devices) > 0:
		states := make([]string, len(devices))
		for i, d := range devices {
			states[i] = d + ": " + short(b.states[d])
		}
		step("line", fmt.Sprintf("%s is known (%s)", e, strings.Join(states, ", ")), "")
	case b.inside[e] && len(b.hints[e]) == 0:
		step("line", e+" has a hint in another context only", "Leave the context empty, or enter the one that the hint is in (core show hints).")
	default:
		step("line", e+" has no hint with a device", fmt.Sprintf("Add a hint for %s to the dialplan (exten => %s,hint,PJSIP/%s), or enter a pattern for devices, such as PJSIP/{line}. If the number has something before the extension, enter that as a prefix.", e, e, e))
	}
	if s.c.Forwarding == ForwardingNone {
		return steps
	}
	if _, err := s.read(ctx, x, e); err != nil {
		step("forwarding", s.link.Explain(err).Text, "Give the user "+wants("DBGet")+" in manager.conf.")
	} else {
		step("forwarding", "it can be read", "")
	}
	return steps
}

// rights looks at what the user may do.
func (s *System) rights(ctx context.Context, x *session, step func(name, found, remedy string) bool) {
	a, err := x.do(ctx, "ListCommands")
	if err != nil {
		step("rights", s.link.Explain(err).Text, "See what the log of Asterisk says about the user.")
		return
	}
	needed := []string{"CoreShowChannels", "DeviceStateList", "ExtensionStateList", "Ping"}
	if s.c.Forwarding != ForwardingNone {
		needed = append(needed, "DBGet", "DBPut", "DBDel", "Setvar")
	}
	var lacks []string
	for _, n := range needed {
		if _, ok := a[strings.ToLower(n)]; !ok {
			lacks = append(lacks, n)
		}
	}
	if len(lacks) == 0 {
		step("rights", "the user may do all that is needed", "")
		return
	}
	want := "write = system,call"
	if s.c.Forwarding == ForwardingNone {
		want = "write = system,call (reporting in place of system is enough)"
	}
	step("rights", "the user may not do "+strings.Join(lacks, ", "), "Give the user "+want+" in manager.conf, or in FreePBX under Asterisk Manager Users, and reload the manager.")
}
