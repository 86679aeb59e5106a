package shop

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

const (
	defaultDir = "./sessions"
	keyFile    = "./coatcheck.keys"
	keyEnv     = "COATCHECK_KEYS"
)

// OpenStore opens the store that the flag -store names. In an application this is one line, and the rest does not
// depend on it.
func OpenStore(name string) (driver.Backend, error) {
	kind, rest, _ := strings.Cut(name, ":")
	switch {
	case kind == "file":
		if rest == "" {
			rest = defaultDir
		}
		return filestore.New(rest, filestore.Config{})
	case kind == "memory" && rest == "":
		return memstore.New(memstore.Config{})
	case kind == "cookie" && rest == "":
		return openCookieStore()
	}
	return nil, fmt.Errorf("-store %q: there are memory:, cookie: and file:FOLDER", name)
}

// openCookieStore keeps sessions in their cookies. The server keeps only the IDs of sessions that were signed out
// before their deadline. Without that list a copied cookie would still work after the sign-out.
func openCookieStore() (driver.Backend, error) {
	keys, err := loadKeys()
	if err != nil {
		return nil, err
	}
	ended, err := filestore.New(defaultDir, filestore.Config{})
	if err != nil {
		return nil, err
	}
	store, err := cookiestore.New(keys, cookiestore.RevokeIn(ended), cookiestore.Config{})
	if err != nil {
		return nil, errors.Join(err, ended.Close())
	}
	return store, nil
}

// loadKeys takes the keys from the environment, or else from a file. It makes the file if there is none, so that
// today's cookies are valid tomorrow. In production, keep the keys where you keep your other secrets.
func loadKeys() (*keyring.Keyring, error) {
	if text := os.Getenv(keyEnv); text != "" {
		return keyring.Parse(text)
	}
	text, err := os.ReadFile(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		key := keyring.Generate("k1")
		if err = writeNew(keyFile, key.Reveal()+"\n"); err == nil {
			return keyring.New(key)
		}
	}
	if err != nil {
		return nil, err
	}
	keys, err := keyring.Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	return keys, nil
}

// writeNew writes a file that only this user can read. It fails if the file exists.
func writeNew(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
