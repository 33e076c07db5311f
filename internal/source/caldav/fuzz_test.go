package caldav

import (
	"net/url"
	"strings"
	"testing"
)

func FuzzMultistatus(f *testing.F) {
	base := &url.URL{Scheme: "https", Host: "h.example", Path: "/dav/job/"}
	f.Fuzz(func(t *testing.T, body []byte) {
		parseError(body)
		ms, err := parseMultistatus(body)
		if err != nil {
			if len(err.Error()) > 200 {
				t.Errorf("the error repeats what was sent: %q", err)
			}
			return
		}
		if len(ms.responses) > len(body) {
			t.Errorf("%d responses in %d bytes", len(ms.responses), len(body))
		}
		for _, r := range ms.responses {
			if r.href == "" || r.href != strings.TrimSpace(r.href) || r.status < 0 || r.status > 999 {
				t.Errorf("response %+v", r)
			}
			p := normalise(base, r.href)
			if p == "" {
				continue
			}
			if again := normalise(base, p); again != p {
				t.Errorf("href %q is %q and then %q", r.href, p, again)
			}
			if u := at(base, p); u.Host != base.Host || u.EscapedPath() != p {
				t.Errorf("href %q is %q and is asked for as %s", r.href, p, u)
			}
		}
	})
}
