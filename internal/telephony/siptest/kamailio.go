package siptest

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ServerConfig is how a Server behaves. The zero value asks nobody for a password.
type ServerConfig struct {
	// Password, if not empty, is what whoever subscribes has to prove that he knows, whatever his name.
	Password string
	SHA256   bool // the proof is by SHA-256, by MD5 otherwise

	// ManyDialogs has documents list all dialogs of a line, in place of the one that matters most.
	ManyDialogs bool
	// Shortest and Longest bound the life of a subscription, in seconds. Zero: as Kamailio has it.
	Shortest, Longest int
	// Before is put before everything else that is done with a request, in Kamailio's own language.
	Before string
	// Redirects, if not empty, is host and port of a redirect server, which is asked where a call to a number goes. The address that it
	// answers with is called: one whose user part begins with desk- is that of a telephone, which Desk has, and all others are Elsewhere's.
	Redirects, Desk, Elsewhere string
}

// Server is Kamailio: registrar, proxy, and presence server that publishes the dialogs of every call that passes through it.
type Server struct {
	Port int // of UDP and TCP

	c   ServerConfig
	dir string
	p   *program
}

// Realm is that of a Server which asks for a password.
const Realm = "example.test"

// Kamailio starts a server and waits until it answers.
func Kamailio(t TB, c ServerConfig) *Server {
	t.Helper()
	s := &Server{Port: FreePort(t, 1), c: c, dir: folder(t)}
	database := filepath.Join(s.dir, "kamailio.db")
	sqlite := find(t, "sqlite3", "sqlite3")
	// The mode stays with the file. Kamailio's processes would each set it at their start, and find the file locked by one another.
	if said, err := exec.Command(sqlite, database, "PRAGMA journal_mode=WAL").CombinedOutput(); err != nil {
		t.Fatalf("database of Kamailio: %v: %s", err, said)
	}
	for _, name := range []string{"standard", "presence"} {
		script, err := os.Open("/usr/share/kamailio/db_sqlite/" + name + "-create.sql")
		if err != nil {
			t.Fatalf("tables of Kamailio: %v: install the Debian package kamailio-sqlite-modules", err)
		}
		create := exec.Command(sqlite, database)
		create.Stdin = script
		said, err := create.CombinedOutput()
		script.Close()
		if err != nil {
			t.Fatalf("tables of Kamailio: %v: %s", err, said)
		}
	}
	write(t, s.dir, "kamailio.cfg", s.config(t))
	s.start(t)
	return s
}

func (s *Server) start(t TB) {
	t.Helper()
	for again := range 5 {
		s.p = run(t, "kamailio", find(t, "kamailio", "kamailio"), s.dir,
			"-f", filepath.Join(s.dir, "kamailio.cfg"), "-DD", "-E", "-m", "64", "-M", "8", "-P", filepath.Join(s.dir, "pid"))
		s.p.until(t, "answering", s.answers)
		if !strings.Contains(s.Log(), "connecting to database failed") || again == 4 {
			return
		}
		s.p.stop() // one of its processes serves nobody
	}
}

// Stop ends the server. It forgets who is subscribed and registered.
func (s *Server) Stop() { s.p.stop() }

// Start has a server that was stopped begin again, on the same port.
func (s *Server) Start(t TB) {
	t.Helper()
	s.start(t)
}

// Addr is host and port.
func (s *Server) Addr() string { return fmt.Sprintf("%s:%d", Address, s.Port) }

// Log is what the server said.
func (s *Server) Log() string { return s.p.log.String() }

// answers asks the server whether it is there (RFC 3261 §11).
func (s *Server) answers() bool {
	c, err := net.Dial("udp4", s.Addr())
	if err != nil {
		return false
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(200 * time.Millisecond))
	id := rand.Text()
	fmt.Fprintf(c, "OPTIONS sip:%[1]s SIP/2.0\r\nVia: SIP/2.0/UDP %[2]s;rport;branch=z9hG4bK%[3]s\r\nMax-Forwards: 70\r\n"+
		"From: <sip:test@%[1]s>;tag=%[3]s\r\nTo: <sip:%[1]s>\r\nCall-ID: %[3]s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
		s.Addr(), c.LocalAddr(), id)
	answer := make([]byte, 4096)
	n, err := c.Read(answer)
	return err == nil && strings.HasPrefix(string(answer[:n]), "SIP/2.0 200")
}

func (s *Server) config(t TB) string {
	t.Helper()
	modules, err := filepath.Glob("/usr/lib/*/kamailio/modules/tm.so")
	if err != nil || len(modules) == 0 {
		t.Fatal("the modules of Kamailio are missing: install the Debian package kamailio")
	}
	var extra, ask strings.Builder
	if s.c.Password != "" {
		extra.WriteString("loadmodule \"auth.so\"\n")
		if s.c.SHA256 {
			extra.WriteString("modparam(\"auth\", \"algorithm\", \"SHA-256\")\n")
		}
		fmt.Fprintf(&ask, "\tif (is_method(\"SUBSCRIBE\")) {\n\t\tif (!pv_www_authenticate(%q, %q, \"0\")) { www_challenge(%[1]q, \"1\"); exit; }\n"+
			"\t\tconsume_credentials();\n\t}\n", Realm, s.c.Password)
	}
	single := 1
	if s.c.ManyDialogs {
		single = 0
	}
	before, routes := s.c.Before, ""
	if s.c.Redirects != "" {
		extra.WriteString("loadmodule \"acc.so\"\nloadmodule \"uac_redirect.so\"\nmodparam(\"uac_redirect\", \"acc_function\", \"\")\n")
		before += strings.NewReplacer("REDIRECTS", s.c.Redirects, "DESK", s.c.Desk, "ELSEWHERE", s.c.Elsewhere).Replace(asking)
		routes = asked
	}
	if s.c.Shortest > 0 {
		fmt.Fprintf(&extra, "modparam(\"presence\", \"min_expires\", %d)\nmodparam(\"presence\", \"min_expires_action\", 1)\n", s.c.Shortest)
	}
	if s.c.Longest > 0 {
		fmt.Fprintf(&extra, "modparam(\"presence\", \"max_expires\", %d)\n", s.c.Longest)
	}
	return strings.NewReplacer("RUNDIR", s.dir, "PORT", fmt.Sprint(s.Port), "MODULES", filepath.Dir(modules[0])+"/",
		"#EXTRA", extra.String(), "#ASK", ask.String(), "#BEFORE", before, "#ROUTES", routes, "SINGLE", fmt.Sprint(single)).Replace(config)
}

// asking sends a call to a number to the redirect server, and one from there to where that said.
const asking = `
	if (is_method("INVITE") && !has_totag()) {
		if ($rU =~ "^desk-") { $du = "sip:DESK"; record_route(); route(RELAY); }
		if (is_present_hf("X-Asked")) { $du = "sip:ELSEWHERE"; record_route(); route(RELAY); }
		t_on_failure("ASKED");
		t_set_fr(0, 2000);
		$du = "sip:REDIRECTS";
		route(RELAY);
	}
`

const asked = `
failure_route[ASKED] {
	if (t_is_canceled() || t_check_status("48[0-9]|6[0-9][0-9]")) exit;
	t_reset_fr();
	if (!t_check_status("302")) { $rU = "desk-" + $rU; $du = $null; t_relay(); exit; }
	if (!get_redirects("*")) { t_reply("480", "Nowhere"); exit; }
	append_hf("X-Asked: yes\r\n");
	t_relay();
}
`

const config = `debug=2
log_stderror=yes
children=2
tcp_children=2
auto_aliases=no
dns=no
rev_dns=no
listen=udp:127.0.0.1:PORT
listen=tcp:127.0.0.1:PORT
alias="example.test"
mpath="MODULES"
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "sanity.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "ctl.so"
loadmodule "db_sqlite.so"
loadmodule "presence.so"
loadmodule "presence_xml.so"
loadmodule "presence_dialoginfo.so"
loadmodule "dialog.so"
loadmodule "pua.so"
loadmodule "pua_dialoginfo.so"
modparam("ctl", "binrpc", "unix:RUNDIR/ctl")
modparam("rr", "append_fromtag", 1)
modparam("usrloc", "db_mode", 0)
modparam("presence", "db_url", "sqlite:///RUNDIR/kamailio.db")
modparam("presence", "server_address", "sip:127.0.0.1:PORT")
modparam("presence", "subs_db_mode", 0)
modparam("presence", "publ_cache", 2)
modparam("presence", "send_fast_notify", 1)
modparam("presence_xml", "db_url", "sqlite:///RUNDIR/kamailio.db")
modparam("presence_xml", "force_active", 1)
modparam("presence_dialoginfo", "force_single_dialog", SINGLE)
modparam("dialog", "db_mode", 0)
modparam("pua", "db_url", "sqlite:///RUNDIR/kamailio.db")
modparam("pua_dialoginfo", "include_callid", 1)
modparam("pua_dialoginfo", "include_tags", 1)
modparam("pua_dialoginfo", "include_localremote", 1)
modparam("pua_dialoginfo", "send_publish_flag", 5)
#EXTRA
request_route {
	if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
	if (!sanity_check("1511", "7")) exit;
#BEFORE
	if (is_method("CANCEL")) { if (t_check_trans()) route(RELAY); exit; }
#ASK
	if (has_totag()) {
		if (is_method("SUBSCRIBE") && uri == myself) { route(PRESENCE); exit; }
		if (loose_route()) { if (is_method("BYE")) dlg_manage(); route(RELAY); exit; }
		if (is_method("SUBSCRIBE|PUBLISH")) { route(PRESENCE); exit; }
		if (is_method("ACK")) { if (t_check_trans()) route(RELAY); exit; }
		sl_send_reply("404", "Not here"); exit;
	}
	t_check_trans();
	remove_hf("Route");
	if (is_method("REGISTER")) { if (!save("location")) sl_reply_error(); exit; }
	if (is_method("PUBLISH|SUBSCRIBE")) { route(PRESENCE); exit; }
	if (is_method("OPTIONS") && uri == myself && $rU == $null) { sl_send_reply("200", "OK"); exit; }
	if (is_method("INVITE")) { record_route(); setflag(5); dlg_manage(); }
	if ($rU == $null) { sl_send_reply("484", "Address Incomplete"); exit; }
	if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
	route(RELAY);
}
route[RELAY] { if (!t_relay()) sl_reply_error(); exit; }
route[PRESENCE] {
	if (!t_newtran()) { sl_reply_error(); exit; }
	if (is_method("PUBLISH")) { handle_publish(); t_release(); exit; }
	if (is_method("SUBSCRIBE")) { handle_subscribe(); t_release(); exit; }
}
#ROUTES
`
