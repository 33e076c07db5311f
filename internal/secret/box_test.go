package secret

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestAKeyIsRotated(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	box, err := OpenBox(path)
	if err != nil {
		t.Fatal(err)
	}
	sealed := box.Seal("geheim", "here")
	old := sealed
	opens := func(what string, want bool) {
		t.Helper()
		b, err := OpenBox(path)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if text, err := b.Open(sealed, "here"); (err == nil && text == "geheim") != want {
			t.Errorf("%s: %q, %v", what, text, err)
		}
	}
	reseal := func(b *Box) error {
		text, err := b.Open(sealed, "here")
		if err == nil {
			sealed = b.Seal(text, "here")
		}
		return err
	}

	// Twice it is cut off: before anything was sealed anew, and behind that.
	cut := errors.New("the power failed")
	if err := RotateKey(path, func(*Box) error { return cut }); !errors.Is(err, cut) {
		t.Fatalf("cut off: %v", err)
	}
	opens("cut off before", true)
	if err := RotateKey(path, func(b *Box) error { return errors.Join(reseal(b), cut) }); !errors.Is(err, cut) {
		t.Fatalf("cut off: %v", err)
	}
	opens("cut off behind", true)

	for range 40 { // however often
		if err := RotateKey(path, func(*Box) error { return cut }); !errors.Is(err, cut) {
			t.Fatalf("cut off again: %v", err)
		}
	}
	if err := RotateKey(path, reseal); err != nil {
		t.Fatal(err)
	}
	opens("rotated", true)
	if info, err := os.Stat(path); err != nil || info.Size() != 32 || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file: %v, %v", info, err)
	}
	sealed = old
	opens("what earlier keys sealed", false)
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) != 1 {
		t.Errorf("left are %q", left)
	}
	if err := RotateKey(filepath.Join(t.TempDir(), "none"), reseal); err == nil {
		t.Error("a key that is not there is rotated")
	}
}
