// Package feed reads published iCalendar addresses: one file, fetched whole when it changed. Such files lag behind
// the calendar they are made from, by hours with some publishers, so a feed is the weakest source there is. What is
// in the file is left to the caller, but for how often it wants to be read.
package feed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// Href is the href of the one object a feed has. It is not the address, because that is often a secret.
const Href = "feed.ics"

// A file that asks to be read more or less often than this is not obeyed.
const (
	oftenest  = 5 * time.Minute
	seldomest = 24 * time.Hour
)

// Reader fetches published calendars. It may be used by several goroutines.
type Reader struct {
	client *outbound.Client
}

// New returns a reader that fetches with client, whose limits of size and time apply.
func New(client *outbound.Client) *Reader { return &Reader{client: client} }

var _ source.Source = (*Reader)(nil)

// state is what Result.State holds, as JSON.
type state struct {
	Key      string `json:"key"` // of the account it belongs to
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"modified,omitempty"` // Last-Modified, as it came
	Sum      string `json:"sum,omitempty"`      // of the file, for servers that send neither or change both without reason
	EveryS   int64  `json:"every_s,omitempty"`  // a 304 does not repeat what the file said
}

// Fetch reads the feed if it changed since a.State. The result has at most one object, with href Href, and then
// Replace is set. Without Href in a.Known the file is read whether it changed or not.
func (r *Reader) Fetch(ctx context.Context, a source.Account) (source.Result, error) {
	u, login, err := a.Address()
	if err != nil {
		return source.Result{}, err
	}
	var last state
	if _, has := a.Known[Href]; has {
		if json.Unmarshal([]byte(a.State), &last) != nil || last.Key != a.Key() {
			last = state{}
		}
	}
	header := http.Header{"Accept": {"text/calendar, */*;q=0.5"}}
	// RFC 9110 §13.1.3: both may be sent, If-None-Match counts where it is known.
	if last.ETag != "" {
		header.Set("If-None-Match", last.ETag)
	}
	if last.Modified != "" {
		header.Set("If-Modified-Since", last.Modified)
	}
	resp, err := r.client.Do(ctx, outbound.Request{URL: u, Header: header, Login: login})
	if tooLarge, ok := errors.AsType[*outbound.Error](err); ok && tooLarge.Kind == outbound.TooLarge {
		return source.Result{}, &source.Error{Kind: source.TooLarge, Err: err,
			Text: "The calendar is too large. " + tooLarge.Text + " Perhaps it can be published with fewer past appointments."}
	}
	if err != nil {
		return source.Result{}, source.Failure(err)
	}
	switch {
	case resp.Status == http.StatusNotModified && last.Key != "":
		return last.result(true, nil), nil
	case resp.Status != http.StatusOK:
		return source.Result{}, source.Refusal(resp, u, login)
	}
	if err := check(resp, u.Hostname()); err != nil {
		return source.Result{}, err
	}
	sum := sha256.Sum256(resp.Body)
	now := state{
		Key:      a.Key(),
		ETag:     short(resp.Header.Get("ETag")),
		Modified: short(resp.Header.Get("Last-Modified")),
		Sum:      hex.EncodeToString(sum[:]),
		EveryS:   int64(every(resp.Body) / time.Second),
	}
	return now.result(now.Sum == last.Sum, resp.Body), nil
}

func (s state) result(unchanged bool, data []byte) source.Result {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings and a number
	}
	res := source.Result{State: string(text), Unchanged: unchanged, Every: time.Duration(s.EveryS) * time.Second}
	if !unchanged {
		res.Replace = true
		res.Objects = []source.Object{{Href: Href, ETag: s.Sum, Data: data}}
	}
	return res
}

// short drops a validator that is too long to keep, or that could not be sent back.
func short(s string) string {
	if len(s) > 1024 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return ""
	}
	return s
}

// check tells a calendar from what servers send instead with status 200: above all the page to sign in at.
func check(resp *outbound.Response, asked string) error {
	host := resp.URL.Hostname()
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	body := bytes.TrimSpace(calendar.UTF8(resp.Body))
	fail := func(k source.Kind, format string, args ...any) error {
		return &source.Error{Kind: k, Text: fmt.Sprintf(format, args...), Err: fmt.Errorf("%s sent %d bytes of %q", host, len(resp.Body), kind)}
	}
	found, whole := calendar.Whole(body)
	switch {
	case len(body) == 0:
		return fail(source.NotCalendar, "%s answers with an empty file instead of a calendar.", host)
	case found && !looksLikePage(body):
		// Whatever the content type says: many servers say text/plain or application/octet-stream.
		if !whole {
			return fail(source.Unavailable, "The calendar from %s breaks off in the middle.", host)
		}
		return nil
	case kind == "text/html" || kind == "application/xhtml+xml" || looksLikePage(body):
		if !strings.EqualFold(host, asked) {
			return fail(source.NotCalendar, "%s sends on to a web page of %s instead of a calendar, probably to sign in. "+
				"Publish the calendar, and use the address that ends in .ics.", asked, host)
		}
		return fail(source.NotCalendar, "%s answers with a web page instead of a calendar, perhaps one to sign in at. "+
			"Use the address that ends in .ics.", host)
	}
	if kind == "" || kind == "text/calendar" || kind == "text/plain" {
		return fail(source.NotCalendar, "What %s answers is not a calendar.", host)
	}
	return fail(source.NotCalendar, "%s answers with something (%s) that is not a calendar.", host, printable(kind))
}

func looksLikePage(b []byte) bool {
	head := strings.ToLower(string(b[:min(len(b), 1024)]))
	return strings.HasPrefix(head, "<") && (strings.Contains(head, "<html") || strings.Contains(head, "<!doctype html") ||
		strings.Contains(head, "<head") || strings.Contains(head, "<body"))
}

func printable(s string) string {
	if len(s) > 60 {
		s = s[:60]
	}
	return s
}
