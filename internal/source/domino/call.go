package domino

import (
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// call is one question to the server; all that is asked is GET.
type call struct {
	path   string // below the server's address, escaped, with its query
	etag   string // for If-None-Match; empty: none
	accept string // empty: JSON
	limit  int64  // bytes of the answer
}

// answer is what came back: a status and a body, or failure.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	failure error // of the connection; of type *outbound.Error
}

const (
	maxPage   = 4 << 20
	maxAnswer = 256 << 10 // of everything but pages and series
)

// refused is a status that is not a success.
type refused struct {
	status  int
	message string // of the service, for Check; may name mail files, so it is not shown otherwise
	wait    time.Duration
}

func (r *refused) Error() string {
	return fmt.Sprintf("domino answered %d %s", r.status, http.StatusText(r.status))
}

// refusal reads the error of an answer (errorResponse in the description); nil if it is a success.
func (a *answer) refusal() *refused {
	if a.status >= 200 && a.status < 300 || a.status == http.StatusNotModified {
		return nil
	}
	r := &refused{status: a.status, wait: source.RetryAfter(a.header)}
	var body struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(a.body, &body) == nil {
		r.message = body.Message
	}
	return r
}

// form reports that what came back is a page for people: that is how a Domino server asks to sign in, with 200 as with 401.
func (a *answer) form() bool {
	kind, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	return err == nil && kind == "text/html" && (a.status == http.StatusOK || a.status == http.StatusUnauthorized)
}

// stranger reports that the server did not take whoever asked for somebody who may.
func (a *answer) stranger() bool {
	return a.failure == nil && (a.status == http.StatusUnauthorized || a.form())
}

// asksBasic reports that a 401 asks for HTTP Basic.
func (a *answer) asksBasic() bool {
	for _, one := range a.header.Values("WWW-Authenticate") {
		if scheme, _, _ := strings.Cut(strings.TrimSpace(one), " "); strings.EqualFold(scheme, "Basic") {
			return true
		}
	}
	return false
}

// address returns where a path of the server is.
func (s *System) address(path string) (*url.URL, error) {
	u, err := url.Parse(s.base.String() + path)
	if err != nil {
		return nil, fmt.Errorf("domino: make an address: it cannot be read") // the error quotes it
	}
	return u, nil
}

// do sends one question with that cookie, or with HTTP Basic if it is empty.
func (s *System) do(ctx context.Context, c call, cookie string) answer {
	return s.doAs(ctx, c, s.c.Username, s.c.Password, cookie)
}

func (s *System) doAs(ctx context.Context, c call, username, password, cookie string) answer {
	u, err := s.address(c.path)
	if err != nil {
		return answer{failure: &outbound.Error{Kind: outbound.BadAddress, Host: s.base.Hostname(), Text: "The address of the mail file is not valid.", Err: err}}
	}
	h := http.Header{"Accept": {"application/json"}}
	if c.accept != "" {
		h.Set("Accept", c.accept)
	}
	if c.etag != "" {
		h.Set("If-None-Match", c.etag)
	}
	if cookie != "" {
		h.Set("Cookie", cookie)
	} else {
		req := http.Request{Header: h}
		req.SetBasicAuth(username, password)
	}
	resp, err := s.http.Do(ctx, outbound.Request{URL: u, Header: h, MaxBody: c.limit})
	if err != nil {
		return answer{failure: err}
	}
	return answer{status: resp.Status, header: resp.Header, body: resp.Body}
}

// send sends one question within the limits of the gate. Errors are of the gate only.
func (s *System) send(ctx context.Context, c call, cookie string, doubtful bool) (answer, error) {
	leave, err := s.gate.Enter(ctx, doubtful)
	if err != nil {
		return answer{}, err
	}
	defer leave()
	return s.do(ctx, c, cookie), nil
}

const silent = "The Domino server does not answer at the moment."

// probe asks the server for its list of services, which nobody's mail file can hold up.
func (s *System) probe(ctx context.Context) (why *source.Error) {
	resp, err := s.http.Do(ctx, outbound.Request{URL: s.base.JoinPath("api"), MaxBody: maxAnswer})
	switch {
	case err != nil: // it says more than that there is no answer
		why = &source.Error{Kind: source.Unavailable, Text: source.Failure(err).(*source.Error).Text, Err: err}
	case resp.Status >= 500:
		why = &source.Error{Kind: source.Unavailable, Text: silent}
	}
	if why != nil && ctx.Err() == nil {
		s.log.Warn("domino: the server does not answer", "source", "domino", "err", why)
	}
	return why
}

// ask sends a question as the technical user. If it takes signing in anew, that is done once. An answer that is still
// one to a stranger means that the user may not see what was asked for.
func (s *System) ask(ctx context.Context, c call, doubtful bool) (answer, error) {
	for try := 0; ; try++ {
		cookie := s.sign.current()
		a, err := s.send(ctx, c, cookie, doubtful)
		if err != nil || !a.stranger() {
			return a, err
		}
		if try > 0 {
			return a, nil
		}
		again, err := s.signInAgain(ctx, a, cookie)
		if err != nil || !again {
			return a, err
		}
	}
}
