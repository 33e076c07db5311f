package graph

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/source"
)

// PresenceWatcher is somebody who signed in, with whose permission the service is to tell of presence.
type PresenceWatcher struct {
	As      *SignIn
	Account string   // tells sign-ins apart, also when their tokens change
	IDs     []string // object IDs of users, at most MaxPresences; more are not told of
}

// follows are what the service tells about presence. There is one subscription for each who signed in: more are not allowed
// (graph/changenotifications-for-presence, text of 15 August 2026).
type follows struct {
	wake  chan struct{}
	queue chan delivery // what came, with content; WatchPresences reads it

	mu     sync.Mutex         // guards what follows, and every follow; before that of subscriptions
	wanted map[string]*follow // by account
	byID   map[string]*follow
	gone   []departed
	keys   map[string]*contentKey
	newest *contentKey // nil: none was made yet
	told   func([]Presence)
	hint   func(id string) // nil: WatchPresences does not run
}

// follow is what one tells of.
type follow struct {
	account string
	as      *SignIn
	ids     []string // wanted; sorted, in lower case
	busy    bool     // a call is under way
	soon    bool     // and another is due after it
	clean   bool     // what an earlier run left behind is deleted

	id      string // of the subscription; empty: there is none
	state   string // secret that the service sends along
	expires time.Time
	asked   []string // the ids that it was made for
	covers  []string // those of them whom it is about; sorted
	key     *contentKey
	made    time.Time

	due     time.Time
	step    int  // failures in a row
	refused bool // nothing will change by itself
	again   bool // the one that would be one too many was looked for
	renew   bool // renewing did not do: it is to be replaced
	sift    bool // it could not be made, perhaps because of some of the ids
}

// departed is a subscription that is to be deleted.
type departed struct {
	id   string
	as   *SignIn
	due  time.Time
	step int // failures in a row
}

// delivery is what came in one request.
type delivery struct {
	proofs []string // validationTokens
	items  []sealed
}

// sealed is one notification with content.
type sealed struct {
	one     *follow
	tenant  string
	content json.RawMessage
	id      string // of the user, as far as the notification tells; not to be believed
}

const (
	maxFollowJobs = 8
	maxGone       = 5  // attempts to delete a subscription; then it is left to expire
	maxQueue      = 64 // requests that wait to be decrypted; of more only the names are looked at
)

func (f *follows) init() {
	f.wake, f.queue = make(chan struct{}, 1), make(chan delivery, maxQueue)
	f.wanted, f.byID, f.keys = map[string]*follow{}, map[string]*follow{}, map[string]*contentKey{}
}

func (f *follows) nudge() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// tellsOfPresence reports that the cloud has subscriptions to presence: Microsoft publishes them for the global one only.
func (s *System) tellsOfPresence() bool {
	return s.c.NotifyURL != "" && (s.c.Cloud == Global || s.c.Cloud == Custom)
}

// FollowPresences says whose presence is to be heard of from now on, and with whose permission; what is not in the list is
// forgotten. It does not block. Without a NotifyURL and in Microsoft's national clouds it has no effect.
//
// Each watcher has one subscription. To hear of others it has to be replaced, which is done once a minute at most: so whom a watcher
// tells of should not change without need.
func (s *System) FollowPresences(list []PresenceWatcher) {
	if !s.tellsOfPresence() {
		return
	}
	f := &s.teams.follows
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	wanted := make(map[string]*follow, len(list))
	for _, w := range list {
		ids := make([]string, 0, len(w.IDs))
		for _, id := range w.IDs {
			if isGUID(id) {
				ids = append(ids, strings.ToLower(id))
			}
		}
		slices.Sort(ids)
		ids = slices.Compact(ids)
		ids = ids[:min(len(ids), MaxPresences)]
		if w.As == nil || len(ids) == 0 || wanted[w.Account] != nil {
			continue
		}
		one := f.wanted[w.Account]
		if one == nil {
			one = &follow{account: w.Account}
		} else if one.refused && one.as.Token != w.As.Token {
			one.refused, one.due, one.step = false, now, 0
		}
		one.as, one.ids = w.As, ids
		wanted[w.Account] = one
		if one.id != "" && !slices.Equal(one.ids, one.asked) {
			if at := one.made.Add(s.t.refollow); at.Before(one.due) {
				one.due = at
			}
		}
	}
	for account, one := range f.wanted {
		if wanted[account] == nil && one.id != "" {
			f.forget(one)
		}
	}
	f.wanted = wanted
	f.nudge()
}

// forget has a subscription deleted. f.mu is held.
func (f *follows) forget(one *follow) {
	delete(f.byID, one.id)
	f.gone = append(f.gone, departed{id: one.id, as: one.as})
	one.id = ""
}

// WatchPresences hears of presence until ctx ends, whose cause it returns. It returns nil at once where FollowPresences has no effect.
// It mends its own subscriptions: they last for less than an hour and are renewed at half of that, and what an earlier run left behind
// is deleted, as Watch does it.
//
// told is called with presences that the service sent, in any order: Sequence tells which is newer. hint is called with the ID of a user
// whose presence is to be read, because it changed, or may have changed while the service did not tell. Both are called from any
// goroutine and must not block.
func (s *System) WatchPresences(ctx context.Context, told func([]Presence), hint func(id string)) error {
	if !s.tellsOfPresence() {
		return nil
	}
	f := &s.teams.follows
	f.mu.Lock()
	if f.hint != nil {
		f.mu.Unlock()
		return errors.New("graph: presence watched twice")
	}
	f.told, f.hint = told, hint
	for _, one := range f.wanted { // of a watch before this one: what changed meanwhile is not known
		if one.id != "" {
			f.forget(one)
		}
		one.due, one.step, one.refused, one.clean = time.Time{}, 0, false, false
	}
	f.mu.Unlock()
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			select {
			case d := <-f.queue:
				s.unseal(ctx, d, told, hint)
			case <-ctx.Done():
				return
			}
		}
	})
	defer func() {
		f.mu.Lock()
		f.told, f.hint = nil, nil
		f.mu.Unlock()
		reader.Wait()
		for {
			select {
			case <-f.queue:
			default:
				return
			}
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	step := 0 // failures to make a key
	for ctx.Err() == nil {
		wait := time.Duration(0)
		if err := s.teams.follow.Admit(ctx); err != nil {
			wait = pauseOf(err, s.t.backoff.Most)
		} else if jobs, next := f.take(time.Now()); len(jobs) == 0 {
			wait = min(next, time.Minute) // a minute: notice suspension and clock steps
		} else if err := s.freshKey(time.Now()); err != nil {
			s.log.Error("graph: no key for notifications", "source", "graph", "err", err)
			wait = s.t.backoff.After(step)
			step++
			f.giveBack(jobs)
		} else {
			step = 0
			var group sync.WaitGroup
			for _, j := range jobs {
				group.Go(func() { s.keepFollowing(ctx, j, hint) })
			}
			group.Wait()
			wait = s.t.pace
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-f.wake:
		}
	}
	s.stopFollowing(ctx)
	return context.Cause(ctx)
}

// followJob is what is due for one follow, or a subscription to delete.
type followJob struct {
	one  *follow // nil: delete gone
	gone departed
	as   *SignIn
	ids  []string
	id   string // there is one already
}

// take returns up to maxFollowJobs that are due, or how long there are none.
func (f *follows) take(now time.Time) (jobs []followJob, next time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	next = time.Hour
	f.gone = slices.DeleteFunc(f.gone, func(d departed) bool {
		if wait := d.due.Sub(now); wait > 0 || len(jobs) == maxFollowJobs {
			next = min(next, max(wait, 0))
			return false
		}
		jobs = append(jobs, followJob{gone: d})
		return true
	})
	for _, one := range f.wanted {
		if one.busy {
			continue
		}
		if wait := one.due.Sub(now); wait > 0 {
			next = min(next, wait)
			continue
		}
		if len(jobs) == maxFollowJobs {
			return jobs, 0
		}
		one.busy = true
		jobs = append(jobs, followJob{one: one, as: one.as, ids: one.ids, id: one.id})
	}
	return jobs, next
}

func (f *follows) giveBack(jobs []followJob) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, j := range jobs {
		if j.one == nil {
			f.gone = append(f.gone, j.gone)
		} else {
			j.one.busy = false
		}
	}
}

// freshKey makes the key that subscriptions are made with from now on, if it is time to, and drops those that are out of use.
func (s *System) freshKey(now time.Time) error {
	f := &s.teams.follows
	f.mu.Lock()
	newest := f.newest
	f.mu.Unlock()
	if newest == nil || now.Sub(newest.made) > s.t.rotate {
		made, err := newContentKey(s.t.keyBits, now)
		if err != nil {
			return err
		}
		f.mu.Lock()
		f.newest, f.keys[made.id] = made, made
		f.mu.Unlock()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	used := map[*contentKey]bool{f.newest: true}
	for _, one := range f.byID {
		used[one.key] = true
	}
	for id, key := range f.keys {
		switch {
		case used[key]:
			key.idle = time.Time{}
		case key.idle.IsZero():
			key.idle = now
		case now.Sub(key.idle) > contentKeyLast:
			delete(f.keys, id)
		}
	}
	return nil
}

// keepFollowing does a job, whatever it takes.
func (s *System) keepFollowing(ctx context.Context, j followJob, hint func(string)) {
	f := &s.teams.follows
	if j.one == nil {
		err := s.unsubscribe(ctx, j.gone)
		e, _ := errors.AsType[*source.Error](err)
		if e != nil && e.Kind == source.Unavailable && j.gone.step < maxGone {
			j.gone.due = time.Now().Add(max(e.RetryAfter, s.t.backoff.After(j.gone.step)))
			j.gone.step++
			f.mu.Lock()
			f.gone = append(f.gone, j.gone)
			f.mu.Unlock()
		}
		return
	}
	one := j.one
	f.mu.Lock()
	key, clean := f.newest, one.clean
	replace := j.id != "" && (one.renew || !slices.Equal(j.ids, one.asked))
	oldKey := one.key
	if j.id != "" && !time.Now().Before(one.expires) { // renewing came too late
		delete(f.byID, one.id)
		one.id, j.id, replace = "", "", false
	}
	f.mu.Unlock()

	a, err := s.asker(j.as)
	if err == nil {
		defer a.done()
		switch {
		case !clean:
			err = s.cleanUp(ctx, &a, one)
			if err == nil && j.id == "" {
				err = s.subscribe(ctx, &a, j, key, hint)
			}
		case replace:
			f.mu.Lock()
			if one.id == j.id {
				delete(f.byID, one.id)
				one.id = ""
			}
			f.mu.Unlock()
			// Two at a time are not allowed. One that cannot be deleted is found when the next cannot be made.
			_ = s.unsubscribe(ctx, departed{id: j.id, as: j.as})
			err = s.subscribe(ctx, &a, j, key, hint)
		case j.id == "":
			err = s.subscribe(ctx, &a, j, key, hint)
		default:
			err = s.resubscribe(ctx, &a, j, key, oldKey)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	one.busy = false
	defer func() { // what happened meanwhile
		switch {
		case one.soon:
			one.soon, one.due = false, time.Time{}
		case one.refused && one.as.Token != j.as.Token:
			one.refused, one.due, one.step = false, time.Time{}, 0
		case err == nil && one.id != "" && !slices.Equal(one.ids, one.asked):
			if at := one.made.Add(s.t.refollow); at.Before(one.due) {
				one.due = at
			}
		}
	}()
	if err == nil {
		return
	}
	e, _ := errors.AsType[*source.Error](err)
	if e == nil {
		e = &source.Error{}
	}
	switch {
	case ctx.Err() != nil:
	case e.Status == http.StatusNotFound && one.id != "" && one.id == j.id:
		delete(f.byID, one.id)
		one.id, one.due = "", time.Time{}
	case e.Status == http.StatusBadRequest && one.id != "" && one.id == j.id && !one.renew:
		one.renew, one.due = true, time.Time{}
	case (e.Status == http.StatusConflict || e.Status == http.StatusForbidden) && !one.again:
		one.again, one.clean = true, false // perhaps there is one that is not known here
		one.due = time.Now().Add(s.t.backoff.After(0))
	case e.Kind == source.Credentials || e.Kind == source.NotAllowed || e.Status == http.StatusForbidden || e.Status == http.StatusConflict:
		one.refused, one.due = true, time.Now().Add(retryRefused)
	default:
		if one.id == "" {
			one.clean = false // it may have been made, and not have been heard of
			one.sift = e.Status != 0
		}
		one.due = time.Now().Add(max(e.RetryAfter, s.t.backoff.After(one.step)))
		one.step++
	}
}

// subscribe makes a subscription.
func (s *System) subscribe(ctx context.Context, a *asker, j followJob, key *contentKey, hint func(string)) error {
	f, one := &s.teams.follows, j.one
	f.mu.Lock()
	sift := one.sift
	f.mu.Unlock()
	covers := j.ids
	if sift { // somebody who has no presence any more spoils it for all, as was reported of users who had been deleted
		there, err := s.Presences(ctx, j.as, j.ids)
		if err != nil {
			return err
		}
		covers = make([]string, 0, len(there))
		for _, p := range there {
			covers = append(covers, p.ID)
		}
		slices.Sort(covers)
		if len(covers) == 0 {
			return &source.Error{Kind: source.NotAllowed, Text: "None of the people has a presence in Teams."}
		}
	}
	state := rand.Text() + rand.Text() // 256 bits in 52 letters, of at most 128
	got, err := a.ask(ctx, s.teams.follow, call{method: http.MethodPost, path: "/subscriptions", body: map[string]any{
		"changeType": "updated", "resource": presenceResource(covers), "notificationUrl": s.c.NotifyURL, "lifecycleNotificationUrl": s.c.NotifyURL,
		"clientState": state, "latestSupportedTlsVersion": "v1_2", "expirationDateTime": time.Now().Add(s.t.following).UTC().Format(graphTime),
		"includeResourceData": true, "encryptionCertificate": key.cert, "encryptionCertificateId": key.id}}, false, maxAnswer)
	if err != nil {
		return err
	}
	made, err := s.settleFollow(ctx, a, j, got)
	if err != nil {
		return err
	}
	if made.ID == "" || len(made.ID) > 100 {
		return errDamagedFollow
	}
	f.mu.Lock()
	if f.wanted[one.account] != one { // forgotten meanwhile
		f.gone = append(f.gone, departed{id: made.ID, as: j.as})
		f.mu.Unlock()
		return nil
	}
	one.id, one.state, one.asked, one.covers, one.key, one.made = made.ID, state, j.ids, covers, key, time.Now()
	one.again, one.renew, one.sift = false, false, false
	f.byID[one.id] = one
	s.lasts(one, made.Expires)
	f.mu.Unlock()
	for _, id := range covers { // what happened before it was there was not told
		hint(id)
	}
	return nil
}

// resubscribe renews a subscription, with the newest key.
func (s *System) resubscribe(ctx context.Context, a *asker, j followJob, key, old *contentKey) error {
	body := map[string]any{"expirationDateTime": time.Now().Add(s.t.following).UTC().Format(graphTime)}
	if key != old { // change-notifications-with-resource-data, managing encryption keys
		body["encryptionCertificate"], body["encryptionCertificateId"] = key.cert, key.id
	}
	got, err := a.ask(ctx, s.teams.follow, call{method: http.MethodPatch, path: "/subscriptions/" + url.PathEscape(j.id), body: body}, false, maxAnswer)
	if err != nil {
		return err
	}
	made, err := s.settleFollow(ctx, a, j, got)
	if err != nil {
		return err
	}
	s.teams.follows.mu.Lock()
	defer s.teams.follows.mu.Unlock()
	if j.one.id == j.id { // else it was lost or forgotten meanwhile
		j.one.key = key
		s.lasts(j.one, made.Expires)
	}
	return nil
}

// lasts notes until when a subscription lasts: it is renewed at half of that, or a fifth earlier by chance, so that they do not all come
// at once for ever. The lock of follows is held.
func (s *System) lasts(one *follow, until time.Time) {
	now := time.Now()
	if until.IsZero() {
		until = now.Add(s.t.following)
	}
	life := max(until.Sub(now)/2, time.Second)
	one.expires, one.step, one.refused = until, 0, false
	one.due = now.Add(life - time.Duration(mathrand.Int64N(int64(life)/5+1)))
}

// presenceResource names people (changenotifications-for-presence, supported resources).
func presenceResource(ids []string) string {
	return "/communications/presences?$filter=id in ('" + strings.Join(ids, "','") + "')"
}

// subscribed is what is of interest of a subscription.
type subscribed struct {
	ID       string    `json:"id"`
	Expires  time.Time `json:"expirationDateTime"`
	URL      string    `json:"notificationUrl"`
	Resource string    `json:"resource"`
	App      string    `json:"applicationId"`
}

var errDamagedFollow = &source.Error{Kind: source.Unavailable, Text: "Microsoft 365 gave an answer that is damaged.", Err: errors.New("graph: an answer about a subscription that cannot be read")}

func (s *System) settleFollow(ctx context.Context, a *asker, j followJob, got answer) (subscribed, error) {
	if err := a.settle(ctx, s.teams.follow, nil, "account "+j.one.account, &following, got); err != nil {
		return subscribed{}, err
	}
	var made subscribed
	if err := json.Unmarshal(got.body, &made); err != nil {
		s.log.Warn("graph: an answer about a subscription could not be read", "source", "graph", "err", fmt.Errorf("graph: status %d", got.status))
		return subscribed{}, errDamagedFollow
	}
	return made, nil
}

func (s *System) unsubscribe(ctx context.Context, d departed) error {
	a, err := s.asker(d.as)
	if err != nil {
		return err
	}
	defer a.done()
	got, err := a.ask(ctx, s.teams.follow, call{method: http.MethodDelete, path: "/subscriptions/" + url.PathEscape(d.id)}, false, maxAnswer)
	if err != nil {
		return err
	}
	if r := got.refusal(); got.failure == nil && r.status404() {
		return nil
	}
	return a.settle(ctx, s.teams.follow, nil, "subscriptions", &following, got)
}

// cleanUp deletes what an earlier run subscribed to with this sign-in.
func (s *System) cleanUp(ctx context.Context, a *asker, one *follow) error {
	f := &s.teams.follows
	path := "/subscriptions"
	var gone []string
	for range maxLists {
		got, err := a.ask(ctx, s.teams.follow, call{method: http.MethodGet, path: path}, false, maxPage)
		if err != nil {
			return err
		}
		if err := a.settle(ctx, s.teams.follow, nil, "subscriptions", &following, got); err != nil {
			return err
		}
		var page struct {
			Value []subscribed `json:"value"`
			Next  string       `json:"@odata.nextLink"`
		}
		if err := json.Unmarshal(got.body, &page); err != nil {
			return errDamagedFollow
		}
		f.mu.Lock()
		for _, found := range page.Value {
			if found.URL == s.c.NotifyURL && ofPresence(found.Resource) && (found.App == "" || strings.EqualFold(found.App, s.c.ClientID)) && f.byID[found.ID] == nil {
				gone = append(gone, found.ID)
			}
		}
		f.mu.Unlock()
		if page.Next == "" {
			break
		}
		if path, err = s.nextPage(page.Next); err != nil {
			return &source.Error{Kind: source.Other, Text: "Microsoft 365 sends on to an address that is not its own.", Err: err}
		}
	}
	for _, id := range gone {
		if err := s.unsubscribe(ctx, departed{id: id, as: a.as}); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	one.clean = true
	return nil
}

// ofPresence reports that a subscription is one to presence, which is up to WatchPresences and not to Watch.
func ofPresence(resource string) bool {
	return strings.Contains(strings.ToLower(resource), "communications/presences")
}

// stopFollowing deletes what there is, if it is little.
func (s *System) stopFollowing(ctx context.Context) {
	f := &s.teams.follows
	f.mu.Lock()
	for _, one := range f.wanted {
		if one.id != "" {
			f.forget(one)
		}
	}
	gone := f.gone
	f.gone = nil
	f.mu.Unlock()
	if len(gone) > maxFarewell {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.t.farewell)
	defer cancel()
	var group sync.WaitGroup
	turns := make(chan struct{}, maxFollowJobs)
	for _, d := range gone {
		group.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			if ctx.Err() == nil {
				_ = s.unsubscribe(ctx, d) // what is left expires within the hour
			}
		})
	}
	group.Wait()
}

var anyGUID = regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)

// user is the ID of the user that a notification names; empty: none.
func (n *notification) user() string {
	if isGUID(n.Data.ID) {
		return strings.ToLower(n.Data.ID)
	}
	return strings.ToLower(anyGUID.FindString(n.Resource))
}

func (one *follow) follows(id string) bool {
	_, found := slices.BinarySearch(one.covers, id)
	return found
}

// owns reports that a notification is of a subscription to presence.
func (f *follows) owns(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.byID[id] != nil
}

// accept takes note of notifications, and returns whose presence is to be read and whom to tell. What has content is put aside for
// WatchPresences, since it takes a while to be believed.
func (f *follows) accept(list []notification, proofs []string, tenant string, count func(func(*Notifications))) (ids []string, hint func(string)) {
	var d delivery
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range list {
		one := f.byID[n.Subscription]
		if one == nil {
			count(func(c *Notifications) { c.Unknown++ })
			continue
		}
		if n.State == nil || subtle.ConstantTimeCompare([]byte(*n.State), []byte(one.state)) != 1 || n.Tenant != "" && guid.MatchString(tenant) && !strings.EqualFold(n.Tenant, tenant) {
			count(func(c *Notifications) { c.Forged++ })
			continue
		}
		switch n.Lifecycle {
		case "":
		case "missed":
			ids = append(ids, one.covers...)
			count(func(c *Notifications) { c.Lifecycle++ })
			continue
		case "subscriptionRemoved": // and when it is made again, all are read
			delete(f.byID, one.id)
			one.id, one.due = "", time.Time{}
			f.nudge()
			count(func(c *Notifications) { c.Lifecycle++ })
			continue
		default: // reauthorizationRequired: renewing does that as well (change-notifications-lifecycle-events)
			if n.Lifecycle == "reauthorizationRequired" {
				one.due, one.soon = time.Time{}, one.busy
				f.nudge()
			}
			count(func(c *Notifications) { c.Lifecycle++ })
			continue
		}
		id := n.user()
		if len(n.Encrypted) > 0 && string(n.Encrypted) != "null" {
			d.items = append(d.items, sealed{one, strings.ToLower(n.Tenant), n.Encrypted, id})
			continue
		}
		if !one.follows(id) {
			count(func(c *Notifications) { c.Unknown++ })
			continue
		}
		count(func(c *Notifications) { c.Changes++ })
		ids = append(ids, id)
	}
	if len(d.items) > 0 && f.hint != nil {
		d.proofs = proofs
		select {
		case f.queue <- d:
		default: // too many at once: they are read
			for _, item := range d.items {
				if item.one.follows(item.id) {
					ids = append(ids, item.id)
				}
			}
		}
	}
	return ids, f.hint
}

// unseal reads notifications with content. Who they are about is told from the content only.
func (s *System) unseal(ctx context.Context, d delivery, told func([]Presence), hint func(string)) {
	f := &s.teams.follows
	proven, err := s.proven(ctx, d.proofs)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		s.log.Warn("graph: notifications cannot be verified", "source", "graph", "err", err)
	}
	var list []Presence
	for _, item := range d.items {
		f.mu.Lock()
		follows := item.one.follows(item.id)
		f.mu.Unlock()
		if err != nil { // that it was sent by somebody who knows the secret is good enough for reading
			if follows {
				hint(item.id)
			}
			continue
		}
		if !proven[item.tenant] {
			s.count(func(c *Notifications) { c.Forged++ })
			continue
		}
		var e encrypted
		if json.Unmarshal(item.content, &e) != nil {
			s.count(func(c *Notifications) { c.Forged++ })
			continue
		}
		f.mu.Lock()
		key := f.keys[e.Cert]
		f.mu.Unlock()
		if key == nil { // of a key that is gone
			s.count(func(c *Notifications) { c.Unknown++ })
			if follows {
				hint(item.id)
			}
			continue
		}
		text, openErr := e.open(key.key)
		if openErr != nil {
			s.count(func(c *Notifications) { c.Forged++ })
			continue
		}
		p, parseErr := readPresence(text)
		f.mu.Lock()
		follows = item.one.follows(p.ID)
		f.mu.Unlock()
		switch {
		case parseErr != nil: // content that says nothing of the presence
			f.mu.Lock()
			follows = item.one.follows(item.id)
			f.mu.Unlock()
			if follows {
				s.count(func(c *Notifications) { c.Changes++ })
				hint(item.id)
			}
		case !follows:
			s.count(func(c *Notifications) { c.Unknown++ })
		default:
			s.count(func(c *Notifications) { c.Changes++ })
			list = append(list, p)
		}
	}
	if len(list) > 0 {
		told(list)
	}
}
