package sipserver

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/big"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/presence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	patience = 20 * time.Second
	realm    = "office.example"
	password = "none"
)

// town is an office: accounts, addresses, what everybody sees of everybody, and where calls go.
type town struct {
	mu       sync.Mutex
	accounts map[string]string // user of an account: whose it is
	people   map[string]string // user part: person
	views    map[string]View   // of each person
	blocked  map[[2]string]bool
	watchers map[int]watcher
	next     int
	lists    map[string][]string
	targets  map[string]Target
	inside   map[string]bool // as Target was asked last
	viewer   map[string]string
	signedIn []string
	hold     chan struct{} // Target waits for it
}

type watcher struct {
	people []string
	f      func(string)
}

func newTown() *town {
	return &town{
		accounts: map[string]string{"desk1": "anna", "desk2": "ben"},
		people:   map[string]string{"201": "anna", "anna": "anna", "202": "ben", "203": "carla"},
		views:    map[string]View{"anna": {Status: presence.Available}, "ben": {Status: presence.Available, LineKnown: true}, "carla": {Status: presence.Busy}},
		blocked:  map[[2]string]bool{}, watchers: map[int]watcher{}, lists: map[string][]string{}, targets: map[string]Target{}, inside: map[string]bool{}, viewer: map[string]string{},
	}
}

func (o *town) Account(user string) (Account, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p, ok := o.accounts[user]
	if !ok {
		return Account{}, false
	}
	return Account{PersonID: p, HA1MD5: md5Hex(user + ":" + realm + ":" + password), HA1SHA256: sha256Hex(user + ":" + realm + ":" + password)}, true
}

func (o *town) Person(user string) (string, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p, ok := o.people[user]
	return p, ok
}

func (o *town) See(viewer, person string) (View, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v, ok := o.views[person]
	return v, ok && !o.blocked[[2]string{viewer, person}]
}

func (o *town) Watch(people []string, f func(string)) func() {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.next
	o.next++
	o.watchers[n] = watcher{slices.Clone(people), f}
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.watchers, n)
	}
}

func (o *town) Lists(viewer, user string) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if l, ok := o.lists[viewer+"/"+user]; ok { // what only they see
		return l
	}
	return o.lists[user]
}

func (o *town) SignedIn(user string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.signedIn = append(o.signedIn, user)
}

func (o *town) Target(ctx context.Context, person string, from Caller) (Target, error) {
	o.mu.Lock()
	o.inside[person], o.viewer[person] = from.Internal, from.Viewer
	t, ok := o.targets[person]
	hold := o.hold
	o.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return Target{}, ctx.Err()
		}
	}
	if !ok {
		return Target{}, errors.New("nobody knows")
	}
	return t, nil
}

// change does something, and tells everybody who watches the person.
func (o *town) change(person string, do func()) {
	o.mu.Lock()
	do()
	var fs []func(string)
	for _, w := range o.watchers {
		if slices.Contains(w.people, person) {
			fs = append(fs, w.f)
		}
	}
	o.mu.Unlock()
	for _, f := range fs {
		f(person)
	}
}

func (o *town) set(person string, v View) { o.change(person, func() { o.views[person] = v }) }

func (o *town) watched() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := map[string]bool{}
	for _, w := range o.watchers {
		for _, p := range w.people {
			seen[p] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// begin starts a server on free ports; edit may change what it is made of.
func begin(t testing.TB, o *town, edit func(*Config), hurry func(*timing)) *Server {
	t.Helper()
	c := Config{
		Listen: []string{"udp:127.0.0.1:0", "tcp:127.0.0.1:0", "tls:127.0.0.1:0"}, TLS: certificate(t), Realm: realm, Trusted: []string{"127.0.0.1"},
		Algorithms: []string{"SHA-256", "MD5"},
		MinExpires: time.Second, Directory: o, Presences: o, Targets: o, Lists: o, SignedIn: o.SignedIn,
	}
	if edit != nil {
		edit(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if hurry != nil {
		hurry(&s.timing)
		s.auth.life = s.timing.nonce
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Run ends with %v", err)
			}
		case <-time.After(patience):
			t.Error("Run does not end")
		}
		if w := o.watched(); len(w) > 0 {
			t.Errorf("after the end %q are still watched", w)
		}
	})
	return s
}

var madeCertificate = sync.OnceValues(func() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	c := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, &c, &c, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
})

func certificate(t testing.TB) *tls.Config {
	t.Helper()
	c, err := madeCertificate()
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{c}}
}

// at returns the address of a server's socket.
func at(t testing.TB, s *Server, network string) string {
	t.Helper()
	for _, a := range s.Addrs() {
		if n, addr, _ := strings.Cut(a, ":"); n == network {
			return addr
		}
	}
	t.Fatalf("it does not listen on %s", network)
	return ""
}

// phone is a telephone that does as it is told.
type phone struct {
	t       testing.TB
	network string
	user    string
	server  string
	conn    net.Conn
	contact string

	responses chan *sip.Response
	notes     chan note

	mu      sync.Mutex
	code    int // that notifications are answered with; 0: not at all
	nonce   string
	nc      int
	sha     bool
	written sync.Mutex
}

// note is a notification.
type note struct {
	req   *sip.Request
	state string
	body  string
}

func connect(t testing.TB, s *Server, network, user string) *phone {
	t.Helper()
	p := &phone{t: t, network: network, user: user, server: at(t, s, network), responses: make(chan *sip.Response, 100), notes: make(chan note, 1000), code: 200}
	p.dial()
	return p
}

func (p *phone) dial() {
	p.t.Helper()
	var err error
	switch p.network {
	case "tls":
		p.conn, err = tls.Dial("tcp", p.server, &tls.Config{InsecureSkipVerify: true})
	default:
		p.conn, err = net.Dial(p.network, p.server)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.contact = fmt.Sprintf("<sip:%s@%s;transport=%s>", p.user, p.conn.LocalAddr(), p.network)
	conn, over := p.conn, make(chan struct{})
	go func() {
		defer close(over)
		p.read(conn)
	}()
	p.t.Cleanup(func() { conn.Close(); <-over })
}

func (p *phone) read(conn net.Conn) {
	if p.network == "udp" {
		buf := make([]byte, 65536)
		for {
			n, err := conn.Read(buf)
			if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
				return
			}
			if err == nil {
				p.heard(conn, buf[:n])
			}
		}
	}
	r := bufio.NewReader(conn)
	for {
		m, err := readMessage(r)
		if err != nil {
			return
		}
		p.heard(conn, m)
	}
}

// readMessage reads one message off a connection.
func readMessage(r *bufio.Reader) ([]byte, error) {
	var b bytes.Buffer
	length := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		b.WriteString(line)
		if line == "\r\n" {
			break
		}
		if v, ok := strings.CutPrefix(strings.ToLower(line), "content-length:"); ok {
			length, _ = strconv.Atoi(strings.TrimSpace(v))
		}
	}
	_, err := io.CopyN(&b, r, int64(length))
	return b.Bytes(), err
}

func (p *phone) heard(conn net.Conn, data []byte) {
	m, err := sip.ParseMessage(data)
	if err != nil {
		p.t.Errorf("the server sent what cannot be read: %v\n%s", err, data)
		return
	}
	switch m := m.(type) {
	case *sip.Response:
		p.responses <- m
	case *sip.Request:
		p.mu.Lock()
		code := p.code
		p.mu.Unlock()
		if code != 0 {
			conn.Write([]byte(sip.NewResponseFromRequest(m, code, "As Told", nil).String()))
		}
		p.notes <- note{m, header(m, "Subscription-State", ""), string(m.Body())}
	}
}

func (p *phone) answerWith(code int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.code = code
}

// dialog is a telephone's end of a subscription.
type dialog struct {
	p       *phone
	uri     string
	callID  string
	tag     string
	to      string // the server's tag
	cseq    int
	event   string
	headers []string
	first   *sip.Response
	answer  *sip.Response // the last
	target  string        // once there are servers in between: the server's Contact
	routes  []string
}

// send sends a request, and returns its answer.
func (p *phone) send(method, uri, from, to, callID string, cseq int, headers ...string) *sip.Response {
	p.t.Helper()
	branch := "z9hG4bK" + newTag()
	p.write(method, uri, branch, from, to, callID, cseq, headers...)
	return p.await(branch, cseq)
}

func (p *phone) write(method, uri, branch, from, to, callID string, cseq int, headers ...string) {
	p.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=%s;rport\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n",
		method, uri, strings.ToUpper(p.network), p.conn.LocalAddr(), branch, from, to, callID, cseq, method)
	if !slices.ContainsFunc(headers, func(h string) bool { return strings.HasPrefix(h, "Max-Forwards:") }) {
		b.WriteString("Max-Forwards: 70\r\n")
	}
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("Content-Length: 0\r\n\r\n")
	p.written.Lock()
	defer p.written.Unlock()
	if _, err := p.conn.Write([]byte(b.String())); err != nil {
		p.t.Fatal(err)
	}
}

// await returns the final answer to a request.
func (p *phone) await(branch string, cseq int) *sip.Response {
	p.t.Helper()
	limit := time.After(patience)
	for {
		select {
		case r := <-p.responses:
			if b, _ := r.Via().Params.Get("branch"); b == branch && !r.IsProvisional() {
				return r
			}
		case <-limit:
			p.t.Fatalf("no answer to request %d", cseq)
		}
	}
}

// authorize makes the header that a challenge asks for.
func (p *phone) authorize(r *sip.Response, method, uri, secret string) string {
	p.t.Helper()
	var challenge string
	for _, v := range values(r, "WWW-Authenticate", "") {
		if strings.Contains(v, "algorithm=SHA-256") == p.sha {
			challenge = v
		}
	}
	_, rest, ok := strings.Cut(challenge, `nonce="`)
	if !ok {
		p.t.Fatalf("%d is no challenge: %s", r.StatusCode, r)
	}
	p.nonce, _, _ = strings.Cut(rest, `"`)
	p.nc = 0
	return p.sign(method, uri, secret)
}

// sign makes the header for the nonce that the phone has.
func (p *phone) sign(method, uri, secret string) string {
	p.nc++
	sum, alg := md5Hex, "MD5"
	if p.sha {
		sum, alg = sha256Hex, "SHA-256"
	}
	nc := fmt.Sprintf("%08x", p.nc)
	response := sum(sum(p.user+":"+realm+":"+secret) + ":" + p.nonce + ":" + nc + ":c0ffee:auth:" + sum(method+":"+uri))
	return fmt.Sprintf(`Authorization: Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s", algorithm=%s, cnonce="c0ffee", qop=auth, nc=%s`,
		p.user, realm, p.nonce, uri, response, alg, nc)
}

// subscribe begins a subscription; expires is in seconds. It fails unless the answer has the code.
func (p *phone) subscribe(uri, event string, expires, code int, headers ...string) *dialog {
	p.t.Helper()
	d := &dialog{p: p, uri: uri, callID: newTag(), tag: newTag(), event: event, headers: headers}
	if r := d.send(expires); r.StatusCode != code {
		p.t.Fatalf("SUBSCRIBE to %s is answered with %d, want %d:\n%s", uri, r.StatusCode, code, r)
	}
	return d
}

// send sends the next SUBSCRIBE, and signs in if it is asked to.
func (d *dialog) send(expires int) *sip.Response {
	d.p.t.Helper()
	to := "<" + d.uri + ">"
	if d.to != "" {
		to += ";tag=" + d.to
	}
	from := "<sip:" + d.p.user + "@" + realm + ">;tag=" + d.tag
	headers := append([]string{"Event: " + d.event, "Contact: " + d.p.contact, fmt.Sprintf("Expires: %d", expires)}, d.headers...)
	uri := d.uri
	if d.target != "" {
		uri = d.target
	}
	for _, r := range d.routes {
		headers = append(headers, "Route: "+r)
	}
	d.cseq++
	var r *sip.Response
	if d.p.nonce != "" {
		r = d.p.send("SUBSCRIBE", uri, from, to, d.callID, d.cseq, append(slices.Clone(headers), d.p.sign("SUBSCRIBE", uri, password))...)
	} else {
		r = d.p.send("SUBSCRIBE", uri, from, to, d.callID, d.cseq, headers...)
	}
	if r.StatusCode == 401 {
		d.cseq++
		r = d.p.send("SUBSCRIBE", uri, from, to, d.callID, d.cseq, append(slices.Clone(headers), d.p.authorize(r, "SUBSCRIBE", uri, password))...)
	}
	d.answer = r
	if d.to == "" && r.StatusCode == 200 {
		d.to, d.first = tag(r.To().Params), r
	}
	return r
}

// hear returns the next notification of a subscription.
func (d *dialog) hear() note {
	d.p.t.Helper()
	limit := time.After(patience)
	for {
		select {
		case n := <-d.p.notes:
			if n.req.CallID().Value() == d.callID {
				return n
			}
		case <-limit:
			d.p.t.Fatalf("no notification about %s", d.uri)
		}
	}
}

// hears waits for a notification with something in it; those before it that say something else are passed over.
func (d *dialog) hears(what string) note {
	d.p.t.Helper()
	var said []string
	limit := time.After(patience)
	for {
		select {
		case n := <-d.p.notes:
			if n.req.CallID().Value() == d.callID {
				if strings.Contains(n.body, what) {
					return n
				}
				said = append(said, n.state+"\n"+n.body)
			}
		case <-limit:
			d.p.t.Fatalf("nothing about %s says %q, but:\n%s", d.uri, what, strings.Join(said, "\n"))
		}
	}
}

// silent fails if a notification comes within a moment in which one would have come.
func (d *dialog) silent() {
	d.p.t.Helper()
	select {
	case n := <-d.p.notes:
		d.p.t.Errorf("unexpected notification:\n%s", n.req)
	case <-time.After(150 * time.Millisecond):
	}
}

func wait(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func logTo(b *safeBuffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
