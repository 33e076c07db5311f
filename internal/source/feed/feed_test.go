package feed

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
	"github.com/doorlight/doorlight/internal/source/radicaletest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	radicaletest.Stop()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			println(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

func newReader(t *testing.T, c outbound.Config) *Reader {
	t.Helper()
	c.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	client := outbound.NewClient(c)
	t.Cleanup(client.CloseIdleConnections)
	return New(client)
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

const published = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nX-PUBLISHED-TTL:PT1H\r\nREFRESH-INTERVAL;VALUE=DURATION:PT15M\r\n" +
	"BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20261101T080000Z\r\nDTSTART:20261123T090000Z\r\nSUMMARY:Secret\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

func TestFollowsAFeed(t *testing.T) {
	t.Parallel()
	for _, validators := range []string{"both", "etag", "date", "none"} {
		t.Run(validators, func(t *testing.T) {
			t.Parallel()
			body, version := published, 1
			var asked, answered304 int
			address := serve(t, func(w http.ResponseWriter, r *http.Request) {
				asked++
				etag, date := fmt.Sprintf(`"v%d"`, version), fmt.Sprintf("Mon, 23 Nov 2026 0%d:00:00 GMT", version)
				same := false
				if validators == "both" || validators == "etag" {
					w.Header().Set("ETag", etag)
					same = r.Header.Get("If-None-Match") == etag
				}
				if validators == "both" || validators == "date" {
					w.Header().Set("Last-Modified", date)
					same = same || validators == "date" && r.Header.Get("If-Modified-Since") == date
				}
				if same {
					answered304++
					w.WriteHeader(http.StatusNotModified)
					return
				}
				w.Header().Set("Content-Type", "application/octet-stream")
				io.WriteString(w, body)
			})
			r := newReader(t, outbound.Config{})
			a := source.Account{URL: address + "/private-x/basic.ics", Known: map[string]string{}}
			fetch := func(wantData string) {
				t.Helper()
				res, err := r.Fetch(t.Context(), a)
				if err != nil {
					t.Fatal(err)
				}
				if res.Every != 15*time.Minute {
					t.Errorf("every %v, want 15 minutes", res.Every)
				}
				a.State = res.State
				if wantData == "" {
					if !res.Unchanged || res.Replace || len(res.Objects) != 0 {
						t.Errorf("%+v, want unchanged", res)
					}
					return
				}
				if res.Unchanged || !res.Replace || len(res.Objects) != 1 || res.Objects[0].Href != Href || string(res.Objects[0].Data) != wantData {
					t.Fatalf("%+v, want the whole feed", res)
				}
				a.Known[Href] = res.Objects[0].ETag
				if s := fmt.Sprintf("%v %+v %#v", res, res.Objects, a); strings.Contains(s, "Secret") || strings.Contains(s, "private-") {
					t.Errorf("a result prints as %s", s)
				}
			}
			fetch(published)
			fetch("")
			version++ // a new validator for the same file
			fetch("")
			body, version = strings.Replace(published, "Secret", "Changed", 1), version+1
			fetch(body)
			fetch("")
			if want := map[string]int{"both": 2, "etag": 2, "date": 2, "none": 0}[validators]; answered304 != want {
				t.Errorf("%d of %d answers were 304", answered304, asked)
			}
			// Whoever lost the object gets it, whatever the state says.
			a.Known = map[string]string{}
			fetch(body)
			// The state of another address is not used.
			a.URL += "?other"
			fetch(body)
			a.State = "{nonsense"
			fetch(body)
		})
	}
}

func TestRefusesWhatIsNoCalendar(t *testing.T) {
	t.Parallel()
	page := "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>BEGIN:VCALENDAR</body></html>"
	elsewhere := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, page)
	})
	answer := func(status int, header, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for line := range strings.SplitSeq(header, "\n") {
				if k, v, ok := strings.Cut(line, ": "); ok {
					w.Header().Set(k, v)
				}
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	z.Write(make([]byte, 8<<20))
	z.Close()
	for name, tc := range map[string]struct {
		h     http.HandlerFunc
		kind  source.Kind
		text  string
		after time.Duration
	}{
		"sign-in page":            {answer(200, "Content-Type: text/html", page), source.NotCalendar, "web page", 0},
		"page without type":       {answer(200, "Content-Type: text/calendar", page), source.NotCalendar, "web page", 0},
		"sent on to a page":       {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere, http.StatusFound) }, source.NotCalendar, "web page", 0},
		"json":                    {answer(200, "Content-Type: application/json", `{}`), source.NotCalendar, "application/json", 0},
		"empty":                   {answer(200, "Content-Type: text/calendar", " \r\n"), source.NotCalendar, "empty", 0},
		"no content":              {answer(204, "", ""), source.Other, "204", 0},
		"a vCard":                 {answer(200, "Content-Type: text/vcard", "BEGIN:VCARD\r\nEND:VCARD\r\n"), source.NotCalendar, "text/vcard", 0},
		"cut short":               {answer(200, "Content-Type: text/calendar", published[:len(published)-9]), source.Unavailable, "breaks off", 0},
		"UTF-16":                  {answer(200, "Content-Type: text/calendar", "\xff\xfeB\x00E\x00"), source.NotCalendar, "not a calendar", 0},
		"cut short by one":        {answer(200, "Content-Type: text/calendar", strings.TrimSpace(published)[:len(strings.TrimSpace(published))-1]), source.Unavailable, "breaks off", 0},
		"cut short in UTF-16":     {answer(200, "Content-Type: text/calendar", "\xff\xfe"+utf16le(published[:len(published)-20])), source.Unavailable, "breaks off", 0},
		"cut short in the second": {answer(200, "Content-Type: text/calendar", published+published[:len(published)/2]), source.Unavailable, "breaks off", 0},
		"a page with a calendar":  {answer(200, "Content-Type: text/html", "<html><body>Publish it so:<pre>\n"+published+"</pre></body></html>"), source.NotCalendar, "web page", 0},
		"unasked 304":             {answer(304, "", ""), source.Other, "304", 0},
		"401 without login":       {answer(401, `WWW-Authenticate: Basic realm="x"`, ""), source.Credentials, "asks for a user name", 0},
		"403":                     {answer(403, "", ""), source.Credentials, "does not let everybody", 0},
		"404":                     {answer(404, "", page), source.NotFound, "no calendar at this address", 0},
		"410":                     {answer(410, "", ""), source.NotFound, "no longer published", 0},
		"418":                     {answer(418, "", ""), source.Other, "418", 0},
		"429":                     {answer(429, "Retry-After: 120", ""), source.Unavailable, "too often", 2 * time.Minute},
		"503 until a time":        {answer(503, "Date: Mon, 23 Nov 2026 10:00:00 GMT\nRetry-After: Mon, 23 Nov 2026 10:05:00 GMT", ""), source.Unavailable, "503", 5 * time.Minute},
		"503 for ever":            {answer(503, "Retry-After: 99999999999", ""), source.Unavailable, "503", 24 * time.Hour},
		"503, a time gone by":     {answer(503, "Date: Mon, 23 Nov 2026 10:00:00 GMT\nRetry-After: Mon, 23 Nov 2026 09:05:00 GMT", ""), source.Unavailable, "503", 0},
		"500, Retry-After broken": {answer(500, "Retry-After: soon", ""), source.Unavailable, "500", 0},
		"too large":               {func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 5<<20)) }, source.TooLarge, "4 MB", 0},
		"bomb": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb.Bytes())
		}, source.TooLarge, "4 MB", 0},
		"inside": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://10.0.0.1/", http.StatusFound)
		}, source.NotAllowed, "10.0.0.1", 0},
		"round and round": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }, source.Other, "redirects", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := serve(t, tc.h)
			_, err := newReader(t, outbound.Config{MaxBody: 4 << 20}).Fetch(t.Context(), source.Account{URL: address + "/private-x?hunter2"})
			e, ok := errors.AsType[*source.Error](err)
			if !ok || e.Kind != tc.kind || !strings.Contains(e.Public(), tc.text) || e.RetryAfter != tc.after {
				t.Fatalf("%v: %+v, want %v with %q after %v", err, e, tc.kind, tc.text, tc.after)
			}
			if s := e.Error() + e.Public(); strings.Contains(s, "private-") || strings.Contains(s, "hunter2") || strings.Contains(s, "Secret") {
				t.Errorf("the error %q gives a secret away", s)
			}
		})
	}
	r := newReader(t, outbound.Config{})
	for _, address := range []string{"", "ftp://h.example/", "https://ann:hunter2@[::1"} {
		_, err := r.Fetch(t.Context(), source.Account{URL: address})
		if e, ok := errors.AsType[*source.Error](err); !ok || e.Kind != source.BadAddress {
			t.Errorf("address %q: %v, want a bad address", address, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Fetch(ctx, source.Account{URL: elsewhere}); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

func utf16le(s string) string {
	var b []byte
	for _, c := range []byte(s) {
		b = append(b, c, 0)
	}
	return string(b)
}

func TestAcceptsUnusualCalendars(t *testing.T) {
	t.Parallel()
	bare := published[strings.Index(published, "BEGIN:VEVENT"):strings.Index(published, "END:VCALENDAR")]
	for _, body := range []string{"\xef\xbb\xbf" + published, "\r\n\n" + published + "\r\n \n", strings.ReplaceAll(published, "\r\n", "\n"), strings.ToLower(published),
		published + published, utf16le(published), "\xff\xfe" + utf16le(published), published + "\x1a", strings.TrimSpace(published) + "\x1a", strings.TrimSpace(published) + "<!-- made in 0.2 s -->",
		published + "<!-- made in 0.2 s -->\n<!-- by cache 3 -->", "<b>Notice</b>: no zone is set\n" + published, bare} {
		address := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, body)
		})
		res, err := newReader(t, outbound.Config{}).Fetch(t.Context(), source.Account{URL: address})
		if err != nil || string(res.Objects[0].Data) != body {
			t.Errorf("%.30q: %+v, %v, want it as it came", body, res, err)
		}
	}
}

func TestEvery(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]time.Duration{
		"REFRESH-INTERVAL;VALUE=DURATION:PT12H":                 12 * time.Hour,
		"refresh-interval;value=duration:p1dt1h":                24 * time.Hour,
		"X-PUBLISHED-TTL:PT1H30M":                               90 * time.Minute,
		"X-PUBLISHED-TTL:PT1H\nREFRESH-INTERVAL:PT2H":           2 * time.Hour,
		"REFRESH-INTERVAL:PT2H\nX-PUBLISHED-TTL:PT1H":           2 * time.Hour,
		"REFRESH-INTERVAL:PT1S":                                 5 * time.Minute,
		"REFRESH-INTERVAL:P99999W":                              24 * time.Hour,
		"REFRESH-INTERVAL:P999999999W":                          24 * time.Hour,
		"REFRESH-INTERVAL:-PT1H":                                0,
		"REFRESH-INTERVAL:P":                                    0,
		"REFRESH-INTERVAL:PT":                                   0,
		"REFRESH-INTERVAL:PT1":                                  0,
		"REFRESH-INTERVAL:1H":                                   0,
		"REFRESH-INTERVAL:PT9999999999H":                        0,
		"REFRESH-INTERVAL:P1H":                                  0,
		"REFRESH-INTERVAL:hourly":                               0,
		"REFRESH-INTERVAL:PT0S":                                 0,
		"BEGIN:VEVENT\nREFRESH-INTERVAL:PT2H":                   0,
		"X-WR-CALNAME:x\n nothing\n\nREFRESH-INTERVAL:+PT10M\r": 10 * time.Minute,
		"X-LONG:" + strings.Repeat("x", 10000):                  0,
	} {
		if got := every([]byte("BEGIN:VCALENDAR\n" + in + "\nEND:VCALENDAR\n")); got != want {
			t.Errorf("%.60q is %v, want %v", in, got, want)
		}
	}
}

// A collection of a calendar server can be read as a file too.
func TestRadicaleAsAFeed(t *testing.T) {
	t.Parallel()
	u := radicaletest.New(t)
	address := u.Calendar(t, "work", "Work")
	u.Put(t, address+"e1.ics", published)
	r := newReader(t, outbound.Config{})
	a := source.Account{URL: address, Username: u.Name, Password: u.Password, Known: map[string]string{}}
	res, err := r.Fetch(t.Context(), a)
	if err != nil || len(res.Objects) != 1 || !strings.Contains(string(res.Objects[0].Data), "SUMMARY:Secret") {
		t.Fatalf("%+v, %v, want the calendar", res, err)
	}
	a.State, a.Known[Href] = res.State, res.Objects[0].ETag
	if res, err = r.Fetch(t.Context(), a); err != nil || !res.Unchanged {
		t.Errorf("%+v, %v, want unchanged", res, err)
	}
	u.Put(t, address+"e1.ics", strings.Replace(published, "Secret", "Changed", 1))
	if res, err = r.Fetch(t.Context(), a); err != nil || res.Unchanged {
		t.Errorf("%+v, %v, want the change", res, err)
	}
	a.Password = "wrong"
	_, err = r.Fetch(t.Context(), a)
	if e, ok := errors.AsType[*source.Error](err); !ok || e.Kind != source.Credentials {
		t.Errorf("wrong password: %v", err)
	}
}

func FuzzEvery(f *testing.F) {
	f.Add([]byte(published))
	f.Add([]byte("\xef\xbb\xbf\nREFRESH-INTERVAL:P9W9D"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if d := every(data); d != 0 && (d < oftenest || d > seldomest) {
			t.Errorf("%q is %v", data, d)
		}
	})
}
