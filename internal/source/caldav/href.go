package caldav

import (
	"net/url"
	"path"
	"strings"
)

// normalise returns the path of a member in one spelling: servers encode hrefs differently in different answers, send
// them relative or absolute, and behind a proxy with a scheme and host that are not ours. Only the path is taken, so
// whatever a server names is asked for where we are. It returns "" for what is no path.
func normalise(base *url.URL, href string) string {
	u, err := base.Parse(strings.TrimSpace(href))
	if err != nil || u.Opaque != "" || len(href) > 4096 {
		return ""
	}
	segments := strings.Split(u.EscapedPath(), "/")
	for i, s := range segments {
		plain, err := url.PathUnescape(s)
		if err != nil {
			plain = s
		}
		segments[i] = url.PathEscape(plain) // a slash within a segment stays %2F
	}
	p := strings.Join(segments, "/")
	if !strings.HasPrefix(p, "/") {
		p = "/" + p
	}
	// Resolving has removed dot segments; what is left are those that were encoded.
	for _, s := range segments {
		if s == "." || s == ".." {
			return ""
		}
	}
	return p
}

// at returns the address of a normalised path on the server of base.
func at(base *url.URL, p string) *url.URL {
	plain, err := url.PathUnescape(p)
	if err != nil {
		plain = p
	}
	return &url.URL{Scheme: base.Scheme, Host: base.Host, Path: plain, RawPath: p}
}

// same reports whether two normalised paths name one collection: with or without the slash at the end.
func same(a, b string) bool { return strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/") }

// baseName is the last segment of a collection's path, decoded.
func baseName(u *url.URL) string {
	name := path.Base(strings.TrimSuffix(u.Path, "/"))
	if name == "." || name == "/" {
		return u.Hostname()
	}
	return name
}

// siblings reports whether b may be sent the login for a because it plainly belongs to the same operator: both by
// https, and either the same host or below the domain that a's host is in, as p34-caldav.icloud.com for
// caldav.icloud.com. A server's answer that names such a host came to our login, so the server has it already; the
// rule is for mistakes. Domains that look like those under which anybody registers (co.uk) do not count.
func siblings(a, b *url.URL) bool {
	if a.Scheme != "https" || b.Scheme != "https" {
		return false
	}
	ah, bh := strings.ToLower(a.Hostname()), strings.ToLower(b.Hostname())
	if ah == bh {
		return true
	}
	_, domain, _ := strings.Cut(ah, ".")
	labels := strings.Split(domain, ".")
	top := labels[len(labels)-1]
	if len(labels) < 2 || top == "" || top[0] <= '9' { // the host is itself a domain, or an IP address
		return false
	}
	if len(labels) == 2 && len(top) == 2 && len(labels[0]) <= 3 {
		return false
	}
	return strings.HasSuffix(bh, "."+domain)
}
