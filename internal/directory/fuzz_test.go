package directory

import (
	"encoding/hex"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"
)

var guidText = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func FuzzGUID(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		s, ok := formatGUID(b)
		if ok != (len(b) == 16) {
			t.Fatalf("%d bytes: ok %v", len(b), ok)
		}
		if id := identifier("objectGUID", b); len(b) > 0 && (id == "" || !utf8.ValidString(id)) {
			t.Errorf("%x is %q", b, id)
		}
		if !ok {
			return
		}
		if !guidText.MatchString(s) {
			t.Errorf("%x is %q, which is no GUID", b, s)
		}
		back, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
		if err != nil || len(back) != 16 {
			t.Fatalf("%q: %v", s, err)
		}
		for i, j := range []int{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15} {
			if back[i] != b[j] {
				t.Errorf("%x is %q: byte %d is at another place", b, s, j)
			}
		}
	})
}

func FuzzSubCode(f *testing.F) {
	f.Fuzz(func(t *testing.T, message string) {
		code, ok := subCode(message)
		if ok && (!strings.Contains(message, "AcceptSecurityContext") || !strings.Contains(message, "data ")) {
			t.Errorf("%q has code %x", message, code)
		}
		if s := clip(message); !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\r\n") || utf8.RuneCountInString(s) > 301 {
			t.Errorf("%q is clipped to %q", message, s)
		}
	})
}

func FuzzRange(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		name, first, last, ok := parseRange(s)
		if ok && (name == "" || strings.Contains(name, ";") || first < 0 || last < -1 || last >= 0 && last < first) {
			t.Errorf("%q is %q from %d to %d", s, name, first, last)
		}
	})
}

func FuzzLogin(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		name, _, ok := parseLogin(s)
		if !ok {
			return
		}
		filter := "(uid=" + ldap.EscapeFilter(name) + ")"
		p, err := ldap.CompileFilter(filter)
		if err != nil {
			t.Fatalf("%q: filter %q: %v", s, filter, err)
		}
		if p.Tag != ldap.FilterEqualityMatch || len(p.Children) != 2 || p.Children[1].Value != name {
			t.Errorf("%q: filter %q looks for something else", s, filter)
		}
	})
}

func FuzzReferral(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		withoutPeople(s, KindActiveDirectory)
		if short := shortReferral(s); !utf8.ValidString(short) || strings.ContainsAny(short, "\x00\r\n") {
			t.Errorf("%q is shown as %q", s, short)
		}
	})
}

func FuzzKey(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		k := key(s)
		if _, err := ldap.ParseDN(s); err == nil && key(k) != k {
			t.Errorf("%q has key %q and then %q", s, k, key(k))
		}
	})
}
