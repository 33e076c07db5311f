package crash

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience bounds every wait for something that must come.
const patience = 30 * time.Second

// server is the real program, which is started and killed.
type server struct {
	t      *testing.T
	binary string
	data   string
	listen string
	http   *http.Client

	running *exec.Cmd // nil: it is down
	stderr  bytes.Buffer
}

func build(t *testing.T) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{t: t, binary: filepath.Join(dir, "doorlight"), data: filepath.Join(dir, "data")}
	if out, err := exec.Command("go", "build", "-o", s.binary, "github.com/doorlight/doorlight/cmd/doorlight").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") // to find a free port
	if err != nil {
		t.Fatal(err)
	}
	s.listen = l.Addr().String()
	l.Close()
	s.http = &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	t.Cleanup(func() { s.kill(); s.http.CloseIdleConnections() })
	return s
}

// start returns when the server is ready.
func (s *server) start() {
	s.t.Helper()
	s.stderr.Reset()
	cmd := exec.Command(s.binary, "serve", "--listen", s.listen, "--data", s.data, "--log-level", "warn")
	endWithParent(cmd)
	cmd.Stderr = &s.stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.running = cmd
	late := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer late.Stop()
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if strings.Contains(lines.Text(), "is ready") {
			go io.Copy(io.Discard, stdout) // ends with the server
			return
		}
	}
	s.kill()
	s.t.Fatalf("the server did not start:\n%s", &s.stderr)
}

// kill ends the server without notice.
func (s *server) kill() {
	if s.running == nil {
		return
	}
	s.running.Process.Kill()
	s.running.Wait() // its error is that it was killed
	s.running = nil
	s.http.CloseIdleConnections()
}

// refused is an answer that says no.
type refused struct {
	status int
	text   string
}

func (r *refused) Error() string { return fmt.Sprintf("%d %s", r.status, r.text) }

// call makes one request. Its error is a *refused if the server answered.
func (s *server) call(ctx context.Context, secret, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.listen+"/api/v1"+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if cookie, ok := strings.CutPrefix(secret, "cookie "); ok {
		r.Header.Set("Cookie", cookie)
	} else if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	answer, err := s.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		return &refused{answer.StatusCode, string(b)}
	}
	if c := answer.Header.Get("Set-Cookie"); c != "" {
		if p, ok := out.(*string); ok {
			*p, _, _ = strings.Cut("cookie "+c, ";")
			return nil
		}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

// must is call for what has to work.
func (s *server) must(secret, method, path string, in, out any) {
	s.t.Helper()
	if err := s.call(context.Background(), secret, method, path, in, out); err != nil {
		s.t.Fatalf("%s %s: %v\n%s", method, path, err, &s.stderr)
	}
}
