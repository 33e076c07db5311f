package vault

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/zalando/go-keyring"
)

// ring is a keyring in memory; with err it fails so.
type ring struct {
	err     error
	secrets map[string]string
}

func (r *ring) Get(_, user string) (string, error) {
	if r.err != nil {
		return "", r.err
	}
	s, ok := r.secrets[user]
	if !ok {
		return "", keyring.ErrNotFound
	}
	return s, nil
}

func (r *ring) Set(_, user, secret string) error {
	if r.err == nil {
		r.secrets[user] = secret
	}
	return r.err
}

func (r *ring) Delete(_, user string) error {
	if _, err := r.Get("", user); err != nil {
		return err
	}
	delete(r.secrets, user)
	return nil
}

const server, other = "https://presence.example.com", "https://other.example.com"

func loads(t *testing.T, v *Vault, server, want string) {
	t.Helper()
	if got, err := v.Load(t.Context(), server); err != nil || got != want {
		t.Errorf("of %s %q is kept, %v; want %q", server, got, err, want)
	}
}

func TestATokenIsInTheKeyring(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	r := &ring{secrets: map[string]string{}}
	v := New(folder, r)
	loads(t, v, server, "")
	if place, err := v.Save(t.Context(), server, "dlc_1"); err != nil || place != InKeyring {
		t.Fatalf("kept in %s, %v", place, err)
	}
	loads(t, v, server, "dlc_1")
	loads(t, v, other, "")
	if all, _ := os.ReadDir(folder); len(all) > 0 {
		t.Errorf("and in files: %v", all)
	}
	r.err = errors.New("the keyring is locked") // then it is not known whether there is one
	if token, err := v.Load(t.Context(), server); err == nil {
		t.Errorf("of a locked keyring %q is kept", token)
	}
	r.err = nil
	for range 2 { // forgetting nothing is nothing wrong
		if err := v.Forget(t.Context(), server, "dlc_1"); err != nil {
			t.Fatal(err)
		}
	}
	loads(t, v, server, "")
}

func TestWithoutAKeyringATokenIsInAFile(t *testing.T) {
	t.Parallel()
	for _, missing := range []error{keyring.ErrUnsupportedPlatform, fmt.Errorf("asking: %w", keyring.ErrUnsupportedPlatform)} {
		folder := filepath.Join(t.TempDir(), "new")
		r := &ring{err: missing, secrets: map[string]string{}}
		v := New(folder, r)
		loads(t, v, server, "")
		if place, err := v.Save(t.Context(), server, "dlc_1"); err != nil || place != InFile {
			t.Fatalf("kept in %s, %v", place, err)
		}
		loads(t, v, server, "dlc_1")
		loads(t, v, other, "")
		if s, err := os.Stat(filepath.Join(folder, "token")); err != nil || s.Mode().Perm() != 0o600 {
			t.Errorf("the file is %v, %v", s, err)
		}
		r.err = nil // a keyring is there later: the file goes with the next sign-in
		loads(t, v, server, "dlc_1")
		if _, err := v.Save(t.Context(), server, "dlc_2"); err != nil {
			t.Fatal(err)
		}
		loads(t, v, server, "dlc_2")
		if all, _ := os.ReadDir(folder); len(all) > 0 {
			t.Errorf("files are left: %v", all)
		}
		if err := v.Forget(t.Context(), server, "dlc_2"); err != nil {
			t.Fatal(err)
		}
		loads(t, v, server, "")
	}
}

var errShut = errors.New("the keyring is locked")

// Where a token is in a file, nobody but its owner may read it, whatever an interrupted attempt, or a copy of the home, has left beside it.
func TestALeftoverDecidesNotWhoReadsTheToken(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	left := filepath.Join(folder, "token.new")
	if err := os.WriteFile(left, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(left, 0o644); err != nil {
		t.Fatal(err)
	}
	v := New(folder, &ring{err: errShut})
	if _, err := v.Save(t.Context(), server, "dlc_1"); err != nil {
		t.Fatal(err)
	}
	s, err := os.Stat(filepath.Join(folder, "token"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Mode().Perm() != 0o600 {
		t.Errorf("the token can be read by others: %v", s.Mode())
	}
}

// The same with a link that somebody has put there.
func TestATokenFollowsNoLink(t *testing.T) {
	t.Parallel()
	folder, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "stolen")
	if err := os.Symlink(elsewhere, filepath.Join(folder, "token.new")); err != nil {
		t.Fatal(err)
	}
	v := New(folder, &ring{err: errShut})
	if _, err := v.Save(t.Context(), server, "dlc_1"); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(elsewhere); err == nil {
		t.Errorf("%d bytes with the token stand where a link points", len(text))
	}
}

// A vault keeps tokens by server.
func TestForgettingOneServerKeepsTheOther(t *testing.T) {
	t.Parallel()
	v := New(t.TempDir(), &ring{err: errShut})
	if _, err := v.Save(t.Context(), other, "dlc_2"); err != nil {
		t.Fatal(err)
	}
	v.Forget(t.Context(), server, "dlc_1") // the keyring fails, of which it may tell
	if got, _ := v.Load(t.Context(), other); got != "dlc_2" {
		t.Errorf("of the other server %q is left", got)
	}
}
