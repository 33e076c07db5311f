// Package secret keeps what must not be read: passwords as argon2id hashes, sign-in secrets and tokens as hashes, and
// the credentials of outside systems sealed with a key that lies beside the database, not in it.
package secret

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Parameters of argon2id: OWASP Password Storage Cheat Sheet, second configuration. Hashing takes about 32 ms.
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	argonKey     = 32
	argonSalt    = 16
)

// hashing bounds parallel hashes: each takes a processor and 19 MiB.
var hashing = make(chan struct{}, runtime.GOMAXPROCS(0))

// HashPassword returns a password's hash in PHC form. It waits for a free processor.
func HashPassword(ctx context.Context, password string) (string, error) {
	salt := make([]byte, argonSalt)
	rand.Read(salt)
	sum, err := argon(ctx, password, salt)
	if err != nil {
		return "", err
	}
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		enc.EncodeToString(salt), enc.EncodeToString(sum)), nil
}

func argon(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case hashing <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-hashing }()
	return argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey), nil
}

// CheckPassword reports whether a password fits a hash. An empty hash fits nothing, and costs as much time, so that
// nobody can find out which logins exist.
func CheckPassword(ctx context.Context, hash, password string) (bool, error) {
	prefix := fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, argonMemory, argonTime, argonThreads)
	rest, known := strings.CutPrefix(hash, prefix)
	saltText, sumText, ok := strings.Cut(rest, "$")
	salt, err1 := base64.RawStdEncoding.DecodeString(saltText)
	want, err2 := base64.RawStdEncoding.DecodeString(sumText)
	usable := known && ok && err1 == nil && err2 == nil && len(want) == argonKey
	if !usable {
		salt, want = make([]byte, argonSalt), make([]byte, argonKey)
	}
	got, err := argon(ctx, password, salt)
	if err != nil {
		return false, err
	}
	if !usable && hash != "" {
		return false, errors.New("the password hash is of an unknown kind")
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && usable, nil
}

// New returns a fresh secret of 256 bits for a session or token, and the hash under which it is kept.
func New(prefix string) (text string, hash []byte) {
	var b [32]byte
	rand.Read(b[:])
	text = prefix + base64.RawURLEncoding.EncodeToString(b[:])
	return text, Hash(text)
}

// Hash returns the hash under which a secret made by New is kept. It has enough entropy for a plain hash.
func Hash(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// Key tells hashes apart, for maps and logs, without naming them. It is never zero.
func Key(hash []byte) uint64 { return binary.BigEndian.Uint64(hash) | 1 }
