package exchange

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Bounds on what a server may send, besides the size of an answer. They keep the memory a small answer can take in
// proportion.
const (
	maxDepth    = 48
	maxElements = 400_000 // 1,000 appointments have about 30,000
	maxBody     = 16 << 20
	maxText     = 512 // characters of the server's own words that are kept
)

// soap is any answer. Elements are known by their names alone: servers use the namespaces and the order of the schema
// in most places, not in all, and prefixes of their own.
type soap struct {
	Version *serverVersion `xml:"Header>ServerVersionInfo"`
	Body    struct {
		Fault    *soapFault `xml:"Fault"`
		Response []struct {
			XMLName  xml.Name
			Messages struct {
				List []message `xml:",any"`
			} `xml:"ResponseMessages"`
		} `xml:",any"`
	} `xml:"Body"`
}

type serverVersion struct {
	Major string `xml:"MajorVersion,attr"`
	Minor string `xml:"MinorVersion,attr"`
	Build string `xml:"MajorBuildNumber,attr"`
	Sub   string `xml:"MinorBuildNumber,attr"`
}

type soapFault struct {
	Code   string `xml:"faultcode"`
	Text   string `xml:"faultstring"`
	Detail struct {
		ResponseCode string `xml:"ResponseCode"`
		Message      string `xml:"Message"`
		Values       values `xml:"MessageXml"`
	} `xml:"detail"`
}

// values is MessageXml: named values as a rule.
type values struct {
	List []struct {
		Name string `xml:"Name,attr"`
		Text string `xml:",chardata"`
	} `xml:"Value"`
}

func (v values) get(name string) string {
	for _, one := range v.List {
		if strings.EqualFold(one.Name, name) {
			return strings.TrimSpace(one.Text)
		}
	}
	return ""
}

// message is any ResponseMessage; each operation uses a few of its fields.
type message struct {
	XMLName xml.Name
	Class   string `xml:"ResponseClass,attr"`
	Text    string `xml:"MessageText"`
	Code    string `xml:"ResponseCode"`
	Values  values `xml:"MessageXml"`

	// SyncFolderItems
	SyncState string `xml:"SyncState"`
	Includes  string `xml:"IncludesLastItemInRange"`
	Changes   struct {
		List []struct {
			XMLName xml.Name
		} `xml:",any"`
	} `xml:"Changes"`
	// FindItem
	Root struct {
		Includes string `xml:"IncludesLastItemInRange,attr"`
		Items    struct {
			List []item `xml:",any"`
		} `xml:"Items"`
	} `xml:"RootFolder"`
	// GetFolder
	Folders struct {
		List []struct {
			XMLName xml.Name
		} `xml:",any"`
	} `xml:"Folders"`
	// Subscribe
	SubscriptionID string `xml:"SubscriptionId"`
	Watermark      string `xml:"Watermark"`
	// GetEvents
	Notification *notification `xml:"Notification"`
	// GetStreamingEvents
	Notifications []notification `xml:"Notifications>Notification"`
	Lost          []string       `xml:"ErrorSubscriptionIds>SubscriptionId"`
	Status        string         `xml:"ConnectionStatus"`
}

type notification struct {
	SubscriptionID string `xml:"SubscriptionId"`
	Previous       string `xml:"PreviousWatermark"`
	More           string `xml:"MoreEvents"`
	Events         []struct {
		XMLName   xml.Name
		Watermark string `xml:"Watermark"`
	} `xml:",any"`
}

// changed reports whether it tells of anything but being there.
func (n *notification) changed() bool {
	for _, e := range n.Events {
		if strings.HasSuffix(e.XMLName.Local, "Event") && e.XMLName.Local != "StatusEvent" {
			return true
		}
	}
	return false
}

// item is what is read of an appointment.
type item struct {
	XMLName xml.Name
	ID      struct {
		ID string `xml:"Id,attr"`
	} `xml:"ItemId"`
	Subject       string   `xml:"Subject"`
	Sensitivity   string   `xml:"Sensitivity"`
	Categories    []string `xml:"Categories>String"`
	ReminderIsSet string   `xml:"ReminderIsSet"`
	Reminder      string   `xml:"ReminderMinutesBeforeStart"`
	WebLink       string   `xml:"WebClientReadFormQueryString"`
	Start         string   `xml:"Start"`
	End           string   `xml:"End"`
	OriginalStart string   `xml:"OriginalStart"`
	AllDay        string   `xml:"IsAllDayEvent"`
	FreeBusy      string   `xml:"LegacyFreeBusyStatus"`
	Cancelled     string   `xml:"IsCancelled"`
	Type          string   `xml:"CalendarItemType"`
	Response      string   `xml:"MyResponseType"`
	UID           string   `xml:"UID"`
	RecurrenceID  string   `xml:"RecurrenceId"`
	Zone          struct {
		ID string `xml:"Id,attr"`
	} `xml:"StartTimeZone"`
	ZoneID   string `xml:"StartTimeZoneId"`
	ZoneName string `xml:"TimeZone"`
}

func yes(s string) bool {
	v, err := strconv.ParseBool(strings.TrimSpace(s))
	return err == nil && v
}

func no(s string) bool {
	v, err := strconv.ParseBool(strings.TrimSpace(s))
	return err == nil && !v
}

var errTooDeep = errors.New("elements are nested too deeply")
var errTooMany = errors.New("there are too many elements")

// bounded hands out tokens within bounds. encoding/xml knows no entities but the five of XML and reads no DTD.
type bounded struct {
	d        *xml.Decoder
	depth    int
	elements int
}

func (b *bounded) Token() (xml.Token, error) {
	t, err := b.d.RawToken()
	switch t.(type) {
	case xml.StartElement:
		b.depth++
		b.elements++
		if b.depth > maxDepth {
			return nil, errTooDeep
		}
		if b.elements > maxElements {
			return nil, errTooMany
		}
	case xml.EndElement:
		b.depth--
	}
	return t, err
}

// parse reads one whole envelope.
func parse(body []byte) (*soap, error) {
	d := xml.NewTokenDecoder(&bounded{d: xml.NewDecoder(bytes.NewReader(body))})
	s, err := next(d)
	if err = ended(err); err != nil {
		if clean := printable(body); clean != nil {
			return parse(clean)
		}
	}
	return s, err
}

var reference = regexp.MustCompile(`&#(x[0-9A-Fa-f]{1,8}|[0-9]{1,8});`)

// printable returns a body with spaces in place of characters that XML does not allow, or nil if there are none:
// Exchange sends such from the subjects of mails as they are, or as references.
func printable(body []byte) []byte {
	found := false
	illegal := func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r >= 0xd800 && r <= 0xdfff || r == 0xfffe || r == 0xffff || r > 0x10ffff
	}
	clean := bytes.Map(func(r rune) rune {
		if illegal(r) {
			found = true
			return ' '
		}
		return r // and what is not UTF-8 becomes U+FFFD
	}, body)
	clean = reference.ReplaceAllFunc(clean, func(ref []byte) []byte {
		digits, base := string(ref[2:len(ref)-1]), 10
		if digits[0] == 'x' {
			digits, base = digits[1:], 16
		}
		if n, err := strconv.ParseUint(digits, base, 64); err == nil && (n > 0x10ffff || illegal(rune(n))) {
			found = true
			return []byte(" ")
		}
		return ref
	})
	if !found && bytes.Equal(clean, body) {
		return nil
	}
	return clean
}

// decode reads a whole document of another kind.
func decode(body []byte, into any) error {
	return ended(xml.NewTokenDecoder(&bounded{d: xml.NewDecoder(bytes.NewReader(body))}).Decode(into))
}

// ended has every error that says a document breaks off be the same one.
func ended(err error) error {
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok && syntax.Msg == "unexpected EOF" || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// next reads the next envelope of several that follow each other in one body, io.EOF after the last. It reads no
// further than the envelope's end.
func next(d *xml.Decoder) (*soap, error) {
	for {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		start, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		if start.Name.Local != "Envelope" {
			return nil, fmt.Errorf("it begins with <%s>, not with a SOAP envelope", clip(start.Name.Local))
		}
		s := &soap{}
		if err := d.DecodeElement(s, &start); err != nil {
			return nil, ended(err)
		}
		if s.Body.Fault == nil && len(s.Body.Response) == 0 {
			return nil, errors.New("the SOAP envelope is empty")
		}
		return s, nil
	}
}

// clip makes what a server wrote fit for a line.
func clip(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxText {
		s = string(r[:maxText]) + "…"
	}
	return s
}

// refusal is an answer that is not what was asked for: a fault or a ResponseCode.
type refusal struct {
	code   string        // of ResponseCodeType, or of SOAP
	text   string        // the server's words. They may name people: for nobody but the administrator's check
	wait   time.Duration // that the server wants; negative: it wants one, and does not say how long
	status int           // of HTTP
}

func (r *refusal) Error() string {
	if r.code != "" {
		return "the server answers " + r.code
	}
	return fmt.Sprintf("the server answers %d", r.status)
}

var suggested = regexp.MustCompile(`(?i)back-?off time:? ([0-9]{1,9}) ?ms`)

// backOff is how long to wait: BackOffMilliseconds, or what the sentence of the policy suggests.
func backOff(v values) time.Duration {
	if ms, err := strconv.ParseUint(v.get("BackOffMilliseconds"), 10, 32); err == nil && ms > 0 {
		return time.Duration(ms) * time.Millisecond
	}
	if m := suggested.FindStringSubmatch(v.get("ErrorMessage")); m != nil {
		if ms, err := strconv.ParseUint(m[1], 10, 32); err == nil && ms > 0 {
			return time.Duration(ms) * time.Millisecond
		}
	}
	return -1
}

// busy are the codes that ask to wait.
var busy = map[string]bool{"ErrorServerBusy": true, "ErrorExceededConnectionCount": true, "ErrorTooManyObjectsOpened": true,
	"ErrorInsufficientResources": true, "ErrorNotEnoughMemory": true, "ErrorExceededFindCountLimit": true}

func newRefusal(code, text string, v values) *refusal {
	r := &refusal{code: strings.TrimSpace(code), text: clip(text)}
	// An answer with 200 may hold the real reason inside.
	if inner := v.get("InnerErrorResponseCode"); busy[inner] {
		r.code = inner
	}
	if busy[r.code] {
		r.wait = backOff(v)
	}
	return r
}

// refused returns what a fault says, or nil.
func (s *soap) refused() *refusal {
	f := s.Body.Fault
	if f == nil {
		return nil
	}
	code := strings.TrimSpace(f.Detail.ResponseCode)
	if code == "" {
		code = strings.TrimSpace(f.Code)
		code = code[strings.LastIndexByte(code, ':')+1:]
	}
	text := f.Detail.Message
	if strings.TrimSpace(text) == "" {
		text = f.Text
	}
	return newRefusal(code, text, f.Detail.Values)
}

// messages returns the answers, one for each thing that was asked.
func (s *soap) messages() []message {
	if len(s.Body.Response) == 0 {
		return nil
	}
	return s.Body.Response[0].Messages.List
}

// refused returns what an answer with an error says, or nil. A warning is not an error, but for one that says the
// server stopped half-way.
func (m *message) refused() *refusal {
	code := strings.TrimSpace(m.Code)
	if m.Class == "Error" || m.Class != "Success" && code != "" && code != "NoError" {
		return newRefusal(code, m.Text, m.Values)
	}
	return nil
}
