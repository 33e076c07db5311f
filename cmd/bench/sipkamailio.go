package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// kamailio is what stands beside our SIP server: Kamailio with its presence module, all in memory, on processor 0.
type kamailio struct {
	addr  netip.AddrPort
	dir   string
	cmd   *exec.Cmd
	said  bytes.Buffer // read only after ended
	ended <-chan error
	once  sync.Once
}

// kamailioConfig has nothing in it that the load does not need. Subscriptions and what is published are kept in memory only (subs_db_mode 0,
// publ_cache 2); the tables of db_text are looked at once, at the start.
const kamailioConfig = `debug=0
log_stderror=yes
children=CHILDREN
auto_aliases=no
dns=no
rev_dns=no
maxbuffer=4194304
disable_tcp=yes
listen=udp:ADDRESS
alias="bench.test"
mpath="MODULES/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "auth.so"
loadmodule "db_text.so"
loadmodule "presence.so"
loadmodule "presence_dialoginfo.so"
modparam("auth", "qop", "auth")
modparam("presence", "db_url", "text://FOLDER/db")
modparam("presence", "server_address", "sip:ADDRESS")
modparam("presence", "subs_db_mode", 0)
modparam("presence", "publ_cache", 2)
modparam("presence", "send_fast_notify", 1)
modparam("presence", "subs_htable_size", 14)
modparam("presence", "pres_htable_size", 12)
request_route {
	if (is_method("INVITE")) {
		append_to_reply("Contact: <REDIRECTED>;q=1\r\n");
		sl_send_reply("302", "Moved Temporarily");
		exit;
	}
	if (is_method("ACK")) exit;
	if (is_method("SUBSCRIBE")) {
		if (!pv_www_authenticate("REALM", "PASSWORD", "0")) { www_challenge("REALM", "1"); exit; }
		if (!t_newtran()) { sl_reply_error(); exit; }
		handle_subscribe();
		t_release();
		exit;
	}
	if (is_method("PUBLISH")) {
		if (!t_newtran()) { sl_reply_error(); exit; }
		handle_publish();
		t_release();
		exit;
	}
	if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }
	sl_send_reply("405", "Method Not Allowed");
}
`

// findKamailio returns where it is, and where its modules are.
func findKamailio() (path, modules string, err error) {
	if path, err = findProgram("kamailio", "kamailio"); err != nil {
		return "", "", err
	}
	found, _ := filepath.Glob("/usr/lib/*/kamailio/modules/presence_dialoginfo.so")
	if len(found) == 0 {
		return "", "", errors.New("the modules of Kamailio are missing: run make tools, or install the Debian package kamailio-presence-modules")
	}
	return path, filepath.Dir(found[0]), nil
}

// startKamailio starts it and waits until it answers.
func startKamailio(ctx context.Context, children int) (*kamailio, error) {
	path, modules, err := findKamailio()
	if err != nil {
		return nil, err
	}
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(loopback))
	if err != nil {
		return nil, err
	}
	k := &kamailio{addr: c.LocalAddr().(*net.UDPAddr).AddrPort()}
	c.Close()
	if k.dir, err = os.MkdirTemp("", "doorlight-bench"); err != nil {
		return nil, err
	}
	config := strings.NewReplacer("CHILDREN", strconv.Itoa(children), "ADDRESS", k.addr.String(), "MODULES", modules, "FOLDER", k.dir,
		"REDIRECTED", redirectedTo, "REALM", sipRealm, "PASSWORD", sipPassword).Replace(kamailioConfig)
	err = errors.Join(
		os.CopyFS(filepath.Join(k.dir, "db"), os.DirFS("/usr/share/kamailio/dbtext/kamailio")),
		os.WriteFile(filepath.Join(k.dir, "kamailio.cfg"), []byte(config), 0o600),
	)
	if err != nil {
		os.RemoveAll(k.dir)
		return nil, err
	}
	k.cmd = exec.CommandContext(ctx, "taskset", "-c", "0", path, "-f", filepath.Join(k.dir, "kamailio.cfg"), "-DD", "-E", "-m", "2048", "-M", "16", "-x", "tlsf", "-X", "tlsf",
		"-P", filepath.Join(k.dir, "pid"), "-Y", k.dir)
	k.cmd.Stdout, k.cmd.Stderr, k.cmd.Dir = &k.said, &k.said, k.dir
	if k.ended, err = startTied(k.cmd); err != nil {
		os.RemoveAll(k.dir)
		return nil, err
	}
	for end := time.Now().Add(15 * time.Second); !k.answers(); {
		select {
		case <-k.ended:
		case <-time.After(50 * time.Millisecond):
			if time.Now().Before(end) && ctx.Err() == nil {
				continue
			}
		}
		k.stop()
		return nil, fmt.Errorf("kamailio does not answer: %s", k.said.String())
	}
	return k, nil
}

// startTied starts a program with a group of its own, so that all its processes are found. It is asked to end when its context does, and ends
// with this process at the latest; what it leaves behind is killed. The channel has what Wait returns, and is closed.
func startTied(cmd *exec.Cmd) (<-chan error, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	started, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		runtime.LockOSThread() // Pdeathsig means this thread
		defer runtime.UnlockOSThread()
		defer close(ended)
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
	}()
	return ended, <-started
}

func (k *kamailio) stop() {
	k.once.Do(func() {
		k.cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(5*time.Second, func() { syscall.Kill(-k.cmd.Process.Pid, syscall.SIGKILL) })
		for range k.ended {
		}
		kill.Stop()
		os.RemoveAll(k.dir)
	})
}

// answers asks the server whether it is there.
func (k *kamailio) answers() bool {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(k.addr))
	if err != nil {
		return false
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(200 * time.Millisecond))
	fmt.Fprintf(c, "OPTIONS sip:%[1]s SIP/2.0\r\nVia: SIP/2.0/UDP %[2]s;rport;branch=z9hG4bK%[3]d\r\nMax-Forwards: 70\r\nFrom: <sip:bench@%[1]s>;tag=1\r\nTo: <sip:%[1]s>\r\nCall-ID: %[3]d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
		k.addr, c.LocalAddr(), time.Now().UnixNano())
	answer := make([]byte, 4096)
	n, err := c.Read(answer)
	return err == nil && bytes.HasPrefix(answer[:n], []byte("SIP/2.0 200"))
}

func (k *kamailio) pids() []int { return group(k.cmd.Process.Pid) }

// group returns the processes of a group.
func group(id int) (pids []int) {
	all, _ := os.ReadDir("/proc")
	for _, e := range all {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if g, err := syscall.Getpgid(pid); err == nil && g == id {
			pids = append(pids, pid)
		}
	}
	return pids
}

// resident returns the resident memory of processes in bytes; what they share is counted once.
func resident(pids []int) (sum int64) {
	for _, pid := range pids {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "Pss:" {
				n, _ := strconv.ParseInt(f[1], 10, 64)
				sum += n << 10
			}
		}
	}
	return sum
}

// findProgram returns where a program is, also if it is where only root looks.
func findProgram(name, pkg string) (string, error) {
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if p, err := exec.LookPath(candidate); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("the program %s is missing: run make tools, or install the Debian package %s", name, pkg)
}
