package exchangetest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// try sends a request and tells how it went: the status and the code, or "broken" for a connection that was.
func try(c *client, body string) (int, string, *node) {
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.s.URL(), strings.NewReader(c.envelope(body)))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/xml")
	r.SetBasicAuth(c.user, c.secret)
	answer, err := c.web.Do(r)
	if err != nil {
		return 0, "broken", nil
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		if len(text) == 0 || !strings.HasPrefix(string(text), xmlHead) {
			c.t.Errorf("a half answer that is none: %q", text)
		}
		return answer.StatusCode, "broken", nil
	}
	root, err := parse(text)
	if err != nil || root.name != "s:Envelope" {
		return answer.StatusCode, "", nil
	}
	got, _ := code(root)
	return answer.StatusCode, got, root
}

func TestFaults(t *testing.T) {
	t.Parallel()
	var seen recorder
	t.Run("happen", func(t *testing.T) { faultsHappen(t, &seen) })
	seen.check(t)
}

func faultsHappen(t *testing.T, seen *recorder) {
	for _, test := range []struct {
		name   string
		f      Faults
		status int
		code   string
		detail string // a value in MessageXml
	}{
		{"a dropped connection", Faults{Drop: 1}, 0, "broken", ""},
		{"half an answer", Faults{HalfAnswer: 1}, 200, "broken", ""},
		{"not signed in", Faults{Unauthorized: 1}, 401, "", ""},
		{"away", Faults{Unavailable: 1}, 503, "", ""},
		{"an internal error", Faults{Internal: 1}, 500, "ErrorInternalServerError", ""},
		{"busy for a while", Faults{Busy: 1, BusyForms: []BusyForm{BusyFault}, BackOff: 5 * time.Second}, 500, "ErrorServerBusy", "BackOffMilliseconds=5000"},
		{"busy", Faults{Busy: 1, BusyForms: []BusyForm{BusyFaultBare}}, 500, "ErrorServerBusy", ""},
		{"busy and not even SOAP", Faults{Busy: 1, BusyForms: []BusyForm{BusyUnavailable}}, 503, "", ""},
		{"busy inside", Faults{Busy: 1, BusyForms: []BusyForm{BusyInner}}, 200, "ErrorInternalServerError", "InnerErrorResponseCode=ErrorServerBusy"},
		{"busy with a message", Faults{Busy: 1, BusyForms: []BusyForm{BusyMessage}, BackOff: time.Second}, 200, "ErrorServerBusy", "BackOffMilliseconds=1000"},
		{"too much at a time", Faults{Busy: 1, BusyForms: []BusyForm{BusyExceeded}}, 500, "ErrorExceededConnectionCount", "Policy=MaxConcurrency"},
		{"for one operation only", Faults{Internal: 1, Operations: []string{"GetItem"}}, 200, "NoError", ""},
		{"for one mailbox only", Faults{Internal: 1, Mailboxes: []string{"ben@example.test"}}, 200, "NoError", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, _ := office(t, Config{Record: seen.record})
			c := newClient(t, s, "anna@example.test", "secret")
			s.SetFaults(test.f)
			status, got, answer := try(c, viewOfMarch)
			if status != test.status || got != test.code {
				t.Errorf("status %d, %q; want %d, %q", status, got, test.status, test.code)
			}
			var details []string
			for _, v := range answer.all("t:Value") {
				details = append(details, v.attr("Name")+"="+v.value())
			}
			if test.detail != "" && !strings.Contains(strings.Join(details, " "), test.detail) {
				t.Errorf("details %q, want %s", details, test.detail)
			}
			s.SetFaults(Faults{})
			if status, got, _ := try(c, viewOfMarch); status != 200 || got != "NoError" {
				t.Errorf("when all is well again: %d %s", status, got)
			}
		})
	}
}

func TestFaultsCanBeCounted(t *testing.T) {
	t.Parallel()
	s, _ := office(t, Config{})
	c := newClient(t, s, "anna@example.test", "secret")
	s.SetFaults(Faults{Internal: 1, Times: 2})
	var got []string
	for range 4 {
		_, one, _ := try(c, viewOfMarch)
		got = append(got, one)
	}
	if strings.Join(got, " ") != "ErrorInternalServerError ErrorInternalServerError NoError NoError" {
		t.Errorf("got %q", got)
	}
	counts := s.Counters()
	if counts.Faults["Internal"] != 2 || counts.Requests["FindItem"] != 4 || counts.Spent <= 0 {
		t.Errorf("counted %+v", counts)
	}
}

func TestSubscriptionsAndStatesAreLostAtRandom(t *testing.T) {
	t.Parallel()
	s, anna := office(t, Config{HeartBeat: 20 * time.Millisecond})
	c := newClient(t, s, "anna@example.test", "secret")
	_, answer := c.ask(syncWith(""))
	state := answer.first("m:SyncState").value()
	s.SetFaults(Faults{BadSyncState: 1})
	for _, test := range []struct{ state, want string }{{"", "NoError"}, {state, "ErrorInvalidSyncStateData"}} {
		_, answer := c.ask(syncWith(test.state))
		if got, _ := code(answer); got != test.want {
			t.Errorf("with state %q: %s, want %s", test.state, got, test.want)
		}
	}
	for _, test := range []struct {
		f     Faults
		wants string
	}{
		{Faults{LoseSubscription: 1}, "ErrorSubscriptionNotFound"},
		{Faults{MissEvents: 1}, "ErrorMissedNotificationEvents"},
		{Faults{ReadFails: 1}, "ErrorReadEventsFailed"},
		{Faults{BadWatermark: 1}, "ErrorInvalidWatermark"},
	} {
		s.SetFaults(Faults{})
		subscription, mark := pulling(c)
		s.SetFaults(test.f)
		answer, _ := pull(c, subscription, mark)
		if got, _ := code(answer); got != test.wants {
			t.Errorf("pulling with %+v: %s, want %s", test.f, got, test.wants)
		}
		if test.f.BadWatermark > 0 {
			continue
		}
		s.SetFaults(Faults{})
		id := streaming(c)
		s.SetFaults(test.f)
		answer2 := follow(c, 30, id)
		var got string
		if err := envelopes(t, answer2.Body, func(n *node) bool { got, _ = code(n); return got != "NoError" }); err != nil || got != test.wants {
			t.Errorf("streaming with %+v: %s (%v), want %s", test.f, got, err, test.wants)
		}
		answer2.Body.Close()
	}
	s.SetFaults(Faults{})
	id := streaming(c)
	open := follow(c, 30, id)
	defer open.Body.Close()
	if err := envelopes(t, open.Body, func(*node) bool { return true }); err != nil {
		t.Fatal(err)
	}
	s.SetFaults(Faults{DropStream: 1})
	if err := envelopes(t, open.Body, func(*node) bool { return false }); err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the stream ended in order: %v", err)
	}
	s.SetFaults(Faults{})
	if _, err := anna.Put(meeting(1)); err != nil {
		t.Fatal(err)
	}
	again := follow(c, 30, id) // the subscription outlives its connection
	defer again.Body.Close()
	if err := envelopes(t, again.Body, func(n *node) bool { return len(n.all("t:CreatedEvent")) == 1 }); err != nil {
		t.Error(err)
	}
}

func TestABrokenMailboxHurtsNobodyElse(t *testing.T) {
	t.Parallel()
	s, anna := office(t, Config{})
	if _, err := s.AddMailbox(Person{Address: "ben@example.test", Password: "secret"}); err != nil {
		t.Fatal(err)
	}
	a, b := newClient(t, s, "anna@example.test", "secret"), newClient(t, s, "ben@example.test", "secret")
	anna.SetState(Failing)
	if status, got, _ := try(a, viewOfMarch); status != 500 || got != "ErrorInternalServerError" {
		t.Errorf("the broken one: %d %s", status, got)
	}
	anna.SetState(Hanging)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, http.MethodPost, s.URL(), strings.NewReader(a.envelope(viewOfMarch)))
	r.Header.Set("Content-Type", "text/xml")
	r.SetBasicAuth("anna@example.test", "secret")
	if answer, err := a.web.Do(r); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the hanging one: %v", err)
		answer.Body.Close()
	}
	if status, got, _ := try(b, viewOfMarch); status != 200 || got != "NoError" {
		t.Errorf("the other: %d %s", status, got)
	}
	anna.SetState(Working)
	if status, got, _ := try(a, viewOfMarch); status != 200 || got != "NoError" {
		t.Errorf("repaired: %d %s", status, got)
	}
}

func TestClocksCanBeWrong(t *testing.T) {
	t.Parallel()
	s, anna := office(t, Config{})
	s.SetSkew(-3 * time.Hour)
	c := newClient(t, s, "anna@example.test", "secret")
	subscription, mark := pulling(c)
	if _, err := anna.Put(meeting(1)); err != nil {
		t.Fatal(err)
	}
	answer := c.open(viewOfMarch)
	answer.Body.Close()
	date, err := http.ParseTime(answer.Header.Get("Date"))
	if off := time.Until(date); err != nil || off > -2*time.Hour || off < -4*time.Hour {
		t.Errorf("Date is %v from now (%v)", off, err)
	}
	events, _ := pull(c, subscription, mark)
	if off := time.Until(at(events.first("t:TimeStamp").value())); off > -2*time.Hour || off < -4*time.Hour {
		t.Errorf("the event is %v from now", off)
	}
}

func TestSlowAnswersAreNotTheServersTime(t *testing.T) {
	t.Parallel()
	s, _ := office(t, Config{})
	c := newClient(t, s, "anna@example.test", "secret")
	s.SetFaults(Faults{Slow: 1, SlowBy: 300 * time.Millisecond})
	began := time.Now()
	if status, got, _ := try(c, viewOfMarch); status != 200 || got != "NoError" {
		t.Errorf("%d %s", status, got)
	}
	took := time.Since(began)
	if took < 300*time.Millisecond {
		t.Errorf("it took only %v", took)
	}
	if spent := s.Counters().Spent; spent > took-300*time.Millisecond {
		t.Errorf("the server says it worked %v of %v", spent, took)
	}
}
