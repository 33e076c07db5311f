// Package radicaletest runs Radicale, a CalDAV server, for tests: one for each test binary, on a free port of the
// loopback interface, with its data in a temporary folder. Tests are told apart by user.
package radicaletest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	users    = 200 // that exist; each test takes one
	password = "secret: päß wörd"
)

var (
	start    = sync.OnceValues(launch)
	running  *server
	nextUser atomic.Int64
)

type server struct {
	cmd    *exec.Cmd
	dir    string
	url    string
	client *http.Client
	ended  chan struct{} // closed when the program has ended
}

// User is somebody who may sign in, and owns the collections below Home.
type User struct {
	Server   string // address of the server's root, such as http://127.0.0.1:40001
	Name     string
	Password string

	client *http.Client
}

// New returns a user whom no other test has. It starts the server if it is not running, and fails the test if it
// cannot. A test binary that calls it has to call Stop at the end of TestMain.
func New(t testing.TB) *User {
	t.Helper()
	s, err := start()
	if err != nil {
		t.Fatal(err)
	}
	n := nextUser.Add(1) - 1
	if n >= users {
		t.Fatalf("radicaletest has %d users only", users)
	}
	return &User{Server: s.url, Name: userName(n), Password: password, client: s.client}
}

func userName(n int64) string { return fmt.Sprintf("user%03d", n) }

// Stop ends the server and removes its data. It does nothing if the server was never started.
func Stop() {
	s := running
	if s == nil {
		return
	}
	s.client.CloseIdleConnections()
	s.cmd.Process.Signal(os.Interrupt)
	kill := time.AfterFunc(3*time.Second, func() { s.cmd.Process.Kill() })
	<-s.ended
	kill.Stop()
	os.RemoveAll(s.dir)
}

var listening = regexp.MustCompile(`Listening on '\[?127\.0\.0\.1\]?:(\d+)'`)

func launch() (*server, error) {
	program, err := exec.LookPath("radicale")
	if err != nil {
		return nil, errors.New("the program radicale is missing: install the Debian package radicale")
	}
	dir, err := os.MkdirTemp("/dev/shm", "radicale") // in memory: it syncs every file it writes
	if err != nil {
		dir, err = os.MkdirTemp("", "radicale")
	}
	if err != nil {
		return nil, err
	}
	var passwords strings.Builder
	for n := range int64(users) {
		fmt.Fprintf(&passwords, "%s:%s\n", userName(n), password)
	}
	config := fmt.Sprintf(`[server]
hosts = 127.0.0.1:0
[auth]
type = htpasswd
htpasswd_filename = %[1]s/users
htpasswd_encryption = plain
delay = 0
[rights]
type = owner_only
[storage]
filesystem_folder = %[1]s/collections
[logging]
level = info
`, dir)
	for name, text := range map[string]string{"users": passwords.String(), "config": config} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	s := &server{dir: dir, client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{}}, ended: make(chan struct{})}
	s.cmd = exec.Command(program, "--config", filepath.Join(dir, "config"))
	endWithParent(s.cmd)
	log, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	started := make(chan error, 1)
	port := make(chan string, 1)
	var said bytes.Buffer // until it listens
	go func() {
		// The program ends with this thread at the latest, so the thread has to stay.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(s.ended)
		defer close(port)
		err := s.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		lines := bufio.NewScanner(log)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				port <- m[1]
				break
			}
			said.Write(append(lines.Bytes(), '\n'))
		}
		io.Copy(io.Discard, log) // or the program would wait for a reader
		s.cmd.Wait()
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start radicale: %w", err)
	}
	running = s
	late := time.AfterFunc(30*time.Second, func() { s.cmd.Process.Kill() })
	defer late.Stop()
	p, ok := <-port
	if !ok {
		return nil, fmt.Errorf("radicale did not start listening; it said:\n%s", said.String())
	}
	s.url = "http://127.0.0.1:" + p
	return s, nil
}

// Home is the address of the folder with the user's collections.
func (u *User) Home() string { return u.Server + "/" + u.Name + "/" }

// Calendar makes a calendar and returns its address. Without a name it has none.
func (u *User) Calendar(t testing.TB, folder, name string) string {
	t.Helper()
	return u.collection(t, folder, name, "VEVENT")
}

// Tasks makes a calendar that holds tasks only.
func (u *User) Tasks(t testing.TB, folder, name string) string {
	t.Helper()
	return u.collection(t, folder, name, "VTODO")
}

func (u *User) collection(t testing.TB, folder, name, component string) string {
	t.Helper()
	body := `<c:mkcalendar xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:set><d:prop><d:displayname>` + name +
		`</d:displayname><c:supported-calendar-component-set><c:comp name="` + component +
		`"/></c:supported-calendar-component-set></d:prop></d:set></c:mkcalendar>`
	address := u.Home() + folder + "/"
	u.do(t, "MKCALENDAR", address, nil, body, http.StatusCreated)
	return address
}

// Put stores an object (which Radicale rewrites: an unescaped comma ends a text, say), or a whole calendar if address is that of a collection.
func (u *User) Put(t testing.TB, address, ics string) {
	t.Helper()
	u.do(t, http.MethodPut, address, http.Header{"Content-Type": {"text/calendar; charset=utf-8"}}, ics, http.StatusCreated)
}

// Delete removes an object or a collection.
func (u *User) Delete(t testing.TB, address string) {
	t.Helper()
	u.do(t, http.MethodDelete, address, nil, "", http.StatusOK)
}

// Move gives an object another address.
func (u *User) Move(t testing.TB, from, to string) {
	t.Helper()
	u.do(t, "MOVE", from, http.Header{"Destination": {to}}, "", http.StatusCreated)
}

func (u *User) do(t testing.TB, method, address string, h http.Header, body string, want int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range h {
		req.Header[k] = v
	}
	req.SetBasicAuth(u.Name, u.Password)
	resp, err := u.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if resp.StatusCode != want && resp.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s: %s", method, address, resp.Status, said)
	}
}
