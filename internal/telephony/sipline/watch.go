package sipline

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/sipua"
)

// How long things take.
const (
	pingEvery  = 30 * time.Second // the system is asked whether it is there; it also keeps a NAT's door open
	pingAgain  = 5 * time.Second  // after it did not answer
	pingWait   = 8 * time.Second  // for an answer
	timerN     = 32 * time.Second // a NOTIFY has to come within it (RFC 6665 §4.1.2.4, 64*T1)
	askWait    = timerN + time.Second
	firstRetry = time.Second // between two tries to reach the system; it doubles
	mostRetry  = time.Minute
	refused    = 30 * time.Second // after the account was refused; it doubles, lest it be locked out
	mostRefuse = 15 * time.Minute
	farewell   = 2 * time.Second // for ending subscriptions when Watch ends: who is not told hears it from the next NOTIFY
	silences   = 3               // requests in a row without an answer until the system is taken for gone
	slots      = 32              // requests under way
)

// watch is what there is while a system is watched.
type watch struct {
	s     *System
	agent *sipua.Agent
	tell  func(telephony.Line)
	pace  *pace
	life  context.Context // ends with Watch
	wg    sync.WaitGroup  // lines, and what they started

	mu      sync.Mutex // guards what follows
	lines   map[string]*line
	subs    map[string]*subscription // by Call-ID
	way     *way                     // nil: there is none at present
	changed chan struct{}            // closed when way changes
	pulse   chan struct{}            // closed when the system has proved that it is there
	doubted time.Time                // when all lines were last renewed out of turn

	refusals int           // of the account, in a row
	trouble  *source.Error // why there is no way; nil: there is one, or it was not tried to its end
}

// way is one connection to the system, or a time in which it answers on UDP.
type way struct {
	route   *sipua.Route
	contact sip.Uri
	deaf    atomic.Bool  // OPTIONS are not answered
	silent  atomic.Int32 // requests in a row without an answer
	heard   atomic.Int64 // when something came last, in Unix nanoseconds
	over    chan struct{}
	once    sync.Once
}

// silent is why a system is taken for gone that there was a way to.
type silent string

func (e silent) Error() string { return string(e) }

// errNowhere is the error of a system whose name has no address.
var errNowhere = errors.New("there is no address of that name")

func (v *way) giveUp() { v.once.Do(func() { close(v.over) }) }

// Watch implements telephony.System.
func (s *System) Watch(ctx context.Context, tell func(telephony.Line)) error {
	life, end := context.WithCancel(ctx)
	defer end()
	w := &watch{s: s, tell: tell, pace: newPace(s.c.Rate), life: life, lines: map[string]*line{}, subs: map[string]*subscription{},
		changed: make(chan struct{}), pulse: make(chan struct{})}
	var err error
	w.agent, err = sipua.New(sipua.Config{Reach: s.c.Reach, Dial: s.c.Dial, ListenPacket: s.c.ListenPacket},
		map[sip.RequestMethod]sipua.Handler{sip.NOTIFY: w.notify})
	if err != nil {
		return err
	}
	defer w.agent.Close()
	s.mu.Lock()
	if s.now != nil {
		s.mu.Unlock()
		return errors.New("sip: the lines are watched already")
	}
	s.now = w
	w.follow(s.follow)
	s.mu.Unlock()
	last := w.keep(ctx)
	s.mu.Lock()
	s.now = nil
	s.mu.Unlock()
	end()
	w.wg.Wait()
	w.leave(ctx, last)
	return context.Cause(ctx)
}

// follow starts and ends lines. s.mu is held.
func (w *watch) follow(names map[string]struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, l := range w.lines {
		if _, ok := names[name]; !ok {
			close(l.stop)
			delete(w.lines, name)
		}
	}
	for name := range names {
		if w.lines[name] != nil {
			continue
		}
		l := &line{w: w, name: name, stop: make(chan struct{}), inbox: make(chan notice, 32), results: make(chan result, 1)}
		w.lines[name] = l
		var ok bool
		if l.uri, ok = w.s.address(name); !ok {
			w.s.log.Warn("a line has no address that a telephone system could have", "line", name)
			continue
		}
		w.wg.Go(func() { l.run(w.life) })
	}
}

// keep keeps a way to the system until ctx ends, and returns the last one, which is still open, or nil.
func (w *watch) keep(ctx context.Context) *way {
	down := false
	for try, retry := 0, 0; ; try++ {
		v, err := w.open(ctx, try)
		if err == nil {
			w.note(nil)
			if down {
				w.s.log.Info("the telephone system answers again", "server", w.s.c.Server)
			}
			down = false
			since := time.Now()
			w.use(v)
			err = w.hold(ctx, v)
			w.use(nil)
			if ctx.Err() != nil {
				return v
			}
			v.route.Close()
			if time.Since(since) > time.Minute {
				retry = 0
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		w.note(w.s.because(err))
		if !down {
			w.s.log.Warn("the telephone system is out of reach", "server", w.s.c.Server, "err", err)
		}
		down = true
		wait := min(firstRetry<<min(retry, 10), mostRetry)
		retry++
		if !sleep(ctx, wait-rand.N(wait/5)) {
			return nil
		}
	}
}

// note notes why there is no way; nil: there is one.
func (w *watch) note(why *source.Error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trouble = why
}

// Heard implements telephony.Reporter.
func (s *System) Heard() (now bool, trouble error) {
	s.mu.Lock()
	w := s.now
	s.mu.Unlock()
	if w == nil {
		return false, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.trouble != nil:
		return false, w.trouble
	case w.refusals > 0:
		return false, &source.Error{Kind: source.Credentials, Whole: true, Text: s.host + " does not accept the account. Correct username and password: they are those of a telephone (an extension) in the telephone system."}
	}
	return w.way != nil, nil
}

// because puts into words why there is no way to the system.
func (s *System) because(err error) *source.Error {
	e := &source.Error{Kind: source.Unavailable, Whole: true, Err: err}
	_, unknown := errors.AsType[*net.DNSError](err)
	why, gone := errors.AsType[silent](err)
	switch {
	case gone:
		e.Text = s.host + " is silent: " + string(why) + ". Look whether it runs, and whether a firewall is between."
	case unknown || errors.Is(err, errNowhere):
		e.Text = "There is no server with the name " + s.host + ". Correct the field server, or enter the telephone system in the DNS."
	default:
		found, remedy := s.explain(err)
		e.Text = found + " " + remedy
	}
	return e
}

// use sets the way that lines take from now on.
func (w *watch) use(v *way) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.way = v
	close(w.changed)
	w.changed = make(chan struct{})
}

// state returns the way, and what is closed when something happens.
func (w *watch) state() (v *way, changed, pulse <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.way, w.changed, w.pulse
}

// open connects to one of the system's addresses, and has it answer something.
func (w *watch) open(ctx context.Context, try int) (*way, error) {
	all, err := w.s.resolve(ctx)
	if err != nil {
		return nil, err
	}
	r, err := w.agent.Connect(ctx, w.s.c.Transport, all[try%len(all)], w.s.tls())
	if err != nil {
		return nil, err
	}
	v := &way{route: r, over: make(chan struct{})}
	v.contact = w.s.contact(r, nil)
	res, err := w.ping(ctx, v)
	if err != nil {
		r.Close()
		return nil, err
	}
	v.contact = w.s.contact(r, res)
	return v, nil
}

// contact is where the system reaches us: as it sees us, if it says so, as there may be a NAT between.
func (s *System) contact(r *sipua.Route, res *sip.Response) sip.Uri {
	at := r.Local
	if res != nil {
		if seen, ok := sipua.Seen(res); ok {
			at = seen
		}
	}
	return sipua.Contact(s.account().User, r.Transport, at)
}

func (s *System) tls() *tls.Config {
	return &tls.Config{RootCAs: s.c.RootCAs, ServerName: s.c.ServerName, MinVersion: tls.VersionTLS12}
}

// hold asks the system again and again whether it is there, and returns why it is not.
func (w *watch) hold(ctx context.Context, v *way) error {
	misses := 0
	for {
		wait := pingEvery - rand.N(pingEvery/10)
		if misses > 0 {
			wait = pingAgain
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		case <-v.route.Gone():
			t.Stop()
			return silent("the connection ended")
		case <-v.over:
			t.Stop()
			return silent("requests are not answered")
		case <-t.C:
		}
		began := time.Now().UnixNano()
		if _, err := w.ping(ctx, v); err != nil && v.heard.Load() < began {
			if misses++; misses == 2 {
				return err
			}
			continue
		}
		misses = 0
		w.mu.Lock()
		close(w.pulse)
		w.pulse = make(chan struct{})
		w.mu.Unlock()
	}
}

// ping returns an answer of the system, whatever it says. Where OPTIONS are not answered, it asks for the state of a line, once (RFC 6665 §4.4.3).
func (w *watch) ping(ctx context.Context, v *way) (*sip.Response, error) {
	if !v.deaf.Load() {
		target := w.s.domain
		d := sipua.NewDialog(w.s.account(), target)
		res, err := w.ask(ctx, v, func() *sip.Request {
			return d.Request(sip.OPTIONS, v.contact, sip.NewHeader("Accept", documentType))
		}, nil)
		if err == nil || ctx.Err() != nil {
			return res, err
		}
	}
	uri, ok := w.someLine()
	if !ok {
		return nil, silent("OPTIONS are not answered")
	}
	d := sipua.NewDialog(w.s.account(), uri)
	res, err := w.ask(ctx, v, func() *sip.Request { return subscribe(d, v.contact, 0) }, w.s.login)
	if err == nil {
		v.deaf.Store(true)
	}
	return res, err
}

func (w *watch) ask(ctx context.Context, v *way, request func() *sip.Request, login *sipua.Login) (*sip.Response, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, pingWait, silent(fmt.Sprintf("no answer came within %v", pingWait)))
	defer cancel()
	var res *sip.Response
	var err error
	if login != nil {
		res, err = login.Do(ctx, w.agent, v.route, request)
	} else {
		res, err = w.agent.Do(ctx, v.route, request())
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		v.heard.Store(time.Now().UnixNano())
		v.silent.Store(0)
	}
	return res, err
}

func (w *watch) someLine() (sip.Uri, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.lines {
		if l.uri.User != "" {
			return l.uri, true
		}
	}
	return sip.Uri{}, false
}

// doubt has all lines ask for their state, as one subscription turned out to be gone without a word: the system may have been started anew. No more
// than once a minute.
func (w *watch) doubt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := time.Now(); now.Sub(w.doubted) > time.Minute {
		w.doubted = now
		for _, l := range w.lines {
			select {
			case l.inbox <- notice{verify: true}:
			default:
			}
		}
	}
}

// refuse has everybody wait, as the account was refused: longer each time, but once for all those who asked together. It returns how long.
func (w *watch) refuse() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if wait := w.pace.paused(); wait > 0 {
		return wait
	}
	wait := min(refused<<min(w.refusals, 10), mostRefuse)
	w.refusals++
	w.pace.pause(wait)
	return wait
}

// accepted notes that the account was not refused.
func (w *watch) accepted() {
	w.mu.Lock()
	w.refusals = 0
	w.mu.Unlock()
}

// leave ends the subscriptions that are left, as far as there is time.
func (w *watch) leave(ctx context.Context, v *way) {
	if v == nil {
		return
	}
	defer v.route.Close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	w.mu.Lock()
	var left []*subscription
	for _, sub := range w.subs {
		left = append(left, sub)
	}
	w.mu.Unlock()
	left = slices.DeleteFunc(left, func(sub *subscription) bool {
		sub.mu.Lock()
		defer sub.mu.Unlock()
		return sub.dialog.RemoteTag == ""
	})
	var wg sync.WaitGroup
	p := newPace(100)
	for _, sub := range left {
		if p.enter(ctx) != nil {
			break
		}
		wg.Go(func() {
			defer p.leave()
			w.unsubscribe(ctx, v, sub)
		})
	}
	wg.Wait()
}

// unsubscribe ends a subscription (RFC 6665 §4.1.2.3). Whether that is heard does not matter.
func (w *watch) unsubscribe(ctx context.Context, v *way, sub *subscription) {
	w.s.login.Do(ctx, w.agent, v.route, func() *sip.Request {
		sub.mu.Lock()
		defer sub.mu.Unlock()
		return subscribe(sub.dialog, v.contact, 0)
	})
}

// resolve returns the addresses of the system, the first one first.
func (s *System) resolve(ctx context.Context) ([]netip.AddrPort, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if a, err := netip.ParseAddr(s.host); err == nil {
		port := s.port
		if port == 0 {
			port = s.c.Transport.Port()
		}
		return []netip.AddrPort{netip.AddrPortFrom(a, port)}, nil
	}
	type target struct {
		host string
		port uint16
	}
	targets := []target{{s.host, s.port}}
	if s.port == 0 {
		targets[0].port = s.c.Transport.Port()
		service, proto := "sip", string(s.c.Transport)
		if s.c.Transport == sipua.TLS {
			service, proto = "sips", "tcp" // RFC 3263 §4.1
		}
		if _, records, err := net.DefaultResolver.LookupSRV(ctx, service, proto, s.host); err == nil && len(records) > 0 {
			targets = targets[:0]
			for _, r := range records[:min(len(records), 8)] {
				targets = append(targets, target{r.Target, r.Port})
			}
		}
	}
	var all []netip.AddrPort
	var why error
	for _, t := range targets {
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", t.host)
		if err != nil {
			why = err
		}
		for _, a := range found {
			all = append(all, netip.AddrPortFrom(a.Unmap(), t.port))
		}
	}
	if len(all) == 0 {
		if why == nil {
			why = errNowhere
		}
		return nil, why
	}
	return all, nil
}

// pace keeps requests within what a system bears: so many a second, so many under way, and none while it wants to be left alone.
type pace struct {
	every time.Duration
	turns chan struct{}

	mu    sync.Mutex // guards what follows
	next  time.Time
	until time.Time
}

func newPace(rate int) *pace {
	return &pace{every: time.Second / time.Duration(rate), turns: make(chan struct{}, slots)}
}

// enter waits for a turn, or until ctx ends. Whoever got one has to leave.
func (p *pace) enter(ctx context.Context) error {
	select {
	case p.turns <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for {
		now := time.Now()
		p.mu.Lock()
		wait, mine := p.until.Sub(now), false
		if wait <= 0 {
			at := p.next
			if at.Before(now) {
				at = now
			}
			p.next = at.Add(p.every)
			wait, mine = at.Sub(now), true
		}
		p.mu.Unlock()
		if !sleep(ctx, wait) {
			p.leave()
			return context.Cause(ctx)
		}
		if mine && p.paused() <= 0 {
			return nil
		}
	}
}

func (p *pace) leave() { <-p.turns }

// pause lets nobody in for a while.
func (p *pace) pause(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(d); until.After(p.until) {
		p.until = until
	}
}

// paused is for how long nobody is let in.
func (p *pace) paused() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Until(p.until)
}

// sleep reports whether it slept to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
