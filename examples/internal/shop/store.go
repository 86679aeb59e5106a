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

// OpenStore opens the store that the flag -store names. To an application it is one line; which
// one changes nothing else in it.
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

// openCookieStore keeps sessions in their cookies, and on the server only the IDs of those
// that were signed out before their time: otherwise a copied cookie would outlive the sign-out.
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

// loadKeys takes the keys from the environment, or from a file that it makes if there is
// none, so that the cookies of today are good tomorrow. In production they belong where the
// other secrets are.
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

// writeNew writes a file that only we can read, and none that is there already.
func writeNew(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
