package sipline

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorlight/doorlight/internal/telephony/sipline/siplinetest"
	"github.com/doorlight/doorlight/presence"
)

func (d *document) String() string {
	kind := "partial"
	if d.full {
		kind = "full"
	}
	s := fmt.Sprintf("%d %s", d.version, kind)
	for _, x := range d.dialogs {
		s += fmt.Sprintf(" | %s %v", x.id, x.state)
		if x.held {
			s += " held"
		}
		if x.other != "" {
			s += " " + x.other
		}
	}
	return s
}

// TestDocuments reads what systems write, and the examples of the RFC.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"asterisk-dialog-info-idle":    "10 full | 6001 idle",
		"asterisk-dialog-info-inuse":   "8 full | 6001 on_the_phone",
		"asterisk-dialog-info-onhold":  "9 full | 6001 on_the_phone held",
		"asterisk-dialog-info-ringing": "7 full | 6001 ringing 6002",
		"kamailio-trying":              "2 full | padi-6b0860d6-35c4-1 on_the_phone 202",
		"kamailio-early":               "2 full | padi-6b0860d6-35c4-1 ringing 201",
		"kamailio-confirmed":           "3 full | padi-6b0860d6-35c4-1 on_the_phone 201",
		"kamailio-terminated":          "6 full | padi-6b0860d6-35c4-1 idle 201",
	} {
		body, err := os.ReadFile(filepath.Join("testdata", "documents", file+".xml"))
		if err != nil {
			t.Fatal(err)
		}
		d, err := readDocument(body)
		if err != nil || d.String() != want {
			t.Errorf("%s: %v, %v, want %s", file, d, err, want)
		}
	}
	examples, err := filepath.Glob("testdata/documents/rfc4235-*.xml")
	if err != nil || len(examples) < 5 {
		t.Fatalf("%d examples of the RFC, %v", len(examples), err)
	}
	for _, file := range examples {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d, err := readDocument(body)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if want := strings.Contains(file, "-full-"); d.full != want {
			t.Errorf("%s: %v", file, d)
		}
		for word, state := range map[string]presence.LineState{"confirmed": presence.LineOnThePhone, "terminated": presence.LineIdle} {
			if strings.Contains(file, word) && (len(d.dialogs) != 1 || d.dialogs[0].state != state) {
				t.Errorf("%s: %v", file, d)
			}
		}
	}
}

func TestParts(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`<dialog-info version="0" state="full" entity="x"/>`: "0 full",
		`<x:dialog-info xmlns:x="urn:any" version="4294967295" state=" FULL "><x:dialog id="1"><x:state> Confirmed </x:state></x:dialog></x:dialog-info>`:                                               "4294967295 full | 1 on_the_phone",
		`<dialog-info state="full"><dialog call-id="c"><state>early</state></dialog><dialog><state>early</state></dialog></dialog-info>`:                                                                "0 full | c ringing | #1 ringing",
		`<dialog-info version="1" state="partial"><unknown><dialog id="no"/></unknown><dialog id="1" direction="initiator"><state>proceeding</state></dialog></dialog-info>`:                            "1 partial | 1 on_the_phone",
		`<dialog-info version="1" state="full"><dialog id="1"><remote><target uri="sip:7@h"><param pname="+SIP.Rendering" pval="NO"/></target></remote><state>confirmed</state></dialog></dialog-info>`: "1 full | 1 on_the_phone held 7",
		"<?xml version='1.0' encoding='ISO-8859-1'?><dialog-info version='1' state='full'><dialog id='1'><state>early</state><remote><identity display='M\xfcller'/></remote></dialog></dialog-info>":   "1 full | 1 ringing Müller",
		`<dialog-info version="1" state="full"><dialog id="1"><state>singing</state></dialog></dialog-info>`:                                                                                            "error",
		`<dialog-info version="-1" state="partial"/>`:                                           "error",
		`<dialog-info version="1" state="whole"/>`:                                              "error",
		`<dialog-info version="1" state="full">`:                                                "error",
		`<!DOCTYPE x [<!ENTITY a "b">]><dialog-info version="1" state="full">&a;</dialog-info>`: "error",
		`<presence/>`: "error", ``: "error",
		`<dialog-info state="full"><dialog id="` + strings.Repeat("x", 201) + `"><state>early</state></dialog></dialog-info>`: "error",
		`<dialog-info state="full">` + strings.Repeat(" ", maxDocument) + `</dialog-info>`:                                    "error",
	} {
		d, err := readDocument([]byte(in))
		got := "error"
		if err == nil {
			got = d.String()
		}
		if got != want {
			t.Errorf("%.200s\nis %s (%v), want %s", in, got, err, want)
		}
	}
}

func TestOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ identity, display, target, want string }{
		{"sip:302@pbx", "Ann", "", "302"},
		{"sip:+4930123@pbx;user=phone", "", "", "+4930123"},
		{"tel:+49-30-123", "", "", "+4930123"},
		{"sip:N%3C302%3E%3BdisplayNumber=4930302@pbx", "", "", "302"},
		{"sip:302;phone-context=pbx@h", "", "", "302"},
		{"sip:ann@pbx", "Ann Example", "", "Ann Example"},
		{"sip:ann@pbx", "", "", "ann"},
		{"sip:ann@pbx", "", "sip:302@192.0.2.1", "302"},
		{"", "Ann", "", "Ann"},
		{"sip:anonymous@anonymous.invalid", "Anonym", "sip:302@192.0.2.1", ""},
		{"sip:Unknown@pbx", "", "", ""},
		{"sip:pbx", "anonymous", "", "pbx"},
		{"sip:302@pbx", "x\u202e\x00", "", "302"},
		{"", strings.Repeat("ä", 300), "", strings.Repeat("ä", maxOther)},
		{"  <sip:302@pbx> ", "", "", "302"},
	} {
		var p xmlParty
		p.Identity.URI, p.Identity.Display, p.Target.URI = c.identity, c.display, c.target
		if got := other(p); got != c.want {
			t.Errorf("%q %q %q is %q, want %q", c.identity, c.display, c.target, got, c.want)
		}
	}
}

// TestWrittenDocuments holds what the stand-in writes against the schema of the RFC, and reads it back.
func TestWrittenDocuments(t *testing.T) {
	t.Parallel()
	dialogs := []siplinetest.Dialog{
		{ID: "a&b", Incoming: true, State: "early", Other: "302", Name: `A "n" <n>`},
		{ID: "2", State: "confirmed", Other: "+4930", Held: true}, {ID: "3", State: "trying"}, {ID: "4", State: "terminated"},
	}
	valid := func(body []byte) error {
		c := exec.Command("xmllint", "--nonet", "--noout", "--schema", "testdata/schema/dialog-info.xsd", "-")
		c.Stdin = strings.NewReader(string(body))
		if said, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %s", err, said)
		}
		return nil
	}
	for _, full := range []bool{true, false} {
		for n := range len(dialogs) + 1 {
			body := siplinetest.Document(siplinetest.Strict, uint32(n), full, "sip:302@pbx.example.com", "302", dialogs[:n])
			if err := valid(body); err != nil {
				t.Errorf("%d dialogs: %v\n%s", n, err, body)
			}
			if d, err := readDocument(body); err != nil || len(d.dialogs) != n || d.full != full || d.version != uint32(n) {
				t.Errorf("%d dialogs are read as %v, %v", n, d, err)
			}
		}
	}
	for n, d := range dialogs[:2] { // as Asterisk does, which is not valid
		if err := valid(siplinetest.Document(siplinetest.Asterisk, 1, true, "sip:302@pbx.example.com", "302", []siplinetest.Dialog{d})); err == nil {
			t.Errorf("document %d of Asterisk is valid: it is not what Asterisk writes", n)
		}
	}
	examples, _ := filepath.Glob("testdata/documents/rfc4235-*.xml")
	for _, file := range examples {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := valid(body); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func FuzzDocument(f *testing.F) {
	files, _ := filepath.Glob("testdata/documents/*.xml")
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := readDocument(body)
		if err != nil {
			return
		}
		if len(d.dialogs) > maxDialogs {
			t.Errorf("%d dialogs", len(d.dialogs))
		}
		for _, x := range d.dialogs {
			if len(x.id) > maxID || x.id == "" || len([]rune(x.other)) > maxOther {
				t.Errorf("%+v", x)
			}
		}
	})
}
