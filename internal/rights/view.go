package rights

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/doorlight/doorlight/presence"
)

// Facts is everything about a person that may be shown to somebody.
type Facts struct {
	ID           string
	Name         string
	Email        string
	WorkNumber   string
	MobileNumber string
	HomeNumber   string
	Location     string // its name
	Presence     presence.Presence
	Shown        presence.Shown // the timing for those who see the status but not its reasons
}

// View is what one class of viewers may see of a person's presence. Only See makes one; what the class may not
// see is not in it. Views are comparable: two that are equal encode to the same bytes.
type View struct {
	id     string
	sees   bool // anything at all
	off    bool
	status presence.Status
	since  int64 // Unix milliseconds; 0: not known
	until  int64
	text   string
	prof   string
	cause  presence.Source
	line   presence.Line
	reads  readMask
}

type readMask uint8

const (
	readsStatus readMask = 1 << iota
	readsText
	readsLine
)

// See returns what a class of viewers may see. It is the only way to get at a presence for showing it.
func See(c Class, f *Facts) View { return SeePresence(c, f.ID, &f.Presence, &f.Shown) }

// SeePresence is See for callers that hold no other facts than the presence of the person with this ID.
func SeePresence(c Class, id string, p *presence.Presence, s *presence.Shown) View {
	l := classLevel[c]
	v := View{id: id, sees: !c.SeesNothing()}
	if !v.sees {
		return v
	}
	if p.Off {
		v.off = true
		return v
	}
	if MayRead(l, Status) {
		v.reads |= readsStatus
		v.status = p.Status
		v.since = millis(s.Since)
	}
	if MayRead(l, Text) {
		v.reads |= readsText
		v.text, v.prof, v.cause = p.Text, p.Profile, p.Cause.Source.Class()
		v.since = millis(p.Since)
	}
	if MayRead(l, Times) {
		v.until = millis(p.Until)
	}
	if MayRead(l, Line) {
		v.reads |= readsLine
		v.line.State = p.Line.State
		if MayRead(l, Text) {
			v.line.Reach, v.line.Service = p.Line.Reach, p.Line.Service
		}
		if MayRead(l, OtherParty) {
			v.line.Other = p.Line.Other
		}
	}
	return v
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// ID returns whose presence it is.
func (v View) ID() string { return v.id }

// Presence is the form of a View in the REST API and, byte for byte, in the live stream.
type Presence struct {
	ID      string           `json:"id" doc:"The person."`
	Off     bool             `json:"off,omitempty" doc:"Presence management is switched off for the person: there is no presence."`
	Status  *presence.Status `json:"status,omitempty" enum:"available,be_right_back,busy,do_not_disturb,unavailable,logged_out"`
	Since   *time.Time       `json:"since,omitempty" doc:"Since when; absent if not known."`
	Until   *time.Time       `json:"until,omitempty" doc:"When it will end by itself; absent if that is not known."`
	Text    string           `json:"text,omitempty"`
	Profile string           `json:"profile,omitempty"`
	Cause   presence.Source  `json:"cause,omitempty" enum:"hand,assistant,start,end,client,api,calendar,teams,microphone,line" doc:"What kind of source decided, such as hand or calendar."`
	Line    *PresenceLine    `json:"line,omitempty"`
}

// PresenceLine is the telephone in a Presence.
type PresenceLine struct {
	State   presence.LineState `json:"state" enum:"idle,ringing,on_the_phone"`
	Reach   *presence.Reach    `json:"reach,omitempty" enum:"internal,external" doc:"Whether the call is inside the organisation."`
	Service string             `json:"service,omitempty"`
	Other   string             `json:"other,omitempty" doc:"The other party."`
}

// Presence returns the view in the form that encoding/json understands.
func (v View) Presence() Presence {
	p := Presence{ID: v.id, Off: v.off}
	if v.reads&readsStatus != 0 {
		status := v.status
		p.Status = &status
	}
	p.Since, p.Until = timeOf(v.since), timeOf(v.until)
	p.Text, p.Profile, p.Cause = v.text, v.prof, v.cause
	if v.reads&readsLine != 0 {
		p.Line = &PresenceLine{State: v.line.State, Service: v.line.Service, Other: v.line.Other}
		if v.line.Reach != presence.ReachUnknown {
			reach := v.line.Reach
			p.Line.Reach = &reach
		}
	}
	return p
}

func timeOf(ms int64) *time.Time {
	if ms == 0 {
		return nil
	}
	t := time.UnixMilli(ms).UTC()
	return &t
}

// MarshalJSON implements json.Marshaler.
func (v View) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

// AppendJSON appends what json.Marshal makes of v.Presence, without its allocations.
func (v View) AppendJSON(b []byte) []byte {
	b = append(b, `{"id":`...)
	b = appendString(b, v.id)
	if v.off {
		b = append(b, `,"off":true`...)
	}
	if v.reads&readsStatus != 0 {
		b = append(b, `,"status":"`...)
		b = append(b, v.status.String()...)
		b = append(b, '"')
	}
	b = appendTime(b, `,"since":"`, v.since)
	b = appendTime(b, `,"until":"`, v.until)
	b = appendField(b, `,"text":`, v.text)
	b = appendField(b, `,"profile":`, v.prof)
	b = appendField(b, `,"cause":`, string(v.cause))
	if v.reads&readsLine != 0 {
		b = append(b, `,"line":{"state":"`...)
		b = append(b, v.line.State.String()...)
		b = append(b, '"')
		if v.line.Reach != presence.ReachUnknown {
			b = append(b, `,"reach":"`...)
			b = append(b, v.line.Reach.String()...)
			b = append(b, '"')
		}
		b = appendField(b, `,"service":`, v.line.Service)
		b = appendField(b, `,"other":`, v.line.Other)
		b = append(b, '}')
	}
	return append(b, '}')
}

func appendTime(b []byte, name string, ms int64) []byte {
	if ms == 0 {
		return b
	}
	b = append(b, name...)
	b = time.UnixMilli(ms).UTC().AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}

func appendField(b []byte, name, s string) []byte {
	if s == "" {
		return b
	}
	return appendString(append(b, name...), s)
}

// appendString leaves to encoding/json whatever is not plain.
func appendString(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' || c == 0x7f {
			q, err := json.Marshal(s)
			if err != nil { // a string always marshals
				panic(err)
			}
			return append(b, q...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// Card is what one viewer may see of a person as a whole, and do for them.
type Card struct {
	ID           string            `json:"id"`
	Name         string            `json:"name"`
	WorkNumber   string            `json:"work_number,omitempty"`
	MobileNumber string            `json:"mobile_number,omitempty"`
	HomeNumber   string            `json:"home_number,omitempty"`
	Email        string            `json:"email,omitempty"`
	Location     string            `json:"location,omitempty"`
	Relationship Level             `json:"relationship" enum:"unknown,external,employee,team_colleague,assistant,assistant_plus,self" doc:"What you are to this person."`
	May          map[string]Access `json:"may" doc:"What you may see and change: none, read or write for each right."`
	Presence     Presence          `json:"presence"`
}

// SeeCard returns what a viewer of this level may see; ok is false for a blocked viewer, to whom the person
// must look as if they did not exist.
func SeeCard(l Level, f *Facts) (c Card, ok bool) {
	if !MayRead(l, Name) {
		return Card{}, false
	}
	c = Card{ID: f.ID, Name: f.Name, WorkNumber: f.WorkNumber, Relationship: l, May: map[string]Access{}}
	for _, right := range Rights() {
		c.May[right.String()] = Of(l, right)
	}
	if MayRead(l, PrivateNumbers) {
		c.MobileNumber, c.HomeNumber, c.Email, c.Location = f.MobileNumber, f.HomeNumber, f.Email, f.Location
	}
	c.Presence = See(ClassOf(l), f).Presence()
	return c, true
}
