package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/directory"
	"github.com/doorlight/doorlight/internal/directory/slapdtest"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/store"
)

type entries []directory.Entry

func (all entries) each(_ context.Context, f func(directory.Entry) error) error {
	for _, e := range all {
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

func entry(n int, login string, groups ...string) directory.Entry {
	return directory.Entry{ID: fmt.Sprintf("id-%d", n), DN: "uid=" + login, Login: login, Name: "Person " + login, Groups: groups}
}

func (w *town) sync(s Sync, all entries) Report {
	w.t.Helper()
	s.Connector = "ldap1"
	if s.Places == nil {
		s.Places = []Place{{Location: w.berlin}}
	}
	rep, err := s.Enter(w.t.Context(), w.Office, all.each)
	w.ok(err)
	return rep
}

func counts(r Report) [5]int { return [5]int{r.Added, r.Changed, r.Unchanged, r.Blocked, r.Refused} }

func TestPeopleFollowTheirDirectory(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	places := []Place{{Member: "CN=Labs,DC=x", Location: w.berlin, Group: w.labs}, {Member: "cn=north,dc=x", Location: w.hamburg}, {Location: w.berlin}}
	step := func(what string, want [5]int, all ...directory.Entry) Report {
		t.Helper()
		rep := w.sync(Sync{Places: places}, all)
		if counts(rep) != want {
			t.Errorf("%s: %v (added, changed, unchanged, blocked, refused), want %v; %v", what, counts(rep), want, said(rep))
		}
		return rep
	}
	bob, cleo := entry(1, "Bob", "cn=labs,dc=x"), entry(2, "cleo", "cn=north,dc=x")
	step("the first time", [5]int{2, 0, 0, 0, 0}, bob, cleo)
	if p := w.person("bob"); p.GroupID != w.labs || p.Name != "Person Bob" || w.person("cleo").LocationID != w.hamburg {
		t.Errorf("entered were %+v and %+v", p.Person, w.person("cleo").Person)
	}
	step("again", [5]int{0, 0, 2, 0, 0}, bob, cleo)

	id := w.person("bob").ID
	bob.Login, bob.Name, bob.WorkNumber, bob.Groups = "robert", "Robert", "ask at the gate", nil
	step("renamed and moved", [5]int{0, 1, 1, 0, 0}, bob, cleo)
	if p := w.person("robert"); p.ID != id || p.GroupID != "" || p.WorkNumber != "" {
		t.Errorf("renamed: %+v", p.Person)
	}

	step("vanished", [5]int{0, 0, 1, 1, 0}, bob)
	if p := w.person("cleo"); !p.Blocked || !p.Directory.Blocked {
		t.Errorf("vanished: %+v", p.Person)
	}
	step("still gone", [5]int{0, 0, 1, 0, 0}, bob)
	step("back", [5]int{0, 1, 1, 0, 0}, bob, cleo)
	if w.person("cleo").Blocked {
		t.Error("Cleo is back and still blocked")
	}
	cleo.Disabled = true
	step("disabled", [5]int{0, 0, 1, 1, 0}, bob, cleo)
	cleo.Disabled = false
	step("enabled", [5]int{0, 1, 1, 0, 0}, bob, cleo)
	_, err := w.ChangePerson(t.Context(), office.By{}, "person.put", w.person("cleo").ID, func(p *store.Person) error { p.Blocked = true; return nil })
	w.ok(err)
	step("blocked by hand", [5]int{0, 0, 2, 0, 0}, bob, cleo)
	if !w.person("cleo").Blocked {
		t.Error("the directory has let in whom an administrator blocked")
	}
}

func TestWhoIsHereAlready(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	rep := w.sync(Sync{}, entries{entry(1, "anna"), entry(2, "ada"), entry(3, "new"), {ID: "id-4", DN: "uid=x"}, {DN: "cn=nobody", Login: "y"}, entry(3, "twice"), entry(7, "new")})
	want := []string{
		"line 2 (ada), login: is that of an administrator who was entered here; rename one of the two",
		"line 4, login: uid=x has no login",
		"line 5 (y), id: cn=nobody has no identifier",
		"line 6 (twice), id: uid=twice has the identifier of another entry",
		"line 7 (new), login: uid=new has it too",
	}
	if got := said(rep); !slices.Equal(got, want) || counts(rep) != [5]int{1, 1, 0, 0, 5} {
		t.Errorf("%v, said\n%s\nwant\n%s", counts(rep), strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if p := w.person("anna"); p.ID != "anna" || p.Directory.ExternalID != "id-1" || len(p.Own.Favourites) != 1 {
		t.Errorf("Anna, who was here, is %+v", p.Person)
	}
	if p := w.person("ada"); p.Directory != (store.Origin{}) || p.Role != office.RoleAdmin {
		t.Errorf("the administrator is %+v", p.Person)
	}
	// An account that was made anew may be another person's.
	if rep := w.sync(Sync{}, entries{entry(1, "anna"), entry(33, "new")}); counts(rep) != [5]int{0, 0, 1, 1, 1} {
		t.Errorf("made anew: %v, %v", counts(rep), said(rep))
	}
}

// TestWhoIsPromotedWhileADirectoryIsReadIsNotTakenOver, nor somebody who comes from another directory by then; and whoever
// is taken over keeps no password, sign-in or link of before.
func TestWhoIsPromotedWhileADirectoryIsReadIsNotTakenOver(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.enter("login,name,location\nbob,Bob,Berlin\ncleo,Cleo,Berlin\n", Run{Action: "people.import"})
	change := func(login string, f func(*store.Person)) {
		t.Helper()
		_, err := w.ChangePerson(t.Context(), office.By{}, "person.put", w.person(login).ID, func(p *store.Person) error { f(p); return nil })
		w.ok(err)
	}
	change("anna", func(p *store.Person) { p.PasswordHash = "known to somebody" })
	w.ok(w.store.Update(t.Context(), store.Changes{
		PutSessions: []store.Session{{Hash: []byte("s"), PersonID: "anna", CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}},
		PutLinks:    []store.Link{{Hash: []byte("l"), PersonID: "anna", Kind: "reset", CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}},
	}))
	once := false
	rep := w.sync(Sync{Progress: func(int, int) {
		if !once {
			once = true
			change("bob", func(p *store.Person) { p.Role = office.RoleAdmin })
			change("cleo", func(p *store.Person) { p.Directory = store.Origin{ConnectorID: "ldap2", ExternalID: "x"} })
		}
	}}, entries{entry(1, "anna"), entry(2, "bob"), entry(3, "cleo")})
	want := []string{"line 2 (bob), login: is that of an administrator by now", "line 3 (cleo), login: is that of somebody from another directory by now"}
	if got := said(rep); !slices.Equal(got, want) || rep.Changed != 1 {
		t.Errorf("%+v, said %q, want %q", counts(rep), got, want)
	}
	if p := w.person("anna"); p.Directory.ExternalID != "id-1" || p.PasswordHash != "" {
		t.Errorf("Anna, whom the directory knows, is %+v", p.Person)
	}
	if left, err := w.store.Sessions(t.Context(), "anna", time.Now()); err != nil || len(left) > 0 {
		t.Errorf("her sign-ins of before: %v, %v", left, err)
	}
	if _, err := w.store.TakeLink(t.Context(), []byte("l"), time.Now()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("her link of before: %v", err)
	}
}

func TestAListingThatBreaksOffTouchesNobody(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.sync(Sync{}, entries{entry(1, "bob"), entry(2, "cleo")})
	broken := errors.New("the line went dead")
	_, err := Sync{Connector: "ldap1", Places: []Place{{Location: w.hamburg}}}.Enter(t.Context(), w.Office, func(ctx context.Context, f func(directory.Entry) error) error {
		f(entry(3, "dora"))
		return broken
	})
	if !errors.Is(err, broken) || w.Count() != 4 || w.person("cleo").Blocked || w.person("bob").LocationID != w.berlin {
		t.Errorf("broken off with %v: %d people, %+v", err, w.Count(), w.person("cleo").Person)
	}
}

func TestADirectoryThatIsSuddenlyEmpty(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	var all entries
	for n := range 40 {
		all = append(all, entry(n, fmt.Sprintf("p%d", n)))
	}
	w.sync(Sync{}, all)
	few := all[:25]
	if _, err := (Sync{Connector: "ldap1", Places: []Place{{Location: w.berlin}}}).Enter(t.Context(), w.Office, few.each); !errors.Is(err, ErrUnusual) || fault.KindOf(err) != fault.Conflict {
		t.Errorf("15 of 40 gone: %v", err)
	}
	if w.person("p30").Blocked {
		t.Error("somebody was blocked")
	}
	if rep := w.sync(Sync{Anyway: true, DryRun: true}, few); counts(rep) != [5]int{0, 0, 25, 15, 0} || w.person("p30").Blocked {
		t.Errorf("it would: %v", counts(rep))
	}
	if rep := w.sync(Sync{Anyway: true}, few); counts(rep) != [5]int{0, 0, 25, 15, 0} || !w.person("p30").Blocked {
		t.Errorf("it did: %v", counts(rep))
	}
}

// TestFiveThousandPeopleOfARealDirectory syncs them from slapd, breaks it off half-way, goes on, and follows what happens
// to some of them.
func TestFiveThousandPeopleOfARealDirectory(t *testing.T) {
	t.Parallel()
	const people = 5000
	w := newTown(t)
	var ldif strings.Builder
	dn := func(n int) string { return fmt.Sprintf("uid=p%04d,%s", n, slapdtest.People) }
	for n := range people {
		fmt.Fprintf(&ldif, "dn: %s\nobjectClass: inetOrgPerson\nuid: p%04d\ncn: Person %d\nsn: x\nmail: p%d@example.org\ntelephoneNumber: +49 30 %d\n\n", dn(n), n, n, n, n)
	}
	server := slapdtest.Start(t, slapdtest.Options{LDIF: ldif.String()})
	d, err := directory.New(directory.Config{URLs: []string{server.TLSURL}, Roots: server.Roots, BindDN: slapdtest.Reader, Password: slapdtest.ReaderPassword, Base: slapdtest.People})
	w.ok(err)
	run := Sync{Connector: "ldap1", Places: []Place{{Location: w.hamburg}}}

	ctx, cancel := context.WithCancel(t.Context())
	half := run
	half.Progress = func(done, total int) {
		if done >= total/2 {
			cancel()
		}
	}
	rep, err := half.Enter(ctx, w.Office, d.Each)
	if fault.KindOf(err) != fault.Unavailable || rep.Added != people/2 || w.Count() != 2+people/2 {
		t.Fatalf("half-way: %v, %v; %d people", counts(rep), err, w.Count())
	}
	rep, err = run.Enter(t.Context(), w.Office, d.Each)
	if err != nil || counts(rep) != [5]int{people / 2, 0, people / 2, 0, 0} {
		t.Fatalf("the rest: %v, %v", counts(rep), err)
	}

	id := w.person("p0001").ID
	server.Move(t, dn(1), "uid=renamed", slapdtest.People)
	server.Set(t, dn(2), "telephoneNumber", "+49 40 2")
	for n := 10; n < 15; n++ {
		server.Delete(t, dn(n))
	}
	rep, err = run.Enter(t.Context(), w.Office, d.Each)
	if err != nil || counts(rep) != [5]int{0, 2, people - 7, 5, 0} {
		t.Errorf("followed: %v, %v", counts(rep), err)
	}
	if w.person("renamed").ID != id || w.person("p0002").WorkNumber != "+49 40 2" || !w.person("p0012").Blocked || w.person("p0015").Blocked {
		t.Error("what happened to some of them was not followed")
	}
	rep, err = run.Enter(t.Context(), w.Office, d.Each)
	if err != nil || counts(rep) != [5]int{0, 0, people - 5, 0, 0} {
		t.Errorf("again: %v, %v", counts(rep), err)
	}
}
