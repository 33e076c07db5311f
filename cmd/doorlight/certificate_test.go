package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/doorlight/doorlight/internal/api"
)

// selfSigned writes a certificate for this computer and its key.
func selfSigned(t *testing.T, folder, name string, ends time.Time) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(ends.UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: ends,
		DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(folder, name+".pem"), filepath.Join(folder, name+".key")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

// freePorts returns ports that nobody listens on.
func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for try := 0; len(ports) < n; try++ {
		// Below those that whoever asks for any port is given, so that nobody is given them meanwhile (ip_local_port_range).
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20_000+mathrand.IntN(12_000)))
		if err != nil {
			if try > 1000 {
				t.Fatal(err)
			}
			continue
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// names answers that every name is this computer (RFC 1035, over TCP, as the authority asks).
func names(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var busy sync.WaitGroup
	busy.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			busy.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(10 * time.Second))
				var length uint16
				for binary.Read(conn, binary.BigEndian, &length) == nil {
					question := make([]byte, length)
					if _, err := io.ReadFull(conn, question); err != nil {
						return
					}
					text, err := thisComputer(question)
					if err != nil {
						return
					}
					conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...))
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); busy.Wait() })
	return l.Addr().String()
}

func thisComputer(question []byte) ([]byte, error) {
	var p dnsmessage.Parser
	head, err := p.Start(question)
	if err != nil {
		return nil, err
	}
	q, err := p.Question()
	if err != nil {
		return nil, err
	}
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: head.ID, Response: true, Authoritative: true}, Questions: []dnsmessage.Question{q}}
	if q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
	}
	return m.Pack()
}

// authority is Pebble, the authority that Let's Encrypt gives to those who test against it.
type authority struct {
	directory, manage, roots string
	http                     *http.Client
	stop                     func()
}

func startAuthority(t *testing.T, tlsPort, plainPort int) *authority {
	t.Helper()
	folder := t.TempDir()
	program := filepath.Join(folder, "pebble")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/letsencrypt/pebble/v2/cmd/pebble").CombinedOutput(); err != nil {
		t.Fatalf("build pebble: %v\n%s", err, out)
	}
	certFile, keyFile := selfSigned(t, folder, "authority", time.Now().Add(time.Hour))
	ports := freePorts(t, 2)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": fmt.Sprintf("127.0.0.1:%d", ports[0]), "managementListenAddress": fmt.Sprintf("127.0.0.1:%d", ports[1]),
		"certificate": certFile, "privateKey": keyFile, "httpPort": plainPort, "tlsPort": tlsPort,
		"profiles": map[string]any{"default": map[string]any{"description": "usual", "validityPeriod": 90 * 86400}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "config.json"), config, 0o600); err != nil {
		t.Fatal(err)
	}
	var said output
	cmd := exec.Command(program, "-config", filepath.Join(folder, "config.json"), "-dnsserver", names(t), "-strict")
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	text, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	pool.AppendCertsFromPEM(text)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	a := &authority{
		directory: fmt.Sprintf("https://127.0.0.1:%d/dir", ports[0]), manage: fmt.Sprintf("https://127.0.0.1:%d", ports[1]), roots: certFile,
		http: &http.Client{Transport: transport, Timeout: 20 * time.Second},
	}
	stopped := false
	a.stop = func() {
		if stopped {
			return
		}
		stopped = true
		transport.CloseIdleConnections()
		cmd.Process.Signal(os.Interrupt)
		kill := time.AfterFunc(3*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
		kill.Stop()
		if t.Failed() {
			t.Logf("the authority said\n%s", said.String())
		}
	}
	t.Cleanup(a.stop)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		resp, err := a.http.Get(a.directory)
		if err == nil {
			resp.Body.Close()
			return a
		}
		if time.Now().After(end) {
			t.Fatalf("the authority is not ready: %v\n%s", err, said.String())
		}
	}
}

// leaf returns the certificate that a server shows for a name, if roots trust it; nil: those of the system.
func leaf(address, name string, roots *x509.CertPool) (*x509.Certificate, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 20 * time.Second}, "tcp", address, &tls.Config{ServerName: name, RootCAs: roots})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

func TestACertificateFromAnAuthority(t *testing.T) {
	t.Parallel()
	ports := freePorts(t, 2)
	a := startAuthority(t, ports[0], ports[1])
	data := t.TempDir()
	secure := fmt.Sprintf("127.0.0.1:%d", ports[0])
	args := []string{
		"--listen", secure, "--listen-plain", fmt.Sprintf("127.0.0.1:%d", ports[1]), "--acme-domains", "presence.example.test,door.example.test",
		"--acme-directory", a.directory, "--acme-roots", a.roots, "--acme-email", "it@example.test",
	}
	s := startServer(t, data, args...)
	resp, err := a.http.Get(a.manage + "/roots/0")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(text) {
		t.Fatalf("no root: %v %s", err, text)
	}
	first, err := leaf(secure, "presence.example.test", roots)
	if err != nil {
		t.Fatalf("%v\n%s", err, s.out)
	}
	if _, err := leaf(secure, "door.example.test", roots); err != nil {
		t.Errorf("the second name: %v", err)
	}
	if _, err := leaf(secure, "evil.example.test", roots); err == nil {
		t.Error("there is a certificate for a name that was not entered")
	}

	// What is not encrypted leads there, and nothing else.
	plain := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err = plain.Get(fmt.Sprintf("http://127.0.0.1:%d/agenda?day=1", ports[1]))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := resp.Header.Get("Location"); resp.StatusCode != 301 || got != "https://"+secure+"/agenda?day=1" {
		t.Errorf("it leads to %q with %d", got, resp.StatusCode)
	}
	resp, err = plain.Post(fmt.Sprintf("http://127.0.0.1:%d/api/v1/session", ports[1]), "application/json", strings.NewReader(`{"login":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 400 {
		t.Errorf("a password in clear is answered with %d", resp.StatusCode)
	}

	// Administrators see it.
	s.http.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots, ServerName: "presence.example.test"}
	s.setUp()
	var health api.Health
	s.call("GET", "/health", nil, &health, 200)
	if c := health.Certificate; c.Source != "acme" || len(c.Names) != 1 || c.Names[0] != "presence.example.test" || c.ExpiresAt == nil || c.Error != "" {
		t.Errorf("the certificate is told as %+v", c)
	}
	if info, err := os.Stat(filepath.Join(data, "acme")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder of its key: %v %v", info, err)
	}

	// The next start has it, though the authority is silent.
	s.stop()
	a.stop()
	s = startServer(t, data, args...)
	again, err := leaf(secure, "presence.example.test", roots)
	if err != nil || !bytes.Equal(first.Raw, again.Raw) {
		t.Errorf("after a restart: %v\n%s", err, s.out)
	}
}

func TestACertificateFileThatIsRenewed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	certFile, keyFile := selfSigned(t, folder, "old.example.test", time.Now().Add(24*time.Hour))
	quiet := slog.New(slog.DiscardHandler)
	cs := fromFiles(certFile, keyFile, quiet)
	pair, err := cs.get(nil)
	if err != nil {
		t.Fatal(err)
	}
	if state := cs.state(false); state.Source != "file" || state.Names[0] != "old.example.test" || state.Error != "" {
		t.Errorf("it is told as %+v", state)
	}
	if again, err := cs.get(nil); err != nil || again != pair {
		t.Error("it is read for each connection")
	}
	if state := (*certificates)(nil).state(true); state.Source != "proxy" {
		t.Errorf("behind a proxy it is told as %+v", state)
	}
	missing := fromFiles(filepath.Join(folder, "none.pem"), keyFile, quiet)
	if _, err := missing.get(nil); err == nil {
		t.Error("there is a certificate without a file")
	}
	if state := missing.state(false); state.Error == "" {
		t.Errorf("it is told as %+v", state)
	}
}
