package api_test

import (
	"fmt"
	"testing"

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
		b.ok(b.office.ChangeOwn(t.Context(), "anna", "settings.put", "anna", func(_ *office.Person, own *policy.Own) error {
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
