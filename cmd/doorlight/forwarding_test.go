package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/telephony/siptest"
)

// doomed says, in the environment of this test program, that it is to be the server, with its data in a folder: address and folder.
const doomed = "DOORLIGHT_TEST_SERVER"

// serveDoomed is the server in a process of its own, which is killed at the step that the file "step" in its folder names.
func serveDoomed(args string) {
	listen, data, _ := strings.Cut(args, " ")
	c := defaults()
	c.Data, c.Listen, c.LogLevel = data, listen, "warn"
	c.around = func(st store.Store) store.Store { return &mortal{Store: st, file: filepath.Join(data, "step")} }
	if err := serve(context.Background(), c, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// mortal is a store whose program is killed before or after something is written.
type mortal struct {
	store.Store
	file string

	mu    sync.Mutex // guards what follows
	step  string
	count int // writes of that kind since the step was named
}

// at kills the program if this is the step: "recorded 1 before", say.
func (m *mortal) at(what, when string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	named, err := os.ReadFile(m.file)
	if err != nil {
		return
	}
	if string(named) != m.step {
		m.step, m.count = string(named), 0
	}
	kind, rest, _ := strings.Cut(m.step, " ")
	if kind != what {
		return
	}
	if when == "before" {
		m.count++
	}
	if rest == fmt.Sprintf("%d %s", m.count, when) {
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			self.Kill()
		}
		select {} // it takes a moment
	}
}

func (m *mortal) WriteForwardings(ctx context.Context, records ...store.ForwardingRecord) error {
	m.at("recorded", "before")
	defer m.at("recorded", "after")
	return m.Store.WriteForwardings(ctx, records...)
}

func (m *mortal) WriteRedirects(ctx context.Context, records ...store.Redirect) error {
	m.at("set", "before")
	defer m.at("set", "after")
	return m.Store.WriteRedirects(ctx, records...)
}

// victim is a server that is killed.
type victim struct {
	running
	listen string
	cmd    *exec.Cmd
	err    bytes.Buffer
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	v := &victim{listen: fmt.Sprintf("127.0.0.1:%d", siptest.FreePort(t, 1))}
	v.running = running{t: t, base: "http://" + v.listen, data: t.TempDir(), http: &http.Client{Jar: jar, Transport: transport, Timeout: 20 * time.Second}}
	t.Cleanup(func() { v.kill(); transport.CloseIdleConnections() })
	return v
}

func (v *victim) start() {
	v.t.Helper()
	v.err.Reset()
	v.cmd = exec.Command(os.Args[0], "-test.run=^$")
	v.cmd.Env = append(os.Environ(), doomed+"="+v.listen+" "+v.data)
	v.cmd.Stderr = &v.err
	stdout, err := v.cmd.StdoutPipe()
	if err != nil {
		v.t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	late := time.AfterFunc(20*time.Second, func() { v.cmd.Process.Kill() })
	defer late.Stop()
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if strings.Contains(lines.Text(), "is ready") {
			go io.Copy(io.Discard, stdout) // ends with the server
			return
		}
	}
	v.kill()
	v.t.Fatalf("the server did not start:\n%s", &v.err)
}

// kill ends the server without notice.
func (v *victim) kill() {
	if v.cmd != nil {
		v.cmd.Process.Kill()
		v.cmd.Wait() // its error is that it was killed
		v.cmd = nil
	}
	v.http.CloseIdleConnections()
}

// name names the step at which the server is killed next; empty: it lives.
func (v *victim) name(step string) {
	v.t.Helper()
	file := filepath.Join(v.data, "step")
	if step == "" {
		os.Remove(file)
		return
	}
	if err := os.WriteFile(file+".new", []byte(step), 0o600); err != nil {
		v.t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		v.t.Fatal(err)
	}
}

// dies waits until the server was killed, at the step that is named, and starts it anew.
func (v *victim) dies(step string) {
	v.t.Helper()
	dead := make(chan struct{})
	go func() { v.cmd.Wait(); close(dead) }()
	select {
	case <-dead:
	case <-time.After(20 * time.Second):
		v.cmd.Process.Kill()
		<-dead
		v.cmd = nil
		v.t.Fatalf("the server never came to the step %q", step)
	}
	v.cmd = nil
	v.http.CloseIdleConnections()
	v.name("")
	v.start()
}

// An appointment begins, and a call goes to voicemail; it ends, and a call rings at the desk. Kamailio asks this server where calls go; the server is
// killed at each step on the way, and the calls go the same way.
func TestAnAppointmentRedirectsCallsWhateverBefallsTheServer(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	v.start()
	desk := siptest.SIPp(t, siptest.Answering("desk"), "", "201", "-m", "100000")
	voicemail := siptest.SIPp(t, siptest.Answering("voicemail"), "", "201", "-m", "100000")
	redirects := fmt.Sprintf("127.0.0.1:%d", siptest.FreePort(t, 1))
	at := func(p *siptest.Player) string { return fmt.Sprintf("127.0.0.1:%d", p.Port) }
	pbx := siptest.Kamailio(t, siptest.ServerConfig{Redirects: redirects, Desk: at(desk), Elsewhere: at(voicemail)})

	var me struct {
		Person struct{ ID string }
	}
	v.call("POST", "/setup", map[string]any{"name": "Anna Berg", "login": "anna", "password": "a long enough one", "location": "Berlin", "time_zone": "Europe/Berlin"}, &me, 200)
	var record map[string]any
	v.call("GET", "/people/me/record", nil, &record, 200)
	record["work_number"], record["voicemail_number"] = "201", "*97"
	delete(record, "id")
	v.call("PUT", "/people/me/record", record, nil, 200)
	scope := record["location"].(string)
	var made struct{ ID string }
	v.call("POST", "/connectors", map[string]any{"kind": "sip_server", "name": "SIP", "enabled": true, "sip_server": map[string]any{
		"listen": []string{"udp:" + redirects}, "trusted": []string{"127.0.0.1"}, "desk": "sip:desk-{line}@" + pbx.Addr(), "outside": "sip:{number}@" + pbx.Addr(),
	}}, &made, 200)
	v.call("PUT", "/scopes/"+scope+"/settings/telephony", map[string]any{"telephony": map[string]any{"forwarding": made.ID}}, nil, 200)
	v.call("PUT", "/scopes/"+scope+"/templates/appointment", map[string]any{"name": "Appointment", "status": "busy", "text": "Appointment", "active": true, "user_forwarding": "own",
		"forwarding": map[string]any{"action": "forward", "target": "voicemail"}}, nil, 200)

	goes := func(to, when string) {
		t.Helper()
		if err := siptest.SIPp(t, siptest.Calling(to), pbx.Addr(), "201", "-timeout", "10s").Over(20 * time.Second); err != nil {
			t.Fatalf("%s: a call does not go to the %s: %v", when, to, err)
		}
	}
	// settled waits until the line is as it is to be, which is on or off.
	settled := func(on bool, when string) {
		t.Helper()
		type line struct {
			Settled  bool
			Reported *struct{ All string }
		}
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			var got struct{ Lines []line }
			v.call("GET", "/people/me/lines", nil, &got, 200)
			if len(got.Lines) == 1 && got.Lines[0].Settled && got.Lines[0].Reported != nil && (got.Lines[0].Reported.All != "") == on {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: the line is never forwarded (%v): %+v\n%s", when, on, got, &v.err)
			}
		}
	}
	number := 0
	const soon = 500 * time.Millisecond
	// appointment has one begin in a moment, or gives the one that there is an end. The server may be killed before it answers: what it was told is
	// kept by then.
	appointment := func(start, end time.Time) {
		t.Helper()
		body, err := json.Marshal(map[string]any{"lease_seconds": 3600, "appointments": []map[string]any{
			{"id": fmt.Sprint(number), "start": start.UTC(), "end": end.UTC(), "subject": "Exam"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), "PUT", v.base+"/api/v1/people/me/local-calendars/desk", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if res, err := v.http.Do(req); err == nil {
			defer res.Body.Close()
			if answer, _ := io.ReadAll(res.Body); res.StatusCode != 200 {
				t.Fatalf("the appointment is not taken: %s: %s", res.Status, answer)
			}
		}
	}
	goes("desk", "before anything")
	for _, steps := range [][2]string{
		{"", ""}, // nothing befalls it
		{"recorded 1 before", "recorded 1 before"},
		{"recorded 1 after", "recorded 1 after"},
		{"set 1 before", "set 1 before"},
		{"set 1 after", "set 1 after"},
		{"while it is forwarded", "recorded 2 before"},
		{"recorded 1 after", "recorded 2 after"},
	} {
		begins, ends := steps[0], steps[1]
		number++
		v.name(begins)
		start := time.Now().Add(soon).Truncate(time.Millisecond)
		appointment(start, start.Add(time.Hour))
		if begins != "" && begins != "while it is forwarded" {
			v.dies(begins)
		}
		settled(true, "killed at its beginning: "+begins)
		if begins == "while it is forwarded" {
			v.kill()
			goes("desk", "nobody is there to be asked") // the telephone system goes on by itself
			v.start()
			settled(true, begins)
		}
		goes("voicemail", "killed at its beginning: "+begins)
		v.name(ends)
		appointment(start, time.Now().Add(soon).Truncate(time.Millisecond))
		if ends != "" {
			v.dies(ends)
		}
		settled(false, "killed at its end: "+ends)
		goes("desk", "killed at its end: "+ends)
	}
}

// Two telephones call one another through Kamailio, which tells of its lines; a third telephone's lamp shows it, and that of somebody who is blocked shows nothing.
func TestATelephonesLampShowsACall(t *testing.T) {
	t.Parallel()
	pbx := siptest.Kamailio(t, siptest.ServerConfig{})
	anna, bert := siptest.Baresip(t, pbx.Addr(), "201"), siptest.Baresip(t, pbx.Addr(), "202")
	r := startServer(t, t.TempDir())
	r.call("POST", "/setup", map[string]any{"name": "Ada Admin", "login": "ada", "password": "a long enough one", "location": "Berlin", "time_zone": "Europe/Berlin"}, nil, 200)
	var locations struct{ Locations []struct{ ID string } }
	r.call("GET", "/locations", nil, &locations, 200)
	scope := locations.Locations[0].ID
	add := func(name, number string) (id string) {
		t.Helper()
		var p struct{ ID string }
		r.call("POST", "/people", map[string]any{"name": name, "login": strings.ToLower(name), "password": "a long enough one", "location": scope, "work_number": number}, &p, 200)
		return p.ID
	}
	add("Anna", "201")
	bertID, emil, boris := add("Bert", "202"), add("Emil", "203"), add("Boris", "204")
	var lines, server struct{ ID string }
	r.call("POST", "/connectors", map[string]any{"kind": "sip", "name": "PBX", "enabled": true, "sip": map[string]any{"server": pbx.Addr()}}, &lines, 200)
	at := fmt.Sprintf("127.0.0.1:%d", siptest.FreePort(t, 1))
	r.call("POST", "/connectors", map[string]any{"kind": "sip_server", "name": "Lamps", "enabled": true, "sip_server": map[string]any{"listen": []string{"udp:" + at}}}, &server, 200)
	r.call("PUT", "/scopes/"+scope+"/settings/telephony", map[string]any{"telephony": map[string]any{"connector": lines.ID}}, nil, 200)
	type account struct{ User, Password string }
	telephone := func(person string) (a account) {
		t.Helper()
		r.call("POST", "/people/"+person+"/telephones", map[string]any{"name": "Desk"}, &a, 200)
		return a
	}
	emils, boriss := telephone(emil), telephone(boris)
	r.call("POST", "/session", map[string]any{"login": "bert", "password": "a long enough one"}, nil, 200)
	r.call("PUT", "/people/"+bertID+"/relationships/"+boris, map[string]any{"level": "blocked"}, nil, 200)
	r.call("POST", "/session", map[string]any{"login": "ada", "password": "a long enough one"}, nil, 200)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		var of struct{ Heard int }
		if r.call("GET", "/connectors/"+lines.ID+"/lines", nil, &of, 200); of.Heard == 4 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the telephone system tells of %d lines", of.Heard)
		}
	}

	third := siptest.SIPp(t, siptest.Lamp(emils.User, emils.Password, 0, "terminated", "early", "confirmed", "terminated"), at, "202", "-auth_uri", "202@"+at)
	blocked := siptest.SIPp(t, siptest.Lamp(boriss.User, boriss.Password, 12_000, "terminated"), at, "202", "-auth_uri", "202@"+at)
	subscribed := func() bool {
		var h struct {
			Telephones []struct {
				SeenAt *time.Time `json:"seen_at"`
			}
		}
		r.call("GET", "/people/"+emil+"/telephones", nil, &h, 200)
		one := len(h.Telephones) == 1 && h.Telephones[0].SeenAt != nil
		r.call("GET", "/people/"+boris+"/telephones", nil, &h, 200)
		return one && len(h.Telephones) == 1 && h.Telephones[0].SeenAt != nil
	}
	for end := time.Now().Add(20 * time.Second); !subscribed(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the telephones do not sign in")
		}
	}
	anna.Call(t, "202")
	bert.Ringing(t)
	time.Sleep(500 * time.Millisecond) // so that it is seen to ring: lamps are told what is, not each step
	bert.Accept(t)
	bert.Established(t)
	time.Sleep(500 * time.Millisecond)
	anna.Hangup(t)
	third.Wait(t, 30*time.Second)
	blocked.Wait(t, 40*time.Second)
}
