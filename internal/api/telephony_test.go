package api_test

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/telephony/ami/amitest"
)

const amiSecret = "wV9-ami"

// asterisk is an Asterisk on a port of this computer, with telephones.
type asterisk struct {
	*amitest.Server
	port int
}

func newAsterisk(t testing.TB, phones ...string) *asterisk {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &asterisk{amitest.Start(l, amitest.Config{Users: map[string]amitest.User{"doorlight": {Secret: amiSecret, Read: "system,call", Write: "system,call"}}}), l.Addr().(*net.TCPAddr).Port}
	t.Cleanup(func() {
		a.Close()
		for _, v := range a.Violations() {
			t.Errorf("Asterisk was asked for what it does not understand: %s", v)
		}
	})
	a.AddPhone(phones...)
	return a
}

// connector is what an administrator enters of it.
func (a *asterisk) connector(more m) m {
	settings := m{"host": "127.0.0.1", "port": a.port, "username": "doorlight", "forwarding": "freepbx", "prefixes": []string{"+49 30 1000"}}
	for k, v := range more {
		settings[k] = v
	}
	return m{"kind": "asterisk", "name": "Telephones", "enabled": true, "secret": amiSecret, "asterisk": settings}
}

// wired is a building whose people have telephones: the work number of each is their line.
func wired(t *testing.T, numbers map[string]string) (b *building, pbx *asterisk, id string) {
	t.Helper()
	var phones []string
	for _, n := range numbers {
		phones = append(phones, n[max(0, len(n)-3):])
	}
	slices.Sort(phones)
	pbx = newAsterisk(t, phones...)
	b = newBuilding(t)
	for name, number := range numbers {
		b.add(store.Person{ID: strings.ToLower(name), Name: name, Login: strings.ToLower(name), WorkNumber: number})
	}
	admin := b.as("admin")
	body := pbx.connector(nil)
	body["enabled"] = false // until it is known whose lines there are: they are looked up at the beginning then
	id = decode[api.Connector](admin.post("/connectors", body).is(t, 200)).ID
	b.telephones(admin, m{"connector": id, "forwarding": id}).fine(t)
	body["enabled"] = true
	admin.put("/connectors/"+id, body).is(t, 200)
	return b, pbx, id
}

// telephones chooses where everybody's lines are.
func (b *building) telephones(admin *client, section m) *answer {
	b.t.Helper()
	return admin.put("/scopes/"+b.location+"/settings", m{"telephony": section})
}

// template changes what a template does with the telephone.
func (b *building) forwards(admin *client, id, name, status string, forwarding m) {
	b.t.Helper()
	admin.put("/scopes/"+b.location+"/templates/"+id, m{
		"name": name, "status": status, "text": name, "forwarding": forwarding, "active": true, "user_forwarding": "fixed",
	}).fine(b.t.(failer))
}

// onLine is what one person sees of another's line.
func (c *client) onLine(id string) string {
	a := c.get("/people/" + id)
	if a.status == http.StatusNotFound {
		return "nobody"
	}
	l := decode[struct {
		Presence struct {
			Line *struct{ State, Reach, Other string }
		}
	}](a.is(c.t.(failer), 200)).Presence.Line
	if l == nil {
		return "no line"
	}
	return strings.TrimSpace(l.State + " " + l.Other)
}

// lines are a person's, as somebody sees them.
func (c *client) lines(id string) []api.PersonLine {
	c.t.Helper()
	return decode[api.PersonLines](c.get("/people/"+id+"/lines").is(c.t.(failer), 200)).Lines
}

// line is the only one of somebody.
func (c *client) line(id string) api.PersonLine {
	c.t.Helper()
	all := c.lines(id)
	if len(all) != 1 {
		c.t.Fatalf("%s has the lines %+v", id, all)
	}
	return all[0]
}

// part is how a connector is doing.
func (c *client) part(id string) (found api.Part) {
	for _, p := range decode[api.Health](c.get("/health").is(c.t.(failer), 200)).Parts {
		if p.ID == id {
			found = p
		}
	}
	return found
}

func TestAnAdministratorConnectsTheTelephones(t *testing.T) {
	t.Parallel()
	pbx := newAsterisk(t, "201", "202")
	b := newBuilding(t)
	for name, number := range map[string]string{"Anna": "+49 30 1000-201", "Bob": "202", "Carl": ""} {
		b.add(store.Person{ID: strings.ToLower(name), Name: name, Login: strings.ToLower(name), WorkNumber: number})
	}
	admin := b.as("admin")

	// What is wrong is named as the form names it.
	for field, body := range map[string]m{
		"body.asterisk":              {"kind": "asterisk", "name": "Telephones", "enabled": true, "secret": amiSecret},
		"body.asterisk.host":         pbx.connector(m{"host": "http://pbx"}),
		"body.asterisk.username":     pbx.connector(m{"username": " "}),
		"body.asterisk.auth":         pbx.connector(m{"auth": "plain"}),
		"body.asterisk.devices[0]":   pbx.connector(m{"devices": []string{"PJSIP"}}),
		"body.asterisk.prefixes[1]":  pbx.connector(m{"prefixes": []string{"+49 30", "none"}}),
		"body.asterisk.families.all": pbx.connector(m{"families": m{"all": "C F"}}),
	} {
		admin.post("/connectors", body).is(t, 422).names(t, field)
	}
	without := pbx.connector(nil)
	delete(without, "secret")
	admin.post("/connectors", without).is(t, 422).names(t, "body.secret")
	conn := decode[api.Connector](admin.post("/connectors", pbx.connector(nil)).is(t, 200))
	if !conn.HasSecret || conn.Asterisk == nil || conn.Asterisk.Port != pbx.port {
		t.Errorf("entered is %+v", conn)
	}
	elsewhere := pbx.connector(m{"host": "localhost"})
	delete(elsewhere, "secret")
	admin.put("/connectors/"+conn.ID, elsewhere).is(t, 422).names(t, "body.secret") // it is not carried to another server

	// It is tried step by step, with somebody's line too; what cannot be is said with its remedy.
	steps := func(query string) (names []string, wrong []api.Step) {
		for _, s := range decode[api.Steps](admin.post("/connectors/"+conn.ID+"/check"+query, nil).is(t, 200)).Steps {
			names = append(names, s.Name)
			if !s.OK {
				wrong = append(wrong, s)
			}
		}
		return names, wrong
	}
	if names, wrong := steps(""); len(wrong) > 0 || slices.Contains(names, "line") || !slices.Contains(names, "sign_in") {
		t.Errorf("without a line: %q, wrong are %+v", names, wrong)
	}
	if names, wrong := steps("?line=201"); len(wrong) > 0 || !slices.Contains(names, "line") || !slices.Contains(names, "forwarding") {
		t.Errorf("with a line: %q, wrong are %+v", names, wrong)
	}
	if _, wrong := steps("?line=209"); len(wrong) != 1 || wrong[0].Name != "line" || wrong[0].Remedy == "" {
		t.Errorf("of a line that there is not it is said: %+v", wrong)
	}

	// A location names it, and nothing else that is no telephone system. One that speaks only SIP tells of lines, and forwards none.
	sip := decode[api.Connector](admin.post("/connectors", m{"kind": "sip", "name": "Old telephones", "enabled": false, "sip": m{"server": "127.0.0.1:1"}}).is(t, 200))
	if all := decode[api.Systems](admin.get("/scopes/"+b.location+"/systems").is(t, 200)).Systems; len(all) != 2 ||
		all[0].Name != "Old telephones" || !all[0].Lines || all[0].Forwards || all[1].ID != conn.ID || !all[1].Lines || !all[1].Forwards {
		t.Errorf("settings may name %+v", all)
	}
	b.telephones(admin, m{"connector": "nonsense"}).is(t, 422).names(t, "body.telephony.connector")
	b.telephones(admin, m{"connector": conn.ID, "forwarding": sip.ID}).is(t, 422).names(t, "body.telephony.forwarding")
	b.telephones(admin, m{"connector": b.application(admin, nil).ID}).is(t, 422).names(t, "body.telephony.connector")
	b.telephones(admin, m{"connector": conn.ID, "forwarding": conn.ID}).fine(t)

	// Whoever has a work number has a line.
	status := func() api.ConnectorLines {
		return decode[api.ConnectorLines](admin.get("/connectors/"+conn.ID+"/lines").is(t, 200))
	}
	b.eventually("both lines are heard", func() bool { s := status(); return s.Lines == 2 && s.Heard == 2 && s.Follow == 2 })
	anna, carl := b.as("anna"), b.as("carl")
	if l := anna.line("me"); l.Connector != conn.ID || l.System != "Telephones" || l.Line != "+49 30 1000-201" || !l.Follows || !slices.Contains(l.Can, "all") || l.Reported == nil || !l.Settled {
		t.Errorf("Anna's is %+v", l)
	}
	if all := carl.lines("me"); len(all) != 0 {
		t.Errorf("Carl has no number, and the lines %+v", all)
	}
	carl.put("/people/me/forwarding", m{"all": "202"}).is(t, http.StatusNotFound)
	anna.get("/connectors/"+conn.ID+"/lines").is(t, http.StatusForbidden)

	// It goes down, which is said within moments, and comes back.
	b.eventually("it is well", func() bool { return admin.part(conn.ID).State == "ok" })
	pbx.Stop(true)
	b.eventually("it is said that it is gone", func() bool {
		p := admin.part(conn.ID)
		return p.State == "failing" && strings.Contains(p.Error, "127.0.0.1")
	})
	b.eventually("the connector says so", func() bool {
		return slices.ContainsFunc(decode[api.Connectors](admin.get("/connectors").is(t, 200)).Connectors, func(c api.Connector) bool { return c.ID == conn.ID && c.Error != "" })
	})
	b.eventually("Anna is told so when hers is read again", func() bool { l := anna.line("me"); return l.Problem != "" && !l.Settled })
	pbx.Boot()
	b.eventually("it is back", func() bool { p := admin.part(conn.ID); return p.State == "ok" && p.Error == "" })
	b.eventually("the line is well again", func() bool { return anna.line("me").Problem == "" })
	wrong := pbx.connector(nil)
	wrong["secret"] = "wrong"
	admin.put("/connectors/"+conn.ID, wrong).is(t, 200)
	b.eventually("the wrong secret is told of", func() bool { return strings.Contains(admin.part(conn.ID).Error, "manager.conf") })
	admin.put("/connectors/"+conn.ID, pbx.connector(nil)).is(t, 200)
	b.eventually("it is right again", func() bool { return admin.part(conn.ID).State == "ok" })

	// It is not removed while settings name it, nor while lines in it are entered. With it goes what was kept.
	b.forwards(admin, policy.TemplateBreak, "Break", "be_right_back", m{"action": "forward", "target": "number", "number": "*97"})
	anna.put("/people/me/choice", m{"profile": policy.TemplateBreak}).fine(t)
	b.eventually("Anna's calls go to her voicemail", func() bool { return pbx.Entry("CF", "201") == "*97" })
	if len(b.forwarded()) != 1 {
		t.Errorf("kept is %+v", b.forwarded())
	}
	if a := admin.delete("/connectors/"+conn.ID).is(t, http.StatusConflict); !strings.Contains(a.String(), "Berlin") {
		t.Errorf("it does not say where it is named: %s", a)
	}
	carls := m{"name": "Carl", "login": "carl", "location": b.location, "role": "user", "lines": []m{{"connector": conn.ID, "line": "209", "forwards": false}}}
	admin.put("/people/carl/record", carls).is(t, 200)
	b.telephones(admin, m{}).fine(t)
	if a := admin.delete("/connectors/"+conn.ID).is(t, http.StatusConflict); !strings.Contains(a.String(), "1 people") {
		t.Errorf("it does not say that lines are entered: %s", a)
	}
	delete(carls, "lines")
	admin.put("/people/carl/record", carls).is(t, 200)
	b.eventually("what was set is taken back, as the line is nobody's", func() bool { return pbx.Entry("CF", "201") == "" })
	admin.delete("/connectors/" + conn.ID).fine(t)
	admin.delete("/connectors/" + sip.ID).fine(t)
	if all := b.forwarded(); len(all) != 0 {
		t.Errorf("still kept is %+v", all)
	}
	for _, path := range []string{"/connectors", "/connectors/" + conn.ID + "/lines", "/health", "/audit", "/records"} {
		if text := admin.get(path).String(); strings.Contains(text, amiSecret) {
			t.Errorf("the secret comes back: %s", text)
		}
	}
	for _, word := range []string{amiSecret, "1000-201"} {
		if strings.Contains(b.log.String(), word) || strings.Contains(b.dump(), amiSecret) {
			t.Errorf("%q is in the log, or the secret is stored as it is", word)
		}
	}
}

// forwarded is what is kept of lines.
func (b *building) forwarded() (all []store.ForwardingRecord) {
	b.t.Helper()
	b.ok(b.store.LoadForwardings(b.t.Context(), func(r store.ForwardingRecord) error {
		all = append(all, r)
		return nil
	}))
	return all
}

// A connector that is deleted takes with it what is kept of lines that are forwarded still: it cannot be taken back any more.
func TestATelephoneSystemThatIsGoneKeepsNothing(t *testing.T) {
	t.Parallel()
	b, pbx, id := wired(t, map[string]string{"Anna": "201"})
	admin, anna := b.as("admin"), b.as("anna")
	b.forwards(admin, policy.TemplateBreak, "Break", "be_right_back", m{"action": "forward", "target": "number", "number": "*97"})
	anna.put("/people/me/choice", m{"profile": policy.TemplateBreak}).fine(t)
	b.eventually("her calls go to her voicemail", func() bool { return pbx.Entry("CF", "201") == "*97" && len(b.forwarded()) == 1 })
	pbx.Stop(true)
	b.telephones(admin, m{}).fine(t)
	admin.delete("/connectors/" + id).fine(t)
	if all := b.forwarded(); len(all) != 0 {
		t.Errorf("still kept is %+v", all)
	}
	if all := anna.lines("me"); len(all) != 0 {
		t.Errorf("she has the lines %+v", all)
	}
}

func TestACallIsSeenByWhomItIsFor(t *testing.T) {
	t.Parallel()
	b, pbx, id := wired(t, map[string]string{"Anna": "201", "Bob": "202", "Eve": "203", "Ida": "204", "Xaver": "205"})
	b.relate("ida", "anna", rights.Assistant)
	b.relate("bob", "anna", rights.TeamColleague)
	b.relate("xaver", "anna", rights.Blocked)
	admin, anna, bob, eve, ida, xaver := b.as("admin"), b.as("anna"), b.as("bob"), b.as("eve"), b.as("ida"), b.as("xaver")
	b.eventually("the lines are heard", func() bool {
		return decode[api.ConnectorLines](admin.get("/connectors/"+id+"/lines").is(t, 200)).Heard == 5
	})
	everybody := map[string]*client{"Anna": anna, "Bob": bob, "Eve": eve, "Ida": ida, "Xaver": xaver}
	told := map[string]func() string{}
	for name, who := range everybody {
		told[name] = who.overhears(t, "anna")
	}
	see := func(what string, want map[string]string) {
		t.Helper()
		for name, want := range want {
			b.eventually(fmt.Sprintf("%s sees that Anna %s", name, what), func() bool { return everybody[name].onLine("anna") == want })
		}
	}
	const caller = "0891234567"
	call := pbx.Call(caller, "201")
	see("is called", map[string]string{"Anna": "ringing " + caller, "Ida": "ringing " + caller, "Bob": "ringing", "Eve": "ringing", "Xaver": "nobody"})
	call.Answer()
	see("talks", map[string]string{"Anna": "on_the_phone " + caller, "Ida": "on_the_phone " + caller, "Bob": "on_the_phone", "Eve": "on_the_phone", "Xaver": "nobody"})
	call.Hangup()
	see("is free", map[string]string{"Anna": "idle", "Ida": "idle", "Bob": "idle", "Eve": "idle", "Xaver": "nobody"})
	call = pbx.Call("201", "202") // and one inside
	call.Answer()
	see("talks to Bob", map[string]string{"Ida": "on_the_phone 202", "Eve": "on_the_phone"})
	call.Hangup()
	see("is free", map[string]string{"Ida": "idle", "Eve": "idle"})

	for name, said := range told {
		if name == "Xaver" {
			continue
		}
		b.eventually(name+" is told as it happens", func() bool {
			text := said()
			return strings.Contains(text, "ringing") && strings.Contains(text, "on_the_phone") && strings.HasSuffix(text[:strings.LastIndex(text, "idle")+4], "idle")
		})
	}
	for name, want := range map[string]bool{"Anna": true, "Ida": true, "Bob": false, "Eve": false, "Xaver": false} {
		if text := told[name](); strings.Contains(text, caller) != want {
			t.Errorf("%s is told who calls: %v, want %v\n%s", name, !want, want, text)
		}
	}
	if text := told["Xaver"](); strings.Contains(text, "ringing") || strings.Contains(text, "phone") {
		t.Errorf("Xaver, whom Anna has blocked, is told %s", text)
	}
	if strings.Contains(b.log.String(), caller) {
		t.Error("who called is in the log")
	}
}

func TestAProfileForwardsTheTelephone(t *testing.T) {
	t.Parallel()
	b, pbx, id := wired(t, map[string]string{"Anna": "201", "Bob": "202"})
	b.relate("anna", "bob", rights.TeamColleague)
	admin, anna, bob := b.as("admin"), b.as("anna"), b.as("bob")
	record := m{"name": "Anna", "login": "anna", "location": b.location, "work_number": "201", "role": "user"}
	b.forwards(admin, policy.TemplateBreak, "Break", "be_right_back", m{"action": "forward", "target": "mobile"})
	b.forwards(admin, policy.TemplateHomeOffice, "Home office", "available", m{"action": "forward", "target": "number", "number": "202"})
	b.forwards(admin, policy.TemplateDoNotDisturb, "Do not disturb", "do_not_disturb", m{"action": "do_not_disturb"})
	bob.put("/people/me/choice", m{"status": "available"}).fine(t)

	// Her mobile number is not entered: the profile holds, the telephone is left alone, and she and the administrator are told.
	anna.put("/people/me/choice", m{"profile": policy.TemplateBreak}).fine(t)
	b.eventually("it is said which number is missing", func() bool { return strings.Contains(anna.line("me").Refusal, "your mobile number is empty") })
	if got := anna.sees("anna"); !strings.HasPrefix(got, "be_right_back Break") || pbx.Entry("CF", "201") != "" {
		t.Errorf("she is %q, and forwarded to %q", got, pbx.Entry("CF", "201"))
	}
	failing := decode[api.ConnectorLines](admin.get("/connectors/"+id+"/lines").is(t, 200)).Failing
	if len(failing) != 1 || failing[0].Person != "anna" || failing[0].Name != "Anna" || !strings.Contains(failing[0].Refusal, "your mobile number is empty") {
		t.Errorf("the administrator is told %+v", failing)
	}

	// It is entered, and the telephone follows.
	record["mobile_number"] = "+49 170 1234"
	admin.put("/people/anna/record", record).is(t, 200)
	b.eventually("her calls go to her mobile telephone", func() bool { return pbx.Entry("CF", "201") == "+491701234" })
	b.eventually("she is told that it is so", func() bool {
		l := anna.line("me")
		return l.Refusal == "" && l.Settled && l.Wanted == nil && l.Reported != nil && l.Reported.All == "+491701234" && l.ReportedAt != nil
	})
	if s := decode[api.ConnectorLines](admin.get("/connectors/"+id+"/lines").is(t, 200)); s.Forwarded != 1 || len(s.Failing) != 0 {
		t.Errorf("the administrator is told %+v", s)
	}
	anna.put("/people/me/choice", m{"status": "available"}).fine(t)
	b.eventually("it is taken back", func() bool { return pbx.Entry("CF", "201") == "" })
	anna.put("/people/me/choice", m{"profile": policy.TemplateDoNotDisturb}).fine(t)
	b.eventually("her telephone does not disturb her", func() bool { return pbx.Entry("DND", "201") == "YES" })
	anna.put("/people/me/choice", m{"profile": policy.TemplateHomeOffice}).fine(t)
	b.eventually("her calls go to Bob", func() bool { return pbx.Entry("CF", "201") == "202" && pbx.Entry("DND", "201") == "" })

	// Bob goes: her calls come back to her rather than ring in an empty room (B7). She may see that he is absent, the administrator, to whom
	// he is not, may not.
	bob.put("/people/me/choice", m{"status": "unavailable"}).fine(t)
	b.eventually("she is told why her calls are hers", func() bool {
		return pbx.Entry("CF", "201") == "" && strings.HasPrefix(anna.line("me").Refusal, "Bob is absent too.")
	})
	b.relate("admin", "bob", rights.Blocked)
	if failing := decode[api.ConnectorLines](admin.get("/connectors/"+id+"/lines").is(t, 200)).Failing; len(failing) != 1 || failing[0].Refusal == "" || strings.Contains(failing[0].Refusal, "Bob") {
		t.Errorf("the administrator, whom Bob has blocked, is told %+v", failing)
	}
	bob.put("/people/me/choice", m{"status": "available"}).fine(t)
	b.eventually("Bob is back, and takes her calls", func() bool { return pbx.Entry("CF", "201") == "202" && anna.line("me").Refusal == "" })

	// What somebody sets at the telephone meanwhile stays.
	pbx.Press("201", "CF", "0151")
	b.eventually("that is heard", func() bool { l := anna.line("me"); return l.Reported != nil && l.Reported.All == "0151" })
	anna.put("/people/me/choice", m{"status": "available"}).fine(t)
	b.eventually("nothing of ours stands", func() bool {
		return decode[api.ConnectorLines](admin.get("/connectors/"+id+"/lines").is(t, 200)).Forwarded == 0
	})
	if got := pbx.Entry("CF", "201"); got != "0151" {
		t.Errorf("what she set at the telephone is %q now", got)
	}
}

func TestForwardingByHand(t *testing.T) {
	t.Parallel()
	b, pbx, id := wired(t, map[string]string{"Anna": "201", "Bob": "+49 30 1000-202", "Eve": "203", "Ida": "204", "Xaver": "205"})
	b.relate("ida", "anna", rights.Assistant)
	b.relate("bob", "anna", rights.TeamColleague)
	b.relate("xaver", "anna", rights.Blocked)
	admin, anna, bob, eve, ida, xaver := b.as("admin"), b.as("anna"), b.as("bob"), b.as("eve"), b.as("ida"), b.as("xaver")
	for _, who := range []*client{anna, bob, eve, ida} {
		who.put("/people/me/choice", m{"status": "available"}).fine(t)
	}
	b.eventually("the lines are heard", func() bool {
		return decode[api.ConnectorLines](admin.get("/connectors/"+id+"/lines").is(t, 200)).Heard == 5
	})

	// She does it herself: all calls, and when nobody answers.
	back := decode[api.PersonLines](anna.put("/people/me/forwarding", m{"all": "+49 (170) 12-34", "no_answer": "*97"}).is(t, 200)).Lines
	if len(back) != 1 || back[0].Reported == nil || back[0].Reported.All != "+491701234" || back[0].Reported.NoAnswer != "*97" {
		t.Errorf("she is told %+v", back)
	}
	if all, late := pbx.Entry("CF", "201"), pbx.Entry("CFU", "201"); all != "+491701234" || late != "*97" {
		t.Errorf("Asterisk forwards to %q, and late to %q", all, late)
	}
	// Her assistant undoes it, and sees it all; a colleague of her team sees where her calls go, and no more; others do not.
	if l := ida.line("anna"); l.Reported == nil || l.Reported.All != "+491701234" || !l.Follows || !l.Settled {
		t.Errorf("Ida sees %+v", l)
	}
	if l := bob.line("anna"); l.Reported == nil || l.Reported.All != "+491701234" || l.Follows || l.Settled || l.Wanted != nil || l.Refusal != "" || l.Problem != "" {
		t.Errorf("Bob sees %+v", l)
	}
	for _, who := range []*client{bob, eve} {
		who.put("/people/anna/forwarding", m{"all": "203"}).is(t, http.StatusForbidden)
	}
	eve.get("/people/anna/lines").is(t, http.StatusForbidden)
	xaver.get("/people/anna/lines").is(t, http.StatusNotFound)
	xaver.put("/people/anna/forwarding", m{"all": "205"}).is(t, http.StatusNotFound)
	ida.put("/people/anna/forwarding", m{"connector": id, "line": "201", "do_not_disturb": true}).is(t, 200)
	if pbx.Entry("DND", "201") != "YES" || pbx.Entry("CF", "201") != "" || pbx.Entry("CFU", "201") != "" {
		t.Error("Asterisk does not do as Ida said")
	}
	anna.put("/people/me/forwarding", m{}).is(t, 200)
	if l := anna.line("me"); l.Reported == nil || *l.Reported != (api.LineForwarding{}) || pbx.Entry("DND", "201") != "" {
		t.Error("it is not off")
	}

	// What this system cannot do, and what makes no sense, is named.
	anna.put("/people/me/forwarding", m{"internal": "202", "external": "*97"}).is(t, 422).names(t, "body.internal")
	anna.put("/people/me/forwarding", m{"external": "*97"}).is(t, 422).names(t, "body.external")
	anna.put("/people/me/forwarding", m{"all": "call me"}).is(t, 422).names(t, "body.all")
	anna.put("/people/me/forwarding", m{"all": "201"}).is(t, 422).names(t, "body.all")
	anna.put("/people/me/forwarding", m{"all": "+49 30 1000 201"}).is(t, 422).names(t, "body.all")
	bob.put("/people/me/choice", m{"status": "unavailable"}).fine(t)
	for _, number := range []string{"202", "+49 30 1000-202", "+49301000 202"} { // however his number is dialled
		if a := anna.put("/people/me/forwarding", m{"all": number}).is(t, 422); !strings.Contains(a.String(), "Bob is absent") {
			t.Errorf("to %s she is told %s", number, a)
		}
	}
	anna.put("/people/me/forwarding", m{"line": "202", "all": "*97"}).is(t, http.StatusNotFound)
	anna.put("/people/me/forwarding", m{"connector": "nonsense", "all": "*97"}).is(t, http.StatusNotFound)
	if pbx.Entry("CF", "201") != "" || pbx.Entry("CF", "202") != "" {
		t.Error("what was refused was done")
	}

	// Who did it is in the audit log, and not with what number.
	log := decode[api.Audit](admin.get("/audit?person=anna&action=forwarding.put").is(t, 200)).Entries
	var actors []string
	for _, e := range log {
		if e.Action == "forwarding.put" {
			actors = append(actors, e.Actor)
		}
	}
	if !slices.Equal(actors, []string{"anna", "ida", "anna"}) {
		t.Errorf("the audit log has %q", actors)
	}

	// While Asterisk is gone it says so, and nothing is done.
	pbx.Stop(true)
	b.eventually("it is gone", func() bool { return admin.part(id).State == "failing" })
	anna.put("/people/me/forwarding", m{"all": "*97"}).is(t, http.StatusServiceUnavailable)
}

func TestLinesAreEnteredForPeople(t *testing.T) {
	t.Parallel()
	b, pbx, id := wired(t, map[string]string{"Anna": "201", "Bob": "202"})
	pbx.AddPhone("301", "302")
	admin, anna, bob := b.as("admin"), b.as("anna"), b.as("bob")
	other := newAsterisk(t, "401")
	plain := other.connector(m{"forwarding": "none"})
	plain["name"] = "Laboratory"
	lab := decode[api.Connector](admin.post("/connectors", plain).is(t, 200)).ID
	record := func(name string, lines ...m) m {
		return m{"name": name, "login": strings.ToLower(name), "location": b.location, "work_number": map[string]string{"Anna": "201", "Bob": "202"}[name], "role": "user", "lines": lines}
	}
	put := func(name string, lines ...m) *answer {
		return admin.put("/people/"+strings.ToLower(name)+"/record", record(name, lines...))
	}
	got := decode[api.PersonRecord](put("Anna", m{"connector": id, "line": " 301 ", "forwards": true}, m{"connector": lab, "line": "401", "forwards": false}).is(t, 200))
	if want := []api.Line{{Connector: id, Line: "301", Forwards: true}, {Connector: lab, Line: "401"}}; !slices.Equal(got.Lines, want) {
		t.Errorf("entered is %+v", got.Lines)
	}
	b.eventually("she has those lines, and not her work number's", func() bool {
		all := anna.lines("me")
		return len(all) == 2 && all[0].Line == "301" && all[0].Follows && all[1].Line == "401" && all[1].System == "Laboratory" && !all[1].Follows && len(all[1].Can) == 0
	})
	b.eventually("both systems tell of them", func() bool {
		return decode[api.ConnectorLines](admin.get("/connectors/"+lab+"/lines").is(t, 200)).Heard == 1 && decode[api.ConnectorLines](admin.get("/connectors/"+id+"/lines").is(t, 200)).Heard == 2
	})
	other.Call("0301", "401").Answer() // any of her lines is her
	b.eventually("she is on the phone", func() bool { return bob.onLine("anna") == "on_the_phone" })

	// By hand the first one is forwarded that can be, unless another is named, and that cannot.
	anna.put("/people/me/forwarding", m{"all": "*97"}).is(t, 200)
	if pbx.Entry("CF", "301") != "*97" {
		t.Error("her main line is not forwarded")
	}
	anna.put("/people/me/forwarding", m{"connector": lab, "line": "401", "all": "*97"}).is(t, 422).names(t, "body.all")

	// What cannot be is named with its line, and nothing of it is entered.
	a := put("Bob", m{"connector": id, "line": "302", "forwards": false}, m{"connector": id, "line": "(3 01)", "forwards": false}).is(t, 422)
	a.names(t, "body.lines[1].line")
	if !strings.Contains(a.String(), "is the line of Anna") {
		t.Errorf("it does not say whose it is: %s", a)
	}
	put("Bob", m{"connector": "nonsense", "line": "302", "forwards": false}).is(t, 422).names(t, "body.lines[0].connector")
	put("Bob", m{"connector": lab, "line": "402", "forwards": true}).is(t, 422).names(t, "body.lines[0].forwards")
	put("Bob", m{"connector": id, "line": " ", "forwards": false}).is(t, 422).names(t, "body.lines[0].line")
	put("Bob", m{"connector": id, "line": "302", "forwards": false}, m{"connector": id, "line": "3-02", "forwards": false}).is(t, 422).names(t, "body.lines[1].line")
	var many []m
	for i := range office.MostLines + 1 {
		many = append(many, m{"connector": id, "line": fmt.Sprint(500 + i), "forwards": false})
	}
	put("Bob", many...).is(t, 422).names(t, "body.lines")
	if r := decode[api.PersonRecord](admin.get("/people/bob/record").is(t, 200)); len(r.Lines) != 0 {
		t.Errorf("Bob has the lines %+v", r.Lines)
	}
	put("Bob", many[:office.MostLines]...).is(t, 200)
	put("Bob").is(t, 200)

	// Anna gives one up: it is Bob's now, forwarded as she left it.
	put("Anna").is(t, 200)
	put("Bob", m{"connector": id, "line": "301", "forwards": false}).is(t, 200)
	b.eventually("it is Bob's", func() bool { return bob.line("me").Line == "301" && anna.line("me").Line == "201" })
	if x := decode[api.Export](bob.get("/people/me/export").is(t, 200)); len(x.Person.Lines) != 1 || x.Person.Lines[0].Line != "301" || len(x.Lines) != 1 || x.Lines[0].System != "Telephones" || x.Lines[0].Reported == nil {
		t.Errorf("exported of Bob are %+v and %+v", x.Person.Lines, x.Lines)
	}
	admin.delete("/people/bob/record").fine(t)
	put("Anna", m{"connector": id, "line": "301", "forwards": false}).is(t, 200)
}

// A telephone that signs in as somebody sees with their eyes: others who may write their settings get no password of one, as they would see whom they
// may not.
func TestNobodySeesThroughAnothersTelephone(t *testing.T) {
	t.Parallel()
	b := newBuilding(t)
	b.people("Anna", "Ida", "Carl")
	b.relate("ida", "anna", rights.AssistantPlus)
	b.relate("anna", "carl", rights.Assistant)
	b.relate("ida", "carl", rights.Blocked)
	admin, anna, ida := b.as("admin"), b.as("anna"), b.as("ida")
	ida.post("/people/anna/telephones", m{"name": "Desk"}).is(t, http.StatusForbidden)
	added := decode[api.TelephoneAdded](anna.post("/people/me/telephones", m{"name": "Desk"}).is(t, 200))
	if all := decode[api.Telephones](ida.get("/people/anna/telephones").is(t, 200)).Telephones; len(all) != 1 || all[0].User != added.User {
		t.Errorf("her assistant sees %+v", all)
	}
	ida.delete("/people/anna/telephones/" + added.User).fine(t)
	admin.post("/people/anna/telephones", m{"name": "Desk"}).is(t, 200) // who could set her password
}
