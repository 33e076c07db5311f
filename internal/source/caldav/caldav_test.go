package caldav

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

func (s *standIn) account() source.Account { return source.Account{URL: s.calendar()} }

// Every way of finding changes comes to the same copy; what differs is what it costs.
func TestWaysToFindChanges(t *testing.T) {
	t.Parallel()
	const look, sync, list, get = "PROPFIND:propfind0", "REPORT:sync-collection0", "PROPFIND:propfind1", "REPORT:calendar-multiget"
	for name, tc := range map[string]struct {
		configure              func(*standIn)
		first, nothing, change string
	}{
		"sync-collection": {nil, look + " " + sync + " " + get, sync, sync + " " + get},
		"ctag":            {func(s *standIn) { s.sync = false }, look + " " + list + " " + get, look, look + " " + list + " " + get},
		"etags": {func(s *standIn) { s.sync, s.ctag = false, false }, look + " " + list + " " + get, look + " " + list,
			look + " " + list + " " + get},
		"no etags": {func(s *standIn) { s.sync, s.ctag, s.etags = false, false, false }, look + " " + list + " " + get,
			look + " " + list + " " + get, look + " " + list + " " + get},
		"no multiget":    {func(s *standIn) { s.multiget = false }, look + " " + sync + " " + get + " GET GET GET", sync, sync + " " + get + " GET GET"},
		"absolute hrefs": {func(s *standIn) { s.hrefs = "absolute" }, look + " " + sync + " " + get, sync, sync + " " + get},
		"encoded hrefs":  {func(s *standIn) { s.hrefs = "encoded" }, look + " " + sync + " " + get, sync, sync + " " + get},
		"hrefs of a proxy": {func(s *standIn) { s.hrefs, s.sync = "proxy", false }, look + " " + list + " " + get, look,
			look + " " + list + " " + get},
		"sync-collection promised only": {func(s *standIn) {
			s.answer = func(w http.ResponseWriter, r *http.Request, body string) bool {
				if strings.Contains(body, "sync-collection") && r.Method == "REPORT" {
					w.WriteHeader(http.StatusInternalServerError)
					return true
				}
				return false
			}
		}, look + " " + sync + " " + list + " " + get, look + " " + sync + " " + list, look + " " + sync + " " + list + " " + get},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStandIn(t, tc.configure)
			s.put("a.ics", event("a", "A"))
			s.put("b@x ü.ics", event("b", "B"))
			s.put("c.ics", event("c", "C"))
			c := newCopy(t, New(client, Config{}), s.account())
			cost := func(when, want string) {
				t.Helper()
				if got := s.requests(); got != want {
					t.Errorf("%s: asked %s, want %s", when, got, want)
				}
			}
			if res := c.fetch(); !res.Replace {
				t.Error("the first result does not replace")
			}
			c.want("A", "B", "C")
			cost("first", tc.first)
			if res := c.fetch(); !res.Unchanged {
				t.Errorf("%+v, want unchanged", res)
			}
			cost("nothing", tc.nothing)
			s.put("a.ics", event("a", "A2"))
			s.put("b@x ü.ics", "")
			s.put("d.ics", event("d", "D"))
			if res := c.fetch(); res.Replace || len(res.Gone) != 1 || len(res.Objects) != 2 {
				t.Errorf("%+v, want two new and one gone", res)
			}
			c.want("A2", "C", "D")
			if s.etags { // without them everything is read each time
				cost("change", tc.change)
			}
			s.requests()
			s.forget()
			s.put("e.ics", event("e", "E"))
			if res := c.fetch(); len(res.Objects) != 1 || len(res.Gone) != 0 {
				t.Errorf("after starting over: %+v, want one new", res)
			}
			c.want("A2", "C", "D", "E")
			c.account.Known, c.data = map[string]string{}, map[string]string{} // the caller lost everything
			c.fetch()
			c.want("A2", "C", "D", "E")
		})
	}
}

func TestPartialAnswersAreContinued(t *testing.T) {
	t.Parallel()
	s := newStandIn(t, func(s *standIn) { s.page = 7 })
	var want []string
	for i := range 120 {
		s.put(fmt.Sprintf("%d.ics", i), event(fmt.Sprint(i), fmt.Sprint("E", i)))
		want = append(want, fmt.Sprint("E", i))
	}
	c := newCopy(t, New(client, Config{}), s.account())
	c.fetch()
	c.want(want...)
	if n := strings.Count(s.requests(), "multiget"); n != 3 {
		t.Errorf("%d multigets for 120 objects, want 3", n)
	}
	for i := range 120 {
		s.put(fmt.Sprintf("%d.ics", i), "")
	}
	s.put("last.ics", event("l", "L"))
	c.fetch()
	c.want("L")

	// A server that announces more and does not get on is read without the report.
	stuck := newStandIn(t, func(s *standIn) {
		s.answer = func(w http.ResponseWriter, r *http.Request, body string) bool {
			if !strings.Contains(body, "sync-token>") {
				return false
			}
			s.multistatus(w, `<Q:response><Q:href>`+standInCalendar+`</Q:href><Q:status>HTTP/1.1 507 x</Q:status></Q:response>`, "same")
			return true
		}
	})
	stuck.put("a.ics", event("a", "A"))
	d := newCopy(t, New(client, Config{}), stuck.account())
	d.fetch()
	d.want("A")
	// One that gets on for ever is left.
	n := 0
	endless := newStandIn(t, func(s *standIn) {
		s.answer = func(w http.ResponseWriter, r *http.Request, body string) bool {
			if !strings.Contains(body, "sync-token>") {
				return false
			}
			n++
			s.multistatus(w, `<Q:response><Q:href>`+standInCalendar+`</Q:href><Q:status>HTTP/1.1 507 x</Q:status></Q:response>`, fmt.Sprint(n))
			return true
		}
	})
	_, err := New(client, Config{}).Fetch(t.Context(), endless.account())
	wantKind(t, err, source.TooLarge)
	if n > maxPages {
		t.Errorf("asked %d times, want at most %d", n, maxPages)
	}
}

// One object that a server cannot hand out does not cost the others.
func TestBadObjectsAreSkipped(t *testing.T) {
	t.Parallel()
	bad := func(code int) func(*standIn) {
		return func(s *standIn) {
			s.answer = func(w http.ResponseWriter, r *http.Request, body string) bool {
				if strings.Contains(body, "/7.ics") || strings.HasSuffix(r.URL.Path, "/7.ics") {
					w.WriteHeader(code)
					return true
				}
				return false
			}
		}
	}
	for name, configure := range map[string]func(*standIn){
		"500":       bad(http.StatusInternalServerError),
		"too large": func(s *standIn) {},
		"bad XML": func(s *standIn) {
			s.answer = func(w http.ResponseWriter, r *http.Request, body string) bool {
				if strings.Contains(body, "/7.ics") {
					s.multistatus(w, `<Q:response>&nonsense;`, "")
					return true
				}
				return false
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			small := outbound.NewClient(outbound.Config{MaxBody: 64 << 10, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
			t.Cleanup(small.CloseIdleConnections)
			s := newStandIn(t, configure)
			for i := range 20 {
				text := fmt.Sprint("E", i)
				if i == 7 && name == "too large" {
					text = strings.Repeat("x", 128<<10)
				}
				s.put(fmt.Sprintf("%d.ics", i), event(fmt.Sprint(i), text))
			}
			c := newCopy(t, New(small, Config{}), s.account())
			res := c.fetch()
			if name == "bad XML" { // read by itself
				if len(c.data) != 20 || len(res.Skipped) != 0 {
					t.Errorf("%d objects, skipped %q, want 20", len(c.data), res.Skipped)
				}
				return
			}
			if len(c.data) != 19 || len(res.Skipped) != 1 || res.Skipped[0] != standInCalendar+"7.ics" {
				t.Errorf("%d objects, skipped %q, want 19 and 1", len(c.data), res.Skipped)
			}
			if name == "500" { // it is tried again until the server gets over it
				s.answer = nil
				c.fetch()
				c.want("E0", "E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "E9", "E10", "E11", "E12", "E13", "E14", "E15", "E16", "E17", "E18", "E19")
			}
		})
	}
	all := newStandIn(t, func(s *standIn) {
		s.answer = func(w http.ResponseWriter, r *http.Request, body string) bool {
			if strings.Contains(body, "multiget") || r.Method == http.MethodGet {
				w.WriteHeader(http.StatusInternalServerError)
				return true
			}
			return false
		}
	})
	for i := range 50 {
		all.put(fmt.Sprintf("%d.ics", i), event(fmt.Sprint(i), "E"))
	}
	_, err := New(client, Config{}).Fetch(t.Context(), all.account())
	wantKind(t, err, source.Unavailable)
	if n := len(strings.Fields(all.requests())); n > 40 {
		t.Errorf("a server in trouble was asked %d times", n)
	}
}

// Between the list and the reading an object may go, or be left out of the answer.
func TestObjectsThatVanish(t *testing.T) {
	t.Parallel()
	s := newStandIn(t, func(s *standIn) {
		s.answer = func(w http.ResponseWriter, r *http.Request, body string) bool {
			if strings.Contains(body, "multiget") {
				s.members[standInCalendar+"a.ics"] = member{}
				s.multistatus(w, `<Q:response><Q:href>/somebody/else.ics</Q:href><Q:propstat><Q:prop><K:calendar-data>x</K:calendar-data></Q:prop>`+
					`<Q:status>HTTP/1.1 200 OK</Q:status></Q:propstat></Q:response>`, "")
				return true
			}
			return false
		}
	})
	s.put("a.ics", event("a", "A"))
	s.put("b.ics", event("b", "B"))
	c := newCopy(t, New(client, Config{}), s.account())
	c.fetch()
	c.want("B")
}

func TestServersThatAnswerNonsense(t *testing.T) {
	t.Parallel()
	const xmlType = "application/xml"
	calendarAt := func(p string) string {
		return `<response><href>` + p + `</href><propstat><prop><resourcetype><collection/><C:calendar xmlns:C="urn:ietf:params:xml:ns:caldav"/></resourcetype></prop><status>HTTP/1.1 200 OK</status></propstat></response>`
	}
	for name, tc := range map[string]struct {
		status      int
		kind, body  string
		want        source.Kind
		wantInWords string
	}{
		"page":                {200, "text/html", "<html>", source.NotCalendar, "web page"},
		"published calendar":  {200, "text/calendar", "BEGIN:VCALENDAR", source.NotCalendar, "published calendar"},
		"nothing":             {200, "", "", source.NotCalendar, "no calendar server"},
		"no WebDAV":           {405, "", "", source.NotCalendar, "no calendar server"},
		"page as 207":         {207, "text/html", "<html><body>", source.NotCalendar, "cannot be understood"},
		"empty 207":           {207, xmlType, "", source.NotCalendar, "cannot be understood"},
		"text":                {207, xmlType, "hello", source.NotCalendar, "cannot be understood"},
		"other XML":           {207, xmlType, "<multistatus/>", source.NotCalendar, "not a DAV multistatus"},
		"breaks off":          {207, xmlType, `<multistatus xmlns="DAV:"><response><href>/x</href>`, source.NotCalendar, "cannot be understood"},
		"wrong end":           {207, xmlType, `<multistatus xmlns="DAV:"></response>`, source.NotCalendar, "not well-formed"},
		"declaration":         {207, xmlType, `<!DOCTYPE x [<!ENTITY a "b">]><multistatus xmlns="DAV:"/>`, source.NotCalendar, "declaration"},
		"deep":                {207, xmlType, `<multistatus xmlns="DAV:">` + strings.Repeat("<a>", 1000), source.NotCalendar, "nested"},
		"many elements":       {207, xmlType, `<multistatus xmlns="DAV:">` + strings.Repeat("<a/>", maxElements+1) + `</multistatus>`, source.NotCalendar, "elements"},
		"many attributes":     {207, xmlType, `<multistatus xmlns="DAV:"><a ` + strings.Repeat(`b="" `, 100_000) + `/></multistatus>`, source.NotCalendar, "too long"},
		"nothing about it":    {207, xmlType, `<multistatus xmlns="DAV:"/>`, source.NotCalendar, "does not say anything"},
		"large":               {207, xmlType, strings.Repeat(" ", 33<<20), source.TooLarge, "32 MB"},
		"calendar, no list":   {207, xmlType, `<multistatus xmlns="DAV:">` + calendarAt("/elsewhere") + `</multistatus>`, source.NotCalendar, "says nothing about the calendar"},
		"not there":           {404, "", "", source.NotFound, "no calendar"},
		"in trouble":          {503, "", "", source.Unavailable, "503"},
		"too often":           {429, "", "", source.Unavailable, "too often"},
		"Kerberos":            {401, "Negotiate", "", source.Credentials, "asks for"},
		"forbidden":           {403, "", "", source.Credentials, "does not let everybody"},
		"unused":              {299, "", "", source.Other, "299"},
		"calendars elsewhere": {207, xmlType, `<multistatus xmlns="DAV:"><response><href>/x</href><propstat><prop><C:calendar-home-set xmlns:C="urn:ietf:params:xml:ns:caldav"><href>https://evil.example/</href></C:calendar-home-set></prop><status>HTTP/1.1 200 OK</status></propstat></response></multistatus>`, source.Credentials, "evil.example"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", tc.kind)
				if tc.status == http.StatusUnauthorized {
					w.Header().Set("WWW-Authenticate", tc.kind)
				}
				w.WriteHeader(tc.status)
				if r.Method != "REPORT" {
					io.WriteString(w, strings.ReplaceAll(tc.body, "/elsewhere", r.URL.Path+"/elsewhere"))
				}
			}))
			t.Cleanup(server.Close)
			r := New(client, Config{})
			_, err := r.Fetch(t.Context(), source.Account{URL: server.URL + "/cal"})
			wantKind(t, err, tc.want)
			if e, ok := errors.AsType[*source.Error](err); ok && !strings.Contains(e.Public(), tc.wantInWords) {
				t.Errorf("%q does not say %q", e.Public(), tc.wantInWords)
			}
		})
	}
}

// With a token in hand nonsense must not cost what is known.
func TestNonsenseLater(t *testing.T) {
	t.Parallel()
	s := newStandIn(t, nil)
	s.put("a.ics", event("a", "A"))
	c := newCopy(t, New(client, Config{}), s.account())
	c.fetch()
	for _, answer := range []string{"", "<html>", `<multistatus xmlns="DAV:"/>`, `<multistatus xmlns="DAV:"><response/>`} {
		s.answer = func(w http.ResponseWriter, r *http.Request, body string) bool {
			w.WriteHeader(http.StatusMultiStatus)
			io.WriteString(w, answer)
			return true
		}
		_, err := c.reader.Fetch(t.Context(), c.account)
		wantKind(t, err, source.NotCalendar)
	}
	s.answer = nil
	if res := c.fetch(); !res.Unchanged {
		t.Errorf("after the nonsense: %+v, want unchanged", res)
	}
}

func TestDigestAndMovedCalendar(t *testing.T) {
	t.Parallel()
	sum := func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) }
	s := newStandIn(t, nil)
	s.answer = func(w http.ResponseWriter, r *http.Request, body string) bool {
		if strings.HasPrefix(r.URL.Path, "/old/") { // RFC 9110 §15.4.9; asked before the login
			http.Redirect(w, r, standInCalendar+strings.TrimPrefix(r.URL.Path, "/old/"), http.StatusMovedPermanently)
			return true
		}
		h := r.Header.Get("Authorization")
		get := func(name string) string {
			_, v, _ := strings.Cut(h, name+"=")
			v, _, _ = strings.Cut(v, ",")
			return strings.Trim(v, `"`)
		}
		want := sum(sum("ann:r:hunter2") + ":n:" + get("nc") + ":" + get("cnonce") + ":auth:" + sum(r.Method+":"+r.URL.RequestURI()))
		if get("response") == want {
			return false
		}
		if strings.HasPrefix(h, "Basic") {
			t.Error("the password was sent to a server that asks for Digest")
		}
		w.Header().Set("WWW-Authenticate", `Digest realm="r", nonce="n", qop="auth"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	s.put("a.ics", event("a", "A"))
	a := source.Account{URL: strings.Replace(s.url, "://", "://ann:hunter2@", 1) + "/old/"}
	c := newCopy(t, New(client, Config{}), a)
	c.fetch()
	c.want("A")
	s.put("a.ics", event("a", "A2"))
	s.requests()
	c.fetch()
	c.want("A2")
	if got, want := s.requests(), "REPORT:sync-collection0 REPORT:sync-collection0 REPORT:calendar-multiget"; got != want {
		t.Errorf("asked %s, want %s: one more than needed, to be asked for the login", got, want)
	}
	c.account.Password = "wrong-password"
	c.account.Username = "ann"
	_, err := c.reader.Fetch(t.Context(), c.account)
	wantKind(t, err, source.Credentials)
}

// A server that answers strangers, too, says so (RFC 5397 §3), and is told who asks.
func TestServerThatNeverAsks(t *testing.T) {
	t.Parallel()
	s := newStandIn(t, func(s *standIn) {
		s.answer = func(w http.ResponseWriter, r *http.Request, body string) bool {
			name, _, _ := r.BasicAuth()
			switch {
			case r.URL.Path == "/" && name == "ann":
				s.multistatus(w, `<Q:response><Q:href>/</Q:href><Q:propstat><Q:prop><Q:current-user-principal><Q:href>/dav/ann/</Q:href></Q:current-user-principal></Q:prop><Q:status>HTTP/1.1 200 OK</Q:status></Q:propstat></Q:response>`, "")
			case r.URL.Path == "/":
				s.multistatus(w, `<Q:response><Q:href>/</Q:href><Q:propstat><Q:prop><Q:current-user-principal><Q:unauthenticated/></Q:current-user-principal></Q:prop><Q:status>HTTP/1.1 200 OK</Q:status></Q:propstat></Q:response>`, "")
			case r.URL.Path == "/dav/ann/":
				s.multistatus(w, `<Q:response><Q:href>/dav/ann/</Q:href><Q:propstat><Q:prop><K:calendar-home-set><Q:href>.</Q:href><Q:href>job/</Q:href></K:calendar-home-set></Q:prop><Q:status>HTTP/1.1 200 OK</Q:status></Q:propstat></Q:response>`+
					`<Q:response><Q:href>/dav/ann/office/</Q:href></Q:response>`, "")
			default:
				return false
			}
			return true
		}
	})
	got, err := New(client, Config{}).Discover(t.Context(), source.Account{URL: s.url, Username: "ann", Password: "hunter2"})
	if err != nil || len(got) != 1 || got[0] != (Collection{URL: s.calendar(), Name: "Work"}) {
		t.Errorf("discovered %+v, %v, want the one calendar, once", got, err)
	}
}

func TestRedirectsFromACalendar(t *testing.T) {
	t.Parallel()
	asks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the login went to another server")
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(asks.Close)
	for target, want := range map[string]source.Kind{
		"http://10.0.0.1/": source.NotAllowed, "http://169.254.169.254/": source.NotAllowed, "http://[::1]/": source.NotAllowed,
		"/loop": source.Other, asks.URL: source.Credentials,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if target == "/loop" && r.URL.Path != "/loop" && r.URL.Path != "/cal" {
				http.NotFound(w, r)
				return
			}
			http.Redirect(w, r, target, http.StatusFound)
		}))
		_, err := New(client, Config{}).Fetch(t.Context(), source.Account{URL: server.URL + "/cal", Username: "ann", Password: "hunter2"})
		wantKind(t, err, want)
		server.Close()
	}
}

func TestSlowServer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusMultiStatus)
		io.WriteString(w, `<multistatus xmlns="DAV:">`)
		w.(http.Flusher).Flush()
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	r := New(client, Config{Timeout: 50 * time.Millisecond})
	_, err := r.Fetch(t.Context(), source.Account{URL: server.URL})
	wantKind(t, err, source.Unavailable)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = r.Discover(ctx, source.Account{URL: server.URL})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	for _, address := range []string{"", "ftp://h.example", "https://ann:wrong-password@[::1"} {
		_, err = r.Fetch(t.Context(), source.Account{URL: address})
		wantKind(t, err, source.BadAddress)
		_, err = r.Discover(t.Context(), source.Account{URL: address})
		wantKind(t, err, source.BadAddress)
	}
}

func TestNormalise(t *testing.T) {
	t.Parallel()
	base, err := url.Parse("https://h.example/dav/a%40b/office/")
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"/dav/a%40b/office/x.ics": "/dav/a@b/office/x.ics",
		"/dav/a@b/office/x.ics":   "/dav/a@b/office/x.ics",
		"x.ics":                   "/dav/a@b/office/x.ics",
		" ./x.ics\n":              "/dav/a@b/office/x.ics",
		"https://h.example/dav/a%40b/office/%78.ics": "/dav/a@b/office/x.ics",
		"http://other.example:81/dav/a%40b/x.ics":    "/dav/a@b/x.ics",
		"/dav/a%2fb/x%2Fy.ics":                       "/dav/a%2Fb/x%2Fy.ics",
		"/dav/ü b.ics":                               "/dav/%C3%BC%20b.ics",
		"/dav/%c3%bc+b.ics?x=y#z":                    "/dav/%C3%BC+b.ics",
		"/dav/100%25.ics":                            "/dav/100%25.ics",
		"/dav/../../x.ics":                           "/x.ics",
		"/dav/%2e%2e/x.ics":                          "",
		"mailto:x@h.example":                         "",
		"/%zz":                                       "",
		"/" + strings.Repeat("x", 5000):              "",
		"":                                           "/dav/a@b/office/",
		"//other.example/x":                          "/x",
	} {
		if got := normalise(base, in); got != want {
			t.Errorf("%.60q is %q, want %q", in, got, want)
		} else if got != "" && normalise(base, got) != got {
			t.Errorf("%q does not stay as it is", got)
		} else if u := at(base, got); got != "" && (u.EscapedPath() != got || u.Host != "h.example") {
			t.Errorf("%q is asked for as %s", got, u)
		}
	}
}

func TestSiblings(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"https://caldav.icloud.com/", "https://p34-caldav.icloud.com:443/x", true},
		{"https://caldav.icloud.com/", "https://p34.caldav.icloud.com/", true},
		{"https://dav.firma.de/", "https://dav.firma.de:8443/", true},
		{"https://dav.firma.de/", "https://cal.firma.de/", true},
		{"https://dav.firma.co.uk/", "https://cal.firma.co.uk/", true},
		{"https://caldav.icloud.com/", "https://caldav.icloud.com.evil.example/", false},
		{"https://caldav.icloud.com/", "https://evilicloud.com/", false},
		{"https://caldav.icloud.com/", "http://p34-caldav.icloud.com/", false},
		{"http://dav.firma.de/", "http://cal.firma.de/", false},
		{"https://firma.de/", "https://evil.de/", false},
		{"https://firma.co.uk/", "https://evil.co.uk/", false},
		{"https://10.0.0.1/", "https://10.0.0.2/", false},
		{"https://1.10.0.0.1/", "https://2.10.0.0.1/", false},
		{"https://localhost/", "https://evil.localhost/", false},
	} {
		a, _ := url.Parse(tc.a)
		b, _ := url.Parse(tc.b)
		if got := siblings(a, b); got != tc.want {
			t.Errorf("%s and %s: %v, want %v", tc.a, tc.b, got, tc.want)
		}
	}
}
