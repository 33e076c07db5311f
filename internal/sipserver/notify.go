package sipserver

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"maps"
	"math"
	mathrand "math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// enqueue notes that there may be something to tell. One notification of a subscription is under way at a time; the next says how things are
// then. The caller holds the lock.
func (s *Server) enqueue(sub *subscription) {
	if sub.gone || s.closing {
		return
	}
	sub.pending = true
	if sub.under {
		return
	}
	sub.under = true
	s.queue = append(s.queue, sub)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// dispatch sends what is queued. Telephones that answer soon are told by up to mostReady goroutines; those that do not wait apart from them,
// so that however many are switched off, the others are told at once.
func (s *Server) dispatch(ctx context.Context) {
	for {
		s.mu.Lock()
		batch := s.queue
		s.queue = nil
		s.mu.Unlock()
		for i, sub := range batch {
			select {
			case s.ready <- struct{}{}:
			case <-ctx.Done():
				return
			}
			batch[i] = nil
			s.work.Go(func() { s.notify(ctx, sub) })
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return
		}
	}
}

// notice is a notification that is about to be sent.
type notice struct {
	body    []byte
	kind    string // Content-Type
	members []int  // of a list: whom it tells of
	rest    []int  // of a list: for whom there is no room
	full    bool   // of a list: everybody is named
	edit    int    // of a list: which it was
	forced  bool   // it is sent also if it says nothing new
	flow    *flow  // that it was sent by
}

// notify tells a telephone how things are, if that is not what it was told last.
func (s *Server) notify(ctx context.Context, sub *subscription) {
	ready := true
	release := func() {
		if ready {
			ready = false
			<-s.ready
		}
	}
	defer release()
	req, f, n := s.prepare(sub)
	if req == nil {
		s.done(sub)
		return
	}
	defer req.free()
	if f.dead() {
		if g := s.redial(ctx, sub, f); g != nil {
			f, n.flow = g, g
		} else {
			// The telephone is told when it comes back, which it does at the latest to renew.
			s.unheard(sub, n, false)
			return
		}
	}
	s.mu.Lock()
	s.under++
	s.mu.Unlock()
	code := s.deliver(ctx, f, req, release)
	s.mu.Lock()
	s.under--
	over := req.over
	s.mu.Unlock()
	switch {
	case over:
		if code >= 200 && code < 300 {
			s.count.notified.Add(1)
		}
		s.drop(sub)
	case code >= 200 && code < 300:
		s.count.notified.Add(1)
		s.mu.Lock()
		sub.failed = 0
		s.mu.Unlock()
		s.done(sub)
	case endsDialog(code):
		s.count.ended.Add(1)
		s.drop(sub)
	default:
		if code == 0 {
			s.count.unanswered.Add(1)
		}
		s.unheard(sub, n, true)
	}
}

// endsDialog reports whether an answer says that a telephone knows nothing of a subscription, or never will (RFC 5057 §5.1, RFC 6665 §4.2.2).
func endsDialog(code int) bool {
	switch code {
	case 404, 405, 410, 416, 481, 482, 483, 484, 485, 489, 501, 604:
		return true
	}
	return false
}

// prepare makes the notification that is to be sent; nil: none is.
func (s *Server) prepare(sub *subscription) (*message, *flow, *notice) {
	s.mu.Lock()
	sub.pending = false
	if sub.gone || s.closing {
		s.mu.Unlock()
		return nil, nil, nil
	}
	viewer, person, entity, p := sub.viewer, sub.who.person, sub.entity, sub.pack
	n := &notice{forced: sub.due, kind: p.contentType()}
	var users []string
	var people []one
	stream := sub.flow.conn != nil
	if l := sub.list; l != nil {
		n.edit, n.full = l.edit, !l.named
		n.members = slices.Sorted(maps.Keys(l.dirty))
		users = l.users // never changed in place
		people = slices.Clone(l.people)
		clear(l.dirty)
	}
	mute := sub.over != "" && sub.over != "timeout"
	s.mu.Unlock()

	// What is seen is looked up without the lock.
	var doc *document
	var docs map[int]*document
	switch {
	case mute:
	case users == nil:
		doc = s.see(viewer, person, p)
	default:
		docs = map[int]*document{}
		room := largestDatagram
		if stream {
			room = largestStream
		}
		var told []int
		for at, i := range n.members {
			d := s.see(viewer, people[i].person, p)
			if d.sum == people[i].told && !n.full {
				continue
			}
			size := 400 + len(entity)*4
			for _, x := range d.parts {
				size += len(x.text)
			}
			if room -= size; room < 0 && len(told) > 0 {
				n.rest = slices.Clone(n.members[at:])
				break
			}
			docs[i] = d
			told = append(told, i)
		}
		n.members = told
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if sub.gone || s.closing {
		return nil, nil, nil
	}
	if l := sub.list; l != nil {
		if l.edit != n.edit {
			sub.pending = true // somebody edited it meanwhile
			return nil, nil, nil
		}
		for _, i := range n.rest {
			l.dirty[i] = struct{}{}
			sub.pending = true
		}
	}
	switch {
	case n.forced:
	case users == nil && doc != nil && doc.sum == sub.who.told:
		return nil, nil, nil
	case users != nil && len(n.members) == 0:
		return nil, nil, nil
	}
	sub.due = false
	switch {
	case mute:
	case users == nil:
		n.body = doc.render(entity, sub.version)
		sub.who.told = doc.sum
		sub.version++
	default:
		host := hostOf(entity)
		var items []item
		for i, u := range users {
			d := docs[i]
			if d == nil && !n.full {
				continue
			}
			x := item{entity: memberOf(u, host), id: "m" + strconv.Itoa(i)}
			if d != nil {
				m := &sub.list.people[i]
				x.body = d.render(x.entity, m.version)
				m.version++
				m.told = d.sum
			}
			items = append(items, x)
		}
		boundary := newTag()
		n.body = listState(entity, sub.version, n.full, p, items, boundary)
		n.kind = `multipart/related;type="application/rlmi+xml";start="<list@` + boundary + `>";boundary="` + boundary + `"`
		sub.list.named = true
		sub.version++
	}
	n.flow = sub.flow
	return s.request(sub, n.kind, n.body, ""), sub.flow, n
}

// see returns the document of what a viewer sees of somebody; of nobody if person is empty.
func (s *Server) see(viewer, person string, p pack) *document {
	var v View
	if person != "" {
		if seen, ok := s.c.Presences.See(viewer, person); ok {
			v = seen
		}
	}
	return s.docs.of(class{p, s.c.LampForBusy && p == packDialog, v})
}

// message is a NOTIFY as it is sent.
type message struct {
	buf    *bytes.Buffer
	branch string
	over   bool // it ends the subscription
}

// free gives its buffer back. Nothing is sent after that.
func (m *message) free() {
	if m.buf.Cap() <= 64<<10 {
		buffers.Put(m.buf)
	}
	m.buf = nil
}

// request makes the next NOTIFY of a dialog. The caller holds the lock. A storm is thousands of these: so it is written as it is sent, without
// the library.
func (s *Server) request(sub *subscription, kind string, body []byte, retryAfter string) *message {
	var random [12]byte
	rand.Read(random[:])
	m := &message{buf: buffers.Get().(*bytes.Buffer), branch: sip.RFC3261BranchMagicCookie + hex.EncodeToString(random[:]), over: sub.over != ""}
	m.buf.Reset()
	w := lineWriter{m.buf}
	w.add("NOTIFY ", sub.target, " SIP/2.0\r\nVia: SIP/2.0/", sub.flow.network(), " ", sub.via, ";branch=", m.branch, ";rport\r\nMax-Forwards: 70\r\n")
	for _, r := range sub.routes {
		w.add("Route: ", r, "\r\n")
	}
	w.add("From: ", sub.from, "\r\nTo: ", sub.to, "\r\nCall-ID: ", sub.id.callID, "\r\nCSeq: ")
	w.number(uint64(sub.cseq))
	w.add(" NOTIFY\r\nContact: ", sub.contact, "\r\nEvent: ", sub.event, "\r\nSubscription-State: ")
	if m.over {
		w.add("terminated;reason=", sub.over)
		if retryAfter != "" {
			w.add(";retry-after=", retryAfter)
		}
	} else {
		w.add("active;expires=")
		w.number(uint64(max(0, time.Until(sub.until).Round(time.Second)/time.Second)))
	}
	if sub.list != nil {
		w.add("\r\nRequire: eventlist")
	}
	if body != nil {
		w.add("\r\nContent-Type: ", kind)
	}
	w.add("\r\nContent-Length: ")
	w.number(uint64(len(body)))
	w.add("\r\n\r\n")
	m.buf.Write(body)
	sub.cseq++
	return m
}

// lineWriter writes texts one behind the other.
type lineWriter struct{ *bytes.Buffer }

func (w lineWriter) add(texts ...string) {
	for _, t := range texts {
		w.WriteString(t)
	}
}

func (w lineWriter) number(n uint64) { w.Write(strconv.AppendUint(w.AvailableBuffer(), n, 10)) }

// hostPort is how a host and a port stand in Via.
func hostPort(host string, port uint16) string {
	return net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(int(port)))
}

// deliver sends a notification and returns the code of its answer, 0 if there was none: the client's part of a transaction that is no INVITE
// (RFC 3261 §17.1.2). slow is called when the answer takes long.
func (s *Server) deliver(ctx context.Context, f *flow, m *message, slow func()) (code int) {
	answer := s.trans.expect(m.branch)
	defer s.trans.forget(m.branch)
	if f.write(m.buf.Bytes()) != nil {
		return 0
	}
	began := time.Now()
	limit, pause := s.timing.slow, sip.T1 // timer E
	again := pause
	if f.conn != nil {
		again = math.MaxInt64 // the connection sees to it
	}
	wait := time.NewTimer(min(limit, again))
	defer wait.Stop()
	waiting := false
	defer func() {
		if waiting {
			s.mu.Lock()
			s.waiting--
			s.mu.Unlock()
		}
	}()
	for {
		select {
		case code := <-answer:
			return code
		case <-ctx.Done():
			return 0
		case <-wait.C:
		}
		passed := time.Since(began)
		if passed >= limit {
			if waiting {
				return 0
			}
			slow()
			s.mu.Lock()
			if s.waiting >= mostWaiting {
				s.mu.Unlock()
				return 0
			}
			s.waiting++
			s.mu.Unlock()
			waiting, limit = true, max(s.timing.patience, s.timing.slow)
		}
		if passed >= again {
			if f.write(m.buf.Bytes()) != nil {
				return 0
			}
			pause = min(2*pause, sip.T2)
			again = passed + pause
		}
		wait.Reset(max(min(limit, again)-passed, 0))
	}
}

// done ends a notification, and has the next follow if there is something to tell.
func (s *Server) done(sub *subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub.under = false
	if sub.pending {
		s.enqueue(sub)
	}
}

// drop forgets a subscription.
func (s *Server) drop(sub *subscription) {
	s.mu.Lock()
	stops := s.leave(sub)
	s.mu.Unlock()
	for _, stop := range stops {
		stop()
	}
}

// unheard deals with a notification that was not taken: all that it said is to be told again, later and ever later.
func (s *Server) unheard(sub *subscription, n *notice, again bool) {
	s.mu.Lock()
	sub.due = true
	if l := sub.list; l != nil && l.edit == n.edit {
		for _, i := range n.members {
			l.dirty[i] = struct{}{}
			l.people[i].told = 0
		}
		if n.full {
			l.named = false
		}
	}
	if sub.flow != n.flow && sub.over == "" {
		// It was renewed meanwhile.
		sub.under = false
		s.enqueue(sub)
		s.mu.Unlock()
		return
	}
	if !again {
		sub.failed = max(sub.failed, 1)
	} else {
		sub.failed++
	}
	if sub.failed >= mostUnanswered || sub.over != "" {
		s.mu.Unlock()
		s.drop(sub)
		return
	}
	sub.under, sub.pending = false, false
	failed := sub.failed
	s.mu.Unlock()
	if again {
		time.AfterFunc(s.timing.again<<(failed-1), func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if sub.failed == failed { // it was not heard of meanwhile
				s.enqueue(sub)
			}
		})
	}
}

// redial opens a connection to a telephone that closed its own, where it says that it listens, if that is the address it had. It returns nil if
// that cannot be done. Nobody else is called because a telephone says so.
func (s *Server) redial(ctx context.Context, sub *subscription, f *flow) *flow {
	s.mu.Lock()
	to, ok := contactAt(sub.target, f.remote.Addr())
	ok = ok && len(sub.routes) == 0
	s.mu.Unlock()
	if !ok || f.socket.network != "tcp" {
		return nil
	}
	// One connection serves all its subscriptions.
	s.mu.Lock()
	d := s.dials[to]
	if d == nil || d.flow != nil && d.flow.dead() {
		d = &dialled{done: make(chan struct{})}
		s.dials[to] = d
		s.work.Go(func() {
			g, err := s.dial(ctx, f.socket, to)
			s.mu.Lock()
			if d.flow = g; err != nil {
				delete(s.dials, to)
			}
			s.mu.Unlock()
			close(d.done)
		})
	}
	s.mu.Unlock()
	<-d.done
	if d.flow == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub.flow == f {
		sub.flow = d.flow
	}
	return d.flow
}

// farewell tells all telephones to subscribe again in a while. What they show would otherwise stay as it is until they renew. Nobody waits for their answers.
func (s *Server) farewell() {
	until := time.Now().Add(s.timing.farewell)
	s.mu.Lock()
	all := make([]*subscription, 0, len(s.subs))
	for _, sub := range s.subs {
		all = append(all, sub)
	}
	s.mu.Unlock()
	for _, sub := range all {
		if time.Now().After(until) {
			s.log.Info("sip telephones were not all told that the server ends", "subscriptions", len(all))
			return
		}
		s.mu.Lock()
		if sub.gone || sub.flow.dead() {
			s.mu.Unlock()
			continue
		}
		sub.over = "probation"
		req := s.request(sub, "", nil, strconv.Itoa(10+mathrand.IntN(50)))
		f := sub.flow
		s.mu.Unlock()
		f.write(req.buf.Bytes())
		req.free()
	}
}

// hostOf returns the host part of an address that entityOf made, with its port.
func hostOf(entity string) string {
	_, rest, _ := strings.Cut(entity, ":")
	if _, h, ok := strings.Cut(rest, "@"); ok {
		return h
	}
	return rest
}

// memberOf returns the address of somebody on a list.
func memberOf(user, host string) string {
	if strings.Contains(user, "@") {
		return "sip:" + user
	}
	u := addressOf(user)
	return strings.TrimSuffix(u, "anonymous.invalid") + host
}
