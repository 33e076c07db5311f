package exchange

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/exchange/exchangetest"
)

// reader reads mailboxes as the agenda does: when it is told to, and again after an error.
type reader struct {
	o    *office
	w    *watching
	mu   sync.Mutex
	have map[string]*copyOf
	errs map[string]int
	wg   sync.WaitGroup
	todo chan int
	stop context.CancelFunc
}

func (o *office) read(from, to time.Time, people ...int) *reader {
	ctx, cancel := context.WithCancel(context.Background())
	r := &reader{o: o, have: map[string]*copyOf{}, errs: map[string]int{}, todo: make(chan int, 10_000), stop: cancel}
	for _, i := range people {
		r.have[person0(i)] = o.copy(i, from, to)
		r.todo <- i
	}
	r.w = o.watch(people...)
	for range 4 {
		r.wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case i := <-r.todo:
					if !r.one(ctx, i) {
						time.AfterFunc(20*time.Millisecond, func() {
							select {
							case r.todo <- i:
							case <-ctx.Done():
							}
						})
					}
				}
			}
		})
	}
	r.w.mu.Lock()
	r.w.hook = func(mailbox string) {
		var i int
		if _, err := fmt.Sscanf(mailbox, "p%05d@", &i); err != nil {
			o.t.Errorf("told of %q", mailbox)
		}
		r.todo <- i
	}
	r.w.mu.Unlock()
	o.t.Cleanup(r.end)
	return r
}

func (r *reader) end() { r.stop(); r.wg.Wait(); r.w.end() }

func (r *reader) one(ctx context.Context, i int) bool {
	r.mu.Lock()
	c := r.have[person0(i)]
	account := c.account
	r.mu.Unlock()
	result, err := r.o.sys.Fetch(ctx, account)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		if e, ok := errors.AsType[*source.Error](err); !ok || e.Text == "" {
			r.o.t.Errorf("an error without words: %v", err)
		}
		r.errs[err.Error()]++
		return false
	}
	c.take(result)
	return true
}

func (r *reader) subjects(i int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.have[person0(i)].subjects()
}

// truth is what a calendar really holds.
func (o *office) truth(i int, from, to time.Time) string {
	all := o.server.View(person0(i), from.Add(-before), to.Add(after))
	slices.SortFunc(all, func(a, b exchangetest.Occurrence) int {
		if c := a.Event.Start.Compare(b.Event.Start); c != 0 {
			return c
		}
		return strings.Compare(a.UID, b.UID)
	})
	var out []string
	for _, one := range all {
		if !one.Event.Cancelled {
			out = append(out, one.Event.Subject)
		}
	}
	return strings.Join(out, ", ")
}

// Whatever goes wrong on the way, in the end everybody's copy is what the calendar holds, and changes are heard of.
func TestStorm(t *testing.T) {
	t.Parallel()
	for name, change := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n = 12
			o := newOffice(t, n, exchangetest.Config{Servers: []string{"mbx1", "mbx2", "mbx3"}, Minute: 500 * time.Millisecond}, change)
			from := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
			to := from.AddDate(0, 0, 30)
			r := o.read(from, to, everybody(n)...)
			r.w.hears(everybody(n)...)
			o.server.SetFaults(exchangetest.Faults{Drop: 0.05, HalfAnswer: 0.05, Unauthorized: 0.03, Unavailable: 0.05, Busy: 0.05, Internal: 0.03, Slow: 0.05,
				LoseSubscription: 0.05, MissEvents: 0.05, BadWatermark: 0.05, BadSyncState: 0.1, DropStream: 0.1})
			random := rand.New(rand.NewPCG(1, 2))
			ids := make([][]string, n)
			for k := range 120 {
				i := random.IntN(n)
				box := o.server.Mailbox(person0(i))
				switch {
				case len(ids[i]) > 0 && random.IntN(4) == 0:
					j := random.IntN(len(ids[i]))
					if err := box.Delete(ids[i][j]); err != nil {
						t.Fatal(err)
					}
					ids[i] = slices.Delete(ids[i], j, j+1)
				case len(ids[i]) > 0 && random.IntN(3) == 0:
					if err := box.Change(ids[i][random.IntN(len(ids[i]))], func(e *exchangetest.Event) { e.Subject = fmt.Sprint("changed ", k) }); err != nil {
						t.Fatal(err)
					}
				default:
					ids[i] = append(ids[i], o.put(i, meeting(fmt.Sprint("new ", k), from.Add(time.Duration(random.IntN(700))*time.Hour))))
				}
				switch k {
				case 40:
					o.server.EndSubscriptions("mbx2")
				case 60:
					if err := o.server.MoveMailbox(person0(3), "mbx2"); err != nil {
						t.Fatal(err)
					}
				case 80:
					o.server.EndSubscriptions("")
				}
				time.Sleep(5 * time.Millisecond)
			}
			o.server.SetFaults(exchangetest.Faults{})
			for i := range n {
				r.w.wait(fmt.Sprintf("the copy of %d to be right", i), func() bool { return r.subjects(i) == o.truth(i, from, to) })
			}
			r.w.hears(everybody(n)...)
			for i := range n {
				o.put(i, meeting("last", from))
				r.w.wait(fmt.Sprintf("the copy of %d to be right again", i), func() bool { return r.subjects(i) == o.truth(i, from, to) })
			}
			r.end()
			t.Logf("on the way: %v", r.errs)
		})
	}
}

// A server that was restored from a backup knows none of our states; the copies follow it back.
func TestRestoredServer(t *testing.T) {
	t.Parallel()
	for name, change := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, 2, exchangetest.Config{}, change)
			from := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
			to := from.AddDate(0, 0, 7)
			o.put(0, meeting("before", from))
			backup := o.server.Backup()
			r := o.read(from, to, 0, 1)
			r.w.hears(0, 1)
			o.put(0, meeting("after", from.Add(2*time.Hour)))
			r.w.wait("the change", func() bool { return r.subjects(0) == "before, after" })
			o.server.Restore(backup)
			r.w.wait("the change to be gone", func() bool { return r.subjects(0) == "before" })
		})
	}
}

// A mailbox that never answers holds up nobody, neither those that are read nor those that are subscribed to.
func TestHangingMailboxHoldsUpNobody(t *testing.T) {
	t.Parallel()
	for name, change := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n = 8
			o := newOffice(t, n, exchangetest.Config{}, func(c *Config) {
				if change != nil {
					change(c)
				}
				c.Limit, c.Timeout = 4, time.Second
			})
			o.server.Mailbox(person0(0)).SetState(exchangetest.Hanging)
			o.server.Mailbox(person0(1)).SetState(exchangetest.Failing)
			from := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
			r := o.read(from, from.AddDate(0, 0, 7), everybody(n)...)
			r.w.hears(everybody(n)[2:]...)
			for i := 2; i < n; i++ {
				o.put(i, meeting("here", from))
				r.w.wait("it to be read", func() bool { return r.subjects(i) == "here" })
			}
			if e := o.sys.host(o.sys.fixed.url).gate.shut(time.Now()); e != nil {
				t.Errorf("the server is taken to be silent: %v", e)
			}
			o.server.Mailbox(person0(0)).SetState(exchangetest.Working)
			o.server.Mailbox(person0(1)).SetState(exchangetest.Working)
			r.w.hears(everybody(n)...)
			o.put(0, meeting("at last", from))
			r.w.wait("it to be read", func() bool { return r.subjects(0) == "at last" })
		})
	}
}

// Nobody waits for a server that is known to be silent; when it talks again, that is found out.
func TestSilentServerIsFoundOut(t *testing.T) {
	t.Parallel()
	var silent atomic.Bool
	var asked atomic.Int32
	release := make(chan struct{})
	s := newScript(t, func(op, mailbox, body string, w http.ResponseWriter, r *http.Request) {
		if silent.Load() {
			asked.Add(1)
			select {
			case <-r.Context().Done():
			case <-release:
			}
			return
		}
		switch op {
		case "SyncFolderItems":
			io.WriteString(w, synced("one", ""))
		case "FindItem":
			io.WriteString(w, items(true, standUp))
		}
	})
	t.Cleanup(func() { close(release) })
	const timeout = 500 * time.Millisecond
	sys := newSystem(t, s.URL, func(c *Config) {
		c.Timeout, c.timing.wait, c.timing.most = timeout, 300*time.Millisecond, 600*time.Millisecond
	})
	if _, err := sys.Fetch(within(t), march("anna@example.com")); err != nil {
		t.Fatal(err)
	}
	silent.Store(true)
	const n = 2000
	var wg sync.WaitGroup
	var whole atomic.Int32
	begun := time.Now()
	for i := range n {
		wg.Go(func() {
			_, err := sys.Fetch(within(t), march(person0(i)))
			e, ok := errors.AsType[*source.Error](err)
			if !ok || e.Kind != source.Unavailable {
				t.Errorf("it says %v", err)
				return
			}
			if e.Whole {
				whole.Add(1)
				if e.RetryAfter <= 0 {
					t.Error("it does not say when to come back")
				}
			}
		})
	}
	wg.Wait()
	if took := time.Since(begun); took > 20*timeout {
		t.Errorf("%d mailboxes took %v", n, took)
	}
	if got := whole.Load(); got < n-20 {
		t.Errorf("%d are told that it is the server", got)
	}
	if got := asked.Load(); got > 60 {
		t.Errorf("the silent server is asked %d times", got)
	}
	silent.Store(false)
	deadline := time.Now().Add(time.Minute)
	for i := 0; ; i++ {
		_, err := sys.Fetch(within(t), march(person0(i%10)))
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it is not found out that it talks again: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A server that is not there is found out by the first.
func TestAbsentServerIsFoundOutAtOnce(t *testing.T) {
	t.Parallel()
	sys := newSystem(t, "http://127.0.0.1:1", func(c *Config) { c.timing.wait = time.Hour })
	for i := range 3 {
		_, err := sys.Fetch(within(t), march(person0(i)))
		e, ok := errors.AsType[*source.Error](err)
		if !ok || e.Kind != source.Unavailable || !e.Whole || e.RetryAfter <= 0 {
			t.Errorf("it says %v, %+v", err, e)
		}
	}
}

// Whoever is told to wait waits for exactly as long, alone; three in a row make the whole server wait.
func TestBusyIsObeyed(t *testing.T) {
	t.Parallel()
	for _, form := range []exchangetest.BusyForm{exchangetest.BusyFault, exchangetest.BusyFaultBare, exchangetest.BusyUnavailable, exchangetest.BusyInner, exchangetest.BusyMessage, exchangetest.BusyExceeded} {
		t.Run(fmt.Sprint(form), func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, 5, exchangetest.Config{}, func(c *Config) { c.timing.wait = 500 * time.Millisecond; c.timing.most = time.Minute })
			o.copy(4, time.Now(), time.Now().Add(time.Hour)).fetch()
			busy := exchangetest.Faults{Busy: 1, BusyForms: []exchangetest.BusyForm{form}, BackOff: 300 * time.Second, Mailboxes: []string{person0(0)}}
			o.server.SetFaults(busy)
			ask := func(i int) *source.Error {
				_, err := o.sys.Fetch(within(t), march(person0(i)))
				e, _ := errors.AsType[*source.Error](err)
				return e
			}
			e := ask(0)
			stated := form == exchangetest.BusyFault || form == exchangetest.BusyMessage
			if e == nil || e.Kind != source.Unavailable || e.RetryAfter <= 0 || e.Whole || stated && (e.RetryAfter > 300*time.Second || e.RetryAfter < 299*time.Second) {
				t.Fatalf("it says %+v", e)
			}
			before := total(o)
			if e := ask(0); e == nil || e.RetryAfter <= 0 || e.Whole {
				t.Errorf("asked again, it says %+v", e)
			}
			if total(o) != before {
				t.Error("the server is asked although it is to be left alone")
			}
			if e := ask(1); e != nil {
				t.Errorf("another has to wait as well: %+v", e)
			}
			busy.Mailboxes = nil
			o.server.SetFaults(busy)
			for i := 1; i < 4; i++ {
				e = ask(i)
			}
			if e == nil || !e.Whole || e.RetryAfter <= 0 || stated && e.RetryAfter < 299*time.Second {
				t.Errorf("the third says %+v", e)
			}
			before = total(o)
			if e := ask(4); e == nil || !e.Whole || total(o) != before {
				t.Errorf("the whole server is not left alone: %+v", e)
			}
		})
	}
}

func total(o *office) (n int64) {
	for _, one := range o.server.Counters().Requests {
		n += one
	}
	return n
}

// Thousands of mailboxes are heard of with little memory, and without a goroutine each. It is not parallel, so that what
// it measures is its own.
func TestThousandsOfMailboxes(t *testing.T) {
	const n = 2000
	s := newScript(t, func(op, mailbox, body string, w http.ResponseWriter, r *http.Request) {
		switch op {
		case "Subscribe":
			io.WriteString(w, success("Subscribe", "<m:SubscriptionId>JgBzdWJzY3JpcHRpb24tb2YtYS1tYWlsYm94LXdpdGgtYS1sb25nLWlk-"+mailbox+"</m:SubscriptionId>"))
		case "Unsubscribe":
			io.WriteString(w, success("Unsubscribe", ""))
		case "GetStreamingEvents":
			io.WriteString(w, success("GetStreamingEvents", "<m:ConnectionStatus>OK</m:ConnectionStatus>"))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
	})
	sys := newSystem(t, s.URL, func(c *Config) { c.timing.reopen = time.Second })
	memory := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	people := make([]string, n)
	for i := range people {
		people[i] = person0(i)
	}
	before, goroutines := memory(), runtime.NumGoroutine()
	done := make(chan error, 1)
	sys.Follow(people)
	var told atomic.Int32
	go func() { done <- sys.Watch(context.Background(), func(string) { told.Add(1) }) }()
	deadline := time.Now().Add(2 * time.Minute)
	for heard := 0; heard < n; {
		heard = 0
		for i := range people {
			if sys.heard(people[i]) {
				heard++
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d are heard of", heard, n)
		}
		time.Sleep(100 * time.Millisecond)
	}
	if told.Load() < n {
		t.Errorf("%d are told of", told.Load())
	}
	s.operations()
	each := (int64(memory()) - int64(before)) / n
	more := runtime.NumGoroutine() - goroutines
	t.Logf("%d bytes for each mailbox, %d goroutines with those of the test's server", each, more)
	if each > 2048 {
		t.Errorf("%d bytes for each mailbox", each)
	}
	if more > n/20 {
		t.Errorf("%d goroutines", more)
	}
	sys.Close()
	if err := <-done; !errors.Is(err, errClosed) {
		t.Errorf("watching ends with %v", err)
	}
}

// A server that loses every subscription at once is not asked for new ones all the time.
func TestSubscriptionsThatDoNotLast(t *testing.T) {
	t.Parallel()
	var made atomic.Int32
	s := newScript(t, func(op, mailbox, body string, w http.ResponseWriter, r *http.Request) {
		switch op {
		case "Subscribe":
			io.WriteString(w, success("Subscribe", fmt.Sprintf("<m:SubscriptionId>id-%d</m:SubscriptionId>", made.Add(1))))
		case "GetStreamingEvents":
			_, id, _ := strings.Cut(body, "<t:SubscriptionId>")
			id, _, _ = strings.Cut(id, "<")
			io.WriteString(w, refusing("GetStreamingEvents", "ErrorSubscriptionNotFound", "<m:ErrorSubscriptionIds><m:SubscriptionId>"+id+"</m:SubscriptionId></m:ErrorSubscriptionIds><m:ConnectionStatus>Closed</m:ConnectionStatus>"))
		}
	})
	sys := newSystem(t, s.URL, func(c *Config) { c.timing.wait, c.timing.most = 100*time.Millisecond, 400*time.Millisecond })
	w := (&office{t: t, sys: sys}).watch(0)
	time.Sleep(2 * time.Second)
	if n := made.Load(); n < 3 || n > 20 { // without waiting it would be a hundred
		t.Errorf("%d subscriptions were made in two seconds", n)
	}
	if err := w.end(); !errors.Is(err, context.Canceled) {
		t.Errorf("watching ends with %v", err)
	}
}

// Some mailboxes that never answer are their own trouble, also if hardly anybody else asks for anything.
func TestBrokenMailboxesDoNotMakeTheServerSilent(t *testing.T) {
	t.Parallel()
	const broken = 5
	o := newOffice(t, broken+1, exchangetest.Config{}, func(c *Config) { c.Timeout = 400 * time.Millisecond })
	for i := range broken {
		o.server.Mailbox(person0(i)).SetState(exchangetest.Hanging)
	}
	good := o.copy(broken, time.Now(), time.Now().Add(time.Hour))
	good.fetch()
	failed := make([]int, broken)
	for deadline := time.Now().Add(2 * time.Minute); slices.Min(failed) < 2*suspicious; {
		for i := range broken {
			_, err := o.sys.Fetch(within(t), march(person0(i)))
			if e, ok := errors.AsType[*source.Error](err); !ok {
				t.Fatal("a mailbox that hangs is read")
			} else if !e.Whole && e.RetryAfter > 0 {
				failed[i]++
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("they failed %v times", failed)
		}
		sleep(t.Context(), 10*time.Millisecond)
	}
	for range 3 {
		good.fetch()
		for i := range broken {
			o.sys.Fetch(within(t), march(person0(i)))
		}
	}
	good.fetch()
}
