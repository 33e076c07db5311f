package api_test

import (
	"testing"

	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/presence"
)

// TestAnOwnProfileIsKeptWhileItsStatusIsNotPermitted (P8): its owner sees it, and cannot choose it until it is again.
func TestAnOwnProfileIsKeptWhileItsStatusIsNotPermitted(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("anna")
	anna := b.as("anna")
	mine := decode[api.Profiles](anna.put("/people/me/profiles", map[string]any{"own": []any{
		map[string]any{"name": "Exam", "status": "do_not_disturb", "forwarding": map[string]any{"action": "keep"}},
	}}).fine(t)).Own
	permit := func(statuses ...presence.Status) {
		t.Helper()
		b.ok(b.office.ChangeSection(t.Context(), office.By{Actor: "admin"}, b.location, policy.SectionOwnProfiles, func(s *policy.Settings) error {
			s.OwnProfiles.Permitted = statuses
			return nil
		}))
	}
	choice := map[string]any{"profile": mine[0].ID}
	permit(presence.Busy)
	anna.put("/people/me/choice", choice).names(t, "body.profile")
	anna.put("/people/me/settings", map[string]any{"activation": map[string]any{"lock": map[string]any{"on": true, "profile": mine[0].ID}}}).names(t, "body.activation.lock.profile")
	if got := decode[api.Profiles](anna.get("/people/me/profiles").fine(t)); len(got.Own) != 1 || len(got.Permitted) != 1 {
		t.Errorf("her own profiles are %+v, permitted is %v", got.Own, got.Permitted)
	}
	permit(presence.Busy, presence.DoNotDisturb)
	anna.put("/people/me/choice", choice).fine(t)
}
