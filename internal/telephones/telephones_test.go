package telephones_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

const (
	nobody  = "<basic>closed</basic></status></tuple>" // as somebody who is not there, and of whom nothing is told
	canary  = "Birthday party"
	partner = "0309999"
)

// What a telephone shows of somebody is what its owner may see of them, at any moment.
func TestATelephoneSeesWhatItsOwnerMay(t *testing.T) {
	t.Parallel()
	h := build(t)
	at := h.serve()
	anna, _ := h.desk("anna", at)
	h.choose("bert", presence.Busy, canary)
	h.talk("bert", partner)
	h.level("anna", "bert", rights.Blocked)
	status, code := anna.subscribe("bert", "presence") // by ID
	lamp, _ := anna.subscribe("+49-30-1234.202", "dialog")
	if code != 200 {
		t.Fatalf("to subscribe to somebody who blocks one is answered with %d", code)
	}
	nil1 := anna.see("nosuch")
	nil1.shows(nobody)
	status.shows(nobody, "!busy", "!on-the-phone")
	lamp.shows("<state>terminated</state>", "!confirmed")
	strip := func(s *sub, user string) string {
		anna.mu.Lock()
		defer anna.mu.Unlock()
		return strings.ReplaceAll(s.body, user, "X")
	}
	if a, b := strip(nil1, "nosuch"), strip(status, "bert"); a != b {
		t.Errorf("who does not exist is shown as\n%s\nand who blocks one as\n%s", a, b)
	}

	h.level("anna", "bert", rights.External)
	status.shows("<rpid:busy/>", "!on-the-phone")
	lamp.shows("!confirmed")
	h.level("anna", "bert", rights.Employee)
	status.shows("<rpid:on-the-phone/><rpid:busy/>")
	lamp.shows("<state>confirmed</state>")
	h.talk("bert", "")
	status.shows("!on-the-phone", "<rpid:busy/>")
	lamp.shows("!confirmed")
	h.choose("bert", presence.DoNotDisturb, canary+" too")
	status.shows("Do not disturb")
	h.talk("bert", partner)
	status.shows("on-the-phone")
	if heard := anna.everything(); strings.Contains(heard, canary) || strings.Contains(heard, partner) {
		t.Errorf("up to here %q and %q are not for Anna, but her telephone was told\n%s", canary, partner, heard)
	}

	h.level("anna", "bert", rights.TeamColleague)
	status.shows(canary+" too", "on-the-phone")
	if heard := anna.everything(); strings.Contains(heard, partner) {
		t.Errorf("%q is not for a team colleague, but Anna's telephone was told\n%s", partner, heard)
	}
	h.level("anna", "bert", rights.Assistant)
	lamp.shows(partner, "confirmed")
	h.level("anna", "bert", rights.Blocked)
	status.shows(nobody, "!"+canary)
	lamp.shows("terminated", "!"+partner)

	// Whoever has presence switched off is shown so, and whoever is blocked by an administrator, or gone, not at all.
	carl := anna.see("203")
	h.choose("carl", presence.Available, "")
	carl.shows("<basic>open</basic>")
	h.ok(h.office.ChangeSection(t.Context(), office.By{}, h.location, policy.SectionFeature, func(s *policy.Settings) error { s.Feature.Enabled = false; return nil }))
	carl.shows("<rpid:unknown/>", "!basic")
	h.ok(h.office.ChangeSection(t.Context(), office.By{}, h.location, policy.SectionFeature, func(s *policy.Settings) error { s.Feature.Enabled = true; return nil }))
	carl.shows("<basic>open</basic>")
	h.change("carl", func(p *store.Person) { p.Blocked = true })
	carl.shows(nobody)
	h.change("carl", func(p *store.Person) { p.Blocked = false })
	carl.shows("<basic>open</basic>")
	h.change("carl", func(p *store.Person) { p.WorkNumber = "299" })
	carl.shows(nobody)
	h.change("bert", func(p *store.Person) { p.WorkNumber = "203" })
	h.level("anna", "bert", rights.TeamColleague)
	carl.shows(canary) // the number is Bert's now
	h.ok(h.office.DeletePerson(t.Context(), office.By{}, "bert"))
	carl.shows(nobody)
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	h := build(t)
	at := h.serve()
	by := office.By{Actor: "admin"}
	h.choose("bert", presence.Available, "")
	a, password, err := h.Add(t.Context(), by, "anna", " Desk ")
	h.ok(err)
	if list := h.Accounts("anna"); len(list) != 1 || list[0] != a || a.Name != "Desk" || !strings.HasPrefix(a.User, "201-") || len(a.User) != 8 || len(password) != 20 || !a.SeenAt.IsZero() {
		t.Errorf("there are %+v, with the password %q", list, password)
	}
	phone := h.phone("127.0.0.1", at, a.User, password)
	first := phone.see("bert")
	first.shows("open")
	h.wait("the sign-in to be seen", func() bool { return !h.Accounts("anna")[0].SeenAt.IsZero() })
	for _, x := range []struct{ user, password string }{{a.User, "wrong"}, {"201-zzzz", password}, {"anna", password}} {
		if _, code := h.phone("127.0.0.1", at, x.user, x.password).subscribe("bert", "presence"); code != 401 {
			t.Errorf("%s signs in with %s: %d", x.user, x.password, code)
		}
	}

	// After a restart the telephone is as it was. It is told to come back.
	h.stop()
	first.ends("probation")
	h.open()
	at = h.serve()
	if list := h.Accounts("anna"); len(list) != 1 || list[0].User != a.User || !list[0].CreatedAt.Equal(a.CreatedAt) {
		t.Errorf("after a restart there are %+v", list)
	}
	phone = h.phone("127.0.0.1", at, a.User, password)
	second := phone.see("bert")
	second.shows("open")

	// Two telephones of one person; one goes.
	other, b := h.desk("anna", at)
	stays := other.see("bert")
	stays.shows("open")
	if err := h.Remove(t.Context(), by, "bert", a.User); fault.KindOf(err) != fault.NotFound {
		t.Errorf("somebody else's is removed: %v", err)
	}
	h.ok(h.Remove(t.Context(), by, "anna", a.User))
	second.ends("deactivated")
	if _, code := phone.subscribe("bert", "presence"); code != 401 {
		t.Errorf("with a removed account one subscribes: %d", code)
	}
	if err := h.Remove(t.Context(), by, "anna", a.User); fault.KindOf(err) != fault.NotFound {
		t.Errorf("removed twice: %v", err)
	}
	h.choose("bert", presence.Busy, "")
	stays.shows("busy")

	// Who is blocked sees nothing any more, and comes back with the same account.
	h.change("anna", func(p *store.Person) { p.Blocked = true })
	stays.ends("deactivated")
	if _, code := other.subscribe("bert", "presence"); code != 401 {
		t.Errorf("a blocked person's telephone subscribes: %d", code)
	}
	h.change("anna", func(p *store.Person) { p.Blocked = false })
	back := other.see("bert")
	back.shows("busy")
	h.ok(h.office.DeletePerson(t.Context(), office.By{}, "anna"))
	back.ends("deactivated")
	if list := h.Accounts("anna"); list != nil {
		t.Errorf("a deleted person has %+v", list)
	}
	if err := h.store.LoadSIPAccounts(t.Context(), func(store.SIPAccount) error { return errors.New("there is one") }); err != nil {
		t.Error(err)
	}

	var said []string
	entries, err := h.store.Audit(t.Context(), store.AuditQuery{Action: "telephone.", Ascending: true})
	h.ok(err)
	for _, e := range entries {
		said = append(said, e.Action+" "+e.PersonID+" by "+e.Actor)
	}
	if got := strings.Join(said, ", "); got != "telephone.add anna by admin, telephone.add anna by anna, telephone.remove anna by admin" {
		t.Errorf("the audit log says %s", got)
	}
	if entries[0].LocationID != h.location {
		t.Errorf("the entry is about the location %q", entries[0].LocationID)
	}
	h.stop()
	files, _ := filepath.Glob(filepath.Join(h.folder, "*"))
	for _, f := range files {
		data, err := os.ReadFile(f)
		h.ok(err)
		if strings.Contains(string(data), password) || strings.Contains(string(data), b.User) {
			t.Errorf("%s holds the password, or what was deleted", f)
		}
	}
	if strings.Contains(h.log.String(), password) {
		t.Error("the password is in the log")
	}
}

func TestWhatMayBeAdded(t *testing.T) {
	t.Parallel()
	h := build(t)
	for _, x := range []struct {
		who, name string
		kind      fault.Kind
		field     string
	}{
		{"nobody", "Desk", fault.NotFound, ""}, {"anna", " ", fault.Invalid, "name"}, {"anna", strings.Repeat("x", 101), fault.Invalid, "name"}, {"anna", "a\nb", fault.Invalid, "name"},
	} {
		_, _, err := h.Add(t.Context(), office.By{}, x.who, x.name)
		e, _ := errors.AsType[*fault.Error](err)
		if fault.KindOf(err) != x.kind || x.field != "" && (len(e.Fields) != 1 || e.Fields[0].Path != x.field) {
			t.Errorf("%q for %s: %v", x.name, x.who, err)
		}
	}
	users := map[string]bool{}
	for range 10 {
		a, _, err := h.Add(t.Context(), office.By{}, "bert", strings.Repeat("ü", 100))
		h.ok(err)
		users[a.User] = true
		if !strings.HasPrefix(a.User, "490301234-202-") {
			t.Errorf("the user is %q", a.User)
		}
	}
	if _, _, err := h.Add(t.Context(), office.By{}, "bert", "Desk"); fault.KindOf(err) != fault.Conflict || len(users) != 10 {
		t.Errorf("one too many: %v; there are %d", err, len(users))
	}
	h.change("carl", func(p *store.Person) { p.WorkNumber = "" })
	if a, _, err := h.Add(t.Context(), office.By{}, "carl", "Desk"); err != nil || !strings.HasPrefix(a.User, "carl.bexample.com-") {
		t.Errorf("by the login: %q, %v", a.User, err)
	}
	h.change("carl", func(p *store.Person) { p.Login = "" })
	if a, _, err := h.Add(t.Context(), office.By{}, "carl", "Desk"); err != nil || !strings.HasPrefix(a.User, "phone-") {
		t.Errorf("without any: %q, %v", a.User, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := h.Add(ended, office.By{}, "anna", "Desk"); !errors.Is(err, context.Canceled) || h.Accounts("anna") != nil {
		t.Errorf("cancelled: %v, %v", err, h.Accounts("anna"))
	}
}

// A list is that of whoever asks: what group others are in, and who is on it whom they may not know of, it does not tell.
func TestLists(t *testing.T) {
	t.Parallel()
	h := build(t)
	at := h.serve()
	h.choose("bert", presence.Busy, "")
	h.choose("carl", presence.DoNotDisturb, "")
	g := store.WorkGroup{Name: "Vertrieb Süd/West", Level: "team_colleague", Members: []string{"anna", "bert", "carl"}}
	h.ok(h.office.PutWorkGroup(t.Context(), office.By{}, &g))
	h.level("anna", "carl", rights.Blocked)
	anna, _ := h.desk("anna", at)
	dora, _ := h.desk("dora", at)
	const name = "vertrieb-sued-west"
	if _, code := anna.subscribe(name, "presence"); code != 421 {
		t.Errorf("a telephone that knows no lists gets %d", code)
	}
	list := anna.see(name, "Supported", "eventlist", "Accept", "application/pidf+xml, application/rlmi+xml, multipart/related")
	list.shows("rlmi", "sip:+490301234202@office.example", "<rpid:busy/>", "!sip:203@", "!Do not disturb")
	out, code := dora.subscribe(name, "presence", "Supported", "eventlist")
	if code != 200 {
		t.Fatalf("to subscribe to others' group is answered with %d", code)
	}
	out.shows(nobody, "!rlmi")
	h.level("anna", "carl", rights.Employee)
	list.shows("sip:203@", "Do not disturb")
	h.choose("bert", presence.Available, "")
	list.shows("<basic>open</basic>", "1234202@", "!sip:203@") // only what has changed
	if strings.Contains(dora.everything(), ":203@") || strings.Contains(dora.everything(), "301234202") {
		t.Error("Dora hears who is in the group")
	}

	// Favourites come when there are some, and go with the last.
	before := anna.see("favourites", "Supported", "eventlist")
	before.shows(nobody)
	favour := func(ids ...string) {
		h.ok(h.office.ChangeOwn(t.Context(), office.By{}, "favourites.put", "anna", func(_ *office.Person, o *policy.Own) error { o.Favourites = ids; return nil }))
	}
	favour("carl", "dora")
	before.ends("deactivated")
	mine := anna.see("favourites", "Supported", "eventlist")
	mine.shows("sip:203@", "sip:204@", "!1234202@")
	h.level("anna", "dora", rights.Blocked)
	mine.shows("sip:203@", "!sip:204@")
	favour()
	mine.ends("deactivated")
	h.ok(h.office.DeleteWorkGroup(t.Context(), office.By{}, g.ID))
	list.ends("deactivated")
}

func TestWhomAddressesMean(t *testing.T) {
	t.Parallel()
	h := build(t)
	at := h.serve()
	anna, _ := h.desk("anna", at)
	// Each is told by what is seen of nobody else.
	marks := map[string]string{"anna": "note-a", "bert": "note-b", "carl": "note-c", "dora": "note-d"}
	for who, mark := range marks {
		h.choose(who, presence.Busy, mark)
		if who != "anna" {
			h.level("anna", who, rights.TeamColleague)
		}
	}
	// A login that is a number of another's, and a line that is written as another's login.
	h.change("dora", func(p *store.Person) { p.Login = "201" })
	// Logins that differ in a hyphen only.
	h.change("carl", func(p *store.Person) { p.Login = "x-yz" })
	h.change("bert", func(p *store.Person) { p.Login = "xy-z" })
	for _, x := range []struct{ address, who string }{
		{"201", "anna"}, {"2-0-1", "anna"}, {"anna", "anna"}, {"Anna.B%40example.com", "anna"}, {"+490301234202", "bert"}, {"+49(0)30%201234-202", "bert"},
		{"+49301234202", "bert"}, {"9203", "carl"}, {"CARL", "carl"}, {"204", "dora"}, {"dora.b%40example.com", ""}, {"9204", ""}, {"X-YZ", "carl"}, {"xy-z", "bert"}, {"annab", ""}, {"", ""},
	} {
		s := anna.see(x.address)
		if x.who == "" {
			s.shows(nobody)
			continue
		}
		s.shows(marks[x.who])
	}
}
