package siplinetest

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// Dialog is one of a line's, as its telephone has it.
type Dialog struct {
	ID       string
	Incoming bool
	State    string // trying, proceeding, early, confirmed; anything else is terminated
	Other    string // user part of the other party's address; empty: it is not told
	Name     string
	Held     bool
}

// Style is how a system writes documents.
type Style uint8

// Styles.
const (
	Strict   Style = iota // as RFC 4235 has it
	Asterisk              // res_pjsip: one dialog for a line, whose name is the line's; elements in another order, pvalue for pval
)

// Document writes a body. A line that has no dialogs is in a full document without any, or, with Asterisk, in one that has one that is over.
func Document(style Style, version uint32, full bool, entity, line string, dialogs []Dialog) []byte {
	var b strings.Builder
	state := "partial"
	if full {
		state = "full"
	}
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	fmt.Fprintf(&b, `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="%d" state="%s" entity="%s">`+"\n", version, state, escape(entity))
	if style == Asterisk {
		asterisk(&b, line, dialogs)
	} else {
		for _, d := range dialogs {
			strict(&b, d)
		}
	}
	b.WriteString("</dialog-info>\n")
	return []byte(b.String())
}

func strict(b *strings.Builder, d Dialog) {
	direction := "initiator"
	if d.Incoming {
		direction = "recipient"
	}
	fmt.Fprintf(b, ` <dialog id="%s" call-id="%[1]s@pbx" direction="%s"><state>%s</state>`, escape(d.ID), direction, d.state())
	if d.Held {
		b.WriteString(`<local><target uri="sip:phone@192.0.2.7"><param pname="+sip.rendering" pval="no"/></target></local>`)
	}
	if d.Other != "" {
		fmt.Fprintf(b, `<remote><identity display="%s">sip:%s@pbx.example.com</identity><target uri="sip:%[2]s@pbx.example.com"/></remote>`, escape(d.Name), escape(d.Other))
	}
	b.WriteString("</dialog>\n")
}

func (d Dialog) state() string {
	switch d.State {
	case "trying", "proceeding", "early", "confirmed":
		return d.State
	}
	return "terminated"
}

// asterisk writes the one dialog that stands for all of a line: the one that rings, else one that is answered, else none.
func asterisk(b *strings.Builder, line string, dialogs []Dialog) {
	var best Dialog
	for _, d := range dialogs {
		if d.state() == "early" && d.Incoming || d.state() == "confirmed" && best.state() == "terminated" {
			best = d
		}
	}
	switch best.state() {
	case "early":
		fmt.Fprintf(b, ` <dialog id="%s" direction="recipient"><remote><identity display="%s">sip:%s@pbx.example.com</identity>`+
			`<target uri="sip:%[3]s@pbx.example.com"/></remote><local><identity>sip:%[1]s@pbx.example.com</identity></local><state>early</state></dialog>`+"\n",
			escape(line), escape(best.Name), escape(best.Other))
	case "confirmed":
		hold := ""
		if best.Held {
			hold = `<local><target uri="sip:x@pbx.example.com"><param pname="+sip.rendering" pvalue="no"/></target></local>`
		}
		fmt.Fprintf(b, ` <dialog id="%s"><state>confirmed</state>%s</dialog>`+"\n", escape(line), hold)
	default:
		fmt.Fprintf(b, ` <dialog id="%s"><state>terminated</state></dialog>`+"\n", escape(line))
	}
}

func escape(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s))
	return b.String()
}
