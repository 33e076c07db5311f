package presence

import (
	"encoding"
	"encoding/json"
	"reflect"
	"testing"
)

// word is one value of a closed list.
type word interface {
	encoding.TextMarshaler
	String() string
}

// words returns every value of every closed list, with a fresh place to read it into.
func words() map[word]encoding.TextUnmarshaler {
	all := map[word]encoding.TextUnmarshaler{}
	for _, s := range Statuses() {
		all[s] = new(Status)
	}
	for s := ShowBusy; s <= ShowFree; s++ {
		all[s] = new(ShowAs)
	}
	for a := ActivityUnknown; a <= Locked; a++ {
		all[a] = new(Activity)
	}
	for m := NoMark; m <= Restore; m++ {
		all[m] = new(Mark)
	}
	for l := LineIdle; l <= LineOnThePhone; l++ {
		all[l] = new(LineState)
	}
	for r := ReachUnknown; r <= External; r++ {
		all[r] = new(Reach)
	}
	for k := KindChoice; k < kindCount; k++ {
		all[k] = new(Kind)
	}
	for c := ByKind; c < criterionCount; c++ {
		all[c] = new(Criterion)
	}
	for o := Won; o < outcomeCount; o++ {
		all[o] = new(Outcome)
	}
	return all
}

func TestWordsRoundTrip(t *testing.T) {
	t.Parallel()
	for w, into := range words() {
		text, err := w.MarshalText()
		if err != nil || string(text) != w.String() {
			t.Errorf("%T %v written as %q (%v)", w, w, text, err)
		}
		if err := into.UnmarshalText(text); err != nil {
			t.Errorf("%T %q not read: %v", w, text, err)
		}
		if got := reflect.ValueOf(into).Elem().Interface(); got != w {
			t.Errorf("%T %q read as %v", w, text, got)
		}
		if err := into.UnmarshalText([]byte("bored")); err == nil {
			t.Errorf("%T reads a word that it does not know", w)
		}
	}
	if got := Status(99).String(); got != "invalid(99)" {
		t.Errorf("an unknown status is written %q", got)
	}
}

func TestStandardRulesAreData(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(Standard().Rules())
	if err != nil {
		t.Fatal(err)
	}
	var read Rules
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(read, Standard().Rules()) {
		t.Errorf("written and read the rules are\n%+v, want\n%+v", read, Standard().Rules())
	}
	set, err := Compile(read)
	if err != nil {
		t.Fatal(err)
	}
	claims, policy, now := tenClaims()
	want := Resolve(claims, policy, now)
	policy.Rules = set
	if got := Resolve(claims, policy, now); !got.Equal(want) {
		t.Errorf("by the rules as read shown %+v, want %+v", got, want)
	}
}

func TestOtherRules(t *testing.T) {
	t.Parallel()
	claims, policy, now := tenClaims()
	order := []Criterion{ByNewest, ByID}
	policy.Rules = MustCompile(Rules{Name: "base alone", Layers: []Layer{{Name: "base", Kinds: []Kind{KindChoice, KindStart}, Order: order}}})
	e := Explain(claims, policy, now, 0)
	if want := (Ref{SourceHand, ChoiceID}); e.Presence.Cause != want {
		t.Errorf("shown %+v, want by %s", e.Presence, want)
	}
	for _, x := range e.Entries {
		if x.Claim.Source == SourceCalendar && x.Outcome != NotRanked {
			t.Errorf("%s is %s, want %s", x.Claim.Ref(), x.Outcome, NotRanked)
		}
	}
	for name, bad := range map[string][]Layer{
		"not total":     {{Name: "a", Kinds: []Kind{KindChoice}, Order: []Criterion{ByNewest}}},
		"no order":      {{Name: "a", Kinds: []Kind{KindChoice}}},
		"kind twice":    {{Name: "a", Kinds: []Kind{KindChoice}, Order: order}, {Name: "b", Kinds: []Kind{KindChoice}, Order: order}},
		"line decides":  {{Name: "a", Kinds: []Kind{KindLine}, Order: order}},
		"mark decides":  {{Name: "a", Kinds: []Kind{KindMark}, Order: order}},
		"unknown kinds": {{Name: "a", Kinds: []Kind{0}, Order: order}},
	} {
		if _, err := Compile(Rules{Name: name, Layers: bad}); err == nil {
			t.Errorf("rules %q compile", name)
		}
	}
}

func FuzzParseWords(f *testing.F) {
	for w := range words() {
		f.Add(w.String())
	}
	for _, s := range []string{"", "#", "calendar#42", "api/door#slot#1", "invalid(7)", "AVAILABLE"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if st, err := ParseStatus(s); err == nil && st.String() != s {
			t.Errorf("status %q reads as %s", s, st)
		}
		if l, err := ParseLineState(s); err == nil && l.String() != s {
			t.Errorf("line state %q reads as %s", s, l)
		}
		if a, err := ParseShowAs(s); err == nil && a.String() != s {
			t.Errorf("show-as %q reads as %s", s, a)
		}
		ref := ParseRef(s)
		if again := ParseRef(ref.String()); again != ref {
			t.Errorf("%q is %+v, then %+v", s, ref, again)
		}
		if src := Source(s); src.Class() != src && string(src) != string(src.Class())+"/"+src.Name() {
			t.Errorf("source %q has class %q and name %q", s, src.Class(), src.Name())
		}
	})
}
