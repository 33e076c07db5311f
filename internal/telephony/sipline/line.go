package sipline

import (
	"context"

	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/sipua"
	"github.com/doorlight/doorlight/presence"
)

// How a line behaves.
const (
	verifyAfter = time.Minute      // a line with calls asks whether they last
	tellAgain   = 20 * time.Second // a state that did not change is told again after a NOTIFY
	tellIdle    = 50 * time.Second // and an idle line, when the system proved that it is there
	gapWait     = time.Second      // for what was overtaken
	maxAhead    = 16               // documents that overtook others
	stopped     = 15 * time.Minute // until a line is asked for again that the system does not know, or does not tell of
	backoff     = 2 * time.Second  // after a failure; it doubles
	mostBackoff = 5 * time.Minute
	stable      = time.Minute // a subscription that lasted so long is no failure
)

// line is one that is followed. Only run touches what follows results.
type line struct {
	w       *watch
	name    string
	uri     sip.Uri
	stop    chan struct{} // closed when it is followed no longer
	inbox   chan notice
	lost    atomic.Bool // a notice found the inbox full
	results chan result // of the request that is under way

	way       *way
	sub       *subscription // nil: none
	began     time.Time     // when it did
	asking    bool          // a request is under way
	noticed   bool          // a NOTIFY came since it was sent
	due       time.Time     // when to send the next one; zero: never
	renew     time.Time     // when the subscription is to be renewed
	ends      time.Time     // when it ends if it is not; zero: not known
	await     time.Time     // until when a NOTIFY has to come; zero: none is due
	least     time.Duration // the shortest life that the system grants
	failures  int           // in a row
	trouble   string        // that was logged
	lateSince bool          // a NOTIFY with a lower number came
	lateAsked bool          // and a renewal was answered since
	lateAgain bool          // and another one before it was

	calls   map[string]*call
	version uint32
	base    bool                 // calls are whole, as of version
	sure    bool                 // the subscription proved itself on this way
	ahead   map[uint32]*document // partial ones that overtook others
	gap     time.Time            // until when the others may come; zero: there is no gap

	told   time.Time // zero: never, or not since something was amiss
	saying telephony.Line
}

// call is one of a line's dialogs.
type call struct {
	telephony.Call
	answered bool
	spoken   string // other party while it was answered
}

// result is what became of a request.
type result struct {
	sub     *subscription
	way     *way
	expires time.Duration // that was asked for
	res     *sip.Response
	err     error
}

func (l *line) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		v, changed, pulse := l.w.state()
		now := time.Now()
		if v != l.way {
			l.moved(v, now)
		}
		l.act(ctx, now)
		timer.Reset(l.wait(now))
		select {
		case <-ctx.Done():
			return
		case <-l.stop:
			l.quit(ctx)
			return
		case <-changed:
		case <-pulse:
			l.beat(time.Now())
		case n := <-l.inbox:
			l.hear(n, time.Now())
		case r := <-l.results:
			l.answered(r, time.Now())
		case <-timer.C:
		}
	}
}

// moved takes another way. What the subscription says counts again when it has proved itself there.
func (l *line) moved(v *way, now time.Time) {
	l.way, l.sure, l.told = v, false, time.Time{}
	l.await = time.Time{}
	if v != nil {
		if now.Before(l.due) && l.sub == nil && l.failures > 0 {
			return // the system wants to be left alone with this line
		}
		l.due = now
	}
}

// wait is how long nothing has to be done.
func (l *line) wait(now time.Time) time.Duration {
	next := now.Add(time.Hour)
	for _, t := range []time.Time{l.await, l.ends, l.gap} {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	if l.way != nil && !l.asking && !l.due.IsZero() && l.due.Before(next) {
		next = l.due
	}
	return max(next.Sub(now), 0)
}

// act does what is due.
func (l *line) act(ctx context.Context, now time.Time) {
	if l.lost.Swap(false) {
		l.base, l.due = false, now
	}
	if l.due.IsZero() && l.sub == nil {
		l.due = now
	}
	if !l.gap.IsZero() && !now.Before(l.gap) {
		l.broken(now)
	}
	if !l.await.IsZero() && !now.Before(l.await) {
		l.await = time.Time{}
		l.failed(now, 0, "no NOTIFY came", false)
	}
	if l.sub != nil && !l.ends.IsZero() && !now.Before(l.ends) {
		l.drop(false)
		l.due = now
	}
	if l.way == nil || l.asking || l.due.IsZero() || now.Before(l.due) {
		return
	}
	l.due = time.Time{}
	l.ask(ctx)
}

// ask sends a SUBSCRIBE, when it is its turn.
func (l *line) ask(ctx context.Context) {
	if l.sub == nil {
		l.sub, l.began = l.w.subscribes(l), time.Now()
		l.ends, l.base, l.sure = time.Time{}, false, false
		l.lateSince, l.lateAsked, l.lateAgain = false, false, false
		clear(l.ahead)
		l.gap = time.Time{}
	}
	l.asking, l.noticed = true, false
	w, v, sub, expires := l.w, l.way, l.sub, max(l.w.s.c.Expires, l.least)
	w.wg.Go(func() {
		r := result{sub: sub, way: v, expires: expires}
		if r.err = w.pace.enter(ctx); r.err == nil {
			limited, cancel := context.WithTimeout(ctx, askWait)
			r.res, r.err = w.s.login.Do(limited, w.agent, v.route, func() *sip.Request {
				sub.mu.Lock()
				defer sub.mu.Unlock()
				return subscribe(sub.dialog, v.contact, expires)
			})
			cancel()
			w.pace.leave()
		}
		l.results <- r // there is one at a time
	})
}

// answered takes the answer to a SUBSCRIBE.
func (l *line) answered(r result, now time.Time) {
	l.asking = false
	if r.err != nil {
		if l.w.life.Err() != nil {
			return
		}
		if r.way == l.way {
			if r.way.silent.Add(1) >= silences {
				r.way.giveUp()
			}
		}
		switch {
		case r.sub != l.sub:
		case r.way != l.way: // it went with its way
			l.due = now
		default:
			l.failed(now, 0, "no answer", true)
		}
		return
	}
	r.way.silent.Store(0)
	r.way.heard.Store(now.UnixNano())
	if r.res.StatusCode != 401 && r.res.StatusCode != 407 {
		l.w.accepted()
	}
	if r.sub != l.sub {
		if r.res.IsSuccess() {
			l.end(r.sub)
		}
		return
	}
	if r.res.IsSuccess() {
		l.granted(r, now)
		return
	}
	wait := seconds(sipua.Field(r.res, "Retry-After", ""))
	why := fmt.Sprintf("the answer is %d %s", r.res.StatusCode, r.res.Reason)
	switch code := r.res.StatusCode; code {
	case 401, 407:
		// Everybody waits: it is the account of all lines.
		wait = l.w.refuse()
		l.failed(now, wait, "the account is not accepted", true)
	case 423:
		if least := seconds(sipua.Field(r.res, "Min-Expires", "")); least > r.expires {
			l.least, l.due = least, now
			return
		}
		l.failed(now, wait, why, true)
	case 481:
		l.drop(false)
		l.due = now
		if l.failures++; l.failures > 1 {
			l.due = now.Add(l.backoff())
		}
		l.w.doubt()
	case 403, 404, 405, 410, 416, 484, 489, 501, 603, 604:
		if code == 404 || code == 410 || code == 484 || code == 604 {
			why = "the telephone system does not know it"
		} else if code == 405 || code == 489 || code == 501 {
			why = "the telephone system has no dialog events (RFC 4235)"
		} else if code == 403 || code == 603 {
			why = "the telephone system does not allow it"
		}
		l.failed(now, max(wait, stopped), why, false)
	case 503:
		if wait > 0 {
			l.w.pace.pause(wait)
		}
		l.failed(now, wait, why, true)
	default:
		l.failed(now, wait, why, true)
	}
}

// granted takes a 200 or 202.
func (l *line) granted(r result, now time.Time) {
	l.sub.mu.Lock()
	l.sub.dialog.Confirm(r.res)
	l.sub.mu.Unlock()
	life := r.expires
	if e := sipua.Field(r.res, "Expires", ""); e != "" {
		if life = seconds(e); life > r.expires || life == 0 {
			life = r.expires
		}
	}
	l.lasts(life, now)
	if l.lateAsked = l.lateSince; l.lateAgain {
		l.drop(false)
		l.due = now
		return
	}
	if !l.noticed || !l.base {
		l.await = now.Add(timerN)
	}
	l.fine()
}

// lasts notes how long the subscription does.
func (l *line) lasts(life time.Duration, now time.Time) {
	l.ends = now.Add(life)
	l.renew = now.Add(life/2 + rand.N(life*3/10+1))
	l.schedule(now)
}

// schedule says when to ask next: when it is to be renewed, and sooner if it has calls.
func (l *line) schedule(now time.Time) {
	l.due = l.renew
	if verify := now.Add(verifyAfter + rand.N(verifyAfter/5)); len(l.calls) > 0 && verify.Before(l.due) {
		l.due = verify
	}
}

// fine notes that nothing is wrong.
func (l *line) fine() {
	if l.trouble != "" {
		l.trouble = ""
		l.w.s.log.Info("a line is followed again", "line", l.name)
	}
}

// failed asks again after a while: after what the system says, or longer each time. It gives up the subscription, unless it may be kept: a renewal
// that fails leaves it as it was (RFC 6665 §4.1.2.2), until it ends.
func (l *line) failed(now time.Time, wait time.Duration, why string, keep bool) {
	if now.Sub(l.began) > stable && l.sub != nil && !keep {
		l.failures = 0
	}
	if !keep || l.ends.IsZero() {
		l.drop(true)
	}
	l.failures++
	if wait <= 0 {
		wait = l.backoff()
	} else {
		wait += rand.N(wait/10 + 1)
	}
	l.due = now.Add(wait)
	if l.trouble != why && l.failures > 1 || wait >= refused && l.trouble != why {
		l.trouble = why
		l.w.s.log.Warn("a line cannot be followed", "line", l.name, "err", why)
	}
}

func (l *line) backoff() time.Duration {
	d := min(backoff<<min(max(l.failures-1, 0), 10), mostBackoff)
	return d - rand.N(d/5+1)
}

// drop has no subscription any more. Its NOTIFYs are refused; the system may be told that it is over.
func (l *line) drop(tell bool) {
	sub := l.sub
	if sub == nil {
		return
	}
	l.sub, l.base, l.sure, l.told = nil, false, false, time.Time{}
	l.ends, l.await, l.gap, l.renew = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	clear(l.ahead)
	sub.mu.Lock()
	made := sub.dialog.RemoteTag != ""
	sub.mu.Unlock()
	if tell && made {
		l.end(sub)
	} else {
		l.w.forget(sub)
	}
}

// end tells the system that a subscription is over, and takes the NOTIFY that follows.
func (l *line) end(sub *subscription) {
	w, v := l.w, l.way
	if v == nil {
		w.forget(sub)
		return
	}
	w.wg.Go(func() {
		defer w.forget(sub)
		if w.pace.enter(w.life) != nil {
			return
		}
		defer w.pace.leave()
		ctx, cancel := context.WithTimeout(w.life, pingWait)
		defer cancel()
		w.unsubscribe(ctx, v, sub)
		sleep(ctx, time.Second)
	})
}

// quit ends a line that is followed no longer.
func (l *line) quit(ctx context.Context) {
	sub := l.sub
	l.drop(true)
	if l.asking {
		r := <-l.results
		if r.err == nil && r.res.IsSuccess() && r.sub == sub && ctx.Err() == nil {
			l.way = r.way
			l.end(r.sub)
		}
	}
}

// beat is called when the system has proved that it is there. An idle line is told again; one with calls asks for itself.
func (l *line) beat(now time.Time) {
	if l.base && l.sure && l.gap.IsZero() && len(l.calls) == 0 && now.Sub(l.told) >= tellIdle {
		l.say(now)
	}
}

// hear takes a NOTIFY.
func (l *line) hear(n notice, now time.Time) {
	if n.verify {
		if l.sub != nil && !l.asking && !l.due.IsZero() {
			l.due = now
		}
		return
	}
	if n.sub != l.sub || l.sub == nil {
		return
	}
	if n.state == "terminated" {
		if !n.late {
			l.terminated(n, now)
		}
		return
	}
	if n.err != nil {
		l.w.s.log.Debug("a document cannot be read", "line", l.name, "err", n.err)
		l.failed(now, 0, n.err.Error(), false)
		return
	}
	if n.late {
		l.late(n, now)
		return
	}
	l.lateSince, l.lateAsked, l.lateAgain, l.noticed, l.sure = false, false, false, true, true
	if n.expires > 0 && (l.ends.IsZero() || now.Add(n.expires).Before(l.ends.Add(-time.Second))) {
		l.lasts(n.expires, now)
	}
	if n.state == "pending" {
		l.base, l.await, l.told = false, time.Time{}, time.Time{} // nobody has decided yet whether we may know (RFC 6665 §4.1.3)
		return
	}
	if n.doc == nil {
		return
	}
	l.take(n.doc, now)
}

// late takes a NOTIFY with a lower number than there was. It was overtaken, or the system counts anew, which is found out by asking.
func (l *line) late(n notice, now time.Time) {
	if n.doc != nil && !n.doc.full && l.base && n.doc.version > l.version {
		l.take(n.doc, now) // partial ones have an order of their own
		return
	}
	switch {
	case !l.lateSince:
		l.lateSince = true
		if !l.asking {
			l.due = now.Add(gapWait)
		}
	case l.lateAsked:
		l.drop(false)
		l.due = now
	case l.asking:
		l.lateAgain = true
	}
}

// terminated takes the last NOTIFY of a subscription (RFC 6665 §4.1.3).
func (l *line) terminated(n notice, now time.Time) {
	lasted := now.Sub(l.began) > stable
	l.drop(false)
	if lasted {
		l.failures = 0
	}
	switch n.reason {
	case "rejected", "noresource", "invariant":
		l.failed(now, stopped, "the telephone system does not tell of it", false)
	case "probation", "giveup":
		l.failed(now, max(n.retry, backoff), "the telephone system ended the subscription", false)
	default: // deactivated, timeout: at once
		l.due = now
		if l.failures++; l.failures > 1 {
			l.due = now.Add(max(l.backoff(), n.retry))
		}
	}
}

// take takes a document (RFC 4235 §4.3). A full one counts whatever its version: some count anew in the same dialog.
func (l *line) take(d *document, now time.Time) {
	if d.full {
		old := l.calls
		l.calls = make(map[string]*call, len(d.dialogs))
		for _, x := range d.dialogs {
			l.change(x, old[x.id])
		}
		l.version, l.base, l.gap = d.version, true, time.Time{}
		maps.DeleteFunc(l.ahead, func(v uint32, _ *document) bool { return v <= d.version })
	} else {
		switch {
		case !l.base:
			if l.await.IsZero() && !l.asking {
				l.broken(now) // there never was a full one
			}
			l.hold(d) // until then
			return
		case d.version <= l.version:
			return
		case d.version > l.version+1:
			l.hold(d)
			if l.gap.IsZero() {
				l.gap = now.Add(gapWait)
			}
			return
		}
		l.apply(d)
	}
	for next := l.ahead[l.version+1]; next != nil; next = l.ahead[l.version+1] {
		delete(l.ahead, l.version+1)
		l.apply(next)
	}
	if len(l.ahead) == 0 {
		l.gap = time.Time{}
	} else if l.gap.IsZero() {
		l.gap = now.Add(gapWait)
	}
	l.await = time.Time{}
	if now.Sub(l.began) > stable {
		l.failures = 0
	}
	if !l.asking && !l.renew.IsZero() && !l.lateSince {
		l.schedule(now)
	}
	if l.gap.IsZero() {
		l.say(now)
	}
}

// hold keeps a partial document until those before it are there.
func (l *line) hold(d *document) {
	if l.ahead == nil {
		l.ahead = map[uint32]*document{}
	}
	if len(l.ahead) < maxAhead {
		l.ahead[d.version] = d
	}
}

func (l *line) apply(d *document) {
	for _, x := range d.dialogs {
		l.change(x, l.calls[x.id])
	}
	l.version = d.version
}

// broken asks for a full document, as some are missing.
func (l *line) broken(now time.Time) {
	l.base, l.gap, l.told = false, time.Time{}, time.Time{}
	clear(l.ahead)
	if !l.asking {
		l.due = now
	}
}

// change sets a dialog, of which something may be known.
func (l *line) change(x dialog, was *call) {
	if x.state == presence.LineIdle {
		delete(l.calls, x.id)
		return
	}
	if l.calls[x.id] == nil && len(l.calls) >= maxDialogs {
		return
	}
	c := &call{Call: telephony.Call{ID: x.id, State: x.state, Held: x.held, Other: x.other}}
	if was != nil {
		c.answered, c.spoken = was.answered, was.spoken
		// Some say who it is only while it rings.
		if x.mute && x.state == presence.LineOnThePhone {
			if c.Other = was.Other; was.answered {
				c.Other = was.spoken // not whoever rang meanwhile under the same name: Asterisk has one for all dialogs of a line
			}
		}
	}
	if x.state == presence.LineOnThePhone {
		c.answered, c.spoken = true, c.Other
	}
	c.Reach = l.w.s.c.reach(c.Other)
	l.calls[x.id] = c
}

// say tells what the line does, if it changed or was not told for a while.
func (l *line) say(now time.Time) {
	if !l.base || !l.sure {
		return
	}
	all := make([]telephony.Call, 0, len(l.calls))
	for _, id := range slices.Sorted(maps.Keys(l.calls)) {
		all = append(all, l.calls[id].Call)
	}
	if !l.told.IsZero() && now.Sub(l.told) < tellAgain && slices.Equal(all, l.saying.Calls) {
		return
	}
	l.told, l.saying = now, telephony.Line{Line: l.name, Calls: all}
	if len(all) == 0 {
		l.saying.Calls = nil
	}
	l.w.tell(telephony.Line{Line: l.name, Calls: slices.Clone(l.saying.Calls)})
}
