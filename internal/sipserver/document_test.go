package sipserver

import (
	"bytes"
	"fmt"
	"mime"
	"mime/multipart"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/doorlight/doorlight/presence"
)

// valid holds documents against a schema.
func valid(t *testing.T, schema string, docs ...[]byte) {
	t.Helper()
	dir := t.TempDir()
	args := []string{"--nonet", "--noout", "--schema", filepath.Join("testdata", "schema", schema)}
	for i, d := range docs {
		f := filepath.Join(dir, fmt.Sprint(i, ".xml"))
		if err := os.WriteFile(f, d, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, f)
	}
	if out, err := exec.Command("xmllint", args...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", schema, err, out)
		for _, line := range strings.Split(string(out), "\n") {
			if name, ok := strings.CutSuffix(line, " fails to validate"); ok {
				d, _ := os.ReadFile(name)
				t.Logf("%s", d)
			}
		}
	}
}

func views() []View {
	var out []View
	for _, st := range presence.Statuses() {
		for _, text := range []string{"", "Exam until 11", "<&\"'>\x00\x1f ü 漢 🙂" + strings.Repeat("long ", 100)} {
			out = append(out, View{Status: st, Text: text}, View{Status: st, Text: text, Note: "until 11:00", LineKnown: true})
			for _, l := range []presence.Line{
				{State: presence.LineRinging, Reach: presence.External, Other: "+49 (30) 12/34"},
				{State: presence.LineRinging},
				{State: presence.LineOnThePhone, Service: "MS Teams", Other: "Müller, \"Jo\" <x>"},
				{State: presence.LineOnThePhone},
			} {
				out = append(out, View{Status: st, Text: text, Line: l, LineKnown: true}, View{Status: st, Text: text, Line: l})
			}
		}
	}
	return append(out, View{Off: true, Status: presence.Busy, Text: "x"})
}

// Every document is valid by the schemas of RFC 3863, 4479, 4480 and 4235.
func TestDocumentsAreValid(t *testing.T) {
	t.Parallel()
	var d documents
	d.init(nil)
	var pidfs, dialogs [][]byte
	for i, v := range views() {
		for _, entity := range []string{"sip:202@office.example", "sip:a%20b'c&d@192.0.2.1:5060"} {
			pidfs = append(pidfs, d.of(class{packPresence, false, v}).render(entity, uint32(i)))
			dialogs = append(dialogs, d.of(class{packDialog, i%2 == 0, v}).render(entity, uint32(i)))
		}
	}
	for _, b := range append(pidfs, dialogs...) {
		if len(b) > 1300 {
			t.Errorf("%d bytes do not fit into a datagram:\n%s", len(b), b)
		}
		if !utf8.Valid(b) {
			t.Errorf("not UTF-8: %q", b)
		}
	}
	valid(t, "presence-all.xsd", pidfs...)
	valid(t, "dialog-info.xsd", dialogs...)
}

// P1: what is told of each status.
func TestWhatIsToldOfAStatus(t *testing.T) {
	t.Parallel()
	var d documents
	d.init(map[presence.Status]string{presence.Busy: "Beschäftigt"})
	for _, x := range []struct {
		status                presence.Status
		basic, activity, note string
	}{
		{presence.Available, "open", "", ""},
		{presence.BeRightBack, "open", "away", "Be right back"},
		{presence.Busy, "open", "busy", "Beschäftigt"},
		{presence.DoNotDisturb, "closed", "busy", "Do not disturb"},
		{presence.Unavailable, "closed", "away", "Unavailable"},
		{presence.LoggedOut, "closed", "", ""},
	} {
		doc := string(d.of(class{view: View{Status: x.status}}).render("sip:x@y", 0))
		if !strings.Contains(doc, "<basic>"+x.basic+"</basic>") {
			t.Errorf("%v is not %s:\n%s", x.status, x.basic, doc)
		}
		if n := strings.Count(doc, "<rpid:activities>"); (x.activity != "") != (n == 1) || x.activity != "" && !strings.Contains(doc, "<rpid:"+x.activity+"/>") {
			t.Errorf("%v has not the activity %q:\n%s", x.status, x.activity, doc)
		}
		if x.note != "" && strings.Count(doc, "note>"+x.note+"<") != 2 || x.note == "" && strings.Contains(doc, "note>") {
			t.Errorf("%v is not said to be %q:\n%s", x.status, x.note, doc)
		}
	}
	doc := string(d.of(class{view: View{Status: presence.Available, LineKnown: true, Line: presence.Line{State: presence.LineOnThePhone, Service: "MS Teams"}}}).render("sip:x@y", 0))
	if !strings.Contains(doc, "<basic>open</basic>") || !strings.Contains(doc, "<rpid:on-the-phone/>") || !strings.Contains(doc, "On the phone (MS Teams)") {
		t.Errorf("on the phone:\n%s", doc)
	}
}

// What may not be seen is in no document: two views that differ in nothing else make the same one.
func TestHiddenLinesMakeNoDifference(t *testing.T) {
	t.Parallel()
	var d documents
	d.init(nil)
	rapid.Check(t, func(t *rapid.T) {
		v := View{Status: rapid.SampledFrom(presence.Statuses()).Draw(t, "status"), Text: rapid.String().Draw(t, "text")}
		hidden := v
		hidden.Line = presence.Line{State: rapid.SampledFrom([]presence.LineState{0, 1, 2}).Draw(t, "line"), Other: rapid.String().Draw(t, "other"), Service: "secret"}
		for _, p := range []pack{packPresence, packDialog} {
			if a, b := d.of(class{p, false, v}), d.of(class{p, false, hidden}); a.sum != b.sum || !bytes.Equal(a.render("e", 1), b.render("e", 1)) {
				t.Fatalf("%s\ndiffers from\n%s", a.render("e", 1), b.render("e", 1))
			}
		}
	})
}

func TestDocumentsAreKeptWithinBounds(t *testing.T) {
	t.Parallel()
	var d documents
	d.init(nil)
	for i := range 3 * mostDocuments {
		d.of(class{view: View{Text: fmt.Sprint(i)}})
	}
	if n := len(d.known); n > mostDocuments {
		t.Errorf("%d are kept", n)
	}
}

// parts takes a notification of a list apart: the RLMI document first, the others by Content-ID.
func (n note) parts(t *testing.T) (rlmi string, docs map[string]string) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(header(n.req, "Content-Type", "c"))
	if err != nil || kind != "multipart/related" || params["type"] != "application/rlmi+xml" {
		t.Fatalf("its type is %q: %v", header(n.req, "Content-Type", "c"), err)
	}
	docs = map[string]string{}
	r := multipart.NewReader(strings.NewReader(n.body), params["boundary"])
	for i := 0; ; i++ {
		p, err := r.NextRawPart()
		if err != nil {
			break
		}
		var b bytes.Buffer
		b.ReadFrom(p)
		id := strings.Trim(p.Header.Get("Content-ID"), "<>")
		if i == 0 {
			if "<"+id+">" != params["start"] {
				t.Errorf("the first part is %q, and not the start %q", id, params["start"])
			}
			rlmi = b.String()
			valid(t, "rlmi.xsd", b.Bytes())
			continue
		}
		docs[id] = b.String()
		if !strings.Contains(rlmi, `cid="`+id+`"`) {
			t.Errorf("part %q is not on the list:\n%s", id, rlmi)
		}
		if p.Header.Get("Content-Type") == "application/pidf+xml" {
			valid(t, "presence-all.xsd", b.Bytes())
		} else {
			valid(t, "dialog-info.xsd", b.Bytes())
		}
	}
	if strings.Count(rlmi, "cid=") != len(docs) {
		t.Errorf("the list has other documents than the %d that came:\n%s", len(docs), rlmi)
	}
	return rlmi, docs
}

func TestAListIsOneSubscription(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp"} {
		for _, event := range []string{"presence", "dialog"} {
			t.Run(network+" "+event, func(t *testing.T) {
				t.Parallel()
				o := newTown()
				o.lists["team"] = []string{"201", "202", "203", "299"}
				s := begin(t, o, nil, nil)
				d := connect(t, s, network, "desk1").subscribe("sip:team@office.example", event, 600, 200, "Supported: eventlist")
				if header(d.first, "Require", "") != "eventlist" {
					t.Errorf("the answer does not require eventlist:\n%s", d.first)
				}
				n := d.hear()
				rlmi, docs := n.parts(t)
				if len(docs) != 4 || !strings.Contains(rlmi, `version="0" fullState="true"`) || !strings.Contains(rlmi, `uri="sip:team@office.example"`) {
					t.Errorf("first it has %d documents:\n%s", len(docs), rlmi)
				}
				if header(n.req, "Require", "") != "eventlist" {
					t.Errorf("it does not require eventlist:\n%s", n.req)
				}
				o.set("ben", View{Status: presence.Busy, LineKnown: true, Line: presence.Line{State: presence.LineOnThePhone}})
				rlmi, docs = d.hear().parts(t)
				if len(docs) != 1 || !strings.Contains(rlmi, `version="1" fullState="false"`) || strings.Contains(rlmi, "sip:201@") || !strings.Contains(rlmi, `uri="sip:202@office.example"`) {
					t.Errorf("then it has %d documents:\n%s", len(docs), rlmi)
				}
				for _, doc := range docs {
					if event == "dialog" && (!strings.Contains(doc, `version="1"`) || !strings.Contains(doc, "confirmed")) || event == "presence" && !strings.Contains(doc, "on-the-phone") {
						t.Errorf("it says\n%s", doc)
					}
				}
				if r := d.send(600); r.StatusCode != 200 {
					t.Fatalf("it is renewed with %d", r.StatusCode)
				}
				if rlmi, docs = d.hear().parts(t); len(docs) != 4 || !strings.Contains(rlmi, `fullState="true"`) {
					t.Errorf("renewed it has %d documents:\n%s", len(docs), rlmi)
				}
				// Somebody joins, somebody leaves.
				o.mu.Lock()
				o.lists["team"] = []string{"202", "anna"}
				o.mu.Unlock()
				s.Reload()
				if rlmi, docs = d.hear().parts(t); len(docs) != 2 || !strings.Contains(rlmi, `fullState="true"`) || strings.Contains(rlmi, "sip:201@") {
					t.Errorf("edited it has %d documents:\n%s", len(docs), rlmi)
				}
				if w := o.watched(); fmt.Sprint(w) != "[anna ben]" {
					t.Errorf("%q are watched", w)
				}
				d.send(0)
			})
		}
	}
}

// A long list comes in pieces that fit.
func TestALongListComesInPieces(t *testing.T) {
	t.Parallel()
	o := newTown()
	for i := range 120 {
		u, p := fmt.Sprint(3000+i), fmt.Sprint("p", i)
		o.people[u], o.views[p] = p, View{Status: presence.Busy, Text: "number " + u}
		o.lists["all"] = append(o.lists["all"], u)
	}
	s := begin(t, o, nil, nil)
	d := connect(t, s, "udp", "desk1").subscribe("sip:all@office.example", "presence", 600, 200, "Supported: eventlist")
	heard, pieces := map[string]bool{}, 0
	for len(heard) < 120 {
		n := d.hear()
		rlmi, docs := n.parts(t)
		if pieces == 0 != strings.Contains(rlmi, `fullState="true"`) || !strings.Contains(rlmi, fmt.Sprintf(`version="%d"`, pieces)) {
			t.Errorf("piece %d:\n%s", pieces, rlmi)
		}
		if pieces == 0 && strings.Count(rlmi, "<resource") != 120 {
			t.Error("the first piece does not name everybody")
		}
		if len(n.req.String()) > 24<<10 {
			t.Errorf("a piece has %d bytes", len(n.req.String()))
		}
		for id, doc := range docs {
			if heard[doc] {
				t.Errorf("%s comes twice", id)
			}
			heard[doc] = true
		}
		pieces++
	}
	d.silent()
	if pieces < 3 {
		t.Errorf("it came in %d pieces", pieces)
	}
}

// Each viewer has lists of their own; what is one to others is nobody. Who subscribed to nobody begins anew once there is a list.
func TestAListIsItsViewers(t *testing.T) {
	t.Parallel()
	o := newTown()
	o.lists["anna/team"] = []string{"203"}
	s := begin(t, o, nil, nil)
	if _, docs := connect(t, s, "udp", "desk1").subscribe("sip:team@office.example", "presence", 600, 200, "Supported: eventlist").hear().parts(t); len(docs) != 1 {
		t.Errorf("Anna's list has %d documents", len(docs))
	}
	d := connect(t, s, "udp", "desk2").subscribe("sip:team@office.example", "presence", 600, 200, "Supported: eventlist")
	if n := d.hear(); header(d.first, "Require", "") != "" || strings.Contains(n.body, "rlmi") || strings.Contains(n.body, "203") || !strings.Contains(n.body, "closed") {
		t.Errorf("of Anna's list Ben is told\n%s", n.body)
	}
	o.mu.Lock()
	o.lists["ben/team"] = []string{"201", "203"}
	signedIn := slices.Clone(o.signedIn)
	o.mu.Unlock()
	if !slices.Equal(signedIn, []string{"desk1", "desk2"}) {
		t.Errorf("%q have signed in", signedIn)
	}
	s.Reload()
	if n := d.hear(); n.state != "terminated;reason=deactivated" {
		t.Errorf("when there is a list he is told %q", n.state)
	}
}
