package provision

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/store/sqlite"
	"github.com/doorlight/doorlight/internal/store/sqlite/sqlitetest"
)

// town is an organisation with two locations, an administrator, and Anna, who has settings of her own.
type town struct {
	*office.Office
	t                     *testing.T
	store                 store.Store
	berlin, hamburg, labs string
}

func newTown(t *testing.T) *town {
	t.Helper()
	ctx := t.Context()
	st, err := sqlite.Open(ctx, filepath.Join(sqlitetest.Folder(t), "doorlight.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	of, err := office.Open(ctx, st, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	w := &town{Office: of, t: t, store: st}
	for name, id := range map[string]*string{"Berlin": &w.berlin, "Hamburg": &w.hamburg} {
		l := store.Location{Name: name, TimeZone: "Europe/Berlin"}
		w.ok(of.PutLocation(ctx, office.By{}, &l))
		*id = l.ID
	}
	g := store.Group{LocationID: w.berlin, Name: "Labs"}
	w.ok(of.PutGroup(ctx, office.By{}, &g))
	w.labs = g.ID
	w.ok(of.PutPeople(ctx, office.By{}, "person.add",
		&store.Person{ID: "admin", Name: "Ada Admin", Login: "ada", LocationID: w.berlin, Role: office.RoleAdmin, PasswordHash: "x"},
		&store.Person{ID: "anna", Name: "Anna Berg", Login: "anna", LocationID: w.berlin, GroupID: w.labs, WorkNumber: "+49 30 1", MobileNumber: "+49 170 1"}))
	w.ok(of.ChangeOwn(ctx, office.By{}, "settings.put", "anna", func(_ *office.Person, o *policy.Own) error {
		o.Favourites = []string{"admin"}
		return nil
	}))
	return w
}

func (w *town) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// enter enters a list.
func (w *town) enter(text string, run Run) Report {
	w.t.Helper()
	records, refusals, err := ReadCSV(text)
	w.ok(err)
	rep, err := run.Enter(w.t.Context(), w.Office, records, refusals)
	w.ok(err)
	return rep
}

func (w *town) person(login string) *office.Person {
	w.t.Helper()
	p, ok := w.ByLogin(login)
	if !ok {
		w.t.Fatalf("there is no %s", login)
	}
	return p
}

func said(rep Report) (lines []string) {
	for _, r := range rep.Refusals {
		lines = append(lines, r.String())
	}
	return lines
}

func TestAListIsEnteredAndSaidAgainChangesNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	const list = "\ufeffLogin;Name;E-Mail;Location;Group;Work number;VIP\r\n"
	_, _, err := ReadCSV(list)
	if !strings.Contains(fmt.Sprint(err), `there is no column "E-Mail"`) {
		t.Errorf("a column that is not there: %v", err)
	}
	text := strings.Replace(list, "E-Mail", "Email", 1) +
		"anna;Anna Berg;anna@example.org;berlin;Labs;+49 30 2;no\r\n" +
		"ÖZGE;\"Özge \"\"Ö\"\" Yılmaz\";;Hamburg;;;yes\r\n\r\n" +
		"bob;Bob;;Berlin;labs;;\r\n"
	dry := w.enter(text, Run{Action: "people.import", DryRun: true})
	if dry.Added != 2 || dry.Changed != 1 || dry.Refused != 0 || w.Count() != 2 {
		t.Errorf("it would: %+v with %d people", dry, w.Count())
	}
	var told []int
	rep := w.enter(text, Run{By: office.By{Actor: "admin"}, Action: "people.import", Progress: func(done, total int) { told = append(told, done, total) }})
	if rep.Added != 2 || rep.Changed != 1 || rep.Unchanged != 0 || rep.Refused != 0 || w.Count() != 4 || !slices.Equal(told, []int{0, 3, 3, 3}) {
		t.Errorf("it did: %+v with %d people, told %v", rep, w.Count(), told)
	}
	anna, ozge := w.person("anna"), w.person("özge")
	if anna.Email != "anna@example.org" || anna.WorkNumber != "+49 30 2" || anna.MobileNumber != "+49 170 1" || len(anna.Own.Favourites) != 1 {
		t.Errorf("what the list does not say has changed: %+v", anna.Person)
	}
	if ozge.Name != `Özge "Ö" Yılmaz` || !ozge.VIP || ozge.LocationID != w.hamburg || ozge.Role != office.RoleUser || w.person("bob").GroupID != w.labs {
		t.Errorf("entered were %+v and %+v", ozge.Person, w.person("bob").Person)
	}
	n, err := w.store.Count(t.Context())
	w.ok(err)
	if again := w.enter(text, Run{Action: "people.import"}); again.Unchanged != 3 || again.Added+again.Changed+again.Refused != 0 {
		t.Errorf("said again: %+v", again)
	}
	if m, _ := w.store.Count(t.Context()); m.Audit != n.Audit {
		t.Errorf("said again, it wrote %d audit entries", m.Audit-n.Audit)
	}
	if moved := w.enter("login,location\nanna,Hamburg\n", Run{Action: "people.import"}); moved.Changed != 1 || w.person("anna").GroupID != "" {
		t.Errorf("moved: %+v, %+v", moved, w.person("anna").Person)
	}
}

// TestAListThatSaysNoPlaces: new people get the place that was asked for, those who are there stay where they are.
func TestAListThatSaysNoPlaces(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	list := "login,name,location\nanna,Anna Berg,\nnina,Nina,\notto,Otto,Hamburg\npaul,Paul,Berlin\n"
	rep := w.enter("login,name\nanna,Anna Berger\nnina,Nina\n", Run{Action: "people.import", DryRun: true})
	if rep.Changed != 1 || rep.Refused != 1 || rep.Refusals[0].Field != "location" {
		t.Errorf("without a place: %+v", rep)
	}
	place := Place{Location: "berlin", Group: "LABS"}
	rep = w.enter(list, Run{Action: "people.import", Place: place})
	if rep.Added != 3 || rep.Unchanged != 1 || rep.Refused != 0 { // of anna it says nothing new
		t.Errorf("got %+v", rep)
	}
	if rep := w.enter("login,name,location\nanna,Anna Berg,\n", Run{Action: "people.import"}); rep.Refused != 1 { // without a place, hers is emptied
		t.Errorf("got %+v", rep)
	}
	for login, want := range map[string][2]string{"nina": {w.berlin, w.labs}, "otto": {w.hamburg, ""}, "paul": {w.berlin, ""}, "anna": {w.berlin, w.labs}} {
		p, ok := w.ByLogin(login)
		if !ok || p.LocationID != want[0] || p.GroupID != want[1] {
			t.Errorf("%s is in %q, %q; want %q", login, p.LocationID, p.GroupID, want)
		}
	}
	for field, bad := range map[string]Place{"location": {Location: "Paris"}, "group": {Location: "Hamburg", Group: "Labs"}, "location ": {Group: "Labs"}} {
		if err := (Run{Place: bad}).Check(w.Office); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(field)) {
			t.Errorf("place %+v: %v", bad, err)
		}
	}
}

func TestBrokenRowsKeepNoOthersBack(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	rep := w.enter(`login,name,location,group,email,role,vip,language,time_zone,work_number
good1,Good One,Berlin,,,,,,,
,Nobody,Berlin,,,,,,,
good1,Again,Berlin,,,,,,,
far,Far,Paris,,,,,,,
lab,Lab,Hamburg,Labs,,,,,,
mail,Mail,Berlin,,no address,,,,,
king,King,Berlin,,,king,,,,
vip,Vip,Berlin,,,,perhaps,,,
tongue,Tongue,Berlin,,,,,fr,,
zone,Zone,Berlin,,,,,,Mars/Olympus,
number,Number,Berlin,,,,,,,call me
short,Short
many,Two Things,Nowhere,,,,perhaps,,,
ada,Ada Admin,Berlin,,,user,,,,
two words,Two,Berlin,,,,,,,
good2,Good Two,Hamburg,,,,,,,
`, Run{Action: "people.import"})
	want := []string{
		`line 3, login: must not be empty`,
		`line 4 (good1), login: stands in line 2 already`,
		`line 5 (far), location: there is no location "Paris"`,
		`line 6 (lab), group: there is no configuration group "Labs" in that location`,
		`line 7 (mail), email: "no address" is no address`,
		`line 8 (king), role: "king" is none of user, location_admin, admin`,
		`line 9 (vip), vip: "perhaps" is neither yes nor no`,
		`line 10 (tongue), language: "fr" is none of en, de`,
		`line 11 (zone), time_zone: "Mars/Olympus" is no IANA time zone, such as Europe/Berlin`,
		`line 12 (number), work_number: must hold digits and + - / ( ) . * # only`,
		`line 13 (short): has 2 cells; the heading has 10`,
		`line 14 (many), location: there is no location "Nowhere"`,
		`line 14 (many), vip: "perhaps" is neither yes nor no`,
		`line 15 (ada): this is the last administrator who can sign in; make somebody else an administrator first`,
		`line 16 (two words), login: must be at most 120 characters without spaces`,
	}
	if got := said(rep); !slices.Equal(got, want) {
		t.Errorf("said\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if rep.Added != 2 || rep.Refused != 14 || w.Count() != 4 {
		t.Errorf("%+v with %d people", rep, w.Count())
	}
}

func TestTenThousandPeople(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	var list strings.Builder
	list.WriteString("login,name,location,work_number\n")
	for i := range 10_000 {
		place := "Berlin"
		if i%200 == 77 {
			place = "Atlantis" // 50 of them
		}
		fmt.Fprintf(&list, "p%05d,Person %d,%s,+49 30 %d\n", i, i, place, i)
	}
	steps := 0
	rep := w.enter(list.String(), Run{Action: "people.import", Progress: func(int, int) { steps++ }})
	if rep.Added != 9950 || rep.Refused != 50 || len(rep.Refusals) != 50 || rep.Refusals[0].Row != 79 || steps < 30 {
		t.Errorf("added %d, refused %d: %v; told %d times", rep.Added, rep.Refused, rep.Refusals[:1], steps)
	}
	if again := w.enter(list.String(), Run{Action: "people.import"}); again.Unchanged != 9950 || again.Added+again.Changed != 0 || again.Refused != 50 {
		t.Errorf("said again: %+v", again)
	}
}

// TestAnImportThatIsBrokenOff keeps what was entered; the next one goes on.
func TestAnImportThatIsBrokenOff(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	var list strings.Builder
	list.WriteString("login,name,location\n")
	for i := range 1000 {
		fmt.Fprintf(&list, "p%d,Person %d,Berlin\n", i, i)
	}
	records, _, err := ReadCSV(list.String())
	w.ok(err)
	ctx, cancel := context.WithCancel(t.Context())
	rep, err := Run{Action: "people.import", Progress: func(done, _ int) {
		if done == 500 {
			cancel()
		}
	}}.Enter(ctx, w.Office, records, nil)
	if fault.KindOf(err) != fault.Unavailable || rep.Added != 250 || w.Count() != 252 {
		t.Errorf("broken off with %v: %+v, %d people", err, rep, w.Count())
	}
	if rep := w.enter(list.String(), Run{Action: "people.import"}); rep.Added != 750 || rep.Unchanged != 250 {
		t.Errorf("the next one: %+v", rep)
	}
}

func TestWhatTheImporterMayNotDoIsRefused(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	rep := w.enter("login,name,location\nnew,New,Hamburg\nanna,Anna,Berlin\nbob,Bob,Berlin\n", Run{Action: "people.import", Permit: func(was, is *store.Person) error {
		if is.LocationID != w.berlin {
			return fault.New(fault.Forbidden, "this is for administrators of the location")
		}
		if was != nil && was.Login == "anna" {
			return fault.Bad("name", "may not be changed")
		}
		return nil
	}})
	if got, want := said(rep), []string{"line 2 (new): this is for administrators of the location", "line 3 (anna), name: may not be changed"}; !slices.Equal(got, want) || rep.Added != 1 {
		t.Errorf("said %q, want %q; %+v", got, want, rep)
	}
}

func TestFilesAsSpreadsheetsWriteThem(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"UTF-8":         "login,name\nm,Müller\n",
		"UTF-8 with it": "\xef\xbb\xbflogin,name\nm,Müller\n",
		"Windows-1252":  "login;name\r\nm;M\xfcller\r\n",
		"UTF-16LE":      "\xff\xfel\x00o\x00g\x00i\x00n\x00\t\x00n\x00a\x00m\x00e\x00\n\x00m\x00\t\x00M\x00\xfc\x00l\x00l\x00e\x00r\x00\n\x00",
		"UTF-16BE":      "\xfe\xff\x00l\x00o\x00g\x00i\x00n\x00\t\x00n\x00a\x00m\x00e\x00\n\x00m\x00\t\x00M\x00\xfc\x00l\x00l\x00e\x00r\x00\n",
	} {
		records, refusals, err := ReadCSV(Decode([]byte(file)))
		if err != nil || len(refusals) > 0 || len(records) != 1 || records[0].Values[Name] != "Müller" || records[0].Row != 2 {
			t.Errorf("%s: %v, %v, %v", name, records, refusals, err)
		}
	}
	for text, want := range map[string]string{
		"":                          "the first line must name the columns",
		"\n\n":                      "the first line must name the columns",
		"name\nx\n":                 "a column login is needed",
		"login,login\nx,y\n":        "the column login is there twice",
		"login,password\nx,y\n":     `there is no column "password"`,
		"login,name\nx,\"y\nz,z\n":  "line ",
		"login,name\nx,y\"z\nz,z\n": "line 2 cannot be read",
	} {
		if _, _, err := ReadCSV(text); !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzReadCSV(f *testing.F) {
	for _, seed := range []string{"login,name\na,b\n", "login;name\n\"a\";\"b\"\"\"\n", "\xff\xfel\x00", "login\n\n\n,\n", "LOGIN\tVIP\nx\tyes\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		records, refusals, err := ReadCSV(Decode(file))
		if err != nil && (len(records)+len(refusals) > 0 || fault.KindOf(err) != fault.Invalid) {
			t.Errorf("%v with %v and %v", err, records, refusals)
		}
		for _, r := range records {
			if r.Row < 2 || r.Values[Login] == "" {
				t.Errorf("a record %+v", r)
			}
		}
	})
}
