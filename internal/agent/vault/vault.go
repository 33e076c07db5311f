// Package vault keeps the token of a desktop client's sign-in: in the system's keyring where there is one (Secret Service, Windows Credential Manager, macOS
// keychain), else in a file that nobody but its owner may read.
package vault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/zalando/go-keyring"
)

// Ring is a keyring.
type Ring interface {
	Get(service, user string) (string, error) // keyring.ErrNotFound: there is no such secret
	Set(service, user, secret string) error
	Delete(service, user string) error
}

// Vault keeps tokens by server. Make it with New.
type Vault struct {
	file string
	ring Ring
}

// service is the name under which a keyring shows the tokens to its owner.
const service = "Doorlight"

// Places where a token is kept.
const (
	InKeyring = "the system's keyring"
	InFile    = "a file of yours"
)

// New returns a vault whose file stands in a folder; nil: the system's keyring.
func New(folder string, ring Ring) *Vault {
	if ring == nil {
		ring = system{}
	}
	return &Vault{filepath.Join(folder, "token"), ring}
}

// within bounds what a keyring may take: it may wait for somebody to unlock it.
const within = time.Minute

// ask asks the keyring, which knows no end of waiting: it may ask somebody to unlock it.
func ask[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	done := make(chan answer, 1) // so that who is given up on does not wait for ever
	go func() {
		v, err := f()
		done <- answer{v, err}
	}()
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	select {
	case a := <-done:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, fmt.Errorf("the keyring does not answer: %w", ctx.Err())
	}
}

// Load returns the token for a server; empty: there is none. A keyring that does not open is an error only if the token may be in it: if there is none
// in the file.
func (v *Vault) Load(ctx context.Context, server string) (token string, err error) {
	of, token, err := v.inFile()
	switch {
	case err != nil:
		return "", err
	case of == server && token != "":
		return token, nil
	}
	token, err = ask(ctx, func() (string, error) { return v.ring.Get(service, server) })
	if err != nil && (errors.Is(err, keyring.ErrNotFound) || missing(err)) {
		return "", nil
	}
	return token, err
}

// Save keeps the token for a server in place of what was kept for it, and returns where.
func (v *Vault) Save(ctx context.Context, server, token string) (place string, err error) {
	_, err = ask(ctx, func() (struct{}, error) { return struct{}{}, v.ring.Set(service, server, token) })
	if err == nil {
		return InKeyring, v.forgetFile(server, "")
	}
	// Written beside and renamed: a token that is half written is none.
	if err := os.MkdirAll(filepath.Dir(v.file), 0o700); err != nil {
		return "", err
	}
	fresh := v.file + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) { // of what was left there neither the mode nor a link is to count
		return "", err
	}
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(server + " " + token + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", err
	}
	return InFile, os.Rename(fresh, v.file)
}

// Forget removes a token for a server from wherever it is. Another that was kept for that server meanwhile stays: homes may be on a file server, and several
// computers share a vault.
func (v *Vault) Forget(ctx context.Context, server, token string) error {
	_, err := ask(ctx, func() (struct{}, error) {
		if now, err := v.ring.Get(service, server); err != nil || now != token {
			return struct{}{}, err
		}
		return struct{}{}, v.ring.Delete(service, server)
	})
	if errors.Is(err, keyring.ErrNotFound) || missing(err) {
		err = nil
	}
	return errors.Join(err, v.forgetFile(server, token))
}

// inFile returns whose token is in the file; empty: none is.
func (v *Vault) inFile() (server, token string, err error) {
	text, err := os.ReadFile(v.file)
	if errors.Is(err, os.ErrNotExist) {
		return "", "", nil
	}
	server, token, _ = strings.Cut(strings.TrimSpace(string(text)), " ")
	return server, token, err
}

// forgetFile removes the file if it is of a server, and has this token; empty: whichever it has.
func (v *Vault) forgetFile(server, token string) error {
	of, kept, err := v.inFile()
	if err != nil || of != server || token != "" && kept != token {
		return err
	}
	return os.Remove(v.file)
}

// missing reports whether an error says that there is no keyring here at all.
func missing(err error) bool { return errors.Is(err, keyring.ErrUnsupportedPlatform) }

// system is the keyring of the system.
type system struct{}

// look bounds how long it is looked for.
const look = 10 * time.Second

func (system) there() error {
	ctx, cancel := context.WithTimeout(context.Background(), look)
	defer cancel()
	return usable(ctx)
}

func (s system) Get(service, user string) (string, error) {
	if err := s.there(); err != nil {
		return "", err
	}
	return keyring.Get(service, user)
}

func (s system) Set(service, user, secret string) error {
	if err := s.there(); err != nil {
		return err
	}
	return keyring.Set(service, user, secret)
}

func (s system) Delete(service, user string) error {
	if err := s.there(); err != nil {
		return err
	}
	return keyring.Delete(service, user)
}
