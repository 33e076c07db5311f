package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/gate"
	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// startTeams starts a stand-in whose application has the permissions for presence, with Anna and Bert, who both have Teams open.
func startTeams(t *testing.T, change ...func(*graphtest.Config, *Config, *outbound.Config)) (*graphtest.Server, *System) {
	t.Helper()
	first := func(g *graphtest.Config, c *Config, _ *outbound.Config) {
		g.Apps = []graphtest.App{graphtest.TeamsApp()}
		c.timing.keyBits = 2048
	}
	server, s := start(t, append([]func(*graphtest.Config, *Config, *outbound.Config){first}, change...)...)
	for _, one := range []string{"anna@example.com", "bert@example.com"} {
		must(t, server.Client(one, "desktop", "Available", "Available"))
	}
	return server, s
}

// idsOf finds people, or ends the test.
func idsOf(t *testing.T, s *System, addresses ...string) []string {
	t.Helper()
	found, err := s.UserIDs(t.Context(), addresses)
	must(t, err)
	var out []string
	for _, one := range addresses {
		id := found[strings.ToLower(one)]
		if id == "" {
			t.Fatalf("%s was not found", one)
		}
		out = append(out, id)
	}
	return out
}

// signIn lets somebody sign in for Teams.
func signIn(t *testing.T, server *graphtest.Server, address string) *SignIn {
	t.Helper()
	token, err := server.SignIn(graphtest.DefaultApp().ID, address, "Presence.Read.All", "Presence.ReadWrite")
	must(t, err)
	return &SignIn{Token: token}
}

// pairs are presences in words, by ID.
func pairs(list []Presence) map[string]string {
	out := map[string]string{}
	for _, p := range list {
		out[p.ID] = p.Availability + "/" + p.Activity
	}
	return out
}

// TestACallIsSeen: who is on the telephone in Teams, and when it is over.
func TestACallIsSeen(t *testing.T) {
	t.Parallel()
	server, s := startTeams(t)
	ids := idsOf(t, s, "anna@example.com", "bert@example.com")
	look := func(want string) []Presence {
		t.Helper()
		list, err := s.Presences(t.Context(), nil, []string{strings.ToUpper(ids[0]), ids[1], "00000000-0000-4000-8000-000000000000", "no ID"})
		must(t, err)
		if got := pairs(list); len(got) != 2 || got[ids[0]] != want || got[ids[1]] != want {
			t.Errorf("%v, want %s of both", got, want)
		}
		return list
	}
	before := look("Available/Available")
	must(t, server.Call("anna@example.com", "bert@example.com"))
	during := look("Busy/InACall")
	if during[0].Sequence <= before[0].Sequence {
		t.Errorf("sequence %q after %q", during[0].Sequence, before[0].Sequence)
	}
	must(t, server.EndCall("anna@example.com", "bert@example.com"))
	look("Available/Available")
	if text := fmt.Sprintf("%v %+v %#v", before[0], before, before[0]); strings.Contains(text, "Available") {
		t.Errorf("a presence shows itself in %q", text)
	}
}

// TestADayOfWriting: a call that is renewed and ends, and do not disturb.
func TestADayOfWriting(t *testing.T) {
	t.Parallel()
	server, s := startTeams(t)
	anna := idsOf(t, s, "anna@example.com")[0]
	shown := func(want string) {
		t.Helper()
		if got := server.Shown("anna@example.com"); got.Pair.String() != want {
			t.Errorf("Teams shows %v, want %s", got.Pair, want)
		}
	}
	must(t, s.SetSession(t.Context(), nil, anna, InACall, time.Minute)) // as short as may be
	shown("Busy/InACall")
	must(t, s.SetSession(t.Context(), nil, strings.ToUpper(anna), InACall, 90*time.Minute))
	must(t, s.SetPreferred(t.Context(), nil, anna, DoNotDisturb, 8*time.Hour))
	shown("DoNotDisturb/DoNotDisturb")
	must(t, s.ClearPreferred(t.Context(), nil, anna))
	shown("Busy/InACall")
	must(t, s.ClearSession(t.Context(), nil, anna))
	shown("Available/Available")
	must(t, s.ClearSession(t.Context(), nil, anna)) // there is none
	must(t, s.SetPreferred(t.Context(), nil, anna, DoNotDisturb, 0))
	must(t, s.SetSession(t.Context(), nil, anna, InACall, 100*time.Hour)) // as long as may be
	var got []string
	for _, w := range server.Journal() {
		if w.User != "anna@example.com" || w.By != "" {
			t.Errorf("%s wrote to %q", w.By, w.User)
		}
		got = append(got, fmt.Sprint(w.Op, " ", w.Duration, " ", w.Status))
	}
	want := []string{"setPresence PT5M 200", "setPresence PT1H30M 200", "setUserPreferredPresence PT8H 200", "clearUserPreferredPresence  200",
		"clearPresence  200", "clearPresence  404", "setUserPreferredPresence  200", "setPresence PT4H 200"}
	if !slices.Equal(got, want) {
		t.Errorf("wrote %q,\nwant %q", got, want)
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{0: "PT0S", time.Millisecond: "PT1S", 90 * time.Second: "PT1M30S", 5 * time.Minute: "PT5M", 4 * time.Hour: "PT4H",
		26*time.Hour + 3*time.Second: "PT26H3S"} {
		if got := isoDuration(d); got != want {
			t.Errorf("%v is written %s, want %s", d, got, want)
		}
	}
}

// TestBertWritesHisOwn with the permission that he gave, and learns that he may write nobody else's.
func TestBertWritesHisOwn(t *testing.T) {
	t.Parallel()
	server, s := startTeams(t, func(g *graphtest.Config, _ *Config, _ *outbound.Config) {
		g.Apps[0].Roles = []string{"User.ReadBasic.All"}
	})
	ids := idsOf(t, s, "anna@example.com", "bert@example.com")
	as := signIn(t, server, "bert@example.com")
	first := as.Token
	as.Renewed = func(token string) { as = &SignIn{Token: token, Renewed: as.Renewed} } // as is called in this goroutine only
	own, err := s.Own(t.Context(), as)
	must(t, err)
	if own.ID != ids[1] || own.Availability != "Available" {
		t.Errorf("his own: %s %s/%s", own.ID, own.Availability, own.Activity)
	}
	if as.Token == first {
		t.Error("the new refresh token was not handed over")
	}
	must(t, s.SetSession(t.Context(), as, ids[1], InACall, MinLease))
	list, err := s.Presences(t.Context(), as, ids)
	must(t, err)
	if got := pairs(list); got[ids[0]] != "Available/Available" || got[ids[1]] != "Busy/InACall" {
		t.Errorf("he sees %v", got)
	}
	must(t, s.ClearSession(t.Context(), as, ids[1]))
	must(t, s.SetPreferred(t.Context(), as, ids[1], DoNotDisturb, time.Hour))
	must(t, s.ClearPreferred(t.Context(), as, ids[1]))

	e := errorOf(t, s.SetSession(t.Context(), as, ids[0], InACall, MinLease))
	if e.Kind != source.Credentials || e.Whole || !strings.Contains(e.Text, "Connect the account again") {
		t.Errorf("somebody else's: %v %q", e, e.Text)
	}
	for what, call := range map[string]func() error{
		"reading as the application": func() error { _, err := s.Presences(t.Context(), nil, ids); return err },
		"writing as the application": func() error { return s.SetSession(t.Context(), nil, ids[1], InACall, MinLease) },
	} {
		if e := errorOf(t, call()); e.Kind != source.NotAllowed || !e.Whole || e.RetryAfter != time.Minute || !strings.Contains(e.Text, "permission Presence.Read") {
			t.Errorf("%s, which may not: %v %q", what, e, e.Text)
		}
	}
	if _, err := s.Own(t.Context(), nil); errorOf(t, err).Kind != source.Credentials {
		t.Errorf("the application's own: %v", err)
	}
	if e := errorOf(t, s.SetSession(t.Context(), &SignIn{}, ids[1], InACall, MinLease)); e.Kind != source.Credentials {
		t.Errorf("an account that is not connected: %v", e)
	}
}

// TestPermissionsAreKeptApart: a refresh token for calendars is of no use for presence, nor the other way round, and the System does not
// mix them up, whatever was asked for first.
func TestPermissionsAreKeptApart(t *testing.T) {
	t.Parallel()
	server, s := startTeams(t)
	calendars, err := server.SignIn(graphtest.DefaultApp().ID, "bert@example.com")
	must(t, err)
	presence := signIn(t, server, "bert@example.com").Token
	r, err := s.Fetch(t.Context(), source.Account{Password: calendars, From: marchFrom, To: marchTo})
	must(t, err)
	if r.Password != "" {
		calendars = r.Password
	}
	if _, err := s.Own(t.Context(), &SignIn{Token: calendars}); errorOf(t, err).Kind != source.Credentials {
		t.Errorf("presence with the token for calendars: %v", err)
	}
	as := &SignIn{Token: presence, Renewed: func(token string) { presence = token }}
	if _, err := s.Own(t.Context(), as); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fetch(t.Context(), source.Account{Password: presence, From: marchFrom, To: marchTo}); errorOf(t, err).Kind != source.Credentials {
		t.Errorf("a calendar with the token for presence: %v", err)
	}
	if !strings.Contains(s.AuthURL(ForPresence, "s", "v", callback, ""), "Presence.ReadWrite") || strings.Contains(s.AuthURL(ForPresence, "s", "v", callback, ""), "Calendars") {
		t.Errorf("the page for presence asks for %s", s.AuthURL(ForPresence, "s", "v", callback, ""))
	}
}

// TestAnEmployeeWhoLeft spoils the list of everybody. The one is found, left out, and not asked for again.
func TestAnEmployeeWhoLeft(t *testing.T) {
	t.Parallel()
	server, s := startTeams(t)
	const people = 200
	var ids []string
	for i := range people {
		m, err := server.AddMailbox(graphtest.Mailbox{UPN: fmt.Sprintf("user%d@example.com", i), Name: fmt.Sprint("User ", i)})
		must(t, err)
		ids = append(ids, m.ID)
	}
	server.SetPresenceRules(graphtest.PresenceRules{RefuseUnknown: true})
	for _, i := range []int{17, 18, 120} {
		must(t, server.RemoveMailbox(fmt.Sprintf("user%d@example.com", i)))
	}
	list, err := s.Presences(t.Context(), nil, ids)
	must(t, err)
	if got := pairs(list); len(got) != people-3 || got[ids[17]] != "" || got[ids[18]] != "" || got[ids[120]] != "" {
		t.Errorf("%d people, want %d", len(got), people-3)
	}
	n := server.Count("presences")
	if n > maxHalving {
		t.Errorf("it took %d requests", n)
	}
	list, err = s.Presences(t.Context(), nil, ids)
	must(t, err)
	if len(list) != people-3 || server.Count("presences") != n+1 {
		t.Errorf("the next round: %d people, %d requests", len(list), server.Count("presences")-n)
	}
	s.teams.spoilers.mu.Lock()
	for id := range s.teams.spoilers.m {
		s.teams.spoilers.m[id] = time.Now() // an hour later
	}
	s.teams.spoilers.mu.Unlock()
	if list, err = s.Presences(t.Context(), nil, ids); err != nil || len(list) != people-3 || server.Count("presences") < n+2 {
		t.Errorf("an hour later: %d people, %v", len(list), err)
	}
}

// TestHalfTheCompanyLeft: that is too much for one round, and done after a few.
func TestHalfTheCompanyLeft(t *testing.T) {
	t.Parallel()
	server, s := startTeams(t)
	var ids []string
	for i := range 60 {
		m, err := server.AddMailbox(graphtest.Mailbox{UPN: fmt.Sprintf("user%d@example.com", i), Name: fmt.Sprint("User ", i)})
		must(t, err)
		if ids = append(ids, m.ID); i%2 == 1 {
			must(t, server.RemoveMailbox(m.UPN))
		}
	}
	server.SetPresenceRules(graphtest.PresenceRules{RefuseUnknown: true})
	for round := 1; ; round++ {
		list, err := s.Presences(t.Context(), nil, ids)
		if err == nil {
			if len(list) != 30 || round > 8 {
				t.Errorf("%d people after %d rounds", len(list), round)
			}
			return
		}
		e := errorOf(t, err)
		if e.Kind != source.Unavailable || e.RetryAfter <= 0 || round > 10 {
			t.Fatalf("round %d: %v", round, err)
		}
		if e.Whole {
			<-time.After(e.RetryAfter)
		}
	}
}

// TestItIsNotUpToThePeople: the service refuses everything, and is not asked a thousand times why.
func TestItIsNotUpToThePeople(t *testing.T) {
	t.Parallel()
	server, s := startTeams(t, func(_ *graphtest.Config, c *Config, _ *outbound.Config) {
		c.timing.backoff = gate.Backoff{First: time.Hour, Most: time.Hour}
	})
	server.Break(graphtest.Rule{Op: "presences", Do: graphtest.Answer, Status: 400, Code: "BadRequest"})
	ids := make([]string, MaxPresences)
	for i := range ids {
		ids[i] = fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
	}
	for range 2 {
		list, err := s.Presences(t.Context(), nil, ids)
		if e := errorOf(t, err); len(list) > 0 || !e.Whole || e.RetryAfter < time.Minute || !strings.Contains(e.Text, "refuses to hand out the presence") {
			t.Errorf("%d people, %+v", len(list), e)
		}
	}
	if n := server.Count("presences"); n != inVain+8 {
		t.Errorf("asked %d times, want %d", n, inVain+8)
	}
	if _, err := s.Presences(t.Context(), nil, append(ids, ids[0])); errorOf(t, err).Kind != source.TooLarge {
		t.Errorf("one too many: %v", err)
	}
}

// TestWhoIsWho: people are found by mail and by the name they sign in with.
func TestWhoIsWho(t *testing.T) {
	t.Parallel()
	server, s := startTeams(t)
	add := func(upn, mail string) string {
		m, err := server.AddMailbox(graphtest.Mailbox{UPN: upn, Mail: mail, Name: "Somebody"})
		must(t, err)
		return m.ID
	}
	tim, o := add("t1234@corp.example.com", "tim.taube@example.com"), add("o'hara@example.com", "o'hara@example.com")
	addresses := []string{"Tim.Taube@Example.com", "T1234@corp.example.com", "o'hara@example.com", "nobody@example.com", "a.amsel@example.com", "  ", "anna@example.com"}
	check := func(how string, more ...string) {
		t.Helper()
		found, err := s.UserIDs(t.Context(), append(slices.Clone(addresses), more...))
		must(t, err)
		if len(found) != 4 || found["tim.taube@example.com"] != tim || found["t1234@corp.example.com"] != tim || found["o'hara@example.com"] != o || !isGUID(found["anna@example.com"]) {
			t.Errorf("%s: found %v", how, found)
		}
	}
	check("by name")
	if n := server.Count("batch"); n != 1 {
		t.Errorf("%d batches for six", n)
	}
	var strangers []string
	for i := range 2500 {
		add(fmt.Sprintf("u%d@example.net", i), fmt.Sprintf("u%d@example.net", i))
		strangers = append(strangers, fmt.Sprintf("u%d@example.org", i))
	}
	n := server.Count("users")
	check("with the whole directory", strangers...)
	if got := server.Count("users") - n; got != 3 {
		t.Errorf("%d requests for 2,500 people, want three pages", got)
	}
	if found, err := s.UserIDs(t.Context(), nil); err != nil || len(found) > 0 {
		t.Errorf("nobody: %v, %v", found, err)
	}
	if found, err := s.UserIDs(t.Context(), []string{"anna@example.com"}); err != nil || len(found) != 1 {
		t.Errorf("one: %v, %v", found, err)
	}
	must(t, server.SetApp(graphtest.DefaultApp().ID, func(a *graphtest.App) { a.Roles = []string{"Presence.Read.All"} }))
	server.ForgetTokens()
	for _, list := range [][]string{{"anna@example.com"}, addresses, strangers} {
		if _, err := s.UserIDs(t.Context(), list); err == nil || errorOf(t, err).Kind != source.NotAllowed || !errorOf(t, err).Whole || !strings.Contains(errorOf(t, err).Text, "User.ReadBasic.All") {
			t.Errorf("without permission: %v", err)
		}
	}
}

// TestAMailFirst: whose mail it is goes before whose name it is, in any order.
func TestAMailFirst(t *testing.T) {
	t.Parallel()
	mail := listed{"00000000-0000-4000-8000-00000000000A", "Office@example.com", "x@example.com"}
	name := listed{"00000000-0000-4000-8000-00000000000b", "other@example.com", "office@example.com"}
	for _, list := range [][]listed{{mail, name}, {name, mail}} {
		f := finder{wanted: map[string]hit{"office@example.com": {}}}
		f.take(list)
		if got := f.wanted["office@example.com"].id; got != strings.ToLower(mail.ID) {
			t.Errorf("found %s", got)
		}
	}
}

// TestWritesThatFail: each is told in words, is tried once, and keeps nobody else waiting.
func TestWritesThatFail(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		rule  graphtest.Rule
		kind  source.Kind
		whole bool
		wait  time.Duration // at least
		text  string
	}{
		"no licence":      {graphtest.Rule{Status: 404, Code: "NotFound"}, source.NotFound, false, 0, "licence"},
		"a bad request":   {graphtest.Rule{Status: 400, Code: "BadRequest"}, source.Other, false, 0, "refuses"},
		"not this one":    {graphtest.Rule{Status: 403, Code: "Forbidden"}, source.NotAllowed, false, 0, "for this user"},
		"too often":       {graphtest.Rule{Status: 429, Code: "TooManyRequests", RetryAfter: 40 * time.Second}, source.Unavailable, false, 39 * time.Second, "wait"},
		"a fault":         {graphtest.Rule{Status: 500, Code: "InternalServerError"}, source.Unavailable, false, time.Millisecond, "500"},
		"a broken answer": {graphtest.Rule{Do: graphtest.Drop}, source.Unavailable, false, time.Millisecond, ""},
		"out of order":    {graphtest.Rule{Status: 503, Code: "ServiceUnavailable", RetryAfter: 20 * time.Second}, source.Unavailable, false, 19 * time.Second, "503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, s := startTeams(t)
			ids := idsOf(t, s, "anna@example.com", "bert@example.com")
			if one.rule.Do == "" {
				one.rule.Do = graphtest.Answer
			}
			one.rule.Op, one.rule.Mailbox = "setPresence", "anna@example.com"
			server.Break(one.rule)
			e := errorOf(t, s.SetSession(t.Context(), nil, ids[0], InACall, MinLease))
			if e.Kind != one.kind || e.Whole != one.whole || e.RetryAfter < one.wait || !strings.Contains(e.Text, one.text) {
				t.Errorf("told %v whole %v wait %v: %q", e.Kind, e.Whole, e.RetryAfter, e.Text)
			}
			if n := server.Count("setPresence"); n != 1 {
				t.Errorf("tried %d times", n)
			}
			must(t, s.SetSession(t.Context(), nil, ids[1], InACall, MinLease)) // Bert is not held up
			if one.wait > time.Second {
				if e := errorOf(t, s.ClearSession(t.Context(), nil, ids[0])); e.Kind != source.Unavailable || e.RetryAfter < one.wait-time.Second || server.Count("clearPresence") > 0 {
					t.Errorf("during the wait: %v, %d asked", e, server.Count("clearPresence"))
				}
			}
		})
	}
}

// TestTheServiceWantsToBeLeftAlone: five people in a row were turned away, so it is about the application. It may read meanwhile, and
// calendars are read as well.
func TestTheServiceWantsToBeLeftAlone(t *testing.T) {
	t.Parallel()
	server, s := startTeams(t)
	var ids []string
	for i := range 8 {
		m, err := server.AddMailbox(graphtest.Mailbox{UPN: fmt.Sprintf("user%d@example.com", i), Name: fmt.Sprint("User ", i)})
		must(t, err)
		ids = append(ids, m.ID)
	}
	server.Break(graphtest.Rule{Op: "setPresence", Do: graphtest.Answer, Status: 429, Code: "TooManyRequests", RetryAfter: 30 * time.Second})
	for i, id := range ids {
		e := errorOf(t, s.SetSession(t.Context(), nil, id, InACall, MinLease))
		if e.Whole != (i >= throttledToMany-1) || e.RetryAfter < 20*time.Second {
			t.Errorf("person %d: %+v", i, e)
		}
	}
	if n := server.Count("setPresence"); n != throttledToMany {
		t.Errorf("asked %d times", n)
	}
	_, err := s.Presences(t.Context(), nil, ids)
	must(t, err)
	_, err = s.Fetch(t.Context(), anna())
	must(t, err)

	server.Break(graphtest.Rule{Op: "presences", Do: graphtest.Answer, Status: 429, Code: "TooManyRequests", RetryAfter: 30 * time.Second})
	for range 3 {
		if _, err := s.Presences(t.Context(), nil, ids); !errorOf(t, err).Whole || errorOf(t, err).RetryAfter < 20*time.Second {
			t.Errorf("reading too often: %+v", errorOf(t, err))
		}
	}
	if n := server.Count("presences"); n != 2 {
		t.Errorf("read %d times", n)
	}
	_, err = s.Fetch(t.Context(), anna())
	must(t, err)
}

// TestWritesKeepTheirOrder: what is written first arrives first, however slow it is.
func TestWritesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	server, s := startTeams(t)
	anna := idsOf(t, s, "anna@example.com")[0]
	server.Break(graphtest.Rule{Op: "setPresence", Times: 1, Do: graphtest.Slow, Delay: 300 * time.Millisecond})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.SetSession(t.Context(), nil, anna, InACall, MinLease); err != nil {
			t.Error(err)
		}
	})
	for end := time.Now().Add(10 * time.Second); server.Count("setPresence") == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	must(t, s.ClearSession(t.Context(), nil, anna))
	wg.Wait()
	if got := server.Shown("anna@example.com"); got.Availability != "Available" {
		t.Errorf("Teams shows %v", got.Pair)
	}
}

// TestTheQuota: in no 30 seconds are there more questions than that.
func TestTheQuota(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, most := newQuota(1500), 1500
		var asked []time.Time
		for time.Since(asked0(asked)) < 2*time.Minute {
			if err := q.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			asked = append(asked, time.Now())
		}
		for i := range asked {
			if j := i + most; j < len(asked) && asked[j].Sub(asked[i]) < 30*time.Second {
				t.Fatalf("%d questions within %v", most+1, asked[j].Sub(asked[i]))
			}
		}
		if len(asked) < 4*1200 || asked[299] != asked[0] {
			t.Errorf("%d in two minutes, the 300th after %v", len(asked), asked[299].Sub(asked[0]))
		}

		few := newQuota(5) // one at once, and one in 7.5 seconds
		var wg sync.WaitGroup
		refused := make(chan error, 10)
		for range 4 {
			wg.Go(func() {
				if err := few.wait(t.Context()); err != nil {
					refused <- err
				}
			})
		}
		wg.Wait()
		if len(refused) != 2 {
			t.Fatalf("%d had to give up, want 2", len(refused))
		}
		if e := errorOf(t, <-refused); e.Kind != source.Unavailable || !e.Whole || e.RetryAfter <= quotaWait {
			t.Errorf("told %+v", e)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		time.Sleep(time.Second)
		if err := few.wait(ctx); err == nil {
			t.Error("one who went home had a turn")
		}
	})
}

func asked0(list []time.Time) time.Time {
	if len(list) == 0 {
		return time.Now()
	}
	return list[0]
}

// TestPublishedPresences: what the documentation shows, read and written.
func TestPublishedPresences(t *testing.T) {
	t.Parallel()
	for file, want := range map[string][]string{
		"getPresencesByUserId-response.json":               {"fa8bf3dc-eca7-46b7-bad1-db199b62afc3 Busy InAMeeting", "66825e03-7ef5-42da-9069-724602c31f6b Away Away"},
		"presences-collection-one.json":                    {"dc74d9bb-6afe-433d-8eaa-e39d80d3a647 Away BeRightBack"},
		"presence-get-me.json":                             {"fa8bf3dc-eca7-46b7-bad1-db199b62afc3 Available Available"},
		"presence-get-me-with-status-message.json":         {"fa8bf3dc-eca7-46b7-bad1-db199b62afc3 Available Available"},
		"presence-get-other-user-with-status-message.json": {"fa8bf3dc-eca7-46b7-bad1-db199b62afc3 Available Available"},
		"presence-get-user-presenting.json":                {"66825e03-7ef5-42da-9069-724602c31f6b DoNotDisturb Presenting"},
		"notification-presence-decrypted-resource.json":    {"fa8bf3dc-eca7-46b7-bad1-db199b62afc3 Busy InACall"},
	} {
		text := sample(t, file)
		list, err := readPresences(text, []string{"fa8bf3dc-eca7-46b7-bad1-db199b62afc3", "66825e03-7ef5-42da-9069-724602c31f6b", "dc74d9bb-6afe-433d-8eaa-e39d80d3a647"}, nil)
		if err != nil {
			var one Presence
			one, err = readPresence(text)
			list = []Presence{one}
		}
		must(t, err)
		var got []string
		for _, p := range list {
			got = append(got, p.ID+" "+p.Availability+" "+p.Activity)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", file, got, want)
		}
	}

	// What is sent, as a server gets it.
	var mu sync.Mutex // guards sent
	sent := map[string]any{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasSuffix(r.URL.Path, "/token") {
			w.Write([]byte(`{"access_token":"x","expires_in":3600}`))
			return
		}
		var body any
		_ = json.NewDecoder(r.Body).Decode(&body) // none is none
		sent[r.URL.Path] = body
		if strings.HasSuffix(r.URL.Path, "getPresencesByUserId") {
			w.Write([]byte(`{"value":[]}`))
		}
	}))
	t.Cleanup(server.Close)
	client := outbound.NewClient(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	t.Cleanup(client.CloseIdleConnections)
	const user = "66825e03-7ef5-42da-9069-724602c31f6b"
	s, err := New(Config{Tenant: user, ClientID: "22553876-f5ab-4529-bffb-cfe50aa89f87", Secret: "secret", Cloud: Custom, LoginURL: server.URL, GraphURL: server.URL,
		HTTP: client, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(s.Close)
	must(t, s.SetSession(t.Context(), nil, user, Pair{"Available", "Available"}, time.Hour))
	must(t, s.ClearSession(t.Context(), nil, user))
	must(t, s.SetPreferred(t.Context(), nil, user, DoNotDisturb, 8*time.Hour))
	must(t, s.ClearPreferred(t.Context(), nil, user))
	_, err = s.Presences(t.Context(), nil, []string{"fa8bf3dc-eca7-46b7-bad1-db199b62afc3", user})
	must(t, err)
	for path, file := range map[string]string{
		"/v1.0/users/" + user + "/presence/setPresence":                "setPresence-request.json",
		"/v1.0/users/" + user + "/presence/clearPresence":              "clearPresence-request.json",
		"/v1.0/users/" + user + "/presence/setUserPreferredPresence":   "setUserPreferredPresence-request.json",
		"/v1.0/users/" + user + "/presence/clearUserPreferredPresence": "",
		"/v1.0/communications/getPresencesByUserId":                    "getPresencesByUserId-request.json",
	} {
		want := any(map[string]any{})
		if file != "" {
			must(t, json.Unmarshal(sample(t, file), &want))
		}
		if got, asked := sent[path]; !asked || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: sent %v, want %v", path, got, want)
		}
	}
}

// TestAnnaConnectsHerTeams goes from the button to her presence.
func TestAnnaConnectsHerTeams(t *testing.T) {
	t.Parallel()
	server, s := startTeams(t)
	verifier := oauth2.GenerateVerifier()
	b := newBrowser(t).open(s.AuthURL(ForPresence, "state", verifier, callback, "anna@example.com"))
	b.submit(url.Values{"login": {"anna@example.com"}, "password": {"anna's"}})
	for _, scope := range []string{"Presence.Read.All", "Presence.ReadWrite", "User.Read", "offline_access"} {
		if !strings.Contains(b.page, "<li>"+scope+"</li>") {
			t.Errorf("consent is not asked for %s", scope)
		}
	}
	if strings.Contains(b.page, "Calendars") {
		t.Error("consent is asked for calendars")
	}
	b.submit(url.Values{"accept": {"yes"}})
	g, err := s.Redeem(t.Context(), ForPresence, b.back.Query().Get("code"), verifier, callback)
	must(t, err)
	tokens := server.Count("token")
	own, err := s.Own(t.Context(), &SignIn{Token: g.Refresh})
	must(t, err)
	if own.ID != g.ID || server.Count("token") != tokens {
		t.Errorf("read %s of %s, with %d more tokens", own.ID, g.ID, server.Count("token")-tokens)
	}
}

// TestAWholeCompany is read by many at a time, by the application and by who signed in, while others write and calendars are read.
func TestAWholeCompany(t *testing.T) {
	t.Parallel()
	server, s := startTeams(t)
	const people = 3 * MaxPresences
	var ids []string
	for i := range people {
		m, err := server.AddMailbox(graphtest.Mailbox{UPN: fmt.Sprintf("user%d@example.com", i)})
		must(t, err)
		ids = append(ids, m.ID)
	}
	token := signIn(t, server, "bert@example.com").Token
	var mu sync.Mutex // guards newest
	newest := token
	var wg sync.WaitGroup
	for list := range slices.Chunk(ids, MaxPresences) {
		for _, as := range []*SignIn{nil, {Token: token, Renewed: func(token string) {
			mu.Lock()
			defer mu.Unlock()
			newest = token
		}}} {
			for range 3 {
				wg.Go(func() {
					got, err := s.Presences(t.Context(), as, list)
					if err != nil || len(got) != len(list) {
						t.Errorf("%d people, %v", len(got), err)
					}
				})
			}
		}
		for _, id := range list[:20] {
			wg.Go(func() {
				if err := s.SetSession(t.Context(), nil, id, InACall, MinLease); err != nil {
					t.Error(err)
				}
				if err := s.ClearSession(t.Context(), nil, id); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			if _, err := s.Fetch(t.Context(), anna()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	mu.Lock()
	defer mu.Unlock()
	if newest == token {
		t.Error("the new refresh token was not handed over")
	}
	if n := server.Count("throttled"); n > 0 {
		t.Errorf("%d calls were too many", n)
	}
}

// TestNeitherHoldsUpTheOther: all that may be under way of one kind hangs.
func TestNeitherHoldsUpTheOther(t *testing.T) {
	t.Parallel()
	for _, stuck := range []string{"calendars", "reading", "writing", "looking up"} {
		t.Run(stuck, func(t *testing.T) {
			t.Parallel()
			server, s := startTeams(t)
			ids := idsOf(t, s, "anna@example.com", "bert@example.com")
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			defer wg.Wait()
			defer cancel()
			var op string
			var ask func(i int)
			switch stuck {
			case "calendars":
				op, ask = "calendarView", func(int) { s.Fetch(ctx, source.Account{Password: signInFor(t, server), From: marchFrom, To: marchTo}) }
			case "reading":
				op, ask = "presences", func(int) { s.Presences(ctx, nil, ids) }
			case "writing":
				op, ask = "setPresence", func(i int) { s.SetSession(ctx, nil, numbered(i), InACall, MinLease) }
			case "looking up":
				op, ask = "users", func(int) { s.UserIDs(ctx, []string{"anna@example.com"}) }
			}
			lift := server.Break(graphtest.Rule{Op: op, Do: graphtest.Hang})
			defer lift()
			for i := range 30 {
				wg.Go(func() { ask(i) })
			}
			for end := time.Now().Add(10 * time.Second); server.Count(op) < 4 && time.Now().Before(end); {
				time.Sleep(time.Millisecond)
			}
			soon, done := context.WithTimeout(t.Context(), 5*time.Second)
			defer done()
			for name, call := range map[string]func() error{
				"calendars":  func() error { _, err := s.Fetch(soon, anna()); return err },
				"reading":    func() error { _, err := s.Presences(soon, nil, ids); return err },
				"writing":    func() error { return s.SetSession(soon, nil, ids[0], InACall, MinLease) },
				"looking up": func() error { _, err := s.UserIDs(soon, []string{"bert@example.com"}); return err },
			} {
				if name == stuck {
					continue
				}
				if err := call(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

func signInFor(t *testing.T, server *graphtest.Server) string {
	token, err := server.SignIn(graphtest.DefaultApp().ID, "bert@example.com")
	if err != nil {
		t.Error(err)
	}
	return token
}

// TestTheShareOfTwoServers: this one was given a part of what the application may ask.
func TestTheShareOfTwoServers(t *testing.T) {
	t.Parallel()
	server, s := startTeams(t, func(_ *graphtest.Config, c *Config, _ *outbound.Config) { c.PresenceReads = 10 })
	ids := idsOf(t, s, "anna@example.com", "bert@example.com")
	for range 2 { // a fifth may come at once
		_, err := s.Presences(t.Context(), nil, ids)
		must(t, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Presences(ctx, nil, ids); err == nil || server.Count("presences") != 2 {
		t.Errorf("the third: %v, %d asked", err, server.Count("presences"))
	}
	must(t, s.SetSession(t.Context(), nil, ids[0], InACall, MinLease))
}

// TestLogsTellOfNobody: neither who, nor what is shown of them, whatever goes wrong.
func TestLogsTellOfNobody(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex // guards text
	var text strings.Builder
	server, s := startTeams(t, func(_ *graphtest.Config, c *Config, _ *outbound.Config) {
		c.Log = slog.New(slog.NewTextHandler(writer(func(b []byte) {
			mu.Lock()
			defer mu.Unlock()
			text.Write(b)
		}), &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	ids := idsOf(t, s, "anna@example.com", "bert@example.com")
	as := signIn(t, server, "bert@example.com")
	for _, rule := range []graphtest.Rule{{Do: graphtest.Drop}, {Do: graphtest.Half}, {Do: graphtest.Answer, Status: 400, Code: "anna@example.com", Message: "Busy " + ids[0]},
		{Do: graphtest.Answer, Status: 403, Code: "Forbidden", Message: ids[0]}, {Do: graphtest.Answer, Status: 500, Message: "anna@example.com"},
		{Do: graphtest.Answer, Status: 429, Message: ids[0]}} {
		lift := server.Break(rule)
		_, _ = s.Presences(t.Context(), nil, ids) // what comes of it is shown elsewhere
		_, _ = s.Own(t.Context(), as)
		_, _ = s.UserIDs(t.Context(), []string{"anna@example.com", "bert@example.com"})
		_ = s.SetSession(t.Context(), nil, ids[0], InACall, MinLease)
		_ = s.ClearPreferred(t.Context(), as, ids[1])
		lift()
		s.log.Info("in between", "who", as, "what", Presence{ID: ids[0], Availability: "Busy"})
	}
	mu.Lock()
	defer mu.Unlock()
	got := text.String()
	if !strings.Contains(got, "was not read") {
		t.Error("nothing is logged")
	}
	for _, one := range []string{"anna", "bert", "Busy", "InACall", ids[0], ids[1], as.Token} {
		if strings.Contains(got, one) {
			t.Errorf("logs tell of %q:\n%s", one, got)
		}
	}
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }
