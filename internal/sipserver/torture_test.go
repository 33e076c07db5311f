package sipserver

import (
	"bufio"
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// hand hands a message to a server as if it had come over a connection, and returns what comes back within a moment; empty: nothing.
func hand(t testing.TB, s *Server, data []byte) string {
	t.Helper()
	near, far := net.Pipe()
	defer far.Close()
	c := &stream{conn: near, patience: patience}
	var k *socket
	for _, x := range s.sockets {
		if x.network == "tcp" {
			k = x
		}
	}
	answers := make(chan string, 1)
	go func() {
		m, err := readMessage(bufio.NewReader(far))
		if err != nil {
			m = nil
		}
		answers <- string(m)
	}()
	f := &flow{socket: k, conn: c, remote: k.addr}
	s.receive(sip.NewParser(), f, data)
	// Whatever is answered has been when the server has dealt with it.
	wait(t, "the end of it", func() bool { return len(s.handling) == 0 })
	near.Close()
	return <-answers
}

// RFC 4475: what nobody means to send, and what looks as if nobody did. Of each the answer, by its code; empty: none.
func TestTorture(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		// §3.1.1: all of it valid.
		"wsinv":      "481", // white space, lines that go on, escapes: a call like any other, but of a dialog that we do not have
		"intmeth":    "501", // nobody knows the method
		"esc01":      "404", // sip:sips%3Auser%40example.com@example.net is nobody here
		"escnull":    "401", // registers; of what is escaped nothing is decoded
		"esc02":      "501", // RE%47IST%45R is no REGISTER
		"lwsdisp":    "200",
		"longreq":    "302",
		"dblreq":     "401", // the second one in the datagram is not looked at
		"semiuri":    "200",
		"transports": "200",
		"mpart01":    "405", // MESSAGE is not for us
		"unreason":   "",    // answers to nothing that we asked
		"noreason":   "",
		// §3.1.2: invalid.
		"badinv01":   "400",
		"clerr":      "400",
		"ncl":        "400",
		"scalar02":   "400",
		"scalarlg":   "",
		"quotbal":    "400",
		"ltgtruri":   "400",
		"lwsruri":    "400",
		"lwsstart":   "400",
		"trws":       "400",
		"escruri":    "400", // headers have no place in a Request-URI
		"baddate":    "302", // we do not look at Date
		"regbadct":   "401",
		"badaspec":   "400",
		"baddn":      "400",
		"badvers":    "505",
		"mismatch01": "400",
		"mismatch02": "400", // 501 would do as well
		"bigcode":    "",
		// §3.2 and §3.3
		"badbranch": "200",
		"insuf":     "400",
		"unkscm":    "416",
		"novelsc":   "416",
		"unksm2":    "401",
		"bext01":    "420",
		"invut":     "302", // we look at no body
		"regaut01":  "401",
		"multi01":   "400",
		"mcl01":     "400",
		"bcast":     "",
		"zeromf":    "200", // an OPTIONS goes no further
		"cparam01":  "401",
		"cparam02":  "401",
		"regescrt":  "401",
		"sdp01":     "302",
		// §3.4
		"inv2543": "302",
	}
	o := newTown()
	for _, u := range []string{"user", "UserB", "vivekg"} {
		o.people[u] = "anna"
	}
	o.targets["anna"] = Target{Kind: Ring, Contacts: []Contact{{"sip:desk@pbx.example", 1}}}
	s := begin(t, o, nil, nil)
	files, err := filepath.Glob("testdata/torture/*.dat")
	if err != nil || len(files) != len(want) {
		t.Fatalf("there are %d messages, and %d answers: %v", len(files), len(want), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".dat")
		code, ok := want[name]
		got := hand(t, s, data)
		gotCode := ""
		if got != "" {
			gotCode = strings.Fields(got)[1]
		}
		if !ok || gotCode != code {
			t.Errorf("%s is answered with %q, want %q:\n%s", name, gotCode, code, got)
		}
		if got == "" {
			continue
		}
		r, err := sip.ParseMessage([]byte(got))
		if err != nil && gotCode != "400" { // what cannot be read is said again in the answer
			t.Errorf("%s: the answer cannot be read: %v\n%s", name, err, got)
			continue
		}
		if err == nil && r.CSeq() != nil && r.Via() == nil {
			t.Errorf("%s: nobody knows whose answer this is:\n%s", name, got)
		}
	}
}

// What no message is gets no answer, and does no harm. Over a connection what begins rightly is waited for, and what does not ends it.
func TestNonsense(t *testing.T) {
	t.Parallel()
	s := begin(t, newTown(), func(c *Config) { c.Trusted = nil }, func(x *timing) { x.firstWord = 200 * time.Millisecond })
	for _, data := range []string{
		"", "\r\n", "\r\n\r\n", "\x00\x00", "hello", "INVITE", "INVITE sip:x SIP/2.0", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n",
		"ACK sip:x@y SIP/2.0\r\n\r\n", "SIP/2.0", "INVITE sip:x@y SIP/2.0\r\n\r\n", "\xff\xfe SIP/2.0 \r\n\r\n", "INVITE sip:x@y SIP/2.0\r\nVia: x\r\n\r\n",
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nCSeq: 1 NOTIFY\r\n\r\n",
	} {
		if got := hand(t, s, []byte(data)); got != "" {
			t.Errorf("%q is answered with\n%s", data, got)
		}
	}
	for _, x := range []struct{ sent, answer string }{
		{"\r\n\r\n", "\r\n"}, // RFC 5626 §3.5.1
		{"OPTIONS sip:x@y SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:x@y>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n", "SIP/2.0 400"}, // no length
		{"OPTIONS sip:x@y SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK1\r\nContent-Length: -1\r\n\r\n", "SIP/2.0 400"},
		{"OPTIONS sip:x@y SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK1\r\nContent-Length: 99999\r\n\r\n", "SIP/2.0 513"},
		{"OPTIONS sip:x@y SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK1\r\nl: 1\r\nContent-Length: 2\r\n\r\n", "SIP/2.0 400"},
		{"OPTIONS sip:x@y SIP/2.0\r\nVia: ", ""}, // it is not waited for any longer than that
		{"", ""},
	} {
		c, err := net.Dial("tcp", at(t, s, "tcp"))
		if err != nil {
			t.Fatal(err)
		}
		c.Write([]byte(x.sent))
		c.SetReadDeadline(time.Now().Add(patience))
		got := make([]byte, max(1, len(x.answer)))
		n, err := readFull(c, got)
		if string(got[:n]) != x.answer || n == 0 && os.IsTimeout(err) {
			t.Errorf("%q is answered with %q, want %q: %v", x.sent, got[:n], x.answer, err)
		}
		c.Close()
	}
	// Two in one piece, one in two pieces.
	c, err := net.Dial("tcp", at(t, s, "tcp"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const m = "OPTIONS sip:x@y SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:x@y>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 4\r\n\r\nbody"
	for _, part := range []string{m + "\r\n\r\n" + m[:100], m[100:] + m[:len(m)-2], m[len(m)-2:]} {
		c.Write([]byte(part))
		time.Sleep(10 * time.Millisecond)
	}
	c.SetReadDeadline(time.Now().Add(patience))
	r := bufio.NewReader(c)
	for i := 0; i < 3; {
		b, err := r.Peek(2)
		if err != nil {
			t.Fatalf("after %d answers: %v", i, err)
		}
		if string(b) == "\r\n" {
			r.Discard(2)
			continue
		}
		got, err := readMessage(r)
		if err != nil || !bytes.HasPrefix(got, []byte("SIP/2.0 200 ")) {
			t.Fatalf("answer %d is %q: %v", i, got, err)
		}
		i++
	}
}

func readFull(c net.Conn, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var k int
		k, err = c.Read(b[n:])
		n += k
	}
	return n, err
}
