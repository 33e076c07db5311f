package graph

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/source"
)

// subscriptions are what the service tells us about. Only Watch changes what belongs to a subscription that is under way.
type subscriptions struct {
	wake chan struct{} // Watch has something to do

	mu      sync.Mutex               // guards what follows
	wanted  map[string]*subscription // by mailbox, in lower case
	byID    map[string]*subscription
	gone    []string             // IDs of subscriptions to delete
	changed func(mailbox string) // nil: Watch does not run
	later   map[string]time.Time // mailboxes that something is known of, but that are to be left alone until then
	orphans bool                 // there may be one whose making was not heard of
	stats   Notifications
}

// subscription is one mailbox that is followed.
type subscription struct {
	mailbox string // as the caller spells it
	id      string // empty: there is none yet
	state   string // secret that the service sends along
	expires time.Time
	todo    task
	due     time.Time
	step    int // failures in a row
}

type task uint8

const (
	create task = iota
	renew
	reauthorize
)

const (
	relistAfter  = 24 * time.Hour // how often to look for subscriptions whose creation was not heard of
	retryRefused = time.Hour      // of mailboxes that may not be, or are not there
	maxLists     = 500            // pages of them; what is on further ones is seen to a day later
	maxFarewell  = 100            // subscriptions that are deleted at the end; more are left to expire
)

func (u *subscriptions) init() {
	u.wake = make(chan struct{}, 1)
	u.wanted, u.byID, u.later = map[string]*subscription{}, map[string]*subscription{}, map[string]time.Time{}
}

func (u *subscriptions) nudge() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// live reports whether the service tells of changes to the mailbox at present.
func (u *subscriptions) live(mailbox string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	one := u.wanted[strings.ToLower(strings.TrimSpace(mailbox))]
	return one != nil && u.changed != nil && one.id != "" && time.Now().Before(one.expires)
}

// Follow implements source.System. Without a NotifyURL it has no effect.
func (s *System) Follow(mailboxes []string) {
	if s.c.NotifyURL == "" {
		return
	}
	u := &s.subs
	u.mu.Lock()
	defer u.mu.Unlock()
	wanted := make(map[string]*subscription, len(mailboxes))
	for _, m := range mailboxes {
		key := strings.ToLower(strings.TrimSpace(m))
		if key == "" {
			continue
		}
		if wanted[key] = u.wanted[key]; wanted[key] == nil {
			wanted[key] = &subscription{mailbox: m}
		}
	}
	for key, one := range u.wanted {
		if wanted[key] == nil && one.id != "" {
			delete(u.byID, one.id)
			u.gone = append(u.gone, one.id)
		}
	}
	u.wanted = wanted
	u.nudge()
}

// Watch implements source.System. It returns nil at once if there is no NotifyURL, or no directory.
//
// Each followed mailbox has a subscription of its own, to its events as a whole and without their data, which lasts for
// three days and is renewed at about half of that. Subscriptions to the same NotifyURL that are not this System's, left behind by an
// earlier run, are deleted: their secrets are not known any more. So of two servers each needs an address of its own. At the
// end up to a hundred subscriptions are deleted, if that can be done within seconds; more are left to expire.
func (s *System) Watch(ctx context.Context, changed func(mailbox string)) error {
	if s.c.NotifyURL == "" || !guid.MatchString(s.c.Tenant) {
		return nil
	}
	u := &s.subs
	u.mu.Lock()
	if u.changed != nil {
		u.mu.Unlock()
		return errors.New("graph: watched twice")
	}
	u.changed = changed
	for _, one := range u.wanted { // of a watch before this one: what changed meanwhile is not known
		if one.id != "" {
			u.gone = append(u.gone, one.id)
			delete(u.byID, one.id)
			one.id, one.todo = "", create
		}
		one.due, one.step = time.Time{}, 0
	}
	u.mu.Unlock()
	defer func() {
		u.mu.Lock()
		u.changed = nil
		u.mu.Unlock()
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var list time.Time // when to look for leftovers
	listStep := 0
	var hold time.Time // what the service asked for, about subscriptions
	for ctx.Err() == nil {
		wait := time.Duration(0)
		if err := s.gate.Admit(ctx); err != nil {
			wait = pauseOf(err, s.t.backoff.Most)
		} else if now := time.Now(); now.Before(hold) {
			wait = hold.Sub(now)
		} else if !now.Before(list) {
			if err := s.leftovers(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("graph: subscriptions could not be listed", "source", "graph", "err", err)
				list = now.Add(max(pauseOf(err, 0), s.t.backoff.After(listStep)))
				listStep++
			} else {
				list, listStep = now.Add(relistAfter), 0
			}
		} else if work, next := u.take(now); len(work) > 0 {
			wait = max(s.work(ctx, work, changed), s.t.pace)
			hold = time.Now().Add(wait)
			if soon := time.Now().Add(s.t.relist); u.orphaned() && soon.Before(list) {
				list = soon
			}
		} else {
			wait = min(next, time.Until(list), time.Minute) // a minute: notice suspension and clock steps
		}
		ripe, next := u.ripe(time.Now())
		for _, m := range ripe {
			changed(m)
		}
		timer.Reset(min(wait, next))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-u.wake:
		}
	}
	s.farewell(ctx)
	return context.Cause(ctx)
}

// hint tells of a change in a mailbox. One that is to be left alone for a while is told of after: whoever is told of it
// reads, and would find nothing but the wait, over and over.
func (s *System) hint(mailbox string, changed func(string)) {
	wait := s.boxes.Get(mailbox).Wait()
	if wait <= 0 {
		changed(mailbox)
		return
	}
	s.subs.mu.Lock()
	s.subs.later[mailbox] = time.Now().Add(wait)
	s.subs.mu.Unlock()
	s.subs.nudge()
}

// ripe takes those whose time has come, and says how long there are no more.
func (u *subscriptions) ripe(now time.Time) (mailboxes []string, next time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	next = time.Hour
	for m, at := range u.later {
		if wait := at.Sub(now); wait > 0 {
			next = min(next, wait)
			continue
		}
		delete(u.later, m)
		mailboxes = append(mailboxes, m)
	}
	return mailboxes, next
}

// orphaned reports once that there may be a subscription that nobody knows.
func (u *subscriptions) orphaned() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	was := u.orphans
	u.orphans = false
	return was
}

// pauseOf is how long an error asks to wait.
func pauseOf(err error, most time.Duration) time.Duration {
	wait := time.Second
	if e, ok := errors.AsType[*source.Error](err); ok && e.RetryAfter > 0 {
		wait = e.RetryAfter
	}
	if most > 0 {
		wait = min(wait, most)
	}
	return wait
}

// job is a call that is due.
type job struct {
	one    *subscription // nil: delete id
	todo   task
	id     string
	state  string
	call   call
	second bool // the address was looked up already
}

// take returns up to maxBatch jobs that are due, or how long there are none.
func (u *subscriptions) take(now time.Time) (jobs []*job, next time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	next = time.Hour
	for _, one := range u.wanted {
		if wait := one.due.Sub(now); wait > 0 {
			next = min(next, wait)
			continue
		}
		jobs = append(jobs, &job{one: one, todo: one.todo, id: one.id})
		if len(jobs) == maxBatch {
			return jobs, 0
		}
	}
	for len(u.gone) > 0 && len(jobs) < maxBatch {
		jobs = append(jobs, &job{id: u.gone[len(u.gone)-1]})
		u.gone = u.gone[:len(u.gone)-1]
	}
	return jobs, next
}

const graphTime = "2006-01-02T15:04:05.0000000Z"

// fill makes the call of a job.
func (s *System) fill(j *job) {
	path := "/subscriptions/" + url.PathEscape(j.id)
	switch {
	case j.one == nil:
		j.call = call{method: http.MethodDelete, path: path}
	case j.todo == create:
		name, _ := s.boxes.Get(j.one.mailbox).name()
		j.state = rand.Text() + rand.Text() // 256 bits in 52 letters, of at most 128
		j.call = call{method: http.MethodPost, path: "/subscriptions", header: map[string]string{"Prefer": `IdType="ImmutableId"`}, body: map[string]any{
			"changeType": "created,updated,deleted", "resource": "users/" + url.PathEscape(name) + "/events", "notificationUrl": s.c.NotifyURL,
			"lifecycleNotificationUrl": s.c.NotifyURL, "clientState": j.state, "latestSupportedTlsVersion": "v1_2",
			"expirationDateTime": time.Now().Add(s.t.lifetime).UTC().Format(graphTime)}}
	case j.todo == renew:
		j.call = call{method: http.MethodPatch, path: path, body: map[string]any{"expirationDateTime": time.Now().Add(s.t.lifetime).UTC().Format(graphTime)}}
	default:
		j.call = call{method: http.MethodPost, path: path + "/reauthorize"}
	}
}

// work sends jobs in one request, and returns how long to leave the service alone after.
func (s *System) work(ctx context.Context, jobs []*job, changed func(string)) (wait time.Duration) {
	calls := make([]call, len(jobs))
	for i, j := range jobs {
		s.fill(j)
		calls[i] = j.call
	}
	var answers []answer
	var err error
	if len(jobs) == 1 {
		answers = make([]answer, 1)
		answers[0], err = s.ask(ctx, calls[0], false, maxAnswer)
	} else {
		answers, err = s.askMany(ctx, calls)
	}
	if err != nil {
		if ctx.Err() == nil {
			s.log.Warn("graph: subscriptions could not be kept", "source", "graph", "err", err)
		}
		wait = pauseOf(err, 0)
		for _, j := range jobs {
			s.postpone(j, wait)
		}
		return wait
	}
	if answers[0].failure != nil && ctx.Err() == nil {
		s.log.Warn("graph: subscriptions could not be kept", "source", "graph", "err", answers[0].failure)
		s.gate.Failed("subscriptions")
		wait = s.t.backoff.After(0)
	}
	for i, j := range jobs {
		wait = max(wait, s.settleJob(ctx, j, answers[i], changed))
	}
	return wait
}

// postpone leaves a job for later: after wait, or if that is zero, longer each time.
func (s *System) postpone(j *job, wait time.Duration) {
	s.subs.mu.Lock()
	defer s.subs.mu.Unlock()
	if j.one == nil {
		s.subs.gone = append(s.subs.gone, j.id)
		return
	}
	if wait <= 0 {
		wait = s.t.backoff.After(j.one.step)
		j.one.step++
	}
	j.one.due = time.Now().Add(wait)
}

// settleJob takes note of what came of a job, and returns how long to leave the service alone.
func (s *System) settleJob(ctx context.Context, j *job, a answer, changed func(string)) time.Duration {
	r := a.refusal()
	switch {
	case a.failure != nil || a.status == 0:
		if j.one != nil && j.todo == create {
			s.subs.mu.Lock()
			s.subs.orphans = true
			s.subs.mu.Unlock()
		}
		s.postpone(j, 0)
		return 0
	case r == nil:
		s.done(j, a, changed)
		return 0
	case r.status == http.StatusTooManyRequests, r.status == http.StatusServiceUnavailable, r.status == http.StatusGatewayTimeout:
		s.postpone(j, r.wait)
		return r.wait
	case j.one == nil: // not there any more, or not ours
		return 0
	case j.todo != create && r.status == http.StatusNotFound:
		s.subs.mu.Lock()
		if j.one.id == j.id { // else it was known already
			s.subs.lost(j.one)
		}
		s.subs.mu.Unlock()
		return 0
	}
	if j.todo == create && r.status == http.StatusNotFound && !j.second {
		b := s.boxes.Get(j.one.mailbox)
		_, lookedUp := b.name()
		if _, err := s.lookUp(ctx, b, r, lookedUp); err == nil {
			j.second = true
			s.fill(j)
			again, err := s.ask(ctx, j.call, false, maxAnswer)
			if err != nil {
				s.postpone(j, pauseOf(err, 0))
				return 0
			}
			return s.settleJob(ctx, j, again, changed)
		}
	}
	s.log.Warn("graph: a subscription was refused", "source", "graph", "err", r)
	if j.todo == reauthorize { // renewing does as well
		s.subs.mu.Lock()
		j.one.todo = renew
		s.subs.mu.Unlock()
		s.postpone(j, 0)
		return 0
	}
	switch r.status {
	case http.StatusNotFound, http.StatusForbidden:
		s.postpone(j, retryRefused)
	default: // this server was not reachable for the service, perhaps
		s.postpone(j, 0)
	}
	return 0
}

// lost has a subscription made again. u.mu is held.
func (u *subscriptions) lost(one *subscription) {
	if one.id != "" {
		delete(u.byID, one.id)
	}
	one.id, one.todo, one.due = "", create, time.Time{}
}

// done takes note of a success.
func (s *System) done(j *job, a answer, changed func(string)) {
	if j.one == nil {
		return
	}
	var got struct {
		ID      string    `json:"id"`
		Expires time.Time `json:"expirationDateTime"`
	}
	if j.todo != reauthorize {
		if err := json.Unmarshal(a.body, &got); err != nil || j.todo == create && (got.ID == "" || len(got.ID) > 100) {
			s.log.Warn("graph: an answer about a subscription could not be read", "source", "graph", "err", fmt.Errorf("graph: status %d", a.status))
			s.postpone(j, 0)
			return
		}
	}
	u := &s.subs
	u.mu.Lock()
	followed := u.wanted[strings.ToLower(strings.TrimSpace(j.one.mailbox))] == j.one
	if !followed {
		if j.todo == create { // forgotten meanwhile
			u.gone = append(u.gone, got.ID)
		}
		u.mu.Unlock()
		return
	}
	if j.todo != create && j.one.id != j.id { // lost meanwhile
		u.mu.Unlock()
		return
	}
	j.one.step = 0
	switch j.todo {
	case create:
		j.one.id, j.one.state = got.ID, j.state
		u.byID[got.ID] = j.one
		fallthrough
	case renew:
		if got.Expires.IsZero() {
			got.Expires = time.Now().Add(s.t.lifetime)
		}
		j.one.expires = got.Expires
	}
	// At half of its life, or a fifth earlier by chance, so that they do not all come at once for ever.
	life := max(time.Until(j.one.expires)/2, time.Second)
	j.one.todo, j.one.due = renew, time.Now().Add(life-time.Duration(mathrand.Int64N(int64(life)/5+1)))
	u.mu.Unlock()
	if j.todo == create {
		s.hint(j.one.mailbox, changed) // what happened before it was there was not told
	}
}

// leftovers finds subscriptions to our address that nobody here knows, and has them deleted.
func (s *System) leftovers(ctx context.Context) error {
	path := "/subscriptions"
	for range maxLists {
		a, err := s.ask(ctx, call{method: http.MethodGet, path: path}, false, maxPage)
		if err != nil {
			return err
		}
		if a.failure != nil {
			s.gate.Failed("subscriptions")
			return a.failure
		}
		if r := a.refusal(); r != nil {
			return &source.Error{Kind: source.Unavailable, RetryAfter: r.wait, Err: r}
		}
		var page struct {
			Value []subscribed `json:"value"`
			Next  string       `json:"@odata.nextLink"`
		}
		if err := json.Unmarshal(a.body, &page); err != nil {
			return fmt.Errorf("graph: list subscriptions: %w", err)
		}
		s.subs.mu.Lock()
		for _, one := range page.Value {
			if one.URL == s.c.NotifyURL && !ofPresence(one.Resource) && (one.App == "" || strings.EqualFold(one.App, s.c.ClientID)) && s.subs.byID[one.ID] == nil {
				s.subs.gone = append(s.subs.gone, one.ID)
			}
		}
		s.subs.mu.Unlock()
		if page.Next == "" {
			return nil
		}
		if path, err = s.nextPage(page.Next); err != nil {
			return err
		}
	}
	return nil
}

// farewell deletes what there is, if it is little.
func (s *System) farewell(ctx context.Context) {
	u := &s.subs
	u.mu.Lock()
	var ids []string
	for id, one := range u.byID {
		ids = append(ids, id)
		delete(u.byID, id)
		one.id, one.todo, one.due = "", create, time.Time{}
	}
	ids = append(ids, u.gone...)
	u.gone = nil
	u.mu.Unlock()
	if len(ids) > maxFarewell {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.t.farewell)
	defer cancel()
	for len(ids) > 0 && ctx.Err() == nil {
		n := min(len(ids), maxBatch)
		calls := make([]call, n)
		for i, id := range ids[:n] {
			calls[i] = call{method: http.MethodDelete, path: "/subscriptions/" + url.PathEscape(id)}
		}
		if _, err := s.askMany(ctx, calls); err != nil {
			return
		}
		ids = ids[n:]
	}
}
