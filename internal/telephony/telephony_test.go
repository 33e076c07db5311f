package telephony

import "testing"

func TestNumbersThatAreOne(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"0171 234-567", "0171234567", true}, {"0171234567", "+49171234567", true}, {"+49171234567", "0049171234567", true}, {"sip:0171234567@gw.example", "tel:+49171234567", true},
		{"171234567", "0171234567", true}, {"", "", true}, {"*97", "*97", true},
		{"201", "+49301234201", false}, {"*97", "97", false}, {"", "0", false}, {"0171234567", "0171234568", false}, {"sip:anna@example.com", "sip:bert@example.com", false}, {"", "0171234567", false},
	} {
		if Same(tc.a, tc.b) != tc.want || Same(tc.b, tc.a) != tc.want {
			t.Errorf("%q and %q: want %v", tc.a, tc.b, tc.want)
		}
	}
}
