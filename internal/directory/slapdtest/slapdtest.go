// Package slapdtest runs slapd, the LDAP server of OpenLDAP, for tests: each on free ports of the loopback interface, with
// its data in a temporary folder, for as long as the test runs. It is either as OpenLDAP is set up usually, with the
// overlays memberof and ppolicy, or speaks with as much of the schema of Active Directory as slapd can learn: it does not
// know its matching rule for nested groups, its ranges and its reasons of refused sign-ins.
package slapdtest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// What is there in each server.
const (
	Base           = "dc=example,dc=test"
	People         = "ou=people," + Base
	Groups         = "ou=groups," + Base
	Policies       = "ou=policies," + Base
	Admin          = "cn=admin," + Base // may do anything
	AdminPassword  = "secret of the administrator"
	Reader         = "cn=reader," + Base // may read anything but passwords
	ReaderPassword = "secret of the reader: päß"
)

// Options say how a server differs from the usual. The zero value is an OpenLDAP with nobody in it.
type Options struct {
	AD        bool   // the schema of Active Directory
	LDIF      string // loaded before it starts; overlays do not see it, so memberOf is not kept for its groups
	SizeLimit int    // of answers to the reader; zero: none
	NoTLS     bool
	Names     []string  // in the certificate; empty: localhost, ldap.example.test and 127.0.0.1
	Expires   time.Time // of the certificate; zero: tomorrow
}

// Server is a running slapd.
type Server struct {
	URL    string // ldap://127.0.0.1:port, with StartTLS
	TLSURL string // ldaps://127.0.0.1:port
	Port   string // of URL
	Roots  *x509.CertPool

	folder string
	ended  chan error
	cmd    *exec.Cmd
}

//go:embed ad.schema
var adSchema []byte

const (
	startTime = 30 * time.Second
	stopTime  = 10 * time.Second
	tries     = 10 // ports that somebody else takes first
)

// Start starts a server and has the test stop it at its end. It fails the test if it cannot.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := start(o)
	if err != nil {
		t.Fatalf("slapdtest: %v", err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("slapdtest: %v", err)
		}
	})
	return s
}

func start(o Options) (_ *Server, err error) {
	program, err := find("slapd")
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("/dev/shm", "slapd") // in memory
	if err != nil {
		folder, err = os.MkdirTemp("", "slapd")
	}
	if err != nil {
		return nil, err
	}
	s := &Server{folder: folder}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(folder))
		}
	}()
	files := map[string][]byte{"slapd.conf": []byte(s.configuration(o)), "ad.schema": adSchema, "seed.ldif": []byte(seed + o.LDIF)}
	root := "dn:\ndescription: " + folder + "\n" // by which it is known
	if o.AD {
		root += "supportedCapabilities: 1.2.840.113556.1.4.800\nsupportedCapabilities: 1.2.840.113556.1.4.1670\n"
	}
	files["rootdse.ldif"] = []byte(root)
	if !o.NoTLS {
		if s.Roots, err = certificate(files, o); err != nil {
			return nil, err
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return nil, err
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "data"), 0o700); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	// slapadd is slapd by another name.
	load := exec.CommandContext(ctx, program, "-T", "add", "-q", "-f", filepath.Join(folder, "slapd.conf"), "-b", Base, "-l", filepath.Join(folder, "seed.ldif"))
	if out, err := load.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("slapadd: %w\n%s", err, out)
	}
	for range tries {
		var again bool
		if again, err = s.run(ctx, program, o); !again {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func find(name string) (string, error) {
	if path := "/usr/sbin/" + name; exists(path) { // not in everybody's PATH
		return path, nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", errors.New("the program " + name + " is missing: install the Debian package slapd")
	}
	return path, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// run starts the program on free ports; again says that somebody else took one in between.
func (s *Server) run(ctx context.Context, program string, o Options) (again bool, err error) {
	port, err1 := freePort()
	tlsPort, err2 := freePort()
	if err := errors.Join(err1, err2); err != nil {
		return false, err
	}
	return s.runOn(ctx, program, o, port, tlsPort)
}

func (s *Server) runOn(ctx context.Context, program string, o Options, port, tlsPort string) (again bool, err error) {
	s.Port, s.URL = port, "ldap://127.0.0.1:"+port
	addresses := s.URL
	if !o.NoTLS {
		s.TLSURL = "ldaps://127.0.0.1:" + tlsPort
		addresses += " " + s.TLSURL
	}
	s.cmd = exec.Command(program, "-d", "none", "-f", filepath.Join(s.folder, "slapd.conf"), "-h", addresses)
	endWithParent(s.cmd)
	log, err := s.cmd.StderrPipe()
	if err != nil {
		return false, err
	}
	s.ended = make(chan error, 1)
	started, ready := make(chan error, 1), make(chan bool, 1)
	var said bytes.Buffer // until it is ready
	go func() {
		// The program ends with this thread at the latest, so the thread has to stay.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(ready)
		err := s.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		lines := bufio.NewScanner(log)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			said.Write(append(lines.Bytes(), '\n'))
			if strings.Contains(lines.Text(), "slapd starting") {
				ready <- true
				break
			}
		}
		io.Copy(io.Discard, log) // or the program would wait for a reader
		s.ended <- s.cmd.Wait()
	}()
	if err := <-started; err != nil {
		return false, err
	}
	late := time.AfterFunc(startTime, func() { s.cmd.Process.Kill() })
	defer late.Stop()
	if <-ready {
		switch ended, err := s.answers(ctx); {
		case ended:
			return true, err
		case err != nil:
			return false, errors.Join(err, s.end())
		}
		return false, nil
	}
	err = <-s.ended
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	return strings.Contains(said.String(), "Address already in use") || strings.Contains(said.String(), "errno=98"),
		fmt.Errorf("slapd did not start: %w; it said:\n%s", err, said.String())
}

// answers waits until this very server answers: it says that it starts when its ports are bound, a moment before it listens,
// and if somebody else listens there by then it ends.
func (s *Server) answers(ctx context.Context) (ended bool, err error) {
	pause := time.NewTicker(2 * time.Millisecond)
	defer pause.Stop()
	for {
		err := s.itself(s.URL)
		if err == nil && s.TLSURL != "" {
			err = s.itself(s.TLSURL)
		}
		if err == nil {
			return false, nil
		}
		select {
		case <-ctx.Done():
			return false, err
		case end := <-s.ended:
			return true, fmt.Errorf("slapd ended: %w", end)
		case <-pause.C:
		}
	}
}

// itself returns nil if it is this server that answers at an address.
func (s *Server) itself(address string) error {
	c, err := ldap.DialURL(address, ldap.DialWithDialer(&net.Dialer{Timeout: time.Second}), ldap.DialWithTLSConfig(&tls.Config{InsecureSkipVerify: true}))
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetTimeout(time.Second)
	r, err := c.Search(&ldap.SearchRequest{Filter: "(objectClass=*)", Attributes: []string{"description"}})
	if err == nil && (len(r.Entries) != 1 || r.Entries[0].GetAttributeValue("description") != s.folder) {
		err = errors.New("another server answers at " + address)
	}
	return err
}

// ports are those that were taken in this process.
var ports sync.Map

// freePort returns a port that nobody listens on just now. It is none of those that the system hands out by itself: slapd
// binds its ports a while before it listens, and may have them taken away in between.
func freePort() (string, error) {
	const low, high, most = 12_000, 32_000, 1000 // Linux hands out those from 32,768 on
	for range most {
		port := strconv.Itoa(low + mathrand.IntN(high-low))
		if _, taken := ports.LoadOrStore(port, true); taken {
			continue
		}
		l, err := net.Listen("tcp4", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		return port, l.Close()
	}
	return "", errors.New("no free port found")
}

func (s *Server) stop() error { return errors.Join(s.end(), os.RemoveAll(s.folder)) }

// end ends the program. It fails if that ended before or died of something else.
func (s *Server) end() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return errors.Join(err, <-s.ended)
	}
	kill := time.AfterFunc(stopTime, func() { s.cmd.Process.Kill() })
	defer kill.Stop()
	err := <-s.ended
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return nil // observed (2.5.13): status 1 if told to soon after its start
	}
	return err
}

func (s *Server) configuration(o Options) string {
	var b strings.Builder
	for _, name := range []string{"core", "cosine", "inetorgperson"} {
		fmt.Fprintf(&b, "include /etc/ldap/schema/%s.schema\n", name)
	}
	if o.AD {
		fmt.Fprintf(&b, "include %s/ad.schema\n", s.folder)
	}
	fmt.Fprintf(&b, "rootDSE %s/rootdse.ldif\n", s.folder)
	b.WriteString("modulepath /usr/lib/ldap\nmoduleload back_mdb\nmoduleload memberof\nmoduleload ppolicy\n")
	if !o.NoTLS {
		fmt.Fprintf(&b, "TLSCACertificateFile %[1]s/ca.pem\nTLSCertificateFile %[1]s/cert.pem\nTLSCertificateKeyFile %[1]s/key.pem\n", s.folder)
	}
	limit := "unlimited"
	if o.SizeLimit > 0 {
		limit = fmt.Sprint(o.SizeLimit)
	}
	fmt.Fprintf(&b, `access to dn.base="" by * read
database mdb
maxsize 268435456
suffix "%[1]s"
rootdn "%[2]s"
rootpw "%[3]s"
directory %[4]s/data
dbnosync
index objectClass eq
index %[5]s eq
limits dn.exact="%[6]s" size=%[7]s
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="%[6]s" read by * none
`, Base, Admin, AdminPassword, s.folder, map[bool]string{false: "uid", true: "sAMAccountName"}[o.AD], Reader, limit)
	if o.AD {
		b.WriteString("overlay memberof\nmemberof-group-oc group\n")
	} else {
		b.WriteString("overlay memberof\noverlay ppolicy\nppolicy_default \"cn=default," + Policies + "\"\nppolicy_use_lockout\n")
	}
	return b.String()
}

const seed = `dn: ` + Base + `
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ` + Reader + `
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: reader
userPassword: ` + ReaderPassword + `

dn: ` + People + `
objectClass: organizationalUnit
ou: people

dn: ` + Groups + `
objectClass: organizationalUnit
ou: groups

dn: ` + Policies + `
objectClass: organizationalUnit
ou: policies

`

// certificate makes an authority and a certificate that it issues.
func certificate(files map[string][]byte, o Options) (*x509.CertPool, error) {
	expires := o.Expires
	if expires.IsZero() {
		expires = time.Now().Add(24 * time.Hour)
	}
	begin := min(expires.Unix(), time.Now().Unix()) - 86400
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Doorlight Test CA"}, NotBefore: time.Unix(begin, 0),
		NotAfter: expires.Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "slapd"}, NotBefore: time.Unix(begin, 0), NotAfter: expires,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: o.Names}
	if len(o.Names) == 0 {
		leaf.DNSNames, leaf.IPAddresses = []string{"localhost", "ldap.example.test"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	caKey, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	key, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	caDER, err1 := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	der, err2 := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	keyDER, err3 := x509.MarshalPKCS8PrivateKey(key)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	files["ca.pem"] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	files["cert.pem"] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	files["key.pem"] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(files["ca.pem"])
	return roots, nil
}

// PEM returns the certificate of the authority in Roots; the folder is there while the server runs.
func (s *Server) PEM() string {
	data, err := os.ReadFile(filepath.Join(s.folder, "ca.pem"))
	if err != nil { // it stands there since the start
		panic(err)
	}
	return string(data)
}

// Add adds an entry as the administrator; overlays see it.
func (s *Server) Add(t testing.TB, dn string, attributes map[string][]string) {
	t.Helper()
	r := ldap.NewAddRequest(dn, nil)
	for name, values := range attributes {
		r.Attribute(name, values)
	}
	s.do(t, "add "+dn, func(c *ldap.Conn) error { return c.Add(r) })
}

// Set replaces the values of an attribute as the administrator; none: the attribute goes. It may also be one that only
// the server sets usually.
func (s *Server) Set(t testing.TB, dn, attribute string, values ...string) {
	t.Helper()
	relax := ldap.NewControlString("1.3.6.1.4.1.4203.666.5.12", true, "") // draft-zeilenga-ldap-relax
	r := ldap.NewModifyRequest(dn, []ldap.Control{relax})
	r.Replace(attribute, values)
	s.do(t, "set "+attribute+" of "+dn, func(c *ldap.Conn) error { return c.Modify(r) })
}

// Move gives an entry another name, below another parent.
func (s *Server) Move(t testing.TB, dn, rdn, parent string) {
	t.Helper()
	s.do(t, "move "+dn, func(c *ldap.Conn) error { return c.ModifyDN(ldap.NewModifyDNRequest(dn, rdn, true, parent)) })
}

// Delete deletes an entry as the administrator.
func (s *Server) Delete(t testing.TB, dn string) {
	t.Helper()
	s.do(t, "delete "+dn, func(c *ldap.Conn) error { return c.Del(ldap.NewDelRequest(dn, nil)) })
}

func (s *Server) do(t testing.TB, what string, f func(*ldap.Conn) error) {
	t.Helper()
	c, err := ldap.DialURL(s.URL, ldap.DialWithDialer(&net.Dialer{Timeout: stopTime}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetTimeout(stopTime)
	if err := c.Bind(Admin, AdminPassword); err != nil {
		t.Fatal(err)
	}
	if err := f(c); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}
