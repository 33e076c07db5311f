package directory

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"
)

// Entry is a person as a directory knows it. Texts are valid UTF-8 on one line; what is not there is empty.
type Entry struct {
	// ID stays the same when the entry is renamed or moved. An objectGUID is in its usual text form.
	ID    string
	DN    string // as the server writes it
	Login string
	UPN   string // name@domain to sign in with
	Name  string
	Email string
	// Numbers are as they stand in the directory, not yet normalised.
	WorkNumber, MobileNumber, HomeNumber string
	Language                             string
	// Disabled: the account is disabled, has expired, or is locked for good. One that is locked for a while is not.
	Disabled bool
	// Groups are the DNs of the groups the person is in, sorted: those that hold the entry itself, wherever they are,
	// and those below Config.GroupBase that hold one of these, at any depth. The primary group of Active Directory,
	// in which everybody is, is not among them.
	Groups []string
	// Attributes are those of Attributes.Further, by the names given there, if they have values.
	Attributes map[string][]string
}

// person is an entry with what only this package looks at.
type person struct {
	Entry
	expired bool // Disabled is due to accountExpires alone
}

// attributes are the names to ask for.
func (d *Directory) attributes(k Kind) []string {
	out := []string{"cn", "memberOf"}
	if k == KindActiveDirectory {
		out = append(out, "userAccountControl", "accountExpires")
	} else {
		out = append(out, "pwdAccountLockedTime")
	}
	seen := map[string]bool{}
	for _, name := range out {
		seen[strings.ToLower(name)] = true
	}
	for _, a := range d.config.Attributes.fill(k).names() {
		if folded := strings.ToLower(a.name); !seen[folded] {
			seen[folded] = true
			out = append(out, a.name)
		}
	}
	return out
}

// person reads an entry. Its groups are left to the caller.
func (d *Directory) person(e *ldap.Entry, k Kind, now time.Time) person {
	a := d.config.Attributes.fill(k)
	first := func(name string) string {
		if name == "" {
			return ""
		}
		for _, v := range e.GetEqualFoldAttributeValues(name) {
			if v = clean(v); v != "" {
				return v
			}
		}
		return ""
	}
	p := person{Entry: Entry{
		DN: e.DN, Login: first(a.Login), UPN: first(a.UPN), Name: first(a.Name), Email: first(a.Email), WorkNumber: first(a.WorkNumber),
		MobileNumber: first(a.MobileNumber), HomeNumber: first(a.HomeNumber), Language: first(a.Language),
	}}
	if values := e.GetEqualFoldRawAttributeValues(a.ID); len(values) > 0 {
		p.ID = identifier(a.ID, values[0])
	}
	if p.Name == "" {
		p.Name = first("cn")
	}
	for _, name := range a.Further {
		for _, v := range e.GetEqualFoldAttributeValues(name) {
			if p.Attributes == nil {
				p.Attributes = map[string][]string{}
			}
			p.Attributes[name] = append(p.Attributes[name], clean(v))
		}
	}
	if k == KindActiveDirectory {
		p.expired = expired(first("accountExpires"), now)
		p.Disabled = p.expired || disabled(first("userAccountControl"))
		p.expired = p.expired && !disabled(first("userAccountControl"))
	} else {
		p.Disabled = first("pwdAccountLockedTime") == lockedForGood
	}
	return p
}

// lockedForGood as a time means that only an administrator can unlock (draft-behera-ldap-password-policy-10 §5.3.3).
const lockedForGood = "000001010000Z"

// disabled reads a userAccountControl ([MS-ADTS] §2.2.16).
func disabled(control string) bool {
	const accountDisable = 0x2
	n, err := strconv.ParseInt(control, 10, 64)
	return err == nil && n&accountDisable != 0
}

// expired reads an accountExpires: steps of 100 ns since 1601; 0 and the largest number mean never ([MS-ADA1]).
func expired(at string, now time.Time) bool {
	n, err := strconv.ParseInt(at, 10, 64)
	if err != nil || n <= 0 || n == math.MaxInt64 {
		return false
	}
	const unix = 11_644_473_600 // seconds from 1601 to 1970
	return !now.Before(time.Unix(n/1e7-unix, n%1e7*100))
}

// identifier turns the value of the attribute that identifies people into text.
func identifier(attribute string, value []byte) string {
	if guid, ok := formatGUID(value); ok && (strings.EqualFold(attribute, "objectGUID") || strings.EqualFold(attribute, "mS-DS-ConsistencyGuid")) {
		return guid
	}
	if utf8.Valid(value) {
		s := string(value)
		if strings.EqualFold(attribute, "entryUUID") {
			s = strings.ToLower(s)
		}
		if clean(s) == s {
			return s
		}
	}
	return hex.EncodeToString(value)
}

// formatGUID writes a GUID as Windows shows it: the first three numbers are stored with the lowest byte first, the rest
// as it is read ([MS-DTYP] §2.3.4.2).
func formatGUID(b []byte) (string, bool) {
	if len(b) != 16 {
		return "", false
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", []byte{b[3], b[2], b[1], b[0]}, []byte{b[5], b[4]}, []byte{b[7], b[6]}, b[8:10], b[10:]), true
}

// parseRange reads the name of an attribute with a range, such as "member;range=0-1499"; last is -1 in
// "member;range=1500-*".
func parseRange(s string) (name string, first, last int, ok bool) {
	name, options, found := strings.Cut(s, ";")
	if !found || name == "" || len(options) < len("range=") || !strings.EqualFold(options[:len("range=")], "range=") {
		return "", 0, 0, false
	}
	from, to, found := strings.Cut(options[len("range="):], "-")
	f, err := strconv.ParseUint(from, 10, 31)
	if !found || err != nil {
		return "", 0, 0, false
	}
	if to == "*" {
		return name, int(f), -1, true
	}
	t, err := strconv.ParseUint(to, 10, 31)
	if err != nil || t < f {
		return "", 0, 0, false
	}
	return name, int(f), int(t), true
}
