package secret

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestPasswords(t *testing.T) {
	t.Parallel()
	hash, err := HashPassword(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		hash, password string
		fits, broken   bool
	}{
		{hash, "correct horse", true, false},
		{hash, "correct horse ", false, false},
		{hash, "", false, false},
		{"", "", false, false},
		{"", "anything", false, false},
		{"$argon2id$v=19$m=1,t=1,p=1$AAAA$AAAA", "x", false, true},
		{"plain", "plain", false, true},
	} {
		fits, err := CheckPassword(t.Context(), c.hash, c.password)
		if fits != c.fits || (err != nil) != c.broken {
			t.Errorf("hash %q, password %q: %t, %v", c.hash, c.password, fits, err)
		}
	}
}

func TestBoxOpensOnlyWhatItSealedForTheSamePlace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	box, err := OpenBox(path)
	if err != nil {
		t.Fatal(err)
	}
	sealed := box.Seal("geheim", "calendar/1")
	if bytes.Contains(sealed, []byte("geheim")) {
		t.Error("the text stands in the sealed form")
	}
	again, err := OpenBox(path)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := again.Open(sealed, "calendar/1"); err != nil || text != "geheim" {
		t.Errorf("got %q, %v", text, err)
	}
	if _, err := again.Open(sealed, "calendar/2"); err == nil {
		t.Error("it opens in another place")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenBox(path); err == nil {
		t.Error("a damaged key file is accepted")
	}
}
