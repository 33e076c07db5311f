package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestWhoeverHasTheServerLetsSomebodyIn when nobody can sign in any more.
func TestWhoeverHasTheServerLetsSomebodyIn(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	command := func(args ...string) (string, error) {
		var out output
		err := run(t.Context(), append(args, "--data", data), &out, &out)
		return out.String(), err
	}
	if _, err := command("user", "list"); err == nil || !strings.Contains(err.Error(), "there is no database") {
		t.Errorf("before there is anything: %v", err)
	}
	s := startServer(t, data)
	id := s.setUp()
	s.call("POST", "/people", map[string]any{"name": "Bob", "login": "bob", "location": location(s)}, nil, 200)
	list, err := command("user", "list")
	if err != nil || !regexp.MustCompile(`(?m)^ada +Ada Admin +admin +Berlin`).MatchString(list) || !strings.Contains(list, "bob") {
		t.Errorf("the list: %v\n%s", err, list)
	}
	if _, err := command("user", "link", "nobody"); err == nil || !strings.Contains(err.Error(), `there is nobody with the login or ID "nobody"`) {
		t.Errorf("a link for nobody: %v", err)
	}

	// A link works at once, while the server runs.
	told, err := command("user", "link", "ada")
	secret := regexp.MustCompile(`/password#(\S+)`).FindStringSubmatch(told)
	if err != nil || secret == nil {
		t.Fatalf("a link: %v\n%s", err, told)
	}
	s.call("POST", "/password", map[string]string{"secret": secret[1], "password": "a new password"}, nil, 200)
	s.call("POST", "/session", map[string]string{"login": "ada", "password": "correct horse"}, nil, 401)
	s.call("POST", "/session", map[string]string{"login": "ada", "password": "a new password"}, nil, 200)
	var log struct {
		Entries []struct{ Actor, Action, Person string }
	}
	s.call("GET", "/audit?action=link&person="+id, nil, &log, 200)
	if len(log.Entries) != 1 || log.Entries[0].Actor != "command line" || log.Entries[0].Action != "link.reset" {
		t.Errorf("the audit log says %+v", log)
	}

	// A role does not: the server would not see it.
	if _, err := command("user", "admin", "bob"); err == nil || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("beside a server: %v", err)
	}
	s.stop()
	if said, err := command("user", "admin", "bob"); err != nil || !strings.Contains(said, "Bob is a system administrator") {
		t.Errorf("%v: %s", err, said)
	}
	if list, _ := command("user", "list"); !regexp.MustCompile(`(?m)^bob +Bob +admin`).MatchString(list) {
		t.Errorf("the list afterwards\n%s", list)
	}
}

// location returns the ID of the first location.
func location(s *running) string {
	var all struct{ Locations []struct{ ID string } }
	s.call("GET", "/locations", nil, &all, 200)
	return all.Locations[0].ID
}

func TestAListOfPeopleIsImported(t *testing.T) {
	t.Parallel()
	data, file := t.TempDir(), filepath.Join(t.TempDir(), "people.csv")
	command := func(args ...string) (string, error) {
		var out output
		err := run(t.Context(), append(args, "--data", data), &out, &out)
		return out.String(), err
	}
	s := startServer(t, data)
	s.setUp()
	var list strings.Builder
	list.WriteString("login;name;location\r\n")
	for i := range 1000 {
		place := "Berlin"
		if i == 499 {
			place = "Paris"
		}
		fmt.Fprintf(&list, "p%d;Person %d;%s\r\n", i, i, place)
	}
	if err := os.WriteFile(file, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := command("import", file, "--dry-run") // also while it runs
	if err != nil || !strings.Contains(said, "line 501 (p499), location: there is no location \"Paris\"\n") ||
		!strings.Contains(said, "999 would be added, 0 would be changed, 0 are as the list says, 1 refused") {
		t.Errorf("asked: %v\n%s", err, said)
	}
	if _, err := command("import", file); err == nil || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("beside a server: %v", err)
	}
	s.stop()
	for _, want := range []string{"999 added, 0 changed, 0 are as", "0 added, 0 changed, 999 are as"} {
		if said, err := command("import", file); err != nil || !strings.Contains(said, want) {
			t.Errorf("%v\n%s\nwant %s", err, said, want)
		}
	}
	if err := os.WriteFile(file, []byte("who\nx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := command("import", file); err == nil || !strings.Contains(err.Error(), `there is no column "who"`) {
		t.Errorf("another file: %v", err)
	}
}
