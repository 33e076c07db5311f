package rights

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/doorlight/doorlight/presence"
)

func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.checks": "2000", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// rows says which right each row of the specification's table is.
var rows = map[string]Right{
	"name, work number":                           Name,
	"mobile, home number":                         PrivateNumbers,
	"status":                                      Status,
	`text (incl. program name, "MS Teams")`:       Text,
	"line state (free, ringing, on the phone)":    Line,
	"other party of a call":                       OtherParty,
	"forwarding, on or off and target":            Forwarding,
	"appointment times":                           Times,
	"appointment subject (never of private ones)": Subject,
	"own profiles and settings":                   Own,
}

// specified reads the table as the specification has it.
func specified(t testing.TB) map[Right]map[Level]Access {
	t.Helper()
	text, err := os.ReadFile("testdata/table.txt")
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]Access{"-": None, "r": Read, "rw": Write}
	cells := func(line string) []string {
		parts := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		return parts
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	levels := map[string]Level{}
	for _, l := range Levels() {
		word := strings.ReplaceAll(l.String(), "_", " ")
		levels[strings.Replace(word, " plus", "+", 1)] = l
	}
	head := cells(lines[0])[1:]
	table := map[Right]map[Level]Access{}
	for _, line := range lines[2:] {
		row := cells(line)
		right, ok := rows[row[0]]
		if !ok {
			t.Fatalf("the table has a row %q that no right stands for", row[0])
		}
		table[right] = map[Level]Access{}
		for i, word := range row[1:] {
			level, ok := levels[head[i]]
			if !ok {
				t.Fatalf("the table has a column %q that no level stands for", head[i])
			}
			access, ok := words[word]
			if !ok {
				t.Fatalf("row %q holds %q", row[0], word)
			}
			table[right][level] = access
		}
	}
	return table
}

// TestTableIsTheSpecifications holds the program's table to the text of R3, cell by cell.
func TestTableIsTheSpecifications(t *testing.T) {
	t.Parallel()
	table := specified(t)
	for _, right := range Rights() {
		if len(table[right]) != len(Levels()) {
			t.Errorf("right %s: the specification has %d levels, the program %d", right, len(table[right]), len(Levels()))
		}
		for _, l := range Levels() {
			if got, want := Of(l, right), table[right][l]; got != want {
				t.Errorf("%s of %s: got %s, want %s", l, right, got, want)
			}
		}
	}
}

func TestLevelsAreOrderedByWhatTheyMayDo(t *testing.T) {
	t.Parallel()
	for _, right := range Rights() {
		for l := Blocked; l < Self; l++ {
			if Of(l, right) > Of(l+1, right) {
				t.Errorf("%s may do more than %s about %s", l, l+1, right)
			}
		}
	}
	for _, l := range []Level{Self + 1, 200} {
		if MayRead(l, Name) || MayWrite(l, Own) {
			t.Errorf("level %d, which there is not, may do something", l)
		}
	}
}

// TestClassesAreLevelsThatSeeTheSame works the classes out again, from what is shown.
func TestClassesAreLevelsThatSeeTheSame(t *testing.T) {
	t.Parallel()
	f := fullFacts()
	show := func(l Level) string {
		p := f.Presence
		v := SeePresence(ClassOf(l), f.ID, &p, &f.Shown)
		return string(v.AppendJSON(nil))
	}
	all := append(Levels(), Self)
	for _, a := range all {
		for _, b := range all {
			if same := show(a) == show(b); same != (ClassOf(a) == ClassOf(b)) {
				t.Errorf("%s and %s: same presence %t, same class %t", a, b, same, !same)
			}
		}
	}
	if got := show(Unknown); got != `{"id":"anna"}` {
		t.Errorf("somebody unknown sees %s", got)
	}
	if !ClassOf(Blocked).SeesNothing() || ClassOf(External).SeesNothing() {
		t.Error("SeesNothing is wrong about blocked or external")
	}
	if Classes() > MaxClasses {
		t.Errorf("%d classes do not fit into arrays of %d", Classes(), MaxClasses)
	}
	if ClassOf(77) != ClassOf(Self) && !ClassOf(77).SeesNothing() {
		t.Error("a level that there is not has a class of its own")
	}
}

func at(s string) time.Time {
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return v
}

func fullFacts() *Facts {
	return &Facts{
		ID: "anna", Name: "Anna Berg", Email: "anna@example.org", WorkNumber: "+49 30 1", MobileNumber: "+49 170 1", HomeNumber: "+49 30 2", Location: "Berlin",
		Presence: presence.Presence{
			Status: presence.Busy, Profile: "Appointment", Text: "Budget", Since: at("2026-03-02T10:00:00Z"), Until: at("2026-03-02T11:00:00Z"),
			Cause: presence.Ref{Source: "calendar/c1", ID: "42"},
			Line:  presence.Line{State: presence.LineOnThePhone, Reach: presence.External, Service: "MS Teams", Other: "+49 89 99"},
		},
		Shown: presence.Shown{Status: presence.Busy, Since: at("2026-03-02T09:30:00Z")},
	}
}

// TestWhatEachLevelSees is the story of one presence, told to everybody.
func TestWhatEachLevelSees(t *testing.T) {
	t.Parallel()
	const line = `"line":{"state":"on_the_phone"}`
	const team = `{"id":"anna","status":"busy","since":"2026-03-02T10:00:00Z","until":"2026-03-02T11:00:00Z","text":"Budget","profile":"Appointment",` +
		`"cause":"calendar","line":{"state":"on_the_phone","reach":"external","service":"MS Teams"}}`
	assistant := strings.Replace(team, `"MS Teams"`, `"MS Teams","other":"+49 89 99"`, 1)
	want := map[Level]string{
		Blocked: `{"id":"anna"}`, Unknown: `{"id":"anna"}`,
		External:      `{"id":"anna","status":"busy","since":"2026-03-02T09:30:00Z"}`,
		Employee:      `{"id":"anna","status":"busy","since":"2026-03-02T09:30:00Z",` + line + `}`,
		TeamColleague: team, Assistant: assistant, AssistantPlus: assistant, Self: assistant,
	}
	f := fullFacts()
	for l, text := range want {
		if got := string(See(ClassOf(l), f).AppendJSON(nil)); got != text {
			t.Errorf("%s sees\n%s, want\n%s", l, got, text)
		}
		card, ok := SeeCard(l, f)
		if ok != (l != Blocked) {
			t.Errorf("%s: there is a card: %t", l, ok)
		}
		if got := card.MobileNumber != "" || card.HomeNumber != "" || card.Email != ""; got != MayRead(l, PrivateNumbers) {
			t.Errorf("%s sees private numbers or address: %t", l, got)
		}
	}
	f.Presence = presence.Presence{Off: true}
	for _, l := range append(Levels(), Self) {
		want := `{"id":"anna","off":true}`
		if ClassOf(l).SeesNothing() {
			want = `{"id":"anna"}`
		}
		if got := string(See(ClassOf(l), f).AppendJSON(nil)); got != want {
			t.Errorf("switched off: %s sees %s, want %s", l, got, want)
		}
	}
}

// drawText draws what needs care when it is encoded, and what does not.
func drawText(t *rapid.T, label string) string {
	return rapid.OneOf(
		rapid.Just(""), rapid.StringMatching(`[ -~]{0,12}`), rapid.String(),
		rapid.SampledFrom([]string{"<b>&amp;", "\u2028\u2029", "\x00\x1f\x7f", "\xff\xfe broken", `"\`, "Grüße, 東京 🦉", "\t\r\n"}),
	).Draw(t, label)
}

func drawTime(t *rapid.T, label string) time.Time {
	ms := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(-62_000_000_000_000, 250_000_000_000_000), rapid.Int64Range(1_700_000_000_000, 1_900_000_000_000)).Draw(t, label)
	if ms == 0 {
		return time.Time{}
	}
	zone := time.FixedZone("", rapid.SampledFrom([]int{0, 3600, -7*3600 - 1800}).Draw(t, label+" zone"))
	return time.UnixMilli(ms).Add(time.Duration(rapid.IntRange(0, 999_999).Draw(t, label+" ns"))).In(zone)
}

func drawFacts(t *rapid.T) *Facts {
	return &Facts{
		ID: drawText(t, "id"), Name: drawText(t, "name"),
		Presence: presence.Presence{
			Off: rapid.IntRange(0, 9).Draw(t, "off") == 0, Status: presence.Status(rapid.IntRange(0, 5).Draw(t, "status")),
			Profile: drawText(t, "profile"), Text: drawText(t, "text"), Since: drawTime(t, "since"), Until: drawTime(t, "until"),
			Cause: presence.Ref{Source: presence.Source(drawText(t, "cause"))},
			Line: presence.Line{
				State: presence.LineState(rapid.IntRange(0, 2).Draw(t, "line")), Reach: presence.Reach(rapid.IntRange(0, 2).Draw(t, "reach")),
				Service: drawText(t, "service"), Other: drawText(t, "other"),
			},
		},
		Shown: presence.Shown{Since: drawTime(t, "shown since")},
	}
}

// TestViewsAreEncodedAsJSONWould holds the encoder of the live stream to encoding/json, byte for byte.
func TestViewsAreEncodedAsJSONWould(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := drawFacts(t)
		c := Class(rapid.IntRange(0, Classes()-1).Draw(t, "class"))
		v := See(c, f)
		want, err := json.Marshal(v.Presence())
		if err != nil {
			t.Fatal(err)
		}
		if got := v.AppendJSON([]byte("x"))[1:]; string(got) != string(want) {
			t.Fatalf("class %d of %+v\ngot  %s\nwant %s", c, f, got, want)
		}
		again := *f
		if v != See(c, &again) {
			t.Fatal("equal facts make views that differ")
		}
	})
}

func TestGrantsMakeALevel(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		story string
		g     Grants
		want  Level
	}{
		{"nothing but the default", Grants{Default: Employee}, Employee},
		{"the most comprehensive of default and groups", Grants{Default: Employee, Groups: []Level{External, Assistant, TeamColleague}}, Assistant},
		{"a group gives less than the default", Grants{Default: TeamColleague, Groups: []Level{External}}, TeamColleague},
		{"the owner's choice is more", Grants{Default: Employee, Own: AssistantPlus, OwnSet: true}, AssistantPlus},
		{"the owner's choice is less", Grants{Default: Employee, Groups: []Level{Assistant}, Own: Blocked, OwnSet: true}, Blocked},
		{"extend only: less does not count", Grants{Default: Employee, Groups: []Level{Assistant}, Own: Blocked, OwnSet: true, ExtendOnly: true}, Assistant},
		{"extend only: more does", Grants{Default: Employee, Own: Assistant, OwnSet: true, ExtendOnly: true}, Assistant},
		{"groups say nothing about a VIP", Grants{Default: External, Groups: []Level{AssistantPlus}, VIP: true}, External},
		{"a VIP is not bound to extend only", Grants{Default: Employee, Own: Blocked, OwnSet: true, ExtendOnly: true, VIP: true}, Blocked},
		{"nobody is granted to be somebody else", Grants{Default: Self, Groups: []Level{Self}, Own: Self, OwnSet: true}, AssistantPlus},
	} {
		if got := x.g.Level(); got != x.want {
			t.Errorf("%s: got %s, want %s", x.story, got, x.want)
		}
	}
}

func TestWordsOfLevelsAndAccess(t *testing.T) {
	t.Parallel()
	for _, l := range append(Levels(), Self) {
		var back Level
		if err := back.UnmarshalText([]byte(l.String())); err != nil || back != l {
			t.Errorf("%s comes back as %s (%v)", l, back, err)
		}
	}
	for _, word := range []string{"", "self", "Employee", "assistant+", "invalid(9)"} {
		if l, err := ParseLevel(word); err == nil {
			t.Errorf("%q can be granted, as %s", word, l)
		}
	}
	for _, a := range []Access{None, Read, Write} {
		var back Access
		if err := back.UnmarshalText([]byte(a.String())); err != nil || back != a {
			t.Errorf("%s comes back as %s (%v)", a, back, err)
		}
	}
	if err := new(Access).UnmarshalText([]byte("admin")); err == nil {
		t.Error("an access that there is not is understood")
	}
}

// secret is a text or an instant that stands in the facts once, and who may come to see it.
type secret struct {
	what string
	text string
	may  func(Level) bool
}

func reads(r ...Right) func(Level) bool {
	return func(l Level) bool {
		for _, x := range r {
			if !MayRead(l, x) {
				return false
			}
		}
		return true
	}
}

func nobodyElse(l Level) bool { return l == Self }

// vault hands out canaries.
type vault struct{ all []secret }

func (v *vault) text(what string, may func(Level) bool) string {
	s := secret{what, fmt.Sprintf("canary%dx", len(v.all)), may}
	v.all = append(v.all, s)
	return s.text
}

// instant marks an instant. Every one of a test must be different, to the millisecond.
func (v *vault) instant(what string, t time.Time, may func(Level) bool) time.Time {
	if !t.IsZero() {
		v.all = append(v.all, secret{what, t.UTC().Format(time.RFC3339Nano), may})
	}
	return t
}

func (v *vault) check(t interface{ Errorf(string, ...any) }, l Level, where string, shown any) {
	out, err := json.Marshal(shown)
	if err != nil {
		t.Errorf("%v", err)
	}
	for _, s := range v.all {
		if strings.Contains(string(out), s.text) && !s.may(l) {
			t.Errorf("%s sees %s (%s) in %s:\n%s", l, s.what, s.text, where, out)
		}
	}
}

// TestCardsShowNobodyMoreThanTheTableSays puts a canary into everything that a card may show.
func TestCardsShowNobodyMoreThanTheTableSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var v vault
		begin := at("2026-03-02T08:00:00Z")
		f := &Facts{
			ID: "anna", Name: v.text("name", reads(Name)), WorkNumber: v.text("work number", reads(Name)),
			Email: v.text("address", reads(PrivateNumbers)), Location: v.text("location", reads(PrivateNumbers)),
			MobileNumber: v.text("mobile number", reads(PrivateNumbers)), HomeNumber: v.text("home number", reads(PrivateNumbers)),
			Presence: presence.Presence{
				Status: presence.Status(rapid.IntRange(0, 5).Draw(t, "status")), Profile: v.text("profile", reads(Text)), Text: v.text("text", reads(Text)),
				Since: v.instant("since", begin.Add(1*time.Millisecond), reads(Text)), Until: v.instant("until", begin.Add(2*time.Millisecond), reads(Times)),
				Cause: presence.Ref{Source: presence.Source("api/" + v.text("origin", nobodyElse)), ID: v.text("claim", nobodyElse)},
				Line: presence.Line{
					State: presence.LineState(rapid.IntRange(0, 2).Draw(t, "line")), Reach: presence.External,
					Service: v.text("service", reads(Text)), Other: v.text("other party", reads(OtherParty)),
				},
			},
			Shown: presence.Shown{Since: v.instant("status since", begin.Add(3*time.Millisecond), reads(Status))},
		}
		for _, l := range append(Levels(), Self) {
			if card, ok := SeeCard(l, f); ok {
				v.check(t, l, "card", card)
				if (card.Presence.Line != nil) != MayRead(l, Line) || (card.Presence.Status != nil) != MayRead(l, Status) {
					t.Fatalf("%s: line %v, status %v", l, card.Presence.Line, card.Presence.Status)
				}
			}
			v.check(t, l, "view", See(ClassOf(l), f))
		}
	})
}

// TestAgendasShowNobodyMoreThanTheTableSays: subjects are for assistants, those of private appointments for nobody
// else, and what stands behind the name of an entry for those who may see the settings.
func TestAgendasShowNobodyMoreThanTheTableSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var v vault
		begin := at("2026-03-02T08:00:00Z")
		var facts []AppointmentFacts
		for i := range rapid.IntRange(1, 4).Draw(t, "entries") {
			private := rapid.Bool().Draw(t, "private")
			subject := reads(Times, Subject)
			if private {
				subject = nobodyElse
			}
			source := rapid.SampledFrom([]string{"calendar", "teams", "microphone", "assistant", "hand"}).Draw(t, "source")
			facts = append(facts, AppointmentFacts{
				Ref:    presence.Ref{Source: presence.Source(source + "/" + v.text("what the source is called", reads(Times, Own))), ID: v.text("claim", reads(Times, Own))},
				Start:  v.instant("start", begin.Add(time.Duration(2*i+1)*time.Millisecond), reads(Times)),
				End:    v.instant("end", begin.Add(time.Duration(2*i+2)*time.Millisecond), reads(Times)),
				Status: presence.Busy, Profile: v.text("profile", reads(Times, Text)), Subject: v.text("subject", subject), Private: private,
				URL: v.text("address", subject), Calendar: v.text("name of the calendar", reads(Times, Own)), Reminder: 10 * time.Minute,
			})
		}
		for _, l := range append(Levels(), Self) {
			seen, ok := SeeAgenda(l, facts)
			if ok != MayRead(l, Times) {
				t.Fatalf("%s sees an agenda: %t", l, ok)
			}
			v.check(t, l, "agenda", seen)
			for i, a := range seen {
				if !MayRead(l, Own) && (a.Private || a.ReminderMinutes != 0) {
					t.Fatalf("%s is told that an appointment is private, or when to be reminded: %+v", l, a)
				}
				if a.Ref != EntryName(l, &facts[i]) {
					t.Fatalf("entry %d is called %q in the agenda and %q in calls", i, a.Ref, EntryName(l, &facts[i]))
				}
			}
		}
	})
}

// TestEntriesAreToldApartByTheirNames: an assistant can name each entry, and nobody learns more from the name.
func TestEntriesAreToldApartByTheirNames(t *testing.T) {
	t.Parallel()
	entry := func(source, id, start string) *AppointmentFacts {
		return &AppointmentFacts{Ref: presence.Ref{Source: presence.Source(source), ID: id}, Start: at(start)}
	}
	all := []*AppointmentFacts{
		entry("calendar/c1", "42", "2026-03-02T10:00:00Z"), entry("calendar/c1", "43", "2026-03-02T10:00:00Z"),
		entry("calendar/c2", "42", "2026-03-02T10:00:00Z"), entry("assistant/bob", "timed", "2026-03-02T10:00:00Z"),
		entry("assistant/eve", "timed", "2026-03-02T11:00:00Z"), entry("hand", "timed", "2026-03-02T10:00:00Z"),
	}
	for _, l := range []Level{TeamColleague, Assistant, AssistantPlus, Self} {
		var names []string
		for _, f := range all {
			names = append(names, EntryName(l, f))
		}
		if sorted := slices.Compact(slices.Sorted(slices.Values(names))); len(sorted) != len(all) {
			t.Errorf("%s: names %q are not different", l, names)
		}
	}
	if a, b := EntryName(Assistant, entry("assistant/bob", "timed", "2026-03-02T10:00:00Z")), EntryName(Assistant, entry("assistant/eve", "timed", "2026-03-02T10:00:00Z")); a != b {
		t.Errorf("the names %q and %q tell who the assistant is", a, b)
	}
}
