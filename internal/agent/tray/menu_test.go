package tray

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/client"
	"github.com/doorlight/doorlight/internal/agent"
	"github.com/doorlight/doorlight/internal/agent/localcal"
	"github.com/doorlight/doorlight/internal/agent/probe"
	"github.com/doorlight/doorlight/presence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is a Thursday.
var now = time.Date(2026, 11, 26, 14, 5, 20, 0, time.UTC)

func at(text string) *time.Time {
	t, err := time.Parse("2.1. 15:04", text)
	if err != nil {
		panic(err)
	}
	t = time.Date(2026, t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC)
	return &t
}

func status(s presence.Status) *presence.Status { return &s }

// anna is somebody who is connected, and may choose.
func anna(p client.Presence) View {
	return View{Server: "https://presence.example.com", State: agent.State{
		Name: "Anna Berg", Connected: true, Told: true, Since: *at("26.11. 10:14"), Presence: p,
		Settings: client.Settings{Enabled: true, InactiveAfter: 600, Lock: true, Microphone: []string{"zoom"},
			Statuses: []presence.Status{presence.Available, presence.Busy, presence.DoNotDisturb},
			Profiles: []client.Profile{{ID: "p-exam", Name: "Exam", Status: presence.Busy}, {ID: "p-home", Name: "Home office", Status: presence.Available}}},
		Idle: &probe.Idle{Way: "Mutter"}, Lock: &probe.Lock{Err: errors.New("no locker tells")}, Microphone: &probe.Microphone{Way: "PulseAudio"},
	}}
}

func exam() client.Presence {
	return client.Presence{Status: status(presence.Busy), Profile: "Exam", Text: "Exam", Until: at("26.11. 15:00"), Cause: presence.SourceHand}
}

// lines writes a menu as text: a tab a level, off in (), ticks as [x].
func lines(items []item, depth int) string {
	var b strings.Builder
	for _, x := range items {
		text := x.label
		if x.separator {
			text = "--"
		}
		if x.checkable {
			text = map[bool]string{true: "[x] ", false: "[ ] "}[x.checked] + text
		}
		if x.off {
			text = "(" + text + ")"
		}
		b.WriteString(strings.Repeat("\t", depth) + text + "\n" + lines(x.sub, depth+1))
	}
	return b.String()
}

func TestTheMenuOfSomebodyWhoIsBusy(t *testing.T) {
	t.Parallel()
	want := `(Anna Berg)
(Busy: Exam, until 15:00)
((your choice))
--
Change presence
	[ ] Available
	[ ] Busy
	[ ] Do not disturb
	--
	[x] Exam
	[ ] Home office
Until
	Until changed
	30 minutes
	1 hour
	2 hours
	End of the day
	Tomorrow, 8:00
	Another time…
Text…
[ ] Do not count my microphone
Measured here
	(Input: Mutter)
	(Lock: no locker tells)
	(Microphone: PulseAudio)
	(Told to the server: nobody records)
	(Calendars: does not count here)
What was sent…
--
Open Doorlight
Sign out
Quit Doorlight
`
	if d := cmp.Diff(want, lines(menu(anna(exam()), now, "en"), 0)); d != "" {
		t.Error(d)
	}
}

// What cannot be done is there all the same, and the menu says why.
func TestTheMenuSaysWhyNothingCanBeChosen(t *testing.T) {
	t.Parallel()
	lost := anna(exam())
	lost.State.Connected, lost.State.Problem = false, "the server cannot be reached: connection refused"
	off := anna(client.Presence{Off: true})
	off.State.Settings.Enabled = false
	none := anna(exam())
	none.State.Settings.Statuses, none.State.Settings.Profiles = nil, nil
	for name, c := range map[string]struct {
		view View
		says string
	}{
		"not connected":      {lost, "(Nicht verbunden seit 10:14)"},
		"why not":            {lost, "(the server cannot be reached: connection refused)"},
		"not now":            {lost, "(Ohne Verbindung lässt sich nichts wählen; es wird weiter versucht)"},
		"switched off":       {off, "(Präsenz ist für Sie ausgeschaltet)"},
		"nothing is offered": {none, "(Hier darf nichts gewählt werden)"},
	} {
		m := menu(c.view, now, "de")
		if got := lines(m, 0); !strings.Contains(got, c.says+"\n") {
			t.Errorf("%s: the menu does not say %s:\n%s", name, c.says, got)
		}
		walk(m, func(x item) {
			if (x.action.verb == choose || x.action.verb == askEnd || x.action.verb == askText) && !x.off {
				t.Errorf("%s: %q can be clicked", name, x.label)
			}
			if x.checkable && x.checked && x.action.verb == choose {
				t.Errorf("%s: %q has a mark", name, x.label)
			}
		})
	}
}

func walk(items []item, f func(item)) {
	for _, x := range items {
		f(x)
		walk(x.sub, f)
	}
}

func find(t *testing.T, items []item, label string) item {
	t.Helper()
	var found *item
	walk(items, func(x item) {
		if x.label == label {
			found = &x
		}
	})
	if found == nil {
		t.Fatalf("there is no %q in\n%s", label, lines(items, 0))
	}
	return *found
}

func TestWhoIsNotSignedInCanSignIn(t *testing.T) {
	t.Parallel()
	v := View{Out: true, SignIn: &client.SignIn{Code: "BCDF-GHJK"}}
	want := `(Nicht angemeldet)
(Erlauben Sie diesen Computer im Browser; der Code ist BCDF-GHJK)
--
Was gesendet wurde …
--
Doorlight öffnen
Anmelden …
Doorlight beenden
`
	if d := cmp.Diff(want, lines(menu(v, now, "de"), 0)); d != "" {
		t.Error(d)
	}
}

func TestTheTitle(t *testing.T) {
	t.Parallel()
	lost := anna(exam())
	lost.State.Connected, lost.State.Problem = false, "the server is silent"
	never := View{State: agent.State{Problem: "the server cannot be reached"}}
	yesterday := lost
	yesterday.State.Since = *at("25.11. 9:03")
	long := lost
	long.State.Since = *at("2.11. 9:03")
	night, friday, christmas, brief := exam(), exam(), exam(), exam()
	night.Until, friday.Until, christmas.Until, brief.Until = at("27.11. 0:00"), at("27.11. 8:00"), at("24.12. 8:00"), at("26.11. 14:00")
	plain := client.Presence{Status: status(presence.Available), Profile: "Available"}
	home := client.Presence{Status: status(presence.Available), Profile: "Home office"}
	for _, c := range []struct {
		view   View
		en, de string
		sign   sign
	}{
		{anna(exam()), "Busy: Exam, until 15:00", "Beschäftigt: Exam, bis 15:00", signBusy},
		{anna(night), "Busy: Exam, until 24:00", "Beschäftigt: Exam, bis 24:00", signBusy},
		{anna(friday), "Busy: Exam, until Fri 08:00", "Beschäftigt: Exam, bis Fr 08:00", signBusy},
		{anna(christmas), "Busy: Exam, until 24 Dec 08:00", "Beschäftigt: Exam, bis 24.12. 08:00", signBusy},
		{anna(brief), "Busy: Exam", "Beschäftigt: Exam", signBusy}, // it is over; the server will say so
		{anna(plain), "Available", "Verfügbar", signAvailable},
		{anna(home), "Available: Home office", "Verfügbar: Homeoffice", signAvailable},
		{anna(client.Presence{Off: true}), "No presence", "Keine Präsenz", signLoggedOut},
		{lost, "Not connected since 10:14: the server is silent", "Nicht verbunden seit 10:14: the server is silent", signUnknown},
		{yesterday, "Not connected since Wed 09:03: the server is silent", "Nicht verbunden seit Mi 09:03: the server is silent", signUnknown},
		{long, "Not connected since 2 Nov 09:03: the server is silent", "Nicht verbunden seit 2.11. 09:03: the server is silent", signUnknown},
		{never, "Not connected yet: the server cannot be reached", "Noch nicht verbunden: the server cannot be reached", signUnknown},
		{View{Out: true}, "Not signed in", "Nicht angemeldet", signUnknown},
	} {
		en, de := look(c.view, now, "en"), look(c.view, now, "de")
		if en.title != c.en || de.title != c.de || en.sign != c.sign {
			t.Errorf("%+v is %q and %q with sign %d, want %q and %q with %d", c.view.State.Presence, en.title, de.title, en.sign, c.en, c.de, c.sign)
		}
	}
}

// A status or profile is one click, until something else is chosen; an end and a text go with what holds.
func TestWhatAClickChooses(t *testing.T) {
	t.Parallel()
	text := "Exam"
	m := menu(anna(exam()), now, "en")
	held := client.Choice{Profile: "p-exam", Text: &text, Until: at("26.11. 15:00")}
	for label, want := range map[string]action{
		"Busy":          {verb: choose, choice: client.Choice{Status: status(presence.Busy)}, about: "Busy", end: endOpen},
		"Home office":   {verb: choose, choice: client.Choice{Profile: "p-home"}, about: "Home office", end: endOpen},
		"Until changed": {verb: choose, choice: held, about: "Exam", end: endOpen},
		"1 hour":        {verb: choose, choice: held, about: "Exam", end: end60},
		"Another time…": {verb: askEnd, choice: held, about: "Exam"},
		"Text…":         {verb: askText, choice: held, about: "Exam", end: endSame},
	} {
		if d := cmp.Diff(want, find(t, m, label).action, cmp.AllowUnexported(action{})); d != "" {
			t.Errorf("%s: %s", label, d)
		}
	}
	// What holds may not be chosen by itself, or is no choice at all: there is nothing that a text could go with.
	for _, s := range []presence.Status{presence.Unavailable, presence.LoggedOut} {
		if x := find(t, menu(anna(client.Presence{Status: &s}), now, "en"), "Text…"); !x.off {
			t.Errorf("a text can be given to %s", s)
		}
	}
}

func TestUntilWhenAChoiceHolds(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	late := time.Date(2026, 10, 24, 23, 50, 1, 0, berlin) // the night in which the clocks go back
	for _, c := range []struct {
		end  end
		now  time.Time
		want string
	}{
		{end30, now, "2026-11-26T14:36:00Z"},
		{end60, now, "2026-11-26T15:06:00Z"},
		{end120, now, "2026-11-26T16:06:00Z"},
		{endDay, now, "2026-11-27T00:00:00Z"},
		{endTomorrow, now, "2026-11-27T08:00:00Z"},
		{endDay, late, "2026-10-25T00:00:00+02:00"},
		{endTomorrow, late, "2026-10-25T08:00:00+01:00"},
		{end30, now.Truncate(time.Minute), "2026-11-26T14:35:00Z"},
		{endOpen, now, ""},
	} {
		got := ""
		if at, ok := c.end.at(c.now); ok {
			got = at.Format(time.RFC3339)
		}
		if got != c.want {
			t.Errorf("%s at %s ends %q, want %q", c.end, c.now, got, c.want)
		}
	}
}

func TestATimeThatSomebodyTypes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"15:30": "26.11. 15:30", " 15.30 ": "26.11. 15:30", "15h30": "26.11. 15:30", "16": "26.11. 16:00", "4:30 pm": "26.11. 16:30", "4:30PM": "26.11. 16:30",
		"8:00": "27.11. 08:00", "14:05": "27.11. 14:05", "24.12. 8:30": "24.12. 08:30", "24 Dec 8:30": "24.12. 08:30", "2026-12-24 8:30": "24.12. 08:30",
		"3.12.2026 12:00": "3.12. 12:00", "1.2. 9:00": "1.2. 09:00",
		"": "", "soon": "", "25:00": "", "8:61": "", "2026-11-25 15:30": "", "2026-11-26": "",
	} {
		got := ""
		if at, err := parseEnd(text, now); err == nil {
			got = at.Format("2.1. 15:04")
		}
		if got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestWhatIsMeasuredIsTold(t *testing.T) {
	t.Parallel()
	recording := anna(exam())
	recording.State.Recording = []string{"zoom"}
	muted := recording
	muted.State.Muted, muted.State.Microphone = true, nil
	nothing := anna(exam())
	nothing.State.Settings.InactiveAfter, nothing.State.Settings.Lock, nothing.State.Settings.Microphone = 0, false, nil
	nothing.State.Idle, nothing.State.Lock, nothing.State.Microphone = nil, nil, nil
	begins := anna(exam())
	begins.State.Idle = nil
	begins.State.Settings.CalendarDays = 14
	outlook := nothing
	outlook.State.Settings.CalendarDays = 14
	outlook.State.Calendars = []agent.Calendar{{Program: "Notes", Err: localcal.ErrAbsent},
		{Program: "Outlook", Handed: *at("26.11. 13:50"), Count: 12, Problems: []string{"one entry could not be read"}}}
	closed := outlook
	closed.State.Calendars = []agent.Calendar{{Program: "Notes", Err: fmt.Errorf("Notes does not run; its calendar is read when it does: %w", localcal.ErrClosed)}, {Program: "Outlook", Err: errors.New("the server is busy")}}
	none := outlook
	none.State.Calendars = []agent.Calendar{{Program: "Notes", Err: localcal.ErrAbsent}, {Program: "Outlook", Err: localcal.ErrAbsent}}
	blind := anna(exam())
	blind.State.Settings.Microphone, blind.State.Microphone = nil, nil
	blind.State.Idle = &probe.Idle{Err: &probe.Unmeasured{What: "input", Why: []string{"logind: logind does not run",
		"X11 screen saver extension: this desktop is one of Wayland, where X11 knows only of input to programs of X11"}}}
	unused := []string{"Input: does not count here", "Lock: does not count here", "Microphone: does not count here"}
	for name, c := range map[string]struct {
		view View
		want []string
	}{
		"recording": {recording, []string{"Input: Mutter", "Lock: no locker tells", "Microphone: PulseAudio", "Told to the server: zoom", "Calendars: does not count here"}},
		"blind": {blind, []string{"Input: cannot be measured here", "    logind: logind does not run",
			"    X11 screen saver extension: this desktop is one of Wayland, where", "        X11 knows only of input to programs of X11",
			"Lock: no locker tells", "Microphone: does not count here", "Calendars: does not count here"}},
		"outlook":      {outlook, append(slices.Clone(unused), "Outlook: 12 appointments, handed over 13:50", "    one entry could not be read")},
		"closed":       {closed, append(slices.Clone(unused), "Notes does not run; its calendar is read when it does: not running", "Outlook: the server is busy")},
		"no calendars": {none, append(slices.Clone(unused), "Calendars: none here that can be read")},
		"muted":        {muted, []string{"Input: Mutter", "Lock: no locker tells", "Microphone: does not count, by your wish", "Calendars: does not count here"}},
		"nothing":      {nothing, append(slices.Clone(unused), "Calendars: does not count here")},
		"begins":       {begins, []string{"Input: is about to be measured", "Lock: no locker tells", "Microphone: PulseAudio", "Told to the server: nobody records", "Calendars: is about to be measured"}},
	} {
		var got []string
		for _, x := range measured(c.view, now, "en").sub {
			got = append(got, x.label)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		hasMute := strings.Contains(lines(menu(c.view, now, "en"), 0), "Do not count my microphone")
		if want := len(c.view.State.Settings.Microphone) > 0; hasMute != want {
			t.Errorf("%s: the microphone can be muted: %v, want %v", name, hasMute, want)
		}
	}
	if x := find(t, menu(muted, now, "en"), "Do not count my microphone"); !x.checked || x.action.muted {
		t.Errorf("muted is %+v, want checked, and that a click has it count", x)
	}
}

// Names of statuses and causes are the web client's.
func TestWordsAreThoseOfTheWebClient(t *testing.T) {
	t.Parallel()
	for l, words := range texts {
		text, err := os.ReadFile("../../../web/src/messages/" + string(l) + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var m struct{ Status, Cause map[string]string }
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		if len(m.Status) != 6 || len(m.Cause) == 0 {
			t.Fatalf("the web client has the statuses %v and the causes %v", m.Status, m.Cause)
		}
		for prefix, all := range map[string]map[string]string{"status.": m.Status, "cause.": m.Cause} {
			for k, want := range all {
				if got := words[prefix+k]; got != want {
					t.Errorf("%s: %s%s is %q, in the web client %q", l, prefix, k, got, want)
				}
			}
		}
	}
}

// The names of templates that every office begins with are in the reader's language, as in the web client.
func TestNamesOfShippedTemplatesAreTheWebClients(t *testing.T) {
	t.Parallel()
	read := func(l language) map[string]string {
		text, err := os.ReadFile("../../../web/src/messages/" + string(l) + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var m struct{ Shipped map[string]string }
		if err := json.Unmarshal(text, &m); err != nil || len(m.Shipped) == 0 {
			t.Fatal(l, err, len(m.Shipped))
		}
		return m.Shipped
	}
	en, de := read("en"), read("de")
	for k, word := range en {
		if got := language("de").shipped(word); got != de[k] {
			t.Errorf("%q is %q in German, in the web client %q", word, got, de[k])
		}
		if got := language("en").shipped(word); got != word {
			t.Errorf("%q is %q in English", word, got)
		}
	}
	if len(shippedInGerman) != len(en) {
		t.Errorf("there are %d names, in the web client %d", len(shippedInGerman), len(en))
	}
}

func TestBothLanguagesSayTheSame(t *testing.T) {
	t.Parallel()
	for k, en := range texts["en"] {
		if de, ok := texts["de"][k]; !ok || strings.Count(de, "%") != strings.Count(en, "%") {
			t.Errorf("%s is %q in English and %q in German", k, en, de)
		}
	}
	if len(texts["en"]) != len(texts["de"]) {
		t.Errorf("there are %d texts in English and %d in German", len(texts["en"]), len(texts["de"]))
	}
	for _, c := range []struct {
		want   language
		wanted []string
	}{
		{"de", []string{"", "", "", "de_DE.UTF-8"}}, {"de", []string{"de-CH", "en-US"}}, {"en", []string{"fr_FR", "en_GB", "de"}}, {"en", []string{"fr"}},
		{"en", []string{"C.UTF-8", "de"}}, {"de", []string{"DE"}}, {"en", nil},
	} {
		if got := speak(c.wanted...); got != c.want {
			t.Errorf("to %q it speaks %s, want %s", c.wanted, got, c.want)
		}
	}
}

// Long texts and names do not make a menu as wide as the screen, and line ends do not break it.
func TestLongTextsAreCut(t *testing.T) {
	t.Parallel()
	p := exam()
	p.Text = strings.Repeat("ä\n", 60)
	for _, x := range menu(anna(p), now, "en") {
		if r := []rune(x.label); len(r) > longest || strings.Contains(x.label, "\n") {
			t.Errorf("%q is in the menu", x.label)
		}
	}
}

// Whatever the client does, the entries stand in the one order that Windows can show.
func TestEntriesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	views := []View{{}, {Out: true}, {Out: true, SignIn: &client.SignIn{Code: "X"}, State: agent.State{Problem: "no"}}, anna(exam()), anna(client.Presence{Off: true})}
	lost, refused := anna(exam()), anna(exam())
	lost.State.Connected = false
	lost.State.Problem, refused.State.Problem = "gone", "refused"
	for i, v := range append(views, lost, refused) {
		for above, order := range map[string][]string{"": topOrder, "change": changeOrder} {
			items := menu(v, now, "en")
			if above != "" {
				j := slices.IndexFunc(items, func(x item) bool { return x.key == above })
				if j < 0 {
					continue
				}
				items = items[j].sub
			}
			last := -1
			for _, x := range items {
				if strings.HasPrefix(x.key, "profile-") {
					last = len(order)
					continue
				}
				p := slices.Index(order, x.key)
				if p <= last {
					t.Errorf("view %d: %s stands wrong in\n%s", i, x.key, lines(items, 0))
				}
				last = p
			}
		}
	}
}

// column is a menu as Windows has it, in text: entries can be hidden, nothing else.
type column struct {
	all     []*cell
	touched int
	made    int
}

type cell struct {
	c              *column
	x              item
	hidden, rule   bool
	icon, disabled bool
	below          column
	click          func()
}

func (c *cell) SetTitle(s string) { c.c.touched++; c.x.label = s }
func (c *cell) SetIcon([]byte)    { c.icon = true }
func (c *cell) Enable()           { c.c.touched++; c.disabled = false }
func (c *cell) Disable()          { c.c.touched++; c.disabled = true }
func (c *cell) Check()            { c.c.touched++; c.x.checked = true }
func (c *cell) Uncheck()          { c.c.touched++; c.x.checked = false }
func (c *cell) Show()             { c.c.touched++; c.hidden = false }
func (c *cell) Hide()             { c.c.touched++; c.hidden = true }

type columnMaker struct{ top *column }

func (m columnMaker) in(above slot) *column {
	if above == nil {
		return m.top
	}
	return &above.(*cell).below
}

func (m columnMaker) entry(above slot, x item, clicked func()) slot {
	x.label = labelled(x)
	c := &cell{c: m.top, x: item{label: x.label, checked: x.checked}, click: clicked}
	col := m.in(above)
	col.all = append(col.all, c)
	m.top.made++
	return c
}

func (m columnMaker) separator(above slot) {
	col := m.in(above)
	col.all = append(col.all, &cell{c: m.top, rule: true})
	m.top.made++
}

func (c *column) draw(depth int) string {
	var b strings.Builder
	for _, x := range c.all {
		text := x.x.label
		if x.x.checked {
			text = "[x] " + text
		}
		if x.disabled {
			text = "(" + text + ")"
		}
		if x.rule {
			text = "--"
		}
		if !x.hidden {
			b.WriteString(strings.Repeat("\t", depth) + text + "\n" + x.below.draw(depth+1))
		}
	}
	return b.String()
}

// plain is a menu as the column draws it.
func plain(items []item) string {
	s := strings.ReplaceAll(strings.ReplaceAll(lines(items, 0), "[ ] ", ""), "&", "&&")
	return s
}

// On Windows entries can neither be removed nor moved. However often the menu changes, it shows what it should, and there are no more entries than it needed
// at its longest.
func TestMenusOfWindowsDoNotGrow(t *testing.T) {
	t.Parallel()
	top := &column{}
	var clicks []action
	p := &pool{make: columnMaker{top}, clicked: func(a action) { clicks = append(clicks, a) }}
	lost := anna(exam())
	lost.State.Connected, lost.State.Problem = false, "R&D: the server is silent"
	unmeasured := anna(exam())
	unmeasured.State.Settings.Microphone = nil
	fewer := anna(exam())
	fewer.State.Settings.Profiles = fewer.State.Settings.Profiles[1:]
	for i, v := range []View{{}, {Out: true}, anna(exam()), lost, unmeasured, fewer, anna(exam()), {Out: true}, anna(exam())} {
		items := menu(v, now, "en")
		p.show(items)
		want := plain(items)
		// An entry with nothing below keeps what was there before, hidden: Windows shows it as an empty submenu.
		if got := top.draw(0); got != want {
			// Only separators that were made may stand at the end of a submenu.
			if squeeze(got) != squeeze(want) {
				t.Errorf("view %d:\n%s", i, cmp.Diff(want, got))
			}
		}
	}
	made := top.made
	for i := range 500 {
		v := []View{lost, anna(exam()), {Out: true}, fewer}[i%4]
		p.show(menu(v, now, "de"))
	}
	if top.made != made {
		t.Errorf("there were %d entries, now there are %d", made, top.made)
	}
	p.show(menu(anna(exam()), now, "en"))
	touched := top.touched
	p.show(menu(anna(exam()), now, "en"))
	if top.touched != touched {
		t.Error("a menu that is the same was touched")
	}
	for _, x := range top.all {
		for _, y := range x.below.all {
			if y.x.label == "Home office" {
				y.click()
			}
		}
		if x.disabled {
			x.click()
		}
	}
	if len(clicks) != 1 || clicks[0].choice.Profile != "p-home" {
		t.Errorf("clicks were %+v, want the profile", clicks)
	}
}

// squeeze leaves separators out.
func squeeze(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		if strings.TrimSpace(line) != "--" {
			lines = append(lines, line)
		}
	}
	return fmt.Sprint(lines)
}
