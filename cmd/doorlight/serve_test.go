package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/client"
	"github.com/doorlight/doorlight/internal/source/radicaletest"
)

func TestMain(m *testing.M) {
	if args := os.Getenv(doomed); args != "" {
		serveDoomed(args)
	}
	if args := os.Getenv(desktop); args != "" {
		runDesktop(strings.Split(args, "\n"))
	}
	code := m.Run()
	radicaletest.Stop()
	http.DefaultClient.CloseIdleConnections()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// output is what a running command prints.
type output struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// running is a server started by its own command line, and somebody who uses it.
type running struct {
	t    *testing.T
	base string
	http *http.Client
	stop func()
	out  *output
	data string
}

var readyAt = regexp.MustCompile(`is ready at (https?://\S+)`)

func startServer(t *testing.T, data string, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, out: &output{}, data: data}
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data}, args...), r.out, r.out)
	}()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	r.http = &http.Client{Jar: jar, Transport: transport, Timeout: 20 * time.Second}
	var once sync.Once
	r.stop = func() {
		once.Do(func() {
			transport.CloseIdleConnections()
			cancel()
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("serve: %v\n%s", err, r.out)
				}
			case <-time.After(20 * time.Second):
				t.Errorf("the server does not stop\n%s", r.out)
			}
		})
	}
	t.Cleanup(r.stop)
	deadline := time.Now().Add(20 * time.Second)
	for {
		if m := readyAt.FindStringSubmatch(r.out.String()); m != nil {
			r.base = m[1]
			return r
		}
		select {
		case err := <-ended:
			t.Fatalf("serve ended: %v\n%s", err, r.out)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server is not ready\n%s", r.out)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// call makes a request and decodes the answer into out, if there is one.
func (r *running) call(method, path string, in, out any, want int) {
	r.t.Helper()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			r.t.Fatal(err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.base+"/api/v1"+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if res.StatusCode != want {
		r.t.Fatalf("%s %s: %s, want %d: %s", method, path, res.Status, want, answer)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			r.t.Fatalf("%s %s: %v: %s", method, path, err, answer)
		}
	}
}

func (r *running) setUp() (id string) {
	r.t.Helper()
	var me struct{ Person struct{ ID string } }
	r.call("POST", "/setup", map[string]string{
		"name": "Ada Admin", "login": "ada", "password": "correct horse", "location": "Berlin", "time_zone": "Europe/Berlin",
	}, &me, 200)
	return me.Person.ID
}

// shown is a presence as the stream tells it.
type shown struct {
	ID, Status, Text string
	Since            time.Time
}

// watch returns what the live stream tells of a person, from the snapshot on, each with the time it came.
// location returns the ID of the only location.
func (r *running) location() string {
	r.t.Helper()
	var all struct{ Locations []struct{ ID string } }
	r.call("GET", "/locations", nil, &all, 200)
	return all.Locations[0].ID
}

func (r *running) watch(id string) <-chan shown {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	r.t.Cleanup(cancel)
	c, _, err := websocket.Dial(ctx, strings.Replace(r.base, "http", "ws", 1)+"/api/v1/live", &websocket.DialOptions{HTTPClient: r.http})
	if err != nil {
		r.t.Fatal(err)
	}
	if err := c.Write(ctx, websocket.MessageText, []byte(`{"type":"watch","people":["`+id+`"]}`)); err != nil {
		r.t.Fatal(err)
	}
	told := make(chan shown, 100)
	go func() {
		defer close(told)
		defer c.CloseNow()
		for {
			_, data, err := c.Read(ctx)
			if err != nil {
				return
			}
			var m struct{ People []shown }
			if json.Unmarshal(data, &m) != nil {
				return
			}
			for _, p := range m.People {
				told <- p
			}
		}
	}()
	return told
}

func next(t *testing.T, told <-chan shown, within time.Duration) (shown, time.Time) {
	t.Helper()
	select {
	case p, ok := <-told:
		if !ok {
			t.Fatal("the stream ended")
		}
		return p, time.Now()
	case <-time.After(within):
		t.Fatalf("nothing was told within %s", within)
	}
	return shown{}, time.Time{}
}

func TestAppointmentInRadicaleTurnsPresenceAtItsBoundaries(t *testing.T) {
	t.Parallel()
	user := radicaletest.New(t)
	address := user.Calendar(t, "work", "Work")
	r := startServer(t, t.TempDir(), "--calendar-every", "1s", "--calendar-allow-networks", "127.0.0.0/8")
	me := r.setUp()
	r.call("PUT", "/people/me/choice", map[string]string{"status": "available"}, nil, 200)
	var calendar struct{ ID, Error string }
	r.call("POST", "/people/me/calendars", map[string]string{
		"kind": "caldav", "name": "Work", "url": address, "username": user.Name, "password": user.Password,
	}, &calendar, 200)
	told := r.watch(me)
	if p, _ := next(t, told, 5*time.Second); p.Status != "available" {
		t.Fatalf("before the appointment: %+v", p)
	}

	start := time.Now().Add(6 * time.Second).Truncate(time.Second).UTC()
	end := start.Add(3 * time.Second)
	stamp := func(x time.Time) string { return x.Format("20060102T150405Z") }
	user.Put(t, strings.TrimSuffix(address, "/")+"/a.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:"+
		stamp(time.Now().UTC())+"\r\nDTSTART:"+stamp(start)+"\r\nDTEND:"+stamp(end)+"\r\nSUMMARY:Geheime Besprechung\r\nCLASS:PRIVATE\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")

	p, at := next(t, told, 15*time.Second)
	if late := at.Sub(start); p.Status != "busy" || p.Text != "Appointment" || late < 0 || late > time.Second {
		t.Errorf("at the start, %s after it: %+v", late, p)
	}
	if !p.Since.Equal(start) {
		t.Errorf("since %s, want %s", p.Since, start)
	}
	p, at = next(t, told, 10*time.Second)
	if late := at.Sub(end); p.Status != "available" || late < 0 || late > time.Second {
		t.Errorf("at the end, %s after it: %+v", late, p)
	}

	// Nothing of the private subject is on the disk.
	r.call("GET", "/people/me/calendars", nil, nil, 200)
	r.stop()
	files, err := filepath.Glob(filepath.Join(r.data, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no data files: %v", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("Geheime")) || bytes.Contains(b, []byte(user.Password)) {
			t.Errorf("%s holds the subject or the password", filepath.Base(name))
		}
	}
}

func TestBackupAndRestoreBringEverybodyBack(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	r := startServer(t, data)
	me := r.setUp()
	var before shown
	r.call("PUT", "/people/me/choice", map[string]string{"status": "do_not_disturb", "text": "Exam"}, &before, 200)
	file := filepath.Join(t.TempDir(), "copy.db")
	var out output
	if err := run(t.Context(), []string{"backup", file, "--data", data}, &out, &out); err != nil { // while it runs
		t.Fatalf("%v\n%s", err, &out)
	}
	if err := run(t.Context(), []string{"backup", file, "--data", data}, &out, &out); err == nil {
		t.Error("a backup overwrote a file")
	}
	r.stop()

	fresh := t.TempDir()
	if err := run(t.Context(), []string{"restore", file, "--data", fresh}, &out, &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if err := run(t.Context(), []string{"restore", file, "--data", fresh}, &out, &out); err == nil {
		t.Error("a restore overwrote a database")
	}
	r = startServer(t, fresh)
	r.call("POST", "/session", map[string]string{"login": "Ada", "password": "correct horse"}, nil, 200)
	var card struct{ Presence shown }
	r.call("GET", "/people/"+me, nil, &card, 200)
	if card.Presence != before {
		t.Errorf("restored %+v, want %+v", card.Presence, before)
	}
	var told output
	if err := run(t.Context(), []string{"explain", "ada", "--data", fresh}, &told, &told); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(told.String(), `Ada Admin is do_not_disturb "Exam" by hand#choice`) {
		t.Errorf("explain says:\n%s", &told)
	}
}

func TestTwoServersDoNotShareAFolder(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	r := startServer(t, data)
	file := filepath.Join(t.TempDir(), "copy.db")
	var out output
	if err := run(t.Context(), []string{"backup", file, "--data", data}, &out, &out); err != nil { // which is no server
		t.Fatal(err)
	}
	for _, args := range [][]string{{"serve", "--listen", "127.0.0.1:0"}, {"restore", file}} {
		err := run(t.Context(), append(args, "--data", data), &out, &out)
		if err == nil || !strings.Contains(err.Error(), "another server runs on "+data) {
			t.Errorf("%s beside a server: %v", args[0], err)
		}
	}
	r.stop()
	startServer(t, data)
}

func TestOnlyAServerMakesADatabase(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"backup", filepath.Join(t.TempDir(), "copy.db")}, {"explain", "ada"}} {
		for _, data := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
			var out output
			err := run(t.Context(), append(args, "--data", data), &out, &out)
			if err == nil || err.Error() != "there is no database in "+data {
				t.Errorf("%s: %v", args[0], err)
			}
			if left, _ := filepath.Glob(filepath.Join(data, "*")); len(left) > 0 {
				t.Errorf("%s leaves %s", args[0], left)
			}
		}
	}
}

func TestMistakesInTheConfigurationStopTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct{ file, args, want string }{
		{"listen = \"localhost:0\"\nlissten = \"x\"\n", "", `:2: unknown key "lissten"`},
		{"grace = \"soon\"\n", "", ":1:"},
		{"grace = \"1s\"\n", "", "grace: 1s is not between"},
		{"", "--log-level loud", "log-level"},
		{"", "--tls-cert x", "tls-cert and tls-key go together"},
		{"", "--calendar-allow-networks 10.0.0.0", "calendar-allow-networks"},
		{"", "--database mysql://x", "database"},
	} {
		args := []string{"serve", "--data", filepath.Join(dir, "data")}
		if c.file != "" {
			path := filepath.Join(dir, fmt.Sprintf("%x.toml", c.file))
			if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			args = append(args, "--config", path)
		}
		var out output
		err := run(t.Context(), append(args, strings.Fields(c.args)...), &out, &out)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q %q: %v, want %q", c.file, c.args, err, c.want)
		}
	}
}

func TestTheAddressIsTheOneThatWasAskedFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		listen, got string
		tls         bool
		want        string
	}{
		{"localhost:8080", "127.0.0.1:8080", false, "http://localhost:8080"},
		{"localhost:0", "127.0.0.1:41234", false, "http://localhost:41234"},
		{"127.0.0.1:8080", "127.0.0.1:8080", false, "http://127.0.0.1:8080"},
		{"[::1]:0", "[::1]:41234", false, "http://[::1]:41234"},
		{"doorlight.example.org:443", "192.0.2.7:443", true, "https://doorlight.example.org:443"},
		{":8080", "[::]:8080", false, "http://localhost:8080"},
		{"0.0.0.0:443", "0.0.0.0:443", true, "https://localhost:443"},
		{"[::]:8080", "[::]:8080", false, "http://localhost:8080"},
		{"localhost:http", "127.0.0.1:80", false, "http://localhost:80"},
	} {
		got, err := net.ResolveTCPAddr("tcp", c.got)
		if err != nil {
			t.Fatal(err)
		}
		if address := addressOf(c.listen, got, c.tls); address != c.want {
			t.Errorf("asked for %s, got %s: ready at %s, want %s", c.listen, c.got, address, c.want)
		}
	}
}

// A server behind a proxy hands on the address that it was given, whatever its own is.
func TestWhatIsHandedOnIsUnderThePublicAddress(t *testing.T) {
	t.Parallel()
	r := startServer(t, t.TempDir(), "--public-url", "http://presence.example.com/")
	r.setUp()
	var me struct {
		PublicURL string `json:"public_url"`
	}
	r.call("GET", "/session", nil, &me, 200)
	if want := "http://presence.example.com"; me.PublicURL != want {
		t.Errorf("pages are told %q, want %q", me.PublicURL, want)
	}
	c := must(client.New(r.base, client.Config{HTTP: r.http}))(t)
	in := must(c.BeginSignIn(t.Context(), "Desk"))(t)
	if want := "http://presence.example.com/device"; !strings.HasPrefix(in.Page, want) {
		t.Errorf("a desktop client sends its owner to %q, want %s", in.Page, want)
	}
}
