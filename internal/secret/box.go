package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

const (
	keySize  = 32 // AES-256
	mostKeys = 16
)

// Box seals credentials. It may be used by several goroutines at once.
type Box struct {
	aeads []cipher.AEAD // the first seals, all open
}

// OpenBox reads the key file, and makes one if there is none. Whoever has the file and the database has the
// credentials in it. The file holds a key of 32 bytes; while keys are changed, the new one before older ones.
func OpenBox(path string) (*Box, error) {
	keys, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		keys = newKey()
		if err = writeKeys(path, keys); err != nil {
			return nil, fmt.Errorf("key file: %w", err)
		}
	} else if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return NewBox(keys)
}

func newKey() []byte {
	key := make([]byte, keySize)
	rand.Read(key)
	return key
}

// writeKeys puts a key file in place of an earlier one. It is on the disk when writeKeys returns; whoever looks meanwhile
// sees the earlier one.
func writeKeys(path string, keys []byte) error {
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(keys); err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	if folder, err := os.Open(filepath.Dir(path)); err == nil {
		folder.Sync() // not every system can
		folder.Close()
	}
	return nil
}

// RotateKey has everything sealed anew with a key that is made for it. reseal is handed a box that opens what earlier
// keys sealed, and seals with the new one; when it returns, everything must be sealed so, durably. Earlier keys are
// forgotten then. If that does not come about, whatever the reason, everything can still be opened, and the next
// rotation makes it good. Nobody else may have the box meanwhile.
func RotateKey(path string, reseal func(*Box) error) error {
	keys, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	if _, err := NewBox(keys); err != nil {
		return err
	}
	fresh := newKey()
	if len(keys) > keySize { // one that was cut off has made its key already
		fresh, keys = keys[:keySize], keys[keySize:]
	}
	if err := writeKeys(path, slices.Concat(fresh, keys)); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	box, err := NewBox(slices.Concat(fresh, keys))
	if err != nil {
		return err
	}
	if err := reseal(box); err != nil {
		return err
	}
	if err := writeKeys(path, fresh); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	return nil
}

// NewBox takes keys of 32 bytes, one behind the other: the first seals, all open.
func NewBox(keys []byte) (*Box, error) {
	if len(keys) == 0 || len(keys)%keySize != 0 || len(keys) > mostKeys*keySize {
		return nil, fmt.Errorf("key file: it holds %d bytes; a key has %d", len(keys), keySize)
	}
	b := &Box{}
	for key := range slices.Chunk(keys, keySize) {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		b.aeads = append(b.aeads, aead)
	}
	return b, nil
}

// Seal encrypts text. about binds it to its place, such as a record's ID: it cannot be moved elsewhere.
func (b *Box) Seal(text, about string) []byte {
	return b.aeads[0].Seal(nil, nil, []byte(text), []byte(about))
}

// Open decrypts what Seal made for the same place.
func (b *Box) Open(sealed []byte, about string) (string, error) {
	for _, aead := range b.aeads {
		if text, err := aead.Open(nil, nil, sealed, []byte(about)); err == nil {
			return string(text), nil
		}
	}
	return "", errors.New("a stored credential cannot be read: it was sealed with another key file")
}
