package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
)

const (
	sipAccounts = 400
	sipLamps    = 50 // of each account
	sipPeople   = 400
	sipSockets  = 8
	sipBatch    = 64 // messages read and written at a time
)

// phones are telephones whose lamps watch people: the load. All have one of a few sockets, each of which is one goroutine's.
type phones struct {
	server  netip.AddrPort
	sockets []*phoneSocket
	work    sync.WaitGroup

	set       atomic.Int64 // lamps that are subscribed, and were told once
	refused   atomic.Int64 // answers that nobody expected
	delivered atomic.Int64 // notifications of changes
	again     atomic.Int64 // those that were sent twice, or came after a later one
	began     time.Time
	sent      [50_000]atomic.Int64 // when each change was made, in nanoseconds since began
	made      int                  // changes
}

// phoneSocket is what some accounts share.
type phoneSocket struct {
	p        *phones
	conn     *net.UDPConn
	accounts []*phoneAccount

	mu     sync.Mutex // guards what follows, for who looks from outside
	last   []int32    // of each lamp: the change that it shows; -1: it was told nothing yet
	delays []time.Duration
}

// phoneAccount subscribes to one lamp after the other.
type phoneAccount struct {
	index  int
	lamp   int // that is being subscribed to
	cseq   int
	nonce  string
	nc     int
	asked  []byte // the request under way
	at     time.Time
	signed bool
}

// watchedBy returns who a lamp is of: everybody is watched by as many.
func watchedBy(account, lamp int) int { return (account + lamp*sipPeople/sipLamps) % sipPeople }

func newPhones(server netip.AddrPort) (*phones, error) {
	p := &phones{server: server, began: time.Now()}
	for range sipSockets {
		conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(loopback), net.UDPAddrFromAddrPort(server))
		if err != nil {
			p.close()
			return nil, err
		}
		conn.SetReadBuffer(4 << 20)
		k := &phoneSocket{p: p, conn: conn}
		p.sockets = append(p.sockets, k)
	}
	for i := range sipAccounts {
		k := p.sockets[i%sipSockets]
		k.accounts = append(k.accounts, &phoneAccount{index: i})
		for range sipLamps {
			k.last = append(k.last, -1)
		}
	}
	return p, nil
}

func (p *phones) close() {
	for _, k := range p.sockets {
		k.conn.Close()
	}
	p.work.Wait()
}

// subscribe has all lamps subscribed to.
func (p *phones) subscribe(ctx context.Context, limit time.Duration) error {
	for _, k := range p.sockets {
		p.work.Go(k.run)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for p.set.Load() < sipAccounts*sipLamps {
		select {
		case <-ctx.Done():
			return fmt.Errorf("of %d lamps %d are subscribed to; %d answers were refusals", sipAccounts*sipLamps, p.set.Load(), p.refused.Load())
		case <-time.After(2 * time.Millisecond):
		}
	}
	return nil
}

// run reads what comes, answers it, and has its accounts subscribe, until the socket is closed.
func (k *phoneSocket) run() {
	c := ipv4.NewPacketConn(k.conn)
	in, out := make([]ipv4.Message, sipBatch), make([]ipv4.Message, 0, 2*sipBatch)
	for i := range in {
		in[i].Buffers = [][]byte{make([]byte, 4096)}
	}
	spare := make([][]byte, 2*sipBatch)
	put := func(write func(b []byte) []byte) {
		i := len(out)
		if i == cap(out) {
			flush(c, out)
			out, i = out[:0], 0
		}
		spare[i] = write(spare[i][:0])
		out = append(out, ipv4.Message{Buffers: [][]byte{spare[i]}})
	}
	for _, a := range k.accounts {
		put(func(b []byte) []byte { return append(b, k.ask(a)...) })
	}
	flush(c, out)
	out = out[:0]
	looked := time.Now()
	for {
		k.conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		n, err := c.ReadBatch(in, 0)
		if err != nil && errors.Is(err, net.ErrClosed) {
			return
		}
		now := time.Now()
		k.mu.Lock()
		for i := range max(n, 0) {
			data := in[i].Buffers[0][:in[i].N]
			if bytes.HasPrefix(data, []byte("NOTIFY ")) {
				put(func(b []byte) []byte { return k.heard(b, data, now) })
			} else if a := k.answered(data); a != nil {
				put(func(b []byte) []byte { return append(b, k.ask(a)...) })
			}
		}
		k.mu.Unlock()
		if now.Sub(looked) > 200*time.Millisecond {
			looked = now
			for _, a := range k.accounts {
				if a.lamp < sipLamps && now.Sub(a.at) > 500*time.Millisecond { // T1
					a.at = now
					put(func(b []byte) []byte { return append(b, a.asked...) })
				}
			}
		}
		flush(c, out)
		out = out[:0]
	}
}

func flush(c *ipv4.PacketConn, out []ipv4.Message) {
	for len(out) > 0 {
		n, err := c.WriteBatch(out, 0)
		if err != nil || n <= 0 {
			return // what is not sent comes again
		}
		out = out[n:]
	}
}

// ask makes the request for an account's next lamp.
func (k *phoneSocket) ask(a *phoneAccount) []byte {
	a.cseq++
	number, at := sipNumber(watchedBy(a.index, a.lamp)), k.conn.LocalAddr().String()
	uri := "sip:" + number + "@" + sipRealm
	var b strings.Builder
	fmt.Fprintf(&b, "SUBSCRIBE %[1]s SIP/2.0\r\nVia: SIP/2.0/UDP %[2]s;branch=z9hG4bK%[3]d.%[4]d.%[5]d;rport\r\nMax-Forwards: 70\r\nFrom: <sip:%[6]s@%[7]s>;tag=a%[3]d.%[4]d\r\nTo: <%[1]s>\r\nCall-ID: %[3]d.%[4]d.bench\r\nCSeq: %[5]d SUBSCRIBE\r\n"+
		"Contact: <sip:%[6]s@%[2]s>\r\nEvent: dialog\r\nAccept: application/dialog-info+xml\r\nExpires: 3600\r\n",
		uri, at, a.index, a.lamp, a.cseq, sipAccount(a.index), sipRealm)
	if a.signed = a.nonce != ""; a.signed {
		a.nc++
		hash := func(t string) string { return fmt.Sprintf("%x", md5.Sum([]byte(t))) }
		nc := fmt.Sprintf("%08x", a.nc)
		response := hash(hash(sipAccount(a.index)+":"+sipRealm+":"+sipPassword) + ":" + a.nonce + ":" + nc + ":c0ffee:auth:" + hash("SUBSCRIBE:"+uri))
		fmt.Fprintf(&b, "Authorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", response=\"%s\", algorithm=MD5, cnonce=\"c0ffee\", qop=auth, nc=%s\r\n",
			sipAccount(a.index), sipRealm, a.nonce, uri, response, nc)
	}
	b.WriteString("Content-Length: 0\r\n\r\n")
	a.asked, a.at = []byte(b.String()), time.Now()
	return a.asked
}

// answered deals with an answer to a request. It returns the account if that has more to ask.
func (k *phoneSocket) answered(data []byte) *phoneAccount {
	account, lamp, ok := callOf(data)
	if !ok || len(data) < 12 || account >= sipAccounts || account%sipSockets != k.accounts[0].index {
		return nil
	}
	a := k.accounts[account/sipSockets]
	_, rest, _ := bytes.Cut(data, []byte("\r\nCSeq: "))
	if lamp != a.lamp || number(rest) != a.cseq {
		return nil // it was answered before
	}
	switch {
	case data[8] == '1':
	case data[8] == '2':
		if a.lamp++; a.lamp < sipLamps {
			return a
		}
	case bytes.HasPrefix(data[8:], []byte("401")):
		_, rest, _ := bytes.Cut(data, []byte(`nonce="`))
		nonce, _, ok := bytes.Cut(rest, []byte(`"`))
		if !ok || a.signed && string(nonce) == a.nonce {
			k.p.refused.Add(1)
			return nil
		}
		a.nonce, a.nc = string(nonce), 0
		return a
	default:
		k.p.refused.Add(1)
	}
	return nil
}

var (
	crlf    = []byte("\r\n")
	showing = []byte(`display="`)
	kept    = [][]byte{[]byte("Via:"), []byte("From:"), []byte("To:"), []byte("Call-ID:"), []byte("CSeq:")}
)

// heard notes a notification, and writes its answer.
func (k *phoneSocket) heard(b, data []byte, now time.Time) []byte {
	b = append(b, "SIP/2.0 200 OK\r\n"...)
	head := data
	for {
		i := bytes.Index(head, crlf)
		if i <= 0 {
			break
		}
		line := head[:i+2]
		head = head[i+2:]
		for _, h := range kept {
			if bytes.HasPrefix(line, h) {
				b = append(b, line...)
				break
			}
		}
	}
	b = append(b, "Content-Length: 0\r\n\r\n"...)
	account, lamp, ok := callOf(data)
	if !ok || account >= sipAccounts || lamp >= sipLamps || account%sipSockets != k.accounts[0].index {
		k.p.refused.Add(1)
		return b
	}
	at := account/sipSockets*sipLamps + lamp
	change := 0
	if i := bytes.Index(head, showing); i >= 0 {
		change = number(head[i+len(showing):])
	}
	if int32(change) <= k.last[at] {
		k.p.again.Add(1) // it was sent twice, or overtaken by a later one
		return b
	}
	if k.last[at] < 0 {
		k.p.set.Add(1)
	} else {
		k.p.delivered.Add(1)
		if change < len(k.p.sent) {
			k.delays = append(k.delays, now.Sub(k.p.began)-time.Duration(k.p.sent[change].Load()))
		}
	}
	k.last[at] = int32(change)
	return b
}

// callOf returns whose call a message is of.
func callOf(data []byte) (account, lamp int, ok bool) {
	_, rest, ok := bytes.Cut(data, []byte("\r\nCall-ID: "))
	if !ok {
		return 0, 0, false
	}
	a, rest, ok := bytes.Cut(rest, []byte("."))
	return number(a), number(rest), ok
}

// number reads the digits that a text begins with.
func number(b []byte) (n int) {
	for _, c := range b {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// changer makes a person's line show a change.
type changer interface {
	change(person, n int) error
	close()
}

// controlled tells our server what changes, by its control socket.
type controlled struct{ c net.Conn }

func (c controlled) change(person, n int) error {
	_, err := fmt.Fprintf(c.c, "%s %d\n", personID(person), n)
	return err
}

func (controlled) close() {} // whoever started the server closes it

// publisher tells Kamailio what changes (RFC 3903).
type publisher struct {
	conn *net.UDPConn
	work sync.WaitGroup

	mu      sync.Mutex // guards what follows
	people  []published
	refused int
	answers int // how many there were
}

type published struct {
	etag  string
	cseq  int
	asked []byte // the request under way; nil: none is
	at    time.Time
	next  int // that is to be published when there is the answer; 0: nothing is
}

func newPublisher(server netip.AddrPort) (*publisher, error) {
	conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(loopback), net.UDPAddrFromAddrPort(server))
	if err != nil {
		return nil, err
	}
	conn.SetReadBuffer(4 << 20)
	p := &publisher{conn: conn, people: make([]published, sipPeople)}
	p.work.Go(p.run)
	return p, nil
}

func (p *publisher) close() {
	p.conn.Close()
	p.work.Wait()
}

// begin publishes a state of everybody, so that there is one.
func (p *publisher) begin(ctx context.Context) error {
	for i := range sipPeople {
		p.change(i, 0)
		for end := time.Now().Add(5 * time.Second); ; time.Sleep(100 * time.Microsecond) {
			p.mu.Lock()
			n, bad := p.answers, p.refused
			p.mu.Unlock()
			if n > i {
				break
			}
			if bad > 0 || ctx.Err() != nil || time.Now().After(end) {
				return fmt.Errorf("kamailio takes only %d of %d states", n, sipPeople)
			}
		}
	}
	return nil
}

func (p *publisher) change(person, n int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	x := &p.people[person]
	if x.asked != nil {
		x.next = n
		return nil
	}
	return p.publish(person, n)
}

// publish sends a state as our server would write it. The caller holds the lock.
func (p *publisher) publish(person, n int) error {
	x := &p.people[person]
	x.cseq++
	uri := "sip:" + sipNumber(person) + "@" + sipRealm
	body := fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="1" state="full" entity="%[1]s">
<dialog id="line"><state>confirmed</state><local><identity>%[1]s</identity><target uri="%[1]s"/></local><remote><identity display="%[2]d">sip:%[2]d@anonymous.invalid</identity><target uri="sip:%[2]d@anonymous.invalid"/></remote></dialog>
</dialog-info>
`, uri, n)
	match := ""
	if x.etag != "" {
		match = "SIP-If-Match: " + x.etag + "\r\n"
	}
	x.asked = fmt.Appendf(nil, "PUBLISH %[1]s SIP/2.0\r\nVia: SIP/2.0/UDP %[2]s;branch=z9hG4bKp%[3]d.%[4]d;rport\r\nMax-Forwards: 70\r\nFrom: <%[1]s>;tag=p%[3]d.%[4]d\r\nTo: <%[1]s>\r\nCall-ID: %[3]d.%[4]d.publish\r\nCSeq: %[4]d PUBLISH\r\n"+
		"Event: dialog\r\n%[5]sExpires: 3600\r\nContent-Type: application/dialog-info+xml\r\nContent-Length: %[6]d\r\n\r\n%[7]s", uri, p.conn.LocalAddr(), person, x.cseq, match, len(body), body)
	x.at = time.Now()
	_, err := p.conn.Write(x.asked)
	return err
}

// run takes the answers, and sends again what has none.
func (p *publisher) run() {
	buf := make([]byte, 4096)
	looked := time.Now()
	for {
		p.conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		n, err := p.conn.Read(buf)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		p.mu.Lock()
		if err == nil {
			p.answered(buf[:n])
		}
		if now := time.Now(); now.Sub(looked) > 200*time.Millisecond {
			looked = now
			for i := range p.people {
				if x := &p.people[i]; x.asked != nil && now.Sub(x.at) > 500*time.Millisecond {
					x.at = now
					p.conn.Write(x.asked)
				}
			}
		}
		p.mu.Unlock()
	}
}

func (p *publisher) answered(data []byte) {
	person, cseq, ok := callOf(data)
	if !ok || person >= sipPeople || len(data) < 12 || data[8] == '1' {
		return
	}
	x := &p.people[person]
	if x.asked == nil || cseq != x.cseq {
		return
	}
	if data[8] != '2' {
		p.refused++
		x.etag = ""
	}
	if _, rest, ok := bytes.Cut(data, []byte("\r\nSIP-ETag: ")); ok {
		etag, _, _ := bytes.Cut(rest, crlf)
		x.etag = string(etag)
	}
	p.answers++
	x.asked = nil
	if n := x.next; n != 0 {
		x.next = 0
		p.publish(person, n)
	}
}

// sipLoad is what became of changes.
type sipLoad struct {
	took      time.Duration // until nothing more came
	delivered int64
	again     int64 // notifications that were sent twice, or came after a later one
	changes   int
	expected  int64
	lost      int64 // lamps that do not show the last change
	median    time.Duration
	most      time.Duration // 99 %
	own       time.Duration // processor time of the load
}

// load makes so many changes a second for a while, and waits until all lamps show the last ones, or nothing more comes.
func (p *phones) load(ctx context.Context, c changer, rate int, length time.Duration) (sipLoad, error) {
	n := int(length.Seconds() * float64(rate))
	if p.made+n >= len(p.sent) {
		return sipLoad{}, fmt.Errorf("%d changes are too many", p.made+n)
	}
	final := make([]int32, sipPeople)
	p.delivered.Store(0)
	p.again.Store(0)
	for _, k := range p.sockets {
		k.mu.Lock()
		k.delays = make([]time.Duration, 0, n*sipAccounts*sipLamps/sipPeople/sipSockets+1)
		k.mu.Unlock()
	}
	l := sipLoad{changes: n, expected: int64(n) * sipAccounts * sipLamps / sipPeople, own: own()}
	began := time.Now()
	for i := 1; i <= n; i++ {
		if early := time.Duration(i)*time.Second/time.Duration(rate) - time.Since(began); early > 0 {
			time.Sleep(early)
		}
		if ctx.Err() != nil {
			return l, ctx.Err()
		}
		person := i * 97 % sipPeople
		p.made++
		final[person] = int32(p.made)
		p.sent[p.made].Store(int64(time.Since(p.began)))
		if err := c.change(person, p.made); err != nil {
			return l, err
		}
	}
	behind := func() (n int64) {
		for _, k := range p.sockets {
			k.mu.Lock()
			for i, x := range k.last {
				if x < final[watchedBy(k.accounts[i/sipLamps].index, i%sipLamps)] {
					n++
				}
			}
			k.mu.Unlock()
		}
		return n
	}
	last, since := p.delivered.Load(), time.Now()
	for end := since.Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if l.lost = behind(); l.lost == 0 || time.Now().After(end) || time.Since(since) > 5*time.Second || ctx.Err() != nil {
			break
		}
		if d := p.delivered.Load(); d != last {
			last, since = d, time.Now()
		}
	}
	l.took, l.own = time.Since(began), own()-l.own
	l.delivered, l.again = p.delivered.Load(), p.again.Load()
	var all []time.Duration
	for _, k := range p.sockets {
		k.mu.Lock()
		all = append(all, k.delays...)
		k.mu.Unlock()
	}
	if len(all) == 0 {
		return l, errors.New("no lamp was told of a change")
	}
	l.median, l.most = at(all, 50), at(all, 99)
	return l, ctx.Err()
}
