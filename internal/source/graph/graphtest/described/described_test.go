package described

import (
	"net/http"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Deviations are noticed, so that no test passes because nothing is looked at.
func TestTheDescriptionIsStrict(t *testing.T) {
	t.Parallel()
	d := In("../../testdata/openapi/graph-v1.0-subset.json")
	const base = "https://anywhere.example.com/v1.0"
	view := "/users/x/calendarView?startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-03-02T00:00:00Z"
	shown := `{"id":"x","availability":"Busy","activity":"InACall","sequenceNumber":"A1","outOfOfficeSettings":{"message":null,"isOutOfOffice":false},"workLocation":null}`
	const fine, call, answer, both = "", "call", "answer", "call answer"
	for name, one := range map[string]struct {
		method, url, body string
		status            int
		answer            string
		wrong             string // what deviates
	}{
		"as described":             {"GET", view, "", 200, `{"value":[{"@odata.etag":"x","id":"1","showAs":"busy","start":{"dateTime":"2026-03-01T00:00:00","timeZone":"UTC"}}]}`, fine},
		"a word that is none":      {"GET", view, "", 200, `{"value":[{"showAs":"bored"}]}`, answer},
		"a property that is not":   {"GET", view, "", 200, `{"value":[{"colour":"red"}]}`, answer},
		"a number as a subject":    {"GET", view, "", 200, `{"value":[{"subject":1}]}`, answer},
		"no window":                {"GET", "/users/x/calendarView", "", 200, `{"value":[]}`, call},
		"no such path":             {"GET", "/users/x/agenda", "", 200, `{"value":[]}`, both},
		"a subscription":           {"POST", "/subscriptions", `{"resource":"users/x/events"}`, 200, `{"id":"1"}`, fine},
		"an odd subscription":      {"POST", "/subscriptions", `{"mailbox":"x"}`, 200, `{"id":"1"}`, call},
		"a presence":               {"GET", "/users/x/presence", "", 200, shown, fine},
		"my own":                   {"GET", "/me/presence", "", 200, shown, fine},
		"with a property too many": {"GET", "/me/presence", "", 200, `{"mood":"good"}`, answer},
		"a number for a text":      {"GET", "/me/presence", "", 200, `{"sequenceNumber":1}`, answer},
		"a text for a truth":       {"GET", "/me/presence", "", 200, `{"outOfOfficeSettings":{"isOutOfOffice":"no"}}`, answer},
		"something out of office":  {"GET", "/me/presence", "", 200, `{"outOfOfficeSettings":{"until":"Friday"}}`, answer},
		"many":                     {"POST", "/communications/getPresencesByUserId", `{"ids":["x"]}`, 200, `{"value":[` + shown + `]}`, fine},
		"many of no list":          {"POST", "/communications/getPresencesByUserId", `{"ids":"x"}`, 200, `{"value":[]}`, call},
		"many otherwise":           {"POST", "/communications/getPresencesByUserId", `{"users":["x"]}`, 200, `{"value":[]}`, call},
		"a session":                {"POST", "/users/x/presence/setPresence", `{"sessionId":"x","availability":"Busy","activity":"InACall","expirationDuration":"PT5M"}`, 200, ``, fine},
		"a session of a mood":      {"POST", "/users/x/presence/setPresence", `{"mood":"good"}`, 200, ``, call},
		"a session of five":        {"POST", "/users/x/presence/setPresence", `{"expirationDuration":5}`, 200, ``, call},
		"an odd action":            {"POST", "/users/x/presence/setMood", `{}`, 200, ``, both},
		"refused":                  {"POST", "/users/x/presence/setPresence", `{"mood":"good"}`, 400, `{"error":{"code":"BadRequest","message":""}}`, call},
		"refused otherwise":        {"POST", "/users/x/presence/setPresence", `{}`, 400, `{"error":"no"}`, answer},
	} {
		req, err := http.NewRequest(one.method, base+one.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		ofCall, ofAnswer := d.Deviations(req, []byte(one.body), one.status, []byte(one.answer))
		wrong := ""
		switch {
		case len(ofCall) > 0 && len(ofAnswer) > 0:
			wrong = both
		case len(ofCall) > 0:
			wrong = call
		case len(ofAnswer) > 0:
			wrong = answer
		}
		if wrong != one.wrong {
			t.Errorf("%s: %q deviates, want %q: %q", name, wrong, one.wrong, slices.Concat(ofCall, ofAnswer))
		}
	}
}
