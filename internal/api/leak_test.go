package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"pgregory.net/rapid"

	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/telephony/ami/amitest"
)

// mayRead is R3 once more, in the words of the specification and by hand: the program's own table must not be what
// tells whether the program is right. Each word lists who may read; assistants include assistants+.
var mayRead = map[string]string{
	"name":    "unknown external employee team_colleague assistant assistant_plus self",
	"private": "employee team_colleague assistant assistant_plus self", // numbers
	"status":  "external employee team_colleague assistant assistant_plus self",
	"text":    "team_colleague assistant assistant_plus self",
	"line":    "employee team_colleague assistant assistant_plus self",
	"other":   "assistant assistant_plus self",
	"times":   "team_colleague assistant assistant_plus self",
	"subject": "assistant assistant_plus self",
	"own":     "assistant_plus self",
	"self":    "self",
	"nobody":  "",
}

func allowed(l rights.Level, what string) bool {
	readers, ok := mayRead[what]
	if !ok {
		panic(what)
	}
	return slices.Contains(strings.Fields(readers), l.String())
}

// canary is a word that stands in one fact about somebody and nowhere else.
type canary struct {
	owner, what string
	anyone      []string // who may see it whatever they are to the owner
}

// aviary is an office whose facts are all canaries, and everybody in it.
type aviary struct {
	*building
	t       *rapid.T
	ids     []string
	birds   map[string]canary
	viewers map[string]*viewer
	door    *client
	admin   *client
	days    string // query of the agenda
	hour    time.Time
	events  map[string]map[string]string // of each person's calendar, by UID: the whole event
	pbx     *asterisk
	lines   map[string]string // of each person, at the telephone system
	calls   map[string]*amitest.Call
	flown   int
}

// viewer is somebody with everything that reached them.
type viewer struct {
	*client
	id     string
	roster map[string]string // what the stream last said of each person
	cards  map[string]string // what REST last said
	conn   *websocket.Conn
	seq    uint64
}

var bird = regexp.MustCompile(`zq[a-z_]+0\d+qz|\+4917\d{8}`) // IDs, which are made by chance, have no zero

// hatch makes a new canary.
func (a *aviary) hatch(owner, what string, anyone ...string) string {
	a.flown++
	name := fmt.Sprintf("zq%s%s0%dqz", owner, what, a.flown)
	a.birds[name] = canary{owner, what, anyone}
	return name
}

// number makes a telephone number that is a canary.
func (a *aviary) number(owner, what string) string {
	a.flown++
	name := fmt.Sprintf("+4917%08d", a.flown)
	a.birds[name] = canary{owner, what, nil}
	return name
}

// inspect looks for what the viewer may not see.
func (a *aviary) inspect(v *viewer, from string, text []byte) {
	for _, name := range bird.FindAll(text, -1) {
		c, ok := a.birds[string(name)]
		if !ok {
			a.t.Fatalf("%s: nobody knows %s", from, name)
		}
		l := a.office.Level(v.id, c.owner)
		if !allowed(l, c.what) && !slices.Contains(c.anyone, v.id) {
			a.t.Fatalf("%s, who is %s to %s, is told of %s by %s:\n%s", v.id, l, c.owner, c.what, from, text)
		}
	}
}

// fill makes the office.
func (a *aviary) fill() {
	t := a.t
	a.ids = []string{"ann", "bob", "cat", "dan", "eve"}[:rapid.IntRange(3, 5).Draw(t, "people")]
	for _, id := range a.ids {
		a.add(store.Person{
			ID: id, Name: "Person " + a.hatch(id, "name"), Login: id, WorkNumber: a.number(id, "name"), MobileNumber: a.number(id, "private"),
			HomeNumber: a.number(id, "private"), Voicemail: a.number(id, "own"), Email: a.hatch(id, "private") + "@example.org",
		})
		a.events[id] = map[string]string{}
	}
	a.add(store.Person{ID: "root", Name: "Root", Login: "root", Role: "admin"})
	a.admin = a.as("root")
	a.door = a.with(store.Token{Name: "Door", Origin: "door", Scopes: []string{"claims", "lines"}})
	a.wire()
	levels := rapid.SampledFrom(rights.Levels())
	granted := rapid.SampledFrom(rights.Levels()[1:]) // a group blocks nobody
	for _, owner := range a.ids {
		for _, id := range a.ids {
			if id != owner && rapid.IntRange(0, 3).Draw(t, "decides") > 0 {
				a.relate(id, owner, levels.Draw(t, id+" to "+owner))
			}
		}
	}
	some := func(what string) []string {
		return rapid.SliceOfDistinct(rapid.SampledFrom(a.ids), rapid.ID).Draw(t, what)
	}
	for range rapid.IntRange(0, 2).Draw(t, "work groups") {
		members := some("members")
		a.admin.post("/work-groups", map[string]any{"name": a.hatch("", "nobody", members...), "level": granted.Draw(t, "level"), "members": members}).fine(t)
	}
	if rapid.Bool().Draw(t, "monitoring") {
		observers, members := some("observers"), some("members")
		members = slices.DeleteFunc(members, func(id string) bool { return slices.Contains(observers, id) })
		a.admin.post("/monitoring-groups", map[string]any{
			"name": a.hatch("", "nobody", observers...), "observer_level": granted.Draw(t, "level"), "member_level": granted.Draw(t, "level"),
			"observers": observers, "members": members,
		}).fine(t)
	}
	for _, id := range a.ids {
		v := &viewer{client: a.as(id), id: id, roster: map[string]string{}, cards: map[string]string{}}
		a.viewers[id] = v
		v.put("/people/me/profiles", map[string]any{"own": []any{
			map[string]any{"name": a.hatch(id, "own"), "status": "busy", "text": a.hatch(id, "own"), "forwarding": map[string]any{"action": "keep"}},
		}}).fine(t)
		a.event(id, "open", 2, a.hatch(id, "subject"), "DESCRIPTION:"+a.hatch(id, "nobody")+"\r\n", "LOCATION:"+a.hatch(id, "nobody")+"\r\n", "URL:https://example.org/"+a.hatch(id, "subject")+"\r\n")
		a.event(id, "private", 4, a.hatch(id, "nobody"), "CLASS:PRIVATE\r\n", "ATTENDEE:mailto:"+a.hatch(id, "nobody")+"@example.org\r\n")
		a.event(id, "now", -1, a.hatch(id, "subject"))
		a.calendar(id)
		v.put("/people/me/clients/"+a.hatch(id, "own"), map[string]any{"label": a.hatch(id, "own"), "activity": "active"}).fine(t)
		a.call(id, "on_the_phone")
		if rapid.Bool().Draw(t, "called") {
			a.ring(v)
		}
		if rapid.Bool().Draw(t, "forwarded") {
			a.forward(v)
		}
		if rapid.Bool().Draw(t, "claimed") {
			a.door.put("/people/"+id+"/claim", map[string]any{"status": "unavailable", "text": a.hatch(id, "text"), "profile": a.hatch(id, "text")}).fine(t)
		}
		if rapid.Bool().Draw(t, "chosen") {
			a.choose(v, "busy")
		}
	}
}

// event puts an appointment of an hour, so many hours from now, into the text of a person's calendar.
func (a *aviary) event(id, uid string, in int, subject string, more ...string) {
	from := a.hour.Add(time.Duration(in) * time.Hour)
	a.events[id][uid] = event(uid, subject, from, from.Add(2*time.Hour), more...)
}

// calendar has the calendar of somebody read.
func (a *aviary) calendar(id string) {
	c := a.viewers[id].client
	list := decode[api.Calendars](c.get("/people/me/calendars")).Calendars
	url := "https://example.org/" + id + ".ics"
	if len(list) == 0 {
		url += "?" + a.hatch(id, "own")
	} else {
		url = list[0].URL
	}
	all := []string{}
	for _, uid := range slices.Sorted(maps.Keys(a.events[id])) {
		all = append(all, a.events[id][uid])
	}
	a.mu.Lock()
	a.calendars[url] = calendarText(all...)
	a.mu.Unlock()
	if len(list) == 0 {
		list = []api.Calendar{decode[api.Calendar](c.post("/people/me/calendars", map[string]any{
			"kind": "ics", "name": a.hatch(id, "own"), "url": url, "username": a.hatch(id, "own"), "password": a.hatch(id, "nobody"),
		}).fine(a.t))}
	}
	if got := decode[api.Calendar](c.post("/people/me/calendars/"+list[0].ID+"/sync", nil).fine(a.t)); got.Error != "" || got.Appointments != len(all) {
		a.t.Fatalf("the calendar of %s: %+v", id, got)
	}
}

func (a *aviary) call(id, state string) {
	a.door.put("/people/"+id+"/lines/100", map[string]any{"state": state, "reach": "external", "service": a.hatch(id, "text"), "other": a.hatch(id, "other")}).fine(a.t)
}

const officeNumbers = "+49170" // how numbers begin at the telephone system

// wire gives everybody a telephone at an Asterisk.
func (a *aviary) wire() {
	body := a.pbx.connector(m{"prefixes": []string{officeNumbers}})
	body["enabled"] = false // until it is known whose lines there are: they are looked up at the beginning then
	conn := decode[api.Connector](a.admin.post("/connectors", body).fine(a.t))
	for _, id := range a.ids {
		number := a.number(id, "text") // who may know how somebody is forwarded knows of which line
		a.lines[id] = strings.TrimPrefix(number, officeNumbers)
		a.pbx.AddPhone(a.lines[id])
		_, err := a.office.ChangePerson(context.Background(), office.By{}, "test", id, func(p *store.Person) error {
			p.Lines = []store.Line{{ConnectorID: conn.ID, Line: number, Forwards: true}}
			return nil
		})
		a.ok(err)
	}
	body["enabled"] = true
	a.admin.put("/connectors/"+conn.ID, body).fine(a.t)
	a.eventually("all telephones are heard", func() bool {
		return decode[api.ConnectorLines](a.admin.get("/connectors/"+conn.ID+"/lines")).Heard == len(a.ids)
	})
}

// ring has somebody called at their telephone, and nowhere else. They answer.
func (a *aviary) ring(v *viewer) {
	a.hangUp(v)
	other := a.number(v.id, "other")
	a.calls[v.id] = a.pbx.Call(other, a.lines[v.id])
	a.calls[v.id].Answer()
	a.eventually("the call is seen", func() bool {
		text := v.get("/people/me").String()
		return strings.Contains(text, other) && strings.Contains(text, "on_the_phone")
	})
}

// hangUp ends the calls of somebody.
func (a *aviary) hangUp(v *viewer) {
	a.call(v.id, "idle")
	if a.calls[v.id] != nil {
		a.calls[v.id].Hangup()
		delete(a.calls, v.id)
	}
	a.eventually("no call is seen", func() bool { return strings.Contains(v.get("/people/me").String(), `"idle"`) })
}

// forward has somebody forward their telephone.
func (a *aviary) forward(v *viewer) {
	v.put("/people/me/forwarding", m{"all": a.number(v.id, "text")}).fine(a.t)
}

func (a *aviary) choose(v *viewer, status string) {
	v.put("/people/me/choice", map[string]any{"status": status, "text": a.hatch(v.id, "text")}).fine(a.t)
}

// everything asks everything that the viewer can ask, looks for canaries in each answer, and returns all of it without
// the instant of asking. Where v is blocked the answers must be those that are given about nobody.
func (a *aviary) everything(v *viewer) string {
	var all strings.Builder
	ask := func(method, path string, body any) *answer {
		x := v.do(method, path, body)
		a.inspect(v, x.asked, x.body)
		fmt.Fprintf(&all, "%s %d %s\n", x.asked, x.status, instant.ReplaceAll(x.body, []byte(`"at":""`)))
		return x
	}
	values := map[string]string{"client": "zz", "code": "ZZZZ-ZZZZ", "calendar": "zz", "line": "100", "telephone": "none", "name": "Outlook", "session": "zz", "connector": "none", "viewer": a.ids[0]}
	for _, r := range routesOf(a.doc) {
		if r.who != "person" && r.who != "client" || r.method == http.MethodDelete && r.path == "/session" || !strings.Contains(r.path, "{person}") && r.method != http.MethodGet {
			continue
		}
		if !strings.Contains(r.path, "{person}") {
			ask(r.method, r.with(values), nil)
			continue
		}
		for _, id := range append(slices.Clone(a.ids), "root") {
			var body any
			if r.method != http.MethodGet {
				if id == v.id || a.office.Level(v.id, id) > rights.Employee { // what they may do, they would do
					continue
				}
				body = r.body(a.doc)
			}
			values["person"] = id
			query := ""
			if strings.HasSuffix(r.path, "/agenda") {
				query = a.days
			}
			x := ask(r.method, r.with(values)+query, body)
			if a.office.Level(v.id, id) == rights.Blocked {
				values["person"] = "nobody"
				y := v.do(r.method, r.with(values)+query, body)
				if got, want := strings.ReplaceAll(string(x.body), id, "nobody"), string(y.body); x.status != y.status || got != want {
					a.t.Fatalf("%s is blocked by %s, and told\n%s\ninstead of\n%s", v.id, id, x, y)
				}
			}
		}
	}
	for word := range a.birds { // nobody is found by what the one who searches may not see
		if strings.HasPrefix(word, "+") || rapid.IntRange(0, 9).Draw(a.t, "search") == 0 {
			x := v.get("/people?q=" + strings.TrimPrefix(word, "+"))
			a.inspect(v, x.asked, x.body)
			c, found := a.birds[word], decode[api.People](x).People
			for _, p := range found {
				if c.what != "name" || p.ID != c.owner {
					a.t.Fatalf("%s finds %s by %s, which is %s of %s", v.id, p.ID, word, c.what, c.owner)
				}
			}
		}
	}
	return all.String()
}

var instant = regexp.MustCompile(`"(reported_)?at":"[^"]*"`)

// connect opens the viewer's stream.
func (a *aviary) connect(v *viewer) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(a.url, "http")+api.Prefix+"/live", &websocket.DialOptions{HTTPHeader: v.header})
	if err != nil {
		a.t.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	v.conn = conn
	text, _ := json.Marshal(map[string]any{"type": "watch", "people": append(slices.Clone(a.ids), "nobody")})
	if err := conn.Write(ctx, websocket.MessageText, text); err != nil {
		a.t.Fatal(err)
	}
	a.follow(v)
}

const patience = time.Minute

// follow reads one frame of the viewer's stream. Each must say something new: a frame that repeats what is known tells
// that something has happened that is not for this viewer.
func (a *aviary) follow(v *viewer) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, data, err := v.conn.Read(ctx)
	if err != nil {
		a.t.Fatalf("%s waits for what REST says already\n%v\nand knows\n%v: %v", v.id, v.cards, v.roster, err)
	}
	a.inspect(v, "the live stream", data)
	var f struct {
		Type        string
		Seq         uint64
		People      []json.RawMessage
		Gone, Stale []string
	}
	if err := json.Unmarshal(data, &f); err != nil {
		a.t.Fatalf("%v in %s", err, data)
	}
	if f.Type == "alive" { // it comes with the time, whatever happens
		return
	}
	if v.seq++; f.Seq != v.seq {
		a.t.Fatalf("%s is sent frame %d as number %d", v.id, f.Seq, v.seq)
	}
	if f.Type != "snapshot" && len(f.People)+len(f.Gone)+len(f.Stale) == 0 {
		a.t.Fatalf("%s is told nothing: %s", v.id, data)
	}
	for _, raw := range f.People {
		var p struct{ ID string }
		if err := json.Unmarshal(raw, &p); err != nil {
			a.t.Fatal(err)
		}
		if v.roster[p.ID] == string(raw) {
			a.t.Fatalf("%s, who is %s to %s, is told again: %s", v.id, a.office.Level(v.id, p.ID), p.ID, raw)
		}
		v.roster[p.ID] = string(raw)
	}
	for _, id := range f.Gone {
		if _, known := v.roster[id]; !known {
			a.t.Fatalf("%s is told that %s is gone, of whom nothing was known", v.id, id)
		}
		delete(v.roster, id)
	}
}

// converge waits until the streams say what REST says, and checks what REST says of presence against what the owner
// sees, right by right.
func (a *aviary) converge() {
	for _, v := range a.viewers {
		now := map[string]string{}
		for _, id := range a.ids {
			x := v.get("/people/" + id)
			if x.status == http.StatusNotFound {
				continue
			}
			var card struct{ Presence json.RawMessage }
			if err := json.Unmarshal(x.body, &card); err != nil {
				a.t.Fatalf("%s: %v", x, err)
			}
			l := a.office.Level(v.id, id)
			if l > rights.Unknown {
				now[id] = string(card.Presence)
			}
			a.redacted(v, id, l, card.Presence)
		}
		v.cards = now
		for !maps.Equal(v.roster, now) {
			a.follow(v)
		}
	}
}

// redacted checks that of the owner's presence there is what the level may read, and all of it.
func (a *aviary) redacted(v *viewer, id string, l rights.Level, got json.RawMessage) {
	var own struct{ Presence map[string]any }
	if err := json.Unmarshal(a.viewers[id].get("/people/me").body, &own); err != nil {
		a.t.Fatal(err)
	}
	var seen map[string]any
	if err := json.Unmarshal(got, &seen); err != nil {
		a.t.Fatal(err)
	}
	want := own.Presence
	drop := func(what string, fields ...string) {
		for _, f := range fields {
			if !allowed(l, what) {
				delete(want, f)
			}
		}
	}
	drop("status", "status", "since")
	drop("text", "text", "profile", "cause")
	drop("times", "until")
	if line, ok := want["line"].(map[string]any); ok {
		if !allowed(l, "text") {
			delete(line, "service")
			delete(line, "reach")
		}
		if !allowed(l, "other") {
			delete(line, "other")
		}
	}
	drop("line", "line")
	if allowed(l, "status") && !allowed(l, "text") { // since the status itself is so, which has its own test in package presence
		delete(seen, "since")
		delete(want, "since")
	}
	if g, w := asJSON(seen), asJSON(want); g != w {
		a.t.Fatalf("%s, who is %s to %s, sees\n%s\nwant\n%s", v.id, l, id, g, w)
	}
}

// change does something to an owner and returns the rights by which it can be seen.
func (a *aviary) change(v *viewer, kind string) []string {
	id := v.id
	status := func() string {
		return decode[struct{ Presence struct{ Status string } }](v.get("/people/me")).Presence.Status
	}
	before := status()
	var by []string
	switch kind {
	case "text":
		v.put("/people/me/choice", map[string]any{"status": before, "text": a.hatch(id, "text")}).fine(a.t)
		by = []string{"text"}
	case "status":
		a.choose(v, rapid.SampledFrom([]string{"available", "busy", "do_not_disturb", "unavailable"}).Draw(a.t, "status"))
		by = []string{"text"}
	case "telephone call":
		a.ring(v)
		by = []string{"text", "other", "line"}
	case "forwarding":
		a.forward(v)
		by = []string{"text"}
	case "other party":
		a.call(id, "on_the_phone")
		by = []string{"text", "other", "line"}
	case "hang up":
		a.hangUp(v)
		by = []string{"text", "other", "line"}
	case "claim":
		a.door.put("/people/"+id+"/claim", map[string]any{"status": "unavailable", "text": a.hatch(id, "text")}).fine(a.t)
		by = []string{"text"}
	case "claim retracted":
		a.door.delete("/people/" + id + "/claim")
		by = []string{"text"}
	case "appointment":
		a.event(id, "open", rapid.IntRange(2, 20).Draw(a.t, "in"), a.hatch(id, "subject"))
		a.calendar(id)
		by = []string{"times"}
	case "subject":
		a.event(id, "now", -1, a.hatch(id, "subject"))
		a.calendar(id)
		by = []string{"subject"}
	case "private subject":
		a.event(id, "private", 4, a.hatch(id, "nobody"), "CLASS:PRIVATE\r\n", "LOCATION:"+a.hatch(id, "nobody")+"\r\n")
		a.calendar(id)
		by = []string{"own"} // when it was read
	case "dismissal":
		entries := decode[api.Agenda](v.get("/people/me/agenda" + a.days)).Appointments
		ref := entries[rapid.IntRange(0, len(entries)-1).Draw(a.t, "entry")].Ref
		v.put("/people/me/agenda/decision", map[string]any{"ref": ref, "dismissed": rapid.Bool().Draw(a.t, "dismissed")})
		by = []string{"times"}
	case "client":
		v.put("/people/me/clients/"+a.hatch(id, "own"), map[string]any{"label": a.hatch(id, "own"), "activity": "active"}).fine(a.t)
		by = []string{"own"}
	case "favourites":
		v.put("/people/me/favourites", map[string]any{"favourites": []string{"root"}}).fine(a.t)
		by = []string{"self"}
	case "settings":
		v.put("/people/me/settings", map[string]any{"language": rapid.SampledFrom([]string{"en", "de"}).Draw(a.t, "language")}).fine(a.t)
		by = []string{"own"}
	case "profiles":
		v.put("/people/me/profiles", map[string]any{"own": []any{
			map[string]any{"name": a.hatch(id, "own"), "status": "busy", "text": a.hatch(id, "own"), "forwarding": map[string]any{"action": "keep"}},
		}}).fine(a.t)
		by = []string{"own"}
	}
	if status() != before {
		by = append(by, "status")
	}
	return by
}

// TestNothingLeaks: in an office of random relationships, groups and facts, nobody is given a word that is not for them,
// by any operation of the API or by the live stream; who is blocked cannot tell the owner from nobody; and a change that
// a viewer may not see alters not one byte of what they get, nor when they get it (R3).
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	kinds := []string{"text", "status", "telephone call", "forwarding", "other party", "hang up", "claim", "claim retracted", "appointment", "subject", "private subject", "dismissal", "client", "favourites", "settings", "profiles"}
	rapid.Check(t, func(rt *rapid.T) {
		folder, err := os.MkdirTemp(t.TempDir(), "office")
		if err != nil {
			rt.Fatal(err)
		}
		b, end := openBuilding(t, folder)
		defer end()
		hour := time.Now().UTC().Add(-30 * time.Minute).Truncate(time.Minute) // nothing begins or ends while the test runs
		a := &aviary{
			building: b, t: rt, birds: map[string]canary{}, viewers: map[string]*viewer{}, events: map[string]map[string]string{}, hour: hour,
			pbx: newAsterisk(t), lines: map[string]string{}, calls: map[string]*amitest.Call{},
			days: "?from=" + hour.Add(-3*time.Hour).Format(time.RFC3339) + "&to=" + hour.Add(30*time.Hour).Format(time.RFC3339),
		}
		a.fill()
		for _, v := range a.viewers {
			a.connect(v)
			defer v.conn.CloseNow()
		}
		a.converge()
		for range rapid.IntRange(1, 5).Draw(rt, "changes") {
			known := map[string]string{}
			for id, v := range a.viewers {
				known[id] = a.everything(v)
			}
			owner := a.viewers[rapid.SampledFrom(a.ids).Draw(rt, "owner")]
			kind := rapid.SampledFrom(kinds).Draw(rt, "change")
			by := a.change(owner, kind)
			a.converge()
			for id, v := range a.viewers {
				l := a.office.Level(id, owner.id)
				if slices.ContainsFunc(by, func(what string) bool { return allowed(l, what) }) {
					continue
				}
				if now := a.everything(v); now != known[id] {
					rt.Fatalf("%s, who is %s to %s, can tell that %s was changed:\n%s", id, l, owner.id, kind, difference(known[id], now))
				}
			}
		}
		for _, v := range a.viewers {
			a.everything(v)
		}
	})
}

// difference returns the first line that differs.
func difference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return x[i] + "\nis now\n" + y[i]
		}
	}
	return fmt.Sprintf("%d lines are now %d", len(x), len(y))
}
