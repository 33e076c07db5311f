package directory

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorlight/doorlight/internal/directory/slapdtest"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, c Config) *Directory {
	t.Helper()
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// configOf is the configuration for a slapd.
func configOf(s *slapdtest.Server) Config {
	return Config{URLs: []string{s.TLSURL}, Roots: s.Roots, BindDN: slapdtest.Reader, Password: slapdtest.ReaderPassword, Base: slapdtest.Base}
}

// list returns everybody by login.
func list(t testing.TB, d *Directory) map[string]Entry {
	t.Helper()
	people := map[string]Entry{}
	err := d.Each(t.Context(), func(e Entry) error {
		if _, twice := people[e.Login]; twice {
			t.Errorf("%q comes twice", e.Login)
		}
		people[e.Login] = e
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return people
}

func somebody(login string, more ...string) string {
	s := fmt.Sprintf("dn: uid=%[1]s,%[2]s\nobjectClass: inetOrgPerson\nuid: %[1]s\ncn: %[1]s\nsn: %[1]s\nuserPassword: pw of %[1]s\n", login, slapdtest.People)
	for _, line := range more {
		s += line + "\n"
	}
	return s + "\n"
}

func adUser(n byte, login string, more ...string) string {
	s := fmt.Sprintf("dn: cn=%[1]s,%[2]s\nobjectClass: user\nobjectCategory: person\nsAMAccountName: %[1]s\ncn: %[1]s\nsn: %[1]s\nuserPassword: pw of %[1]s\nobjectGUID:: %[3]s\n",
		login, slapdtest.People, base64.StdEncoding.EncodeToString([]byte(guid(n))))
	for _, line := range more {
		s += line + "\n"
	}
	return s + "\n"
}

func dn(login string) string { return "uid=" + login + "," + slapdtest.People }

func TestFiveThousandPeopleAreListed(t *testing.T) {
	t.Parallel()
	const people = 5000
	var ldif strings.Builder
	for n := range people {
		ldif.WriteString(somebody(fmt.Sprintf("p%04d", n)))
	}
	s := slapdtest.Start(t, slapdtest.Options{LDIF: ldif.String()})
	for _, size := range []int{0, 1000, 333} {
		c := configOf(s)
		c.PageSize = size
		logins, ids := map[string]bool{}, map[string]bool{}
		if err := open(t, c).Each(t.Context(), func(e Entry) error { logins[e.Login] = true; ids[e.ID] = true; return nil }); err != nil {
			t.Fatalf("pages of %d: %v", size, err)
		}
		if len(logins) != people || len(ids) != people {
			t.Errorf("pages of %d: %d logins and %d IDs, want %d of each", size, len(logins), len(ids), people)
		}
	}
}

func TestAListingThatTheServerEndsEarlyIsNone(t *testing.T) {
	t.Parallel()
	var ldif strings.Builder
	for n := range 300 {
		ldif.WriteString(somebody(fmt.Sprintf("p%04d", n)))
	}
	s := slapdtest.Start(t, slapdtest.Options{LDIF: ldif.String(), SizeLimit: 120})
	c := configOf(s)
	c.PageSize = 50
	count := 0
	err := open(t, c).Each(t.Context(), func(Entry) error { count++; return nil })
	if !errors.Is(err, ErrIncomplete) {
		t.Errorf("with a limit of 120, %d of 300 were listed with error %v, want ErrIncomplete", count, err)
	}
	steps := open(t, c).Check(t.Context())
	if got := stepOf(t, steps, "people"); got.OK || !strings.Contains(got.Remedy, "olcLimits") {
		t.Errorf("check says %+v, want that the limit has to be raised", got)
	}
}

func TestAPersonIsReadWhole(t *testing.T) {
	t.Parallel()
	s := slapdtest.Start(t, slapdtest.Options{LDIF: somebody("anna", "displayName:: "+base64.StdEncoding.EncodeToString([]byte(" Anna\tMüller ")),
		"mail: anna@example.test", "telephoneNumber: +49 721 1", "mobile: +49 170 2", "homePhone: +49 721 3", "preferredLanguage: de",
		"roomNumber: 1.01", "roomNumber: 1.02") + somebody("bert")})
	c := configOf(s)
	c.Attributes.Further = []string{"ROOMNUMBER", "carLicense"}
	c.Attributes.Email = "MAIL" // names of attributes are the same in any case
	d := open(t, c)
	people := list(t, d)
	anna := people["anna"]
	want := Entry{ID: anna.ID, DN: dn("anna"), Login: "anna", Name: "Anna Müller", Email: "anna@example.test", WorkNumber: "+49 721 1",
		MobileNumber: "+49 170 2", HomeNumber: "+49 721 3", Language: "de", Attributes: map[string][]string{"ROOMNUMBER": {"1.01", "1.02"}}}
	if diff := cmp.Diff(want, anna); diff != "" {
		t.Errorf("anna differs (-want +got):\n%s", diff)
	}
	if len(anna.ID) != 36 || anna.ID == people["bert"].ID {
		t.Errorf("IDs are %q and %q, want two UUIDs", anna.ID, people["bert"].ID)
	}
	if got := people["bert"].Name; got != "bert" {
		t.Errorf("without a displayName the name is %q, want that of cn", got)
	}
	s.Move(t, dn("anna"), "uid=anna.schmidt", slapdtest.Base)
	moved := list(t, d)["anna.schmidt"]
	if moved.ID != anna.ID || moved.DN != "uid=anna.schmidt,"+slapdtest.Base {
		t.Errorf("after a move: ID %q and DN %q, want the same ID %q elsewhere", moved.ID, moved.DN, anna.ID)
	}
}

func TestGroupsInGroups(t *testing.T) {
	t.Parallel()
	group := func(name string, members ...string) string {
		s := fmt.Sprintf("dn: cn=%[1]s,%[2]s\nobjectClass: groupOfNames\ncn: %[1]s\n", name, slapdtest.Groups)
		for _, m := range members {
			s += "member: " + m + "\n"
		}
		return s + "\n"
	}
	in := func(name string) string { return "cn=" + name + "," + slapdtest.Groups }
	ldif := somebody("anna") + somebody("bert") + somebody("carla") +
		group("team", "UID=Anna, OU=People,"+slapdtest.Base, dn("bert")) + // written in another way
		group("department", in("team")) +
		group("company", in("department"), in("circle a")) +
		group("circle a", in("circle b"), dn("bert")) + group("circle b", in("circle a")) +
		fmt.Sprintf("dn: cn=unique,%s\nobjectClass: groupOfUniqueNames\ncn: unique\nuniqueMember: %s\n\n", slapdtest.Groups, dn("bert"))
	s := slapdtest.Start(t, slapdtest.Options{LDIF: ldif}) // slapadd keeps no memberOf
	// Outside of the groups' base, and kept by the overlay.
	s.Add(t, "cn=elsewhere,"+slapdtest.Base, map[string][]string{"objectClass": {"groupOfNames"}, "member": {dn("carla")}})
	s.Add(t, "cn=board,"+slapdtest.Groups, map[string][]string{"objectClass": {"groupOfNames"}, "member": {"cn=elsewhere," + slapdtest.Base}})
	// Characters that mean something in filters and DNs, and such as are written in several ways.
	for login, member := range map[string]string{"o(d*d": "uid=o\\28d\\2Ad," + slapdtest.People, "jürgen": "UID=J\\C3\\9CRGEN," + slapdtest.People} {
		s.Add(t, dn(login), map[string][]string{"objectClass": {"inetOrgPerson"}, "uid": {login}, "cn": {login}, "sn": {login}, "userPassword": {"pw of " + login}})
		s.Add(t, in("of "+login), map[string][]string{"objectClass": {"groupOfUniqueNames"}, "uniqueMember": {member}})
		s.Add(t, in("above "+login), map[string][]string{"objectClass": {"groupOfNames"}, "member": {in("of " + login)}})
	}
	c := configOf(s)
	c.GroupBase = slapdtest.Groups
	d := open(t, c)
	people := list(t, d)
	for login, want := range map[string][]string{
		"anna":   {in("company"), in("department"), in("team")},
		"bert":   {in("circle a"), in("circle b"), in("company"), in("department"), in("team"), in("unique")},
		"carla":  {in("board"), "cn=elsewhere," + slapdtest.Base},
		"o(d*d":  {in("above o(d*d"), in("of o(d*d")},
		"jürgen": {in("above jürgen"), in("of jürgen")},
	} {
		if diff := cmp.Diff(want, people[login].Groups); diff != "" {
			t.Errorf("listed, %s is in other groups (-want +got):\n%s", login, diff)
		}
		e, err := d.SignIn(t.Context(), login, "pw of "+login)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(people[login], e); diff != "" {
			t.Errorf("signed in, %s differs from the listing (-listed +signed in):\n%s", login, diff)
		}
	}
}

func TestAReferenceInOpenLDAPHidesAPart(t *testing.T) {
	t.Parallel()
	s := slapdtest.Start(t, slapdtest.Options{LDIF: somebody("anna") +
		"dn: ou=branch," + slapdtest.Base + "\nobjectClass: referral\nobjectClass: extensibleObject\nou: branch\nref: ldap://branch.example.test/ou=branch," + slapdtest.Base + "\n\n"})
	c := configOf(s)
	err := open(t, c).Each(t.Context(), func(Entry) error { return nil })
	want := []string{"ldap://branch.example.test/ou=branch," + slapdtest.Base}
	if e, ok := errors.AsType[*ReferralError](err); !ok || !slices.Equal(e.To, want) {
		t.Errorf("listing: %v, want an error that names %q", err, want)
	}
	c.Base = "ou=branch," + slapdtest.Base
	if err := open(t, c).Each(t.Context(), func(Entry) error { return nil }); !errors.Is(err, ErrIncomplete) {
		t.Errorf("a base that is elsewhere: %v, want ErrIncomplete", err)
	}
	c.Base = slapdtest.People
	if got := list(t, open(t, c)); len(got) != 1 {
		t.Errorf("a base without it: %d people, want 1", len(got))
	}
	c.Base, c.SkipReferrals = slapdtest.Base, true
	if got := list(t, open(t, c)); len(got) != 1 {
		t.Errorf("with references skipped: %d people, want 1", len(got))
	}
}

func TestSignInOpenLDAP(t *testing.T) {
	t.Parallel()
	s := slapdtest.Start(t, slapdtest.Options{LDIF: somebody("anna", "mail: anna@example.test") + somebody("bert", "mail: twice@example.test") +
		somebody("carla", "mail: twice@example.test") + somebody("o*", "mail: star@example.test") +
		"dn: cn=printer," + slapdtest.People + "\nobjectClass: device\nobjectClass: uidObject\nobjectClass: simpleSecurityObject\ncn: printer\nuid: printer\nuserPassword: pw of printer\n\n"})
	c := configOf(s)
	c.Attributes.UPN = "mail"
	d := open(t, c)
	for _, x := range []struct {
		login, password, want string
		err                   error
	}{
		{"anna", "pw of anna", "anna", nil},
		{"ANNA", "pw of anna", "anna", nil},
		{" anna ", "pw of anna", "anna", nil},
		{"anna@example.test", "pw of anna", "anna", nil},
		{`EXAMPLE\anna`, "pw of anna", "anna", nil},
		{"o*", "pw of o*", "o*", nil},
		{"anna", "pw of bert", "", ErrWrong},
		{"anna", "", "", ErrWrong},
		{"", "pw of anna", "", ErrWrong},
		{"", "", "", ErrWrong},
		{"dora", "pw of anna", "", ErrWrong},
		{"printer", "pw of printer", "", ErrWrong}, // not a person
		{"twice@example.test", "pw of bert", "", ErrAmbiguous},
		{"twice@example.test", "pw of bert", "", ErrWrong},
		{`EXAMPLE\anna@example.test`, "pw of anna", "", ErrWrong},
		{`\anna`, "pw of anna", "", ErrWrong},
		{`EXAMPLE\`, "pw of anna", "", ErrWrong},
		// Parts of filters and DNs are names like others.
		{"*", "pw of anna", "", ErrWrong},
		{"a*", "pw of anna", "", ErrWrong},
		{"anna)(objectClass=*", "pw of anna", "", ErrWrong},
		{"*)(uid=*))(|(uid=*", "pw of anna", "", ErrWrong},
		{"anna)(|(uid=anna", "pw of anna", "", ErrWrong},
		{`EXAMPLE\61nna`, "pw of anna", "", ErrWrong},
		{`\61nna`, "pw of anna", "", ErrWrong},
		{"anna,ou=people", "pw of anna", "", ErrWrong},
		{dn("anna"), "pw of anna", "", ErrWrong},
		{"anna\x00", "pw of anna", "", ErrWrong},
		{"anna\n", "pw of anna", "anna", nil}, // pasted
		{"an\nna", "pw of anna", "", ErrWrong},
		{"ann\xe4", "pw of anna", "", ErrWrong},
		{strings.Repeat("a", 100_000), "pw of anna", "", ErrWrong},
		{"anna", strings.Repeat("x", 100_000), "", ErrWrong},
		{"anna", "pw of anna\x00", "", ErrWrong},
	} {
		e, err := d.SignIn(t.Context(), x.login, x.password)
		if !errors.Is(err, x.err) || e.Login != x.want {
			t.Errorf("%.60q with %.20q: %q, %v, want %q, %v", x.login, x.password, e.Login, err, x.want, x.err)
		}
		if err != nil && (len(x.login) > 3 && strings.Contains(err.Error(), x.login) || x.password != "" && strings.Contains(err.Error(), x.password)) {
			t.Errorf("%.60q: the error repeats what was typed: %v", x.login, err)
		}
	}
	_, unknown := d.SignIn(t.Context(), "dora", "x")
	_, wrong := d.SignIn(t.Context(), "anna", "x")
	if unknown.Error() != wrong.Error() {
		t.Errorf("somebody unknown is told %q, a wrong password %q, want the same", unknown, wrong)
	}
}

func TestPasswordPolicyOfOpenLDAP(t *testing.T) {
	t.Parallel()
	s := slapdtest.Start(t, slapdtest.Options{LDIF: "dn: cn=default," + slapdtest.Policies + "\nobjectClass: applicationProcess\nobjectClass: pwdPolicy\ncn: default\n" +
		"pwdAttribute: userPassword\npwdLockout: TRUE\npwdMaxFailure: 3\npwdLockoutDuration: 3600\npwdMustChange: TRUE\npwdMaxAge: 3600\n\n" +
		somebody("anna") + somebody("bert", "pwdAccountLockedTime: 000001010000Z") + somebody("carla", "pwdReset: TRUE") + somebody("dora", "pwdChangedTime: 20200101000000Z") + somebody("emil")})
	d := open(t, configOf(s))
	try := func(login, password string, want error) {
		t.Helper()
		if _, err := d.SignIn(t.Context(), login, password); !errors.Is(err, want) {
			t.Errorf("%s with %q: %v, want %v", login, password, err, want)
		}
	}
	try("anna", "pw of anna", nil)
	for range 3 {
		try("anna", "guessed", ErrWrong)
	}
	try("anna", "pw of anna", ErrLocked)
	try("anna", "guessed", ErrLocked)
	try("bert", "pw of bert", ErrDisabled)
	try("carla", "pw of carla", ErrExpired)
	try("dora", "pw of dora", ErrExpired)
	try("dora", "guessed", ErrWrong)
	try("emil", "pw of emil", nil)
	people := list(t, d)
	for login, want := range map[string]bool{"anna": false, "bert": true, "carla": false, "emil": false} {
		if got := people[login].Disabled; got != want {
			t.Errorf("%s is listed as disabled: %v, want %v", login, got, want)
		}
	}
}

func TestTheSchemaOfActiveDirectory(t *testing.T) {
	t.Parallel()
	past := "132223104000000000" // 2020-01-01
	s := slapdtest.Start(t, slapdtest.Options{AD: true, LDIF: adUser(1, "anna", "userPrincipalName: anna@example.com", "displayName: Anna Müller",
		"mail: anna@example.test", "department: Sales", "userAccountControl: 512", "accountExpires: 0") +
		adUser(2, "bert", "userAccountControl: 514") + adUser(3, "carla", "userAccountControl: 512", "accountExpires: "+past) +
		adUser(4, "dora", "userAccountControl: 66048", "accountExpires: 9223372036854775807") +
		"dn: cn=computer," + slapdtest.People + "\nobjectClass: user\nobjectCategory: computer\nsn: x\nsAMAccountName: computer$\nobjectGUID: 1234567890123456\n\n"})
	s.Add(t, "cn=team,"+slapdtest.Groups, map[string][]string{"objectClass": {"group"}, "member": {"cn=anna," + slapdtest.People}})
	s.Add(t, "cn=company,"+slapdtest.Groups, map[string][]string{"objectClass": {"group"}, "member": {"cn=team," + slapdtest.Groups}})
	c := configOf(s)
	c.Attributes.Further = []string{"department"}
	d := open(t, c) // the server says what it is
	people := list(t, d)
	want := Entry{ID: "00112233-4455-6677-8899-aabbccddee01", DN: "cn=anna," + slapdtest.People, Login: "anna", UPN: "anna@example.com", Name: "Anna Müller",
		Email: "anna@example.test", Attributes: map[string][]string{"department": {"Sales"}},
		Groups: []string{"cn=company," + slapdtest.Groups, "cn=team," + slapdtest.Groups}}
	if diff := cmp.Diff(want, people["anna"]); diff != "" {
		t.Errorf("anna differs (-want +got):\n%s", diff)
	}
	for login, want := range map[string]bool{"anna": false, "bert": true, "carla": true, "dora": false} {
		if e, ok := people[login]; !ok || e.Disabled != want {
			t.Errorf("%s is there: %v, disabled: %v, want %v", login, ok, e.Disabled, want)
		}
	}
	if len(people) != 4 {
		t.Errorf("%d people, want 4: a computer is none", len(people))
	}
	for _, x := range []struct {
		login, password, want string
		err                   error
	}{
		{"anna", "pw of anna", "anna", nil},
		{"Anna@Example.COM", "pw of anna", "anna", nil},
		{`EXAMPLE\anna`, "pw of anna", "anna", nil},
		{"anna@example.test", "pw of anna", "", ErrWrong}, // her address, not her UPN
		{"anna", "wrong", "", ErrWrong},
		{"bert", "pw of bert", "", ErrDisabled},
		{"bert", "wrong", "", ErrWrong},
		{"carla", "pw of carla", "", ErrExpired},
		{"computer$", "wrong", "", ErrWrong},
	} {
		e, err := d.SignIn(t.Context(), x.login, x.password)
		if !errors.Is(err, x.err) || e.Login != x.want {
			t.Errorf("%q with %q: %q, %v, want %q, %v", x.login, x.password, e.Login, err, x.want, x.err)
		}
	}
}

func TestConnectionsAreEncryptedAndCertificatesChecked(t *testing.T) {
	t.Parallel()
	s := slapdtest.Start(t, slapdtest.Options{LDIF: somebody("anna")})
	stranger := slapdtest.Start(t, slapdtest.Options{Names: []string{"other.example.test"}, Expires: time.Now().Add(-time.Hour)})
	for name, x := range map[string]struct {
		change func(*Config)
		err    error
		step   string // that Check finds wrong
		says   string
	}{
		"LDAPS":               {func(c *Config) {}, nil, "", ""},
		"StartTLS":            {func(c *Config) { c.URLs, c.StartTLS = []string{s.URL}, true }, nil, "", ""},
		"plain, to this host": {func(c *Config) { c.URLs = []string{s.URL} }, nil, "", ""},
		"another name":        {func(c *Config) { c.ServerName = "ldap.example.test" }, nil, "", ""},
		"a name it does not have": {func(c *Config) { c.ServerName = "dc1.example.test" }, ErrUnreachable, "encryption",
			"The certificate is for localhost, ldap.example.test, 127.0.0.1, not for dc1.example.test."},
		"an issuer nobody knows": {func(c *Config) { c.Roots = stranger.Roots }, ErrUnreachable, "encryption", "issued by Doorlight Test CA, which is not trusted"},
		"the same with StartTLS": {func(c *Config) { c.Roots, c.URLs, c.StartTLS = stranger.Roots, []string{s.URL}, true }, ErrUnreachable, "encryption", "not trusted"},
		"expired": {func(c *Config) {
			c.URLs, c.Roots, c.ServerName = []string{stranger.TLSURL}, stranger.Roots, "other.example.test"
		}, ErrUnreachable, "encryption", "only."},
		"LDAPS on the port of LDAP":      {func(c *Config) { c.URLs = []string{"ldaps://127.0.0.1:" + s.Port} }, ErrUnreachable, "encryption", "No encrypted connection"},
		"wrong password of the reader":   {func(c *Config) { c.Password = "guessed" }, ErrRefused, "account", "unknown, or its password is wrong"},
		"no account":                     {func(c *Config) { c.BindDN, c.Password = "", "" }, ErrRefused, "base", "not there, or the account may not see it"},
		"no such base":                   {func(c *Config) { c.Base = "dc=example,dc=com" }, ErrRefused, "base", "not there"},
		"nobody there":                   {func(c *Config) { c.Base = slapdtest.Groups }, nil, "people", "finds 0 people"},
		"a name that stands for nothing": {func(c *Config) { c.URLs = []string{"ldaps://ldap.invalid"} }, ErrUnreachable, "name", "stands for no address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := configOf(s)
			x.change(&c)
			d := open(t, c)
			if err := d.Each(t.Context(), func(Entry) error { return nil }); !errors.Is(err, x.err) {
				t.Errorf("listing: %v, want %v", err, x.err)
			} else if err != nil && strings.Contains(err.Error(), c.Password) && c.Password != "" {
				t.Errorf("the error tells the password: %v", err)
			}
			steps := d.Check(t.Context())
			for _, step := range steps {
				if step.OK != (step.Name != x.step) || step.OK != (step.Remedy == "") || step.Found == "" {
					t.Errorf("step %+v, want the only one that fails to be %q", step, x.step)
				}
			}
			if x.step != "" {
				if got := stepOf(t, steps, x.step); !strings.Contains(got.Found, x.says) {
					t.Errorf("step %s says %q, want %q", x.step, got.Found, x.says)
				}
			}
		})
	}
}

func stepOf(t testing.TB, steps []Step, name string) Step {
	t.Helper()
	for _, s := range steps {
		if s.Name == name {
			return s
		}
	}
	t.Errorf("no step %q in %+v", name, steps)
	return Step{}
}

func TestCheckTellsWhatIsThere(t *testing.T) {
	t.Parallel()
	s := slapdtest.Start(t, slapdtest.Options{LDIF: somebody("anna", "mail: anna@example.test", "telephoneNumber: 1") + somebody("bert", "mail: bert@example.test") +
		"dn: cn=Nameless," + slapdtest.People + "\nobjectClass: person\ncn: Nameless\nsn: x\n\n"})
	c := configOf(s)
	c.Attributes.MobileNumber = "pager"
	down := "ldaps://127.0.0.1:1"
	c.URLs = []string{down, s.TLSURL}
	var got strings.Builder
	for _, step := range open(t, c).Check(t.Context()) {
		server := map[string]string{down: "down", s.TLSURL: "up"}[step.Server]
		found, _, _ := strings.Cut(step.Found, "; it is valid until")
		fmt.Fprintf(&got, "%s %s %v: %s | %s\n", step.Name, server, step.OK, found, step.Remedy)
	}
	want := `name down true: 127.0.0.1 is 127.0.0.1. | 
connection down false: No connection to port 1: dial tcp 127.0.0.1:1: connect: connection refused | Check that the directory runs, the port (389 for ldap://, 636 for ldaps://), and firewalls in between.
name up true: 127.0.0.1 is 127.0.0.1. | 
connection up true: Port ` + s.TLSURL[len("ldaps://127.0.0.1:"):] + ` answers. | 
encryption up true: TLS 1.3; the certificate is for localhost, ldap.example.test, 127.0.0.1, issued by Doorlight Test CA | 
account up true: The account that reads may sign in. | 
base up true: The base is there, in OpenLDAP. | 
people  true: The filter (objectClass=person) finds 3 people, such as anna, bert. | 
attributes  false: Of 3 people have one: uid 2, displayName 3, mail 2, telephoneNumber 1. Nobody has: homePhone, preferredLanguage. | Nobody has: pager. Check the spelling, and that the account may read it. 1 of 3 people have no uid and cannot sign in: name another attribute, or narrow the filter.
groups  true: 0 of 3 people are in a group. | 
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("the steps differ (-want +got):\n%s", diff)
	}
	if strings.Contains(got.String(), "@") || strings.Contains(got.String(), c.Password) {
		t.Errorf("the steps tell addresses of people or the password:\n%s", got.String())
	}
}

func TestTheNextServerIsAskedIfOneIsDown(t *testing.T) {
	t.Parallel()
	s := slapdtest.Start(t, slapdtest.Options{LDIF: somebody("anna")})
	c := configOf(s)
	c.URLs = []string{"ldaps://127.0.0.1:1", s.TLSURL}
	d := open(t, c)
	if e, err := d.SignIn(t.Context(), "anna", "pw of anna"); err != nil || e.Login != "anna" {
		t.Errorf("sign-in: %q, %v, want anna", e.Login, err)
	}
	c.URLs = []string{"ldaps://127.0.0.1:1", "ldap://127.0.0.1:1"}
	if _, err := open(t, c).SignIn(t.Context(), "anna", "pw of anna"); !errors.Is(err, ErrUnreachable) {
		t.Errorf("with all servers down: %v, want ErrUnreachable", err)
	}
}

func TestTheCallerEndsAListing(t *testing.T) {
	t.Parallel()
	s := slapdtest.Start(t, slapdtest.Options{LDIF: somebody("anna") + somebody("bert") + somebody("carla")})
	c := configOf(s)
	c.PageSize = 1
	d := open(t, c)
	enough := errors.New("enough")
	count := 0
	if err := d.Each(t.Context(), func(Entry) error { count++; return enough }); err != enough || count != 1 {
		t.Errorf("an error of the function: %v after %d people, want that error after 1", err, count)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	if err := d.Each(ctx, func(Entry) error { cancel(enough); return nil }); !errors.Is(err, enough) {
		t.Errorf("with a context that ends: %v, want its cause", err)
	}
	if _, err := d.SignIn(ctx, "anna", "pw of anna"); !errors.Is(err, enough) {
		t.Errorf("sign-in with a context that has ended: %v, want its cause", err)
	}
}

func TestUnknownPeopleAreRefusedAsSlowlyAsKnownOnes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p pace
		start := time.Now()
		p.wait(t.Context(), start)
		if took := time.Since(start); took != 0 {
			t.Errorf("before any wrong password: waited %v, want 0", took)
		}
		p.note(300 * time.Millisecond)
		p.wait(t.Context(), start)
		if took := time.Since(start); took != 300*time.Millisecond {
			t.Errorf("after a wrong password that took 300 ms: waited %v", took)
		}
		p.note(time.Hour) // the network stood still
		start = time.Now()
		p.wait(t.Context(), start)
		if took := time.Since(start); took > 600*time.Millisecond {
			t.Errorf("after one that took an hour: waited %v, want not much more", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start = time.Now()
		p.wait(ctx, start)
		if took := time.Since(start); took != 0 {
			t.Errorf("with a context that has ended: waited %v, want 0", took)
		}
	})
}

func TestConfigurationsAreChecked(t *testing.T) {
	t.Parallel()
	good := Config{URLs: []string{"ldaps://ldap.example.com"}, BindDN: "cn=r", Password: "hunter2", Base: "dc=example"}
	for name, x := range map[string]struct {
		change func(*Config)
		fields []string
	}{
		"good":               {func(c *Config) {}, nil},
		"LDAP with StartTLS": {func(c *Config) { c.URLs, c.StartTLS = []string{"ldap://ldap.example.com:3389/"}, true }, nil},
		"IPv6":               {func(c *Config) { c.URLs = []string{"ldaps://[2001:db8::1]:636"} }, nil},
		"nothing":            {func(c *Config) { *c = Config{} }, []string{"urls", "base"}},
		"plain":              {func(c *Config) { c.URLs = []string{"ldap://ldap.example.com"} }, []string{"start_tls"}},
		"plain, as wanted":   {func(c *Config) { c.URLs, c.Plaintext = []string{"ldap://ldap.example.com"}, true }, nil},
		"plain, own":         {func(c *Config) { c.URLs = []string{"ldap://localhost", "ldap://[::1]"} }, nil},
		"another scheme":     {func(c *Config) { c.URLs = []string{"https://ldap.example.com", "ldapi:///x", "ldap.example.com"} }, []string{"urls", "urls", "urls"}},
		"too much of a URL": {func(c *Config) {
			c.URLs = []string{"ldaps://a/dc=x", "ldaps://cn=r:hunter2@a", "ldaps://a?cn", "ldaps://:636", "ldaps://a:x"}
		}, []string{"urls", "urls", "urls", "urls", "urls"}},
		"a name without a password": {func(c *Config) { c.Password = "" }, []string{"password"}},
		"a password without a name": {func(c *Config) { c.BindDN = "" }, []string{"bind_dn"}},
		"bad names":                 {func(c *Config) { c.Base, c.GroupBase, c.Filter = "example.com", "groups", "uid=*" }, []string{"base", "group_base", "filter"}},
		"bad attributes": {func(c *Config) {
			c.Attributes.Login, c.Attributes.Further = "uid)(cn=*", []string{"", "cn;lang-de", "2.5.4.3"}
		}, []string{"attributes.login", "attributes.further", "attributes.further"}},
		"bad numbers": {func(c *Config) { c.PageSize, c.Timeout, c.Kind = -1, -1, 9 }, []string{"kind", "page_size", "timeout"}},
	} {
		c := good
		x.change(&c)
		d, err := New(c)
		var fields []string
		if e, ok := errors.AsType[*fault.Error](err); ok {
			for _, f := range e.Fields {
				fields = append(fields, f.Path)
			}
		}
		if !slices.Equal(fields, x.fields) || (err == nil) != (d != nil) {
			t.Errorf("%s: fields %q (%v), want %q", name, fields, err, x.fields)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error tells the password: %v", name, err)
		}
	}
	c := good
	d := open(t, c)
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("x", "config", c, "directory", d)
	}
	fmt.Fprintf(&log, "%v %+v %#v %s %v %+v %#v", c, c, c, c, d, d, d)
	if strings.Contains(log.String(), "hunter2") {
		t.Errorf("the password is in the log: %s", log.String())
	}
}

func TestAServerThatSaysNothingIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // it takes connections without anybody reading from them
	for name, c := range map[string]Config{"LDAP": {URLs: []string{"ldap://" + l.Addr().String()}}, "LDAPS": {URLs: []string{"ldaps://" + l.Addr().String()}},
		"StartTLS": {URLs: []string{"ldap://" + l.Addr().String()}, StartTLS: true}} {
		c.Base, c.BindDN, c.Password, c.Timeout = "dc=example", "cn=r", "hunter2", 100*time.Millisecond
		start := time.Now()
		_, err := open(t, c).SignIn(t.Context(), "anna", "secret")
		if took := time.Since(start); !errors.Is(err, ErrUnreachable) || errors.Is(err, context.DeadlineExceeded) || took > 5*time.Second {
			t.Errorf("%s: %v after %v, want ErrUnreachable after 100 ms", name, err, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		c.Timeout = time.Minute
		start = time.Now()
		err = open(t, c).Each(ctx, func(Entry) error { return nil })
		cancel()
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took > 5*time.Second {
			t.Errorf("%s: %v after %v, want that the caller's time is over after 50 ms", name, err, took)
		}
	}
}
