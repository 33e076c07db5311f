package siptest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"time"
)

// Phone is baresip, a telephone that is registered at a server. It makes sounds that nobody hears.
type Phone struct {
	Name string
	Port int // of UDP and TCP

	p       *program
	control string // where it takes commands
}

// Baresip starts a telephone and waits until it is registered at the server (host and port), as sip:name@server. Contacts are the
// names of those whose presence it watches, and who may watch its own.
func Baresip(t TB, server, name string, contacts ...string) *Phone {
	t.Helper()
	dir := folder(t)
	ports := FreePort(t, 3) // TLS takes the one after SIP's
	media := FreePort(t, 8)
	f := &Phone{Name: name, Port: ports, control: fmt.Sprintf("%s:%d", Address, ports+2)}
	path := find(t, "baresip", "baresip-core")
	modules, err := filepath.Glob("/usr/lib/*baresip/modules/ctrl_tcp.so")
	if more, _ := filepath.Glob("/usr/lib/*/baresip/modules/ctrl_tcp.so"); len(modules) == 0 {
		modules = more
	}
	if err != nil || len(modules) == 0 {
		t.Fatal("the modules of baresip are missing: install the Debian package baresip-core")
	}
	write(t, dir, "config", fmt.Sprintf(`poll_method epoll
sip_listen %[1]s:%[2]d
net_interface %[1]s
rtp_ports %[3]d-%[4]d
audio_player aufile,%[5]s/heard.wav
audio_source ausine,440
audio_alert aufile,%[5]s/alert.wav
ausrc_srate 48000
ausrc_channels 2
module_path %[6]s
module stdio.so
module g711.so
module ausine.so
module aufile.so
module_tmp uuid.so
module_tmp account.so
module_app contact.so
module_app menu.so
module_app presence.so
module_app ctrl_tcp.so
ctrl_tcp_listen %[7]s
`, Address, f.Port, media, media+7, dir, filepath.Dir(modules[0]), f.control))
	write(t, dir, "accounts", fmt.Sprintf("<sip:%s@%s;transport=udp>;auth_pass=none;regint=60;pubint=0;answermode=manual;audio_codecs=PCMU/8000/1\n", name, server))
	var known strings.Builder
	for _, c := range contacts {
		fmt.Fprintf(&known, "%q <sip:%s@%s>;presence=p2p;access=allow\n", c, c, server)
	}
	write(t, dir, "contacts", known.String())
	f.p = run(t, "baresip "+name, path, dir, "-f", dir)
	f.p.until(t, "taking commands", func() bool {
		c, err := net.Dial("tcp4", f.control)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	f.p.until(t, "registered", func() bool { return strings.Contains(f.p.log.String(), "200 OK") })
	return f
}

// Call calls somebody, a name or number of the same server or a whole address, and does not wait for an answer.
func (f *Phone) Call(t TB, whom string) {
	t.Helper()
	f.Do(t, "dial", whom)
}

// Accept answers the call that rings.
func (f *Phone) Accept(t TB) { t.Helper(); f.Do(t, "accept", "") }

// Hangup ends the call, or refuses it if it was not answered.
func (f *Phone) Hangup(t TB) { t.Helper(); f.Do(t, "hangup", "") }

// Hold puts the call on hold.
func (f *Phone) Hold(t TB) { t.Helper(); f.Do(t, "hold", "") }

// Resume takes it back.
func (f *Phone) Resume(t TB) { t.Helper(); f.Do(t, "resume", "") }

// Ringing waits until somebody calls.
func (f *Phone) Ringing(t TB) {
	t.Helper()
	f.p.until(t, "ringing", func() bool { return strings.Contains(f.Do(t, "listcalls", ""), "INCOMING") })
}

// Established waits until there is a call that was answered.
func (f *Phone) Established(t TB) {
	t.Helper()
	f.p.until(t, "on the phone", func() bool { return strings.Contains(f.Do(t, "listcalls", ""), "ESTABLISHED") })
}

// Stop ends the telephone as if it lost its power, or nearly so: it unregisters, if it can.
func (f *Phone) Stop() { f.p.stop() }

// Log is what the telephone said.
func (f *Phone) Log() string { return f.p.log.String() }

// Do has the telephone carry out a command of its menu, and returns what it answers.
func (f *Phone) Do(t TB, command, params string) string {
	t.Helper()
	c, err := net.Dial("tcp4", f.control)
	if err != nil {
		t.Fatalf("baresip %s: %v", f.Name, err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	data, err := json.Marshal(map[string]string{"command": command, "params": params, "token": "t"})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "%d:%s,", len(data), data)
	for r := bufio.NewReader(c); ; {
		var length int
		if _, err := fmt.Fscanf(r, "%d:", &length); err != nil || length > 1<<20 {
			t.Fatalf("baresip %s does not answer %q: %v", f.Name, command, err)
		}
		answer := make([]byte, length+1) // and the comma
		if _, err := io.ReadFull(r, answer); err != nil {
			t.Fatalf("baresip %s does not answer %q: %v", f.Name, command, err)
		}
		var said struct {
			Response bool   `json:"response"`
			OK       bool   `json:"ok"`
			Data     string `json:"data"`
		}
		if err := json.Unmarshal(answer[:length], &said); err != nil {
			t.Fatalf("baresip %s answers %q", f.Name, answer)
		}
		if !said.Response {
			continue // an event
		}
		if !said.OK {
			t.Fatalf("baresip %s: %s: %s", f.Name, command, said.Data)
		}
		return said.Data
	}
}
