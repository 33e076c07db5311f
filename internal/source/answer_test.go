package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/source/outbound"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	date := time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		value string
		want  time.Duration
	}{
		{"", 0}, {"0", 0}, {"120", 2 * time.Minute}, {" 5 ", 5 * time.Second}, {"-5", 0}, {"soon", 0}, {"1.5", 0},
		{"999999999999", 24 * time.Hour}, {"99999999999999999999999", 0},
		{date.Add(time.Hour).Format(http.TimeFormat), time.Hour},
		{date.Add(-time.Hour).Format(http.TimeFormat), 0},
		{date.AddDate(1, 0, 0).Format(http.TimeFormat), 24 * time.Hour},
	} {
		h := http.Header{"Retry-After": {c.value}, "Date": {date.Format(http.TimeFormat)}}
		if got := RetryAfter(h); got != c.want {
			t.Errorf("%q is %v, want %v", c.value, got, c.want)
		}
	}
}

// TestRefusalsAreWords holds that every status comes with a sentence for the user, a kind, and no secret.
func TestRefusalsAreWords(t *testing.T) {
	t.Parallel()
	asked, _, err := Account{URL: "https://calendar.example.org/magic-token/anna.ics"}.Address()
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := url.Parse("https://other.example.org/magic-token/anna.ics")
	if err != nil {
		t.Fatal(err)
	}
	login := outbound.NewLogin(asked, "anna", "hunter2")
	negotiate := http.Header{"Www-Authenticate": {"Negotiate"}}
	for _, c := range []struct {
		status int
		login  *outbound.Login
		at     *url.URL
		header http.Header
		kind   Kind
		word   string
	}{
		{401, nil, asked, nil, Credentials, "asks for a user name"},
		{401, login, asked, nil, Credentials, "did not accept"},
		{401, login, asked, negotiate, Credentials, "not supported"},
		{401, login, elsewhere, nil, Credentials, "was not given yours"},
		{403, nil, asked, nil, Credentials, "does not let everybody"},
		{403, login, asked, nil, Credentials, "does not allow this user"},
		{404, login, asked, nil, NotFound, "no calendar at this address"},
		{410, login, asked, nil, NotFound, "no longer published"},
		{429, login, asked, http.Header{"Retry-After": {"60"}}, Unavailable, "too often"},
		{408, login, asked, nil, Unavailable, "at the moment"},
		{503, login, asked, http.Header{"Retry-After": {"60"}}, Unavailable, "at the moment"},
		{501, login, asked, nil, Other, "not implemented"},
		{418, login, asked, nil, Other, "(418, i'm a teapot)"},
		{799, login, asked, nil, Unavailable, "(799)"},
	} {
		e := Refusal(&outbound.Response{Status: c.status, URL: c.at, Header: c.header}, asked, c.login)
		if e.Kind != c.kind || !strings.Contains(e.Text, c.word) || e.Status != c.status || !strings.HasSuffix(e.Text, ".") {
			t.Errorf("%d is %v %q, want %v with %q", c.status, e.Kind, e.Text, c.kind, c.word)
		}
		if c.header.Get("Retry-After") != "" && e.RetryAfter != time.Minute {
			t.Errorf("%d is to be tried again after %v", c.status, e.RetryAfter)
		}
		for _, secret := range []string{"hunter2", "magic-token"} {
			if strings.Contains(e.Error()+e.Text, secret) {
				t.Errorf("%d tells %s: %v, %s", c.status, secret, e, e.Text)
			}
		}
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	if Failure(nil) != nil {
		t.Error("nothing is a failure")
	}
	own := &Error{Kind: TooLarge, Text: "Too large."}
	if got := Failure(fmt.Errorf("feed: %w", own)); got != error(own) {
		t.Errorf("an error of ours became %v", got)
	}
	for from, want := range map[outbound.Kind]Kind{outbound.BadAddress: BadAddress, outbound.NotAllowed: NotAllowed, outbound.Unreachable: Unavailable, outbound.TooLarge: TooLarge} {
		var e *Error
		if err := Failure(&outbound.Error{Kind: from, Text: "Words."}); !errors.As(err, &e) || e.Kind != want || e.Public() != "Words." {
			t.Errorf("%v became %v, want %v", from, err, want)
		}
	}
	var e *Error
	if err := Failure(context.DeadlineExceeded); !errors.As(err, &e) || e.Kind != Other || e.Public() == "" || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a deadline became %v", err)
	}
}

// TestNothingOfAnAccountIsPrinted, however it is printed.
func TestNothingOfAnAccountIsPrinted(t *testing.T) {
	t.Parallel()
	a := Account{URL: "https://x.example.org/canary", Username: "canary", Password: "canary", State: "canary", Known: map[string]string{"canary": "canary"}}
	o := Object{Href: "/a.ics", Data: []byte("canary")}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format+format+format, a, o, []any{a, o}); strings.Contains(text, "canary") {
			t.Errorf("%s prints %s", format, text)
		}
	}
	if a.LogValue().String() != "[account]" || o.LogValue().String() != "/a.ics" {
		t.Errorf("logged as %v and %v", a.LogValue(), o.LogValue())
	}
	if b := (Account{URL: a.URL, Username: "other"}); a.Key() == b.Key() || strings.Contains(a.Key(), "canary") {
		t.Errorf("the keys are %s and %s", a.Key(), b.Key())
	}
}
