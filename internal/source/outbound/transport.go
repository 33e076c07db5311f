package outbound

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// HTTP returns the client for libraries that want one of net/http. What holds for Do holds for it; that of a client
// without redirects follows none, and answers with an error for one.
func (c *Client) HTTP() *http.Client {
	return &http.Client{Transport: transport{c}, CheckRedirect: func(*http.Request, []*http.Request) error {
		return errors.New("a redirect was followed twice") // Do follows them, so this is never asked
	}}
}

type transport struct{ client *Client }

// RoundTrip implements http.RoundTripper. The body that it returns is in memory.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		defer r.Body.Close()
		var err error
		if body, err = io.ReadAll(io.LimitReader(r.Body, t.client.config.MaxBody)); err != nil {
			return nil, fmt.Errorf("outbound: read what to send: %w", err)
		}
	}
	res, err := t.client.Do(r.Context(), Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: body})
	if err != nil {
		return nil, err
	}
	header := res.Header.Clone()
	header.Del("Content-Encoding") // it is undone
	header.Del("Content-Length")
	return &http.Response{
		Status: fmt.Sprintf("%d %s", res.Status, http.StatusText(res.Status)), StatusCode: res.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, Body: io.NopCloser(bytes.NewReader(res.Body)),
		ContentLength: int64(len(res.Body)), Request: r,
	}, nil
}
