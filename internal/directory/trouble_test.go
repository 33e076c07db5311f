package directory

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/doorlight/doorlight/internal/directory/slapdtest"
	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"
)

const reader = `EXAMPLE\reader pw of the reader`

// refuse lets the reader in and answers everybody else alike.
func refuse(a answer) func(dn, password string) answer {
	return func(dn, password string) answer {
		if dn+" "+password == reader {
			return answer{}
		}
		return a
	}
}

func TestReasonsOfActiveDirectory(t *testing.T) {
	t.Parallel()
	data := func(code string) string {
		return "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data " + code + ", v4563\x00"
	}
	for _, x := range []struct {
		message string
		err     error
		says    string
	}{
		{data("525"), ErrWrong, "wrong password"},
		{data("52e"), ErrWrong, "wrong password"},
		{data("52E"), ErrWrong, "wrong password"},
		{data("530"), ErrDisabled, "at this hour"},
		{data("531"), ErrDisabled, "from this computer"},
		{data("532"), ErrExpired, "the password has expired"},
		{data("533"), ErrDisabled, "disabled"},
		{data("701"), ErrExpired, "the account has expired"},
		{data("773"), ErrExpired, "has to be changed first"},
		{data("775"), ErrLocked, "locked"},
		{data("57"), ErrWrong, "wrong password"}, // ERROR_INVALID_PARAMETER: a bad NTLM message
		{data(""), ErrWrong, "wrong password"},
		{"", ErrWrong, "wrong password"},
		{"data 533", ErrWrong, "wrong password"}, // in words of another server
	} {
		s := controller(t, []entry{user(1, "anna")}, nil)
		s.bind = refuse(answer{code: ldap.LDAPResultInvalidCredentials, message: x.message})
		_, err := openAD(t, nil, s).SignIn(t.Context(), "anna", "hunter2")
		if !errors.Is(err, x.err) || !strings.Contains(err.Error(), x.says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, want %v that says %q", x.message, err, x.err, x.says)
		}
		if x.err == ErrWrong && err.Error() != "directory: sign in: "+ErrWrong.Error() {
			t.Errorf("%q: the text is %q, which tells it from others", x.message, err)
		}
	}
}

func TestOtherRefusalsAreOfTheServer(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		a   answer
		err error
	}{
		{answer{code: ldap.LDAPResultStrongAuthRequired, message: "00002028: LdapErr: DSID-0C090202, comment: The server requires binds to turn on integrity checking"}, ErrRefused},
		{answer{code: ldap.LDAPResultConfidentialityRequired, message: "TLS confidentiality required"}, ErrRefused},
		{answer{code: ldap.LDAPResultUnwillingToPerform}, ErrRefused},
		{answer{code: ldap.LDAPResultBusy}, ErrUnreachable},
		{answer{code: ldap.LDAPResultUnavailable}, ErrUnreachable},
		{answer{code: ldap.LDAPResultNoSuchObject}, ErrWrong},
		{answer{code: ldap.LDAPResultInappropriateAuthentication}, ErrWrong},
		{answer{code: 4711, message: "what\nis this\xff?"}, ErrRefused},
		{answer{cut: true}, ErrUnreachable},
		{answer{silent: true}, ErrUnreachable},
	} {
		s := controller(t, []entry{user(1, "anna")}, nil)
		s.bind = refuse(x.a)
		d := openAD(t, func(c *Config) { c.Timeout = 200 * time.Millisecond }, s)
		for _, login := range []string{"anna", "nobody"} {
			_, err := d.SignIn(t.Context(), login, "hunter2")
			if !errors.Is(err, x.err) || strings.Contains(err.Error(), "\n") || !utf8.ValidString(err.Error()) {
				t.Errorf("%s, answer %+v: %v, want %v", login, x.a, err, x.err)
			}
			if (x.err == ErrWrong) != errors.Is(err, ErrWrong) {
				t.Errorf("%s, answer %+v: %v, which says something about the password", login, x.a, err)
			}
		}
	}
}

func TestNothingIsSentForAnEmptyPassword(t *testing.T) {
	t.Parallel()
	s := controller(t, []entry{user(1, "anna")}, nil)
	if _, err := openAD(t, nil, s).SignIn(t.Context(), "anna", ""); !errors.Is(err, ErrWrong) {
		t.Errorf("an empty password: %v, want ErrWrong", err)
	}
	if got := s.bound(); len(got) != 0 {
		t.Errorf("%q signed in, want nobody", got)
	}
}

func TestThePasswordGoesToOneEntryOnly(t *testing.T) {
	t.Parallel()
	twins := []entry{user(1, "twin"), user(2, "twin")}
	s := controller(t, append(twins, user(3, "anna")), nil)
	s.bind = refuse(answer{code: ldap.LDAPResultInvalidCredentials})
	d := openAD(t, nil, s)
	for login, want := range map[string]struct {
		err error
		dn  string // that the password was tried for
	}{
		"anna":           {ErrWrong, "CN=anna,CN=Users," + adBase},
		`EXAMPLE\anna`:   {ErrWrong, "CN=anna,CN=Users," + adBase},
		"twin":           {ErrAmbiguous, ""},
		"nobody":         {ErrWrong, ""},
		"*":              {ErrWrong, ""},
		"anna)(cn=*":     {ErrWrong, ""},
		`anna\29\28cn=*`: {ErrWrong, ""},
	} {
		before := len(s.bound())
		_, err := d.SignIn(t.Context(), login, "hunter2")
		if !errors.Is(err, want.err) || !errors.Is(err, ErrWrong) {
			t.Errorf("%q: %v, want %v", login, err, want.err)
		}
		binds := s.bound()[before:]
		if len(binds) != 2 || binds[0] != reader {
			t.Fatalf("%q: binds %q, want that of the reader and another, whether the login is known or not", login, binds)
		}
		if known := want.dn + " hunter2"; want.dn != "" && binds[1] != known || want.dn == "" && strings.Contains(binds[1], "hunter2") {
			t.Errorf("%q: the bind is %q, want the password for %q only", login, binds[1], want.dn)
		}
	}
}

// TestALoginIsOneValueOfTheFilter sends logins through the filter's encoding: what arrives has to be the login.
func TestALoginIsOneValueOfTheFilter(t *testing.T) {
	t.Parallel()
	s := (&standIn{search: func(request) answer { return answer{} }}).start(t)
	d := openAD(t, func(c *Config) { c.Filter = "(objectClass=user)" }, s)
	for _, login := range []string{"anna", "*", "a)(b=*", `x\2a`, "\\", "ä", "(", "&(a=b)", "a=b", "é*)"} {
		name, simple, ok := parseLogin(login)
		if !ok {
			continue
		}
		if _, err := d.SignIn(t.Context(), login, "x"); !errors.Is(err, ErrWrong) {
			t.Fatalf("%q: %v", login, err)
		}
		searches := s.asked()
		got := searches[len(searches)-1]
		v := ldap.EscapeFilter(name)
		want := "(&(objectClass=user)(|(sAMAccountName=" + v + ")(userPrincipalName=" + v + ")))"
		if simple {
			want = "(&(objectClass=user)(sAMAccountName=" + v + "))"
		}
		if got.filter != want || got.size != 2 || got.base != adBase {
			t.Errorf("%q: searched %+v, want filter %s", login, got, want)
		}
	}
}

func TestReferencesToOtherParts(t *testing.T) {
	t.Parallel()
	elsewhere := (&standIn{search: func(request) answer { return answer{} }}).start(t)
	zones := []string{"ldap://DomainDnsZones.example.com/DC=DomainDnsZones,DC=example,DC=com", "ldap://ForestDnsZones.example.com/DC=ForestDnsZones,DC=example,DC=com",
		"ldap://example.com/CN=Configuration,DC=example,DC=com"}
	child := elsewhere.url + "/DC=child,DC=example,DC=com??sub"
	childShort := elsewhere.url + "/DC=child,DC=example,DC=com"
	for name, x := range map[string]struct {
		a    answer
		skip bool
		kind Kind
		to   []string // nil: the listing is whole
		step bool     // Check's about referrals
	}{
		"none":                            {a: answer{}, step: true},
		"the zones of each domain":        {a: answer{references: zones}, step: true},
		"a child domain":                  {a: answer{references: append([]string{child}, zones...)}, to: []string{childShort}},
		"a child domain, knowingly":       {a: answer{references: []string{child}}, skip: true, step: true},
		"something that is no address":    {a: answer{references: []string{"\x7f://\n"}}, to: []string{"an address that is none"}},
		"zones of a server of other kind": {a: answer{references: zones[:1]}, kind: KindOpenLDAP, to: zones[:1]},
		"the base is elsewhere":           {a: answer{code: ldap.LDAPResultReferral, referral: []string{child}}, to: []string{childShort}},
		"the base is elsewhere, skipping": {a: answer{code: ldap.LDAPResultReferral, referral: []string{child}}, skip: true, to: []string{childShort}},
	} {
		s := (&standIn{search: func(r request) answer {
			if r.scope == ldap.ScopeBaseObject {
				return answer{entries: []entry{{dn: adBase}}}
			}
			a := x.a
			if strings.Contains(r.filter, "person") && a.code == 0 {
				a.entries = []entry{user(1, "anna", attribute{"entryUUID", []string{"x"}})}
			}
			return a
		}}).start(t)
		d := openAD(t, func(c *Config) {
			c.SkipReferrals = x.skip
			if x.kind != KindAuto {
				c.Kind = x.kind
			}
		}, s)
		count := 0
		err := d.Each(t.Context(), func(Entry) error { count++; return nil })
		e, ok := errors.AsType[*ReferralError](err)
		switch {
		case x.to == nil && (err != nil || count != 1):
			t.Errorf("%s: %d people and error %v, want 1", name, count, err)
		case x.to != nil && (!ok || !slices.Equal(e.To, x.to) || !errors.Is(err, ErrIncomplete)):
			t.Errorf("%s: error %v, want one that names %q", name, err, x.to)
		}
		for _, step := range d.Check(t.Context()) {
			if step.Name == "referrals" && step.OK != x.step || step.OK != (step.Remedy == "") {
				t.Errorf("%s: check says %+v", name, step)
			}
		}
		if x.a.code == 0 && name != "something that is no address" {
			// Who is here may sign in whatever is elsewhere, but for groups that might be there.
			if _, err := d.SignIn(t.Context(), "anna", "hunter2"); (err == nil) != (x.to == nil) {
				t.Errorf("%s: sign-in: %v, want it to work: %v", name, err, x.to == nil)
			}
		}
	}
	if got := elsewhere.bound(); len(got) != 0 {
		t.Errorf("the server that others refer to got %q, want nothing", got)
	}
}

func TestAReferralOfABindIsNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := (&standIn{}).start(t)
	s := controller(t, []entry{user(1, "anna")}, nil)
	s.bind = refuse(answer{code: ldap.LDAPResultReferral, referral: []string{elsewhere.url + "/" + adBase}})
	if _, err := openAD(t, nil, s).SignIn(t.Context(), "anna", "hunter2"); !errors.Is(err, ErrRefused) {
		t.Errorf("%v, want ErrRefused", err)
	}
	if got := elsewhere.bound(); len(got) != 0 {
		t.Errorf("the other server got %q, want nothing", got)
	}
}

// ranges answers as Active Directory does for an attribute with many values, most at a time.
func ranges(r request, dn, name string, values []string, most int) entry {
	for _, a := range r.attributes {
		asked, first, _, ok := parseRange(a)
		if strings.EqualFold(a, name) {
			asked, first, ok = name, 0, true
		}
		if !ok || !strings.EqualFold(asked, name) || first >= len(values) {
			continue
		}
		end := min(first+most, len(values))
		upTo := strconv.Itoa(end - 1)
		if end == len(values) {
			if first == 0 {
				return entry{dn, []attribute{{name, values}}}
			}
			upTo = "*"
		}
		return entry{dn, []attribute{{name, nil}, {fmt.Sprintf("%s;Range=%d-%s", name, first, upTo), values[first:end]}}}
	}
	return entry{dn: dn}
}

func TestRangesAreReadWhole(t *testing.T) {
	t.Parallel()
	const everybody = "CN=everybody,CN=Users," + adBase
	for _, many := range []int{0, 1, 1499, 1500, 1501, 3000, 4001} {
		var members []string
		for n := range many {
			members = append(members, fmt.Sprintf("CN=p%d,CN=Users,%s", n, adBase))
		}
		first, last := user(1, "p0"), user(2, "p"+strconv.Itoa(max(many-1, 0)))
		s := controller(t, []entry{first, last}, func(r request) answer {
			if strings.Contains(r.filter, "objectClass=group") || r.base == everybody {
				return answer{entries: []entry{ranges(r, everybody, "member", members, 1500)}}
			}
			return answer{}
		})
		var got []string
		if err := openAD(t, nil, s).Each(t.Context(), func(e Entry) error { got = append(got, e.Groups...); return nil }); err != nil {
			t.Errorf("%d members: %v", many, err)
		}
		want := []string{everybody, everybody}
		if many == 0 {
			want = nil
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d members: the first and the last are in %q, want %q", many, got, want)
		}
	}
}

func TestRangesThatAreNotWholeAreAnError(t *testing.T) {
	t.Parallel()
	const group = "CN=g," + adBase
	for name, next := range map[string]answer{
		"the rest is withheld":  {entries: []entry{{dn: group}}},
		"the group is gone":     {code: ldap.LDAPResultNoSuchObject},
		"the same comes again":  {entries: []entry{{group, []attribute{{"member;range=0-1", []string{"CN=a", "CN=b"}}}}}},
		"some are left out":     {entries: []entry{{group, []attribute{{"member;range=5-*", []string{"CN=f"}}}}}},
		"the connection breaks": {cut: true},
		"access is refused":     {code: ldap.LDAPResultInsufficientAccessRights},
	} {
		s := controller(t, []entry{user(1, "anna")}, func(r request) answer {
			if r.scope == ldap.ScopeBaseObject {
				return next
			}
			return answer{entries: []entry{{group, []attribute{{"member;range=0-1", []string{"CN=a", "CN=b"}}}}}}
		})
		if err := openAD(t, nil, s).Each(t.Context(), func(Entry) error { return nil }); err == nil {
			t.Errorf("%s: the listing counts as whole", name)
		}
	}
}

func TestNestedGroupsOfActiveDirectory(t *testing.T) {
	t.Parallel()
	const ou = "OU=Groups," + adBase
	odd := "CN=o(d*d\\,CN=Users," + adBase // a DN whose characters mean something in filters
	anna := user(1, "anna", attribute{"MEMBEROF", []string{"CN=direct," + ou, "CN=outside," + adBase}})
	anna.dn = odd
	of := map[string][]string{"CN=outside," + adBase: {"CN=top," + ou, "CN=further," + adBase}}
	s := controller(t, []entry{anna}, func(r request) answer {
		switch {
		case r.scope == ldap.ScopeBaseObject:
			return answer{entries: []entry{{r.base, []attribute{{"memberOf", of[r.base]}}}}}
		case strings.Contains(r.filter, inChain):
			if want := "(&(objectClass=group)(member:" + inChain + ":=" + ldap.EscapeFilter(odd) + "))"; r.filter != want || r.base != ou {
				t.Errorf("searched %q in %q, want %q", r.filter, r.base, want)
			}
			return answer{entries: []entry{{dn: "CN=direct," + ou}, {dn: "CN=top," + ou}}}
		}
		return answer{entries: []entry{{"CN=direct," + ou, nil}, {"CN=top," + ou, nil}}}
	})
	d := openAD(t, func(c *Config) { c.GroupBase = ou }, s)
	want := []string{"CN=direct," + ou, "CN=outside," + adBase, "CN=top," + ou}
	e, err := d.SignIn(t.Context(), "anna", "x")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, e.Groups); diff != "" {
		t.Errorf("signed in, anna is in other groups (-want +got):\n%s", diff)
	}
	if got := list(t, d)["anna"].Groups; !slices.Equal(got, want) {
		t.Errorf("listed, anna is in %q, want %q", got, want)
	}
}

func TestAGroupThatCannotBeReadIsOneThatCannotBeAsked(t *testing.T) {
	t.Parallel()
	const direct = "CN=direct,DC=other,DC=com"
	for name, x := range map[string]struct {
		a   answer
		err error
	}{
		"it may not be read":        {answer{code: ldap.LDAPResultInsufficientAccessRights}, nil},
		"it is not there":           {answer{code: ldap.LDAPResultNoSuchObject}, nil},
		"it is of another domain":   {answer{code: ldap.LDAPResultReferral, referral: []string{"ldap://other.com/" + direct}}, nil},
		"the server is busy":        {answer{code: ldap.LDAPResultBusy}, ErrUnreachable},
		"the connection breaks":     {answer{cut: true}, ErrUnreachable},
		"the server takes too long": {answer{code: ldap.LDAPResultTimeLimitExceeded}, ErrIncomplete},
	} {
		for _, kind := range []Kind{KindActiveDirectory, KindOpenLDAP} {
			anna := user(1, "anna", attribute{"entryUUID", []string{"x"}}, attribute{"uid", []string{"anna"}}, attribute{"memberOf", []string{direct}})
			s := (&standIn{search: func(r request) answer {
				switch {
				case r.scope == ldap.ScopeBaseObject:
					return x.a
				case strings.Contains(r.filter, "erson"):
					return answer{entries: []entry{anna}}
				}
				return answer{}
			}}).start(t)
			d := openAD(t, func(c *Config) { c.Kind = kind }, s)
			var got []string
			err := d.Each(t.Context(), func(e Entry) error { got = e.Groups; return nil })
			if !errors.Is(err, x.err) || err == nil && !slices.Equal(got, []string{direct}) {
				t.Errorf("%s, %s: groups %q and error %v, want %v", name, kind, got, err, x.err)
			}
			if kind == KindActiveDirectory {
				continue // the server follows by itself
			}
			if e, err := d.SignIn(t.Context(), "anna", "x"); !errors.Is(err, x.err) || err == nil && !slices.Equal(e.Groups, []string{direct}) {
				t.Errorf("%s, %s: signed in, groups %q and error %v, want %v", name, kind, e.Groups, err, x.err)
			}
		}
	}
}

func TestGroupsWithoutEnd(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{KindActiveDirectory, KindOpenLDAP} {
		n := 0
		var mu sync.Mutex
		s := (&standIn{search: func(r request) answer {
			mu.Lock()
			defer mu.Unlock()
			n++
			switch {
			case r.scope == ldap.ScopeBaseObject: // in another one each time
				return answer{entries: []entry{{r.base, []attribute{{"memberOf", []string{fmt.Sprintf("CN=g%d,%s", n, adBase)}}}}}}
			case strings.Contains(r.filter, "erson"):
				return answer{entries: []entry{user(1, "anna", attribute{"entryUUID", []string{"x"}}, attribute{"uid", []string{"anna"}}, attribute{"memberOf", []string{"CN=g," + adBase}})}}
			}
			return answer{}
		}}).start(t)
		d := openAD(t, func(c *Config) { c.Kind = kind }, s)
		if err := d.Each(t.Context(), func(Entry) error { return nil }); !errors.Is(err, ErrIncomplete) {
			t.Errorf("%s: listing: %v, want ErrIncomplete", kind, err)
		}
		if kind == KindActiveDirectory {
			continue // the server follows by itself
		}
		if _, err := d.SignIn(t.Context(), "anna", "x"); !errors.Is(err, ErrIncomplete) {
			t.Errorf("%s: sign-in: %v, want ErrIncomplete", kind, err)
		}
	}
}

func TestListingsThatEndEarly(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		second answer // page
		err    error
	}{
		"whole":                         {answer{entries: []entry{user(2, "bert")}}, nil},
		"a server without pages":        {answer{entries: []entry{user(2, "bert")}, unpaged: true}, nil},
		"an empty last page":            {answer{}, nil},
		"the connection breaks":         {answer{entries: []entry{user(2, "bert")}, cut: true}, ErrUnreachable},
		"it breaks at once":             {answer{cut: true}, ErrUnreachable},
		"nothing more comes":            {answer{silent: true}, ErrUnreachable},
		"the size limit":                {answer{entries: []entry{user(2, "bert")}, code: ldap.LDAPResultSizeLimitExceeded}, ErrIncomplete},
		"the time limit":                {answer{code: ldap.LDAPResultTimeLimitExceeded}, ErrIncomplete},
		"the limit of an administrator": {answer{code: ldap.LDAPResultAdminLimitExceeded}, ErrIncomplete},
		"the server goes away":          {answer{code: ldap.LDAPResultUnavailable}, ErrUnreachable},
		"the cookie is old":             {answer{code: ldap.LDAPResultUnwillingToPerform}, ErrRefused},
		"empty pages for ever":          {answer{cookie: "more"}, ErrIncomplete},
		"somebody without an ID":        {answer{entries: []entry{{"CN=x," + adBase, []attribute{{"sAMAccountName", []string{"x"}}}}}}, ErrIncomplete},
	} {
		s := (&standIn{search: func(r request) answer {
			switch {
			case !strings.Contains(r.filter, "person"):
				return answer{}
			case r.cookie == "":
				return answer{entries: []entry{user(1, "anna")}, cookie: "two"}
			}
			return x.second
		}}).start(t)
		d := openAD(t, func(c *Config) { c.Timeout = 500 * time.Millisecond }, s)
		err := d.Each(t.Context(), func(Entry) error { return nil })
		if !errors.Is(err, x.err) {
			t.Errorf("%s: %v, want %v", name, err, x.err)
		}
		if got := s.bound(); len(got) != 2 {
			t.Errorf("%s: %d connections, want the two of one try", name, len(got))
		}
	}
}

// proxy hands on to address; each connection breaks after so many bytes of answers.
func proxy(t *testing.T, address string, most int64) (url string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			done.Go(func() {
				defer c.Close()
				server, err := net.Dial("tcp4", address)
				if err != nil {
					t.Errorf("proxy: %v", err)
					return
				}
				defer server.Close()
				done.Go(func() { io.Copy(server, c); server.Close() })
				io.CopyN(c, server, most)
			})
		}
	})
	t.Cleanup(func() { l.Close(); done.Wait() })
	return "ldap://" + l.Addr().String()
}

func TestAListingOverAConnectionThatBreaksIsWholeOrAnError(t *testing.T) {
	t.Parallel()
	var ldif strings.Builder
	const people = 60
	for n := range people {
		ldif.WriteString(somebody(fmt.Sprintf("p%04d", n)))
	}
	s := slapdtest.Start(t, slapdtest.Options{LDIF: ldif.String(), NoTLS: true})
	whole, broken := 0, 0
	for most := int64(0); whole < 5; most += 257 { // an odd step, so that it breaks anywhere in messages
		if most > 1<<20 {
			t.Fatal("the listing is never whole")
		}
		c := configOf(s)
		c.URLs, c.PageSize = []string{proxy(t, "127.0.0.1:"+s.Port, most)}, 20
		count := 0
		switch err := open(t, c).Each(t.Context(), func(Entry) error { count++; return nil }); {
		case err == nil && count != people:
			t.Errorf("after %d bytes: %d people count as all of %d", most, count, people)
		case err == nil:
			whole++
		case !errors.Is(err, ErrUnreachable):
			t.Errorf("after %d bytes: %v, want ErrUnreachable", most, err)
		default:
			broken++
		}
	}
	if broken < 20 {
		t.Errorf("it broke %d times, want it to in many places", broken)
	}
}

func TestTextsThatAreNoneAreCleaned(t *testing.T) {
	t.Parallel()
	e := user(1, "anna", attribute{"displayName", []string{"\x00", "Anna M\xfcller\r\nBoss\x00"}}, attribute{"TelephoneNumber", []string{"\t"}},
		attribute{"mail;lang-de", []string{"not@this.one"}}, attribute{"department", []string{"\xff", ""}})
	s := controller(t, []entry{e}, nil)
	d := openAD(t, func(c *Config) { c.Attributes.Further = []string{"Department"} }, s)
	got := list(t, d)["anna"]
	want := Entry{ID: "00112233-4455-6677-8899-aabbccddee01", DN: e.dn, Login: "anna", Name: "Anna M\uFFFDller  Boss", Attributes: map[string][]string{"Department": {"\uFFFD", ""}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("anna differs (-want +got):\n%s", diff)
	}
}

func TestAReaderThatIsRefusedIsNotTriedElsewhere(t *testing.T) {
	t.Parallel()
	first, second := controller(t, nil, nil), controller(t, nil, nil)
	first.bind = func(string, string) answer {
		return answer{code: ldap.LDAPResultInvalidCredentials, message: "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data 775, v4563"}
	}
	d := openAD(t, nil, first, second)
	if _, err := d.SignIn(t.Context(), "anna", "hunter2"); !errors.Is(err, ErrRefused) || errors.Is(err, ErrLocked) {
		t.Errorf("%v, want ErrRefused and nothing about the person", err)
	}
	if a, b := first.bound(), second.bound(); len(a) != 1 || len(b) != 0 {
		t.Errorf("binds %q and %q, want one at the first server", a, b)
	}
	first.bind = func(string, string) answer { return answer{code: ldap.LDAPResultBusy} }
	if err := d.Each(t.Context(), func(Entry) error { return nil }); err != nil || len(second.bound()) == 0 {
		t.Errorf("with the first server busy: %v, want the second to be asked", err)
	}
}

func TestAServerWithoutStartTLSGetsNoPassword(t *testing.T) {
	t.Parallel()
	s := controller(t, []entry{user(1, "anna")}, nil)
	d := openAD(t, func(c *Config) { c.StartTLS = true }, s)
	if _, err := d.SignIn(t.Context(), "anna", "hunter2"); !errors.Is(err, ErrRefused) {
		t.Errorf("%v, want ErrRefused", err)
	}
	if got := stepOf(t, d.Check(t.Context()), "encryption"); got.OK || !strings.Contains(got.Found, "offers no StartTLS") {
		t.Errorf("check says %+v", got)
	}
	if got := s.bound(); len(got) != 0 {
		t.Errorf("%q signed in, want nobody", got)
	}
}

func TestActiveDirectoryIsNotReadByStrangers(t *testing.T) {
	t.Parallel()
	s := controller(t, nil, nil)
	d := openAD(t, func(c *Config) { c.BindDN, c.Password = "", "" }, s)
	if err := d.Each(t.Context(), func(Entry) error { return nil }); !errors.Is(err, ErrRefused) {
		t.Errorf("%v, want ErrRefused", err)
	}
	if got := stepOf(t, d.Check(t.Context()), "base"); got.OK || got.Remedy != "Give an account that reads." {
		t.Errorf("check says %+v", got)
	}
}

func TestCheckTellsWhyTheReaderIsNotLetIn(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		a             answer
		found, remedy string
	}{
		{answer{code: ldap.LDAPResultInvalidCredentials}, "The account that reads is unknown, or its password is wrong.", "Check both."},
		{answer{code: ldap.LDAPResultInvalidCredentials, message: "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data 533, v4563"},
			"The account that reads is not let in: the account is disabled.", "Set the account right"},
		{answer{code: ldap.LDAPResultInvalidCredentials, message: "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data 773, v4563"},
			"the password has to be changed first.", "Set the account right"},
		{answer{code: ldap.LDAPResultStrongAuthRequired, message: "integrity checking"}, "takes no password over this connection", "Use ldaps:// or StartTLS."},
		{answer{code: ldap.LDAPResultInvalidDNSyntax}, "not written as this server wants it", "distinguished name"},
		{answer{code: ldap.LDAPResultUnwillingToPerform, message: "not\ntoday"}, "unwilling to perform (53): not today", "log of the directory"},
		{answer{cut: true}, "The connection broke", "log of the directory"},
	} {
		s := (&standIn{bind: func(string, string) answer { return x.a }}).start(t)
		got := stepOf(t, openAD(t, nil, s).Check(t.Context()), "account")
		if got.OK || !strings.Contains(got.Found, x.found) || !strings.Contains(got.Remedy, x.remedy) || strings.Contains(got.Found, "pw of") {
			t.Errorf("answer %d %q: step %+v, want %q and %q", x.a.code, x.a.message, got, x.found, x.remedy)
		}
	}
}

// TestWhatIsSlippedInBeforeTheHandshakeIsNoAnswer: the answer to StartTLS comes with one to a bind that was not sent yet,
// as from somebody in between.
func TestWhatIsSlippedInBeforeTheHandshakeIsNoAnswer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		if _, err := ber.ReadPacket(c); err != nil {
			t.Error(err)
		}
		send(c, 1, result(ldap.ApplicationExtendedResponse, answer{}), nil)
		send(c, 2, result(ldap.ApplicationBindResponse, answer{}), nil)
		io.Copy(io.Discard, c)
	})
	t.Cleanup(func() { l.Close(); done.Wait() })
	d := open(t, Config{URLs: []string{"ldap://" + l.Addr().String()}, StartTLS: true, BindDN: "cn=r", Password: "hunter2", Base: "dc=x"})
	if err := d.Each(t.Context(), func(Entry) error { return nil }); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "TLS handshake") {
		t.Errorf("%v, want that there is no TLS", err)
	}
}
