package scim

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func object(t *testing.T, text string) Object {
	t.Helper()
	o, err := Decode([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return o
}

// patched applies operations, written as JSON, to a resource.
func patched(t *testing.T, kind *Type, o Object, ops string) (Object, error) {
	t.Helper()
	all, err := ReadPatch(Object{"Operations": object(t, `{"x":`+ops+`}`)["x"]})
	if err != nil {
		return nil, err
	}
	return Patch(kind, o, all)
}

func TestChangesOfAUser(t *testing.T) {
	t.Parallel()
	const work, mobile = `{"type":"work","value":"+49 30 1"}`, `{"type":"mobile","value":"+49 170 1"}`
	for _, x := range []struct{ name, ops, want string }{ // want: what differs, by attribute
		{"Entra ID disables", `[{"op":"Replace","path":"active","value":"False"}]`, `{"active":false}`},
		{"Entra ID disables by adding", `[{"op":"Add","path":"active","value":"False"}]`, `{"active":false}`},
		{"Entra ID enables", `[{"op":"Add","path":"active","value":"True"}]`, `{}`},
		{"Okta disables", `[{"op":"replace","value":{"active":false}}]`, `{"active":false}`},
		{"a list of one object", `[{"op":"Replace","path":"displayName","value":[{"$ref":null,"value":"Anna Neu"}]}]`, `{"displayName":"Anna Neu"}`},
		{"a filtered path", `[{"op":"Replace","path":"phoneNumbers[type eq \"work\"].value","value":"+49 30 2"}]`,
			`{"phoneNumbers":[{"type":"work","value":"+49 30 2"},` + mobile + `]}`},
		{"a filtered path to nothing", `[{"op":"Replace","path":"phoneNumbers[type eq \"home\"].value","value":"+49 30 3"}]`,
			`{"phoneNumbers":[` + work + `,` + mobile + `,{"type":"home","value":"+49 30 3"}]}`},
		{"the same by add", `[{"op":"Add","path":"phoneNumbers[type eq \"home\"].value","value":"+49 30 3"}]`,
			`{"phoneNumbers":[` + work + `,` + mobile + `,{"type":"home","value":"+49 30 3"}]}`},
		{"what a filter implies", `[{"op":"add","path":"emails[type eq \"home\" and primary eq false].value","value":"a@b"}]`,
			`{"emails":[{"primary":true,"type":"work","value":"anna@example.org"},{"primary":false,"type":"home","value":"a@b"}]}`},
		{"chosen as a whole", `[{"op":"replace","path":"phoneNumbers[type eq \"work\"]","value":{"value":"+49 30 9"}}]`,
			`{"phoneNumbers":[{"type":"work","value":"+49 30 9"},` + mobile + `]}`},
		{"chosen and removed", `[{"op":"Remove","path":"phoneNumbers[type eq \"mobile\"]"}]`, `{"phoneNumbers":[` + work + `]}`},
		{"only its value removed", `[{"op":"remove","path":"phoneNumbers[type eq \"mobile\"].value"}]`, `{"phoneNumbers":[` + work + `,{"type":"mobile"}]}`},
		{"all removed", `[{"op":"remove","path":"phoneNumbers"}]`, `{"phoneNumbers":null}`},
		{"nothing to remove", `[{"op":"remove","path":"phoneNumbers[type eq \"fax\"]"}]`, `{}`},
		{"a list replaced", `[{"op":"replace","path":"phoneNumbers","value":[` + mobile + `]}]`, `{"phoneNumbers":[` + mobile + `]}`},
		{"a list added to", `[{"op":"add","path":"phoneNumbers","value":[` + mobile + `,{"type":"home","value":"1"}]}]`,
			`{"phoneNumbers":[` + work + `,` + mobile + `,{"type":"home","value":"1"}]}`},
		{"one added", `[{"op":"add","path":"phoneNumbers","value":{"type":"home","value":"1"}}]`, `{"phoneNumbers":[` + work + `,` + mobile + `,{"type":"home","value":"1"}]}`},
		{"a new primary one", `[{"op":"add","path":"emails","value":[{"value":"n@x","primary":true}]}]`,
			`{"emails":[{"primary":false,"type":"work","value":"anna@example.org"},{"primary":true,"value":"n@x"}]}`},
		{"a part of all", `[{"op":"replace","path":"phoneNumbers.type","value":"home"}]`, `{"phoneNumbers":[{"type":"home","value":"+49 30 1"},{"type":"home","value":"+49 170 1"}]}`},
		{"dotted names", `[{"op":"add","value":{"name.givenName":"Anna","name.familyName":"Neu","displayName":"Anna Neu"}}]`,
			`{"displayName":"Anna Neu","name":{"familyName":"Neu","formatted":"Anna Berg","givenName":"Anna"}}`},
		{"names that are paths", `[{"op":"Replace","value":{"emails[type eq \"work\"].value":"n@x"}}]`, `{"emails":[{"primary":true,"type":"work","value":"n@x"}]}`},
		{"names with the schema", `[{"op":"replace","value":{"` + UserURN + `:displayName":"N","` + EnterpriseURN + `:department":"Sales"}}]`, `{"displayName":"N"}`},
		{"the schema as a whole", `[{"op":"replace","value":{"` + UserURN + `":{"displayName":"N"},"` + EnterpriseURN + `":{"manager":{"value":"7"}}}}]`, `{"displayName":"N"}`},
		{"a path with the schema", `[{"op":"replace","path":"` + UserURN + `:name.formatted","value":"N"}]`, `{"name":{"formatted":"N"}}`},
		{"a complex value keeps the rest", `[{"op":"replace","path":"name","value":{"familyName":"Neu"}}]`, `{"name":{"familyName":"Neu","formatted":"Anna Berg"}}`},
		{"capitals", `[{"OP":"REPLACE","PATH":"DISPLAYNAME","VALUE":"N"}]`, `{"displayName":"N"}`},
		{"not kept", `[{"op":"Add","path":"title","value":"Boss"},{"op":"Add","path":"addresses[type eq \"work\"].locality","value":"Rome"},{"op":"replace","path":"` + EnterpriseURN + `:manager","value":"7"},{"op":"remove","path":"roles"}]`, `{}`},
		{"read only", `[{"op":"replace","path":"id","value":"x"},{"op":"replace","value":{"id":"y","meta":{"version":"z"},"groups":[{"value":"g"}],"schemas":["x"]}},{"op":"remove","path":"groups"}]`, `{}`},
		{"unassigned", `[{"op":"replace","path":"externalId","value":null}]`, `{"externalId":null}`},
		{"one after the other", `[{"op":"remove","path":"emails"},{"op":"add","path":"emails","value":[{"value":"a@x"}]}]`, `{"emails":[{"value":"a@x"}]}`},
	} {
		before := anna()
		after, err := patched(t, Users, before, x.ops)
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		got := Object{}
		for _, a := range Users.all() {
			if !cmp.Equal(before[a.Name], after[a.Name]) {
				got[a.Name] = after[a.Name]
			}
		}
		if text, _ := json.Marshal(got); string(text) != x.want {
			t.Errorf("%s: changed %s, want %s", x.name, text, x.want)
		}
		if !cmp.Equal(before, anna()) {
			t.Errorf("%s changed what was given", x.name)
		}
	}
}

func TestChangesThatAreRefused(t *testing.T) {
	t.Parallel()
	for ops, want := range map[string]string{
		`[]`:                                    InvalidSyntax,
		`{}`:                                    InvalidSyntax,
		`[7]`:                                   InvalidSyntax,
		`[{"op":"move"}]`:                       InvalidSyntax,
		`[{"op":"remove"}]`:                     NoTarget,
		`[{"op":"add"}]`:                        InvalidValue,
		`[{"op":"add","value":7}]`:              InvalidValue,
		`[{"op":"add","path":7,"value":1}]`:     InvalidPath,
		`[{"op":"add","path":"a b","value":1}]`: InvalidPath,
		`[{"op":"add","path":"userName[type eq \"x\"]","value":"x"}]`:                 InvalidPath,
		`[{"op":"replace","path":"emails[type ne \"work\"].value","value":"x"}]`:      NoTarget,
		`[{"op":"replace","path":"emails[primary pr and type eq \"x\"]","value":{}}]`: NoTarget,
		`[{"op":"remove","path":"userName"}]`:                                         InvalidValue,
		`[{"op":"replace","path":"userName","value":" "}]`:                            InvalidValue,
		`[{"op":"replace","path":"active","value":"perhaps"}]`:                        InvalidValue,
		`[{"op":"replace","path":"displayName","value":{"a":"b"}}]`:                   InvalidValue,
		`[{"op":"replace","path":"displayName","value":7}]`:                           InvalidValue,
		`[{"op":"replace","path":"name","value":"Anna"}]`:                             InvalidValue,
	} {
		_, err := patched(t, Users, anna(), ops)
		var told *Error
		if !errors.As(err, &told) || told.Type != want || told.Status != 400 {
			t.Errorf("%s: %v, want %s", ops, err, want)
		}
	}
}

func TestChangesOfMembers(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ name, ops, want string }{
		{"Entra ID adds", `[{"op":"Add","path":"members","value":[{"$ref":null,"value":"4"},{"value":"1"}]}]`, "1 2 3 4"},
		{"Entra ID removes by list", `[{"op":"Remove","path":"members","value":[{"$ref":null,"value":"1"},{"value":"9"}]}]`, "2 3"},
		{"by filter", `[{"op":"Remove","path":"members[value eq \"2\"]"}]`, "1 3"},
		{"by filters", `[{"op":"remove","path":"members[value eq \"2\"]"},{"op":"remove","path":"members[value eq \"3\"]"}]`, "1"},
		{"by a longer filter", `[{"op":"remove","path":"members[value eq \"2\" or value eq \"3\"]"}]`, "1"},
		{"as one object", `[{"op":"remove","path":"members","value":{"value":"3"}}]`, "1 2"},
		{"as texts", `[{"op":"add","path":"members","value":["5"]}]`, "1 2 3 5"},
		{"all", `[{"op":"remove","path":"members"}]`, ""},
		{"replaced", `[{"op":"replace","path":"members","value":[{"value":"8"}]}]`, "8"},
		{"replaced by none", `[{"op":"replace","path":"members","value":[]}]`, ""},
		{"Okta renames", `[{"op":"replace","value":{"id":"g","displayName":"New"}}]`, "1 2 3"},
		{"without a path", `[{"op":"add","value":{"members":[{"value":"6"}]}}]`, "1 2 3 6"},
		{"again", `[{"op":"add","path":"members","value":[{"value":"2","type":"User"}]}]`, "1 2 3"},
	} {
		g := Object{"displayName": "Staff", "members": []any{Object{"value": "1"}, Object{"value": "2"}, Object{"value": "3"}}}
		after, err := patched(t, Groups, g, x.ops)
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		var ids []string
		for _, m := range Values(after, "members") {
			ids = append(ids, String(m, "value"))
		}
		if got := strings.Join(ids, " "); got != x.want {
			t.Errorf("%s: %s, want %s", x.name, got, x.want)
		}
	}
}

// TestNoChangeRunsLong: hundreds of members are removed from the largest group one by one; what would take long is refused.
func TestNoChangeRunsLong(t *testing.T) {
	t.Parallel()
	var members []any
	for i := range 50_000 {
		members = append(members, Object{"value": fmt.Sprint(i)})
	}
	group := Object{"displayName": "x", "members": members}
	var ops, long []Operation
	for i := range MaxOperations {
		op := Operation{Op: "remove", Path: fmt.Sprintf(`members[value eq "%d"]`, i)}
		ops = append(ops, op)
		long = append(long, op, Operation{Op: "replace", Path: "displayName", Value: "y", given: true})
	}
	if o, err := Patch(Groups, group, ops); err != nil || len(o["members"].([]any)) != 50_000-MaxOperations {
		t.Errorf("one by one: %v", err)
	}
	began := time.Now()
	_, err := Patch(Groups, group, long)
	var told *Error
	if !errors.As(err, &told) || told.Status != 413 || told.Type != TooMany || time.Since(began) > 10*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	same := make([]any, 5000) // all under one key
	for i := range same {
		same[i] = Object{"type": fmt.Sprint(i)}
	}
	began = time.Now()
	if _, err := Patch(Users, anna(), []Operation{{Op: "add", Path: "emails", Value: same}}); !errors.As(err, &told) || told.Status != 413 || time.Since(began) > 10*time.Second {
		t.Errorf("values without value: %v after %v", err, time.Since(began))
	}
}

func TestWhatIsRead(t *testing.T) {
	t.Parallel()
	o, err := Read(Users, object(t, `{"schemas":["`+UserURN+`","`+EnterpriseURN+`"],"id":"mine","USERNAME":"anna","title":"Boss","active":"True",
		"name":{"givenName":"Anna","FamilyName":"Berg","honorificPrefix":"Dr."},"nickName":null,"timezone":null,
		"emails":["a@x",{"value":"b@x","primary":true},{"value":"c@x","primary":"true","display":"C"},{},null],
		"phoneNumbers":[],"groups":[{"value":"g"}],"`+EnterpriseURN+`":{"department":"Sales","manager":{"value":"x"}},"meta":{"version":"1"}}`))
	want := object(t, `{"userName":"anna","active":true,"name":{"givenName":"Anna","familyName":"Berg"},
		"emails":[{"value":"a@x"},{"value":"b@x","primary":false},{"value":"c@x","primary":true}]}`)
	if diff := cmp.Diff(want, o); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	for text, want := range map[string]string{
		`{}`: "userName must be given", `{"userName":""}`: "userName must be given", `{"userName":7}`: "userName must be text",
		`{"userName":"x","active":"yes"}`: "active must be true or false", `{"userName":"x","emails":[[]]}`: "value must be text",
		`{"userName":"x","emails":[{"value":[]}]}`: "emails.value must be text", `{"userName":"x","name":true}`: "name must be an object",
	} {
		if _, err := Read(Users, object(t, text)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	for _, text := range []string{``, `null`, `[]`, `7`, `{`, `{} {}`, `{"a":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`, strings.Repeat(`{"a":`, 1_000_000)} {
		var told *Error
		if _, err := Decode([]byte(text)); !errors.As(err, &told) || told.Type != InvalidSyntax {
			t.Errorf("%.40s: %v", text, err)
		}
	}
	if _, err := Decode([]byte(`{"a":"` + strings.Repeat(`[\"{`, 100) + `"}`)); err != nil {
		t.Errorf("brackets in a text: %v", err)
	}
}

func TestWhatIsShown(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ only, without, want string }{
		{"", "", "active displayName emails externalId id name phoneNumbers schemas userName"},
		{"userName", "", "id schemas userName"},
		{"USERNAME, emails.value", "", "emails id schemas userName"},
		{UserURN + ":userName", "", "id schemas userName"},
		{UserURN, "", "active displayName emails externalId id name phoneNumbers schemas userName"},
		{"shoeSize", "", "id schemas"},
		{"", "emails,phoneNumbers,id,schemas", "active displayName externalId id name schemas userName"},
		{"", "name.formatted", "active displayName emails externalId id phoneNumbers schemas userName"},
	} {
		s, err := selectionOf(strings.Split(x.only, ","), strings.Split(x.without, ","))
		if err != nil {
			t.Fatal(err)
		}
		o := anna()
		delete(o, "meta")
		o["schemas"] = list(UserURN)
		o["name"].(Object)["givenName"] = "Anna" // never
		var names []string
		shown := s.of(Users, o)
		for _, a := range Users.all() {
			if _, ok := shown[a.Name]; ok {
				names = append(names, a.Name)
			}
		}
		if got := strings.Join(slices.Sorted(slices.Values(names)), " "); got != x.want {
			t.Errorf("attributes %q without %q: %s, want %s", x.only, x.without, got, x.want)
		}
	}
	s, _ := selectionOf([]string{"emails.type"}, nil)
	if got, _ := json.Marshal(s.of(Users, anna())["emails"]); string(got) != `[{"type":"work"}]` {
		t.Errorf("a part: %s", got)
	}
	for _, name := range []string{"a b", "[", strings.Repeat("x,", 100)} {
		if _, err := selectionOf(strings.Split(name, ","), nil); err == nil {
			t.Errorf("%.20q is taken for attributes", name)
		}
	}
}
