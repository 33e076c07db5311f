package graphtest

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// office starts a stand-in with anna, bert and the permissions that presence needs, and signs in as the application.
func office(t *testing.T, c Config) (*Server, *client) {
	t.Helper()
	if len(c.Apps) == 0 {
		c.Apps = []App{TeamsApp()}
	}
	watch := c.Observe
	c.Observe = func(x Exchange) {
		if watch != nil {
			watch(x)
		}
		if !offTheRecord(x) {
			asDescribed(t)(x)
		}
	}
	s := start(t, c)
	return s, newClient(t, s).signIn()
}

func id(t *testing.T, s *Server, address string) string {
	t.Helper()
	s.mu.RLock()
	defer s.mu.RUnlock()
	box := s.find(address)
	if box == nil {
		t.Fatalf("no %s", address)
	}
	return box.info.ID
}

const anna, bert = "anna@example.com", "bert@example.com"

var appID = DefaultApp().ID

// post sends JSON, and returns the answer as "200", or as "400 BadRequest".
func (c *client) post(path, body string) string {
	c.t.Helper()
	status, _, out := c.do("POST", c.s.GraphURL+"/v1.0"+path, "application/json", body)
	return strings.TrimSpace(fmt.Sprint(status, " ", errorCode(out)))
}

// reads asks for the presence of some, and returns it by ID.
func (c *client) reads(ids ...string) map[string]Presence {
	c.t.Helper()
	body, err := json.Marshal(map[string]any{"ids": ids})
	must(c.t, err)
	status, _, out := c.do("POST", c.s.GraphURL+"/v1.0/communications/getPresencesByUserId", "application/json", string(body))
	if status != 200 {
		c.t.Fatalf("getPresencesByUserId: %d %v", status, out)
	}
	got := map[string]Presence{}
	for _, one := range out["value"].([]any) {
		m := one.(map[string]any)
		if _, again := got[m["id"].(string)]; again {
			c.t.Errorf("%s comes twice", m["id"])
		}
		got[m["id"].(string)] = presenceOf(m)
	}
	return got
}

func presenceOf(m map[string]any) Presence {
	text := func(name string) string { s, _ := m[name].(string); return s }
	return Presence{Pair: Pair{text("availability"), text("activity")}, Sequence: text("sequenceNumber")}
}

// sees is what a read of one user tells.
func (c *client) sees(address string) string {
	c.t.Helper()
	user := id(c.t, c.s, address)
	return c.reads(user)[user].String()
}

// clock is the stand-in's, moved by hand.
type clock struct {
	s     *Server
	ahead time.Duration
}

func (c *clock) pass(d time.Duration) {
	c.ahead += d
	c.s.SetClock(c.ahead)
}

func sessionBody(app string, pair Pair, lasts string) string {
	body := map[string]string{"sessionId": app, "availability": pair.Availability, "activity": pair.Activity}
	if lasts != "" {
		body["expirationDuration"] = lasts
	}
	out, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return string(out)
}

// TestAggregation is the table of what is shown of sessions and a preference, each row with where it comes from.
func TestAggregation(t *testing.T) {
	t.Parallel()
	const (
		manage    = "graph/cloud-communications-manage-presence-state"
		clear     = "graph/api/presence-clearpresence"
		preferred = "graph/api/presence-setuserpreferredpresence"
		guess     = "not documented"
	)
	for _, one := range []struct {
		source    string
		sessions  string // of clients, and of the application with app: before it; in the order in which they begin
		preferred string
		want      string
	}{
		{clear + ": no session, Offline/Offline", "", "", "Offline/Offline"},
		{manage + ": one session is what is shown", "Available/Available", "", "Available/Available"},
		{manage + ": DoNotDisturb > Busy", "DoNotDisturb/Presenting Busy/InACall", "", "DoNotDisturb/Presenting"},
		{manage + ": DoNotDisturb > Busy, whatever comes first", "Busy/InACall DoNotDisturb/Presenting", "", "DoNotDisturb/Presenting"},
		{manage + ": Busy > Available", "Busy/InACall Available/Available", "", "Busy/InACall"},
		{manage + ": Available > Away", "Away/Away Available/Available", "", "Available/Available"},
		{manage + ": DoNotDisturb > Available", "Available/Available DoNotDisturb/DoNotDisturb", "", "DoNotDisturb/DoNotDisturb"},
		{manage + ": DoNotDisturb > Away", "DoNotDisturb/DoNotDisturb Away/Away", "", "DoNotDisturb/DoNotDisturb"},
		{manage + ": Busy > Away", "Away/Away Busy/InAMeeting", "", "Busy/InAMeeting"},
		{manage + ": an application's session counts like a client's", "Available/Available app:Busy/InACall", "", "Busy/InACall"},
		{manage + ": a client's like an application's", "app:Available/Available Busy/InAMeeting", "", "Busy/InAMeeting"},
		{manage + ": an application's session alone", "app:Away/Away", "", "Away/Away"},
		{manage + ": an application's presenting over a call", "Busy/InACall app:DoNotDisturb/Presenting", "", "DoNotDisturb/Presenting"},
		{manage + ": the preference over a session", "Busy/InACall", "Available/Available", "Available/Available"},
		{manage + ": the preference over a higher session", "DoNotDisturb/Presenting", "BeRightBack/BeRightBack", "BeRightBack/BeRightBack"},
		{preferred + ": no session, no preference", "", "DoNotDisturb/DoNotDisturb", "Offline/Offline"},
		{preferred + ": a session of setPresence is enough", "app:Busy/InACall", "DoNotDisturb/DoNotDisturb", "DoNotDisturb/DoNotDisturb"},
		{preferred + ": to be shown as offline", "Available/Available", "Offline/OffWork", "Offline/OffWork"},
		{guess + ": the newest of equal rank", "Busy/InACall Busy/InAMeeting", "", "Busy/InAMeeting"},
		{guess + ": be right back is away", "BeRightBack/BeRightBack Available/Available", "", "Available/Available"},
		{guess + ": idle is less than in use", "Available/Available AvailableIdle/Inactive", "", "Available/Available"},
		{guess + ": idle is more than away", "AvailableIdle/Inactive Away/Away", "", "AvailableIdle/Inactive"},
	} {
		t.Run(one.source, func(t *testing.T) {
			t.Parallel()
			s, c := office(t, Config{})
			user := "/users/" + id(t, s, anna) + "/presence/"
			for i, text := range strings.Fields(one.sessions) {
				text, app := strings.CutPrefix(text, "app:")
				pair := pairOf(text)
				if !app {
					must(t, s.Client(anna, fmt.Sprint("client", i), pair.Availability, pair.Activity))
				} else if got := c.post(user+"setPresence", sessionBody(appID, pair, "")); got != "200" {
					t.Fatalf("setPresence %s: %s", pair, got)
				}
			}
			if one.preferred != "" {
				pair := pairOf(one.preferred)
				body := fmt.Sprintf(`{"availability":%q,"activity":%q}`, pair.Availability, pair.Activity)
				if got := c.post(user+"setUserPreferredPresence", body); got != "200" {
					t.Fatalf("setUserPreferredPresence %s: %s", pair, got)
				}
			}
			if got := c.sees(anna); got != one.want || s.Shown(anna).String() != one.want {
				t.Errorf("%s preferring %s shows %s (%s inside), want %s", one.sessions, one.preferred, got, s.Shown(anna), one.want)
			}
			if got := c.sees(bert); got != "Offline/Offline" {
				t.Errorf("and bert, who runs nothing, %s", got)
			}
		})
	}
}

func pairOf(text string) Pair {
	availability, activity, _ := strings.Cut(text, "/")
	return Pair{availability, activity}
}

// TestOldestWins is the other way to read what is not documented.
func TestOldestWins(t *testing.T) {
	t.Parallel()
	s, c := office(t, Config{})
	s.SetPresenceRules(PresenceRules{OldestWins: true})
	must(t, s.Client(anna, "a", "Busy", "InACall"))
	must(t, s.Client(anna, "b", "Busy", "InAMeeting"))
	if got := c.sees(anna); got != "Busy/InACall" {
		t.Errorf("the oldest is InACall, shown is %s", got)
	}
}

// TestTimePasses: sessions and preferences end, and who does nothing fades, on the stand-in's clock.
func TestTimePasses(t *testing.T) {
	t.Parallel()
	type step struct {
		at   string // after the start
		do   string
		want string
	}
	for name, steps := range map[string][]step{
		"a session of five minutes, the default": {{"0s", "set Busy/InACall", "Busy/InACall"}, {"4m59s", "", "Busy/InACall"}, {"5m1s", "", "Offline/Offline"}},
		"of four hours":                          {{"0s", "set Busy/InACall PT4H", "Busy/InACall"}, {"3h59m", "", "Busy/InACall"}, {"4h1s", "", "Offline/Offline"}},
		"a session kept alive": {{"0s", "set Busy/InACall", "Busy/InACall"}, {"4m", "set Busy/InACall", "Busy/InACall"}, {"8m", "", "Busy/InACall"},
			{"9m1s", "", "Offline/Offline"}},
		"an available session fades, however long it lasts": {{"0s", "set Available/Available PT1H", "Available/Available"}, {"4m50s", "", "Available/Available"},
			{"5m1s", "", "Available/AvailableInactive"}, {"9m50s", "", "Available/AvailableInactive"}, {"10m1s", "", "Away/Away"}, {"59m50s", "", "Away/Away"},
			{"1h1s", "", "Offline/Offline"}},
		"repeated before the timeout it does not": {{"0s", "set Available/Available PT1H", "Available/Available"}, {"4m", "set Available/Available PT1H", "Available/Available"},
			{"8m30s", "", "Available/Available"}, {"9m1s", "", "Available/AvailableInactive"}},
		"a busy one does not fade": {{"0s", "set Busy/InACall PT1H", "Busy/InACall"}, {"30m", "", "Busy/InACall"}},
		"a preference of do not disturb holds a day": {{"0s", "client Available/Available", "Available/Available"}, {"1m", "prefer DoNotDisturb/DoNotDisturb", "DoNotDisturb/DoNotDisturb"},
			{"24h", "", "DoNotDisturb/DoNotDisturb"}, {"24h1m1s", "", "Available/Available"}},
		"of busy too": {{"0s", "client Available/Available", "Available/Available"}, {"0s", "prefer Busy/Busy", "Busy/Busy"}, {"23h59m", "", "Busy/Busy"}, {"24h1s", "", "Available/Available"}},
		"of others seven": {{"0s", "client Available/Available", "Available/Available"}, {"0s", "prefer Away/Away", "Away/Away"}, {"167h59m", "", "Away/Away"},
			{"168h1s", "", "Available/Available"}},
		"or as long as it says": {{"0s", "client Available/Available", "Available/Available"}, {"0s", "prefer DoNotDisturb/DoNotDisturb PT8H", "DoNotDisturb/DoNotDisturb"},
			{"7h59m", "", "DoNotDisturb/DoNotDisturb"}, {"8h1s", "", "Available/Available"}},
		"a preference waits for a session": {{"0s", "prefer DoNotDisturb/DoNotDisturb", "Offline/Offline"}, {"1m", "set Busy/InACall", "DoNotDisturb/DoNotDisturb"},
			{"6m1s", "", "Offline/Offline"}},
		"who is idle fades in a client": {{"0s", "client Available/Available", "Available/Available"}, {"1m", "idle", "Available/Available"}, {"5m50s", "", "Available/Available"},
			{"6m1s", "", "AvailableIdle/Inactive"}, {"11m1s", "", "Away/Away"}, {"12m", "client Available/Available", "Available/Available"}, {"30m", "", "Available/Available"}},
		"cleared is gone at once": {{"0s", "set Busy/InACall PT1H", "Busy/InACall"}, {"1m", "clear", "Offline/Offline"}},
		"a preference cleared":    {{"0s", "client Busy/InAMeeting", "Busy/InAMeeting"}, {"0s", "prefer Available/Available", "Available/Available"}, {"1m", "unprefer", "Busy/InAMeeting"}},
		"everything at once in one leap of the clock": {{"0s", "client Available/Available", "Available/Available"}, {"0s", "idle", "Available/Available"},
			{"1s", "set Busy/InACall PT2H", "Busy/InACall"}, {"3h", "", "Away/Away"}},
		"what has ended cannot be cleared": {{"0s", "set Busy/InACall", "Busy/InACall"}, {"5m1s", "clear 404", "Offline/Offline"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := office(t, Config{TokenLife: 1000 * time.Hour})
			user := "/users/" + id(t, s, anna) + "/presence/"
			last := ""
			for _, one := range steps {
				at, err := time.ParseDuration(one.at)
				must(t, err)
				s.SetClock(at)
				do := strings.Fields(one.do + " - - -")
				pair, lasts := pairOf(do[1]), strings.Trim(do[2], "-")
				switch do[0] {
				case "client":
					must(t, s.Client(anna, "desktop", pair.Availability, pair.Activity))
				case "idle":
					must(t, s.Idle(anna, "desktop"))
				case "set":
					if got := c.post(user+"setPresence", sessionBody(appID, pair, lasts)); got != "200" {
						t.Fatal(got)
					}
				case "clear":
					want := "200"
					if do[1] == "404" {
						want = "404 NotFound"
					}
					if got := c.post(user+"clearPresence", `{"sessionId":"`+appID+`"}`); got != want {
						t.Fatal(got)
					}
				case "prefer":
					body := map[string]string{"availability": pair.Availability, "activity": pair.Activity}
					if lasts != "" {
						body["expirationDuration"] = lasts
					}
					text, err := json.Marshal(body)
					must(t, err)
					if got := c.post(user+"setUserPreferredPresence", string(text)); got != "200" {
						t.Fatal(got)
					}
				case "unprefer":
					if got := c.post(user+"clearUserPreferredPresence", "{}"); got != "200" {
						t.Fatal(got)
					}
				}
				got := c.reads(id(t, s, anna))[id(t, s, anna)]
				if got.String() != one.want {
					t.Errorf("at %s after %q: %s, want %s", one.at, one.do, got, one.want)
				}
				if now := got.String() + " " + got.Sequence; now != last && last != "" && strings.Fields(now)[0] != strings.Fields(last)[0] && got.Sequence <= strings.Fields(last)[1] {
					t.Errorf("at %s the sequence went from %s to %s", one.at, last, now)
				} else {
					last = now
				}
			}
		})
	}
}

// TestTheClockMayBePutBack: what was, stays, and nobody waits until it comes again.
func TestTheClockMayBePutBack(t *testing.T) {
	t.Parallel()
	s, c := office(t, Config{TokenLife: 1000 * time.Hour})
	user := "/users/" + id(t, s, anna) + "/presence/"
	s.SetClock(time.Hour)
	if got := c.post(user+"setPresence", sessionBody(appID, Pair{"Busy", "InACall"}, "")); got != "200" {
		t.Fatal(got)
	}
	before := s.Shown(anna)
	c.sees(anna)
	s.stat.Lock()
	s.quota["presence read "+appID].n = mostReads
	s.stat.Unlock()
	s.SetClock(0)
	if got := c.sees(anna); got != "Busy/InACall" {
		t.Errorf("an hour before it was set it is %s", got)
	}
	must(t, s.Client(anna, "desktop", "DoNotDisturb", "Presenting"))
	if after := s.Shown(anna); after.String() != "DoNotDisturb/Presenting" || after.Sequence <= before.Sequence || after.Since.Before(before.Since) {
		t.Errorf("%+v comes after %+v", after, before)
	}
}

// TestRenewingIsNotBeginning: of two sessions of equal rank the renewed one does not become the newest.
func TestRenewingIsNotBeginning(t *testing.T) {
	t.Parallel()
	s, c := office(t, Config{})
	user := "/users/" + id(t, s, anna) + "/presence/"
	for i, one := range []struct{ pair, want string }{{"Busy/InACall", "Busy/InACall"}, {"", "Busy/InAMeeting"}, {"Busy/InACall", "Busy/InAMeeting"},
		{"Busy/InAConferenceCall", "Busy/InAConferenceCall"}} {
		if one.pair == "" {
			must(t, s.Client(anna, "desktop", "Busy", "InAMeeting"))
		} else if got := c.post(user+"setPresence", sessionBody(appID, pairOf(one.pair), "")); got != "200" {
			t.Fatal(got)
		}
		if got := c.sees(anna); got != one.want {
			t.Errorf("%d: %s, want %s", i, got, one.want)
		}
	}
}

// TestTheTableOfTheManual is what calls and shared screens show of the two, and that it ends with them.
func TestTheTableOfTheManual(t *testing.T) {
	t.Parallel()
	s, c := office(t, Config{})
	both := func(what, a, b string) {
		t.Helper()
		if gotA, gotB := c.sees(anna), c.sees(bert); gotA != a || gotB != b {
			t.Errorf("%s: anna %s, bert %s, want %s and %s", what, gotA, gotB, a, b)
		}
	}
	must(t, s.Client(anna, "desktop", "Available", "Available"))
	both("before", "Available/Available", "Offline/Offline")
	must(t, s.Call(anna, bert))
	both("a call", "Busy/InACall", "Busy/InACall")
	must(t, s.Share(anna, bert))
	both("a screen is shared in it", "DoNotDisturb/Presenting", "Busy/InACall")
	must(t, s.Call(anna, bert))
	both("no more", "Busy/InACall", "Busy/InACall")
	must(t, s.EndCall(bert, anna))
	both("the other one hangs up", "Available/Available", "Available/Available")
	must(t, s.VideoCall(bert, anna))
	both("a video call", "Busy/InACall", "Busy/InACall")
	must(t, s.EndCall(anna, bert))
	must(t, s.Share(bert, anna))
	both("bert shares a screen", "Busy/InACall", "DoNotDisturb/Presenting")
	must(t, s.Quit(bert, "Teams"))
	both("bert's client is gone", "Available/Available", "Offline/Offline")
	must(t, s.Call(anna, "+49 30 123456"))
	must(t, s.Choose(anna, Pair{"Available", "Available"}, 0))
	both("a choice hides the call", "Available/Available", "Offline/Offline")
	must(t, s.Reset(anna))
	both("reset", "Busy/InACall", "Offline/Offline")
	must(t, s.EndCall(anna, "+49 30 123456"))
	both("after", "Available/Available", "Offline/Offline")
	for what, err := range map[string]error{"end no call": s.EndCall(anna, bert), "call oneself": s.Call(anna, anna), "quit nothing": s.Quit(anna, "mobile"), "idle nothing": s.Idle(anna, "mobile"),
		"a stranger's client": s.Client("nobody@example.com", "x", "Available", "Available"), "an odd word": s.Client(anna, "x", "Bored", "Bored"), "an odd activity": s.Client(anna, "x", "Busy", "Bored"),
		"an odd choice": s.Choose(anna, Pair{"Busy", "InACall"}, 0)} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

// TestPresenceRefuses what the real one refuses.
func TestPresenceRefuses(t *testing.T) {
	t.Parallel()
	s, c := office(t, Config{})
	user := "/users/" + id(t, s, anna) + "/presence"
	nobody := "00000000-0000-4000-8000-000000000000"
	good := sessionBody(appID, Pair{"Busy", "InACall"}, "PT5M")
	for _, one := range []struct{ name, path, body, want string }{
		{"good", user + "/setPresence", good, "200"},
		{"by another name", "/communications/presences/" + id(t, s, anna) + "/setPresence", good, "200"},
		{"with its namespace", user + "/microsoft.graph.setPresence", good, "200"},
		{"another session than the application's", user + "/setPresence", sessionBody(nobody, Pair{"Busy", "InACall"}, ""), "400 BadRequest"},
		{"no session", user + "/setPresence", `{"availability":"Busy","activity":"InACall"}`, "400 BadRequest"},
		{"in a meeting", user + "/setPresence", sessionBody(appID, Pair{"Busy", "InAMeeting"}, ""), "400 BadRequest"},
		{"busy", user + "/setPresence", sessionBody(appID, Pair{"Busy", "Busy"}, ""), "400 BadRequest"},
		{"do not disturb", user + "/setPresence", sessionBody(appID, Pair{"DoNotDisturb", "DoNotDisturb"}, ""), "400 BadRequest"},
		{"out of office", user + "/setPresence", sessionBody(appID, Pair{"Away", "OutOfOffice"}, ""), "400 BadRequest"},
		{"in small letters", user + "/setPresence", sessionBody(appID, Pair{"busy", "inACall"}, ""), "400 BadRequest"},
		{"four minutes", user + "/setPresence", sessionBody(appID, Pair{"Busy", "InACall"}, "PT4M59S"), "400 BadRequest"},
		{"more than four hours", user + "/setPresence", sessionBody(appID, Pair{"Busy", "InACall"}, "PT4H1S"), "400 BadRequest"},
		{"no duration", user + "/setPresence", sessionBody(appID, Pair{"Busy", "InACall"}, "5m"), "400 BadRequest"},
		{"an empty one", user + "/setPresence", sessionBody(appID, Pair{"Busy", "InACall"}, "PT"), "400 BadRequest"},
		{"240 minutes", user + "/setPresence", sessionBody(appID, Pair{"Busy", "InACall"}, "PT240M"), "200"},
		{"a user that there is not", "/users/" + nobody + "/presence/setPresence", good, "404 NotFound"},
		{"by sign-in name", "/users/" + anna + "/presence/setPresence", good, "400 BadRequest"},
		{"what is unknown", user + "/setPresence", `{"colour":"red"}`, "400 BadRequest"},
		{"what is of another call", user + "/clearPresence", good, "400 BadRequest"},
		{"no JSON", user + "/setPresence", `{`, "400 BadRequest"},
		{"me of an application", "/me/presence/setPresence", good, "400 BadRequest"},
		{"another action", user + "/setMood", "{}", "400 BadRequest"},
		{"clear", user + "/clearPresence", `{"sessionId":"` + appID + `"}`, "200"},
		{"clear again", user + "/clearPresence", `{"sessionId":"` + appID + `"}`, "404 NotFound"},
		{"prefer", user + "/setUserPreferredPresence", `{"availability":"DoNotDisturb","activity":"DoNotDisturb"}`, "200"},
		{"prefer a call", user + "/setUserPreferredPresence", `{"availability":"Busy","activity":"InACall"}`, "400 BadRequest"},
		{"prefer offline", user + "/setUserPreferredPresence", `{"availability":"Offline","activity":"Offline"}`, "400 BadRequest"},
		{"prefer for less than nothing", user + "/setUserPreferredPresence", `{"availability":"Away","activity":"Away","expirationDuration":"-PT5M"}`, "400 BadRequest"},
		{"prefer in a session", user + "/setUserPreferredPresence", `{"sessionId":"x","availability":"Away","activity":"Away"}`, "400 BadRequest"},
		{"no preference any more", user + "/clearUserPreferredPresence", `{}`, "200"},
		{"twice", user + "/clearUserPreferredPresence", `{}`, "200"},
		{"without the empty object", user + "/clearUserPreferredPresence", ``, "400 BadRequest"},
		{"nobody", "/communications/getPresencesByUserId", `{"ids":[]}`, "400 BadRequest"},
		{"no ID", "/communications/getPresencesByUserId", `{"ids":["` + anna + `"]}`, "400 BadRequest"},
		{"ids in another field", "/communications/getPresencesByUserId", `{"users":[]}`, "400 BadRequest"},
		{"another's", "/communications/getPresencesByUserId", `{"ids":["` + nobody + `"]}`, "200"},
		{"650", "/communications/getPresencesByUserId", idList(650), "200"},
		{"651", "/communications/getPresencesByUserId", idList(651), "400 BadRequest"},
	} {
		if got := c.post(one.path, one.body); got != one.want {
			t.Errorf("%s: POST %s %s: %s, want %s", one.name, one.path, one.body[:min(200, len(one.body))], got, one.want)
		}
	}
	for path, want := range map[string]string{
		user: "200 ", "/communications/presences/" + strings.ToUpper(id(t, s, anna)): "200 ", "/users/" + anna + "/presence": "400 BadRequest", "/users/" + nobody + "/presence": "404 NotFound",
		user + "?$select=availability": "400 BadRequest", "/me/presence": "400 BadRequest", user + "/setPresence": "405 Request_BadRequest",
	} {
		status, body := c.get(path)
		if got := fmt.Sprint(status, " ", errorCode(body)); got != want {
			t.Errorf("GET %s: %s, want %s", path, got, want)
		}
	}
	if got := c.reads(id(t, s, anna), nobody, id(t, s, bert), id(t, s, anna)); len(got) != 2 {
		t.Errorf("who is not there is left out: %v", got)
	}
	s.SetPresenceRules(PresenceRules{RefuseUnknown: true})
	if got := c.post("/communications/getPresencesByUserId", `{"ids":["`+id(t, s, anna)+`","`+nobody+`"]}`); got != "404 NotFound" {
		t.Errorf("or all are refused: %s", got)
	}
}

func idList(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("00000000-0000-4000-8000-%012d", i))
	}
	text, err := json.Marshal(map[string]any{"ids": list})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// as signs in as a user with those scopes.
func as(t *testing.T, s *Server, address string, scopes ...string) *client {
	t.Helper()
	refresh, err := s.SignIn(appID, address, scopes...)
	must(t, err)
	c := newClient(t, s)
	status, body := c.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "scope": nil})
	if status != 200 {
		t.Fatalf("sign in: %d %v", status, body)
	}
	c.auth = body["access_token"].(string)
	return c
}

// TestPermissions: who may do what, as published.
func TestPermissions(t *testing.T) {
	t.Parallel()
	calls := []string{"own", "read", "many", "set", "clear", "prefer", "unprefer", "set other"}
	for _, one := range []struct {
		who    string // app, or anna
		have   string
		may    string
		barred string
	}{
		{"app", "", "", "403 Forbidden"},
		{"app", "User.Read.All", "", "403 Forbidden"},
		{"app", "Presence.Read.All", "read many", "403 Forbidden"},
		{"app", "Presence.ReadWrite.All", "set clear prefer unprefer", "403 Forbidden"},
		{"app", "Presence.Read.All Presence.ReadWrite.All", "read many set clear prefer unprefer", ""},
		{"app", "Presence.Read Presence.ReadWrite", "", "403 Forbidden"}, // scopes are no roles
		{"anna", "Presence.Read", "own", "403 Forbidden"},
		{"anna", "Presence.Read.All", "own read many", "403 Forbidden"},
		{"anna", "Presence.ReadWrite", "set clear prefer unprefer", "403 Forbidden"},
		{"anna", "Presence.Read.All Presence.ReadWrite", "own read many set clear prefer unprefer", "403 Forbidden"}, // of others nothing is written
		{"anna", "Calendars.Read", "", "403 Forbidden"},
	} {
		t.Run(one.who+" "+one.have, func(t *testing.T) {
			t.Parallel()
			app := DefaultApp()
			app.Roles = strings.Fields(one.have)
			s, c := office(t, Config{Apps: []App{app}})
			of := id(t, s, anna)
			if one.who == "anna" {
				c = as(t, s, anna, strings.Fields(one.have)...)
			}
			user, other := "/users/"+of+"/presence", "/users/"+id(t, s, bert)+"/presence"
			may := strings.Fields(one.may)
			for _, call := range calls {
				var got string
				allowed := slices.Contains(may, call)
				switch call {
				case "own":
					if one.who == "app" {
						continue
					}
					status, body := c.get("/me/presence")
					got = strings.TrimSpace(fmt.Sprint(status, " ", errorCode(body)))
				case "read":
					status, body := c.get(other)
					got = strings.TrimSpace(fmt.Sprint(status, " ", errorCode(body)))
				case "many":
					got = c.post("/communications/getPresencesByUserId", `{"ids":["`+of+`"]}`)
				case "set":
					got = c.post(user+"/setPresence", sessionBody(appID, Pair{"Busy", "InACall"}, ""))
				case "clear":
					got = c.post(user+"/clearPresence", `{"sessionId":"`+appID+`"}`)
				case "prefer":
					got = c.post(user+"/setUserPreferredPresence", `{"availability":"Away","activity":"Away"}`)
				case "unprefer":
					got = c.post(user+"/clearUserPreferredPresence", `{}`)
				case "set other":
					allowed = one.who == "app" && slices.Contains(may, "set")
					got = c.post(other+"/setPresence", sessionBody(appID, Pair{"Busy", "InACall"}, ""))
				}
				want := "200"
				if !allowed {
					want = one.barred
				}
				if got != want {
					t.Errorf("%s with %q: %s: %s, want %s", one.who, one.have, call, got, want)
				}
			}
		})
	}
}

// TestLimits are those published, on the stand-in's clock.
func TestLimits(t *testing.T) {
	t.Parallel()
	s, c := office(t, Config{})
	user := "/users/" + id(t, s, anna) + "/presence"
	many := func() int {
		status, _, _ := c.do("POST", s.GraphURL+"/v1.0/communications/getPresencesByUserId", "application/json", `{"ids":["`+id(t, s, anna)+`"]}`)
		return status
	}
	for i := range 1500 {
		if status := many(); status != 200 {
			t.Fatalf("read %d: %d", i, status)
		}
	}
	status, header, body := c.do("POST", s.GraphURL+"/v1.0/communications/getPresencesByUserId", "application/json", `{"ids":[]}`)
	if status != 429 || header.Get("Retry-After") == "" || errorCode(body) != "TooManyRequests" {
		t.Fatalf("one too many: %d %q %v", status, header.Get("Retry-After"), body)
	}
	if status, _ := c.get(user); status != 429 {
		t.Errorf("the other read shares the limit: %d", status)
	}
	if got := c.post(user+"/setPresence", sessionBody(appID, Pair{"Busy", "InACall"}, "")); got != "200" {
		t.Errorf("and writing: %s", got)
	}
	_, _, out := c.do("POST", s.GraphURL+"/v1.0/$batch", "application/json", `{"requests":[{"id":"1","method":"POST","url":"/communications/getPresencesByUserId","headers":{"Content-Type":"application/json"},"body":{"ids":["`+id(t, s, anna)+`"]}}]}`)
	inner := out["responses"].([]any)[0].(map[string]any)
	if inner["status"] != 429.0 || inner["headers"].(map[string]any)["Retry-After"] == nil {
		t.Errorf("in a batch: %v", inner)
	}
	s.SetClock(31 * time.Second)
	if status := many(); status != 200 {
		t.Errorf("half a minute later: %d", status)
	}
	s.mu.RLock()
	now := s.clock()
	s.mu.RUnlock()
	s.stat.Lock()
	s.quota["presence all "+appID] = &window{since: now, n: mostCalls - 1} // as if they had been called
	s.stat.Unlock()
	if got := c.post(user+"/clearPresence", `{"sessionId":"`+appID+`"}`); got != "200" {
		t.Errorf("call 10,000: %s", got)
	}
	if got := c.post(user+"/clearUserPreferredPresence", `{}`); got != "429 TooManyRequests" {
		t.Errorf("and one more: %s", got)
	}
	s.SetPresenceRules(PresenceRules{NoLimits: true})
	if got := c.post(user+"/clearUserPreferredPresence", `{}`); got != "200" {
		t.Errorf("without limits: %s", got)
	}
	if s.Count("throttled") != 4 || s.Count("presences") != 1503 || s.Count("setPresence") != 1 {
		t.Errorf("counted %v", s.Counts())
	}
}

// TestJournal has every write in it, with what came of it.
func TestJournal(t *testing.T) {
	t.Parallel()
	s, c := office(t, Config{})
	user := "/users/" + id(t, s, anna) + "/presence"
	own := as(t, s, bert, "Presence.ReadWrite")
	c.post(user+"/setPresence", sessionBody(appID, Pair{"Busy", "InACall"}, "PT10M"))
	own.post("/me/presence/setUserPreferredPresence", `{"availability":"Away","activity":"Away"}`)
	c.post(user+"/setPresence", sessionBody(appID, Pair{"Busy", "Busy"}, ""))
	lift := s.Break(Rule{Op: "clearPresence", Mailbox: anna, Do: Answer, Status: 503, Code: "ServiceUnavailable"})
	c.post(user+"/clearPresence", `{"sessionId":"`+appID+`"}`)
	lift()
	c.do("POST", s.GraphURL+"/v1.0/$batch", "application/json", `{"requests":[{"id":"1","method":"POST","url":"`+user+`/clearPresence","headers":{"Content-Type":"application/json"},"body":{"sessionId":"`+appID+`"}}]}`)
	var got []string
	for _, w := range s.Journal() {
		if w.At.IsZero() || w.App != appID {
			t.Errorf("%+v", w)
		}
		got = append(got, strings.TrimSpace(fmt.Sprint(w.User, " ", w.By, " ", w.Op, " ", w.Pair, " ", w.Duration, " ", w.Status)))
	}
	want := []string{"anna@example.com  setPresence Busy/InACall PT10M 200", "bert@example.com bert@example.com setUserPreferredPresence Away/Away  200",
		"anna@example.com  setPresence Busy/Busy  400", "anna@example.com  clearPresence /  503", "anna@example.com  clearPresence /  200"}
	if !slices.Equal(got, want) {
		t.Errorf("journal %q, want %q", got, want)
	}
	s.ClearJournal()
	if len(s.Journal()) != 0 {
		t.Error("it is not empty after")
	}
}

// TestFaultsOfOnePerson: a rule about somebody applies to calls about them, also among many.
func TestFaultsOfOnePerson(t *testing.T) {
	t.Parallel()
	s, c := office(t, Config{})
	a, b := id(t, s, anna), id(t, s, bert)
	s.Break(Rule{Op: "presences", Mailbox: anna, Do: Answer, Status: 404, Code: "NotFound"})
	s.Break(Rule{Op: "presence", Mailbox: bert, Do: Answer, Status: 503, Code: "x", RetryAfter: 7 * time.Second})
	for body, want := range map[string]string{`{"ids":["` + a + `"]}`: "404 NotFound", `{"ids":["` + b + `"]}`: "200", `{"ids":["` + b + `","` + a + `"]}`: "404 NotFound"} {
		if got := c.post("/communications/getPresencesByUserId", body); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	if status, _ := c.get("/users/" + a + "/presence"); status != 200 {
		t.Errorf("anna: %d", status)
	}
	if status, header, _ := c.do("GET", s.GraphURL+"/v1.0/users/"+b+"/presence", "", ""); status != 503 || header.Get("Retry-After") != "7" {
		t.Errorf("bert: %d %q", status, header.Get("Retry-After"))
	}
}

// TestOthersSeeItLater, and never go back, unless they are told to.
func TestOthersSeeItLater(t *testing.T) {
	t.Parallel()
	s, c := office(t, Config{})
	k := &clock{s: s}
	late := map[string]time.Duration{anna: 3 * time.Minute}
	s.SetPresenceDelay(func(user string) time.Duration { return late[user] })
	see := func(what, a, b string) {
		t.Helper()
		if gotA, gotB := c.sees(anna), c.sees(bert); gotA != a || gotB != b {
			t.Errorf("%s: anna %s, bert %s, want %s and %s", what, gotA, gotB, a, b)
		}
	}
	must(t, s.Call(anna, bert))
	see("at once", "Offline/Offline", "Busy/InACall")
	if got := s.Shown(anna).String(); got != "Busy/InACall" {
		t.Errorf("it is so, though: %s", got)
	}
	k.pass(2*time.Minute + 50*time.Second)
	must(t, s.EndCall(anna, bert))
	see("nearly three minutes later", "Offline/Offline", "Available/Available")
	k.pass(15 * time.Second)
	see("three minutes later", "Busy/InACall", "Available/Available")
	s.SetPresenceDelay(After(time.Hour))
	see("slower now, but not back", "Busy/InACall", "Available/Available")
	s.SetPresenceRules(PresenceRules{Reorder: true})
	see("back", "Offline/Offline", "Offline/Offline")
	s.SetPresenceDelay(nil)
	see("without delay", "Available/Available", "Available/Available")
}

// TestUsersInPages is how a client gets to know everybody.
func TestUsersInPages(t *testing.T) {
	t.Parallel()
	s, c := office(t, Config{})
	for i := range 2500 {
		_, err := s.AddMailbox(Mailbox{UPN: fmt.Sprintf("user%d@example.com", i)})
		must(t, err)
	}
	next, pages, got := s.GraphURL+"/v1.0/users?$select=id,mail,userPrincipalName&$top=999", 0, map[string]bool{}
	for next != "" {
		status, _, body := c.do("GET", next, "", "")
		if status != 200 {
			t.Fatalf("%s: %d %v", next, status, body)
		}
		for _, one := range body["value"].([]any) {
			m := one.(map[string]any)
			if len(m) != 3 || got[m["id"].(string)] {
				t.Fatalf("twice, or with what was not asked for: %v", m)
			}
			got[m["id"].(string)] = true
		}
		next, _ = body["@odata.nextLink"].(string)
		pages++
	}
	if pages != 3 || len(got) != 2502 {
		t.Errorf("%d pages with %d users", pages, len(got))
	}
	filter := url.QueryEscape("mail eq 'anna@example.com' or userPrincipalName eq 'BERT@example.com' or mail eq 'nobody@example.com'")
	status, body := c.get("/users?$select=id,mail&$filter=" + filter)
	if list, _ := body["value"].([]any); status != 200 || len(list) != 2 {
		t.Errorf("by address: %d %v", status, body)
	}
	if status, body := c.get("/users?$skiptoken=%21"); status != 400 {
		t.Errorf("a token that is made up: %d %v", status, body)
	}
}

// TestHoweverTheTimePasses: in one leap or second by second, what was shown, and since when, is the same.
func TestHoweverTheTimePasses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		start := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
		type event struct {
			at time.Time
			do func(p *presence, now time.Time)
		}
		var events []event
		at := start
		for range rapid.IntRange(1, 12).Draw(r, "events") {
			at = at.Add(time.Duration(rapid.IntRange(0, 900).Draw(r, "seconds later")) * time.Second)
			name := rapid.SampledFrom([]string{"a", "b"}).Draw(r, "name")
			lasts := time.Duration(rapid.IntRange(300, 1800).Draw(r, "lasts")) * time.Second
			pair := rapid.SampledFrom(sessionPairs).Draw(r, "pair")
			preferred := rapid.SampledFrom(preferredPairs).Draw(r, "preferred")
			events = append(events, event{at, []func(p *presence, now time.Time){
				func(p *presence, now time.Time) {
					p.set(&session{name: name, kind: "app", pair: pair, since: now, fades: now, until: now.Add(lasts)})
				},
				func(p *presence, now time.Time) { p.set(&session{name: name, kind: "client", pair: pair, since: now}) },
				func(p *presence, now time.Time) {
					p.set(&session{name: name, kind: "client", pair: pair, since: now, fades: now})
				},
				func(p *presence, _ time.Time) { p.end("client", name) },
				func(p *presence, _ time.Time) { p.end("app", name) },
				func(p *presence, now time.Time) { p.prefer(preferred, lasts, now) },
				func(p *presence, _ time.Time) { p.preferred = nil },
			}[rapid.IntRange(0, 6).Draw(r, "what")]})
		}
		end := at.Add(50 * time.Minute)
		oldest := rapid.Bool().Draw(r, "oldest wins")
		live := func(step time.Duration) (out []string) {
			s := &Server{presenceRules: PresenceRules{OldestWins: oldest}}
			p := &presence{}
			now := start
			until := func(t time.Time) {
				for ; step > 0 && now.Before(t); now = now.Add(step) {
					s.settle(p, now)
				}
				now = t
				s.settle(p, now)
			}
			for _, e := range events {
				until(e.at)
				e.do(p, e.at)
				s.note(p, e.at)
				p.next = p.nextChange(e.at)
			}
			until(end)
			for i, one := range p.shown {
				if i > 0 && (one.Sequence <= p.shown[i-1].Sequence || one.Since.Before(p.shown[i-1].Since)) {
					r.Fatalf("%v comes after %v", one, p.shown[i-1])
				}
				out = append(out, one.Since.Format(time.TimeOnly)+" "+one.String())
			}
			if want := p.aggregate(end, oldest); p.now().Pair != want {
				r.Fatalf("at the end %s is shown, and adds up to %s", p.now(), want)
			}
			return out
		}
		if leap, walk := live(0), live(7*time.Second); !slices.Equal(leap, walk) {
			r.Fatalf("in one leap %q\nstep by step %q", leap, walk)
		}
	})
}

// TestTheSignInPageKnowsPresence, and no scope that there is not.
func TestTheSignInPageKnowsPresence(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	for scope, want := range map[string]int{"Presence.Read.All Presence.ReadWrite User.Read offline_access openid profile": 200, "Presence.ReadWrite.All": 302} {
		query := url.Values{"client_id": {appID}, "response_type": {"code"}, "redirect_uri": {DefaultApp().RedirectURIs[0]}, "scope": {scope}, "code_challenge": {"x"}, "code_challenge_method": {"S256"}}
		r := httptest.NewRequest("GET", "/"+s.Tenant+"/oauth2/v2.0/authorize?"+query.Encode(), nil)
		w := httptest.NewRecorder()
		s.loginHandler().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: %d %s, want %d", scope, w.Code, w.Header().Get("Location"), want)
		}
	}
}
