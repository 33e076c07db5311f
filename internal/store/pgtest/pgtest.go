// Package pgtest gives tests a real PostgreSQL: a cluster in a temporary folder, reached through a socket in that
// folder only, started at the first use in a test binary and stopped at its end. A binary that uses it has
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
// PostgreSQL's programs must be installed; without them tests fail, as skipping would hide that an engine went untested.
package pgtest

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"go.uber.org/goleak"
)

// Main runs the tests, stops the cluster if one was started, checks that no goroutine is left, and exits.
func Main(m *testing.M) {
	code := m.Run()
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		code = max(code, 1)
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// Database creates an empty database and returns how to connect to it. It lasts as long as the cluster.
func Database(t testing.TB) string {
	t.Helper()
	c, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("test_%d", c.databases.Add(1))
	// From template0, which nobody is ever connected to: the copying of a template fails while somebody is.
	if _, err := c.admin.ExecContext(t.Context(), `CREATE DATABASE `+name+` TEMPLATE template0`); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return c.dsn(name)
}

// shared returns the cluster of this binary.
var shared = sync.OnceValues(func() (*cluster, error) {
	c, err := start()
	running.Store(c)
	return c, err
})

var running atomic.Pointer[cluster]

func stop() error {
	if c := running.Load(); c != nil {
		return c.stop()
	}
	return nil
}

// cluster is a running PostgreSQL.
type cluster struct {
	folder    string
	admin     *sql.DB
	databases atomic.Int64
	quit      chan struct{} // closed: the server shall end
	ended     chan error    // the server's end
}

func (c *cluster) dsn(database string) string {
	return fmt.Sprintf("host=%s port=%s user=postgres dbname=%s sslmode=disable", c.folder, port, database)
}

// port is part of the socket's name; nothing listens on it.
const port = "5432"

// Bounds on what should take a second.
const (
	startTime = time.Minute
	stopTime  = 20 * time.Second
)

// start makes and starts a cluster.
func start() (_ *cluster, err error) {
	bin, err := programs(debian)
	if err != nil {
		return nil, err
	}
	attr, uid, gid, err := owner()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "pg") // short: the path of a socket has room for a hundred bytes
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	c := &cluster{folder: folder, quit: make(chan struct{}), ended: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("pgtest: %w", err), os.RemoveAll(folder))
		}
	}()
	if uid >= 0 {
		if err := os.Chown(folder, uid, gid); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	data := filepath.Join(folder, "data")
	// A collation unlike C: what must be ordered by bytes has to say so.
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
		"--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US", "--no-sync", "--no-instructions")
	initdb.Dir, initdb.SysProcAttr = folder, attr()
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	server := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", folder, "-p", port, "-h", "",
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off", "-c", "autovacuum=off",
		"-c", "shared_buffers=64MB", "-c", "max_connections=300", "-c", "lc_messages=C")
	server.Dir, server.SysProcAttr = folder, attr()
	log, err := server.StderrPipe()
	if err != nil {
		return nil, err
	}
	started := make(chan error, 1)
	ready := make(chan error, 1)
	go c.run(server, started, log, ready)
	if err := <-started; err != nil {
		return nil, err
	}
	select {
	case err = <-ready:
	case <-ctx.Done():
		err = fmt.Errorf("the server does not come up: %w", ctx.Err())
	}
	if err == nil {
		c.admin, err = sql.Open("pgx", c.dsn("postgres"))
	}
	if err != nil {
		close(c.quit)
		return nil, errors.Join(err, <-c.ended)
	}
	// Creating databases side by side only makes them wait for one another.
	c.admin.SetMaxOpenConns(1)
	return c, nil
}

// run starts the server, reports when it is ready, and sees to its end. It keeps its thread: the kernel ends the server
// with the thread that started it, so that none stays behind when a test binary is killed.
func (c *cluster) run(server *exec.Cmd, started chan<- error, log io.Reader, ready chan<- error) {
	runtime.LockOSThread()
	err := server.Start()
	started <- err
	if err != nil {
		return
	}
	logged := make(chan struct{})
	go func() {
		defer close(logged)
		var lines []string
		for scanner := bufio.NewScanner(log); scanner.Scan(); {
			lines = append(lines[max(0, len(lines)-20):], scanner.Text())
			if strings.Contains(scanner.Text(), "ready to accept connections") {
				select {
				case ready <- nil:
				default:
				}
			}
		}
		select {
		case ready <- fmt.Errorf("the server ended: %s", strings.Join(lines, "\n")):
		default:
		}
	}()
	select {
	case <-c.quit:
	case <-logged: // it ended by itself
	}
	server.Process.Signal(syscall.SIGQUIT) // at once, without a checkpoint
	kill := time.AfterFunc(stopTime, func() { server.Process.Kill() })
	<-logged
	err = server.Wait()
	kill.Stop()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil // as it was told
	}
	c.ended <- err
}

// stop ends the server and removes the folder.
func (c *cluster) stop() error {
	err := c.admin.Close()
	close(c.quit)
	return errors.Join(err, <-c.ended, os.RemoveAll(c.folder))
}

// debian is where Debian keeps the programs, which it does not put into PATH.
const debian = "/usr/lib/postgresql/*/bin"

// programs finds the folder of initdb and postgres: one that matches pattern, of the newest version, or one in PATH.
func programs(pattern string) (string, error) {
	folders, _ := filepath.Glob(pattern)
	version := func(folder string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
		return n
	}
	slices.SortFunc(folders, func(a, b string) int { return version(b) - version(a) })
	if path, err := exec.LookPath("postgres"); err == nil {
		folders = append(folders, filepath.Dir(path))
	}
	for _, folder := range folders {
		_, noInit := os.Stat(filepath.Join(folder, "initdb"))
		_, noServer := os.Stat(filepath.Join(folder, "postgres"))
		if noInit == nil && noServer == nil {
			return folder, nil
		}
	}
	return "", errors.New("pgtest: PostgreSQL's programs are not installed: apt-get install postgresql")
}

// owner says how to run them: PostgreSQL refuses to run as root, so root runs it as the user postgres. uid is -1 if
// this user can.
func owner() (attr func() *syscall.SysProcAttr, uid, gid int, err error) {
	if os.Geteuid() != 0 {
		return func() *syscall.SysProcAttr { return processAttr(-1, -1) }, -1, -1, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, 0, 0, fmt.Errorf("pgtest: PostgreSQL does not run as root, and: %w", err)
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	return func() *syscall.SysProcAttr { return processAttr(uid, gid) }, uid, gid, errors.Join(err1, err2)
}
