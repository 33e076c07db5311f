package main

import (
	"database/sql"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorlight/doorlight/internal/directory/slapdtest"
	"github.com/doorlight/doorlight/internal/source/exchange/exchangetest"
	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/internal/telephony/ami/amitest"
)

func TestTheDoctorFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	doctor := func(args ...string) (string, error) {
		var out output
		err := run(t.Context(), append([]string{"doctor", "--data", data}, args...), &out, &out)
		return out.String(), err
	}
	finds := func(what string, lines ...string) {
		t.Helper()
		said, err := doctor()
		if err == nil {
			t.Errorf("%s: nothing is wrong\n%s", what, said)
		}
		for _, line := range lines {
			if !strings.Contains(said, line) {
				t.Errorf("%s: it does not say %q:\n%s", what, line, said)
			}
		}
	}
	finds("before there is anything", "WRONG  database: there is no database in "+data, "Start the server once")

	s := startServer(t, data)
	finds("nobody is there yet", "WRONG  people: 0 people, 0 of them system administrators", "first administrator")
	s.setUp()
	if said, err := doctor(); err != nil || strings.Contains(said, "WRONG") || !strings.Contains(said, "ok     people: 1 people, 1 of them") {
		t.Errorf("all is well: %v\n%s", err, said)
	}
	if said, err := doctor("--listen", ":8443"); err == nil || !strings.Contains(said, "WRONG  listen: :8443 without encryption") {
		t.Errorf("an open door: %v\n%s", err, said)
	}
	if said, err := doctor("--tls-cert", data+"/none.pem", "--tls-key", data+"/none.pem"); err == nil || !strings.Contains(said, "WRONG  certificate: ") {
		t.Errorf("no certificate: %v\n%s", err, said)
	}

	ldap := slapdtest.Start(t, slapdtest.Options{})
	connector := map[string]any{"kind": "ldap", "name": "Directory", "enabled": true, "secret": "wrong", "ldap": map[string]any{
		"urls": []string{ldap.TLSURL}, "certificates": ldap.PEM(), "bind_dn": slapdtest.Reader, "base": slapdtest.Base,
		"places": []map[string]any{{"location": location(s)}},
	}}
	s.call("POST", "/connectors", connector, nil, 200)
	finds("a wrong password of a directory", "ok     Directory, connection", "WRONG  Directory, account")

	mail, err := exchangetest.Start(exchangetest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mail.Close)
	mail.AddAccount(exchangetest.Account{Name: "doorlight", Password: "secret", Impersonates: []string{"anna@example.test"}})
	for _, a := range []string{"anna@example.test", "bob@example.test"} {
		if _, err := mail.AddMailbox(exchangetest.Person{Address: a}); err != nil {
			t.Fatal(err)
		}
	}
	s.call("POST", "/connectors", map[string]any{"kind": "exchange", "name": "Exchange", "enabled": true, "secret": "secret", "exchange": map[string]any{
		"url": mail.URL(), "plaintext": true, "auth": "basic", "account": "doorlight",
	}}, nil, 200)
	calendar := func(args ...string) (string, error) {
		var out output
		err := run(t.Context(), append([]string{"doctor", "calendar", "--data", data}, args...), &out, &out)
		return out.String(), err
	}
	if said, err := calendar("anna@example.test"); err != nil || strings.Count(said, "ok     Exchange, ") < 5 {
		t.Errorf("a mailbox that may be read: %v\n%s", err, said)
	}
	if said, err := calendar("bob@example.test"); err == nil || !strings.Contains(said, "WRONG  Exchange, access") {
		t.Errorf("a mailbox that may not be read: %v\n%s", err, said)
	}
	if said, err := calendar("--scripts"); err != nil || !strings.Contains(said, "New-RoleGroup -Name 'Doorlight impersonation' -Roles 'ApplicationImpersonation' -Members 'doorlight'") {
		t.Errorf("scripts: %v\n%s", err, said)
	}
	if said, err := calendar("--system", "Nothing"); err == nil || !strings.Contains(err.Error(), `"Nothing"`) {
		t.Errorf("a system that is not there: %v\n%s", err, said)
	}

	key := filepath.Join(data, "secret.key")
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	finds("a key for everybody", "WRONG  data folder: "+key+" may be read by others", "chmod 600 "+key)
	if err := os.WriteFile(key, make([]byte, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	finds("another key", ": a stored credential cannot be read")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	finds("no key", "WRONG  key file: "+key+" is not there")
}

// TestCommandsLeaveADatabaseOfAnEarlierVersionAsItIs: a server of that version may be using it.
func TestCommandsLeaveADatabaseOfAnEarlierVersionAsItIs(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := startServer(t, data)
	s.setUp()
	s.stop()
	path := filepath.Join(data, "doorlight.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)`); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"doctor"}, {"user", "list"}, {"user", "link", "ada"}, {"explain", "ada"}, {"backup", filepath.Join(t.TempDir(), "x.db")}} {
		var out output
		err := run(t.Context(), append(args, "--data", data), &out, &out)
		if err == nil || !strings.Contains(out.String()+err.Error(), "of an earlier version") {
			t.Errorf("%q: %v\n%s", args, err, &out)
		}
	}
	if kept, _ := filepath.Glob(path + ".before-*"); len(kept) > 0 {
		t.Errorf("migrated: %q", kept)
	}
}

func TestTheDoctorTriesTeams(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	doctor := func(args ...string) (string, error) {
		var out output
		err := run(t.Context(), append([]string{"doctor"}, append(args, "--data", data)...), &out, &out)
		return out.String(), err
	}
	s := startServer(t, data)
	s.setUp()
	if said, err := doctor("teams"); err != nil || !strings.Contains(said, "ok     Microsoft Teams: no application reaches it here") {
		t.Errorf("without an application: %v\n%s", err, said)
	}
	if said, err := doctor("teams", "--system", "Nothing"); err == nil || !strings.Contains(err.Error(), `"Nothing"`) {
		t.Errorf("an application that is not there: %v\n%s", err, said)
	}

	app := graphtest.TeamsApp()
	microsoft, err := graphtest.Start(graphtest.Config{Apps: []graphtest.App{app}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(microsoft.Close)
	if _, err := microsoft.AddMailbox(graphtest.Mailbox{UPN: "anna@example.test"}); err != nil {
		t.Fatal(err)
	}
	var connector struct{ ID string }
	settings := map[string]any{"kind": "graph", "name": "Microsoft 365", "enabled": true, "secret": app.Secret, "graph": map[string]string{
		"tenant": microsoft.Tenant, "client_id": app.ID, "cloud": "custom", "login_url": microsoft.LoginURL, "graph_url": microsoft.GraphURL,
	}}
	s.call("POST", "/connectors", settings, &connector, 200)
	if said, err := doctor("teams", "anna@example.test"); err != nil || strings.Count(said, "ok     Microsoft 365, ") < 3 {
		t.Errorf("an application that may: %v\n%s", err, said)
	}
	if said, err := doctor("teams", "--scripts"); err != nil || !strings.Contains(said, "'Presence.ReadWrite.All'") || !strings.Contains(said, "'"+app.ID+"'") {
		t.Errorf("scripts: %v\n%s", err, said)
	}
	if shown := microsoft.Shown("anna@example.test").String(); len(microsoft.Sessions("anna@example.test")) > 0 {
		t.Errorf("it leaves %s behind", shown)
	}

	// Once a scope names it, the examination tries it too, and what it finds wrong ends with an error.
	s.call("PUT", "/scopes/"+s.location()+"/settings", map[string]any{"teams": map[string]any{
		"sync": "telephony", "user_may_change": false, "connector": connector.ID, "access": "application", "remember": false, "keep_minutes": 10,
	}}, nil, 200)
	if said, err := doctor(); err != nil || !strings.Contains(said, "ok     Microsoft 365, ") {
		t.Errorf("with Teams: %v\n%s", err, said)
	}
	settings["secret"] = "wrong"
	s.call("PUT", "/connectors/"+connector.ID, settings, nil, 200)
	for _, args := range [][]string{{}, {"teams"}} {
		if said, err := doctor(args...); err == nil || !strings.Contains(said, "WRONG  Microsoft 365, ") {
			t.Errorf("a wrong secret, %q: %v\n%s", args, err, said)
		}
	}
}

func TestTheDoctorTriesTheTelephones(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	doctor := func(args ...string) (string, error) {
		var out output
		err := run(t.Context(), append([]string{"doctor"}, append(args, "--data", data)...), &out, &out)
		return out.String(), err
	}
	s := startServer(t, data)
	s.setUp()
	if said, err := doctor("telephony"); err != nil || !strings.Contains(said, "ok     telephony: there are no telephone systems here") {
		t.Errorf("without any: %v\n%s", err, said)
	}
	if said, err := doctor("telephony", "--system", "Nothing"); err == nil || !strings.Contains(err.Error(), `"Nothing"`) {
		t.Errorf("one that is not there: %v\n%s", err, said)
	}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pbx := amitest.Start(l, amitest.Config{Users: map[string]amitest.User{"doorlight": {Secret: "wV9-ami", Read: "system,call", Write: "system,call"}}})
	t.Cleanup(pbx.Close)
	pbx.AddPhone("201")
	settings := map[string]any{"kind": "asterisk", "name": "Telephones", "enabled": true, "secret": "wV9-ami", "asterisk": map[string]any{
		"host": "127.0.0.1", "port": l.Addr().(*net.TCPAddr).Port, "username": "doorlight", "forwarding": "freepbx",
	}}
	var connector struct{ ID string }
	s.call("POST", "/connectors", settings, &connector, 200)
	for _, args := range [][]string{{}, {"telephony"}, {"telephony", "201"}} {
		if said, err := doctor(args...); err != nil || !strings.Contains(said, "ok     Telephones, sign_in: ") || strings.Contains(said, "Telephones, line: ") != (len(args) == 2) {
			t.Errorf("%q: %v\n%s", args, err, said)
		}
	}
	if said, err := doctor("telephony", "209"); err == nil || !strings.Contains(said, "WRONG  Telephones, line: ") {
		t.Errorf("a line that is not there: %v\n%s", err, said)
	}
	settings["secret"] = "wrong"
	s.call("PUT", "/connectors/"+connector.ID, settings, nil, 200)
	for _, args := range [][]string{{}, {"telephony"}} {
		if said, err := doctor(args...); err == nil || !strings.Contains(said, "WRONG  Telephones, sign_in: ") || strings.Contains(said, "wV9") {
			t.Errorf("a wrong secret, %q: %v\n%s", args, err, said)
		}
	}
}
