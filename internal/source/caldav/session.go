package caldav

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// session is one conversation with a server, of one Fetch or Discover.
type session struct {
	reader *Reader
	login  *outbound.Login
}

func (s *session) do(ctx context.Context, method string, u *url.URL, depth, body string) (*outbound.Response, error) {
	h := http.Header{}
	if depth != "" {
		h.Set("Depth", depth)
	}
	if body != "" {
		h.Set("Content-Type", "application/xml; charset=utf-8")
	}
	for hop := 0; ; hop++ {
		resp, err := s.reader.client.Do(ctx, outbound.Request{Method: method, URL: u, Header: h, Body: []byte(body), Login: s.login})
		if err != nil {
			return nil, source.Failure(err)
		}
		// A redirect to another host has left the login behind. Where that host is plainly the same operator's, the
		// login follows (RFC 6764 §6).
		if resp.Status == http.StatusUnauthorized && hop < 3 && s.login != nil && !s.login.Trusts(resp.URL) && siblings(u, resp.URL) {
			s.login.Trust(resp.URL)
			u = resp.URL
			continue
		}
		return resp, nil
	}
}

// propfind asks for properties; depth is "0" or "1". A status other than 207 is an error of type *source.Error.
func (s *session) propfind(ctx context.Context, u *url.URL, depth, body string) (*multistatus, *outbound.Response, error) {
	resp, err := s.do(ctx, "PROPFIND", u, depth, body)
	if err != nil {
		return nil, nil, err
	}
	if resp.Status != http.StatusMultiStatus {
		return nil, resp, s.refusal(resp, u)
	}
	ms, err := s.multistatus(resp)
	return ms, resp, err
}

// multistatus parses an answer, with an error in words if it is nonsense.
func (s *session) multistatus(resp *outbound.Response) (*multistatus, error) {
	ms, err := parseMultistatus(resp.Body)
	if err != nil {
		return nil, &source.Error{Kind: source.NotCalendar, Err: fmt.Errorf("%s: %w", resp.URL.Hostname(), err),
			Text: fmt.Sprintf("%s answers like a calendar server, but what it says cannot be understood: %s.", resp.URL.Hostname(), err)}
	}
	return ms, nil
}

// refusal explains an answer that should have been a 207.
func (s *session) refusal(resp *outbound.Response, asked *url.URL) *source.Error {
	host := resp.URL.Hostname()
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	fail := func(text string) *source.Error {
		return &source.Error{Kind: source.NotCalendar, Text: text, Status: resp.Status,
			Err: fmt.Errorf("%s answered %d with %q", host, resp.Status, kind)}
	}
	switch resp.Status {
	case http.StatusOK, http.StatusNoContent, http.StatusCreated, http.StatusAccepted:
		switch {
		case strings.Contains(kind, "html"):
			return fail(host + " answers with a web page; there is no calendar server at this address.")
		case kind == "text/calendar":
			return fail("This is the address of a published calendar, not of a calendar server. Enter it as a published calendar.")
		}
		return fail("There is no calendar server at this address of " + host + ".")
	case http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusBadRequest, http.StatusUnsupportedMediaType:
		return fail("There is no calendar server at this address of " + host + ".")
	}
	return source.Refusal(resp, asked, s.login)
}

func kindOf(err error) source.Kind {
	if e, ok := errors.AsType[*source.Error](err); ok {
		return e.Kind
	}
	return source.Other
}
