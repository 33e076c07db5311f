// Package caldav reads calendars from CalDAV servers (RFC 4791): all of a calendar at first, and then what changed, by
// the best way the server has (RFC 6578 sync-collection, else getctag, else the ETags of all members). It only reads.
// What the objects contain, series and time zones above all, is left to the caller.
//
// github.com/emersion/go-webdav is not used: its client parses every object and fails all of them for one bad line,
// where raw bytes are wanted; it keeps the paths of hrefs only, so calendars on another host (iCloud) are out of
// reach; and it has no sync-collection.
package caldav

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// Config bounds what one Fetch does. Its zero value works.
type Config struct {
	Timeout    time.Duration // for a whole Fetch or Discover; zero: 5 minutes
	MaxObjects int           // members of a calendar; zero: 50,000
	MaxBytes   int64         // of all objects of one Fetch; zero: 128 MiB
	Batch      int           // objects asked for at once; zero: 50
}

// Reader fetches calendars. It may be used by several goroutines.
type Reader struct {
	client *outbound.Client
	config Config
}

// New returns a reader that fetches with client, whose limits apply to every single request.
func New(client *outbound.Client, c Config) *Reader {
	c.Timeout = cmp.Or(c.Timeout, 5*time.Minute)
	c.MaxObjects = cmp.Or(c.MaxObjects, 50_000)
	c.MaxBytes = cmp.Or(c.MaxBytes, 128<<20)
	c.Batch = cmp.Or(c.Batch, 50)
	return &Reader{client: client, config: c}
}

var _ source.Source = (*Reader)(nil)

// state is what Result.State holds, as JSON.
type state struct {
	Key   string `json:"key"`             // of the account it belongs to
	URL   string `json:"url"`             // of the collection, which the account's address led to
	Token string `json:"token,omitempty"` // sync-token, opaque
	CTag  string `json:"ctag,omitempty"`  // getctag, opaque
}

const maxToken = 4 << 10 // bytes of a token or ctag worth keeping

func (s state) String() string {
	if len(s.Token) > maxToken {
		s.Token = ""
	}
	if len(s.CTag) > maxToken {
		s.CTag = ""
	}
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings only
	}
	return string(text)
}

// Fetch reads what changed in the account's calendar. The address may be that of a calendar or of a server with one
// calendar; if there are several, the error is a *Choice.
//
// The basic authentication of a server reached by http sends the password readably; that is the user's choice of
// address.
func (r *Reader) Fetch(ctx context.Context, a source.Account) (source.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, r.config.Timeout)
	defer cancel()
	u, login, err := a.Address()
	if err != nil {
		return source.Result{}, err
	}
	s := &session{reader: r, login: login}
	var last state
	if json.Unmarshal([]byte(a.State), &last) != nil || last.Key != a.Key() {
		last = state{}
	}
	collection, err := url.Parse(last.URL)
	if err != nil || last.URL == "" {
		last = state{}
	} else if siblings(u, collection) {
		login.Trust(collection)
	}
	if last.Token != "" && len(a.Known) > 0 {
		res, err := s.changes(ctx, a, last, collection)
		if !errors.Is(err, errStartOver) {
			return res, err
		}
	}
	return s.full(ctx, a, last, u, collection)
}

// errStartOver says that a server will not go on from where we were.
var errStartOver = errors.New("caldav: start over")

// changes asks what changed since the token of last.
func (s *session) changes(ctx context.Context, a source.Account, last state, collection *url.URL) (source.Result, error) {
	l, err := s.sync(ctx, collection, last.Token)
	if err != nil {
		return source.Result{}, err
	}
	res := source.Result{}
	failed, err := s.fill(ctx, &res, a.Known, l)
	if err != nil {
		return source.Result{}, err
	}
	for p := range l.gone {
		if _, had := a.Known[p]; had {
			res.Gone = append(res.Gone, p)
		}
	}
	last.Token = l.token
	if failed {
		res.State = a.State // the same changes again next time; what was read by then has its ETag in Known
	} else {
		res.State = last.String()
	}
	return finish(res), nil
}

// full reads everything there is, and fetches what the caller does not have.
func (s *session) full(ctx context.Context, a source.Account, last state, entered, collection *url.URL) (source.Result, error) {
	f, err := s.locate(ctx, entered, collection, last.URL != "")
	if err != nil {
		return source.Result{}, err
	}
	next := state{Key: a.Key(), URL: f.url.String(), CTag: text(f.props.CTag)}
	if next.CTag != "" && next.CTag == last.CTag && last.URL == next.URL && len(a.Known) > 0 && !f.props.canSync() {
		return source.Result{State: next.String(), Unchanged: true}, nil
	}
	var l *listing
	if f.props.canSync() {
		l, err = s.sync(ctx, f.url, "")
		if err != nil && !errors.Is(err, errStartOver) {
			return source.Result{}, err
		}
	}
	if l == nil {
		// The ctag was read before the list: a change in between is seen again next time.
		if l, err = s.list(ctx, f.url); err != nil {
			return source.Result{}, err
		}
	} else {
		next.Token = l.token
	}
	res := source.Result{Replace: len(a.Known) == 0}
	failed, err := s.fill(ctx, &res, a.Known, l)
	if err != nil {
		return source.Result{}, err
	}
	for p := range a.Known {
		if _, there := l.etags[p]; !there {
			res.Gone = append(res.Gone, p)
		}
	}
	if failed {
		next.Token, next.CTag = "", ""
	}
	res.State = next.String()
	return finish(res), nil
}

func finish(r source.Result) source.Result {
	slices.Sort(r.Gone)
	r.Gone = slices.Compact(r.Gone)
	r.Unchanged = len(r.Objects) == 0 && len(r.Gone) == 0
	if r.Unchanged {
		r.Replace = false
	}
	return r
}

// locate finds the collection: where it was last time, else what the entered address leads to.
func (s *session) locate(ctx context.Context, entered, last *url.URL, hasLast bool) (found, error) {
	if hasLast {
		f, err := s.describe(ctx, last)
		if err == nil && f.props.isCalendar() {
			return f, nil
		}
		if err != nil && kindOf(err) != source.NotFound && kindOf(err) != source.NotCalendar {
			return found{}, err
		}
		if err != nil && last.String() == entered.String() {
			return found{}, err
		}
	}
	list, err := s.discover(ctx, entered)
	if err != nil {
		return found{}, err
	}
	if len(list) == 1 {
		return list[0], nil
	}
	c := &Choice{}
	for _, f := range list {
		c.Collections = append(c.Collections, f.collection())
	}
	return found{}, c
}

// listing is what is in a collection, or what changed in it. Keys are normalised hrefs.
type listing struct {
	base  *url.URL          // of the collection, after redirects
	etags map[string]string // there; the ETag is empty if the server does not say
	gone  map[string]bool
	order []string // in which the server named them; with repetitions, and with some that are gone
	token string
}

func (l *listing) add(p, etag string) {
	if _, again := l.etags[p]; !again {
		l.order = append(l.order, p)
	}
	l.etags[p] = etag
	delete(l.gone, p)
}

func (l *listing) remove(p string) {
	delete(l.etags, p)
	l.gone[p] = true
}

const maxPages = 1000 // parts of one list of changes

// sync asks for the changes since token, or for everything if it is empty (RFC 6578 §3.2). The error errStartOver
// says that the server does not go along.
func (s *session) sync(ctx context.Context, collection *url.URL, token string) (*listing, error) {
	l := &listing{base: collection, etags: map[string]string{}, gone: map[string]bool{}, token: token}
	for page := 0; ; page++ {
		if page == maxPages {
			return nil, s.tooMany(collection)
		}
		var b strings.Builder
		b.WriteString(`<?xml version="1.0" encoding="utf-8"?>` + "\n" + `<d:sync-collection xmlns:d="DAV:"><d:sync-token>`)
		xml.EscapeText(&b, []byte(l.token))
		b.WriteString(`</d:sync-token><d:sync-level>1</d:sync-level><d:prop><d:getetag/><d:resourcetype/></d:prop></d:sync-collection>`)
		resp, err := s.do(ctx, "REPORT", l.base, "0", b.String()) // RFC 6578 §3.2: any other depth is an error
		if err != nil {
			return nil, err
		}
		switch code := resp.Status; {
		case code == http.StatusMultiStatus:
		case code == http.StatusUnauthorized, code == http.StatusTooManyRequests,
			code == http.StatusServiceUnavailable, code == http.StatusBadGateway, code == http.StatusGatewayTimeout:
			return nil, s.refusal(resp, collection)
		case code >= 400:
			// 403, 409 or 507 with DAV:valid-sync-token (RFC 6578 §3.2), 410 from Google, 500 from some: the token is
			// of no use any more. Without a token: the report is not really there. What else may be wrong comes out
			// when the collection is looked at without it.
			return nil, fmt.Errorf("%w: %d", errStartOver, code)
		default:
			return nil, s.refusal(resp, collection)
		}
		ms, err := parseMultistatus(resp.Body)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errStartOver, err)
		}
		l.base = resp.URL
		more := false
		for _, r := range ms.responses {
			p := normalise(resp.URL, r.href)
			switch {
			case r.status == http.StatusInsufficientStorage || r.limited:
				more = true // RFC 6578 §3.6: the href is the collection's
			case p == "" || same(p, normalise(resp.URL, resp.URL.EscapedPath())):
			case r.status == http.StatusNotFound || r.status == http.StatusGone:
				l.remove(p)
			case r.status != 0 && r.status/100 != 2, r.props.isCollection():
				// a child collection, which level 1 does not go into
			default:
				l.add(p, text(r.props.ETag))
			}
		}
		switch {
		case ms.token == "":
			return nil, fmt.Errorf("%w: no token for the next time", errStartOver)
		case len(l.order) > s.reader.config.MaxObjects:
			return nil, s.tooMany(collection)
		}
		before := l.token
		l.token = ms.token
		if !more {
			return l, nil
		}
		if l.token == before {
			return nil, fmt.Errorf("%w: it announces more without getting on", errStartOver)
		}
	}
}

const listMembers = `<?xml version="1.0" encoding="utf-8"?>
<d:propfind xmlns:d="DAV:"><d:prop><d:getetag/><d:resourcetype/></d:prop></d:propfind>`

// list asks for the members and their ETags, for servers without sync-collection.
func (s *session) list(ctx context.Context, collection *url.URL) (*listing, error) {
	ms, resp, err := s.propfind(ctx, collection, "1", listMembers)
	if err != nil {
		return nil, err
	}
	l := &listing{base: resp.URL, etags: map[string]string{}, gone: map[string]bool{}}
	self := false
	for _, r := range ms.responses {
		p := normalise(resp.URL, r.href)
		switch {
		case same(p, normalise(resp.URL, resp.URL.EscapedPath())):
			self = true
		case p == "" || r.props.isCollection() || r.status != 0 && r.status/100 != 2:
		default:
			l.add(p, text(r.props.ETag))
		}
	}
	if !self && len(l.order) == 0 {
		// An empty calendar still names itself; an answer without anything must not cost all appointments.
		return nil, nonsense(resp, "it says nothing about the calendar")
	}
	if len(l.order) > s.reader.config.MaxObjects {
		return nil, s.tooMany(collection)
	}
	return l, nil
}

func (s *session) tooMany(collection *url.URL) error {
	return &source.Error{Kind: source.TooLarge, Text: fmt.Sprintf("The calendar on %s has more than the %d appointments that are read.",
		collection.Hostname(), s.reader.config.MaxObjects)}
}

// fill fetches the listed objects whose ETag is not the known one. It reports whether the server failed on some,
// which are then among res.Skipped.
func (s *session) fill(ctx context.Context, res *source.Result, known map[string]string, l *listing) (failed bool, err error) {
	var wanted []string
	seen := make(map[string]bool, len(l.order))
	for _, p := range l.order {
		now, there := l.etags[p]
		if !there || seen[p] {
			continue
		}
		seen[p] = true
		if before, had := known[p]; !had || before != now || now == "" {
			wanted = append(wanted, p)
		}
	}
	g := &getter{session: s, listing: l, known: known, result: res}
	for batch := range slices.Chunk(wanted, s.reader.config.Batch) {
		if err := g.batch(ctx, batch); err != nil {
			return false, err
		}
	}
	return g.failed > 0, nil
}

// getter fetches objects into a result.
type getter struct {
	*session
	*listing
	known  map[string]string
	result *source.Result
	bytes  int64
	got    int
	failed int
	single bool // the server has no calendar-multiget
}

// batch fetches some objects with one request (RFC 4791 §7.9), and if that does not go well, in halves, so that one
// object which is too large or which the server stumbles over does not cost the others.
func (g *getter) batch(ctx context.Context, paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	if g.single {
		for _, p := range paths {
			if err := g.one(ctx, p); err != nil {
				return err
			}
		}
		return nil
	}
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?>` + "\n" +
		`<c:calendar-multiget xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:prop><d:getetag/><c:calendar-data/></d:prop>`)
	for _, p := range paths {
		b.WriteString("<d:href>")
		xml.EscapeText(&b, []byte(p))
		b.WriteString("</d:href>")
	}
	b.WriteString(`</c:calendar-multiget>`)
	resp, err := g.do(ctx, "REPORT", g.base, "", b.String())
	if err != nil {
		if kindOf(err) == source.TooLarge {
			return g.halves(ctx, paths)
		}
		return err
	}
	switch code := resp.Status; {
	case code == http.StatusMultiStatus:
	case code == http.StatusInternalServerError, code == http.StatusRequestEntityTooLarge, code == http.StatusInsufficientStorage:
		return g.halves(ctx, paths)
	case code == http.StatusUnauthorized, code == http.StatusTooManyRequests, code >= 500 && code != http.StatusNotImplemented:
		return g.refusal(resp, g.base)
	case code >= 400:
		g.single = true
		return g.batch(ctx, paths)
	default:
		return g.refusal(resp, g.base)
	}
	ms, err := parseMultistatus(resp.Body)
	if err != nil {
		if len(paths) == 1 {
			return g.one(ctx, paths[0])
		}
		return g.halves(ctx, paths)
	}
	wanted := make(map[string]bool, len(paths))
	for _, p := range paths {
		wanted[p] = true
	}
	for _, r := range ms.responses {
		p := normalise(resp.URL, r.href)
		if !wanted[p] {
			continue
		}
		switch {
		case r.status == http.StatusNotFound || r.status == http.StatusGone:
			g.vanished(p)
		case r.props.Data != nil && strings.TrimSpace(*r.props.Data) != "":
			if err := g.put(p, []byte(*r.props.Data)); err != nil {
				return err
			}
		default:
			continue
		}
		delete(wanted, p)
	}
	for _, p := range slices.Sorted(maps.Keys(wanted)) { // not answered, or without data
		if err := g.one(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (g *getter) halves(ctx context.Context, paths []string) error {
	if len(paths) == 1 {
		return g.one(ctx, paths[0])
	}
	if err := g.batch(ctx, paths[:len(paths)/2]); err != nil {
		return err
	}
	return g.batch(ctx, paths[len(paths)/2:])
}

// maxFailures is how many objects a server may fail on before that is taken for its own trouble.
const maxFailures = 5

// one fetches one object by GET.
func (g *getter) one(ctx context.Context, p string) error {
	resp, err := g.do(ctx, http.MethodGet, at(g.base, p), "", "")
	if err != nil {
		if kindOf(err) == source.TooLarge {
			g.result.Skipped = append(g.result.Skipped, p)
			return nil
		}
		return err
	}
	switch code := resp.Status; {
	case code == http.StatusOK:
		return g.put(p, resp.Body)
	case code == http.StatusNotFound || code == http.StatusGone:
		g.vanished(p)
		return nil
	case code == http.StatusForbidden || code == http.StatusInternalServerError:
		g.failed++
		g.result.Skipped = append(g.result.Skipped, p)
		if g.failed >= maxFailures && g.got == 0 {
			return g.refusal(resp, g.base)
		}
		return nil
	default:
		return g.refusal(resp, g.base)
	}
}

// vanished notes that an object went between the list and the reading.
func (g *getter) vanished(p string) {
	g.gone[p] = true
	delete(g.etags, p)
}

func (g *getter) put(p string, data []byte) error {
	g.got++
	g.bytes += int64(len(data))
	if g.bytes > g.reader.config.MaxBytes {
		return &source.Error{Kind: source.TooLarge, Text: fmt.Sprintf("The calendar on %s is larger than the %d MB that are read.",
			g.base.Hostname(), g.reader.config.MaxBytes>>20)}
	}
	// The list's ETag counts, since the next list is compared with it: other answers spell it otherwise (W/, "-gzip").
	// If the object changed in between, its contents are newer than this ETag, and are read once more next time.
	etag := g.etags[p]
	if etag == "" {
		sum := sha256.Sum256(data)
		if etag = "sum:" + hex.EncodeToString(sum[:]); g.known[p] == etag {
			return nil
		}
	}
	g.result.Objects = append(g.result.Objects, source.Object{Href: p, ETag: etag, Data: data})
	return nil
}
