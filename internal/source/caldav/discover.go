package caldav

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// Collection is one calendar on a server.
type Collection struct {
	URL         string // for Account.URL; without user name and password
	Name        string // as its owner called it, else the last part of its address
	Description string
}

// Choice is the error of Fetch when the account's address is that of a server with several calendars.
type Choice struct {
	Collections []Collection
}

func (c *Choice) Error() string {
	return fmt.Sprintf("caldav: choose one of %d calendars", len(c.Collections))
}

// Public returns a sentence for the user, naming the calendars.
func (c *Choice) Public() string {
	names := make([]string, 0, 10)
	for _, x := range c.Collections {
		if len(names) == cap(names) {
			names = append(names, "…")
			break
		}
		names = append(names, x.Name)
	}
	return "There are several calendars at this address. Choose one: " + strings.Join(names, ", ") + "."
}

const describe = `<?xml version="1.0" encoding="utf-8"?>
<d:propfind xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:cs="http://calendarserver.org/ns/"><d:prop>` +
	`<d:resourcetype/><d:displayname/><d:current-user-principal/><d:sync-token/><d:supported-report-set/><cs:getctag/>` +
	`<c:calendar-home-set/><c:calendar-description/><c:supported-calendar-component-set/></d:prop></d:propfind>`

// found is a collection as its server describes it.
type found struct {
	url   *url.URL
	props props
}

func (f found) collection() Collection {
	c := Collection{URL: f.url.String(), Name: text(f.props.DisplayName), Description: text(f.props.Description)}
	if c.Name == "" {
		c.Name = baseName(f.url)
	}
	return c
}

// Discover returns the calendars that hold appointments at an address: of a calendar, of a principal, of the folder
// the calendars are in, or of the server (RFC 6764 §6). The order is the server's. No calendar at all is an error of
// kind NotFound or NotCalendar.
func (r *Reader) Discover(ctx context.Context, a source.Account) ([]Collection, error) {
	ctx, cancel := context.WithTimeout(ctx, r.config.Timeout)
	defer cancel()
	u, login, err := a.Address()
	if err != nil {
		return nil, err
	}
	s := &session{reader: r, login: login}
	list, err := s.discover(ctx, u)
	if err != nil {
		return nil, err
	}
	out := make([]Collection, len(list))
	for i, f := range list {
		out[i] = f.collection()
	}
	return out, nil
}

// discover tries the address itself, then the well-known one, then the root, until one leads to calendars.
func (s *session) discover(ctx context.Context, u *url.URL) ([]found, error) {
	wellKnown := &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/.well-known/caldav"}
	starts := []*url.URL{u, wellKnown, {Scheme: u.Scheme, Host: u.Host, Path: "/"}}
	if strings.Trim(u.Path, "/") == "" {
		starts = []*url.URL{wellKnown, u}
	}
	var first error
	for _, start := range starts {
		list, err := s.from(ctx, start)
		if err == nil && len(list) > 0 {
			return list, nil
		}
		if err == nil {
			err = &source.Error{Kind: source.NotFound, Text: "No calendar was found on " + u.Hostname() + "."}
		}
		switch kindOf(err) {
		case source.NotFound, source.NotCalendar, source.Other:
		case source.Credentials:
			// A server may well forbid its root or its well-known address; but a refused password is refused.
			if e, ok := errors.AsType[*source.Error](err); !ok || e.Status != http.StatusForbidden {
				return nil, err
			}
		default:
			return nil, err
		}
		// The words for the address that was entered say most; "nothing is here" says less than any other.
		if first == nil || start == u && kindOf(first) != source.Credentials {
			first = err
		}
	}
	return nil, first
}

// from follows one address to calendars. No error and no calendars: it leads nowhere.
func (s *session) from(ctx context.Context, u *url.URL) ([]found, error) {
	self, err := s.describe(ctx, u)
	if err != nil {
		return nil, err
	}
	if p := self.props.Principal; p != nil && p.Unauthenticated != nil && s.login != nil {
		// The server answers strangers too (RFC 5397 §3), so it never asked who we are. Say so.
		s.login.Offer(self.url)
		if self, err = s.describe(ctx, self.url); err != nil {
			return nil, err
		}
	}
	if self.props.isCalendar() {
		return []found{self}, nil
	}
	homes, err := s.homes(ctx, self)
	if err != nil {
		return nil, err
	}
	if len(homes) == 0 && self.props.isCollection() {
		homes = []*url.URL{self.url} // perhaps the folder that the calendars are in
	}
	var list []found
	seen := map[string]bool{}
	for _, home := range homes {
		inside, err := s.calendarsIn(ctx, home)
		if err != nil {
			return nil, err
		}
		for _, f := range inside {
			if key := f.url.String(); !seen[key] {
				seen[key] = true
				list = append(list, f)
			}
		}
	}
	return list, nil
}

// homes returns the calendar-home-set (RFC 4791 §6.2.1) of a principal, or of the principal we are.
func (s *session) homes(ctx context.Context, self found) ([]*url.URL, error) {
	if self.props.Homes == nil {
		p := self.props.Principal
		if p == nil || strings.TrimSpace(p.Href) == "" {
			return nil, nil
		}
		u, err := s.follow(self.url, p.Href)
		if err != nil {
			return nil, err
		}
		if self, err = s.describe(ctx, u); err != nil {
			return nil, err
		}
	}
	if self.props.Homes == nil {
		return nil, nil
	}
	var out []*url.URL
	for _, h := range self.props.Homes.Hrefs {
		if len(out) == 10 {
			break
		}
		if strings.TrimSpace(h) == "" {
			continue
		}
		u, err := s.follow(self.url, h)
		if err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, nil
}

// follow resolves an href that may lead to another host: calendars of iCloud are on one of many.
func (s *session) follow(base *url.URL, href string) (*url.URL, error) {
	u, err := base.Parse(strings.TrimSpace(href))
	if err != nil || u.Hostname() == "" || len(href) > 4096 {
		return nil, &source.Error{Kind: source.NotCalendar, Text: base.Hostname() + " names an address that is not one."}
	}
	u.User, u.Fragment, u.RawFragment, u.RawQuery = nil, "", "", ""
	if strings.EqualFold(u.Hostname(), base.Hostname()) {
		// Behind a proxy servers get their own scheme and port wrong.
		u.Scheme, u.Host = base.Scheme, base.Host
		return u, nil
	}
	if siblings(base, u) {
		s.login.Trust(u)
		return u, nil
	}
	return nil, &source.Error{Kind: source.Credentials, Text: fmt.Sprintf("%s says that your calendars are on %s. "+
		"Your password was not sent there. If it is to be, enter the calendar's address on %[2]s.", base.Hostname(), u.Hostname())}
}

// describe asks one resource what it is.
func (s *session) describe(ctx context.Context, u *url.URL) (found, error) {
	ms, resp, err := s.propfind(ctx, u, "0", describe)
	if err != nil {
		return found{}, err
	}
	f, ok := own(ms, resp.URL)
	if !ok {
		return found{}, nonsense(resp, "it does not say anything about what was asked for")
	}
	return f, nil
}

// own picks what a multistatus says about the very resource that was asked, or the only thing it says.
func own(ms *multistatus, u *url.URL) (found, bool) {
	for _, r := range ms.responses {
		if len(ms.responses) == 1 || same(normalise(u, r.href), normalise(u, u.EscapedPath())) {
			return found{url: u, props: r.props}, r.status == 0 || r.status/100 == 2
		}
	}
	return found{}, false
}

// calendarsIn lists the calendars with appointments in a folder, or the folder itself if it is one.
func (s *session) calendarsIn(ctx context.Context, home *url.URL) ([]found, error) {
	ms, resp, err := s.propfind(ctx, home, "1", describe)
	if err != nil {
		return nil, err
	}
	var list []found
	for _, r := range ms.responses {
		p := normalise(resp.URL, r.href)
		if p == "" || r.status != 0 && r.status/100 != 2 || !r.props.isCalendar() || !r.props.holdsEvents() {
			continue
		}
		list = append(list, found{url: at(resp.URL, p), props: r.props})
	}
	return list, nil
}

func nonsense(resp *outbound.Response, what string) *source.Error {
	return &source.Error{Kind: source.NotCalendar, Err: fmt.Errorf("%s: %s", resp.URL.Hostname(), what),
		Text: fmt.Sprintf("%s answers like a calendar server (%d %s), but %s.", resp.URL.Hostname(), resp.Status,
			http.StatusText(resp.Status), what)}
}
