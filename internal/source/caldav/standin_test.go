package caldav

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// standIn is a CalDAV server with one calendar, at /dav/ann/job/, that can do what Radicale cannot, or cannot do
// what Radicale can. It is strict: what RFC 4791 and RFC 6578 do not allow in a request is refused with 400.
type standIn struct {
	t   *testing.T
	url string

	// Fixed before the first request.
	sync, ctag, multiget, etags bool
	page                        int    // members in one answer to sync-collection; zero: all
	hrefs                       string // how hrefs are written: "", "absolute", "encoded" or "proxy"
	answer                      func(w http.ResponseWriter, r *http.Request, body string) bool

	mu      sync.Mutex
	version int
	oldest  int // the first version that a token may have
	members map[string]member
	log     []string // of requests: method and what was asked for
}

type member struct {
	data    string // empty: gone
	version int    // of the collection when it last changed
}

const standInCalendar = "/dav/ann/job/"

func newStandIn(t *testing.T, configure func(*standIn)) *standIn {
	t.Helper()
	s := &standIn{t: t, sync: true, ctag: true, multiget: true, etags: true, members: map[string]member{}, version: 1}
	if configure != nil {
		configure(s)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *standIn) calendar() string { return s.url + standInCalendar }

// put stores an object, or removes it if data is empty.
func (s *standIn) put(name, data string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.members[standInCalendar+name] = member{data: data, version: s.version}
}

// forget makes all tokens so far invalid.
func (s *standIn) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.oldest = s.version
}

// requests returns the log since the last call.
func (s *standIn) requests() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := strings.Join(s.log, " ")
	s.log = nil
	return out
}

func (s *standIn) href(p string) string {
	escaped := (&url.URL{Path: p}).EscapedPath()
	switch s.hrefs {
	case "absolute":
		return s.url + escaped
	case "proxy":
		return "http://internal.example:8008" + escaped
	case "encoded":
		return strings.NewReplacer("@", "%40", "e", "%65", ".", "%2e").Replace(escaped)
	}
	return escaped
}

func (s *standIn) etag(m member) string {
	if !s.etags {
		return ""
	}
	return fmt.Sprintf(`<Q:getetag>"v%d"</Q:getetag>`, m.version)
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	body := string(raw)
	s.mu.Lock()
	defer s.mu.Unlock()
	var root struct {
		XMLName xml.Name
		Token   *string  `xml:"DAV: sync-token"`
		Level   string   `xml:"DAV: sync-level"`
		Hrefs   []string `xml:"DAV: href"`
	}
	what := r.Method
	if len(raw) > 0 {
		if err := xml.Unmarshal(raw, &root); err != nil {
			http.Error(w, "not XML: "+err.Error(), http.StatusBadRequest)
			return
		}
		what += ":" + root.XMLName.Local
	}
	if d := r.Header.Get("Depth"); d != "" {
		what += d
	}
	s.log = append(s.log, what)
	if s.answer != nil && s.answer(w, r, body) {
		return
	}
	refuse := func(why string) {
		s.t.Errorf("the stand-in refuses %s %s: %s", r.Method, r.URL, why)
		http.Error(w, why, http.StatusBadRequest)
	}
	if r.Header.Get("User-Agent") == "" {
		refuse("no User-Agent")
		return
	}
	if len(raw) > 0 && !strings.Contains(r.Header.Get("Content-Type"), "xml") {
		refuse("no XML content type")
		return
	}
	member, isMember := s.members[r.URL.Path]
	switch {
	case r.Method == "PROPFIND" && root.XMLName == xml.Name{Space: "DAV:", Local: "propfind"}:
		if d := r.Header.Get("Depth"); d != "0" && d != "1" {
			refuse("Depth")
			return
		}
		if r.URL.Path != standInCalendar {
			http.NotFound(w, r)
			return
		}
		var b strings.Builder
		b.WriteString(`<Q:response><Q:href>` + s.href(standInCalendar) + `</Q:href><Q:propstat><Q:prop><Q:resourcetype><Q:collection/>` +
			`<K:calendar/></Q:resourcetype><Q:displayname>Work</Q:displayname>`)
		if s.ctag {
			fmt.Fprintf(&b, `<A:getctag xmlns:A="http://calendarserver.org/ns/">c%d</A:getctag>`, s.version)
		}
		if s.sync {
			b.WriteString(`<Q:supported-report-set><Q:supported-report><Q:report><Q:sync-collection/></Q:report></Q:supported-report></Q:supported-report-set>`)
		}
		b.WriteString(`</Q:prop><Q:status>HTTP/1.1 200 OK</Q:status></Q:propstat>` +
			`<Q:propstat><Q:prop><Q:getetag>"wrong"</Q:getetag></Q:prop><Q:status>HTTP/1.1 404 Not Found</Q:status></Q:propstat></Q:response>`)
		if r.Header.Get("Depth") == "1" {
			for _, p := range slices.Sorted(maps.Keys(s.members)) {
				if m := s.members[p]; m.data != "" {
					b.WriteString(`<Q:response><Q:href>` + s.href(p) + `</Q:href><Q:propstat><Q:prop><Q:resourcetype/>` + s.etag(m) +
						`</Q:prop><Q:status>HTTP/1.1 200 OK</Q:status></Q:propstat></Q:response>`)
				}
			}
			b.WriteString(`<Q:response><Q:href>` + s.href(standInCalendar+"folder/") + `</Q:href><Q:propstat><Q:prop><Q:resourcetype>` +
				`<Q:collection/></Q:resourcetype></Q:prop><Q:status>HTTP/1.1 200 OK</Q:status></Q:propstat></Q:response>`)
		}
		s.multistatus(w, b.String(), "")
	case r.Method == "REPORT" && root.XMLName == xml.Name{Space: "DAV:", Local: "sync-collection"}:
		switch {
		case !s.sync:
			http.Error(w, "no such report", http.StatusForbidden)
			return
		case r.Header.Get("Depth") != "0" || root.Level != "1" || root.Token == nil: // RFC 6578 §3.2, §6.1
			refuse("not as RFC 6578 has it")
			return
		}
		since := 0
		if *root.Token != "" {
			if _, err := fmt.Sscanf(*root.Token, "urn:token:%d", &since); err != nil || since < s.oldest {
				w.Header().Set("Content-Type", "application/xml")
				w.WriteHeader(http.StatusForbidden)
				io.WriteString(w, `<e:error xmlns:e="DAV:"><e:valid-sync-token/></e:error>`)
				return
			}
		}
		changed := slices.SortedFunc(maps.Keys(s.members), func(a, b string) int { return s.members[a].version - s.members[b].version })
		changed = slices.DeleteFunc(changed, func(p string) bool {
			return s.members[p].version <= since || since == 0 && s.members[p].data == ""
		})
		upTo := s.version
		var b strings.Builder
		if s.page > 0 && len(changed) > s.page {
			changed = changed[:s.page]
			upTo = s.members[changed[s.page-1]].version
			b.WriteString(`<Q:response><Q:href>` + s.href(standInCalendar) + `</Q:href><Q:status>HTTP/1.1 507 Insufficient Storage</Q:status>` +
				`<Q:error><Q:number-of-matches-within-limits/></Q:error></Q:response>`)
		}
		for _, p := range changed {
			if m := s.members[p]; m.data == "" {
				b.WriteString(`<Q:response><Q:href>` + s.href(p) + `</Q:href><Q:status>HTTP/1.1 404 Not Found</Q:status></Q:response>`)
			} else {
				b.WriteString(`<Q:response><Q:href>` + s.href(p) + `</Q:href><Q:propstat><Q:prop>` + s.etag(m) +
					`</Q:prop><Q:status>HTTP/1.1 200 OK</Q:status></Q:propstat></Q:response>`)
			}
		}
		s.multistatus(w, b.String(), fmt.Sprintf("urn:token:%d", upTo))
	case r.Method == "REPORT" && root.XMLName == xml.Name{Space: "urn:ietf:params:xml:ns:caldav", Local: "calendar-multiget"}:
		if !s.multiget {
			http.Error(w, "no such report", http.StatusForbidden)
			return
		}
		if len(root.Hrefs) == 0 || len(root.Hrefs) > 50 {
			refuse(fmt.Sprintf("%d hrefs", len(root.Hrefs)))
			return
		}
		var b strings.Builder
		for _, h := range root.Hrefs {
			u, err := url.Parse(h)
			if err != nil || u.IsAbs() {
				refuse("href " + h)
				return
			}
			if m := s.members[u.Path]; m.data == "" {
				b.WriteString(`<Q:response><Q:href>` + s.href(u.Path) + `</Q:href><Q:status>HTTP/1.1 404 Not Found</Q:status></Q:response>`)
			} else {
				b.WriteString(`<Q:response><Q:href>` + s.href(u.Path) + `</Q:href><Q:propstat><Q:prop>` + s.etag(m) + `<K:calendar-data>`)
				xml.EscapeText(&b, []byte(m.data))
				b.WriteString(`</K:calendar-data></Q:prop><Q:status>HTTP/1.1 200 OK</Q:status></Q:propstat></Q:response>`)
			}
		}
		s.multistatus(w, b.String(), "")
	case r.Method == http.MethodGet && isMember && member.data != "":
		w.Header().Set("ETag", fmt.Sprintf(`W/"v%d-gzip"`, member.version))
		io.WriteString(w, member.data)
	default:
		http.NotFound(w, r)
	}
}

// multistatus writes an answer with prefixes that nobody else uses.
func (s *standIn) multistatus(w http.ResponseWriter, inside, token string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(http.StatusMultiStatus)
	io.WriteString(w, `<?xml version="1.0"?>`+"\n"+`<Q:multistatus xmlns:Q="DAV:" xmlns:K="urn:ietf:params:xml:ns:caldav">`+inside)
	if token != "" {
		io.WriteString(w, `<Q:sync-token>`+token+`</Q:sync-token>`)
	}
	io.WriteString(w, `</Q:multistatus>`)
}
