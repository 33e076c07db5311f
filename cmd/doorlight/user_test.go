package main

import (
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
