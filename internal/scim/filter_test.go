package scim

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// anna is a user as a backend keeps her.
func anna() Object {
	return Object{
		"id": "a1", "externalId": "Ext-7", "userName": "anna@example.org", "displayName": "Anna Berg", "active": true,
		"name":         Object{"formatted": "Anna Berg"},
		"emails":       []any{Object{"value": "anna@example.org", "type": "work", "primary": true}},
		"phoneNumbers": []any{Object{"value": "+49 30 1", "type": "work"}, Object{"value": "+49 170 1", "type": "mobile"}},
		"meta":         Object{"created": "2026-05-04T10:00:00Z"},
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		filter string
		want   bool
	}{
		{`userName eq "ANNA@example.org"`, true}, // capitals do not count
		{`USERNAME Eq "anna@example.org"`, true},
		{`urn:ietf:params:scim:schemas:core:2.0:User:userName eq "anna@example.org"`, true},
		{`userName eq "bob"`, false},
		{`id eq "A1"`, false}, // they do here
		{`externalId eq "Ext-7"`, true},
		{`externalId eq "ext-7"`, false},
		{`userName ne "bob"`, true},
		{`userName ne "anna@example.org"`, false},
		{`userName co "@EXAMPLE"`, true},
		{`userName co "nobody"`, false},
		{`userName sw "anna"`, true},
		{`userName sw "nna"`, false},
		{`userName ew ".ORG"`, true},
		{`userName ew "anna"`, false},
		{`userName gt "anna"`, true},
		{`userName gt "b"`, false},
		{`userName ge "anna@example.org"`, true},
		{`userName lt "b"`, true},
		{`userName lt "anna@example.org"`, false},
		{`userName le "anna@example.org"`, true},
		{`userName le "anna"`, false},
		{`externalId pr`, true},
		{`timezone pr`, false},
		{`name pr`, true},
		{`groups pr`, false},
		{`active eq true`, true},
		{`active eq "True"`, false}, // text is no truth
		{`active ne true`, false},
		{`active eq false`, false},
		{`meta.created gt "2026-05-04T11:30:00+02:00"`, true}, // an instant, not a text
		{`meta.created lt "2026-05-04T12:00:00+02:00"`, false},
		{`meta.created ge "2026-05-04T10:00:00.000Z"`, true},
		{`name.formatted co "berg"`, true},
		{`emails co "anna@"`, true},
		{`emails.value eq "anna@example.org"`, true},
		{`emails[type eq "work"]`, true},
		{`emails[type eq "home"]`, false},
		{`emails[type eq "work" and value co "@example.org"]`, true},
		{`emails[type eq "work" and not (value co "example")]`, false},
		{`emails[type eq "work"].value eq "anna@example.org"`, true}, // as Entra ID asks
		{`emails[type eq "home"].value eq "anna@example.org"`, false},
		{`phoneNumbers[type eq "mobile" and value sw "+49 170"]`, true},
		{`phoneNumbers[type eq "work" and value sw "+49 170"]`, false}, // of one value
		{`phoneNumbers.type eq "work" and phoneNumbers.value sw "+49 170"`, true},
		{`userName eq "bob" or displayName co "anna"`, true},
		{`displayName co "anna" or userName eq "bob" and active eq false`, true}, // and binds more
		{`(displayName co "anna" or userName eq "bob") and active eq false`, false},
		{`not (userName eq "bob")`, true},
		{`NOT(userName eq "anna@example.org")`, false},
		{`timezone eq null`, true},
		{`timezone ne null`, false},
		{`userName ne null`, true},
		{`timezone ne "Europe/Berlin"`, true},
		{`shoeSize eq "x"`, false}, // what is not kept has no value
		{`shoeSize eq null`, true},
		{`not (shoeSize pr)`, true},
		{`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "Sales"`, false},
		{`displayName eq "\u0041nna Berg"`, true},
		{`displayName eq 7`, false},
	} {
		f, err := ParseFilter(x.filter)
		if err != nil {
			t.Errorf("%s: %v", x.filter, err)
		} else if got := f.Match(Users, anna()); got != x.want {
			t.Errorf("%s: %v, want %v", x.filter, got, x.want)
		}
	}
}

func TestWhatIsNoFilter(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("(", MaxNesting+1) + `a pr` + strings.Repeat(")", MaxNesting+1)
	long := strings.Repeat("a pr or ", MaxNodes) + "a pr"
	for filter, want := range map[string]string{
		``: "name of an attribute is missing", `userName`: "is none of eq", `userName is "x"`: `"is" is none of eq`, `userName eq`: "a value is missing",
		`userName eq x`: `"x" is no value`, `userName eq "x`: "closing quote", `(userName pr`: "closing parenthesis", `userName pr)`: `from ")" on`,
		`emails[type eq "work"`: "closing bracket", `userName pr and`: "attribute is missing", `and userName pr`: "is none of", `not userName pr`: "is none of",
		`active gt true`: "gt does not compare", `userName co 7`: "co does not compare", `userName co null`: "co does not compare",
		`a.b.c eq "x"`: "is none of", `9a eq "x"`: "attribute is missing", "userName eq \"\xff\"": "no UTF-8",
		`urn:ietf:params:scim:schemas:core:2.0:User eq "x"`: "cannot be compared", `userName eq "x" userName pr`: "cannot be read",
		deep: "more than 16 brackets", long: "more than 64 parts", strings.Repeat("x", MaxFilter+1): "longer than 4096",
		strings.Repeat("a[", 1000) + "b pr": "more than 16 brackets",
	} {
		_, err := ParseFilter(filter)
		var told *Error
		if !errors.As(err, &told) || told.Status != 400 || told.Type != InvalidFilter || !strings.Contains(told.Detail, want) {
			t.Errorf("%.80s: %v, want %q", filter, err, want)
		}
	}
}

// TestNoFilterRunsLong takes the worst one for the largest group.
func TestNoFilterRunsLong(t *testing.T) {
	t.Parallel()
	var members []any
	for i := range 50_000 {
		members = append(members, Object{"value": fmt.Sprint("person-", i), "type": "User"})
	}
	text := strings.TrimSuffix(strings.Repeat(`members.value co "z" or `, MaxNodes/2), " or ")
	f, err := ParseFilter(text)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if f.Match(Groups, Object{"members": members}) || time.Since(began) > 5*time.Second {
		t.Errorf("took %v", time.Since(began))
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"userName":                         " userName . false",
		"name.familyName":                  " name .familyName false",
		`emails[type eq "work"].value`:     " emails .value true",
		UserURN + ":name.familyName":       UserURN + " name .familyName false",
		EnterpriseURN + ":manager":         EnterpriseURN + " manager . false",
		EnterpriseURN:                      EnterpriseURN + "  . false",
		"urn:example:x:2.0:thing.$ref":     "urn:example:x:2.0 thing .$ref false",
		` members[value eq "x"] `:          " members . true",
		`addresses[type eq "work"].street`: " addresses .street true",
	} {
		p, err := ParsePath(text)
		if got := fmt.Sprint(p.URN, " ", p.Name, " .", p.Sub, " ", p.Filter != nil); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", ".", "a.", "a[", "a[]", "a[b eq]", "a b", "a.b.c", `a[b pr].c.d`, "-a", "urn:x:"} {
		var told *Error
		if p, err := ParsePath(text); !errors.As(err, &told) || told.Type != InvalidPath {
			t.Errorf("%q: %+v, %v", text, p, err)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{`userName eq "x"`, `emails[type eq "work" and value co "@"].value pr`, `not (a pr or b.c ge 1.5e3) and urn:x:y:z ne null`, `a eq "\"\\"`, `((((`, `a[b[c[`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if x, err := ParseFilter(s); err == nil {
			if x.Match(Users, anna()) && (&Filter{op: "not", left: x}).Match(Users, anna()) {
				t.Errorf("%q: it and its opposite", s)
			}
			x.hint()
		} else if e := (*Error)(nil); !errors.As(err, &e) || e.Status != 400 || len(e.Detail) > 400 {
			t.Errorf("%q: %v", s, err)
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"userName", `phoneNumbers[type eq "fax"].value`, UserURN + ":name.formatted", EnterpriseURN, `members[value eq "1"]`, "active"} {
		f.Add(s, "add")
	}
	f.Fuzz(func(t *testing.T, s, op string) {
		before := Version(anna())
		now := anna()
		for _, v := range []any{"x", true, nil, Object{"value": "x"}, []any{Object{"type": "work"}}} {
			if o, err := Patch(Users, now, []Operation{{Op: op, Path: s, Value: v, given: true}}); err == nil && String(o, "userName") == "" {
				t.Errorf("%s %q %v left no userName", op, s, v)
			}
		}
		if Version(now) != before {
			t.Errorf("%s %q changed what was given", op, s)
		}
	})
}

func TestWhatAFilterWantsAtMost(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Hint{
		`userName eq "a"`: {UserName: "a"}, `USERNAME eq "a" and active eq true`: {UserName: "a"}, `id eq "1" and (externalId eq "2")`: {ID: "1", ExternalID: "2"},
		`displayName eq "a" or id eq "1"`: {}, `not (id eq "1")`: {}, `id ne "1"`: {}, `id eq null`: {}, `emails[id eq "1"]`: {}, `members.id eq "1"`: {},
		`displayName eq "x" and active pr`: {DisplayName: "x"},
	} {
		f, err := ParseFilter(text)
		if err != nil || f.hint() != want {
			t.Errorf("%s: %+v, %v; want %+v", text, f.hint(), err, want)
		}
	}
}
