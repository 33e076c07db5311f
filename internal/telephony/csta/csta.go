// Package csta knows the lines of telephone systems that speak CSTA phase III in XML (ECMA-323) over TCP, such as Unify OpenScape: what calls
// they have, by monitors and snapshots, and how they are forwarded. Names and orders of elements are those of ECMA-285 and ECMA-269, which ECMA-323
// shares; sessions follow ECMA-354. What is read is read by name, in any order and namespace, as systems differ.
package csta

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/wire"
)

// Ways of beginning a conversation.
const (
	SessionECMA354  = "session"  // StartApplicationSession
	SessionRegister = "register" // SystemRegister, and SystemStatus that has to be answered: OpenScape without ECMA-354
	SessionNone     = "none"
)

// Namespaces: of sessions, and what those of the editions begin with.
const (
	sessionSpace = "http://www.ecma-international.org/standards/ecma-354/appl_session"
	editionSpace = "http://www.ecma-international.org/standards/ecma-323/csta/"
	avayaSpace   = "http://www.avaya.com/csta"
)

// Config says which system it is. Host, Port and Client have to be there; the zero value of everything else works.
type Config struct {
	Host string // a name or an address
	Port int    // there is no usual one: 1040 with OpenScape Voice, 4721 and with TLS 4722 with Avaya
	TLS  bool

	Session     string // empty: session
	Application string // how the system knows this application; empty: doorlight
	Edition     string // of the namespace, ed2 to ed6; empty: ed4
	Username    string // of the sign-in that Avaya's sessions have; empty: none
	Password    string
	Framing     Framing // nil: ECMA323

	Device   string   // how the system names a line, with {line} for its number; empty: {line}
	Prefixes []string // that numbers have before the extension, such as +49 30 1234
	Internal []string // patterns of internal numbers: 2XX, or 7. for all that begin with 7

	Forwarding []telephony.Ability // that the system has; empty: none
	// Split has busy and no answer set for internal and external calls each, for systems that have no type for both.
	Split bool

	Client *outbound.Client // reaches the system, and trusts its certificate
	Log    *slog.Logger     // nil: none
}

// LogValue keeps the password out of logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }
func (c Config) String() string       { return "csta at " + c.Host }
func (c Config) GoString() string     { return c.String() }

// System is one telephone system. Close it when done with it.
type System struct {
	c       Config
	log     *slog.Logger
	place   wire.Place
	numbers wire.Numbers
	link    *wire.Link[*session]
}

var can = []telephony.Ability{telephony.CanDoNotDisturb, telephony.CanAll, telephony.CanInternal, telephony.CanExternal, telephony.CanBusy, telephony.CanNoAnswer}

// New returns a system. Nothing is asked yet. What is wrong with the configuration is an Invalid *fault.Error.
func New(c Config) (*System, error) {
	var f fault.Fields
	if c.Client == nil {
		return nil, errors.New("csta: a client is needed")
	}
	c.Host = strings.TrimSpace(c.Host)
	if what := wire.HostTrouble(c.Host); what != "" {
		f.Add("host", "%s", what)
	}
	if c.Port < 1 || c.Port > 65535 {
		f.Add("port", "from 1 to 65535, as the telephone system has it: 1040 with OpenScape Voice")
	}
	switch c.Session {
	case "":
		c.Session = SessionECMA354
	case SessionECMA354, SessionRegister, SessionNone:
	default:
		f.Add("session", "session, register or none")
	}
	if c.Application == "" {
		c.Application = "doorlight"
	}
	switch c.Edition {
	case "":
		c.Edition = "ed4"
	case "ed2", "ed3", "ed4", "ed5", "ed6":
	default:
		f.Add("edition", "ed2 to ed6")
	}
	if c.Username == "" && c.Password != "" {
		f.Add("username", "it is needed beside a password")
	}
	if c.Username != "" && c.Session != SessionECMA354 {
		f.Add("username", "only sessions have a sign-in")
	}
	if c.Framing == nil {
		c.Framing = ECMA323{}
	}
	switch {
	case c.Device == "":
		c.Device = "{line}"
	case !strings.Contains(c.Device, "{line}"):
		f.Add("device", "how a line is named, with {line} for its number, such as tel:{line}")
	}
	numbers := wire.NewNumbers(c.Prefixes, c.Internal, &f)
	for i, a := range c.Forwarding {
		if !slices.Contains(can, a) || slices.Index(c.Forwarding, a) != i {
			f.Add("forwarding."+strconv.Itoa(i), "each of do_not_disturb, all, internal, external, busy and no_answer once")
		}
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &System{c: c, log: c.Log, numbers: numbers, place: wire.Place{Client: c.Client, Host: c.Host, Port: c.Port, TLS: c.TLS}}
	s.link = wire.NewLink(wire.LinkConfig[*session]{Name: "the telephone system", Place: s.place, Numbers: numbers, Log: c.Log, Asking: 1, Connect: s.connect, Explain: s.explain})
	return s, nil
}

// device is how the system names a line.
func (s *System) device(extension string) string {
	return strings.ReplaceAll(s.c.Device, "{line}", extension)
}

// Follow implements telephony.System.
func (s *System) Follow(lines []string) { s.link.Follow(lines) }

// Can implements telephony.System.
func (s *System) Can() telephony.Abilities {
	return telephony.Abilities{Lines: true, Forwarding: slices.Clone(s.c.Forwarding), Tells: len(s.c.Forwarding) > 0}
}

// Extension implements telephony.Namer.
func (s *System) Extension(number string) string { return s.numbers.Extension(number) }

// Heard implements telephony.Reporter.
func (s *System) Heard() (now bool, trouble error) { return s.link.Heard() }

// Close implements telephony.System.
func (s *System) Close() { s.link.Close() }

// refused is an answer that says no: CSTAErrorCode, or the negative answer of a session.
type refused struct{ request, group, code string }

func (r *refused) Error() string { return "csta: " + r.request + ": " + r.group + "/" + r.code }

// unknownLine reports whether an answer means that there is no such device.
func unknownLine(err error) bool {
	r, ok := errors.AsType[*refused](err)
	return ok && slices.Contains([]string{"invaliddeviceid", "invaliddevice", "invalidobjectid", "invalidmonitorobject"}, strings.ToLower(r.code))
}

// explain puts an answer that says no, or that is none, into words; nil: it is neither. The names of errors differ from system to system, so that they
// are mapped by their group.
func (s *System) explain(err error) *source.Error {
	if errors.Is(err, errFrame) {
		return &source.Error{Kind: source.Other, Whole: true, Err: err, Text: fmt.Sprintf("On port %d of %s something else answers than CSTA in XML.", s.c.Port, s.c.Host)}
	}
	r, ok := errors.AsType[*refused](err)
	if !ok {
		return nil
	}
	e := &source.Error{Kind: source.Other, Err: err, Text: fmt.Sprintf("%s refuses %s (%s: %s).", s.c.Host, r.request, r.group, r.code)}
	group := strings.ToLower(r.group)
	switch {
	case unknownLine(err):
		e.Kind, e.Text = source.NotFound, fmt.Sprintf("%s does not know this line (%s).", s.c.Host, r.code)
	case strings.Contains(group, "security"), strings.Contains(strings.ToLower(r.code), "privilege"):
		e.Kind, e.Text = source.Credentials, fmt.Sprintf("This application may not do that at %s (%s: %s).", s.c.Host, r.group, r.code)
	case strings.Contains(group, "resource"), strings.Contains(group, "performance"):
		e.Kind, e.Text = source.Unavailable, fmt.Sprintf("%s cannot do that at the moment (%s: %s).", s.c.Host, r.group, r.code)
	case strings.Contains(group, "state"):
		e.Kind, e.Text = source.Unavailable, fmt.Sprintf("The line is in a state that does not allow it (%s).", r.code)
	}
	return e
}

// word is as much of a foreign word as is shown.
func word(s string) string {
	if len(s) > 60 {
		s = s[:60]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
