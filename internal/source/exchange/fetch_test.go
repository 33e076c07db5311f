package exchange

import (
	"net/http"
	"strings"
	"testing"

	"io"
)

const standUp = `<t:CalendarItem><t:ItemId Id="AAA=" ChangeKey="1"/><t:Subject>Stand-up, daily</t:Subject><t:Sensitivity>Normal</t:Sensitivity><t:UID>uid-1</t:UID>` +
	`<t:RecurrenceId>2026-03-02T08:00:00Z</t:RecurrenceId><t:Start>2026-03-02T09:00:00Z</t:Start><t:End>2026-03-02T09:30:00Z</t:End><t:OriginalStart>2026-03-02T08:00:00Z</t:OriginalStart>` +
	`<t:IsAllDayEvent>false</t:IsAllDayEvent><t:LegacyFreeBusyStatus>Busy</t:LegacyFreeBusyStatus><t:IsCancelled>false</t:IsCancelled><t:CalendarItemType>Exception</t:CalendarItemType>` +
	`<t:MyResponseType>Organizer</t:MyResponseType></t:CalendarItem>`

// The window is read once, and again only if something changed or it is not covered any more.
func TestWindowIsReadWhenSomethingChanged(t *testing.T) {
	t.Parallel()
	state, changes, inner := "one", "", standUp
	s := newScript(t, func(op, mailbox, body string, w http.ResponseWriter, r *http.Request) {
		name, password, _ := r.BasicAuth()
		if name != `OFFICE\reader` || password != "secret" || mailbox != "anna@example.com" || r.Header.Get("X-AnchorMailbox") != "anna@example.com" {
			t.Errorf("it is asked as %q for %q", name, mailbox)
		}
		switch op {
		case "SyncFolderItems":
			io.WriteString(w, synced(state, changes))
		case "FindItem":
			io.WriteString(w, items(true, inner))
		default:
			t.Errorf("it is asked for %s", op)
		}
	})
	sys := newSystem(t, s.URL, nil)
	a := march("anna@example.com")
	fetch := func(asked string, unchanged bool) {
		t.Helper()
		r, err := sys.Fetch(within(t), a)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.operations(); got != asked {
			t.Errorf("it is asked for %q, want %q", got, asked)
		}
		if r.Unchanged != unchanged {
			t.Errorf("unchanged is %v, want %v", r.Unchanged, unchanged)
		}
		if r.Every != everyUnheard {
			t.Errorf("it is to be read every %v, want %v", r.Every, everyUnheard)
		}
		a.State = r.State
		if !r.Unchanged {
			if len(r.Objects) != 1 || r.Objects[0].Href != Href {
				t.Fatalf("it hands out %v", r.Objects)
			}
			a.Known = map[string]string{Href: r.Objects[0].ETag}
			if got := string(r.Objects[0].Data); !strings.Contains(got, "UID:uid-1/20260302T080000Z") || !strings.Contains(got, "DTSTART:20260302T090000Z") || !strings.Contains(got, `SUMMARY:Stand-up\, daily`) {
				t.Errorf("it hands out\n%s", got)
			}
		}
	}
	fetch("SyncFolderItems FindItem", false)
	fetch("SyncFolderItems", true)
	a.To = a.To.Add(after) // the clock went on, but not out of the window
	fetch("SyncFolderItems", true)
	a.To = a.To.Add(1e9)
	fetch("SyncFolderItems FindItem", true) // out of it, but nothing is there
	changes = `<t:ReadFlagChange><t:ItemId Id="AAA="/><t:IsRead>true</t:IsRead></t:ReadFlagChange>`
	fetch("SyncFolderItems", true)
	changes = `<t:Delete><t:ItemId Id="BBB="/></t:Delete>`
	fetch("SyncFolderItems FindItem", true)
	inner = standUp + strings.NewReplacer("AAA=", "CCC=", "uid-1", "uid-2").Replace(standUp)
	fetch("SyncFolderItems FindItem", false)
	changes, a.State = "", ""
	fetch("SyncFolderItems FindItem", true)
	a.Known = nil
	fetch("SyncFolderItems FindItem", false)
}
