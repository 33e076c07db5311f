package sipua

import (
	"crypto/rand"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Dialog is what both ends of a dialog keep (RFC 3261 §12). It is not for several goroutines at once.
type Dialog struct {
	CallID              string
	LocalTag, RemoteTag string    // the latter is empty until the other side is known
	Local, Remote       sip.Uri   // whose dialog it is; they stay as they were at first
	Target              sip.Uri   // where requests go
	Routes              []sip.Uri // by way of
	Sent                uint32    // CSeq of the last request that was sent
	Heard               uint32    // and of the last one that came; zero: none
}

// NewDialog returns one that its first request begins. The tag and the Call-ID cannot be guessed.
func NewDialog(local, remote sip.Uri) *Dialog {
	return &Dialog{CallID: rand.Text(), LocalTag: rand.Text()[:16], Local: local, Remote: remote, Target: remote}
}

// AnswerDialog returns the one that a request begins which somebody else sent, or nil if the request is not fit to begin one.
func AnswerDialog(req *sip.Request) *Dialog {
	from, to, id, contact, seq := req.From(), req.To(), req.CallID(), req.Contact(), req.CSeq()
	if from == nil || to == nil || id == nil || contact == nil || seq == nil {
		return nil
	}
	tag, ok := from.Params.Get("tag")
	if !ok || tag == "" {
		return nil
	}
	return &Dialog{CallID: string(*id), LocalTag: rand.Text()[:16], RemoteTag: tag, Local: to.Address, Remote: from.Address,
		Target: contact.Address, Routes: recorded(req, false), Heard: seq.SeqNo}
}

// Request returns the next request of the dialog, with its own number.
func (d *Dialog) Request(method sip.RequestMethod, contact sip.Uri, fields ...sip.Header) *sip.Request {
	d.Sent++
	req := sip.NewRequest(method, *d.Target.Clone())
	from := &sip.FromHeader{Address: *d.Local.Clone()}
	from.Params.Add("tag", d.LocalTag)
	to := &sip.ToHeader{Address: *d.Remote.Clone()}
	if d.RemoteTag != "" {
		to.Params.Add("tag", d.RemoteTag)
	}
	id := sip.CallIDHeader(d.CallID)
	forwards := sip.MaxForwardsHeader(70)
	for _, h := range []sip.Header{&forwards, from, to, &id, &sip.CSeqHeader{SeqNo: d.Sent, MethodName: method}, &sip.ContactHeader{Address: contact}} {
		req.AppendHeader(h)
	}
	for _, r := range d.Routes {
		req.AppendHeader(&sip.RouteHeader{Address: *r.Clone()})
	}
	for _, h := range fields {
		req.AppendHeader(h)
	}
	return req
}

// Confirm takes the other side's tag, route and target from the answer that made the dialog, or from those that follow.
func (d *Dialog) Confirm(res *sip.Response) {
	to := res.To()
	if to == nil {
		return
	}
	tag, _ := to.Params.Get("tag")
	if d.RemoteTag != "" && tag != d.RemoteTag {
		return // of another one, after a request was forked
	}
	if d.RemoteTag == "" {
		d.RemoteTag, d.Routes = tag, recorded(res, true)
	}
	if c := res.Contact(); c != nil {
		d.Target = *c.Address.Clone()
	}
}

// Order says how a request stands to those that came before it in its dialog.
type Order uint8

// Orders of requests.
const (
	Foreign Order = iota // it does not belong to the dialog
	Next                 // it is newer than all others
	Late                 // a newer one was here before, or the other side counts anew
	Again                // it was here before
)

// Take says where a request belongs, and takes what it tells of the other side if it is new. The first request may make the dialog, if it is
// there before the answer is (RFC 6665 §4.1.2.4).
func (d *Dialog) Take(req *sip.Request) Order {
	from, to, id, seq := req.From(), req.To(), req.CallID(), req.CSeq()
	if from == nil || to == nil || id == nil || seq == nil || string(*id) != d.CallID {
		return Foreign
	}
	theirs, _ := from.Params.Get("tag")
	if ours, _ := to.Params.Get("tag"); ours != d.LocalTag || theirs == "" {
		return Foreign
	}
	if d.RemoteTag == "" {
		d.RemoteTag, d.Routes = theirs, recorded(req, false)
	} else if theirs != d.RemoteTag {
		return Foreign
	}
	switch {
	case d.Heard != 0 && seq.SeqNo == d.Heard:
		return Again
	case seq.SeqNo < d.Heard:
		return Late
	}
	d.Heard = seq.SeqNo
	if c := req.Contact(); c != nil {
		d.Target = *c.Address.Clone()
	}
	return Next
}

// recorded is the route that a message was on, from here to there: backwards in an answer (RFC 3261 §12.1.2).
func recorded(m interface{ GetHeaders(string) []sip.Header }, backwards bool) []sip.Uri {
	var all []sip.Uri
	for _, h := range m.GetHeaders("Record-Route") {
		if r, ok := h.(*sip.RecordRouteHeader); ok && len(all) < 16 {
			all = append(all, *r.Address.Clone())
		}
	}
	if backwards {
		for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
			all[i], all[j] = all[j], all[i]
		}
	}
	return all
}

// Escape writes a name as the user part of a SIP URI (RFC 3261 §25.1).
func Escape(user string) string {
	var b strings.Builder
	for i := range len(user) {
		c := user[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.!~*'()&=+$,;?/", c) >= 0 {
			b.WriteByte(c)
		} else {
			const hex = "0123456789ABCDEF"
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// Unescape is the reverse of Escape. What is not well written stays as it is.
func Unescape(user string) string {
	if !strings.Contains(user, "%") {
		return user
	}
	b := make([]byte, 0, len(user))
	for i := 0; i < len(user); i++ {
		if user[i] == '%' && i+2 < len(user) {
			hi, lo := unhex(user[i+1]), unhex(user[i+2])
			if hi >= 0 && lo >= 0 {
				b = append(b, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		b = append(b, user[i])
	}
	return string(b)
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
