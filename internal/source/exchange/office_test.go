package exchange

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/exchange/exchangetest"
)

// office is an organisation and a system that reads it.
type office struct {
	t      *testing.T
	server *exchangetest.Server
	sys    *System
}

func newOffice(t *testing.T, people int, config exchangetest.Config, change func(*Config)) *office {
	t.Helper()
	if config.HeartBeat == 0 {
		config.HeartBeat = 100 * time.Millisecond
	}
	server, err := exchangetest.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	server.AddAccount(exchangetest.Account{Name: "reader", Password: "secret", Impersonates: []string{"*"}})
	servers := config.Servers
	for i := range people {
		p := exchangetest.Person{Address: person0(i)}
		if len(servers) > 0 {
			p.Server = servers[i%len(servers)]
		}
		if _, err := server.AddMailbox(p); err != nil {
			t.Fatal(err)
		}
	}
	o := &office{t: t, server: server}
	o.sys = newSystem(t, server.Base(), func(c *Config) {
		c.Domain = "EXAMPLE"
		if change != nil {
			change(c)
		}
	})
	return o
}

// person0 is an address that sorts as its number does.
func person0(i int) string { return fmt.Sprintf("p%05d@example.test", i) }

func (o *office) put(i int, e exchangetest.Event) string {
	o.t.Helper()
	id, err := o.server.Mailbox(person0(i)).Put(e)
	if err != nil {
		o.t.Fatal(err)
	}
	return id
}

func meeting(subject string, start time.Time) exchangetest.Event {
	return exchangetest.Event{Subject: subject, Start: start, End: start.Add(time.Hour)}
}

// watching follows everybody and notes who is to be read.
type watching struct {
	o    *office
	mu   sync.Mutex
	told map[string]int
	news chan struct{}
	end  func() error
	hook func(mailbox string) // may be nil
}

func (o *office) watch(people ...int) *watching {
	w := &watching{o: o, told: map[string]int{}, news: make(chan struct{}, 1)}
	w.follow(people...)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- o.sys.Watch(ctx, func(mailbox string) {
			w.mu.Lock()
			w.told[mailbox]++
			hook := w.hook
			w.mu.Unlock()
			poke(w.news)
			if hook != nil {
				hook(mailbox)
			}
		})
	}()
	w.end = sync.OnceValue(func() error { cancel(); return <-done })
	o.t.Cleanup(func() { w.end() })
	return w
}

func (w *watching) follow(people ...int) {
	var all []string
	for _, i := range people {
		all = append(all, person0(i))
	}
	w.o.sys.Follow(all)
}

// wait waits until a condition holds.
func (w *watching) wait(what string, holds func() bool) {
	w.o.t.Helper()
	deadline := time.Now().Add(time.Minute) // for a machine that has much else to do
	for !holds() {
		if time.Now().After(deadline) {
			w.o.t.Fatalf("in vain: %s; told so far %v; the server counts %+v", what, w.count(), w.o.server.Counters())
		}
		select {
		case <-w.news:
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (w *watching) count() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := map[string]int{}
	for k, v := range w.told {
		c[k] = v
	}
	return c
}

func (w *watching) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.told)
}

// hears waits until the changes of people are heard of, and forgets what was told until then.
func (w *watching) hears(people ...int) {
	w.o.t.Helper()
	w.wait("to be heard of", func() bool {
		for _, i := range people {
			if !w.o.sys.heard(person0(i)) || !w.quiet() {
				return false
			}
		}
		return true
	})
	w.reset()
}

// quiet reports whether nothing waits to be told.
func (w *watching) quiet() bool {
	w.o.sys.watchMu.Lock()
	defer w.o.sys.watchMu.Unlock()
	in := w.o.sys.watcher
	if in == nil {
		return false
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.dirty) == 0
}

// tells waits until somebody is told of.
func (w *watching) tells(i int) {
	w.o.t.Helper()
	w.wait("to be told of "+person0(i), func() bool { return w.count()[person0(i)] > 0 })
}

// copyOf is what a caller has of a mailbox.
type copyOf struct {
	o       *office
	account source.Account
	data    string
}

func (o *office) copy(i int, from, to time.Time) *copyOf {
	return &copyOf{o: o, account: source.Account{Mailbox: person0(i), From: from, To: to}}
}

func (c *copyOf) fetch() source.Result {
	c.o.t.Helper()
	r, err := c.o.sys.Fetch(within(c.o.t), c.account)
	if err != nil {
		c.o.t.Fatal(err)
	}
	c.take(r)
	return r
}

func (c *copyOf) take(r source.Result) {
	c.account.State = r.State
	if !r.Unchanged {
		c.account.Known = map[string]string{r.Objects[0].Href: r.Objects[0].ETag}
		c.data = string(r.Objects[0].Data)
	}
}

// subjects are the subjects of what a copy holds, in order.
func (c *copyOf) subjects() string {
	var out []string
	for line := range strings.Lines(c.data) {
		if s, ok := strings.CutPrefix(strings.TrimSpace(line), "SUMMARY:"); ok {
			out = append(out, s)
		}
	}
	return strings.Join(out, ", ")
}

func everybody(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func sortedKeys(m map[string]int) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
