package policy

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
)

// TestTelephonyOfEarlierVersions: what was stored when there were no telephones has none, and what is stored is read as it was.
func TestTelephonyOfEarlierVersions(t *testing.T) {
	t.Parallel()
	if !slices.Contains(Sections(), SectionTelephony) {
		t.Fatalf("the sections are %q", Sections())
	}
	s := Factory()
	if !reflect.DeepEqual(s.Telephony, Telephony{}) {
		t.Errorf("the factory names %+v", s.Telephony)
	}
	for text, want := range map[string]Telephony{
		`{}`:                                 {},
		`{"connector":"a"}`:                  {Connector: "a"},
		`{"connector":"a","forwarding":"b"}`: {Connector: "a", Forwarding: "b"},
	} {
		if err := s.Set(SectionTelephony, json.RawMessage(text)); err != nil || !reflect.DeepEqual(s.Telephony, want) {
			t.Errorf("%s is read as %+v, %v", text, s.Telephony, err)
		}
		if back, err := json.Marshal(s.Telephony); err != nil || string(back) != text {
			t.Errorf("%s is written as %s, %v", text, back, err)
		}
		if err := s.Check(); err != nil {
			t.Errorf("%s is no good: %v", text, err)
		}
	}
}
