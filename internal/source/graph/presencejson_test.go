package graph

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// annas is an ID.
const annas = "fa8bf3dc-eca7-46b7-bad1-db199b62afc3"

func numbered(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }

// company is an answer about so many people, as the service writes it.
func company(n int) (body []byte, ids []string) {
	var b strings.Builder
	b.WriteString(`{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#Collection(microsoft.graph.presence)","value":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		ids = append(ids, numbered(i))
		fmt.Fprintf(&b, `{"@odata.type":"#microsoft.graph.presence","id":"%s","availability":"Busy","activity":"InAMeeting","outOfOfficeSettings":{"message":null,"isOutOfOffice":false},`+
			`"statusMessage":{"message":{"content":"back at \"ten\"","contentType":"text"},"publishedDateTime":null,"expiryDateTime":null},"workLocation":null,"sequenceNumber":"%06d"}`, numbered(i), i)
	}
	return []byte(b.String() + "]}"), ids
}

// TestPresencesAsTheyMayCome: in another order, with people missing and people nobody asked for, with new words, and damaged.
func TestPresencesAsTheyMayCome(t *testing.T) {
	t.Parallel()
	ids := []string{numbered(0), numbered(1), numbered(2), numbered(3)}
	item := func(i int, more string) string { return fmt.Sprintf(`{"id":"%s"%s}`, numbered(i), more) }
	list := func(items ...string) string { return `{"value":[` + strings.Join(items, ",") + `]}` }
	for name, one := range map[string]struct{ body, want string }{
		"as asked":               {list(item(0, ""), item(1, ""), item(2, ""), item(3, "")), "0 1 2 3"},
		"backwards":              {list(item(3, ""), item(2, ""), item(1, ""), item(0, "")), "3 2 1 0"},
		"some are missing":       {list(item(1, ""), item(3, "")), "1 3"},
		"others are there":       {list(item(7, ""), item(0, ""), item(8, ""), item(3, "")), "0 3"},
		"in capitals":            {strings.ToUpper(list(item(0, ""), item(2, ""))[len(`{"value":`):]), ""},
		"words":                  {list(item(0, `,"availability":"Busy","activity":"InACall","sequenceNumber":"0000a"`)), "0 Busy InACall 0000a"},
		"new words":              {list(item(0, `,"availability":"Bored","activity":"Skiing\u0021"`)), "0 Bored Skiing!"},
		"words that are none":    {list(item(0, `,"availability":null,"activity":{"a":[1,{"b":"]"}]},"sequenceNumber":17`)), "0 17"},
		"a word without end":     {list(item(0, `,"availability":"`+strings.Repeat("x", 200)+`"`)), "0"},
		"told twice":             {list(item(0, `,"availability":"Busy","availability":"Away"`)), "0 Away"},
		"other things first":     {`{ "@odata.nextLink" : null , "x":[[],{}], "value" : [ ` + item(1, "") + ` ] , "y":{} }`, "1"},
		"nobody":                 {`{"value":[]}`, ""},
		"an ID that is none":     {`{"value":[{"id":17},{},{"id":null}]}`, ""},
		"no list":                {`{"values":[]}`, "damaged"},
		"a list that is none":    {`{"value":{}}`, "damaged"},
		"people that are none":   {`{"value":["x"]}`, "damaged"},
		"null":                   {`{"value":null}`, "damaged"},
		"nothing":                {``, "damaged"},
		"cut off":                {list(item(0, ""), item(1, ""))[:80], "0 damaged"},
		"cut in a word":          {`{"value":[{"id":"abc`, "damaged"},
		"HTML":                   {`<html>`, "damaged"},
		"an escape that is none": {`{"value":[{"id":"\q"}]}`, "damaged"},
	} {
		if name == "in capitals" {
			one.body, one.want = `{"value":[{"id":"`+strings.ToUpper("00000000-0000-4000-8000-00000000000f")+`"}]}`, ""
		}
		got, err := readPresences([]byte(one.body), ids, nil)
		var words []string
		for _, p := range got {
			words = append(words, strings.TrimLeft(p.ID[len(p.ID)-2:], "0")+"")
			if p.ID == numbered(0) {
				words[len(words)-1] = "0"
			}
			for _, w := range []string{p.Availability, p.Activity, p.Sequence} {
				if w != "" {
					words = append(words, w)
				}
			}
		}
		if err != nil {
			words = append(words, "damaged")
		}
		if text := strings.Join(words, " "); text != one.want {
			t.Errorf("%s: read %q, want %q", name, text, one.want)
		}
	}
	upper, err := readPresences([]byte(`{"value":[{"id":"`+strings.ToUpper(annas)+`","availability":"Busy"}]}`), []string{numbered(1), annas}, nil)
	if err != nil || len(upper) != 1 || upper[0].ID != annas {
		t.Errorf("in capitals: %+v, %v", len(upper), err)
	}
	for _, body := range []string{``, `[]`, `{}`, `{"id":"x","availability":"Busy"}`, `{"id":"` + annas + `"}`, `{"id":"` + annas + `","availability":"Busy"`} {
		if p, err := readPresence([]byte(body)); err == nil {
			t.Errorf("%s is a presence: %q", body, p.ID)
		}
	}
}

// TestLittleIsAllocated for fifty thousand people, of whom hardly anybody changes: nothing but their sequence numbers.
func TestLittleIsAllocated(t *testing.T) {
	body, ids := company(MaxPresences)
	out := make([]Presence, 0, len(ids))
	n := testing.AllocsPerRun(20, func() {
		var err error
		if out, err = readPresences(body, ids, out[:0]); err != nil || len(out) != len(ids) {
			t.Fatal(len(out), err)
		}
	})
	if n > MaxPresences+10 {
		t.Errorf("%v allocations for %d people", n, len(ids))
	}
}

func BenchmarkReadPresences(b *testing.B) {
	body, ids := company(MaxPresences)
	out := make([]Presence, 0, len(ids))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		out, _ = readPresences(body, ids, out[:0])
	}
}

// FuzzReadPresences compares with encoding/json, whatever the answer is, as long as that can read it.
func FuzzReadPresences(f *testing.F) {
	body, _ := company(2)
	f.Add(body)
	for _, seed := range []string{`{"value":[{"id":"00000000-0000-4000-8000-000000000001","availability":"Busy","activity":"a\u00e9"}]}`, `{"value":[ ]}`,
		`{"a":{"value":[{}]},"value":[{"id":1e3,"sequenceNumber":-0.5}]}`, `{"value":[{"x":"\\\""},{"id":"A"}]}`, `{`, `{"value":[}`, `{"":,}`} {
		f.Add([]byte(seed))
	}
	ids := []string{numbered(0), numbered(1), "a"}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := readPresences(body, ids, nil)
		var want struct {
			Value []struct {
				ID           *string `json:"id"`
				Availability *string `json:"availability"`
			} `json:"value"`
		}
		if json.Unmarshal(body, &want) != nil || want.Value == nil {
			return
		}
		if text := string(body); !exactlyNamed(text) {
			return
		}
		if err != nil {
			t.Fatalf("%q is valid, and cannot be read", body)
		}
		var there []string
		for _, one := range want.Value {
			if one.ID != nil && slices.Contains(ids, strings.ToLower(*one.ID)) {
				there = append(there, strings.ToLower(*one.ID))
			}
		}
		var found []string
		for _, p := range got {
			found = append(found, p.ID)
		}
		if !slices.Equal(found, there) {
			t.Fatalf("%q: found %q, want %q", body, found, there)
		}
	})
}

// exactlyNamed reports that no name occurs twice or in other letters, of which encoding/json and readPresences make different things.
func exactlyNamed(text string) bool {
	lower := strings.ToLower(text)
	return strings.Count(lower, `value`) == strings.Count(text, `"value"`) && strings.Count(text, `"value"`) <= 1 && strings.Count(lower, `"id"`) == strings.Count(text, `"id"`) &&
		strings.Count(text, `"id"`) <= 1 && !strings.Contains(text, `\u`) && !strings.ContainsRune(text, 'ſ') && !strings.ContainsRune(text, 'K') && json.Valid([]byte(text))
}
