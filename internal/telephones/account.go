package telephones

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/sipserver"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/telephony/sipua"
)

// MostAccounts is how many telephones a person may have.
const MostAccounts = 10

const (
	longestName = 100 // letters
	longestBase = 40  // of what an account's user begins with
)

// Account is an account with which a telephone signs in.
type Account struct {
	User      string // the name that it signs in with
	Name      string // as its owner calls it
	CreatedAt time.Time
	SeenAt    time.Time // when it signed in last, since this server started; zero: it has not
}

// account is one as it is held.
type account struct {
	rec    store.SIPAccount
	hashes hashes // empty: they cannot be opened
	seen   atomic.Int64
}

// hashes are what is sealed of a password: those of user:realm:password (RFC 7616 §3.4.2), in hexadecimal.
type hashes struct {
	MD5    string `json:"md5"`
	SHA256 string `json:"sha256"`
}

// LogValue implements slog.LogValuer.
func (hashes) LogValue() slog.Value { return slog.StringValue("[hashes]") }

func byAge(a, b *account) int {
	return cmp.Or(a.rec.CreatedAt.Compare(b.rec.CreatedAt), strings.Compare(a.rec.User, b.rec.User))
}

func (a *account) public() Account {
	p := Account{User: a.rec.User, Name: a.rec.Name, CreatedAt: a.rec.CreatedAt}
	if ms := a.seen.Load(); ms != 0 {
		p.SeenAt = time.UnixMilli(ms).UTC()
	}
	return p
}

// SealedFor is what the secret of an account is sealed for.
func SealedFor(user string) string { return "telephone/" + user }

// open opens an account's secret. The account is returned also if it cannot be: nobody signs in with it then.
func open(box *secret.Box, rec store.SIPAccount) (*account, error) {
	a := &account{rec: rec}
	text, err := box.Open(rec.Secret, SealedFor(rec.User))
	if err == nil {
		err = json.Unmarshal([]byte(text), &a.hashes)
	}
	if err != nil {
		a.hashes = hashes{}
	}
	return a, err
}

// Reseal returns accounts with their secrets sealed anew by the box. None may be left that it cannot open.
func Reseal(box *secret.Box, records []store.SIPAccount) (sealed []store.SIPAccount, err error) {
	for _, rec := range records {
		text, err := box.Open(rec.Secret, SealedFor(rec.User))
		if err != nil {
			return nil, fmt.Errorf("telephone %s of %s: %w", rec.User, rec.PersonID, err)
		}
		rec.Secret = box.Seal(text, SealedFor(rec.User))
		sealed = append(sealed, rec)
	}
	return sealed, nil
}

// Accounts returns the accounts of a person's telephones, oldest first.
func (t *Telephones) Accounts(personID string) (all []Account) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.of[personID] {
		all = append(all, a.public())
	}
	return all
}

// Add makes an account for a telephone of a person. The password is returned this once, and kept as hashes only. NotFound: there is no such
// person; Conflict: they have as many as they may; Invalid: the name is empty or too long.
func (t *Telephones) Add(ctx context.Context, by office.By, personID, name string) (a Account, password string, err error) {
	switch name = strings.TrimSpace(name); {
	case name == "":
		return a, "", fault.Bad("name", "is needed, such as Desk, so that you know which telephone it is")
	case utf8.RuneCountInString(name) > longestName:
		return a, "", fault.Bad("name", "is too long; at most %d letters are allowed", longestName)
	case strings.ContainsFunc(name, unicode.IsControl) || !utf8.ValidString(name):
		return a, "", fault.Bad("name", "may hold no line breaks or other control characters")
	}
	leave, err := take(ctx, t.adding)
	if err != nil {
		return a, "", err
	}
	defer leave()
	who, ok := t.office.Person(personID)
	if !ok {
		return a, "", noPerson(personID)
	}
	t.mu.Lock()
	n := len(t.of[personID])
	user := t.userFor(who)
	t.mu.Unlock()
	if n >= MostAccounts {
		return a, "", fault.New(fault.Conflict, "%s has %d telephones; more are not allowed. Remove one first.", who.Name, n)
	}
	password = letters(20)
	fresh := &account{
		rec:    store.SIPAccount{User: user, PersonID: personID, Name: name, CreatedAt: time.Now().UTC().Truncate(time.Millisecond)},
		hashes: hashes{MD5: sipua.Hash("MD5", user, Realm, password), SHA256: sipua.Hash("SHA-256", user, Realm, password)},
	}
	text, err := json.Marshal(fresh.hashes)
	if err != nil { // plain data
		panic(err)
	}
	fresh.rec.Secret = t.box.Seal(string(text), SealedFor(user))
	err = t.store.Update(ctx, store.Changes{PutSIPAccounts: []store.SIPAccount{fresh.rec}, Audit: entry(by, "telephone.add", who, &fresh.rec)})
	switch {
	case errors.Is(err, store.ErrNotFound): // deleted meanwhile
		return a, "", noPerson(personID)
	case err != nil:
		return a, "", fmt.Errorf("telephones: add: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.office.Person(personID); !ok { // deleted behind that; whoever is told of it later finds the account
		return a, "", noPerson(personID)
	}
	t.accounts[user] = fresh
	t.of[personID] = append(slices.Clone(t.of[personID]), fresh)
	return fresh.public(), password, nil
}

// Remove removes an account of a person's telephone; its subscriptions end. NotFound: they have no such account.
func (t *Telephones) Remove(ctx context.Context, by office.By, personID, user string) error {
	leave, err := take(ctx, t.adding)
	if err != nil {
		return err
	}
	defer leave()
	t.mu.Lock()
	a := t.accounts[user]
	t.mu.Unlock()
	who, ok := t.office.Person(personID)
	if a == nil || a.rec.PersonID != personID || !ok {
		return fault.New(fault.NotFound, "there is no telephone %q", user)
	}
	if err := t.store.Update(ctx, store.Changes{DeleteSIPAccounts: []string{user}, Audit: entry(by, "telephone.remove", who, &a.rec)}); err != nil {
		return fmt.Errorf("telephones: remove: %w", err)
	}
	t.mu.Lock()
	delete(t.accounts, user)
	if list := slices.DeleteFunc(slices.Clone(t.of[personID]), func(x *account) bool { return x == a }); len(list) > 0 {
		t.of[personID] = list
	} else {
		delete(t.of, personID)
	}
	t.mu.Unlock()
	signal(t.stale)
	return nil
}

func noPerson(id string) error { return fault.New(fault.NotFound, "there is no person %q", id) }

// entry is what the audit log says of an account.
func entry(by office.By, action string, who *office.Person, rec *store.SIPAccount) []store.AuditEntry {
	e := by.Entry(action)
	e.PersonID, e.LocationID = who.ID, who.LocationID
	detail, err := json.Marshal(map[string]string{"name": rec.Name, "user": rec.User})
	if err != nil { // plain data
		panic(err)
	}
	e.Detail = detail
	return []store.AuditEntry{e}
}

// userFor makes a user for an account that nobody has yet; mu is held.
func (t *Telephones) userFor(who *office.Person) string {
	base := clean(who.WorkNumber)
	if base == "" {
		base = clean(who.Login)
	}
	if base == "" {
		base = "phone"
	}
	for {
		if user := base + "-" + letters(4); t.accounts[user] == nil {
			return user
		}
	}
}

// clean leaves of a text what a telephone takes in a name without fuss.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return -1
	}, strings.ToLower(s))
	s = strings.Trim(s, ".-")
	return strings.Trim(s[:min(len(s), longestBase)], ".-")
}

// alphabet are 32 letters and digits that nobody takes for one another (Crockford's base32), in lower case, which the keys of telephones begin with.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// letters returns n of them, each of 5 bits that nobody can guess.
func letters(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand, Go 1.24)
	for i := range b {
		b[i] = alphabet[b[i]%32]
	}
	return string(b)
}

// signedIn notes that a telephone did.
func (t *Telephones) signedIn(user string) {
	t.mu.Lock()
	a := t.accounts[user]
	t.mu.Unlock()
	if a != nil {
		a.seen.Store(time.Now().UnixMilli())
	}
}

// Account implements sipserver.Directory.
func (d *directory) Account(user string) (sipserver.Account, bool) {
	d.t.mu.Lock()
	a := d.t.accounts[user]
	d.t.mu.Unlock()
	if a == nil || a.hashes == (hashes{}) {
		return sipserver.Account{}, false
	}
	if who, ok := d.t.office.Person(a.rec.PersonID); !ok || who.Blocked {
		return sipserver.Account{}, false
	}
	return sipserver.Account{PersonID: a.rec.PersonID, HA1MD5: a.hashes.MD5, HA1SHA256: a.hashes.SHA256}, true
}
