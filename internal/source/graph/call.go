package graph

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// call is one request to Graph, alone or in a batch.
type call struct {
	method string
	path   string // below the version, escaped, with its query
	header map[string]string
	body   any // JSON; json.RawMessage: as it is; nil: none
}

// answer is what came back: a status and a body, or failure.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	failure error // of the connection; of type *outbound.Error
}

const (
	maxBatch   = 20 // requests (json-batching)
	maxPage    = 8 << 20
	maxAnswer  = 64 << 10 // of everything but pages of appointments
	batchPath  = "/$batch"
	preferView = `outlook.timezone="UTC", IdType="ImmutableId"`
)

// refused is a status that is not a success, from Graph.
type refused struct {
	status    int
	code      string // of Graph, such as ErrorItemNotFound
	message   string // for the log and for Check; may name mailboxes, so it is not shown otherwise
	requestID string
	wait      time.Duration // Retry-After; zero: none
}

func (r *refused) Error() string {
	s := fmt.Sprintf("graph answered %d %s", r.status, r.code)
	if r.requestID != "" {
		s += ", request-id " + r.requestID
	}
	return s
}

var (
	wordOnly  = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,100}$`)
	claimsRex = regexp.MustCompile(`claims="([A-Za-z0-9+/=_-]{1,1000})"`)
)

// refusal reads the error of an answer (graph/errors); nil if it is a success.
func (a *answer) refusal() *refused {
	if a.status >= 200 && a.status < 300 {
		return nil
	}
	r := &refused{status: a.status, wait: source.RetryAfter(a.header)}
	var body struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Inner   struct {
				RequestID string `json:"request-id"`
			} `json:"innerError"`
		} `json:"error"`
	}
	if json.Unmarshal(a.body, &body) == nil {
		r.code, r.message, r.requestID = body.Error.Code, body.Error.Message, body.Error.Inner.RequestID
	}
	if id := a.header.Get("request-id"); id != "" {
		r.requestID = id
	}
	if !wordOnly.MatchString(r.code) { // goes into errors and logs
		r.code = ""
	}
	if !wordOnly.MatchString(r.requestID) {
		r.requestID = ""
	}
	return r
}

// claims returns the challenge of a 401 (continuous access evaluation, entra/identity-platform/claims-challenge).
func (a *answer) claims() string {
	m := claimsRex.FindStringSubmatch(strings.Join(a.header.Values("WWW-Authenticate"), ","))
	if m == nil {
		return ""
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding, base64.RawStdEncoding} {
		if text, err := e.DecodeString(m[1]); err == nil && json.Valid(text) {
			return string(text)
		}
	}
	return ""
}

// send sends one request about calendars.
func (s *System) send(ctx context.Context, token string, c call, doubtful bool, limit int64) (answer, error) {
	return s.sendWithin(ctx, s.gate, token, c, doubtful, limit)
}

// sendWithin sends one request with that token, within the limits of a budget, and hands back what comes of it. Errors are
// of the budget only.
func (s *System) sendWithin(ctx context.Context, b *budget, token string, c call, doubtful bool, limit int64) (answer, error) {
	leave, err := b.enter(ctx, doubtful)
	if err != nil {
		return answer{}, err
	}
	defer leave()
	u, err := url.Parse(s.graph.String() + c.path)
	if err != nil {
		return answer{}, fmt.Errorf("graph: make an address: %w", errors.Unwrap(err))
	}
	h := http.Header{"Accept": {"application/json"}, "Client-Request-Id": {requestID()}}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	for name, value := range c.header {
		h.Set(name, value)
	}
	var body []byte
	if raw, ok := c.body.(json.RawMessage); ok {
		body = raw
	} else if c.body != nil {
		if body, err = json.Marshal(c.body); err != nil {
			return answer{}, fmt.Errorf("graph: %w", err)
		}
	}
	if body != nil {
		h.Set("Content-Type", "application/json")
	}
	resp, err := s.http.Do(ctx, outbound.Request{Method: c.method, URL: u, Header: h, Body: body, MaxBody: limit})
	if err != nil {
		return answer{failure: err}, nil
	}
	return answer{status: resp.Status, header: resp.Header, body: resp.Body}, nil
}

// requestID makes a client-request-id: a GUID, as Microsoft's support asks for (RFC 9562 §5.4).
func requestID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// ask sends a request about calendars as the application.
func (s *System) ask(ctx context.Context, c call, doubtful bool, limit int64) (answer, error) {
	return s.askWithin(ctx, s.gate, c, doubtful, limit)
}

// askWithin sends a request as the application. A token that the service does not take is replaced once.
func (s *System) askWithin(ctx context.Context, b *budget, c call, doubtful bool, limit int64) (answer, error) {
	var claims string
	for try := 0; ; try++ {
		token, err := s.appToken(ctx, claims)
		if err != nil {
			return answer{}, err
		}
		a, err := s.sendWithin(ctx, b, token, c, doubtful, limit)
		if err != nil || a.status != http.StatusUnauthorized || try > 0 {
			return a, err
		}
		wait, ours := s.app.refused(token, s.t.fresh)
		if wait > 0 {
			return answer{}, &source.Error{Kind: source.Unavailable, Whole: true, RetryAfter: wait, Status: a.status, Err: a.refusal(),
				Text: "Microsoft 365 does not accept the application's sign-in at the moment."}
		}
		if ours {
			claims = a.claims()
		}
	}
}

// batchItem is a request in a batch, and an answer.
type batchItem struct {
	ID      string            `json:"id"`
	Method  string            `json:"method,omitempty"`
	URL     string            `json:"url,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    any               `json:"body,omitempty"`
}

// askMany sends up to maxBatch calls about calendars in one request, as the application.
func (s *System) askMany(ctx context.Context, calls []call) ([]answer, error) {
	return s.askManyWithin(ctx, s.gate, calls)
}

// askManyWithin sends up to maxBatch calls in one request, as the application. The answers are in the order of the calls; one
// that is missing has neither status nor failure. Errors are of the gate and of signing in; all has then failed.
func (s *System) askManyWithin(ctx context.Context, b *budget, calls []call) ([]answer, error) {
	var body struct {
		Requests []batchItem `json:"requests"`
	}
	for i, c := range calls {
		item := batchItem{ID: fmt.Sprint(i + 1), Method: c.method, URL: c.path, Headers: c.header, Body: c.body}
		if c.body != nil {
			headers := map[string]string{"Content-Type": "application/json"}
			for name, value := range c.header {
				headers[name] = value
			}
			item.Headers = headers
		}
		body.Requests = append(body.Requests, item)
	}
	whole, err := s.askWithin(ctx, b, call{method: http.MethodPost, path: batchPath, body: body}, false, 0)
	if err != nil {
		return nil, err
	}
	answers := make([]answer, len(calls))
	fill := func(a answer) []answer {
		for i := range answers {
			answers[i] = a
		}
		return answers
	}
	if whole.failure != nil {
		return fill(whole), nil
	}
	if r := whole.refusal(); r != nil {
		s.log.Warn("graph: a batch was refused", "source", "graph", "err", r)
		switch r.status {
		case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return nil, b.Stop(r.wait, tooOften)
		}
		return fill(whole), nil
	}
	var got struct {
		Responses []struct {
			ID      string            `json:"id"`
			Status  int               `json:"status"`
			Headers map[string]string `json:"headers"`
			Body    json.RawMessage   `json:"body"`
		} `json:"responses"`
	}
	if err := json.Unmarshal(whole.body, &got); err != nil {
		return fill(answer{failure: &outbound.Error{Kind: outbound.Unreachable, Host: s.graph.Hostname(),
			Text: "The answer of " + s.graph.Hostname() + " is damaged.", Err: err}}), nil
	}
	for _, one := range got.Responses { // in any order
		for i := range body.Requests {
			if body.Requests[i].ID != one.ID {
				continue
			}
			h := http.Header{}
			for name, value := range one.Headers {
				h.Set(name, value)
			}
			if h.Get("Date") == "" {
				h.Set("Date", whole.header.Get("Date"))
			}
			text := []byte(one.Body)
			var encoded string // bodies that are not JSON come as base64 in a string
			if bytes.HasPrefix(text, []byte(`"`)) && json.Unmarshal(text, &encoded) == nil {
				if plain, err := base64.StdEncoding.DecodeString(encoded); err == nil {
					text = plain
				}
			}
			answers[i] = answer{status: one.Status, header: h, body: text}
		}
	}
	return answers, nil
}
