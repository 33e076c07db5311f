package sipserver

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlight/doorlight/presence"
)

// fickle is a telephone whose answers are a matter of luck until it is told to behave. It remembers what it was told last in each subscription.
type fickle struct {
	*phone
	mu   sync.Mutex
	last map[string]string // by Call-ID: body
	cseq map[string]uint32
}

// listen takes the telephone's notifications until the test ends.
func (f *fickle) listen(stop <-chan struct{}) {
	for {
		select {
		case n := <-f.notes:
			id := n.req.CallID().Value()
			f.mu.Lock()
			if seq := n.req.CSeq().SeqNo; seq >= f.cseq[id] { // the same may come twice
				f.cseq[id], f.last[id] = seq, n.body
			}
			f.mu.Unlock()
		case <-stop:
			return
		}
	}
}

// A thousand things happen: people change and hide, telephones subscribe, renew, leave, are slow, refuse, forget, and lose their connections. Whenever it is quiet,
// each telephone knows what is to be seen, and nothing else.
func TestAThousandThingsHappen(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	o := newTown()
	people := []string{"anna", "ben", "carla"}
	users := map[string]string{"201": "anna", "202": "ben", "203": "carla", "299": ""}
	s := begin(t, o, nil, func(x *timing) {
		x.again, x.slow, x.patience = 10*time.Millisecond, 20*time.Millisecond, 60*time.Millisecond
	})
	stop := make(chan struct{})
	var over sync.WaitGroup
	t.Cleanup(func() { close(stop); over.Wait() })
	var phones []*fickle
	for i, network := range []string{"udp", "tcp", "tls", "udp"} {
		f := &fickle{phone: connect(t, s, network, fmt.Sprint("desk", 1+i%2)), last: map[string]string{}, cseq: map[string]uint32{}}
		phones = append(phones, f)
		over.Go(func() { f.listen(stop) })
	}
	type live struct {
		f    *fickle
		d    *dialog
		user string
	}
	var subs []live
	random := func() View {
		v := View{Status: presence.Statuses()[r.IntN(6)], Text: []string{"", "a", "b"}[r.IntN(3)], LineKnown: r.IntN(2) == 0, Off: r.IntN(10) == 0}
		if v.LineKnown {
			v.Line = presence.Line{State: presence.LineState(r.IntN(3))}
		}
		return v
	}
	for round := range 50 {
		for range 20 {
			switch f := phones[r.IntN(len(phones))]; r.IntN(8) {
			case 0, 1, 2:
				o.set(people[r.IntN(3)], random())
			case 3:
				p := people[r.IntN(3)]
				o.change(p, func() { k := [2]string{[]string{"anna", "ben"}[r.IntN(2)], p}; o.blocked[k] = !o.blocked[k] })
			case 4:
				if len(subs) < 25 {
					u := []string{"201", "202", "203", "299"}[r.IntN(4)]
					subs = append(subs, live{f, f.subscribe("sip:"+u+"@office.example", pack(r.IntN(2)).String(), 600, 200), u})
				}
			case 5:
				f.answerWith([]int{200, 0, 408, 503}[r.IntN(4)])
			case 6:
				if f.network != "udp" && r.IntN(4) == 0 {
					f.conn.Close()
					f.dial()
				}
			case 7:
				if len(subs) > 0 && r.IntN(3) == 0 {
					i := r.IntN(len(subs))
					subs[i].d.send(0)
					subs = append(subs[:i], subs[i+1:]...)
				}
			}
		}
		// It becomes quiet: telephones answer, and renew what they have. What was given up for their silence they begin anew.
		for _, f := range phones {
			f.answerWith(200)
		}
		for i, x := range subs {
			if answer := x.d.send(600); answer.StatusCode == 481 {
				subs[i].d = x.f.subscribe(x.d.uri, x.d.event, 600, 200)
			} else if answer.StatusCode != 200 {
				t.Fatalf("round %d: a subscription is renewed with %d", round, answer.StatusCode)
			}
		}
		truth := func(x live) string {
			viewer := o.accounts[x.f.user]
			var v View
			if p := users[x.user]; p != "" {
				v, _ = o.See(viewer, p)
				o.mu.Lock()
				if o.blocked[[2]string{viewer, p}] {
					v = View{}
				}
				o.mu.Unlock()
			}
			p := packPresence
			if x.d.event == "dialog" {
				p = packDialog
			}
			return strip(string(s.docs.of(class{p, false, v}).render(x.d.uri, 0)))
		}
		for _, x := range subs {
			var heard string
			want := truth(x)
			for end := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
				x.f.mu.Lock()
				heard = strip(x.f.last[x.d.callID])
				x.f.mu.Unlock()
				if heard == want {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("round %d, seed %d: of %s (%s) a telephone by %s was told\n%s\nwant\n%s", round, seed, x.user, x.d.event, x.f.network, heard, want)
				}
			}
		}
	}
}

// strip leaves out the version.
func strip(doc string) string {
	before, rest, ok := strings.Cut(doc, `dialog-info" version="`)
	if !ok {
		return doc
	}
	_, rest, _ = strings.Cut(rest, `"`)
	return before + rest
}
