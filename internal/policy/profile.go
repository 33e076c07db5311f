package policy

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/presence"
)

// Limits on what users and administrators may enter, in characters and entries.
const (
	MaxName      = 60
	MaxText      = 120
	MaxProfiles  = 100 // in one list
	MaxNumber    = 40
	MaxDaysAhead = 365
)

// ForwardingAction is what a profile does with the telephone (F1).
type ForwardingAction string

const (
	ForwardKeep ForwardingAction = "keep"           // touch nothing
	ForwardOff  ForwardingAction = "off"            // every forwarding off
	ForwardDND  ForwardingAction = "do_not_disturb" // on the line
	ForwardTo   ForwardingAction = "forward"        // to Target
)

// ForwardingTarget is where ForwardTo goes.
type ForwardingTarget string

const (
	TargetNumber    ForwardingTarget = "number" // a fixed one
	TargetHome      ForwardingTarget = "home"   // the person's own
	TargetMobile    ForwardingTarget = "mobile"
	TargetVoicemail ForwardingTarget = "voicemail"
)

// Forwarding is the call-forwarding action of a profile. The zero value is not valid; use ForwardKeep.
type Forwarding struct {
	Action ForwardingAction `json:"action" enum:"keep,off,do_not_disturb,forward"`
	Target ForwardingTarget `json:"target,omitempty" enum:"number,home,mobile,voicemail" doc:"With action forward."`
	Number string           `json:"number,omitempty" maxLength:"40" doc:"With target number."`
}

// UserForwarding is how far a user may change a template's forwarding (P6).
type UserForwarding string

const (
	UserOwn    UserForwarding = "own"    // may set their own
	UserAdjust UserForwarding = "adjust" // may adjust the given one
	UserFixed  UserForwarding = "fixed"  // may not change it
)

// Profile is a named bundle of status, text and forwarding: a template of a scope, or a person's own.
type Profile struct {
	ID         string          `json:"id" doc:"Given by the server." readOnly:"true" required:"false"`
	Name       string          `json:"name" minLength:"1" maxLength:"60"`
	Status     presence.Status `json:"status" enum:"available,be_right_back,busy,do_not_disturb,unavailable,logged_out"`
	Text       string          `json:"text,omitempty" maxLength:"120"`
	Forwarding Forwarding      `json:"forwarding"`
}

// Template is a profile that an administrator offers centrally (P6).
type Template struct {
	Profile
	Active         bool           `json:"active" doc:"Only active templates are offered."`
	UserForwarding UserForwarding `json:"user_forwarding" enum:"own,adjust,fixed" doc:"How far users may change the forwarding."`
}

// check enters what is wrong with a profile.
func (p *Profile) check(at string, bad *fault.Fields) {
	switch n := utf8.RuneCountInString(p.Name); {
	case strings.TrimSpace(p.Name) == "":
		bad.Add(at+".name", "must not be empty")
	case n > MaxName:
		bad.Add(at+".name", "has %d characters; at most %d are allowed", n, MaxName)
	case p.Name != strings.TrimSpace(p.Name) || strings.ContainsFunc(p.Name, isControl):
		bad.Add(at+".name", "must not begin or end with a space, nor hold control characters")
	}
	CheckText(at+".text", p.Text, bad)
	p.Forwarding.check(at+".forwarding", bad)
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

// CheckText enters what is wrong with a presence text.
func CheckText(at, text string, bad *fault.Fields) {
	if n := utf8.RuneCountInString(text); n > MaxText {
		bad.Add(at, "has %d characters; at most %d are allowed", n, MaxText)
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, isControl) {
		bad.Add(at, "must be one line of valid UTF-8")
	}
}

func (f *Forwarding) check(at string, bad *fault.Fields) {
	switch f.Action {
	case ForwardKeep, ForwardOff, ForwardDND:
		if f.Target != "" || f.Number != "" {
			bad.Add(at, "action %q takes no target", f.Action)
		}
	case ForwardTo:
		switch f.Target {
		case TargetNumber:
			CheckNumber(at+".number", f.Number, bad)
			if f.Number == "" {
				bad.Add(at+".number", "must not be empty")
			}
		case TargetHome, TargetMobile, TargetVoicemail:
			if f.Number != "" {
				bad.Add(at+".number", "target %q takes no number", f.Target)
			}
		default:
			bad.Add(at+".target", "%q is none of number, home, mobile, voicemail", f.Target)
		}
	default:
		bad.Add(at+".action", "%q is none of keep, off, do_not_disturb, forward", f.Action)
	}
}

// CheckNumber enters what is wrong with a telephone number; empty is fine.
func CheckNumber(at, number string, bad *fault.Fields) {
	if len(number) > MaxNumber {
		bad.Add(at, "is too long; at most %d characters are allowed", MaxNumber)
	}
	digits := 0
	for _, r := range number {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case strings.ContainsRune("+ -/().*#", r):
		default:
			bad.Add(at, "must hold digits and + - / ( ) . * # only")
			return
		}
	}
	if number != "" && digits == 0 && !strings.ContainsAny(number, "*#") {
		bad.Add(at, "holds no digit")
	}
}

// sameName tells whether two profile names are one for a user, who does not look at capitals.
func sameName(a, b string) bool { return strings.EqualFold(a, b) }

func checkProfiles(at string, profiles []*Profile, bad *fault.Fields) {
	if len(profiles) > MaxProfiles {
		bad.Add(at, "has %d entries; at most %d are allowed", len(profiles), MaxProfiles)
	}
	for i, p := range profiles {
		p.check(index(at, i), bad)
		if j := slices.IndexFunc(profiles[:i], func(q *Profile) bool { return sameName(q.Name, p.Name) }); j >= 0 {
			bad.Add(index(at, i)+".name", "%q is taken already", p.Name)
		}
		if j := slices.IndexFunc(profiles[:i], func(q *Profile) bool { return q.ID == p.ID }); j >= 0 {
			bad.Add(index(at, i)+".id", "%q is used twice", p.ID)
		}
	}
}
