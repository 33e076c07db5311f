package exchange

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
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
	const n = 250
	o := newOffice(t, n, exchangetest.Config{}, nil)
	w := o.watch(everybody(n)...)
	w.hears(everybody(n)...)
	w.wait("two connections", func() bool { return o.server.Counters().Streams == 2 })
	for _, i := range []int{0, 199, 200, 249} {
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

// Each group goes where its first subscription went, each stream is charged to another mailbox, and nothing is
// compressed, which would hold events back.
func TestStreamsStayWithTheirServer(t *testing.T) {
	t.Parallel()
	const n = maxIDs + 50
	type opened struct{ anchor, cookie, speaker, prefer, encoding string }
	var mu sync.Mutex
	var streams []opened
	subscribed := map[string]string{} // mailbox to cookie it came with
	s := newScript(t, func(op, mailbox, body string, w http.ResponseWriter, r *http.Request) {
		cookie := ""
		if c, err := r.Cookie(overrideCookie); err == nil {
			cookie = c.Value
		}
		switch op {
		case "Subscribe":
			mu.Lock()
			subscribed[mailbox] = cookie
			mu.Unlock()
			http.SetCookie(w, &http.Cookie{Name: overrideCookie, Value: "of-" + r.Header.Get("X-AnchorMailbox")})
			io.WriteString(w, success("Subscribe", "<m:SubscriptionId>"+mailbox+"</m:SubscriptionId>"))
		case "GetStreamingEvents":
			mu.Lock()
			streams = append(streams, opened{r.Header.Get("X-AnchorMailbox"), cookie, mailbox, r.Header.Get("X-PreferServerAffinity"), r.Header.Get("Accept-Encoding")})
			mu.Unlock()
			io.WriteString(w, success("GetStreamingEvents", "<m:ConnectionStatus>OK</m:ConnectionStatus>"))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case "Unsubscribe":
			io.WriteString(w, success("Unsubscribe", ""))
		}
	})
	o := &office{t: t, sys: newSystem(t, s.URL, func(c *Config) { c.timing.reopen = time.Second })}
	w := o.watch(everybody(n)...)
	deadline := time.Now().Add(2 * time.Minute)
	for heard := false; !heard; time.Sleep(10 * time.Millisecond) {
		heard = true
		for i := range n {
			heard = heard && o.sys.heard(person0(i))
		}
		if time.Now().After(deadline) {
			t.Fatal("not everybody is heard of")
		}
	}
	w.end()
	mu.Lock()
	defer mu.Unlock()
	first := map[string]bool{}
	for mailbox, cookie := range subscribed {
		if cookie == "" {
			first[mailbox] = true
		}
	}
	// Which of a group's mailboxes comes first is chance.
	early := 0
	for mailbox := range first {
		if mailbox < person0(maxIDs) {
			early++
		}
	}
	if len(first) != 2 || early != 1 {
		t.Errorf("those without a cookie are %v, want one of each group", first)
	}
	speakers := map[string]bool{}
	for _, one := range streams {
		if !first[one.anchor] || one.cookie != "of-"+one.anchor || one.prefer != "true" || one.encoding != "" {
			t.Errorf("a stream is opened with %+v", one)
		}
		speakers[one.speaker] = true
	}
	if len(streams) < 2 || len(speakers) != 2 {
		t.Errorf("the streams are %+v", streams)
	}
}

// Behind one address the mailboxes may live on servers none of which keeps the others' subscriptions. That is learned from
// the first that are lost: whoever comes later is subscribed to once.
func TestOneAddressForSeveralServersIsLearned(t *testing.T) {
	t.Parallel()
	const first, all = 9, 60
	o := newOffice(t, all, exchangetest.Config{Servers: []string{"mbx1", "mbx2", "mbx3"}}, nil)
	w := o.watch(everybody(first)...)
	w.hears(everybody(first)...)
	before := o.server.Counters().Requests["Subscribe"]
	if before <= first {
		t.Fatalf("%d mailboxes took %d subscriptions: none was lost, so this test shows nothing", first, before)
	}
	w.follow(everybody(all)...)
	w.hears(everybody(all)...)
	if c := o.server.Counters(); c.Requests["Subscribe"] != before+all-first || c.Streams != 3 {
		t.Errorf("%d more took %d subscriptions, and there are %d streams", all-first, c.Requests["Subscribe"]-before, c.Streams)
	}
}

// A stream that says nothing any more is dead: everybody in it is read, and heard of on another.
func TestSilentStreamIsDead(t *testing.T) {
	t.Parallel()
	var streams atomic.Int32
	s := newScript(t, func(op, mailbox, body string, w http.ResponseWriter, r *http.Request) {
		switch op {
		case "Subscribe":
			io.WriteString(w, success("Subscribe", "<m:SubscriptionId>"+mailbox+"</m:SubscriptionId>"))
		case "GetStreamingEvents":
			n := streams.Add(1)
			for {
				io.WriteString(w, success("GetStreamingEvents", "<m:ConnectionStatus>OK</m:ConnectionStatus>"))
				w.(http.Flusher).Flush()
				select {
				case <-r.Context().Done():
					return
				case <-time.After(map[bool]time.Duration{true: time.Minute, false: 50 * time.Millisecond}[n == 1]):
				}
			}
		case "Unsubscribe":
			io.WriteString(w, success("Unsubscribe", ""))
		}
	})
	o := &office{t: t, sys: newSystem(t, s.URL, func(c *Config) { c.timing.silence = 500 * time.Millisecond })}
	w := o.watch(0, 1)
	for deadline := time.Now().Add(time.Minute); streams.Load() < 2 || w.count()[person0(0)] < 2 || w.count()[person0(1)] < 2; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d streams were opened, told of %v", streams.Load(), w.count())
		}
	}
}

// Nobody is asked about a mailbox whose change would have been told of, unless the caller insists or has lost what was read.
func TestWhatWouldHaveBeenToldOfIsNotAskedFor(t *testing.T) {
	t.Parallel()
	for name, change := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, 1, exchangetest.Config{}, change)
			start := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
			o.put(0, meeting("first", start))
			c := o.copy(0, start.Add(-48*time.Hour), start.Add(48*time.Hour))
			asked := func() int64 { return o.server.Counters().Requests["SyncFolderItems"] }
			w := o.watch(0)
			w.tells(0)
			w.hears(0)
			c.fetch()
			first := asked()
			if r := c.fetch(); !r.Unchanged || asked() != first || r.Every <= everyUnheard {
				t.Errorf("it is asked %d times more, and to be read every %v", asked()-first, r.Every)
			}
			before := c.account
			o.put(0, meeting("second", start.Add(2*time.Hour)))
			w.tells(0)
			if c.fetch(); asked() != first+1 || c.subjects() != "first, second" {
				t.Errorf("told of, it is asked %d times, and holds %q", asked()-first, c.subjects())
			}
			after := c.account
			c.account.Insist = true
			if c.fetch(); asked() != first+2 {
				t.Error("it is not asked though the caller insists")
			}
			c.account = before // what was read since was not kept
			if c.fetch(); asked() != first+3 || c.subjects() != "first, second" {
				t.Errorf("after a loss it is asked %d times, and holds %q", asked()-first, c.subjects())
			}
			c.account = after
			c.account.To = c.account.To.Add(48 * time.Hour)
			if c.fetch(); asked() != first+4 {
				t.Error("it is not asked though more days are wanted")
			}
		})
	}
}

// What changes while a mailbox has no subscription is found when it has one again, though nobody told of it.
func TestAChangeBetweenTwoSubscriptionsIsRead(t *testing.T) {
	t.Parallel()
	for name, change := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, 1, exchangetest.Config{}, change)
			start := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
			o.put(0, meeting("first", start))
			c := o.copy(0, start.Add(-48*time.Hour), start.Add(48*time.Hour))
			w := o.watch(0)
			w.tells(0)
			w.hears(0)
			c.fetch()
			in := o.sys.watcher
			in.mu.Lock()
			m := in.members[strings.ToLower(person0(0))]
			in.part(m, false)
			o.put(0, meeting("second", start.Add(2*time.Hour)))
			w.reset() // before it can be told of
			in.schedule(m, time.Now())
			in.mu.Unlock()
			w.tells(0)
			if c.fetch(); c.subjects() != "first, second" {
				t.Errorf("it holds %q", c.subjects())
			}
		})
	}
}
