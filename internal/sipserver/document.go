package sipserver

import (
	"encoding/xml"
	"hash/maphash"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/doorlight/doorlight/presence"
)

// pack is an event package.
type pack uint8

const (
	packPresence pack = iota // RFC 3856
	packDialog               // RFC 4235
)

func (p pack) String() string {
	if p == packDialog {
		return "dialog"
	}
	return "presence"
}

// contentType is that of its documents.
func (p pack) contentType() string {
	if p == packDialog {
		return "application/dialog-info+xml"
	}
	return "application/pidf+xml"
}

// documents makes what telephones are told. A document is made once for everybody who sees the same; who it is about, and its version, are
// put in for each subscription.
type documents struct {
	words map[presence.Status]string
	seed  maphash.Seed

	mu    sync.Mutex // guards what follows
	known map[class]*document
}

// class is all that a document depends on.
type class struct {
	pack pack
	lamp bool // Config.LampForBusy
	view View
}

// document is one with gaps.
type document struct {
	parts []part
	sum   uint64 // of its contents: two documents with the same sum say the same
}

type part struct {
	text string
	gap  gap
}

// gap is what comes after a text.
type gap uint8

const (
	noGap     gap = iota
	entityGap     // whom it is about
	versionGap
)

// How many documents are kept. There are a handful, and those with texts.
const mostDocuments = 4096

// How long a text may be, in bytes: notifications go in one datagram.
const longestText = 240

var english = map[presence.Status]string{
	presence.BeRightBack: "Be right back", presence.Busy: "Busy", presence.DoNotDisturb: "Do not disturb", presence.Unavailable: "Unavailable",
}

func (d *documents) init(words map[presence.Status]string) {
	d.words, d.seed, d.known = words, maphash.MakeSeed(), map[class]*document{}
}

// of returns the document of a class.
func (d *documents) of(c class) *document {
	if c.view.Off {
		c.view = View{Off: true}
	}
	if !c.view.LineKnown {
		c.view.Line = presence.Line{}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	doc, ok := d.known[c]
	if !ok {
		w := writer{}
		if c.pack == packDialog {
			w.dialogInfo(c)
		} else {
			w.pidf(c.view, d.word(c.view))
		}
		w.end()
		doc = &document{parts: w.parts}
		var h maphash.Hash
		h.SetSeed(d.seed)
		for _, p := range doc.parts {
			h.WriteString(p.text)
			h.WriteByte(byte(p.gap))
		}
		doc.sum = h.Sum64()
		if len(d.known) >= mostDocuments {
			clear(d.known)
		}
		d.known[c] = doc
	}
	return doc
}

// word is what is said of a view in words; empty: nothing needs to be.
func (d *documents) word(v View) string {
	if v.LineKnown && v.Line.State == presence.LineOnThePhone {
		if v.Line.Service != "" {
			return "On the phone (" + v.Line.Service + ")"
		}
		return "On the phone"
	}
	if w, ok := d.words[v.Status]; ok {
		return w
	}
	return english[v.Status]
}

// render fills the gaps.
func (d *document) render(entity string, version uint32) []byte {
	n := 0
	for _, p := range d.parts {
		n += len(p.text) + len(entity)
	}
	b := make([]byte, 0, n+10)
	e := escape(entity)
	for _, p := range d.parts {
		b = append(b, p.text...)
		switch p.gap {
		case entityGap:
			b = append(b, e...)
		case versionGap:
			b = strconv.AppendUint(b, uint64(version), 10)
		}
	}
	return b
}

// writer puts a document together.
type writer struct {
	b     strings.Builder
	parts []part
}

func (w *writer) add(texts ...string) {
	for _, t := range texts {
		w.b.WriteString(t)
	}
}

func (w *writer) gap(g gap) {
	w.parts = append(w.parts, part{w.b.String(), g})
	w.b.Reset()
}

func (w *writer) end() { w.gap(noGap) }

// pidf writes a presence document: PIDF (RFC 3863) with the data model (RFC 4479) and RPID (RFC 4480), in the order of the schema. It has no
// timestamp: that would be the time of a change which the viewer may not know of.
func (w *writer) pidf(v View, word string) {
	w.add(`<?xml version="1.0" encoding="UTF-8"?>`, "\n",
		`<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="`)
	w.gap(entityGap)
	w.add("\">\n")
	if v.Off {
		// No presence, which is something else than being away: no tuple, and an activity that nobody knows.
		w.add(`<dm:person id="person"><rpid:activities><rpid:unknown/></rpid:activities></dm:person>`, "\n</presence>\n")
		return
	}
	basic, activity := "closed", ""
	switch v.Status {
	case presence.Available:
		basic = "open"
	case presence.BeRightBack:
		basic, activity = "open", "<rpid:away/>"
	case presence.Busy:
		basic, activity = "open", "<rpid:busy/>"
	case presence.DoNotDisturb:
		activity = "<rpid:busy/>" // RPID has no word for it; the note says it
	case presence.Unavailable:
		activity = "<rpid:away/>"
	}
	if v.LineKnown && v.Line.State == presence.LineOnThePhone {
		activity = "<rpid:on-the-phone/>" + activity
	}
	w.add(`<tuple id="telephone"><status><basic>`, basic, `</basic></status>`)
	w.note("note", word)
	w.add("</tuple>\n")
	w.note("note", v.Note)
	w.add(`<dm:person id="person">`)
	if activity != "" {
		w.add(`<rpid:activities>`, activity, `</rpid:activities>`)
	}
	text := v.Text
	if text == "" {
		text = word
	}
	w.note("dm:note", text)
	w.add("</dm:person>\n</presence>\n")
}

func (w *writer) note(name, text string) {
	if text != "" {
		w.add("<", name, ">", escape(cut(text)), "</", name, ">")
	}
}

// dialogInfo writes a full dialog document (RFC 4235 §4).
//
// An idle line is a dialog that is over, and not none: Yealink telephones left their lamps on when the list was empty. The dialog's id is always
// the same, so that it is that one which is over. Yealink and Snom show callers from remote, and Snom wants the entity as it subscribed to it.
func (w *writer) dialogInfo(c class) {
	v := c.view
	w.add(`<?xml version="1.0" encoding="UTF-8"?>`, "\n", `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="`)
	w.gap(versionGap)
	w.add(`" state="full" entity="`)
	w.gap(entityGap)
	w.add("\">\n")
	state, direction := "terminated", ""
	switch {
	case v.Line.State == presence.LineRinging:
		state, direction = "early", ` direction="recipient"`
	case v.Line.State == presence.LineOnThePhone:
		state = "confirmed"
	case c.lamp && (v.Status == presence.Busy || v.Status == presence.DoNotDisturb):
		state = "confirmed"
	}
	w.add(`<dialog id="line"`, direction, `><state>`, state, `</state>`)
	if state != "terminated" {
		w.add(`<local><identity>`)
		w.gap(entityGap)
		w.add(`</identity><target uri="`)
		w.gap(entityGap)
		w.add(`"/></local>`)
		if o := v.Line.Other; o != "" {
			w.add(`<remote><identity display="`, escape(cut(o)), `">`, escape(addressOf(o)), `</identity><target uri="`, escape(addressOf(o)), `"/></remote>`)
		}
	}
	w.add("</dialog>\n</dialog-info>\n")
}

// addressOf makes an address of a number or a name that is known of somebody.
func addressOf(o string) string {
	var b strings.Builder
	for _, c := range []byte(o) {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', strings.IndexByte("+-_.!~*'()", c) >= 0:
			b.WriteByte(c)
		case c == ' ' || c == '/':
		default:
			b.WriteString("%")
			b.WriteString(strings.ToUpper(strconv.FormatUint(uint64(c)>>4, 16) + strconv.FormatUint(uint64(c)&15, 16)))
		}
	}
	return "sip:" + b.String() + "@anonymous.invalid" // RFC 3323: nobody is reached by it
}

// cut shortens a text, between two letters.
func cut(t string) string {
	if len(t) <= longestText {
		return t
	}
	n := longestText
	for n > 0 && !utf8.RuneStart(t[n]) {
		n--
	}
	return t[:n] + "…"
}

func escape(t string) string {
	if !strings.ContainsFunc(t, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`<>&'"`, r) }) {
		return t
	}
	var b strings.Builder
	xml.EscapeText(&b, []byte(t))
	return b.String()
}

// item is one on a list, with its document if there is one to be told.
type item struct {
	entity string
	id     string // of the instance, and of the body part
	body   []byte // nil: it is named only
}

// listState writes the state of a list (RFC 4662 §5): the RLMI document and the documents that it refers to.
func listState(uri string, version uint32, full bool, p pack, items []item, boundary string) []byte {
	var b strings.Builder
	b.WriteString("--" + boundary + "\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <list@" + boundary + ">\r\nContent-Type: application/rlmi+xml;charset=\"UTF-8\"\r\n\r\n")
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<list xmlns="urn:ietf:params:xml:ns:rlmi" uri="` + escape(uri) + `" version="` +
		strconv.FormatUint(uint64(version), 10) + `" fullState="` + strconv.FormatBool(full) + "\">\n")
	for _, i := range items {
		b.WriteString(`<resource uri="` + escape(i.entity) + `">`)
		if i.body != nil {
			b.WriteString(`<instance id="` + i.id + `" state="active" cid="` + i.id + "@" + boundary + `"/>`)
		}
		b.WriteString("</resource>\n")
	}
	b.WriteString("</list>\n")
	for _, i := range items {
		if i.body != nil {
			b.WriteString("\r\n--" + boundary + "\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <" + i.id + "@" + boundary + ">\r\nContent-Type: " + p.contentType() + "\r\n\r\n")
			b.Write(i.body)
		}
	}
	b.WriteString("\r\n--" + boundary + "--\r\n")
	return []byte(b.String())
}
