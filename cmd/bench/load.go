package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/store/sqlite"
)

const (
	watchers = 2000
	crowded  = 18000
	others   = groupSize - 1
)

// fleet are the watching clients.
type fleet struct {
	conns     []net.Conn
	received  atomic.Int64 // presences
	bytes     atomic.Int64 // of frames that carried changes
	frames    atomic.Int64
	snapshots atomic.Int64

	mu        sync.Mutex // guards acked, late and latencies
	acked     map[int]time.Time
	early     map[int][]time.Time // deliveries that came before the answer
	latencies []time.Duration
}

func sessionSecret(i int) string { return fmt.Sprintf("dls_bench-%d", i) }

// connect opens n connections to a server, each watching the 49 others of its group. path is empty for the floor.
func (f *fleet) connect(ctx context.Context, address, path string, n int) error {
	f.acked, f.early = map[int]time.Time{}, map[int][]time.Time{}
	f.conns = make([]net.Conn, n)
	var wg sync.WaitGroup
	var first atomic.Value
	next := atomic.Int64{}
	for range 16 {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || ctx.Err() != nil {
					return
				}
				d := ws.Dialer{NetDial: func(ctx context.Context, network, addr string) (net.Conn, error) {
					return (&net.Dialer{}).DialContext(ctx, "tcp", address)
				}}
				person := i % watchers
				d.Header = ws.HandshakeHeaderHTTP(http.Header{"Cookie": {"doorlight_session=" + sessionSecret(person)}})
				c, br, _, err := d.Dial(ctx, "ws://"+address+path)
				if err != nil {
					first.CompareAndSwap(nil, err)
					return
				}
				if br != nil {
					ws.PutReader(br)
				}
				f.conns[i] = c
				var ids []string
				for j := person / groupSize * groupSize; j < (person/groupSize+1)*groupSize; j++ {
					if j != person {
						ids = append(ids, personID(j))
					}
				}
				m, _ := json.Marshal(map[string]any{"type": "watch", "people": ids})
				if err := ws.WriteFrame(c, ws.MaskFrameInPlace(ws.NewTextFrame(m))); err != nil {
					first.CompareAndSwap(nil, err)
					return
				}
				go f.read(c)
			}
		})
	}
	wg.Wait()
	if err, ok := first.Load().(error); ok {
		return fmt.Errorf("connect: %w", err)
	}
	return f.wait(ctx, &f.snapshots, int64(n), "snapshots")
}

func (f *fleet) wait(ctx context.Context, counter *atomic.Int64, want int64, what string) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	for counter.Load() < want {
		select {
		case <-ctx.Done():
			return fmt.Errorf("only %d of %d %s came", counter.Load(), want, what)
		case <-time.After(2 * time.Millisecond):
		}
	}
	return nil
}

var (
	person = []byte(`{"id":"`)
	text   = []byte(`"text":"c`)
)

func (f *fleet) read(c net.Conn) {
	r := bufio.NewReaderSize(c, 1024)
	var payload []byte
	for {
		h, err := ws.ReadHeader(r)
		if err != nil {
			return
		}
		if int(h.Length) > cap(payload) {
			payload = make([]byte, h.Length)
		}
		payload = payload[:h.Length]
		if _, err := io.ReadFull(r, payload); err != nil {
			return
		}
		now := time.Now()
		switch {
		case h.OpCode == ws.OpPing:
			ws.WriteFrame(c, ws.MaskFrameInPlace(ws.NewPongFrame(nil)))
		case h.OpCode != ws.OpText:
		case bytes.HasPrefix(payload, []byte(`{"type":"snapshot"`)) || len(payload) > 0 && payload[0] == 0 && f.snapshots.Load() < int64(len(f.conns)):
			f.snapshots.Add(1)
		case payload[0] == 0: // the floor's
			f.received.Add(1)
		default:
			f.frames.Add(1)
			f.bytes.Add(h.Length)
			f.received.Add(int64(bytes.Count(payload, person)))
			f.note(payload, now)
		}
	}
}

// note keeps how long the changes in a frame took from their answer.
func (f *fleet) note(payload []byte, now time.Time) {
	for {
		i := bytes.Index(payload, text)
		if i < 0 {
			return
		}
		payload = payload[i+len(text):]
		n := 0
		for len(payload) > 0 && payload[0] >= '0' && payload[0] <= '9' {
			n, payload = n*10+int(payload[0]-'0'), payload[1:]
		}
		f.mu.Lock()
		if at, ok := f.acked[n]; ok {
			f.latencies = append(f.latencies, max(0, now.Sub(at)))
		} else {
			f.early[n] = append(f.early[n], now)
		}
		f.mu.Unlock()
	}
}

func (f *fleet) ack(n int, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.acked[n] = at
	for range f.early[n] {
		f.latencies = append(f.latencies, 0)
	}
	delete(f.early, n)
}

func (f *fleet) close() {
	for _, c := range f.conns {
		if c != nil {
			c.Close()
		}
	}
}

// caller makes changes through the API.
type caller struct {
	base  string
	token string
	http  *http.Client
}

func (c *caller) call(ctx context.Context, method, path, body string) error {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(res.Body)
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s %s", method, path, res.Status, answer)
	}
	return nil
}

func claimBody(n int) string {
	status := [...]string{"available", "busy", "be_right_back", "unavailable"}[n%4]
	return fmt.Sprintf(`{"status":"%s","text":"c%d"}`, status, n)
}

// measureLive measures everything that takes a server process and sockets.
func measureLive(ctx context.Context, binary string, length time.Duration, wanted func(string) bool) error {
	if runtime.NumCPU() < 2 {
		return fmt.Errorf("two processors are needed: one for the server, one for the load")
	}
	if err := files(); err != nil {
		return err
	}
	if err := pinSelf(); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "== live stream: preparing", watchers, "people")
	dir, err := os.MkdirTemp("", "doorlight-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	st, err := sqlite.Open(ctx, filepath.Join(dir, "doorlight.db"))
	if err != nil {
		return err
	}
	const token = "dlt_bench"
	if err := populate(ctx, st, watchers, func(i int) []byte { return secret.Hash(sessionSecret(i)) }, secret.Hash(token)); err != nil {
		return err
	}
	if err := st.Close(); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := l.Addr().String()
	l.Close()
	server, err := start(ctx, "is ready at", binary, "serve", "--data", dir, "--listen", address, "--log-level", "warn")
	if err != nil {
		return err
	}
	defer server.stop()
	api := &caller{base: "http://" + address + "/api/v1", token: token, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}

	var f fleet
	before, memory := server.cpu(), server.rss()
	if err := f.connect(ctx, address, "/api/v1/live", watchers); err != nil {
		return err
	}
	time.Sleep(200 * time.Millisecond)
	joined := server.cpu() - before
	_ = memory

	// The floor's frames are as long as ours.
	if err := api.call(ctx, "PUT", "/people/"+personID(0)+"/claim", claimBody(0)); err != nil {
		return err
	}
	if err := f.wait(ctx, &f.received, others, "first changes"); err != nil {
		return err
	}
	size := int(f.bytes.Load() / f.frames.Load())
	floor, ports, err := startFloor(ctx, size, size*others)
	if err != nil {
		return err
	}
	defer floor.stop()
	var ff fleet
	floorBefore := floor.cpu()
	if err := ff.connect(ctx, ports[0], "", watchers); err != nil {
		return err
	}
	defer ff.close()
	time.Sleep(200 * time.Millisecond)
	floorJoined := floor.cpu() - floorBefore
	if wanted("join") {
		ratio := joined.Seconds() / floorJoined.Seconds()
		report("join: 2,000 sign in, subscribe, have their snapshot", cpuOf(joined), cpuOf(floorJoined), times(ratio), "<= 3 x", ratio <= 3)
	}
	if wanted("steady") {
		for _, rate := range []int{100, 400} {
			if err := steady(ctx, server, floor, api, &f, ports[1], rate, length); err != nil {
				return err
			}
		}
	}
	if wanted("storm") {
		if err := storms(ctx, server, floor, api, &f, &ff, ports[1]); err != nil {
			return err
		}
	}
	ff.close()
	if wanted("idle") {
		f.close()
		time.Sleep(3 * time.Second)
		return idle(ctx, binary, dir)
	}
	f.close()
	return nil
}

func startFloor(ctx context.Context, size, snapshot int) (p *process, ports []string, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	p, err = start(ctx, "ready ", self, "floor", strconv.Itoa(size), strconv.Itoa(snapshot))
	if err != nil {
		return nil, nil, err
	}
	return p, strings.Fields(strings.TrimPrefix(p.ready, "ready ")), nil
}

func cpuOf(d time.Duration) string { return fmt.Sprintf("%.0f ms", float64(d.Microseconds())/1000) }
func times(r float64) string       { return fmt.Sprintf("%.2f x", r) }

func perMillion(cpu time.Duration, deliveries int64) float64 {
	return cpu.Seconds() / float64(deliveries) * 1e6
}

// floorCall has the floor write and returns its processor time and the number of deliveries.
func floorCall(ctx context.Context, floor *process, port, path string) (time.Duration, int64, error) {
	before := floor.cpu()
	req, err := http.NewRequestWithContext(ctx, "POST", "http://"+port+path, nil)
	if err != nil {
		return 0, 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, 0, err
	}
	var n, us int64
	if _, err := fmt.Sscan(string(answer), &n, &us); err != nil {
		return 0, 0, err
	}
	return floor.cpu() - before, n, nil
}

var changes atomic.Int64

// turns is in how many turns the steady parts and the floor are measured. The machine's speed drifts, and so it does
// for all of them.
const turns = 5

// steady has people change one after the other: by a call for each change, and by an origin that says every 50 ms what
// has changed.
func steady(ctx context.Context, server, floor *process, api *caller, f *fleet, port string, rate int, length time.Duration) error {
	fmt.Fprintf(os.Stderr, "== steady: %d changes a second\n", rate)
	slice := max(1, int(length/time.Second)/turns)
	var base spent
	hows := []string{"a call for each", "an origin's call every 50 ms"}
	ours := make([]steadyResult, len(hows))
	for range turns {
		cpu, n, err := floorCall(ctx, floor, port, fmt.Sprintf("/steady?rate=%d&seconds=%d", rate, slice))
		if err != nil {
			return err
		}
		base.add(cpu, n)
		for i, each := range []int{1, rate / 20} {
			if err := ours[i].turn(ctx, server, api, f, rate, each, slice); err != nil {
				return err
			}
		}
	}
	for i, how := range hows {
		r, row := ours[i], fmt.Sprintf("steady, %d changes/s, %s: ", rate, how)
		ratio := r.perMillion() / base.perMillion()
		late, median, slow := at(r.latencies, 99), at(r.answers, 50), at(r.answers, 99)
		report(row+"processor s per million deliveries", fmt.Sprintf("%.1f", r.perMillion()), fmt.Sprintf("%.1f", base.perMillion()), times(ratio), "<= 1.3 x", ratio <= 1.3)
		report(row+"99 % delivered after the answer within", late.Round(100*time.Microsecond).String(), "", "", "<= 30 ms", late <= 30*time.Millisecond)
		report(row+"answered within (median, 99 %)", median.Round(time.Millisecond).String()+", "+slow.Round(time.Millisecond).String(), "", "", "", true)
	}
	return nil
}

// spent is processor time and what was done with it.
type spent struct {
	cpu        time.Duration
	deliveries int64
}

func (s *spent) add(cpu time.Duration, deliveries int64) {
	s.cpu, s.deliveries = s.cpu+cpu, s.deliveries+deliveries
}

func (s *spent) perMillion() float64 { return perMillion(s.cpu, s.deliveries) }

// at returns the duration that so many percent do not exceed; it sorts.
func at(all []time.Duration, percent int) time.Duration {
	slices.Sort(all)
	return all[len(all)*percent/100]
}

// steadyResult is what steadyCalls measures.
type steadyResult struct {
	spent
	latencies []time.Duration // of deliveries, after the answer
	answers   []time.Duration
}

// turn makes the changes of so many seconds, each of them in one call.
func (r *steadyResult) turn(ctx context.Context, server *process, api *caller, f *fleet, rate, each, seconds int) error {
	n := rate * seconds
	f.mu.Lock()
	f.latencies = nil
	f.mu.Unlock()
	before, received := server.cpu(), f.received.Load()
	var wg sync.WaitGroup
	var failed atomic.Value
	var mu sync.Mutex // guards r.answers
	tick := time.NewTicker(time.Second * time.Duration(each) / time.Duration(rate))
	defer tick.Stop()
	slots := make(chan struct{}, 64)
	for i := 0; i < n; i += each {
		<-tick.C
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			last := int(changes.Add(int64(each))) + 1000
			var parts []string
			for k := range each {
				parts = append(parts, fmt.Sprintf(`{"person":"%s","claim":%s}`, personID((i+k)*97%watchers), claimBody(last-k)))
			}
			method, path, body := "POST", "/claims", `{"claims":[`+strings.Join(parts, ",")+`]}`
			if each == 1 {
				method, path, body = "PUT", "/people/"+personID(i*97%watchers)+"/claim", claimBody(last)
			}
			began := time.Now()
			if err := api.call(ctx, method, path, body); err != nil {
				failed.CompareAndSwap(nil, err)
				return
			}
			now := time.Now()
			for k := range each {
				f.ack(last-k, now)
			}
			mu.Lock()
			r.answers = append(r.answers, now.Sub(began))
			mu.Unlock()
		})
	}
	wg.Wait()
	if err, ok := failed.Load().(error); ok {
		return err
	}
	if err := f.wait(ctx, &f.received, received+int64(n*others), "deliveries"); err != nil {
		return err
	}
	r.add(server.cpu()-before, int64(n*others))
	f.mu.Lock()
	defer f.mu.Unlock()
	r.latencies = append(r.latencies, f.latencies...)
	return nil
}

func storms(ctx context.Context, server, floor *process, api *caller, f, ff *fleet, port string) error {
	fmt.Fprintln(os.Stderr, "== storm: all 2,000 change at once")
	const deliveries = watchers * others
	cpu, n, err := floorCall(ctx, floor, port, "/storm")
	if err != nil {
		return err
	}
	base := perMillion(cpu, n)
	together, tn, err := floorCall(ctx, floor, port, "/together")
	if err != nil {
		return err
	}

	// Claims that end at the same instant: time alone changes everybody.
	at := time.Now().Add(6 * time.Second).Truncate(time.Second).UTC()
	received := f.received.Load()
	if err := claimAll(ctx, api, func(i int) string {
		return fmt.Sprintf(`{"person":"%s","claim":{"status":"do_not_disturb","text":"storm","until":"%s"}}`, personID(i), at.Format(time.RFC3339))
	}); err != nil {
		return err
	}
	if err := f.wait(ctx, &f.received, received+deliveries, "deliveries before the storm"); err != nil {
		return err
	}
	time.Sleep(time.Until(at.Add(-300 * time.Millisecond)))
	before, received := server.cpu(), f.received.Load()
	if err := f.wait(ctx, &f.received, received+deliveries, "deliveries of the storm"); err != nil {
		return err
	}
	took := time.Since(at)
	time.Sleep(50 * time.Millisecond)
	ours := perMillion(server.cpu()-before, deliveries)
	ratio := ours / base
	report("storm, 2,000 claims end at the same second: processor seconds per million deliveries", fmt.Sprintf("%.2f", ours),
		fmt.Sprintf("%.1f (%.1f in one write)", base, perMillion(together, tn)), times(ratio), "<= 0.35 x", ratio <= 0.35)
	report("storm, until the last watcher has the last change", took.Round(time.Millisecond).String(), "", "", "< 1 s", took < time.Second)

	// The same through the API: two calls with a thousand claims each.
	before, received = server.cpu(), f.received.Load()
	if err := claimAll(ctx, api, func(i int) string {
		return fmt.Sprintf(`{"person":"%s","claim":%s}`, personID(i), claimBody(i))
	}); err != nil {
		return err
	}
	if err := f.wait(ctx, &f.received, received+deliveries, "deliveries of the storm"); err != nil {
		return err
	}
	time.Sleep(50 * time.Millisecond)
	ours = perMillion(server.cpu()-before, deliveries)
	ratio = ours / base
	report("storm, 2,000 new claims by two calls, made durable: the same", fmt.Sprintf("%.2f", ours), fmt.Sprintf("%.1f", base), times(ratio), "<= 0.35 x", ratio <= 0.35)
	return nil
}

func claimAll(ctx context.Context, api *caller, one func(i int) string) error {
	var wg sync.WaitGroup
	var failed atomic.Value
	for half := range 2 {
		wg.Go(func() {
			parts := make([]string, 0, watchers/2)
			for i := half * watchers / 2; i < (half+1)*watchers/2; i++ {
				parts = append(parts, one(i))
			}
			if err := api.call(ctx, "POST", "/claims", `{"claims":[`+strings.Join(parts, ",")+`]}`); err != nil {
				failed.CompareAndSwap(nil, err)
			}
		})
	}
	wg.Wait()
	if err, ok := failed.Load().(error); ok {
		return err
	}
	return nil
}

// idle measures the memory of connections that nothing happens on, in a fresh server process.
func idle(ctx context.Context, binary, dir string) error {
	fmt.Fprintf(os.Stderr, "== idle: %d watchers\n", crowded)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := l.Addr().String()
	l.Close()
	copied, err := os.MkdirTemp("", "doorlight-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(copied)
	st, err := sqlite.Open(ctx, filepath.Join(copied, "doorlight.db"))
	if err != nil {
		return err
	}
	if err := populate(ctx, st, watchers, func(i int) []byte { return secret.Hash(sessionSecret(i)) }, nil); err != nil {
		return err
	}
	if err := st.Close(); err != nil {
		return err
	}
	server, err := start(ctx, "is ready at", binary, "serve", "--data", copied, "--listen", address, "--log-level", "warn")
	if err != nil {
		return err
	}
	defer server.stop()
	time.Sleep(500 * time.Millisecond)
	before := server.rss()
	var f fleet
	defer f.close()
	if err := f.connect(ctx, address, "/api/v1/live", crowded); err != nil {
		return err
	}
	time.Sleep(2 * time.Second)
	cpu := server.cpu()
	const quiet = 15 * time.Second
	time.Sleep(quiet)
	used := server.cpu() - cpu
	each := float64(server.rss()-before) / crowded / 1024
	report(fmt.Sprintf("idle, %d watchers of 49 people hold; resident memory of each", crowded), fmt.Sprintf("%.1f KiB", each), "9 or 2.6 KiB", "", "<= 8 KiB", each <= 8)
	share := used.Seconds() / quiet.Seconds() * 100
	report("idle, processor share of all of them together", fmt.Sprintf("%.2f %%", share), "", "", "pings only", share < 5)
	return nil
}
