package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/store"
)

// OAuthPrefix is the path under which desktop clients sign in, by a device authorization grant (RFC 8628).
const OAuthPrefix = "/oauth/"

const (
	devicePath = "/device" // the page on which somebody allows it
	deviceFor  = 10 * time.Minute
	deviceWait = 3 * time.Second // between questions of the client (RFC 8628 §3.5)
	clientFor  = 90 * 24 * time.Hour
	renewEvery = 24 * time.Hour // a client that is used is signed in for as long again, written no more often than this

	// mostDevices bounds what waits to be allowed: each takes some hundred bytes for ten minutes.
	mostDevices = 20_000

	deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"
)

// Device is a program that asks to be signed in for somebody.
type Device struct {
	Label     string    `json:"label" doc:"What it calls itself, such as the name of its computer."`
	Address   string    `json:"address,omitempty" doc:"From where it asks."`
	Elsewhere bool      `json:"elsewhere,omitempty" doc:"It asks from another network than this browser."`
	CreatedAt time.Time `json:"created_at"`
}

// DevicePath names a program that asks, by the code that it shows.
type DevicePath struct {
	Code string `path:"code" minLength:"1" maxLength:"20" doc:"As the program shows it; capitals, spaces and dashes do not matter."`
}

// DeviceAnswer allows a program, or refuses it.
type DeviceAnswer struct {
	DevicePath
	Body struct {
		Allow bool `json:"allow"`
	}
}

// devices are the programs that wait to be allowed. They live no longer than the server: a program asks anew.
type devices struct {
	mu     sync.Mutex // guards what follows, and what is in them
	swept  time.Time  // when those that have expired were forgotten last
	bySlip map[string]*device
	byCode map[string]*device
}

// device is one attempt of a program to be signed in.
type device struct {
	slip    string // hash of the device code, by which the program asks how it is going
	code    string // the user code, by which somebody finds it
	label   string
	from    netip.Addr
	made    time.Time
	asked   time.Time // when the program asked last
	wait    time.Duration
	refused bool
	by      *office.Person // who allowed it, as they were then; nil: nobody yet
	via     string         // the sign-in provider of who allowed it
}

func newDevices() *devices {
	return &devices{bySlip: map[string]*device{}, byCode: map[string]*device{}}
}

// letters of user codes: none that look alike, none that make words (RFC 8628 §6.1).
const letters = "BCDFGHJKLMNPQRSTVWXZ"

func userCode() string {
	var b [8]byte
	for i := range b {
		var r [1]byte
		for { // without a bias
			rand.Read(r[:])
			if int(r[0]) < 256/len(letters)*len(letters) {
				break
			}
		}
		b[i] = letters[int(r[0])%len(letters)]
	}
	return string(b[:])
}

// plainCode is a user code as it is kept: people write it as they like.
func plainCode(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToUpper(s))
}

// add enters an attempt; it returns nil if there are too many.
func (d *devices) add(label string, from netip.Addr, now time.Time) (x *device, slip string) {
	slip, hash := secret.New("dld_")
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sweep(now); len(d.bySlip) >= mostDevices {
		return nil, ""
	}
	code := userCode()
	for d.byCode[code] != nil {
		code = userCode()
	}
	x = &device{slip: string(hash), code: code, label: label, from: from, made: now, wait: deviceWait}
	d.bySlip[x.slip], d.byCode[x.code] = x, x
	return x, slip
}

// sweep forgets what has expired, now and then: who asked from where is nobody's business any more. mu is held.
func (d *devices) sweep(now time.Time) {
	if now.Sub(d.swept) < time.Minute {
		return
	}
	d.swept = now
	for _, x := range d.bySlip {
		if !now.Before(x.made.Add(deviceFor)) {
			d.remove(x)
		}
	}
}

func (d *devices) remove(x *device) { // mu is held
	delete(d.bySlip, x.slip)
	delete(d.byCode, x.code)
}

// again enters an attempt again that take has handed out in vain. Nobody can have its codes meanwhile but by a chance of one in ten thousand millions.
func (d *devices) again(x device) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bySlip[x.slip], d.byCode[x.code] = &x, &x
}

// unseen reports whether a character is none that is seen: it ends lines, or has what follows look otherwise.
func unseen(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// find returns the attempt of a user code that nobody has answered yet, a copy.
func (d *devices) find(code string, now time.Time) (device, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	x := d.byCode[plainCode(code)]
	if x == nil || !now.Before(x.made.Add(deviceFor)) || x.refused || x.by != nil {
		return device{}, false
	}
	return *x, true
}

// answer enters what somebody says of an attempt.
func (d *devices) answer(code string, now time.Time, by *office.Person, via string, allow bool) (device, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	x := d.byCode[plainCode(code)]
	if x == nil || !now.Before(x.made.Add(deviceFor)) || x.refused || x.by != nil {
		return device{}, false
	}
	if x.refused = !allow; allow {
		x.by, x.via = by, via
	}
	return *x, true
}

// take answers a program that asks how it is going: with an error of RFC 8628 §3.5, or with who allowed it, once.
func (d *devices) take(slip string, now time.Time) (device, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	x := d.bySlip[string(secret.Hash(slip))]
	defer d.sweep(now)
	switch {
	case x == nil:
		return device{}, "invalid_grant"
	case !now.Before(x.made.Add(deviceFor)):
		d.remove(x)
		return device{}, "expired_token"
	case x.refused:
		d.remove(x)
		return device{}, "access_denied"
	case x.by != nil:
		d.remove(x)
		return *x, ""
	}
	early := now.Sub(x.asked) < x.wait-500*time.Millisecond // clocks differ, and so do ways
	if x.asked = now; early {
		x.wait += 5 * time.Second
		return device{}, "slow_down"
	}
	return device{}, "authorization_pending"
}

// serveDevices registers the calls with which a program asks to be signed in (RFC 8628 §3.1 and §3.4).
func (s *Server) serveDevices() {
	s.mux.HandleFunc("POST "+OAuthPrefix+"device", s.beginDevice)
	s.mux.HandleFunc("POST "+OAuthPrefix+"token", s.deviceToken)
	s.mux.HandleFunc(OAuthPrefix, func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, newProblem(http.StatusNotFound, "there is no such call; a program signs in with POST "+OAuthPrefix+"device and "+OAuthPrefix+"token"))
	})
}

// oauthError answers as RFC 6749 §5.2 says.
func oauthError(w http.ResponseWriter, status int, code, description string) {
	body := map[string]string{"error": code}
	if description != "" {
		body["error_description"] = description
	}
	oauthAnswer(w, status, body)
}

func oauthAnswer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // the client may be gone
}

// oauthForm reads what a program sends; it answers what cannot be read.
func oauthForm(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	if err := r.ParseForm(); err != nil {
		oauthError(w, http.StatusBadRequest, "invalid_request", "the body is no form, or too long")
		return nil, false
	}
	for name, values := range r.PostForm {
		if len(values) > 1 { // RFC 6749 §3.2
			oauthError(w, http.StatusBadRequest, "invalid_request", name+" is given more than once")
			return nil, false
		}
	}
	if r.PostForm.Get("client_id") == "" {
		oauthError(w, http.StatusBadRequest, "invalid_request", "client_id is missing; programs of this server send doorlight")
		return nil, false
	}
	if id := r.PostForm.Get("client_id"); id != "doorlight" {
		oauthError(w, http.StatusUnauthorized, "invalid_client", "client_id must be doorlight")
		return nil, false
	}
	return r.PostForm, true
}

// siteOf is the network of an address that one site has: a /48 of IPv6, which has as many addresses as anybody likes.
func siteOf(from netip.Addr) string {
	if from.Is6() && !from.IsLoopback() {
		if p, err := from.Prefix(48); err == nil {
			return p.String()
		}
	}
	return from.String()
}

func (s *Server) beginDevice(w http.ResponseWriter, r *http.Request) {
	form, ok := oauthForm(w, r)
	if !ok {
		return
	}
	c := callerOf(r.Context())
	if wait := s.guesses.take(time.Now(), limit{"device/" + siteOf(c.from), 300}); wait > 0 {
		oauthError(w, http.StatusTooManyRequests, "slow_down", tooMany(wait).Error())
		return
	}
	label := strings.TrimSpace(form.Get("device_name"))
	switch {
	case label == "":
		label = "Desktop client"
	case !utf8.ValidString(label) || utf8.RuneCountInString(label) > 120 || strings.ContainsFunc(label, unseen):
		oauthError(w, http.StatusBadRequest, "invalid_request", "device_name must be one line of at most 120 characters that can be seen")
		return
	}
	x, slip := s.devices.add(label, c.from, time.Now())
	if x == nil {
		oauthError(w, http.StatusServiceUnavailable, "temporarily_unavailable", "too many programs wait to be signed in")
		return
	}
	page, code := s.base(r)+devicePath, x.code[:4]+"-"+x.code[4:]
	oauthAnswer(w, http.StatusOK, map[string]any{
		"device_code": slip, "user_code": code, "verification_uri": page, "verification_uri_complete": page + "?code=" + code,
		"expires_in": int(deviceFor.Seconds()), "interval": int(deviceWait.Seconds()),
	})
}

func (s *Server) deviceToken(w http.ResponseWriter, r *http.Request) {
	form, ok := oauthForm(w, r)
	if !ok {
		return
	}
	if form.Get("grant_type") != deviceGrant {
		oauthError(w, http.StatusBadRequest, "unsupported_grant_type", "grant_type must be "+deviceGrant)
		return
	}
	x, refusal := s.devices.take(form.Get("device_code"), time.Now())
	if refusal != "" {
		oauthError(w, http.StatusBadRequest, refusal, "")
		return
	}
	text, err := s.openSession(r.Context(), x.by, store.Session{Label: x.label, ConnectorID: x.via, Client: true}, clientFor)
	if err != nil {
		s.problem(r.Context(), err) // which logs it
		if fault.KindOf(err) == fault.Unauthorized {
			oauthError(w, http.StatusBadRequest, "access_denied", fault.Public(err))
		} else { // what was allowed is not lost by a database that is away for a moment
			s.devices.again(x)
			oauthError(w, http.StatusServiceUnavailable, "temporarily_unavailable", fault.Public(err))
		}
		return
	}
	oauthAnswer(w, http.StatusOK, map[string]any{"access_token": text, "token_type": "Bearer", "expires_in": int(clientFor.Seconds())})
}

// fromBrowser refuses whoever is not signed in as people are: a token or a desktop client cannot let another program in.
func (c caller) fromBrowser() error {
	if c.secret == "" || c.client {
		return fault.New(fault.Forbidden, "only somebody who is signed in with a browser may do this")
	}
	return nil
}

var errNoDevice = fault.New(fault.NotFound, "no program asks with this code; codes are good for ten minutes, once")

// asking returns the program that asks with a code. Codes may be guessed only so often.
func (s *Server) asking(ctx context.Context, find func(now time.Time) (device, bool)) (x device, err error) {
	c := callerOf(ctx)
	good, err := s.guess(ctx, "\x00device/"+c.person.ID, func() (ok bool, err error) {
		x, ok = find(time.Now())
		return ok, nil
	})
	if err == nil && !good {
		err = errNoDevice
	}
	return x, err
}

func (s *Server) getDevice(ctx context.Context, in *DevicePath) (*Out[Device], error) {
	c := callerOf(ctx)
	if err := c.fromBrowser(); err != nil {
		return nil, err
	}
	x, err := s.asking(ctx, func(now time.Time) (device, bool) { return s.devices.find(in.Code, now) })
	if err != nil {
		return nil, err
	}
	out := Device{Label: x.label, CreatedAt: x.made.UTC(), Elsewhere: networkOf(x.from) != networkOf(c.from)}
	if x.from.IsValid() {
		out.Address = x.from.String()
	}
	return &Out[Device]{out}, nil
}

func (s *Server) postDevice(ctx context.Context, in *DeviceAnswer) (*struct{}, error) {
	c := callerOf(ctx)
	if err := c.fromBrowser(); err != nil {
		return nil, err
	}
	own, err := s.store.Session(ctx, secret.Hash(c.secret), time.Now())
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "sign-ins cannot be checked at the moment")
	}
	x, err := s.asking(ctx, func(now time.Time) (device, bool) {
		return s.devices.answer(in.Code, now, c.person, own.ConnectorID, in.Body.Allow)
	})
	if err != nil {
		return nil, err
	}
	if in.Body.Allow {
		detail := map[string]any{"label": x.label}
		if x.from.IsValid() {
			detail["address"] = x.from.String()
		}
		s.note(ctx, c.by(), "client.sign_in", c.person, detail)
	}
	return nil, nil
}
