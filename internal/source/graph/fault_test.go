package graph

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/gate"
	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

func bert() source.Account {
	return source.Account{Mailbox: "bert@example.com", From: marchFrom, To: marchTo}
}

// both fetches Anna's and Bert's calendars at once, so that they go out together.
func both(ctx context.Context, s *System) (anna, bert error) {
	var wg sync.WaitGroup
	wg.Go(func() { _, anna = s.Fetch(ctx, annaAccount) })
	wg.Go(func() { _, bert = s.Fetch(ctx, bertAccount) })
	wg.Wait()
	return anna, bert
}

var annaAccount, bertAccount = anna(), bert()

func gathering(_ *graphtest.Config, c *Config, _ *outbound.Config) {
	c.timing.gather = 100 * time.Millisecond
}

// TestOneMailboxIsAskedForTooOften: it is left alone for as long as the service says, and nobody else.
func TestOneMailboxIsAskedForTooOften(t *testing.T) {
	t.Parallel()
	server, s := start(t, gathering)
	server.Break(graphtest.Rule{Op: "calendarView", Mailbox: "anna@example.com", Times: 1, Do: graphtest.Answer, Status: 429, Code: "ApplicationThrottled", RetryAfter: 30 * time.Second})
	annas, berts := both(t.Context(), s)
	e := errorOf(t, annas)
	if e.Kind != source.Unavailable || e.Whole || e.RetryAfter != 30*time.Second || e.Status != 429 {
		t.Errorf("Anna: %v, Whole %v, after %v", e, e.Whole, e.RetryAfter)
	}
	must(t, berts)
	n := server.Count("calendarView")
	_, err := s.Fetch(t.Context(), anna())
	if e := errorOf(t, err); e.RetryAfter > 30*time.Second || e.RetryAfter < 25*time.Second || server.Count("calendarView") != n {
		t.Errorf("again: %v, after %v; asked %d times", e, e.RetryAfter, server.Count("calendarView")-n)
	}
	_, err = s.Fetch(t.Context(), bert())
	must(t, err)
}

// TestTheApplicationAsksTooOften: everybody is told to wait, at once.
func TestTheApplicationAsksTooOften(t *testing.T) {
	t.Parallel()
	server, s := start(t, gathering)
	lift := server.Break(graphtest.Rule{Op: "batch", Do: graphtest.Answer, Status: 429, Code: "TooManyRequests", RetryAfter: 2 * time.Second})
	begun := time.Now()
	annas, berts := both(t.Context(), s)
	for _, err := range []error{annas, berts} {
		if e := errorOf(t, err); !e.Whole || e.Kind != source.Unavailable || e.RetryAfter > 2*time.Second || e.RetryAfter < time.Second {
			t.Errorf("%v, Whole %v, after %v", e, e.Whole, e.RetryAfter)
		}
	}
	lift()
	n := server.Count("batch")
	for {
		_, err := s.Fetch(t.Context(), anna())
		if err == nil {
			break
		}
		timer := time.NewTimer(errorOf(t, err).RetryAfter)
		<-timer.C
	}
	if took := time.Since(begun); took < 2*time.Second || server.Count("batch") != n {
		t.Errorf("asked again after %v, want the two seconds", took)
	}
}

// TestAWaitThatIsNotSaid grows with each time, by chance a little less.
func TestAWaitThatIsNotSaid(t *testing.T) {
	t.Parallel()
	backoff := timing{}.withDefaults().backoff
	for step, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		for range 50 {
			if got := backoff.After(step); got > want*time.Second || got < want*time.Second*4/5 {
				t.Errorf("after failure %d: %v, want up to %ds", step, got, want)
			}
		}
	}
	if got := backoff.After(1000); got > 5*time.Minute {
		t.Errorf("after a thousand: %v", got)
	}
	server, s := start(t)
	lift := server.Break(graphtest.Rule{Op: "calendarView", Do: graphtest.Answer, Status: 429, Code: "ApplicationThrottled"})
	_, err := s.Fetch(t.Context(), anna())
	if e := errorOf(t, err); e.RetryAfter > 50*time.Millisecond || e.RetryAfter <= 0 {
		t.Errorf("the first wait is %v", e.RetryAfter)
	}
	lift()
}

// TestManyMailboxesTurnedAway one after the other mean the application.
func TestManyMailboxesTurnedAway(t *testing.T) {
	t.Parallel()
	server, s := start(t)
	server.Break(graphtest.Rule{Op: "calendarView", Do: graphtest.Answer, Status: 429, Code: "ApplicationThrottled", RetryAfter: 20 * time.Second})
	var last *source.Error
	for i := range throttledToMany + 2 {
		m := fmt.Sprintf("user%d@example.com", i)
		_, err := server.AddMailbox(graphtest.Mailbox{UPN: m})
		must(t, err)
		_, err = s.Fetch(t.Context(), source.Account{Mailbox: m})
		last = errorOf(t, err)
	}
	if !last.Whole || server.Count("calendarView") != throttledToMany {
		t.Errorf("%v, Whole %v, after %d calls", last, last.Whole, server.Count("calendarView"))
	}
}

// TestDamage: connections that break, answers that end in the middle and faults of the service are told as such, and over when they are.
func TestDamage(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]graphtest.Rule{
		"dropped":     {Do: graphtest.Drop},
		"half":        {Do: graphtest.Half},
		"503":         {Do: graphtest.Answer, Status: 503, Code: "ServiceUnavailable"},
		"504":         {Do: graphtest.Answer, Status: 504, Code: "GatewayTimeout"},
		"500":         {Do: graphtest.Answer, Status: 500, Code: "InternalServerError"},
		"503 and say": {Do: graphtest.Answer, Status: 503, Code: "ServiceUnavailable", RetryAfter: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, s := start(t, gathering)
			put(t, server, "anna@example.com", meeting("x"))
			rule.Op, rule.Mailbox = "calendarView", "anna@example.com"
			lift := server.Break(rule)
			annas, berts := both(t.Context(), s)
			e := errorOf(t, annas)
			if e.Kind != source.Unavailable || e.Whole || e.RetryAfter <= 0 || rule.RetryAfter > 0 && e.RetryAfter != rule.RetryAfter {
				t.Errorf("Anna: %v, Whole %v, after %v", e, e.Whole, e.RetryAfter)
			}
			if berts != nil {
				t.Errorf("Bert: %v", berts)
			}
			lift()
			for {
				r, err := s.Fetch(t.Context(), anna())
				if err == nil {
					if got := read(t, r, marchFrom, marchTo); len(got) != 1 {
						t.Errorf("read %v", got)
					}
					return
				}
				timer := time.NewTimer(errorOf(t, err).RetryAfter)
				<-timer.C
			}
		})
	}
}

// TestABatchThatIsLost: each is asked for alone then.
func TestABatchThatIsLost(t *testing.T) {
	t.Parallel()
	for _, do := range []string{graphtest.Drop, graphtest.Half} {
		server, s := start(t, gathering)
		server.Break(graphtest.Rule{Op: "batch", Times: 1, Do: do})
		annas, berts := both(t.Context(), s)
		must(t, annas)
		must(t, berts)
		if n := server.Count("batch"); n != 1 {
			t.Errorf("%d batches", n)
		}
	}
}

// TestOneMailboxIsBrokenForEver, and does not answer: the others are read nevertheless, in time.
func TestOneMailboxIsBrokenForEver(t *testing.T) {
	t.Parallel()
	server, s := start(t, func(_ *graphtest.Config, c *Config, o *outbound.Config) {
		o.Timeout = time.Second
		c.timing.gather = 20 * time.Millisecond
	})
	var all []string
	for i := range 30 {
		m := fmt.Sprintf("user%d@example.com", i)
		_, err := server.AddMailbox(graphtest.Mailbox{UPN: m})
		must(t, err)
		all = append(all, m)
	}
	server.Break(graphtest.Rule{Op: "calendarView", Mailbox: "user7@example.com", Do: graphtest.Hang})
	for round := range 3 {
		var wg sync.WaitGroup
		for _, m := range all {
			wg.Go(func() {
				_, err := s.Fetch(t.Context(), source.Account{Mailbox: m})
				if broken := m == "user7@example.com"; (err != nil) != broken {
					t.Errorf("round %d: %s: %v", round, m, err)
				} else if broken && (errorOf(t, err).Whole || errorOf(t, err).Kind != source.Unavailable) {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		wg.Wait()
		b := s.boxes.Get("user7@example.com")
		if !b.Doubtful() {
			t.Error("the broken one is not asked for on its own")
		}
		timer := time.NewTimer(b.Wait()) // the next round is to ask for it again
		<-timer.C
	}
}

// TestASilentService: hundreds do not each wait for a time-out, and all is well when it speaks again.
func TestASilentService(t *testing.T) {
	t.Parallel()
	server, s := start(t, func(_ *graphtest.Config, c *Config, o *outbound.Config) {
		o.Timeout = time.Second
		c.timing.gather = 20 * time.Millisecond
		c.timing.backoff.First = 500 * time.Millisecond
	})
	_, err := s.Fetch(t.Context(), anna()) // it was well before
	must(t, err)
	lift := server.Break(graphtest.Rule{Do: graphtest.Hang})
	begun := time.Now()
	var wg sync.WaitGroup
	var mu sync.Mutex
	whole := 0
	for i := range 500 {
		wg.Go(func() {
			_, err := s.Fetch(t.Context(), source.Account{Mailbox: fmt.Sprintf("user%d@example.com", i)})
			e := errorOf(t, err)
			if e.Kind != source.Unavailable {
				t.Errorf("%v", e)
			}
			mu.Lock()
			defer mu.Unlock()
			if e.Whole {
				whole++
			}
		})
	}
	wg.Wait()
	if took := time.Since(begun); took > 10*time.Second || whole < 400 {
		t.Errorf("500 mailboxes waited %v together, %d were told that nobody is answered", took, whole)
	}
	lift()
	for end := time.Now().Add(20 * time.Second); ; {
		_, err := s.Fetch(t.Context(), anna())
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("not well again: %v", err)
		}
		timer := time.NewTimer(max(errorOf(t, err).RetryAfter, time.Millisecond))
		<-timer.C
	}
}

// TestAProbeThatIsGivenUp: the next one finds out.
func TestAProbeThatIsGivenUp(t *testing.T) {
	t.Parallel()
	server, s := start(t)
	_, err := s.Fetch(t.Context(), anna())
	must(t, err)
	for i := range gate.ProbeAfter {
		s.gate.Failed(fmt.Sprint("mailbox ", i))
	}
	lift := server.Break(graphtest.Rule{Op: "index", Do: graphtest.Hang})
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("somebody else"))
	defer cancel()
	if _, err := s.Fetch(ctx, anna()); err == nil {
		t.Error("read, although nobody answered the probe")
	}
	lift()
	_, err = s.Fetch(t.Context(), anna())
	must(t, err)
}

// TestATokenThatIsNotTaken is replaced once, with what the service wants to be told.
func TestATokenThatIsNotTaken(t *testing.T) {
	t.Parallel()
	server, s := start(t)
	_, err := s.Fetch(t.Context(), anna())
	must(t, err)
	server.ForgetTokens()
	_, err = s.Fetch(t.Context(), anna())
	must(t, err)
	if n := server.Count("token"); n != 2 {
		t.Errorf("%d tokens, want 2", n)
	}
	challenge := base64.StdEncoding.EncodeToString([]byte(`{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}`))
	server.Break(graphtest.Rule{Op: "calendarView", Times: 1, Do: graphtest.Answer, Status: 401, Code: "InvalidAuthenticationToken", Claims: challenge})
	_, err = s.Fetch(t.Context(), anna())
	must(t, err)
	if n := server.Count("claims"); n != 1 {
		t.Errorf("the challenge was answered %d times", n)
	}
	lift := server.Break(graphtest.Rule{Op: "calendarView", Do: graphtest.Answer, Status: 401, Code: "InvalidAuthenticationToken"})
	if _, err = s.Fetch(t.Context(), anna()); errorOf(t, err).Kind != source.Unavailable {
		t.Errorf("for ever: %v", err)
	}
	lift()
}

// TestTokensThatAreNeverTaken: not everybody asks for another.
func TestTokensThatAreNeverTaken(t *testing.T) {
	t.Parallel()
	server, s := start(t, func(_ *graphtest.Config, c *Config, _ *outbound.Config) { c.timing.fresh = time.Hour })
	server.Break(graphtest.Rule{Op: "calendarView", Do: graphtest.Answer, Status: 401, Code: "InvalidAuthenticationToken",
		Claims: base64.StdEncoding.EncodeToString([]byte(`{}`))})
	for i := range 30 {
		if _, err := s.Fetch(t.Context(), source.Account{Mailbox: fmt.Sprintf("user%d@example.com", i)}); !errorOf(t, err).Whole || errorOf(t, err).Kind != source.Unavailable {
			t.Errorf("%v", err)
		}
	}
	if n := server.Count("token"); n != 1 {
		t.Errorf("%d tokens were asked for", n)
	}
}

// TestAPermissionThatIsGranted is made use of within minutes, though the token that has it not is good for an hour.
func TestAPermissionThatIsGranted(t *testing.T) {
	t.Parallel()
	app := graphtest.DefaultApp()
	app.Roles = nil
	server, s := start(t, func(g *graphtest.Config, _ *Config, _ *outbound.Config) { g.Apps = []graphtest.App{app} })
	_, err := s.Fetch(t.Context(), anna())
	if errorOf(t, err).Kind != source.NotAllowed {
		t.Errorf("without permission: %v", err)
	}
	must(t, server.SetApp(app.ID, func(a *graphtest.App) { a.Roles = []string{"Calendars.Read"} }))
	s.app.mu.Lock()
	s.app.granted = time.Now().Add(-6 * time.Minute)
	s.app.mu.Unlock()
	if _, err = s.Fetch(t.Context(), anna()); err == nil {
		t.Error("the old token has the permission: the stand-in is not strict")
	}
	_, err = s.Fetch(t.Context(), anna())
	must(t, err)
}

// TestATokenThatIsNotTakenForOne, in a batch: that one is asked for again, with another.
func TestATokenThatIsNotTakenForOne(t *testing.T) {
	t.Parallel()
	server, s := start(t, gathering)
	server.Break(graphtest.Rule{Op: "calendarView", Mailbox: "anna@example.com", Times: 2, Do: graphtest.Answer, Status: 401, Code: "InvalidAuthenticationToken"})
	annas, berts := both(t.Context(), s)
	must(t, annas)
	must(t, berts)
	if server.Count("batch") != 1 || server.Count("token") != 2 || server.Count("calendarView") != 4 {
		t.Errorf("asked %v", server.Counts())
	}
}

// TestTheTokenIsRenewedBeforeItsEnd, and used up to it if that does not work.
func TestTheTokenIsRenewedBeforeItsEnd(t *testing.T) {
	t.Parallel()
	server, s := start(t)
	_, err := s.Fetch(t.Context(), anna())
	must(t, err)
	s.app.mu.Lock()
	if left := time.Until(s.app.renew); left > 55*time.Minute || left < 54*time.Minute {
		t.Errorf("renewed in %v, want five minutes before the hour", left)
	}
	s.app.renew = time.Now()
	s.app.mu.Unlock()
	lift := server.Break(graphtest.Rule{Op: "token", Do: graphtest.Answer, Status: 503, Code: "temporarily_unavailable"})
	_, err = s.Fetch(t.Context(), anna())
	must(t, err)
	lift()
	if err := s.app.gate.Shut(); err != nil {
		<-time.After(errorOf(t, err).RetryAfter)
	}
	_, err = s.Fetch(t.Context(), anna())
	must(t, err)
	if n := server.Count("token"); n != 3 {
		t.Errorf("%d tokens were asked for, want 3", n)
	}
	if (&grant{Expires: seconds(2 * time.Minute)}).renewAt().After(time.Now().Add(61 * time.Second)) {
		t.Error("a token that lives for two minutes is not renewed at its half")
	}
}

// TestTheApplicationIsNotAccepted: why, in words, and the service is not asked by everybody.
func TestTheApplicationIsNotAccepted(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		change func(*graphtest.Config, *Config, *outbound.Config)
		words  string
		number int
	}{
		"wrong secret": {func(_ *graphtest.Config, c *Config, _ *outbound.Config) { c.Secret = "wrong" }, "does not accept the application's secret", 7000215},
		"unknown application": {func(_ *graphtest.Config, c *Config, _ *outbound.Config) {
			c.ClientID = "11111111-1111-1111-1111-111111111111"
		}, "knows no application", 700016},
		"unknown directory": {func(_ *graphtest.Config, c *Config, _ *outbound.Config) {
			c.Tenant = "11111111-1111-1111-1111-111111111111"
		}, "no directory with this ID", 90002},
		"expired secret": {func(g *graphtest.Config, _ *Config, _ *outbound.Config) {
			app := graphtest.DefaultApp()
			app.SecretExpires = time.Now().Add(-time.Hour)
			g.Apps = []graphtest.App{app}
		}, "secret has expired", 7000222},
		"unknown certificate": {func(_ *graphtest.Config, c *Config, _ *outbound.Config) {
			c.Secret, c.Certificate = "", certificate(t, time.Hour).pem
		}, "does not know the application's certificate", 700027},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, s := start(t, one.change)
			for range 3 {
				_, err := s.Fetch(t.Context(), anna())
				e := errorOf(t, err)
				l, ok := errors.AsType[*loginError](err)
				if !e.Whole || e.Kind != source.Unavailable || e.RetryAfter < 50*time.Second || !strings.Contains(e.Text, one.words) || !ok || l.number != one.number {
					t.Errorf("%v, Whole %v, after %v: %q", e, e.Whole, e.RetryAfter, e.Text)
				}
			}
			if n := server.Count("token"); n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
	_, s := start(t, func(_ *graphtest.Config, c *Config, _ *outbound.Config) { c.Tenant = "organizations" })
	if _, err := s.Fetch(t.Context(), anna()); errorOf(t, err).Kind != source.NotAllowed || !errorOf(t, err).Whole {
		t.Errorf("without a directory: %v", err)
	}
}

// TestMailboxesThatCannotBeRead say why.
func TestMailboxesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	server, s := start(t, gathering)
	_, err := server.AddMailbox(graphtest.Mailbox{UPN: "old@example.com", OnPrem: true})
	must(t, err)
	moved, err := server.MoveMailbox("anna@example.com")
	must(t, err)
	annaID := moved.ID
	must(t, server.Restrict("anna@example.com", "old@example.com"))
	put(t, server, "anna@example.com", meeting("x"))
	for mailbox, want := range map[string]struct {
		kind  source.Kind
		words string
	}{
		"nobody@example.com":  {source.NotFound, "knows no mailbox"},
		"o'hara@example.com":  {source.NotFound, "knows no mailbox"},
		"../../me":            {source.NotFound, "knows no mailbox"},
		"old@example.com":     {source.NotFound, "no mailbox in Microsoft 365"},
		"bert@example.com":    {source.NotAllowed, "policy"},
		" ":                   {source.BadAddress, "no e-mail address"},
		"a.amsel@example.com": {source.Other, ""},
		"Anna@Example.com":    {source.Other, ""},
		annaID:                {source.Other, ""},
	} {
		r, err := s.Fetch(t.Context(), source.Account{Mailbox: mailbox, From: marchFrom, To: marchTo})
		if want.words == "" {
			if err != nil || len(read(t, r, marchFrom, marchTo)) != 1 {
				t.Errorf("%s: %v", mailbox, err)
			}
			continue
		}
		if e := errorOf(t, err); e.Kind != want.kind || e.Whole || !strings.Contains(e.Text, want.words) {
			t.Errorf("%s: %v: %q", mailbox, e, e.Text)
		}
	}
	if b := s.boxes.Get("a.amsel@example.com"); b.id == "" {
		t.Error("who was looked up was not remembered")
	}
	n := server.Count("users")
	_, err = s.Fetch(t.Context(), source.Account{Mailbox: "a.amsel@example.com"})
	must(t, err)
	if server.Count("users") != n {
		t.Error("looked up again")
	}
	// She gets a new account with the old addresses.
	_, err = server.MoveMailbox("anna@example.com")
	must(t, err)
	must(t, server.Restrict())
	_, err = s.Fetch(t.Context(), source.Account{Mailbox: "a.amsel@example.com"})
	must(t, err)
	if server.Count("users") != n+1 {
		t.Error("not looked up again")
	}
	must(t, server.SetApp(graphtest.DefaultApp().ID, func(a *graphtest.App) { a.Roles = []string{"Calendars.Read", "User.ReadBasic.All"} }))
	server.ForgetTokens()
	_, err = server.AddMailbox(graphtest.Mailbox{UPN: "c1234@example.com", Mail: "claire@example.com", Aliases: []string{"c.cygne@example.com"}})
	must(t, err)
	_, err = s.Fetch(t.Context(), source.Account{Mailbox: "claire@example.com"})
	must(t, err)
	_, err = s.Fetch(t.Context(), source.Account{Mailbox: "c.cygne@example.com"})
	if e := errorOf(t, err); e.Kind != source.NotFound {
		t.Errorf("by a further address, with User.ReadBasic.All: %v", e)
	}
	must(t, server.SetApp(graphtest.DefaultApp().ID, func(a *graphtest.App) { a.Roles = []string{"Calendars.Read"} }))
	server.ForgetTokens()
	_, err = s.Fetch(t.Context(), source.Account{Mailbox: "nobody2@example.com"})
	if e := errorOf(t, err); e.Kind != source.NotFound || !strings.Contains(e.Text, "User.Read.All") {
		t.Errorf("without permission to look up: %q", e.Text)
	}
	must(t, server.SetApp(graphtest.DefaultApp().ID, func(a *graphtest.App) { a.Roles = nil }))
	server.ForgetTokens()
	_, err = s.Fetch(t.Context(), anna())
	if e := errorOf(t, err); e.Kind != source.NotAllowed || !strings.Contains(e.Text, "Calendars.Read") {
		t.Errorf("without permission: %q", e.Text)
	}
}

// TestWithoutSubjects: with Calendars.ReadBasic.All there are none, and all else is there.
func TestWithoutSubjects(t *testing.T) {
	t.Parallel()
	app := graphtest.DefaultApp()
	app.Roles = []string{"Calendars.ReadBasic.All"}
	server, s := start(t, func(g *graphtest.Config, _ *Config, _ *outbound.Config) { g.Apps = []graphtest.App{app} })
	put(t, server, "anna@example.com", meeting("Budget"))
	r, err := s.Fetch(t.Context(), anna())
	must(t, err)
	if got := read(t, r, marchFrom, marchTo); len(got) != 1 || got[0].Subject != "" || got[0].ShowAs != "busy" {
		t.Errorf("read %v", got)
	}
}

// TestANextPageElsewhere is not followed: the token would go with it.
func TestANextPageElsewhere(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Tenant: "84bd8158-6d4d-4958-8b9f-9d6445542f95", ClientID: "84bd8158-6d4d-4958-8b9f-9d6445542f95", Secret: "x"})
	must(t, err)
	t.Cleanup(s.Close)
	for link, want := range map[string]string{
		"https://graph.microsoft.com/v1.0/users/x/calendarView?$skip=10":        "/users/x/calendarView?$skip=10",
		"https://Graph.Microsoft.com/v1.0/me/calendarView?%24skip=10&a=b%2F":    "/me/calendarView?%24skip=10&a=b%2F",
		"https://graph.microsoft.com.example.com/v1.0/users/x/calendarView":     "",
		"https://graph.microsoft.com@example.com/v1.0/users/x/calendarView":     "",
		"https://example.com/https://graph.microsoft.com/v1.0/":                 "",
		"http://graph.microsoft.com/v1.0/users/x/calendarView":                  "",
		"https://graph.microsoft.com:8443/v1.0/users/x/calendarView":            "",
		"https://graph.microsoft.com/beta/users/x/calendarView":                 "",
		"https://graph.microsoft.com/v1.0/../beta/users":                        "",
		"//graph.microsoft.com/v1.0/users":                                      "",
		"/v1.0/users":                                                           "",
		"https://user:password@graph.microsoft.com/v1.0/users/x/calendarView":   "",
		"https://graph.microsoft.com/v1.0/users/%zz":                            "",
		"https://graph.microsoft.com/v1.0/users('a%20b')/calendarView?$skip=10": "/users('a%20b')/calendarView?$skip=10",
	} {
		got, err := s.nextPage(link)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", link, got, err, want)
		}
	}
}

// made is a certificate with its key.
type made struct {
	cert *x509.Certificate
	key  *rsa.PrivateKey
	pem  []byte
}

// certificate makes one that ends after life.
func certificate(t *testing.T, life time.Duration) made {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "doorlight"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(life)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	return made{cert, key, text}
}

// TestSigningInWithACertificate, which ends some day, and not with a clock that is wrong.
func TestSigningInWithACertificate(t *testing.T) {
	t.Parallel()
	c := certificate(t, 30*24*time.Hour)
	app := graphtest.DefaultApp()
	app.Secret, app.Certificates = "", []*x509.Certificate{c.cert}
	server, s := start(t, func(g *graphtest.Config, config *Config, _ *outbound.Config) {
		g.Apps = []graphtest.App{app}
		config.Secret, config.Certificate = "", c.pem
	})
	_, err := s.Fetch(t.Context(), anna())
	must(t, err)
	if !s.Expires().Equal(c.cert.NotAfter) {
		t.Errorf("ends %v, want %v", s.Expires(), c.cert.NotAfter)
	}
	server.SetClock(time.Hour)
	server.ForgetTokens()
	_, err = s.Fetch(t.Context(), anna())
	if e := errorOf(t, err); !strings.Contains(e.Text, "clock") {
		t.Errorf("with a clock that is wrong: %q", e.Text)
	}
}

// TestNewNamesWhatIsWrong, field by field.
func TestNewNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	const id = "84bd8158-6d4d-4958-8b9f-9d6445542f95"
	cert, other := certificate(t, time.Hour), certificate(t, time.Hour)
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	ecDER, err := x509.MarshalPKCS8PrivateKey(ec)
	must(t, err)
	for name, one := range map[string]struct {
		c    Config
		want string // fields, and a word of each message
	}{
		"nothing":               {Config{}, "tenant: must not be empty; client_id: must not be empty; secret: must not be empty"},
		"good":                  {Config{Tenant: id, ClientID: id, Secret: "x"}, ""},
		"upper case, spaces":    {Config{Tenant: " " + strings.ToUpper(id), ClientID: id + " ", Secret: " x "}, ""},
		"a name":                {Config{Tenant: "contoso.com", ClientID: "my app", Secret: "x"}, "tenant: is no directory ID; client_id: is no application ID"},
		"both":                  {Config{Tenant: id, ClientID: id, Secret: "x", Certificate: cert.pem}, "secret: must be empty"},
		"the secret's ID":       {Config{Tenant: id, ClientID: id, Secret: id}, "secret: is the ID of a secret"},
		"a certificate":         {Config{Tenant: id, ClientID: id, Certificate: cert.pem}, ""},
		"no PEM":                {Config{Tenant: id, ClientID: id, Certificate: []byte("x")}, "certificate: is no PEM"},
		"no key":                {Config{Tenant: id, ClientID: id, Certificate: block("CERTIFICATE", cert.cert.Raw)}, "certificate: holds a certificate but not its private key"},
		"no certificate":        {Config{Tenant: id, ClientID: id, Certificate: block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(cert.key))}, "certificate: holds a private key but no certificate"},
		"another's key":         {Config{Tenant: id, ClientID: id, Certificate: append(block("CERTIFICATE", cert.cert.Raw), block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(other.key))...)}, "certificate: holds a private key that does not belong"},
		"a key of another kind": {Config{Tenant: id, ClientID: id, Certificate: block("PRIVATE KEY", ecDER)}, "certificate: holds a private key that is not RSA"},
		"an encrypted key":      {Config{Tenant: id, ClientID: id, Certificate: block("ENCRYPTED PRIVATE KEY", ecDER)}, "certificate: holds a private key that is encrypted"},
		"a chain":               {Config{Tenant: id, ClientID: id, Certificate: append(block("CERTIFICATE", other.cert.Raw), cert.pem...)}, ""},
		"damage":                {Config{Tenant: id, ClientID: id, Certificate: block("CERTIFICATE", []byte("x"))}, "certificate: holds a certificate that is damaged"},
		"an odd cloud":          {Config{Tenant: id, ClientID: id, Secret: "x", Cloud: "mars"}, `cloud: "mars" is not one of`},
		"addresses for nothing": {Config{Tenant: id, ClientID: id, Secret: "x", LoginURL: "https://login.example.com"}, "cloud: must be custom"},
		"custom, none":          {Config{Tenant: id, ClientID: id, Secret: "x", Cloud: Custom}, "login_url: must not be empty; graph_url: must not be empty"},
		"custom, in clear":      {Config{Tenant: id, ClientID: id, Secret: "x", Cloud: Custom, LoginURL: "http://login.example.com", GraphURL: "https://graph.example.com"}, "login_url: must begin with https"},
		"notify in clear":       {Config{Tenant: id, ClientID: id, Secret: "x", NotifyURL: "http://presence.example.com/graph"}, "notify_url: must begin with https"},
		"notify, odd":           {Config{Tenant: id, ClientID: id, Secret: "x", NotifyURL: "presence"}, "notify_url: is no address"},
		"China":                 {Config{Tenant: id, ClientID: id, Secret: "x", Cloud: China, NotifyURL: "https://presence.example.com/graph?x=1"}, ""},
	} {
		s, err := New(one.c)
		var got []string
		for _, f := range fieldsOf(err) {
			got = append(got, f.Path+": "+f.Message)
		}
		if err == nil {
			s.Close()
		}
		want := strings.Split(one.want, "; ")
		if one.want == "" {
			want = nil
		}
		ok := len(got) == len(want) && (err == nil) == (want == nil) && (err == nil || fault.KindOf(err) == fault.Invalid)
		for i := range want {
			ok = ok && strings.HasPrefix(got[i], want[i])
		}
		if !ok {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	s, err := New(Config{Tenant: id, ClientID: id, Secret: "x", Cloud: USGovDoD})
	must(t, err)
	t.Cleanup(s.Close)
	u := s.AuthURL(ForCalendars, "1", strings.Repeat("v", 43), "https://presence.example.com/back", "")
	for _, part := range []string{"https://login.microsoftonline.us/" + id + "/oauth2/v2.0/authorize?", "https%3A%2F%2Fdod-graph.microsoft.us%2FCalendars.Read"} {
		if !strings.Contains(u, part) {
			t.Errorf("%s is not in %s", part, u)
		}
	}
	if strings.Contains(u, strings.Repeat("v", 43)) {
		t.Error("the verifier is in the address")
	}
}

// TestLogsKeepSecrets lets much go wrong and looks at what was logged.
func TestLogsKeepSecrets(t *testing.T) {
	t.Parallel()
	var logged safeBuffer
	server, s := start(t, func(_ *graphtest.Config, c *Config, _ *outbound.Config) { c.Log = logged.logger() })
	put(t, server, "anna@example.com", meeting("Hush, hush"))
	refresh, err := server.SignIn(graphtest.DefaultApp().ID, "anna@example.com")
	must(t, err)
	for _, rule := range []graphtest.Rule{{Do: graphtest.Answer, Status: 403, Code: "ErrorAccessDenied", Message: "anna@example.com"}, {Do: graphtest.Half}, {Do: graphtest.Answer, Status: 500, Code: "<b>"}, {Op: "token", Do: graphtest.Answer, Status: 400, Code: "x"}} {
		rule.Times = 2
		server.Break(rule)
		s.Fetch(t.Context(), anna())
		s.Fetch(t.Context(), source.Account{Password: refresh})
	}
	text := logged.String()
	for _, secret := range []string{"anna", "Hush", refresh, "stand-in-secret", "Bearer", "<b>"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q was logged:\n%s", secret, text)
		}
	}
	if !strings.Contains(text, "request-id") {
		t.Errorf("no request-id was logged:\n%s", text)
	}
	if shown := fmt.Sprintf("%v %+v %#v", Grant{Refresh: "secret"}, Grant{Refresh: "secret"}, Grant{Refresh: "secret"}); strings.Contains(shown, "secret") {
		t.Errorf("a grant shows %s", shown)
	}
}

// safeBuffer takes what several goroutines log.
type safeBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func (s *safeBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(s, nil)) }
