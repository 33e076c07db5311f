package exchange

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/spnego"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// startKDC runs a key distribution centre of MIT Kerberos for OFFICE.TEST, which knows reader and the service
// HTTP/127.0.0.1, and returns its address and the service's keytab.
func startKDC(t *testing.T) (address string, keys []byte) {
	t.Helper()
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	l.Close()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	conf := write("krb5.conf", fmt.Sprintf("[libdefaults]\n default_realm = OFFICE.TEST\n dns_lookup_kdc = false\n[realms]\n OFFICE.TEST = {\n  kdc = %s\n }\n", address))
	profile := write("kdc.conf", fmt.Sprintf("[kdcdefaults]\n kdc_listen = %[2]s\n kdc_tcp_listen = %[2]s\n[realms]\n OFFICE.TEST = {\n  database_name = %[1]s/db\n  key_stash_file = %[1]s/stash\n  acl_file = %[1]s/acl\n"+
		"  default_principal_flags = +preauth\n }\n[logging]\n kdc = FILE:%[1]s/log\n", dir, address))
	environment := append(os.Environ(), "KRB5_CONFIG="+conf, "KRB5_KDC_PROFILE="+profile, "KRB5RCACHENAME=none:")
	tool := func(name string, args ...string) *exec.Cmd {
		path, err := exec.LookPath(name)
		if err != nil {
			path = "/usr/sbin/" + name
		}
		cmd := exec.Command(path, args...)
		cmd.Env = environment
		return cmd
	}
	run := func(name string, args ...string) {
		t.Helper()
		if out, err := tool(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	run("kdb5_util", "create", "-s", "-P", "master", "-r", "OFFICE.TEST")
	table := filepath.Join(dir, "keytab")
	for _, query := range []string{"addprinc -pw secret reader", "addprinc -randkey HTTP/127.0.0.1", "ktadd -k " + table + " HTTP/127.0.0.1"} {
		run("kadmin.local", "-r", "OFFICE.TEST", "-q", query)
	}
	kdc := tool("krb5kdc", "-n", "-r", "OFFICE.TEST")
	endWithParent(kdc)
	if err := kdc.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kdc.Process.Kill(); kdc.Wait() })
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			break
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("the KDC does not start: %v\n%s", err, log)
		}
	}
	keys, err = os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	return address, keys
}

// A real KDC's ticket lets the account in, and is bound to the certificate.
func TestKerberos(t *testing.T) {
	t.Parallel()
	kdc, keys := startKDC(t)
	table := keytab.New()
	if err := table.Unmarshal(keys); err != nil {
		t.Fatal(err)
	}
	var certificate *x509.Certificate
	var bound, unbound atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		refuse := func() {
			w.Header().Add("WWW-Authenticate", "NTLM") // the first of several, as servers send them
			w.Header().Add("WWW-Authenticate", "Negotiate")
			w.WriteHeader(http.StatusUnauthorized)
		}
		data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Header.Get("Authorization"), "Negotiate "))
		if err != nil || len(data) == 0 {
			refuse()
			return
		}
		var outer spnego.SPNEGOToken
		if err := outer.Unmarshal(data); err != nil {
			t.Errorf("what it signs in with is no SPNEGO token: %v", err)
			refuse()
			return
		}
		var inner spnego.KRB5Token
		if err := inner.Unmarshal(outer.NegTokenInit.MechTokenBytes); err != nil {
			t.Errorf("there is no Kerberos token in it: %v", err)
			refuse()
			return
		}
		ok, err := inner.APReq.Verify(table, time.Minute, types.HostAddress{}, nil)
		if err != nil || !ok || inner.APReq.Authenticator.CName.PrincipalNameString() != "reader" {
			t.Errorf("the ticket is not good: %v", err)
			refuse()
			return
		}
		// RFC 5929 §4 and RFC 4121 §4.1.1.2, once more and by hand.
		hash := sha256.Sum256(certificate.Raw)
		application := append([]byte("tls-server-end-point:"), hash[:]...)
		structure := append(make([]byte, 16), binary.LittleEndian.AppendUint32(nil, uint32(len(application)))...)
		want := md5.Sum(append(structure, application...))
		if got := inner.APReq.Authenticator.Cksum.Checksum; len(got) >= 24 && bytes.Equal(got[4:20], want[:]) {
			bound.Add(1)
		} else {
			unbound.Add(1)
			refuse()
			return
		}
		switch op, _ := operation(string(body)); op {
		case "SyncFolderItems":
			io.WriteString(w, synced("one", ""))
		case "FindItem":
			io.WriteString(w, items(true, standUp))
		}
	}))
	t.Cleanup(server.Close)
	certificate = server.Certificate()
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	client := outbound.NewClient(outbound.Config{RootCAs: roots, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	t.Cleanup(client.CloseIdleConnections)
	for name, password := range map[string]string{"right": "secret", "wrong": "guess"} {
		sys := newSystem(t, server.URL, func(c *Config) {
			c.Auth, c.Account, c.Domain, c.Password, c.Client = AuthKerberos, "reader", "office.test", password, client
			c.Kerberos.KDCs = []string{kdc}
		})
		_, err := sys.Fetch(within(t), march("anna@example.com"))
		if name == "right" {
			if err != nil {
				t.Errorf("it does not let the account in: %v", err)
			}
			continue
		}
		if e, ok := err.(*source.Error); !ok || e.Kind != source.Credentials || !e.Whole || !strings.Contains(e.Text, "password") {
			t.Errorf("with a wrong password: %v", err)
		}
	}
	if bound.Load() != 2 || unbound.Load() != 0 {
		t.Errorf("%d requests are bound, %d are not", bound.Load(), unbound.Load())
	}
	// Nobody answers: that is no matter of passwords.
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	sys := newSystem(t, server.URL, func(c *Config) {
		c.Auth, c.Account, c.Domain, c.Client = AuthKerberos, "reader", "office.test", client
		c.Kerberos.KDCs = []string{dead.Addr().String()}
	})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, err = sys.Fetch(ctx, march("anna@example.com"))
	if e, ok := err.(*source.Error); !ok || e.Kind != source.Unavailable || !e.Whole {
		t.Errorf("without a KDC: %v", err)
	}
}
