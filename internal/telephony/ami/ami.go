// Package ami knows the lines of an Asterisk, with FreePBX or without, by its manager interface (AMI): what calls they have, and
// how they are forwarded as FreePBX keeps it in Asterisk's database. Messages follow the documentation in Asterisk's sources, of
// version 13 and later.
//
// Calls are the channels of the devices of a line: its hint says which these are, or a pattern. Events tell at once; a list of all channels, read
// every minute, is the truth.
package ami

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/wire"
)

// Ways of signing in.
const (
	AuthMD5   = "md5"   // by a challenge: the secret is not sent
	AuthPlain = "plain" // the secret as it is; with TLS, unless AllowPlain says otherwise
)

// Where forwarding is kept.
const (
	ForwardingNone    = "none"    // nowhere: Asterisk has none of its own
	ForwardingFreePBX = "freepbx" // in the database, which the dialplan of FreePBX obeys
)

// Config says which system it is. Host, Username, Secret and Client have to be there; the zero value of everything else works.
type Config struct {
	Host string // a name or an address
	Port int    // zero: 5038, with TLS 5039
	TLS  bool   // from the first byte on (tlsenable in manager.conf)

	Username   string // as in manager.conf
	Secret     string
	Auth       string // empty: md5
	AllowPlain bool   // a plain sign-in without TLS: the secret can be read on the way

	Context  string   // of the dialplan in which the hints of lines are looked for; empty: all
	Devices  []string // of a line that has no hint, with {line} for its number, such as PJSIP/{line}; empty: such a line is not known
	Prefixes []string // that numbers have before the extension, such as +49 30 1234
	Internal []string // patterns of further internal numbers, beside the extensions with a hint: 2XX, or 7. for all that begin with 7

	Forwarding string // empty: none
	Families   Families

	Client *outbound.Client // reaches the system, and trusts its certificate
	Log    *slog.Logger     // nil: none
}

// Families are where in the database forwarding is kept, by line, and which custom device states, that lamps show, go with it. Empty: as FreePBX has
// it. A dash: nowhere; what has no family is not offered.
type Families struct {
	DoNotDisturb string // DND; "YES" is on
	All          string // CF
	Busy         string // CFB
	NoAnswer     string // CFU: no answer, or not reachable

	DoNotDisturbStates []string // Custom:DND{line} and Custom:DEVDND{device}
	AllStates          []string // Custom:CF{line} and Custom:DEVCF{device}
}

// LogValue keeps the secret out of logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }
func (c Config) String() string       { return "asterisk at " + c.Host }
func (c Config) GoString() string     { return c.String() }

// System is one Asterisk. Close it when done with it.
type System struct {
	c       Config
	log     *slog.Logger
	place   wire.Place
	numbers wire.Numbers
	link    *wire.Link[*session]

	mu        sync.Mutex // guards what follows
	unknown   []string   // extensions that the system does not know, as of the last list
	noTree    bool       // the system is too old for DBGetTree
	forbidden bool       // forwarding may not be read; it was said
	choose    func(telephony.Choice)
}

// Choices implements telephony.Chooser. The dialplan tells of codes by events, see CodeEvent; the user needs read = user for them.
func (s *System) Choices(f func(telephony.Choice)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.choose = f
}

// New returns a system. Nothing is asked yet. What is wrong with the configuration is an Invalid *fault.Error.
func New(c Config) (*System, error) {
	var f fault.Fields
	if c.Client == nil {
		return nil, errors.New("ami: a client is needed")
	}
	c.Host, c.Username = strings.TrimSpace(c.Host), strings.TrimSpace(c.Username)
	if what := wire.HostTrouble(c.Host); what != "" {
		f.Add("host", "%s", what)
	}
	switch {
	case c.Port < 0 || c.Port > 65535:
		f.Add("port", "from 1 to 65535; 5038 is usual, with TLS 5039")
	case c.Port == 0 && c.TLS:
		c.Port = 5039
	case c.Port == 0:
		c.Port = 5038
	}
	oneLine := func(field, s, what string) {
		switch {
		case s == "":
			f.Add(field, "%s is needed", what)
		case strings.ContainsAny(s, "\r\n"):
			f.Add(field, "it has to be one line")
		}
	}
	oneLine("username", c.Username, "the user of manager.conf")
	oneLine("secret", c.Secret, "the secret of the user in manager.conf")
	switch c.Auth {
	case "":
		c.Auth = AuthMD5
	case AuthMD5:
	case AuthPlain:
		if !c.TLS && !c.AllowPlain {
			f.Add("auth", "without TLS the secret could be read on the way: choose md5 or TLS, or allow it expressly")
		}
	default:
		f.Add("auth", "md5 or plain")
	}
	if c.Context = strings.TrimSpace(c.Context); strings.ContainsAny(c.Context, " \t\r\n@") {
		f.Add("context", "a name of the dialplan, such as ext-local")
	}
	for i, d := range c.Devices {
		if tech, rest, ok := strings.Cut(d, "/"); !ok || tech == "" || !strings.Contains(rest, "{line}") || strings.ContainsAny(d, " \t\r\n&,") {
			f.Add("devices."+strconv.Itoa(i), "a device with {line} for the number, such as PJSIP/{line}")
		}
	}
	numbers := wire.NewNumbers(c.Prefixes, c.Internal, &f)
	switch c.Forwarding {
	case "":
		c.Forwarding = ForwardingNone
	case ForwardingNone, ForwardingFreePBX:
	default:
		f.Add("forwarding", "none or freepbx")
	}
	c.Families.fill(&f)
	if err := f.Err(); err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &System{c: c, log: c.Log, numbers: numbers, place: wire.Place{Client: c.Client, Host: c.Host, Port: c.Port, TLS: c.TLS}}
	s.link = wire.NewLink(wire.LinkConfig[*session]{Name: "asterisk", Place: s.place, Numbers: numbers, Log: c.Log, Asking: 2, Connect: s.connect, Explain: s.explain})
	return s, nil
}

func (x *Families) fill(f *fault.Fields) {
	for _, one := range []struct {
		field, usual string
		family       *string
	}{{"do_not_disturb", "DND", &x.DoNotDisturb}, {"all", "CF", &x.All}, {"busy", "CFB", &x.Busy}, {"no_answer", "CFU", &x.NoAnswer}} {
		switch *one.family {
		case "":
			*one.family = one.usual
		case "-":
			*one.family = ""
		default:
			if strings.ContainsAny(*one.family, " \t\r\n/") {
				f.Add("families."+one.field, "a family of the database, such as %s", one.usual)
			}
		}
	}
	for _, one := range []struct {
		field, usual string
		states       *[]string
	}{{"do_not_disturb_states", "DND", &x.DoNotDisturbStates}, {"all_states", "CF", &x.AllStates}} {
		if len(*one.states) == 0 {
			*one.states = []string{"Custom:" + one.usual + "{line}", "Custom:DEV" + one.usual + "{device}"}
			continue
		}
		var kept []string
		for _, s := range *one.states {
			switch {
			case s == "-":
			case !strings.HasPrefix(s, "Custom:") || strings.ContainsAny(s, " \t\r\n&,()=") || !strings.Contains(s, "{line}") && !strings.Contains(s, "{device}"):
				f.Add("families."+one.field, "custom device states with {line} or {device}, such as Custom:%s{line}", one.usual)
			default:
				kept = append(kept, s)
			}
		}
		*one.states = kept
	}
}

// Follow implements telephony.System.
func (s *System) Follow(lines []string) { s.link.Follow(lines) }

// Can implements telephony.System.
func (s *System) Can() telephony.Abilities {
	a := telephony.Abilities{Lines: true}
	if s.c.Forwarding == ForwardingNone {
		return a
	}
	for _, k := range s.keys() {
		a.Forwarding = append(a.Forwarding, k.ability)
	}
	a.Tells = len(a.Forwarding) > 0
	return a
}

// Extension implements telephony.Namer.
func (s *System) Extension(number string) string { return s.numbers.Extension(number) }

// Heard implements telephony.Reporter.
func (s *System) Heard() (now bool, trouble error) { return s.link.Heard() }

// Close implements telephony.System.
func (s *System) Close() { s.link.Close() }

// explain puts an answer that says no into words; nil: it is none.
func (s *System) explain(err error) *source.Error {
	r, ok := errors.AsType[*refused](err)
	switch {
	case !ok:
		return nil
	case denied(err):
		return &source.Error{Kind: source.Credentials, Err: err,
			Text: fmt.Sprintf("The user %s of the manager interface may not do that (%s): it needs %s in manager.conf.", s.c.Username, r.action, wants(r.action))}
	}
	return &source.Error{Kind: source.Other, Err: err, Text: fmt.Sprintf("%s refuses %s: %s.", s.c.Host, r.action, strings.TrimSuffix(short(r.text), "."))}
}

// short is as much of a foreign text as is shown.
func short(s string) string {
	if len(s) > 100 {
		s = strings.ToValidUTF8(s[:100], "") + "…"
	}
	return s
}

// wants is the class that manager.conf has to give the user in write for an action; of those of the database as main/db.c has it.
func wants(action string) string {
	switch action {
	case "DBPut", "DBDel", "Filter":
		return "write = system"
	case "Setvar":
		return "write = call"
	case "DeviceStateList", "ExtensionStateList":
		return "write = call or reporting"
	}
	return "write = system or reporting"
}
