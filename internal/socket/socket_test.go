package socket

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/nettest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair returns both ends of a connection; the first is a Conn.
func pair(t *testing.T) (ours *Conn, theirs net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if theirs, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	got, err := Listen(l).Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { got.Close(); theirs.Close() })
	return got.(*Conn), theirs
}

// TestItBehavesAsAConnectionShould runs the Go project's own tests of connections.
func TestItBehavesAsAConnectionShould(t *testing.T) {
	t.Parallel()
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		ours, theirs := pair(t)
		return ours, theirs, func() { ours.Close(); theirs.Close() }, nil
	})
}

func TestErrorsReadAsThoseOfPackageNet(t *testing.T) {
	t.Parallel()
	ours, theirs := pair(t)
	read := func() error { _, err := ours.Read(make([]byte, 1)); return err }
	var op *net.OpError

	ours.SetReadDeadline(time.Now().Add(-time.Second))
	var late net.Error
	if err := read(); !errors.As(err, &late) || !late.Timeout() || !errors.As(err, &op) || op.Op != "read" || strings.Contains(err.Error(), "raw") {
		t.Errorf("after a deadline: %v", err)
	}
	ours.SetReadDeadline(time.Time{})
	theirs.(*net.TCPConn).SetLinger(0) // closing resets the connection
	theirs.Close()
	if err := read(); !errors.Is(err, syscall.ECONNRESET) || !errors.As(err, &op) || op.Op != "read" {
		t.Errorf("after a reset: %v", err)
	}
	if _, err := ours.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("written after a reset: %v", err)
	}
	ours.Close()
	if err := read(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read when closed: %v", err)
	}
	if _, err := ours.WriteNow([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("written at once when closed: %v", err)
	}
}

func TestAReaderThatDoesNotReadTakesSomeAndThenNothing(t *testing.T) {
	t.Parallel()
	ours, theirs := pair(t)
	sent := 0
	for piece := make([]byte, 64<<10); ; {
		n, err := ours.WriteNow(piece)
		if err != nil {
			t.Fatal(err)
		}
		if sent += n; n == 0 {
			break
		}
	}
	if sent == 0 {
		t.Fatal("nothing was taken")
	}
	if n, err := ours.WriteNow(nil); n != 0 || err != nil {
		t.Errorf("nothing written: %d, %v", n, err)
	}
	rest := strings.Repeat("rest", 1<<20)
	done := make(chan error)
	go func() {
		_, err := io.WriteString(ours, rest) // waits for the reader
		ours.Close()
		done <- err
	}()
	all, err := io.ReadAll(theirs)
	if err != nil || len(all) != sent+len(rest) || string(all[sent:]) != rest {
		t.Errorf("%d bytes came (%v), want %d", len(all), err, sent+len(rest))
	}
	if err := <-done; err != nil {
		t.Errorf("the writer that waited: %v", err)
	}
}

func TestAServerOnIt(t *testing.T) {
	t.Parallel()
	const long = 3 << 20
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(w, r.Body)
		if err != nil || n != long {
			t.Errorf("%d bytes came, %v", n, err)
		}
	}))
	s.Listener = Listen(s.Listener)
	s.Start()
	defer s.Close()
	body := strings.Repeat("0123456789abcdef", long/16)
	for range 5 {
		res, err := s.Client().Post(s.URL, "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || string(got) != body {
			t.Fatalf("%d bytes came back, %v", len(got), err)
		}
	}
}
