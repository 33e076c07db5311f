package sipline

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/doorlight/doorlight/presence"
)

// Bounds of a document.
const (
	maxDocument = 32 << 10 // bytes
	maxDialogs  = 64       // of a line
	maxID       = 200      // bytes of a dialog's id
	maxOther    = 100      // characters of a number or name
)

// document is the body of a NOTIFY (RFC 4235 §4), read by the names of its elements, in any order and namespace: senders keep to neither.
type document struct {
	version uint32
	full    bool
	dialogs []dialog
}

// dialog is one of a line's.
type dialog struct {
	id    string
	state presence.LineState // idle: it is over
	held  bool
	other string // number or name of the other party; empty: not to be known
	mute  bool   // the document says nothing of the other party
}

type xmlDocument struct {
	XMLName xml.Name
	Version string      `xml:"version,attr"`
	State   string      `xml:"state,attr"`
	Dialogs []xmlDialog `xml:"dialog"`
}

type xmlDialog struct {
	ID        string   `xml:"id,attr"`
	CallID    string   `xml:"call-id,attr"`
	Direction string   `xml:"direction,attr"`
	State     string   `xml:"state"`
	Local     xmlParty `xml:"local"`
	Remote    xmlParty `xml:"remote"`
}

type xmlParty struct {
	Identity struct {
		Display string `xml:"display,attr"`
		URI     string `xml:",chardata"`
	} `xml:"identity"`
	Target struct {
		URI    string `xml:"uri,attr"`
		Params []struct {
			Name  string `xml:"pname,attr"`
			Value string `xml:"pval,attr"`
			Wrong string `xml:"pvalue,attr"` // Asterisk: res_pjsip_dialog_info_body_generator.c
		} `xml:"param"`
	} `xml:"target"`
}

// readDocument reads a body. Its errors quote nothing of it.
func readDocument(body []byte) (*document, error) {
	if len(body) > maxDocument {
		return nil, fmt.Errorf("the document is larger than %d bytes", maxDocument)
	}
	var x xmlDocument
	dec := xml.NewDecoder(bytes.NewReader(body))
	dec.CharsetReader = func(charset string, r io.Reader) (io.Reader, error) {
		switch strings.ToLower(charset) {
		case "iso-8859-1", "latin1", "us-ascii":
			return latin1{r}, nil
		}
		return nil, errors.New("unknown character set")
	}
	if err := dec.Decode(&x); err != nil {
		return nil, errors.New("the document is no XML that can be read")
	}
	if x.XMLName.Local != "dialog-info" {
		return nil, errors.New("the document is not about dialogs")
	}
	if len(x.Dialogs) > maxDialogs {
		return nil, fmt.Errorf("the document has more than %d dialogs", maxDialogs)
	}
	d := &document{}
	switch strings.ToLower(strings.TrimSpace(x.State)) {
	case "full", "":
		d.full = true
	case "partial":
	default:
		return nil, errors.New("the document is neither full nor partial")
	}
	version, err := strconv.ParseUint(strings.TrimSpace(x.Version), 10, 32)
	if err != nil && !d.full { // of a full one it does not matter
		return nil, errors.New("the document has no version")
	}
	d.version = uint32(version)
	for i, from := range x.Dialogs {
		to := dialog{id: cmp.Or(strings.TrimSpace(from.ID), strings.TrimSpace(from.CallID), fmt.Sprintf("#%d", i))}
		if len(to.id) > maxID {
			return nil, fmt.Errorf("a dialog's id is longer than %d bytes", maxID)
		}
		incoming := strings.EqualFold(strings.TrimSpace(from.Direction), "recipient")
		outgoing := strings.EqualFold(strings.TrimSpace(from.Direction), "initiator")
		switch strings.ToLower(strings.TrimSpace(from.State)) {
		case "trying", "proceeding", "early":
			// Whoever dials has picked up. Without a direction it rings: Asterisk and others leave it out only of what they do not know.
			if to.state = presence.LineRinging; outgoing && !incoming {
				to.state = presence.LineOnThePhone
			}
		case "confirmed":
			to.state = presence.LineOnThePhone
			to.held = from.Local.notRendering() || from.Remote.notRendering()
		case "terminated":
		default:
			return nil, errors.New("a dialog is in no state that is known")
		}
		to.other = other(from.Remote)
		to.mute = from.Remote.Identity.URI == "" && from.Remote.Identity.Display == "" && from.Remote.Target.URI == ""
		d.dialogs = append(d.dialogs, to)
	}
	return d, nil
}

// notRendering reports whether a side hears nothing: a call on hold (RFC 4235 §4.1.6.2, RFC 3840's style of parameters).
func (p xmlParty) notRendering() bool {
	for _, v := range p.Target.Params {
		if strings.EqualFold(v.Name, "+sip.rendering") && strings.EqualFold(strings.Trim(cmp.Or(v.Value, v.Wrong), `"`), "no") {
			return true
		}
	}
	return false
}

// latin1 reads ISO 8859-1 as UTF-8.
type latin1 struct{ r io.Reader }

func (l latin1) Read(p []byte) (int, error) {
	half := make([]byte, max(1, len(p)/2))
	if len(p) < 2 {
		return 0, io.ErrShortBuffer
	}
	n, err := l.r.Read(half)
	out := p[:0]
	for _, c := range half[:n] {
		out = utf8.AppendRune(out, rune(c))
	}
	return len(out), err
}

// hidden are what stands for a caller who does not want to be known (RFC 3323 §4.1, RFC 3325, and what systems write).
var hidden = map[string]bool{"anonymous": true, "unknown": true, "restricted": true, "unavailable": true, "private": true, "withheld": true, "asserted": true}

// other is the other party of a dialog: its number, else its name, else nothing.
func other(p xmlParty) string {
	name := clean(p.Identity.Display)
	if hidden[strings.ToLower(name)] {
		name = ""
	}
	best := ""
	for _, uri := range []string{p.Identity.URI, p.Target.URI} {
		user, host := userOf(uri)
		if hidden[strings.ToLower(user)] || strings.HasSuffix(strings.ToLower(host), "anonymous.invalid") {
			return "" // the name would be one of "Anonymous" in some language
		}
		if n, ok := number(user); ok {
			return n
		}
		best = cmp.Or(best, user)
	}
	return cmp.Or(name, best)
}

// clean leaves what can be shown of a text, in a bounded length.
func clean(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co) {
			return -1
		}
		return r
	}, s))
	if utf8.RuneCountInString(s) > maxOther {
		s = string([]rune(s)[:maxOther])
	}
	return s
}
