package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/gate"
)

// Presence is what Teams shows of a user. Availability and Activity are words of Microsoft's, of which there may be more some
// day (graph/api/resources/presence). It hides its contents from logs.
type Presence struct {
	ID           string // object ID of the user, in lower case
	Availability string // such as Busy
	Activity     string // such as InACall
	Sequence     string // sequenceNumber: sorts as text, and later ones are newer. Empty: the service did not tell
}

func (Presence) LogValue() slog.Value { return slog.StringValue("[presence]") }
func (Presence) String() string       { return "[presence]" }
func (Presence) GoString() string     { return "[presence]" }

// SignIn is the permission of a user, in place of the application's. A nil *SignIn is the application's. It hides its contents
// from logs.
type SignIn struct {
	// Token is the refresh token that Redeem returned for ForPresence, or that Renewed was last called with.
	Token string
	// Renewed is called when the service has handed out another token, which is to be kept in place of Token: after the call that
	// it was noticed in and outside of all locks, from any goroutine, and again with each call that is made with the old one. It
	// may be nil: the old token will do until this System is closed.
	Renewed func(token string)
}

func (SignIn) LogValue() slog.Value { return slog.StringValue("[sign-in]") }
func (SignIn) String() string       { return "[sign-in]" }
func (SignIn) GoString() string     { return "[sign-in]" }

// MaxPresences is how many people's presence is read at a time (graph/api/cloudcommunications-getpresencesbyuserid).
const MaxPresences = 650

// Requests under way, of each kind. They have gates of their own: a mailbox that is slow holds up no presence, nor does reading
// hold up writing.
const (
	presenceReadsInFlight  = 10
	presenceWritesInFlight = 10
	lookUpsInFlight        = 5
	followsInFlight        = 10
)

// Published limits, in 30 seconds, for an application in a directory (graph/throttling-limits, cloud communications).
const (
	maxPresenceReads  = 1_500
	maxPresenceWrites = 8_000 // what is left of 10,000 for presence as a whole, less what keeps the subscriptions
)

// teams is what a System knows for presence.
type teams struct {
	reads     *budget
	writes    *budget
	directory *budget // looking people up
	follow    *budget // subscriptions
	written   *gate.Boxes[*gate.Box]
	spoilers  spoilers
	follows   follows
	keys      entraKeys
}

func (t *teams) init(s *System) {
	or := func(n, published int) int {
		if n > 0 {
			return n
		}
		return published
	}
	const slow = "Microsoft 365 answers so slowly that the turn of this question did not come."
	const failing = "Microsoft 365 has a problem with the presence in Teams at the moment."
	t.reads = s.newBudget(presenceReadsInFlight, newQuota(or(s.c.PresenceReads, maxPresenceReads)), failing, slow)
	t.writes = s.newBudget(presenceWritesInFlight, newQuota(or(s.c.PresenceWrites, maxPresenceWrites)), failing, slow)
	t.directory = s.newBudget(lookUpsInFlight, nil, "Microsoft 365 has a problem with its directory at the moment.", slow)
	t.follows.init()
	t.keys.turn = make(chan struct{}, 1)
	t.follow = s.newBudget(followsInFlight, nil, failing, slow)
	// One write at a time for a user: they cannot overtake each other.
	t.written = gate.NewBoxes(func(key string) *gate.Box {
		b := gate.NewBox(key, 1)
		return &b
	})
}

// asker asks as the application, or as who signed in.
type asker struct {
	s   *System
	as  *SignIn
	one *userToken // nil: the application
}

func (s *System) asker(as *SignIn) (asker, error) {
	a := asker{s: s, as: as}
	switch {
	case s.life.Err() != nil:
		return a, &source.Error{Kind: source.Unavailable, Whole: true, Text: "This server is shutting down."}
	case as != nil && as.Token == "":
		return a, &source.Error{Kind: source.Credentials, Text: "No account is connected. Connect the account again."}
	case as != nil:
		a.one = s.users.get(ForPresence, as.Token)
	}
	return a, nil
}

func (a *asker) ask(ctx context.Context, b *budget, c call, doubtful bool, limit int64) (answer, error) {
	if a.one != nil {
		return a.s.askSignedIn(ctx, b, a.one, c, limit)
	}
	return a.s.askWithin(ctx, b, c, doubtful, limit)
}

// done tells of a refresh token that came meanwhile.
func (a *asker) done() {
	if a.one == nil || a.as.Renewed == nil {
		return
	}
	a.one.mu.Lock()
	newest := a.one.newest
	a.one.mu.Unlock()
	if newest != a.as.Token {
		a.as.Renewed(newest)
	}
}

// deed is one kind of question, and what is said if it is refused.
type deed struct {
	what      string // in logs
	about     string // what may have a problem
	role      string // application permission; empty: it is of no use here
	forbidden string // to the application
	unsigned  string // to somebody who signed in
	missing   string // 404
}

var (
	reading = deed{"presence was not read", "the presence in Teams", "Presence.Read.All",
		"The application may not read the presence in Teams. An administrator can grant it the application permission Presence.Read.All.",
		"Microsoft 365 does not allow the presence in Teams to be read with this sign-in. Connect the account again, and agree that presence may be read.",
		"Microsoft 365 knows no presence of this user: there is no such user, or none with a licence for Teams."}
	writing = deed{"presence was not written", "the presence in Teams", "Presence.ReadWrite.All",
		"The application may not set the presence in Teams. An administrator can grant it the application permission Presence.ReadWrite.All.",
		"Microsoft 365 does not allow the presence in Teams to be set with this sign-in. Connect the account again, and agree that presence may be set.",
		"Microsoft 365 knows no presence of this user: there is no such user, or none with a licence for Teams."}
	lookingUp = deed{"people were not looked up", "its directory", "",
		"The application may not look people up in the directory. An administrator can grant it the application permission User.ReadBasic.All.",
		"", "Microsoft 365 does not hand out the list of people."}
	following = deed{"a subscription to presence was not kept", "the presence in Teams", "",
		"The application may not be told of presence.",
		"Microsoft 365 does not allow to be told of presence with this sign-in. Connect the account again, and agree that presence may be read.",
		"Microsoft 365 has no such subscription."}
)

// settle takes note in a budget of what came back, and makes an error of what is not a success. box is that of whom it is about;
// nil: it is about the application as a whole, or about so many people, of whom key names one.
func (a *asker) settle(ctx context.Context, b *budget, box *gate.Box, key string, d *deed, got answer) error {
	s := a.s
	pause := func(wait time.Duration, e *source.Error, doubtful bool) error {
		if box != nil {
			return box.Pause(s.t.backoff, wait, e, doubtful)
		}
		if e.RetryAfter = wait; wait <= 0 {
			e.RetryAfter = s.t.backoff.After(0)
		}
		return e
	}
	if box != nil {
		key = box.Key
	}
	if got.failure != nil {
		if ctx.Err() != nil {
			return source.GivenUp(ctx)
		}
		e := source.Failure(got.failure).(*source.Error)
		switch e.Kind {
		case source.NotAllowed, source.BadAddress:
			e.Whole = true
			return e
		case source.TooLarge:
			return e
		}
		s.log.Warn("graph: "+d.what, "source", "graph", "err", got.failure)
		b.Failed(key)
		e.Kind = source.Unavailable
		return pause(0, e, true)
	}
	r := got.refusal()
	if r == nil {
		a.worked(b, box)
		return nil
	}
	if r.status != http.StatusNotFound {
		s.log.Warn("graph: "+d.what, "source", "graph", "err", r)
	}
	fail := func(k source.Kind, text string) *source.Error {
		return &source.Error{Kind: k, Text: text, Status: r.status, Err: r}
	}
	switch {
	case r.status == http.StatusTooManyRequests && box == nil:
		return b.Stop(r.wait, &source.Error{Kind: source.Unavailable, Text: tooOften.Text, Status: r.status, Err: r})
	case r.status == http.StatusTooManyRequests:
		if b.turnedAway(key) {
			return b.Stop(r.wait, &source.Error{Kind: source.Unavailable, Text: tooOften.Text, Status: r.status, Err: r})
		}
		return pause(r.wait, fail(source.Unavailable, "Microsoft 365 asks this server to wait before it asks about this user again."), false)
	case r.status >= 500 || r.status == http.StatusRequestTimeout:
		b.Failed(key)
		return pause(r.wait, fail(source.Unavailable, fmt.Sprintf("Microsoft 365 has a problem with %s at the moment (%d).", d.about, r.status)), true)
	case r.status == http.StatusUnauthorized:
		b.Succeeded() // it answers
		e := fail(source.Unavailable, "Microsoft 365 does not accept the sign-in at the moment.")
		e.Whole = a.one == nil && box == nil
		return pause(0, e, false)
	}
	a.worked(b, box)
	switch {
	case r.status == http.StatusForbidden && a.one != nil:
		return fail(source.Credentials, d.unsigned)
	case r.status == http.StatusForbidden:
		s.app.doubted()
		e := fail(source.NotAllowed, d.forbidden)
		if has, known := s.app.has(d.role); known && has {
			e.Text = "Microsoft 365 does not allow the application to do that for this user, although it has the permission " + d.role + "."
		} else { // for an administrator; until then a question a minute is enough to notice
			e.Whole, e.RetryAfter = true, time.Minute
		}
		return e
	case r.status == http.StatusNotFound:
		return fail(source.NotFound, d.missing)
	}
	return fail(source.Other, fmt.Sprintf("Microsoft 365 refuses what it was asked about %s (%d).", d.about, r.status))
}

// worked takes note that the service answered, whatever it said.
func (a *asker) worked(b *budget, box *gate.Box) {
	b.Succeeded()
	if box != nil {
		box.Succeeded()
	}
	if a.one == nil {
		a.s.app.works()
	}
}

// spoilers are IDs because of which the service refused whole lists.
type spoilers struct {
	mu sync.Mutex // guards m
	m  map[string]time.Time
}

const (
	spoiledFor  = time.Hour // then they are tried again: somebody was given a licence, perhaps
	maxSpoilers = 100_000
)

func (p *spoilers) add(id string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.m == nil {
		p.m = map[string]time.Time{}
	}
	if len(p.m) >= maxSpoilers {
		clear(p.m)
	}
	p.m[id] = now.Add(spoiledFor)
}

// without returns the IDs in lower case, less those that are no IDs and those that are known to spoil a list. It changes nothing of ids.
func (p *spoilers) without(ids []string, now time.Time) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		if !isGUID(id) {
			continue
		}
		id = strings.ToLower(id) // itself, most of the time
		if until, spoils := p.m[id]; spoils {
			if now.Before(until) {
				continue
			}
			delete(p.m, id)
		}
		out = append(out, id)
	}
	return out
}

// isGUID is what the expression guid says, for many.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			return false
		}
	}
	return true
}

const (
	maxHalving = 64 // requests for one list
	inVain     = 31 // of them, then some are asked for alone, to see whether the IDs are to blame at all: the list was cut into sixteen
)

// Presences reads the presence of users by their object IDs, at most MaxPresences of them. Who has none is missing, and so is
// who is asked for by something that is no ID.
//
// If the service refuses a list because of some of its IDs they are found by halving it, left out, and not asked for again for an
// hour. If that takes too many requests it goes on with the next call: what was read until then is returned beside the error.
//
// Errors are of type *source.Error. They are Whole if nobody's presence can be read by the application.
func (s *System) Presences(ctx context.Context, as *SignIn, ids []string) ([]Presence, error) {
	if len(ids) > MaxPresences {
		return nil, &source.Error{Kind: source.TooLarge, Text: fmt.Sprintf("The presence of at most %d people is read at a time.", MaxPresences)}
	}
	a, err := s.asker(as)
	if err != nil {
		return nil, err
	}
	defer a.done()
	bad := &s.teams.spoilers
	if a.one != nil {
		bad = &a.one.spoilers // what one may see says nothing about another
	}
	ids = bad.without(ids, time.Now())
	if len(ids) == 0 {
		return nil, nil
	}
	var box *gate.Box // of who signed in; of the application there is but one: the gate stands for it
	if a.one != nil {
		box = &a.one.box.Box
		if err := box.Shut(); err != nil {
			return nil, err
		}
		release, err := box.Turn(ctx)
		if err != nil {
			return nil, err
		}
		defer release()
	}
	out := make([]Presence, 0, len(ids))
	todo := [][]string{ids}
	read, began := false, time.Now()
	for requests := 0; len(todo) > 0; requests++ {
		switch {
		case requests == maxHalving:
			return out, &source.Error{Kind: source.Unavailable, RetryAfter: s.t.backoff.After(0),
				Text: "Microsoft 365 refuses lists of people because of some of them. They are being looked for."}
		case requests == inVain && !read && s.anyOf(ctx, &a, todo):
			read = true
		case requests == inVain && !read && ctx.Err() != nil:
			return nil, source.GivenUp(ctx)
		case requests == inVain && !read:
			return nil, s.teams.reads.Stop(0, &source.Error{Kind: source.Unavailable, Text: "Microsoft 365 refuses to hand out the presence in Teams."})
		}
		// The largest first, until some part can be read: then it is known that it is up to the IDs. After that the smallest, so
		// that there is something to show for it when it is broken off.
		at := 0
		if read {
			at = len(todo) - 1
		}
		part := todo[at]
		todo = slices.Delete(todo, at, at+1)
		got, err := a.ask(ctx, s.teams.reads, presencesCall(part), false, maxPage)
		if err != nil {
			return out, err
		}
		if r := got.refusal(); got.failure == nil && r != nil && (r.status == http.StatusNotFound || r.status == http.StatusBadRequest) {
			a.worked(s.teams.reads, box)
			if len(part) == 1 {
				s.log.Info("graph: there is somebody without a presence", "source", "graph", "err", r)
				bad.add(part[0], began)
				continue
			}
			half := len(part) / 2
			todo = append(todo, part[:half], part[half:])
			continue
		}
		if err := a.settle(ctx, s.teams.reads, box, part[0], &reading, got); err != nil {
			return out, err
		}
		read = true
		if out, err = readPresences(got.body, part, out); err != nil {
			return out, s.damagedPresence(box, part[0], err)
		}
	}
	return out, nil
}

// anyOf reports that the presence of somebody can be read, of eight out of many.
func (s *System) anyOf(ctx context.Context, a *asker, parts [][]string) bool {
	const most = 8
	for i := 0; i < len(parts) && i < most*max(1, len(parts)/most); i += max(1, len(parts)/most) {
		got, err := a.ask(ctx, s.teams.reads, presencesCall(parts[i][len(parts[i])/2:][:1]), false, maxAnswer)
		if err != nil {
			return false
		}
		if got.failure == nil && got.status == http.StatusOK {
			return true
		}
	}
	return false
}

// damagedPresence is the error of an answer that makes no sense.
func (s *System) damagedPresence(box *gate.Box, key string, err error) error {
	s.log.Warn("graph: an answer about presence could not be read", "source", "graph", "err", err)
	s.teams.reads.Failed(key)
	e := &source.Error{Kind: source.Unavailable, Text: "Microsoft 365 gave an answer that is damaged.", Err: err, RetryAfter: s.t.backoff.After(0)}
	if box != nil {
		return box.Pause(s.t.backoff, 0, e, true)
	}
	return e
}

// presencesCall asks for several people's presence. The IDs are GUIDs, so there is nothing in them to escape.
func presencesCall(ids []string) call {
	const head, tail = `{"ids":[`, `]}`
	body := make([]byte, 0, len(head)+len(tail)+len(ids)*39)
	body = append(body, head...)
	for i, id := range ids {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, '"')
		body = append(body, id...)
		body = append(body, '"')
	}
	return call{method: http.MethodPost, path: "/communications/getPresencesByUserId", body: json.RawMessage(append(body, tail...))}
}

// Own reads the presence of whoever signed in. Errors are of type *source.Error.
func (s *System) Own(ctx context.Context, as *SignIn) (Presence, error) {
	if as == nil {
		return Presence{}, &source.Error{Kind: source.Credentials, Text: "No account is connected. Connect the account first."}
	}
	a, err := s.asker(as)
	if err != nil {
		return Presence{}, err
	}
	defer a.done()
	box := &a.one.box.Box
	if err := box.Shut(); err != nil {
		return Presence{}, err
	}
	release, err := box.Turn(ctx)
	if err != nil {
		return Presence{}, err
	}
	defer release()
	got, err := a.ask(ctx, s.teams.reads, call{method: http.MethodGet, path: "/me/presence"}, box.Doubtful(), maxAnswer)
	if err != nil {
		return Presence{}, err
	}
	if err := a.settle(ctx, s.teams.reads, box, "", &reading, got); err != nil {
		return Presence{}, err
	}
	p, err := readPresence(got.body)
	if err != nil {
		return Presence{}, s.damagedPresence(box, "", err)
	}
	return p, nil
}

// errDamaged is of JSON that is none, or not what was asked for.
var errDamaged = errors.New("graph: presence that cannot be read")
