package exchange

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newClient returns a client that reaches this machine.
func newClient(t *testing.T) *outbound.Client {
	c := outbound.NewClient(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}})
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// script is a server that answers each operation as a test says.
type script struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []string                                                               // operations, in order
	answer func(op, mailbox, body string, w http.ResponseWriter, r *http.Request) // nil parts: default
}

func newScript(t *testing.T, answer func(op, mailbox, body string, w http.ResponseWriter, r *http.Request)) *script {
	s := &script{answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		op, mailbox := operation(string(body))
		s.mu.Lock()
		s.asked = append(s.asked, op)
		s.mu.Unlock()
		s.answer(op, mailbox, string(body), w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *script) operations() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := strings.Join(s.asked, " ")
	s.asked = nil
	return out
}

// operation finds the element of the body, and for whom it is.
func operation(body string) (op, mailbox string) {
	d := xml.NewDecoder(strings.NewReader(body))
	inBody, root := false, ""
	for {
		t, err := d.Token()
		if err != nil {
			if op == "" {
				op = root
			}
			return op, mailbox
		}
		start, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		if root == "" {
			root = start.Name.Local
		}
		switch start.Name.Local {
		case "PrimarySmtpAddress", "SmtpAddress", "PrincipalName", "SID", "EmailAddress":
			d.DecodeElement(&mailbox, &start)
		case "Body":
			inBody = true
		default:
			if inBody && op == "" {
				op = start.Name.Local
			}
		}
	}
}

// newSystem returns a system at a server, with times that suit tests.
func newSystem(t *testing.T, url string, change func(*Config)) *System {
	t.Helper()
	c := Config{URL: url + "/EWS/Exchange.asmx", Auth: AuthBasic, Account: "reader", Domain: "OFFICE", Password: "secret", AllowPlain: true, Client: newClient(t),
		Timeout: 5 * time.Second, Log: slog.New(slog.NewTextHandler(testWriter{t}, nil)),
		timing: timing{wait: 20 * time.Millisecond, most: 200 * time.Millisecond, gather: 30 * time.Millisecond, reopen: 20 * time.Millisecond}}
	if change != nil {
		change(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

const top = `<s:Envelope xmlns:s="` + nsSOAP + `" xmlns:m="` + nsMessages + `" xmlns:t="` + nsTypes + `"><s:Body>`
const bottom = `</s:Body></s:Envelope>`

// success is an answer to an operation.
func success(op, inner string) string {
	return top + `<m:` + op + `Response><m:ResponseMessages><m:` + op + `ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>` +
		inner + `</m:` + op + `ResponseMessage></m:ResponseMessages></m:` + op + `Response>` + bottom
}

func refusing(op, code, values string) string {
	return top + `<m:` + op + `Response><m:ResponseMessages><m:` + op + `ResponseMessage ResponseClass="Error"><m:MessageText>no</m:MessageText><m:ResponseCode>` + code +
		`</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>` + values + `</m:` + op + `ResponseMessage></m:ResponseMessages></m:` + op + `Response>` + bottom
}

func faulting(w http.ResponseWriter, code, values string) {
	w.WriteHeader(http.StatusInternalServerError)
	fmt.Fprintf(w, `%s<s:Fault><faultcode xmlns:a="%s">a:%s</faultcode><faultstring xml:lang="en-US">no</faultstring><detail><e:ResponseCode xmlns:e="e">%[3]s</e:ResponseCode>%s</detail></s:Fault>%s`,
		top, nsTypes, code, values, bottom)
}

func synced(state string, changes string) string {
	return success("SyncFolderItems", `<m:SyncState>`+state+`</m:SyncState><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange><m:Changes>`+changes+`</m:Changes>`)
}

func items(last bool, inner string) string {
	return success("FindItem", fmt.Sprintf(`<m:RootFolder TotalItemsInView="1" IncludesLastItemInRange="%v"><t:Items>%s</t:Items></m:RootFolder>`, last, inner))
}

// sample reads one of the recorded messages.
func sample(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "samples", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// march is a window that has nothing to do with today.
func march(mailbox string) source.Account {
	return source.Account{Mailbox: mailbox, From: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC)}
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}
