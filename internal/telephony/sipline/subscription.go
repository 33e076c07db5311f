package sipline

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/doorlight/doorlight/internal/telephony/sipua"
)

const documentType = "application/dialog-info+xml" // RFC 4235 §3.5

// subscription is the dialog of one. The line whose it is keeps it; NOTIFYs that belong to none are refused.
type subscription struct {
	line *line

	mu     sync.Mutex // guards what follows
	dialog *sipua.Dialog
}

// notice is what a NOTIFY said, or that a line is to ask for its state.
type notice struct {
	sub     *subscription
	late    bool // one with a higher number was here before
	seq     uint32
	state   string // active, pending, terminated
	reason  string
	retry   time.Duration // zero: it does not say
	expires time.Duration // zero: it does not say
	doc     *document     // nil: there is none
	err     error         // why it cannot be read

	verify bool
}

// subscribe returns a SUBSCRIBE, the first or a later one (RFC 4235 §3).
func subscribe(d *sipua.Dialog, contact sip.Uri, expires time.Duration) *sip.Request {
	return d.Request(sip.SUBSCRIBE, contact, sip.NewHeader("Event", "dialog"), sip.NewHeader("Accept", documentType),
		sip.NewHeader("Expires", strconv.Itoa(int(expires/time.Second))), sip.NewHeader("Allow", "NOTIFY, OPTIONS"))
}

// subscribes begins a subscription of a line. NOTIFYs find it from now on, also if they overtake the answer.
func (w *watch) subscribes(l *line) *subscription {
	sub := &subscription{line: l, dialog: sipua.NewDialog(w.s.account(), l.uri)}
	w.mu.Lock()
	w.subs[sub.dialog.CallID] = sub
	w.mu.Unlock()
	return sub
}

// forget has NOTIFYs of a subscription refused from now on.
func (w *watch) forget(sub *subscription) {
	w.mu.Lock()
	delete(w.subs, sub.dialog.CallID)
	w.mu.Unlock()
}

// notify answers a NOTIFY at once, and hands it to its line.
func (w *watch) notify(req *sip.Request, tx sip.ServerTransaction) {
	var sub *subscription
	if id := req.CallID(); id != nil {
		w.mu.Lock()
		sub = w.subs[string(*id)]
		w.mu.Unlock()
	}
	if sub == nil {
		w.agent.Answer(req, tx, 481, "Subscription Does Not Exist")
		return
	}
	if event, params := sipua.Param(sipua.Field(req, "Event", "o")); event != "dialog" || params["id"] != "" {
		w.agent.Answer(req, tx, 489, "Bad Event", sip.NewHeader("Allow-Events", "dialog"))
		return
	}
	n := read(req)
	n.sub = sub
	sub.mu.Lock() // so that notices are handed over in the order in which they were taken
	order := sub.dialog.Take(req)
	if order == sipua.Foreign {
		sub.mu.Unlock()
		w.agent.Answer(req, tx, 481, "Subscription Does Not Exist")
		return
	}
	n.late = order == sipua.Late
	if order != sipua.Again {
		select {
		case sub.line.inbox <- n:
		default:
			sub.line.lost.Store(true)
		}
	}
	sub.mu.Unlock()
	// A late one too: on UDP they overtake one another, and some senders end a subscription after any other answer (RFC 3261 §12.2.2 has 500).
	w.agent.Answer(req, tx, 200, "OK")
	if v, _, _ := w.state(); v != nil {
		v.heard.Store(time.Now().UnixNano())
	}
}

// read takes from a NOTIFY what it says.
func read(req *sip.Request) notice {
	var n notice
	if seq := req.CSeq(); seq != nil {
		n.seq = seq.SeqNo
	}
	state, params := sipua.Param(sipua.Field(req, "Subscription-State", ""))
	n.state, n.reason = state, strings.ToLower(params["reason"])
	n.retry, n.expires = seconds(params["retry-after"]), seconds(params["expires"])
	if n.state == "" {
		n.state = "active" // some leave it out
	}
	body := req.Body()
	if len(body) == 0 {
		if n.state == "active" {
			n.doc = &document{full: true} // there is nothing to tell (RFC 6665 §4.2.2): Kamailio writes so if a line has no state
		}
		return n
	}
	if t, _ := sipua.Param(sipua.Field(req, "Content-Type", "c")); t != documentType {
		n.err = fmt.Errorf("a NOTIFY holds something else than %s", documentType)
		return n
	}
	if e := sipua.Field(req, "Content-Encoding", "e"); e != "" && !strings.EqualFold(e, "identity") {
		n.err = fmt.Errorf("a NOTIFY is compressed, which was not asked for")
		return n
	}
	n.doc, n.err = readDocument(body)
	return n
}

// seconds reads a number of them, with what may follow it (Retry-After: 60 (maintenance);duration=30). Zero: it is none.
func seconds(s string) time.Duration {
	s = strings.TrimSpace(s)
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	n, err := strconv.ParseUint(s[:end], 10, 32)
	if err != nil {
		return 0
	}
	return min(time.Duration(n)*time.Second, longest)
}
