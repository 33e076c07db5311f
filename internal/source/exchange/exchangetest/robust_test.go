package exchangetest

import (
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// spoil writes a request with something wrong in it: elements lost, doubled or in another order, other texts.
func (n *node) spoil(t *rapid.T, w *writer) {
	name := n.name
	if strings.HasPrefix(name, "{") {
		name = "t:Unknown"
	}
	kids := slices.Clone(n.kids)
	text := n.value()
	attrs := []string{}
	for k, v := range n.attrs {
		attrs = append(attrs, strings.TrimPrefix(k, "xsi:"), v)
	}
	switch rapid.IntRange(0, 40).Draw(t, "what") {
	case 0:
		return
	case 1:
		kids = append(kids, kids...)
	case 2:
		slices.Reverse(kids)
	case 3:
		kids = nil
	case 4:
		text = rapid.SampledFrom([]string{"", "-1", "0", "9999999999", "AAAA", "2027-02-30", "true", strings.Repeat("x", 300), "<&>\x01"}).Draw(t, "text")
	case 5:
		attrs = nil
	case 6:
		for i := 1; i < len(attrs); i += 2 {
			attrs[i] = rapid.SampledFrom([]string{"", "-1", "0", "calendar", "AAMk", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"}).Draw(t, "attribute")
		}
	}
	w.open(name, attrs...)
	xml.EscapeText(w, []byte(text))
	for _, k := range kids {
		k.spoil(t, w)
	}
	w.close(name)
}

// What is wrong with a request is found as the official schema finds it, and nothing else is.
func TestSpoiltRequestsAreJudgedAsTheSchemaJudgesThem(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	documents := map[string]*node{}
	var files []string
	samples := validSamples(t)
	spoilt := rapid.Custom(func(rt *rapid.T) string {
		w := &writer{}
		rapid.SampledFrom(samples).Draw(rt, "sample").spoil(rt, w)
		return w.String()
	})
	for seed := range 400 {
		text := (&client{}).envelope(spoilt.Example(seed))
		root, err := parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if body := root.kid("s:Body"); len(body.kids) != 1 || schema().elements[body.kids[0].name] == "" {
			continue // refused before it is looked at
		}
		file := filepath.Join(dir, fmt.Sprintf("%03d.xml", seed))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
		documents[file] = root
	}
	valid := 0
	for _, file := range files {
		if validate(documents[file]) == nil {
			valid++
		}
	}
	if valid < 20 || len(files)-valid < 100 {
		t.Errorf("%d of %d are valid: too few of one kind to say anything", valid, len(files))
	}
	complaints := judge(t, files)
	for _, file := range files {
		if got := validate(documents[file]); (got == nil) != (complaints[file] == "") {
			text, _ := os.ReadFile(file)
			t.Errorf("we say %v\nthe schema says %.600s\nof %.3000s", got, complaints[file], text)
		}
	}
}

// validSamples are the requests of others that are served here, whole.
func validSamples(t *testing.T) []*node {
	t.Helper()
	var samples []*node
	for _, name := range sampleNames(t) {
		text, err := os.ReadFile(filepath.Join("testdata", "samples", name))
		if err != nil {
			t.Fatal(err)
		}
		root, err := parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if body := root.kid("s:Body"); body != nil && len(body.kids) == 1 && schema().elements[body.kids[0].name] != "" {
			samples = append(samples, body.kids[0])
		}
	}
	return samples
}

// Nothing a client sends makes the server crash or say nothing.
func TestSpoiltRequestsAreRefused(t *testing.T) {
	t.Parallel()
	s, anna := office(t, Config{Minute: time.Millisecond})
	if _, err := anna.Put(Event{Start: at("2027-03-22T09:00:00Z"), End: at("2027-03-22T10:00:00Z"), Recurrence: &Recurrence{Pattern: Daily}}); err != nil {
		t.Fatal(err)
	}
	samples := validSamples(t)
	real := anna.View(at("2027-03-01T00:00:00Z"), at("2027-04-01T00:00:00Z"))
	for _, body := range []string{viewOfMarch, syncWith(""), `<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape><m:ItemIds><t:ItemId Id="` + real[0].ItemID + `"/></m:ItemIds></m:GetItem>`,
		subscribing("Pull", "<t:FolderIds>"+calendar+"</t:FolderIds>", "", "<t:Timeout>10</t:Timeout>")} {
		root, err := parse([]byte((&client{}).envelope(body)))
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, root.kid("s:Body").kids[0])
	}
	c := newClient(t, s, "anna@example.test", "secret")
	rapid.Check(t, func(rt *rapid.T) {
		w := &writer{}
		rapid.SampledFrom(samples).Draw(rt, "sample").spoil(rt, w)
		answer := c.open(w.String())
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != 200 && answer.StatusCode != 500 && answer.StatusCode != 400 || len(text) == 0 && answer.StatusCode != 400 {
			rt.Fatalf("%d, %v, %q", answer.StatusCode, err, text)
		}
		if crashes := s.Counters().Crashes; len(crashes) > 0 {
			rt.Fatal(crashes[0])
		}
	})
}

// Many clients at once, with everything going wrong now and then: in the end, all is answered and true.
func TestAllAtOnce(t *testing.T) {
	t.Parallel()
	s, _ := office(t, Config{Servers: []string{"mbx1.example.test", "mbx2.example.test"}, Minute: 50 * time.Millisecond, HeartBeat: 5 * time.Millisecond})
	const people = 6
	for i := range people {
		if _, err := s.AddMailbox(Person{Address: fmt.Sprintf("p%d@example.test", i)}); err != nil {
			t.Fatal(err)
		}
	}
	s.SetFaults(Faults{Drop: .03, HalfAnswer: .03, Unauthorized: .03, Unavailable: .03, Busy: .05, Internal: .03, Slow: .05, SlowBy: time.Millisecond,
		LoseSubscription: .05, MissEvents: .05, BadWatermark: .05, BadSyncState: .05, DropStream: .05})
	end := time.Now().Add(1500 * time.Millisecond)
	var all sync.WaitGroup
	for i := range people {
		address := fmt.Sprintf("p%d@example.test", i)
		m := s.Mailbox(address)
		for _, work := range []func(*client, *rand.Rand){
			func(*client, *rand.Rand) { // whose calendar it is
				id, err := m.Put(meeting(1))
				if err == nil {
					m.Change(id, func(e *Event) { e.Subject += "!" })
					m.Trash(id)
				}
			},
			func(c *client, r *rand.Rand) { try(c, viewOfMarch); try(c, syncWith("")) },
			func(c *client, r *rand.Rand) {
				_, _, answer := try(c, subscribing("Streaming", "<t:FolderIds>"+calendar+"</t:FolderIds>", "", ""))
				if id := answer.first("m:SubscriptionId").value(); id != "" {
					try(c, `<m:GetStreamingEvents><m:SubscriptionIds><t:SubscriptionId>`+id+`</t:SubscriptionId></m:SubscriptionIds><m:ConnectionTimeout>1</m:ConnectionTimeout></m:GetStreamingEvents>`)
				}
			},
			func(_ *client, r *rand.Rand) {
				s.MoveMailbox(address, s.config.Servers[r.IntN(2)])
				if r.IntN(20) == 0 {
					s.Restore(s.Backup())
				}
				s.MissEvents(address)
				s.Counters()
				time.Sleep(time.Millisecond)
			},
		} {
			all.Add(1)
			go func() {
				defer all.Done()
				c := newClient(t, s, "svc", "secret")
				c.act = address
				r := rand.New(rand.NewPCG(uint64(i), 1))
				for time.Now().Before(end) {
					work(c, r)
				}
			}()
		}
	}
	all.Wait()
	s.SetFaults(Faults{})
	c := newClient(t, s, "svc", "secret")
	for i := range people {
		c.act = fmt.Sprintf("p%d@example.test", i)
		_, answer := c.ask(viewOfMarch)
		if got, want := len(answer.all("t:CalendarItem")), len(s.View(c.act, at("2027-03-01T00:00:00Z"), at("2027-04-01T00:00:00Z"))); got != want {
			t.Errorf("%s: %d items, want %d", c.act, got, want)
		}
	}
	if n := s.Counters().Streams; n != 0 {
		t.Errorf("%d streams are left", n)
	}
}
