package api_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/presence"
)

// withPassword is an administrator's change of a record that takes its time: hashing the password.
func withPassword(b *building, id string) map[string]any {
	return map[string]any{"name": id, "login": id, "location": b.location, "role": "user", "password": "correct horse"}
}

func TestWhatAPersonChangesWhileTheirRecordIsEditedStays(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna")
	admin := b.as("admin")
	edited := make(chan *answer, 1)
	go func() { edited <- admin.put("/people/anna/record", withPassword(b, "anna")) }()
	made := 0
	for len(edited) == 0 && made < 50 {
		b.ok(b.office.ChangeOwn(t.Context(), office.By{Actor: "anna"}, "settings.put", "anna", func(_ *office.Person, own *policy.Own) error {
			own.Profiles = append(own.Profiles, policy.Profile{
				Name: fmt.Sprint("Profile ", made), Status: presence.Busy, Forwarding: policy.Forwarding{Action: policy.ForwardKeep},
			})
			return nil
		}))
		made++
	}
	(<-edited).is(t, 200)
	p, _ := b.office.Person("anna")
	if len(p.Own.Profiles) != made {
		t.Errorf("Anna made %d profiles, and has %d", made, len(p.Own.Profiles))
	}
	b.nobody().post("/session", map[string]any{"login": "anna", "password": "correct horse"}).is(t, 200)
}

func TestNobodyComesBackBecauseTheirRecordIsEdited(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	admin, other := b.as("admin"), b.as("admin")
	for range 5 {
		b.people("Bert")
		edited := make(chan *answer)
		go func() { edited <- other.put("/people/bert/record", withPassword(b, "bert")) }()
		admin.delete("/people/bert/record").fine(t)
		if a := <-edited; a.status != 200 && a.status != 404 {
			t.Errorf("%s\nwant it done before, or nobody there", a)
		}
		admin.get("/people/bert/record").is(t, 404)
	}
}

func TestNothingOfSomebodyDeletedIsOnTheDisk(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna")
	admin := b.as("admin")
	record := withPassword(b, "anna")
	record["name"] = "Canary Bird"
	admin.put("/people/anna/record", record).is(t, http.StatusOK)
	anna := b.as("anna")
	anna.put("/people/me/choice", map[string]any{"status": "busy", "text": "Canary at lunch"}).is(t, http.StatusOK)
	anna.post("/people/me/calendars", map[string]any{"kind": "ics", "name": "Canary calendar", "url": "https://calendar.example/canary"}).fine(t)
	if len(b.files("anary")) == 0 {
		t.Fatal("the search finds nothing")
	}
	admin.delete("/people/anna/record").fine(t)
	if files := b.files("anary"); len(files) > 0 {
		t.Errorf("she is still in %q", files)
	}
	entries := decode[api.Audit](admin.get("/audit?person=anna").is(t, http.StatusOK)).Entries
	if len(entries) < 3 || entries[0].Action != "person.delete" || entries[0].Actor != "admin" {
		t.Errorf("the log says %+v", entries)
	}
	for _, e := range entries {
		if e.Detail != nil {
			t.Errorf("the log tells more: %+v", e)
		}
	}
}

// files returns the files of the data folder that hold a word.
func (b *building) files(word string) (found []string) {
	b.t.Helper()
	names, err := filepath.Glob(filepath.Join(b.folder, "*"))
	b.ok(err)
	for _, name := range names {
		data, err := os.ReadFile(name)
		b.ok(err)
		if bytes.Contains(data, []byte(word)) {
			found = append(found, filepath.Base(name))
		}
	}
	return found
}
