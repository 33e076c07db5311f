package switchboard_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/switchboard"
)

func TestWhichLinesSomebodyHas(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		section policy.Telephony
		number  string
		entered []store.Line
		want    string // system:line, with > where it is forwarded
	}{
		{"no telephones", policy.Telephony{}, "201", nil, ""},
		{"no number", policy.Telephony{Connector: "pbx", Forwarding: "pbx"}, "", nil, ""},
		{"only seen", policy.Telephony{Connector: "pbx"}, "201", nil, "pbx:201"},
		{"seen and forwarded", policy.Telephony{Connector: "pbx", Forwarding: "pbx"}, "201", nil, "pbx:201>"},
		{"forwarded by another", policy.Telephony{Connector: "pbx", Forwarding: "desk"}, "201", nil, "pbx:201 desk:201>"},
		{"only forwarded", policy.Telephony{Forwarding: "desk"}, "201", nil, "desk:201>"},
		{"entered, in place of the number", policy.Telephony{Connector: "pbx", Forwarding: "pbx"}, "201",
			[]store.Line{{ConnectorID: "pbx", Line: "301", Forwards: true}, {ConnectorID: "pbx", Line: "302"}}, "pbx:301> pbx:302"},
		{"entered in another system, which forwards by itself", policy.Telephony{Connector: "pbx", Forwarding: "desk"}, "201",
			[]store.Line{{ConnectorID: "lab", Line: "9", Forwards: true}, {ConnectorID: "lab", Line: "8"}}, "lab:9> lab:8"},
		{"entered in the scope's, which another forwards", policy.Telephony{Connector: "pbx", Forwarding: "desk"}, "",
			[]store.Line{{ConnectorID: "pbx", Line: "301", Forwards: true}, {ConnectorID: "pbx", Line: "302"}}, "pbx:301 desk:301> pbx:302"},
		{"entered in the scope's, which nobody forwards", policy.Telephony{Connector: "pbx"}, "", []store.Line{{ConnectorID: "pbx", Line: "301", Forwards: true}}, "pbx:301"},
		{"entered though the scope has none", policy.Telephony{}, "201", []store.Line{{ConnectorID: "lab", Line: "9", Forwards: true}}, "lab:9>"},
		{"entered in both: once each", policy.Telephony{Connector: "pbx", Forwarding: "desk"}, "",
			[]store.Line{{ConnectorID: "pbx", Line: "301", Forwards: true}, {ConnectorID: "desk", Line: "301"}}, "pbx:301 desk:301>"},
	} {
		p := &office.Person{Person: store.Person{ID: "anna", WorkNumber: c.number, Lines: slices.Clone(c.entered)}, Settings: &policy.Settings{Telephony: c.section}}
		var got []string
		for _, l := range switchboard.LinesOf(p) {
			mark := ""
			if l.Forwards {
				mark = ">"
			}
			got = append(got, fmt.Sprintf("%s:%s%s", l.ConnectorID, l.Line, mark))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: the lines are %q, want %q", c.name, got, c.want)
		}
		if !slices.Equal(p.Lines, c.entered) {
			t.Errorf("%s: what was entered is changed: %+v", c.name, p.Lines)
		}
	}
}
