package exchange

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/source/exchange/exchangetest"
)

var ways = map[string]func(*Config){
	"stream": nil,
	"pull":   func(c *Config) { c.Notify, c.Interval = NotifyPull, 50*time.Millisecond },
}

// Whoever changes an appointment is told of, and nobody else; what is read then is how it is.
func TestChangesAreHeardOf(t *testing.T) {
	t.Parallel()
	for name, change := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, 3, exchangetest.Config{}, change)
			start := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
			o.put(1, meeting("first", start))
			c := o.copy(1, start.Add(-48*time.Hour), start.Add(48*time.Hour))
			if r := c.fetch(); r.Every != everyUnheard || c.subjects() != "first" {
				t.Errorf("unheard of, it is to be read every %v, and holds %q", r.Every, c.subjects())
			}
			w := o.watch(0, 1, 2)
			for i := range 3 {
				w.tells(i) // something may have changed before the subscription
			}
			w.hears(0, 1, 2)
			o.put(1, meeting("second", start.Add(2*time.Hour)))
			w.tells(1)
			if r := c.fetch(); r.Every != everyHeard || r.Unchanged || c.subjects() != "first, second" {
				t.Errorf("it is to be read every %v, and holds %q", r.Every, c.subjects())
			}
			if got := sortedKeys(w.count()); len(got) != 1 {
				t.Errorf("told of %v, want of one", got)
			}
			if r := c.fetch(); !r.Unchanged {
				t.Error("it is read again although nothing changed")
			}
			if err := w.end(); !errors.Is(err, context.Canceled) {
				t.Errorf("watching ends with %v", err)
			}
			if n := o.server.Counters().Subscriptions; n != 0 {
				t.Errorf("%d subscriptions are left behind", n)
			}
		})
	}
}

// A restart of the server's web services loses all subscriptions: everybody is read, and heard of again.
func TestRestartLosesNothing(t *testing.T) {
	t.Parallel()
	for name, change := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, 5, exchangetest.Config{}, change)
			w := o.watch(everybody(5)...)
			w.hears(everybody(5)...)
			o.server.EndSubscriptions("")
			for i := range 5 {
				w.tells(i)
			}
			w.hears(everybody(5)...)
			o.put(3, meeting("after it", time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)))
			w.tells(3)
		})
	}
}

// Who is no longer followed costs the server nothing, and who is taken up later is heard of as well.
func TestFollowingChanges(t *testing.T) {
	t.Parallel()
	for name, change := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, 6, exchangetest.Config{}, change)
			w := o.watch(0, 1, 2)
			w.hears(0, 1, 2)
			w.follow(2, 3, 4)
			w.wait("three subscriptions", func() bool { return o.server.Counters().Subscriptions == 3 })
			w.hears(2, 3, 4)
			o.put(0, meeting("unseen", time.Now()))
			o.put(4, meeting("seen", time.Now()))
			w.tells(4)
			if w.count()[person0(0)] > 0 {
				t.Error("told of somebody who is not followed")
			}
			w.follow()
			w.wait("no subscription", func() bool { return o.server.Counters().Subscriptions == 0 })
			w.follow(5)
			w.hears(5)
		})
	}
}

// Mailboxes are heard of in groups of at most 200, on a connection each.
func TestManyShareAConnection(t *testing.T) {
	t.Parallel()
	const n = 450
	o := newOffice(t, n, exchangetest.Config{}, nil)
	w := o.watch(everybody(n)...)
	w.hears(everybody(n)...)
	if got := o.server.Counters().Streams; got != 3 {
		t.Errorf("%d connections are open, want 3", got)
	}
	for _, i := range []int{0, 199, 200, 449} {
		o.put(i, meeting("here", time.Now()))
		w.tells(i)
	}
}

// A mailbox the account may not act for is asked for again now and then, and holds up nobody.
func TestForbiddenMailboxHoldsUpNobody(t *testing.T) {
	t.Parallel()
	for name, change := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, 3, exchangetest.Config{}, change)
			o.server.SetImpersonation("reader", person0(1), person0(2))
			w := o.watch(0, 1, 2)
			w.hears(1, 2)
			o.put(2, meeting("here", time.Now()))
			w.tells(2)
			o.server.SetImpersonation("reader", "*")
			w.hears(0, 1, 2)
		})
	}
}
