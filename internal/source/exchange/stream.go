package exchange

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/source"
)

// maxEnvelope is how many bytes one envelope of a stream may have: events of 200 mailboxes.
const maxEnvelope = 4 << 20

// metered reads no more than what is left of an envelope's allowance.
type metered struct {
	r    io.Reader
	left int
}

var errEnvelope = errors.New("an envelope is too large")

func (m *metered) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, errEnvelope
	}
	n, err := m.r.Read(p[:min(len(p), m.left)])
	m.left -= n
	return n, err
}

// envelopes reads the envelopes of a stream one by one, as they arrive.
type envelopes struct {
	most   int // bytes of one
	meter  *metered
	bounds *bounded
	d      *xml.Decoder
}

func newEnvelopes(r io.Reader) *envelopes {
	e := &envelopes{most: maxEnvelope, meter: &metered{r: r, left: maxEnvelope}}
	e.bounds = &bounded{d: xml.NewDecoder(e.meter)}
	e.d = xml.NewTokenDecoder(e.bounds)
	return e
}

// next returns the next envelope, io.EOF after the last.
func (e *envelopes) next() (*soap, error) {
	s, err := next(e.d)
	e.meter.left, e.bounds.elements = e.most, 0
	return s, err
}

// Why a stream is left.
var (
	errSilent = errors.New("nothing was heard for too long")
	errGrown  = errors.New("further mailboxes are to be heard of")
	errEmpty  = errors.New("no mailbox is left")
)

// listen keeps the stream of a group open until the group is empty or ctx ends.
func (w *watcher) listen(ctx context.Context, g *group) {
	if w.hanging != nil { // these connections are charged to the account
		select {
		case w.hanging <- struct{}{}:
			defer func() { <-w.hanging }()
		case <-ctx.Done():
			return
		}
	}
	l := w.s.newLane()
	defer l.transport.CloseIdleConnections()
	c := &stream{g: g, lane: l, last: time.Now()}
	for w.calm(ctx, g) {
		opened := time.Now()
		more, err := w.once(ctx, c)
		lived := time.Since(opened)
		if lived > w.settled() {
			c.failures = 0
		}
		switch {
		case !more:
			return
		case err == nil: // its time was up, all is well
			if lived < w.short() {
				c.failures++
			} else {
				c.failures = 0
			}
		case errors.Is(err, errGrown):
			c.missed = true // what was under way when it was left
		case errors.Is(err, errEmpty):
		default:
			c.failures++
			c.missed = true
			w.s.log.Info("a stream of exchange broke off", "server", w.s.host(g.at.url).name, "mailboxes", len(c.ids), "failures", c.failures, "err", err)
			w.broken(c, err)
			l.transport.CloseIdleConnections()
		}
		if c.failures > 0 && !w.pause(ctx, c, err) {
			return
		}
	}
}

// stream is a connection that stays open, opened anew again and again.
type stream struct {
	g        *group
	lane     *lane
	ids      []string
	speaker  string    // the mailbox it is charged to
	failures int       // in a row
	last     time.Time // it was good
	missed   bool      // something may have been
}

// once opens the stream and reads it to its end. more is false if there is nothing to hear or ctx ended.
func (w *watcher) once(ctx context.Context, c *stream) (more bool, err error) {
	conn, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	if !w.list(c, leave) {
		return false, nil
	}
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		c.g.leave = nil
		if c.g.growing != nil {
			c.g.growing.Stop()
			c.g.growing = nil
		}
	}()
	err = w.read(conn, c)
	return ctx.Err() == nil, err
}

// calm waits until no subscription has come in for a while, so that a stream is not opened anew for each. It returns
// false if ctx ended.
func (w *watcher) calm(ctx context.Context, g *group) bool {
	reopen := w.s.c.timing.reopen
	for begun := time.Now(); ; {
		w.mu.Lock()
		wait := reopen/2 - time.Since(g.joined)
		if len(g.ids) == g.size { // nobody else is about to come
			wait = reopen/10 - time.Since(g.joined)
		}
		w.mu.Unlock()
		if wait <= 0 || time.Since(begun) > 4*reopen {
			return ctx.Err() == nil
		}
		if !sleep(ctx, wait) {
			return false
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// pause waits after failures. It returns false if ctx ended.
func (w *watcher) pause(ctx context.Context, c *stream, err error) bool {
	wait := w.s.c.timing.backoff(c.failures)
	if e, ok := errors.AsType[*source.Error](err); ok {
		wait = max(wait, e.RetryAfter)
	}
	if f, ok := errors.AsType[*failure](err); ok {
		wait = max(wait, f.wait)
	}
	if e := w.s.host(c.g.at.url).gate.shut(time.Now()); e != nil {
		wait = max(wait, e.RetryAfter)
	}
	return sleep(ctx, wait)
}

// list notes the subscriptions of the group, how the stream is left if there are more of them, and whose budget it is
// charged to: for each stream another mailbox's. It returns false, and the group has no reader any more, if there are
// none.
func (w *watcher) list(c *stream, leave context.CancelCauseFunc) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.ids = c.ids[:0]
	var first, after string
	there := false
	for id, m := range c.g.ids {
		c.ids = append(c.ids, id)
		there = there || m.mailbox == c.speaker
		if first == "" || m.mailbox < first {
			first = m.mailbox
		}
		if m.mailbox > c.speaker && (after == "" || m.mailbox < after) {
			after = m.mailbox
		}
	}
	if len(c.ids) == 0 {
		c.g.reading = false
		return false
	}
	slices.Sort(c.ids)
	if !there {
		if c.speaker = after; after == "" {
			c.speaker = first
		}
	}
	c.g.leave, c.g.opened = leave, time.Now()
	return true
}

// grew has the stream of a group opened anew in a while, for a subscription that came in. What happens until then is
// kept by the server. The streams of settled groups are left seldom, because all their mailboxes are read then.
func (w *watcher) grew(g *group) {
	if g.leave == nil || g.growing != nil {
		return
	}
	leave := g.leave
	wait := max(w.s.c.timing.reopen, 6*w.s.c.timing.reopen-time.Since(g.opened))
	g.growing = time.AfterFunc(wait, func() { leave(errGrown) })
}

// broken takes the consequences of a stream that did not end as it should.
func (w *watcher) broken(c *stream, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f, _ := errors.AsType[*failure](err)
	away := w.s.c.timing.keep
	if w.s.fixed == nil {
		away = w.settled() // the mailboxes may be on another server
	}
	var lost []*member
	switch {
	case f != nil && lostCodes[f.code], c.failures >= 3 && !unanswered(err), c.failures >= 3 && time.Since(c.last) > away:
		// Elsewhere, or not at all. A server that is only away for a while keeps what it has.
		for _, m := range c.g.ids {
			lost = append(lost, m)
		}
	case f != nil && (f.told.Kind == source.NotAllowed || f.told.Kind == source.NotFound) && f.scope == ofMailbox:
		for _, m := range c.g.ids { // the account may not act for it any more, or it is gone
			if m.mailbox == c.speaker {
				lost = append(lost, m)
			}
		}
	case f != nil && busy[f.code] && f.wait <= 0:
		// Its budget is used up: another mailbox's is asked for next. list takes the one that comes after.
		c.speaker += "\x00"
	}
	if c.failures >= 2 {
		for _, m := range c.g.ids {
			w.deaf(m)
		}
	}
	for _, m := range lost {
		w.lose(m)
	}
}

// lose notes that a subscription is no more. The mailbox may be elsewhere by now.
func (w *watcher) lose(m *member) {
	w.deaf(m)
	w.s.forget(m.key)
	m.alone = true
	w.part(m, false)
	wait := w.short()
	if time.Since(m.at) > w.settled() {
		m.failures = 0
	}
	if m.failures++; m.failures > 1 { // it is lost again and again
		wait = w.s.c.timing.backoff(int(m.failures))
	}
	w.schedule(m, time.Now().Add(wait))
}

// settled is how long a subscription or a stream has to live for what went wrong before to be forgotten.
func (w *watcher) settled() time.Duration { return 30 * w.s.c.timing.wait }

// noted takes in what a stream tells.
func (w *watcher) noted(g *group, m *message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range m.Notifications {
		n := &m.Notifications[i]
		if who := g.ids[strings.TrimSpace(n.SubscriptionID)]; who != nil && n.changed() {
			w.gather(who)
		}
	}
	all := len(m.Lost) == len(g.ids) // rather a restart of the server
	for _, id := range m.Lost {
		if who := g.ids[strings.TrimSpace(id)]; who != nil {
			if !who.heard && !all {
				w.scattered[g.place] = true
			}
			w.lose(who)
		}
	}
}

// open notes that the server talks on a stream.
func (w *watcher) open(c *stream) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range c.ids {
		if m := c.g.ids[id]; m != nil {
			m.heard = true
			if c.missed {
				w.gather(m)
			}
		}
	}
	for id := range c.g.ids {
		if _, listed := slices.BinarySearch(c.ids, id); !listed {
			w.grew(c.g)
			break
		}
	}
	c.missed, c.last = false, time.Now()
}

// unanswered reports whether an error is not the server's answer, but that there is none.
func unanswered(err error) bool {
	if f, ok := errors.AsType[*failure](err); ok {
		return f.scope == ofServer || f.scope == ofSilence
	}
	e, ok := errors.AsType[*source.Error](err)
	return ok && e.Kind == source.Unavailable
}

// read opens the connection and reads it until it ends; nil if the server closed it because its time was up.
func (w *watcher) read(ctx context.Context, c *stream) error {
	s := w.s
	h := s.host(c.g.at.url)
	leave, refused, err := h.gate.enter(ctx)
	if err != nil {
		return err
	}
	if refused != nil {
		return s.whole(refused)
	}
	entered := true
	defer func() {
		if entered {
			leave()
		}
	}()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(s.c.Timeout, func() { cancel(errSilent) })
	defer watch.Stop()
	w.mu.Lock()
	way := c.g.route()
	w.mu.Unlock()
	who := s.person(c.speaker)
	r := request{key: strings.ToLower(c.speaker), who: who, at: c.g.at, route: way, body: func(bw *writer) { bw.getStreamingEvents(c.ids, s.c.timing.minutes) }}
	// fail settles a failure, unless the connection was left on purpose.
	fail := func(f *failure) error {
		switch cause := context.Cause(ctx); {
		case cause == nil:
		case !errors.Is(cause, errSilent):
			return cause
		default:
			f = explainNetwork(context.Background(), h.name, s.c.timing.silence, context.DeadlineExceeded)
		}
		if entered || f.scope != ofSilence { // a stream that broke says little about the server: opening it anew will
			s.settle(h, r, f)
		}
		return f
	}
	resp, f := s.post(ctx, context.Background(), h, c.lane, r)
	if f != nil {
		return fail(f)
	}
	defer resp.Body.Close()
	in := newEnvelopes(resp.Body)
	if resp.StatusCode != http.StatusOK {
		if answer, err := in.next(); err == nil {
			if refused := answer.refused(); refused != nil {
				refused.status = resp.StatusCode
				return fail(s.explainRefusal(refused, h.name, r.impersonated()))
			}
		}
		return fail(explainStatus(resp, h.name))
	}
	watch.Reset(s.c.timing.silence)
	for {
		answer, err := in.next()
		switch {
		case errors.Is(err, io.EOF):
			return fail(explainNetwork(context.Background(), h.name, s.c.Timeout, io.ErrUnexpectedEOF))
		case err != nil:
			if _, ok := errors.AsType[*xml.SyntaxError](err); ok || errors.Is(err, errEnvelope) || errors.Is(err, errTooDeep) || errors.Is(err, errTooMany) {
				return fail(garbled(h.name, err))
			}
			return fail(explainNetwork(context.Background(), h.name, s.c.Timeout, err))
		}
		watch.Reset(s.c.timing.silence)
		if refused := answer.refused(); refused != nil {
			return fail(s.explainRefusal(refused, h.name, r.impersonated()))
		}
		closed := false
		for i := range answer.messages() {
			m := &answer.messages()[i]
			w.noted(c.g, m)
			if refused := m.refused(); refused != nil && len(m.Lost) == 0 {
				return fail(s.explainRefusal(refused, h.name, r.impersonated()))
			}
			closed = closed || strings.TrimSpace(m.Status) == "Closed"
		}
		if entered {
			entered = false
			h.gate.good()
			h.unsigned.Store(0)
			leave()
			w.open(c)
		}
		if closed {
			return nil
		}
	}
}
