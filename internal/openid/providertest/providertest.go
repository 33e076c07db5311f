// Package providertest runs an OpenID provider that others wrote (oidc-provider, certified by the OpenID Foundation) for
// tests, and a browser of somebody who signs in there.
package providertest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Provider is one that listens on the loopback interface until the test ends.
type Provider struct {
	Issuer string

	in  io.Writer
	out *bufio.Scanner
}

// Client is a server that signs people in there, in the words of OpenID Connect Dynamic Client Registration 1.0 §2.
type Client struct {
	ID                string   `json:"client_id"`
	Secret            string   `json:"client_secret,omitempty"`
	TokenAuth         string   `json:"token_endpoint_auth_method,omitempty"` // "none" for a client without a secret
	RedirectURIs      []string `json:"redirect_uris"`
	LogoutURI         string   `json:"backchannel_logout_uri,omitempty"`
	LogoutWithSession bool     `json:"backchannel_logout_session_required,omitempty"`
	PostLogoutURIs    []string `json:"post_logout_redirect_uris,omitempty"`
}

// People are those who can sign in there, with their claims; with the name as password or any other.
type People map[string]map[string]any

// Start starts a provider that knows nobody yet.
func Start(t testing.TB) *Provider {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	dir := filepath.Dir(file)
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "oidc-provider")); err != nil {
		t.Fatal("the test's OpenID provider is missing: make tools installs it")
	}
	cmd := exec.Command("node", "provider.mjs")
	cmd.Dir = dir
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // which ends it
		kill := time.AfterFunc(5*time.Second, func() { cmd.Process.Kill() })
		defer kill.Stop()
		io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("the provider ended with %v and said:\n%s", err, said.String())
		}
	})
	p := &Provider{in: in, out: bufio.NewScanner(out)}
	if !p.out.Scan() {
		t.Fatal("the provider did not start")
	}
	p.Issuer = p.out.Text()
	return p
}

// Serve tells the provider who its people and clients are, once. claimsInToken has all claims in its ID tokens, not only at
// its UserInfo endpoint.
func (p *Provider) Serve(t testing.TB, people People, claimsInToken bool, clients ...Client) {
	t.Helper()
	line, err := json.Marshal(map[string]any{"people": people, "clients": clients, "claimsInToken": claimsInToken})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(p.in, "%s\n", line); err != nil {
		t.Fatal(err)
	}
	if !p.out.Scan() || p.out.Text() != "ready" {
		t.Fatalf("the provider said %q", p.out.Text())
	}
}

// Browser is a browser with its own cookies. It fills in the pages of the provider by itself.
type Browser struct {
	*http.Client
	provider *Provider
	person   string
}

// Browser returns one of somebody who signs in with this name when asked, and agrees to what the provider asks. Without
// a name they cancel.
func (p *Provider) Browser(person string) *Browser {
	jar, _ := cookiejar.New(nil) // never fails
	return &Browser{&http.Client{Jar: jar, Timeout: 30 * time.Second}, p, person}
}

var (
	action = regexp.MustCompile(`<form[^>]*action="([^"]+)"`)
	prompt = regexp.MustCompile(`name="prompt" value="([^"]+)"`)
	abort  = regexp.MustCompile(`href="([^"]+/abort)"`)
	hidden = regexp.MustCompile(`name="(xsrf|logout)" value="([^"]+)"`)
)

// Open opens an address and does what the provider's pages want until another server's page is there, which it
// returns with its body.
func (b *Browser) Open(address string) (*http.Response, string, error) {
	resp, err := b.Get(address)
	for range 10 {
		if err != nil {
			return nil, "", err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return nil, "", err
		}
		page, at := string(body), resp.Request.URL
		to, form := b.fill(page)
		if to == "" || resp.StatusCode != http.StatusOK || !strings.HasPrefix(at.String(), b.provider.Issuer+"/") {
			return resp, page, nil
		}
		target, err := at.Parse(to)
		if err != nil {
			return nil, "", err
		}
		if form == nil {
			resp, err = b.Get(target.String())
		} else {
			resp, err = b.PostForm(target.String(), form)
		}
		if err != nil {
			return nil, "", err
		}
	}
	return nil, "", errors.New("the provider's pages do not end")
}

// fill says where a page of the provider leads, and with what. It leads nowhere if it asks nothing; without a form it is left
// by a link.
func (b *Browser) fill(page string) (to string, form url.Values) {
	target := action.FindStringSubmatch(page)
	if target == nil {
		return "", nil
	}
	form = url.Values{}
	if kind := prompt.FindStringSubmatch(page); kind != nil {
		if no := abort.FindStringSubmatch(page); b.person == "" && no != nil {
			return no[1], nil
		}
		form.Set("prompt", kind[1])
		form.Set("login", b.person)
		form.Set("password", b.person)
	}
	for _, field := range hidden.FindAllStringSubmatch(page, -1) { // of signing out there
		form.Set(field[1], field[2])
		form.Set("logout", "yes")
	}
	return target[1], form
}
