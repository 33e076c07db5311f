package domino

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/domino/dominotest"
	"github.com/doorlight/doorlight/internal/source/gate"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// errorOf is the error as those who call a source see it.
func errorOf(t *testing.T, err error) *source.Error {
	t.Helper()
	e, ok := errors.AsType[*source.Error](err)
	if !ok {
		t.Fatalf("error %v is not of type *source.Error", err)
	}
	for _, secret := range []string{"anna", "bert", dominotest.DefaultPassword, dominotest.DefaultUsername, ".nsf", "Ltpa"} {
		if strings.Contains(e.Error()+e.Text, secret) {
			t.Errorf("the error tells %q: %v; %s", secret, e, e.Text)
		}
	}
	return e
}

func bert() source.Account {
	return source.Account{Mailbox: "bert@example.com", From: marchFrom, To: marchTo}
}

// eventually fetches until it comes off, for at most some seconds.
func eventually(t *testing.T, s *System, a source.Account) source.Result {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		r, err := s.Fetch(t.Context(), a)
		if err == nil {
			return r
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not come off: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestWhatGoesWrongIsToldAndMended(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		rule  dominotest.Rule
		kind  source.Kind
		whole bool
		wait  time.Duration // at least
		words string
	}{
		"a broken connection":    {rule: dominotest.Rule{Do: dominotest.Drop}, kind: source.Unavailable, words: "broke off"},
		"half an answer":         {rule: dominotest.Rule{Do: dominotest.Half}, kind: source.Unavailable, words: "broke off"},
		"a damaged answer":       {rule: dominotest.Rule{Do: dominotest.Damage}, kind: source.Unavailable, words: "damaged"},
		"a broken mail file":     {rule: dominotest.Rule{Do: dominotest.Answer, Status: 500}, kind: source.Unavailable, words: "problem with this mail file"},
		"overload":               {rule: dominotest.Rule{Do: dominotest.Answer, Status: 503}, kind: source.Unavailable, words: "at the moment (503)"},
		"overload, with a wait":  {rule: dominotest.Rule{Do: dominotest.Answer, Status: 503, RetryAfter: time.Second}, kind: source.Unavailable, whole: true, wait: 900 * time.Millisecond, words: "left alone"},
		"too many questions":     {rule: dominotest.Rule{Do: dominotest.Answer, Status: 429, RetryAfter: time.Second}, kind: source.Unavailable, whole: true, wait: 900 * time.Millisecond, words: "left alone"},
		"too many, without wait": {rule: dominotest.Rule{Do: dominotest.Answer, Status: 429}, kind: source.Unavailable, whole: true, words: "left alone"},
		"a server that hangs":    {rule: dominotest.Rule{Do: dominotest.Hang}, kind: source.Unavailable, words: "within"},
		"an answer to nothing":   {rule: dominotest.Rule{Do: dominotest.Answer, Status: 418}, kind: source.Other, words: "(418)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, s := start(t, func(_ *dominotest.Config, _ *Config, o *outbound.Config) { o.Timeout = time.Second })
			weeksOfAnna(t, server)
			rule := one.rule
			rule.Op, rule.MailFile, rule.Times = "events", annas, 1
			server.Break(rule)
			_, err := s.Fetch(t.Context(), anna())
			e := errorOf(t, err)
			if e.Kind != one.kind || e.Whole != one.whole || e.RetryAfter < one.wait || !strings.Contains(e.Text, one.words) || e.Kind == source.Unavailable && e.RetryAfter <= 0 {
				t.Errorf("told %+v, want %v, whole %v, at least %v, %q", e, one.kind, one.whole, one.wait, one.words)
			}
			if one.wait > 0 { // it is obeyed, by all
				before := server.Count("events")
				_, err := s.Fetch(t.Context(), bert())
				if e := errorOf(t, err); !e.Whole || e.RetryAfter <= 0 || server.Count("events") != before {
					t.Errorf("Bert is told %+v after %d questions, want to wait without one", e, server.Count("events")-before)
				}
			}
			r := eventually(t, s, anna())
			if got, want := read(t, r, marchFrom, marchTo), truth(t, server, annas, marchFrom, marchTo); len(got) != len(want) {
				t.Errorf("%d appointments after it is mended, want %d", len(got), len(want))
			}
		})
	}
}

func TestABrokenMailFileHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	server, s := start(t, func(_ *dominotest.Config, c *Config, _ *outbound.Config) {
		c.timing.backoff = gate.Backoff{First: time.Hour, Most: time.Hour}
	})
	put(t, server, berts, dominotest.Event{Subject: "Lunch", Start: marchFrom, End: marchFrom.Add(time.Hour)})
	server.Break(dominotest.Rule{MailFile: annas, Do: dominotest.Answer, Status: 500})
	for range 30 {
		if _, err := s.Fetch(t.Context(), anna()); err == nil {
			t.Fatal("Anna's mail file is read")
		} else if e := errorOf(t, err); e.Whole {
			t.Fatalf("told %+v: it is about one mail file", e)
		}
		if _, err := s.Fetch(t.Context(), bert()); err != nil {
			t.Fatalf("Bert's mail file is not read: %v", err)
		}
	}
	if n := server.Count("events"); n != 31 {
		t.Errorf("the broken mail file was asked for %d times, want once", n-30)
	}
}

func TestASilentServerIsLeftAlone(t *testing.T) {
	t.Parallel()
	server, s := start(t, func(_ *dominotest.Config, c *Config, _ *outbound.Config) {
		c.timing.backoff = gate.Backoff{First: 2 * time.Second, Most: 2 * time.Second}
	})
	const n = 20
	for i := range n {
		must(t, server.AddMailFile(dominotest.MailFile{Path: fmt.Sprintf("mail/user%d.nsf", i)}))
	}
	lift := server.Break(dominotest.Rule{Do: dominotest.Drop})
	whole := 0
	for i := range n {
		_, err := s.Fetch(t.Context(), source.Account{Mailbox: fmt.Sprintf("user%d@example.com", i)})
		if e := errorOf(t, err); e.Kind != source.Unavailable {
			t.Errorf("user %d is told %+v, want unavailable", i, e)
		} else if e.Whole {
			whole++
		}
	}
	asked := server.Count("events") + server.Count("api")
	if whole < n-5 || asked > 10 {
		t.Errorf("%d of %d are told that it is the server, after %d questions; want nearly all, after a few", whole, n, asked)
	}
	lift()
	for i := range n {
		eventually(t, s, source.Account{Mailbox: fmt.Sprintf("user%d@example.com", i)})
	}
}

func TestAWrongPasswordIsTriedOnce(t *testing.T) {
	t.Parallel()
	for name, session := range map[string]bool{"basic": false, "form": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, s := start(t, func(stand *dominotest.Config, c *Config, _ *outbound.Config) {
				stand.Session = session
				c.timing.refused = 2 * time.Second
			})
			server.SetPassword("a new one")
			var wg sync.WaitGroup
			for i := range 10 {
				wg.Go(func() {
					a := anna()
					if i%2 == 0 {
						a = bert()
					}
					_, err := s.Fetch(t.Context(), a)
					if e := errorOf(t, err); e.Kind != source.Credentials || !e.Whole || e.RetryAfter <= 0 {
						t.Errorf("told %+v, want wrong credentials of the whole", e)
					}
				})
			}
			wg.Wait()
			if tries := server.Count("api") + server.Count("login") + server.Count("events"); tries > 4 {
				t.Errorf("the wrong password was tried %d times: %v", tries, server.Counts())
			}
			server.SetPassword(dominotest.DefaultPassword)
			eventually(t, s, anna())
		})
	}
}

func TestASessionEndsAndAnotherBegins(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"form with 200": http.StatusOK, "form with 401": http.StatusUnauthorized} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, s := start(t, func(stand *dominotest.Config, _ *Config, _ *outbound.Config) {
				stand.Session, stand.FormStatus = true, status
			})
			for i := range 3 {
				var wg sync.WaitGroup
				for range 5 {
					for _, a := range []source.Account{anna(), bert()} {
						wg.Go(func() {
							if _, err := s.Fetch(t.Context(), a); err != nil {
								t.Errorf("in session %d: %v", i+1, err)
							}
						})
					}
				}
				wg.Wait()
				if n := server.Count("login"); n != i+1 {
					t.Errorf("signed in %d times for %d sessions", n, i+1)
				}
				server.ForgetSessions()
			}
		})
	}
}

// TestWhoMayNotReadIsToldSoInTheEnd takes the technical user's access away: it is not believed at once, and concerns nobody else.
func TestWhoMayNotReadIsToldSoInTheEnd(t *testing.T) {
	t.Parallel()
	type adapt = func(*dominotest.Config, *Config, *outbound.Config)
	for name, one := range map[string]struct {
		adapt adapt
		shut  func(*dominotest.Server, bool) error
	}{
		"basic": {func(*dominotest.Config, *Config, *outbound.Config) {}, func(s *dominotest.Server, open bool) error { return s.SetReader(annas, open) }},
		"form": {func(c *dominotest.Config, _ *Config, _ *outbound.Config) { c.Session = true },
			func(s *dominotest.Server, open bool) error { return s.SetReader(annas, open) }},
		"service of the mail file": {func(*dominotest.Config, *Config, *outbound.Config) {}, func(s *dominotest.Server, open bool) error { return s.SetFileService(annas, open) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, s := start(t, one.adapt, func(_ *dominotest.Config, c *Config, _ *outbound.Config) {
				c.timing.backoff.Most = 50 * time.Millisecond
			})
			must(t, one.shut(server, false))
			var kinds []source.Kind
			for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
				_, err := s.Fetch(t.Context(), anna())
				e := errorOf(t, err)
				if e.Whole || !strings.Contains(e.Text, "reader access") {
					t.Fatalf("told %+v, want what to do about one mail file", e)
				}
				if _, err := s.Fetch(t.Context(), bert()); err != nil {
					t.Fatalf("Bert is told %v", err)
				}
				if kinds = append(kinds, e.Kind); e.Kind == source.NotAllowed {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if kinds[0] != source.Unavailable || kinds[len(kinds)-1] != source.NotAllowed {
				t.Errorf("told %v, want unavailable first, and not-allowed in the end", kinds)
			}
			must(t, one.shut(server, true))
			eventually(t, s, anna())
		})
	}
}

func TestAServiceThatIsNotEnabledConcernsAll(t *testing.T) {
	t.Parallel()
	server, s := start(t)
	server.SetService(false)
	_, err := s.Fetch(t.Context(), anna())
	if e := errorOf(t, err); e.Kind != source.NotAllowed || !e.Whole || e.RetryAfter <= 0 || !strings.Contains(e.Text, "not enabled") {
		t.Errorf("told %+v, want that the service is not enabled", e)
	}
	before := server.Count("events")
	if _, err := s.Fetch(t.Context(), bert()); !errorOf(t, err).Whole || server.Count("events") != before {
		t.Errorf("Bert is told %v after %d questions, want the same without one", err, server.Count("events")-before)
	}
	server.SetService(true)
	eventually(t, s, bert())
}

func TestAMailFileThatIsNotThere(t *testing.T) {
	t.Parallel()
	server, s := start(t)
	_, err := s.Fetch(t.Context(), source.Account{Mailbox: "carla@example.com"})
	if e := errorOf(t, err); e.Kind != source.NotFound || e.Whole || e.Status != http.StatusNotFound {
		t.Errorf("told %+v, want that there is none", e)
	}
	eventually(t, s, anna())
	must(t, server.Remove(annas))
	_, err = s.Fetch(t.Context(), anna())
	if e := errorOf(t, err); e.Kind != source.NotFound {
		t.Errorf("told %+v, want that it is gone", e)
	}
	for _, odd := range []string{"", "  ", "@example.com", "../anna@example.com", "a/b@example.com", "..", "anna\n@example.com"} {
		before := server.Count("events")
		_, err = s.Fetch(t.Context(), source.Account{Mailbox: odd})
		if e, ok := errors.AsType[*source.Error](err); !ok || e.Kind != source.BadAddress || server.Count("events") != before {
			t.Errorf("%q: %v after %d questions, want a bad address without one", odd, err, server.Count("events")-before)
		}
	}
}

func TestNobodyToSignInWith(t *testing.T) {
	t.Parallel()
	_, s := start(t, func(stand *dominotest.Config, _ *Config, _ *outbound.Config) {
		stand.Session, stand.NoForm = true, true
	})
	_, err := s.Fetch(t.Context(), anna())
	if e := errorOf(t, err); e.Kind != source.Other || !e.Whole || !strings.Contains(e.Text, "form to sign in with") {
		t.Errorf("told %+v, want that there is no way to sign in", e)
	}
}

// TestACertificateThatIsNotTrustedConcernsAll says why, to everybody.
func TestACertificateThatIsNotTrustedConcernsAll(t *testing.T) {
	t.Parallel()
	server, s := start(t, func(stand *dominotest.Config, c *Config, o *outbound.Config) {
		stand.TLS, o.RootCAs = true, noAuthorities()
		c.timing.backoff = gate.Backoff{First: time.Hour, Most: time.Hour}
	})
	for _, a := range []source.Account{anna(), bert()} {
		_, err := s.Fetch(t.Context(), a)
		if e := errorOf(t, err); e.Kind != source.Unavailable || !e.Whole || e.RetryAfter <= 0 || !strings.Contains(e.Text, "certificate") {
			t.Errorf("told %+v, want what is wrong with the certificate", e)
		}
	}
	if n := server.Count("events"); n != 0 {
		t.Errorf("a server that is not trusted was asked %d times", n)
	}
}

// TestCloseGivesUpWhatIsUnderWay closes a System while a server hangs.
func TestCloseGivesUpWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	server, s := start(t)
	server.Break(dominotest.Rule{Do: dominotest.Hang})
	done := make(chan error, 1)
	go func() {
		_, err := s.Fetch(t.Context(), anna())
		done <- err
	}()
	for deadline := time.Now().Add(10 * time.Second); server.Count("events") == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	s.Close()
	select {
	case err := <-done:
		if e := errorOf(t, err); e.Kind != source.Unavailable || !e.Whole {
			t.Errorf("told %+v, want that this server shuts down", e)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the reading goes on")
	}
	if _, err := s.Fetch(t.Context(), anna()); !errorOf(t, err).Whole {
		t.Errorf("after closing: %v", err)
	}
}

func TestWhoGivesUpIsNoFaultOfTheServer(t *testing.T) {
	t.Parallel()
	server, s := start(t)
	lift := server.Break(dominotest.Rule{Do: dominotest.Hang})
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := s.Fetch(ctx, anna())
		cancel()
		if e := errorOf(t, err); e.Whole || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("told %+v, want the end of the caller's patience", e)
		}
	}
	lift()
	if _, err := s.Fetch(t.Context(), anna()); err != nil {
		t.Errorf("with patience: %v", err)
	}
}

// TestNothingPrivateIsLogged has all go wrong and looks at what was logged.
func TestNothingPrivateIsLogged(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	server, s := start(t, func(stand *dominotest.Config, c *Config, _ *outbound.Config) {
		stand.Session = true
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	weeksOfAnna(t, server)
	eventually(t, s, anna()) // signed in
	// A question on a connection that is dropped before any answer is asked again by net/http.
	for _, do := range []dominotest.Rule{{Do: dominotest.Damage}, {Do: dominotest.Half}, {Do: dominotest.Answer, Status: 500}, {Do: dominotest.Answer, Status: 403}} {
		do.Times, do.Op = 1, "events"
		server.Break(do)
		_, err := s.Fetch(t.Context(), anna())
		errorOf(t, err)
		eventually(t, s, anna())
	}
	server.SetPassword("a new one")
	server.ForgetSessions()
	_, err := s.Fetch(t.Context(), anna())
	errorOf(t, err)
	text := log.String()
	if strings.Count(text, "\n") < 5 {
		t.Errorf("only this was logged: %s", text)
	}
	for _, secret := range []string{"anna", "Doctor", "Budget", "Ltpa", dominotest.DefaultPassword, dominotest.DefaultUsername} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the log:\n%s", secret, text)
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

var _ io.Writer = (*lockedBuffer)(nil)

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
