package telephones

import (
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/sipserver"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/sipua"
	"github.com/doorlight/doorlight/internal/telephony/wire"
)

// Settings say where a server listens, whom it answers, and where calls go.
type Settings struct {
	Listen      []string `json:"listen" minItems:"1" maxItems:"20" doc:"Where telephones reach it, such as udp:0.0.0.0:5060, tcp:[::]:5060 or tls:0.0.0.0:5061."`
	Host        string   `json:"host,omitempty" maxLength:"255" doc:"The name or address by which telephones reach it. Absent: the one that they reached."`
	Domains     []string `json:"domains,omitempty" maxItems:"100" doc:"Host parts of addresses that mean somebody here. Absent: any."`
	Trusted     []string `json:"trusted,omitempty" maxItems:"100" doc:"Addresses or networks of telephone systems, such as 192.0.2.10 or 192.0.2.0/24: what they ask about calls is answered without a password, wherever the calls go. Desk phones sign in, and are told no more of a call than their owner may know."`
	Internal    []string `json:"internal,omitempty" maxItems:"100" doc:"Patterns of callers' numbers that are inside: digits, x for any digit, * at the end for any more. The numbers of the people here are anyway."`
	LampForBusy bool     `json:"lamp_for_busy,omitempty" doc:"Light lamps also of people who are busy or not to be disturbed, and not only of those on the phone."`
	Desk        string   `json:"desk,omitempty" maxLength:"500" doc:"Address at which a line rings without being asked for here again, such as sip:desk-{line}@pbx.example.com: by its user part or its host it has to differ from the one that is called. Absent: calls are not answered."`
	Confirm     string   `json:"confirm,omitempty" maxLength:"500" doc:"SIP address that a call to a feature code is sent to, such as a tone. Absent: it ends."`
	Outside     string   `json:"outside,omitempty" maxLength:"500" doc:"Address at which any other number is reached, such as sip:{number}@gateway.example.com. Absent: as the desk."`
}

// Check enters what is wrong with the settings, each by its name behind at, such as "sip_server.". What only shows when it is listened is told by
// Server.Used.
func (s *Settings) Check(at string, bad *fault.Fields) {
	sipserver.CheckAddresses(at, &sipserver.Config{Listen: s.Listen, Host: s.Host, Domains: s.Domains, Trusted: s.Trusted, Internal: s.Internal}, bad)
	switch {
	case s.Desk != "":
		checkTemplate(at+"desk", s.Desk, "{line}", bad)
	case s.Outside != "":
		bad.Add(at+"desk", "is needed where calls are answered, such as sip:{line}@pbx.example.com")
	case len(s.Trusted) > 0:
		bad.Add(at+"desk", "is needed where telephone systems are trusted with calls, such as sip:{line}@pbx.example.com")
	}
	if s.Confirm != "" && !isAddress(s.Confirm) {
		bad.Add(at+"confirm", "%q is no address that begins with sip:, sips: or tel:, such as sip:tone@pbx.example.com", s.Confirm)
	}
	if s.Outside != "" {
		checkTemplate(at+"outside", s.Outside, "{number}", bad)
	}
}

func checkTemplate(at, template, place string, bad *fault.Fields) {
	if !strings.Contains(template, place) {
		bad.Add(at, "%q has no %s in it, such as sip:%s@pbx.example.com", template, place, place)
		return
	}
	if !isAddress(strings.ReplaceAll(template, place, "201")) {
		bad.Add(at, "%q makes no address that begins with sip:, sips: or tel:, such as sip:%s@pbx.example.com", template, place)
	}
}

// isAddress reports whether a call can be sent to an address.
func isAddress(a string) bool {
	var u sip.Uri
	if strings.ContainsAny(a, "<>\"\r\n\t {}") || sip.ParseUri(a, &u) != nil {
		return false
	}
	switch strings.ToLower(u.Scheme) {
	case "sip", "sips":
		return u.User != "" && u.Host != "" && !u.Wildcard
	case "tel":
		return len(a) > len("tel:")
	}
	return false
}

// isTarget reports whether a line can be forwarded to a number or an address.
func isTarget(t string) bool {
	if hasScheme(t) {
		return isAddress(t)
	}
	return wire.Dialable(t)
}

func hasScheme(t string) bool {
	scheme, _, ok := strings.Cut(strings.ToLower(t), ":")
	return ok && (scheme == "sip" || scheme == "sips" || scheme == "tel")
}

// dial is a number as it is dialled.
func dial(number string) string {
	if n := wire.Clean(number); wire.Dialable(n) {
		return n
	}
	return telephony.Fold(number)
}

// desk is the address at which a line rings.
func (s *Settings) desk(line string) string {
	if hasScheme(line) {
		return line
	}
	return strings.ReplaceAll(s.Desk, "{line}", sipua.Escape(dial(line)))
}

// outside is the address at which a number is reached.
func (s *Settings) outside(number string) string {
	switch {
	case hasScheme(number):
		return number
	case s.Outside == "":
		return s.desk(number)
	}
	return strings.ReplaceAll(s.Outside, "{number}", sipua.Escape(dial(number)))
}
