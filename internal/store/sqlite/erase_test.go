package sqlite

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// TestDeletedPeopleLeaveTheFiles looks at every byte while the database is open.
func TestDeletedPeopleLeaveTheFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s, err := Open(t.Context(), filepath.Join(folder, "doorlight.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	holds := func(word string) (found []string) {
		t.Helper()
		names, err := filepath.Glob(filepath.Join(folder, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(data, []byte(word)) {
				found = append(found, filepath.Base(name))
			}
		}
		return found
	}
	now := time.Now()
	canary := func(i int) string { return fmt.Sprintf("canary%04d", i) }
	update := func(c store.Changes) {
		t.Helper()
		if err := s.Update(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	update(store.Changes{PutLocations: []store.Location{{ID: "hq", Name: "HQ"}}})
	const people = 400
	for i := range people {
		id, word := fmt.Sprint("person", i*7919%people), canary(i)
		detail := fmt.Appendf(nil, `{"name":%q}`, word)
		update(store.Changes{
			PutPeople:    []store.Person{{ID: id, LocationID: "hq", Role: "user", Name: word, Login: word, Own: detail, CreatedAt: now}},
			PutCalendars: []store.Calendar{{ID: "c" + id, PersonID: id, Kind: "feed", Name: word}},
			PutSessions:  []store.Session{{Hash: []byte(id), PersonID: id, Label: word, ExpiresAt: now.Add(time.Hour)}},
			PutTokens:    []store.Token{{ID: "t" + id, Name: word, Hash: []byte("t" + id), PersonID: id}},
			Audit:        []store.AuditEntry{{At: now, Action: "calendar.put", PersonID: id, Detail: detail}},
		})
		text := word + strings.Repeat("!", i%90)
		if err := s.WriteClaims(t.Context(), store.ClaimBatch{
			Puts: []store.PersonClaim{{PersonID: id, Claim: presence.Claim{Source: "hand", Text: text, From: now}}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < people; i += 13 {
		if len(holds(canary(i))) == 0 {
			t.Fatal("the search finds nothing")
		}
		update(store.Changes{DeletePeople: []string{fmt.Sprint("person", i*7919%people)}})
		if files := holds(canary(i)); len(files) > 0 {
			t.Errorf("%s is in %q", canary(i), files)
		}
	}
	if len(holds(canary(1))) == 0 {
		t.Error("somebody else is gone as well")
	}
}

// TestALongReaderOnlyPutsErasingOff has a backup read while somebody is deleted.
func TestALongReaderOnlyPutsErasingOff(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "doorlight.db")
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	person := store.Person{ID: "anna", LocationID: "hq", Role: "user", Name: "canary"}
	if err := s.Update(t.Context(), store.Changes{PutLocations: []store.Location{{ID: "hq"}}, PutPeople: []store.Person{person}}); err != nil {
		t.Fatal(err)
	}
	reader, err := connect(t, path).Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Rollback()
	var n int
	if err := reader.QueryRow("SELECT count(*) FROM people").Scan(&n); err != nil || n != 1 {
		t.Fatalf("%d people, %v", n, err)
	}
	log := func() int64 {
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	if err := s.Update(t.Context(), store.Changes{DeletePeople: []string{"anna"}}); err != nil {
		t.Fatal(err)
	}
	if log() == 0 {
		t.Error("the log is empty while somebody reads from it")
	}
	reader.Rollback()
	if err := s.Update(t.Context(), store.Changes{PutLocations: []store.Location{{ID: "lab", Name: "Lab"}}}); err != nil {
		t.Fatal(err)
	}
	if size := log(); size != 0 {
		t.Errorf("after the next change the log has %d bytes", size)
	}
}
