package exchangetest

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/go-ntlmssp"
	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/iana/chksumtype"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/spnego"
	"github.com/jcmturner/gokrb5/v8/types"
)

// transport returns one that trusts the server.
func transport(t testing.TB, s *Server) *http.Transport {
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.Roots()}}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// bound adds the channel binding to the target info of a challenge, whence NTLM clients take it into their proof.
type bound struct {
	http.RoundTripper
	s *Server
}

func (b bound) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err != nil || answer.StatusCode != http.StatusUnauthorized {
		return answer, err
	}
	scheme, text, _ := strings.Cut(answer.Header.Get("WWW-Authenticate"), " ")
	m, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !bytes.HasPrefix(m, ntlmSignature) {
		return answer, nil
	}
	m = m[:len(m)-4] // the end of the list is the end of the message
	m = append(m, 10, 0, 16, 0)
	m = append(m, channelBinding(b.s.Certificate())...)
	m = append(m, 0, 0, 0, 0)
	length := byte(int(m[40]) + 20)
	m[40], m[42] = length, length
	answer.Header.Set("WWW-Authenticate", scheme+" "+base64.StdEncoding.EncodeToString(m))
	return answer, nil
}

func signIn(t testing.TB, s *Server, rt http.RoundTripper, user, secret string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL(), strings.NewReader((&client{}).envelope(viewOfMarch)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/xml")
	r.SetBasicAuth(user, secret)
	answer, err := rt.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

func TestWhoDoesNotSignInIsChallengedAsByIIS(t *testing.T) {
	t.Parallel()
	s, _ := office(t, Config{Auth: []string{"Negotiate", "NTLM", "Basic"}})
	answer, err := transport(t, s).RoundTrip(&http.Request{Method: http.MethodPost, URL: mustURL(s.URL()), Header: http.Header{}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	offers := answer.Header.Values("WWW-Authenticate")
	if answer.StatusCode != 401 || len(text) != 0 || len(offers) != 3 || offers[0] != "Negotiate" || offers[1] != "NTLM" || !strings.HasPrefix(offers[2], "Basic realm=") {
		t.Errorf("%d %q, body %q", answer.StatusCode, offers, text)
	}
}

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

func TestNTLM(t *testing.T) {
	t.Parallel()
	plain, _ := office(t, Config{Auth: []string{"NTLM"}})
	strict, _ := office(t, Config{Auth: []string{"NTLM"}, TLS: true, ChannelBinding: true})
	for _, test := range []struct {
		name         string
		s            *Server
		bound        bool
		user, secret string
		want         int
	}{
		{"by domain and name", plain, false, `EXAMPLE\anna`, "secret", 200},
		{"by sign-in name", plain, false, "anna@example.test", "secret", 200},
		{"with a wrong password", plain, false, `EXAMPLE\anna`, "Secret", 401},
		{"of another domain", plain, false, `OTHER\anna`, "secret", 401},
		{"bound", strict, true, `EXAMPLE\anna`, "secret", 200},
		{"not bound", strict, false, `EXAMPLE\anna`, "secret", 401},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var rt http.RoundTripper = transport(t, test.s)
			if test.bound {
				rt = bound{rt, test.s}
			}
			if got := signIn(t, test.s, ntlmssp.Negotiator{RoundTripper: rt}, test.user, test.secret); got != test.want {
				t.Errorf("status %d, want %d", got, test.want)
			}
		})
	}
}

func TestNTLMWithinNegotiateAsWindowsDoesIt(t *testing.T) {
	t.Parallel()
	s, _ := office(t, Config{Auth: []string{"Negotiate"}})
	for _, test := range []struct {
		secret string
		want   int
	}{{"secret", 200}, {"Secret", 401}} {
		rt := transport(t, s)
		say := func(token []byte) (int, []byte) {
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL(), nil)
			r.Header.Set("Authorization", "Negotiate "+base64.StdEncoding.EncodeToString(token))
			answer, err := rt.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			io.Copy(io.Discard, answer.Body)
			said, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(answer.Header.Get("WWW-Authenticate"), "Negotiate "))
			return answer.StatusCode, said
		}
		hello, err := ntlmssp.NewNegotiateMessage("", "")
		if err != nil {
			t.Fatal(err)
		}
		first := spnego.SPNEGOToken{Init: true, NegTokenInit: spnego.NegTokenInit{MechTypes: []asn1.ObjectIdentifier{ntlmOID}, MechTokenBytes: hello}}
		token, err := first.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		status, said := say(token)
		var challenge spnego.SPNEGOToken
		if err := challenge.Unmarshal(said); err != nil || status != 401 {
			t.Fatalf("%d %v", status, err)
		}
		proof, err := ntlmssp.NewAuthenticateMessage(challenge.NegTokenResp.ResponseToken, `EXAMPLE\anna`, test.secret, nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, _ := say(negotiated(incomplete, nil, proof)); status != test.want {
			t.Errorf("with %q: status %d, want %d", test.secret, status, test.want)
		}
	}
}

func TestNTLMAuthenticatesAConnectionAndNoOther(t *testing.T) {
	t.Parallel()
	s, _ := office(t, Config{Auth: []string{"NTLM"}})
	rt := transport(t, s)
	if got := signIn(t, s, ntlmssp.Negotiator{RoundTripper: rt}, `EXAMPLE\anna`, "secret"); got != 200 {
		t.Fatalf("status %d", got)
	}
	ask := func(rt http.RoundTripper) int {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL(), nil)
		answer, err := rt.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		io.Copy(io.Discard, answer.Body)
		return answer.StatusCode
	}
	if got := ask(rt); got != 200 {
		t.Errorf("on the same connection: status %d", got)
	}
	if got := ask(transport(t, s)); got != 401 {
		t.Errorf("on another connection: status %d", got)
	}
}

func TestKerberos(t *testing.T) {
	t.Parallel()
	kt := keytab.New()
	if err := kt.AddEntry("HTTP/mail.example.test", "EXAMPLE.TEST", "service key", time.Now(), 1, etypeID.AES256_CTS_HMAC_SHA1_96); err != nil {
		t.Fatal(err)
	}
	packed, err := kt.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	plain, _ := office(t, Config{Auth: []string{"Negotiate"}, Keytab: packed})
	strict, _ := office(t, Config{Auth: []string{"Negotiate"}, Keytab: packed, TLS: true, ChannelBinding: true})
	other := keytab.New()
	if err := other.AddEntry("HTTP/mail.example.test", "EXAMPLE.TEST", "another key", time.Now(), 1, etypeID.AES256_CTS_HMAC_SHA1_96); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		s      *Server
		kt     *keytab.Keytab
		client string
		bound  bool
		want   int
	}{
		{"with a ticket", plain, kt, "anna", false, 200},
		{"with a ticket for another service", plain, other, "anna", false, 401},
		{"of somebody unknown", plain, kt, "nobody", false, 401},
		{"bound", strict, kt, "anna", true, 200},
		{"not bound", strict, kt, "anna", false, 401},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var sum []byte
			if test.bound {
				sum = channelBinding(test.s.Certificate())
			}
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, test.s.URL(), nil)
			r.Header.Set("Authorization", "Negotiate "+base64.StdEncoding.EncodeToString(krbToken(t, test.kt, test.client, sum)))
			answer, err := transport(t, test.s).RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != test.want {
				t.Errorf("status %d, want %d", answer.StatusCode, test.want)
			}
			if answer, err = transport(t, test.s).RoundTrip(r); err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusUnauthorized {
				t.Errorf("the same token again: status %d", answer.StatusCode)
			}
		})
	}
}

// krbToken makes what a client would send that got a ticket from a KDC with the service's key.
func krbToken(t *testing.T, kt *keytab.Keytab, who string, binding []byte) []byte {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	client := types.NewPrincipalName(nametype.KRB_NT_PRINCIPAL, who)
	service := types.NewPrincipalName(nametype.KRB_NT_SRV_INST, "HTTP/mail.example.test")
	now := time.Now().UTC()
	ticket, key, err := messages.NewTicket(client, "EXAMPLE.TEST", service, "EXAMPLE.TEST", types.NewKrbFlags(), kt, etypeID.AES256_CTS_HMAC_SHA1_96, 1, now, now, now.Add(time.Hour), now.Add(time.Hour))
	check(err)
	auth, err := types.NewAuthenticator("EXAMPLE.TEST", client)
	check(err)
	sum := make([]byte, 24)
	sum[0] = 16
	copy(sum[4:20], binding)
	auth.Cksum = types.Checksum{CksumType: chksumtype.GSSAPI, Checksum: sum}
	request, err := messages.NewAPReq(ticket, key, auth)
	check(err)
	packed, err := request.Marshal()
	check(err)
	oid, err := asn1.Marshal(gssapi.OIDKRB5.OID())
	check(err)
	inside := append(append(oid, 1, 0), packed...)
	token := spnego.SPNEGOToken{Init: true, NegTokenInit: spnego.NegTokenInit{
		MechTypes:      []asn1.ObjectIdentifier{gssapi.OIDKRB5.OID()},
		MechTokenBytes: append(append([]byte{0x60}, length(len(inside))...), inside...),
	}}
	b, err := token.Marshal()
	check(err)
	return b
}

func length(n int) []byte { // of DER
	if n < 128 {
		return []byte{byte(n)}
	}
	return []byte{0x82, byte(n >> 8), byte(n)}
}

func TestAnApplicationSignsInWithAToken(t *testing.T) {
	t.Parallel()
	s, _ := office(t, Config{Auth: []string{"Bearer"}})
	s.AddApp("app", "app secret", "svc")
	get := func(secret string) (int, string) {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.TokenURL(),
			strings.NewReader(url.Values{"grant_type": {"client_credentials"}, "client_id": {"app"}, "client_secret": {secret}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer, err := transport(t, s).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		var said struct {
			Token string `json:"access_token"`
		}
		json.NewDecoder(answer.Body).Decode(&said)
		return answer.StatusCode, said.Token
	}
	if status, _ := get("guessed"); status != 401 {
		t.Errorf("a wrong secret got %d", status)
	}
	status, token := get("app secret")
	if status != 200 || token == "" {
		t.Fatalf("no token: %d", status)
	}
	ask := func(token string) int {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL(), nil)
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := transport(t, s).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	if got := ask(token); got != 200 {
		t.Errorf("with the token: %d", got)
	}
	if got := ask(token + "x"); got != 401 {
		t.Errorf("with another token: %d", got)
	}
	s.RevokeTokens()
	if got := ask(token); got != 401 {
		t.Errorf("with a revoked token: %d", got)
	}
}
