package shop

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	_ "github.com/coatcheck-go/coatcheck/stores/cookiestore" // for URLs with cookie:
	_ "github.com/coatcheck-go/coatcheck/stores/filestore"
	_ "github.com/coatcheck-go/coatcheck/stores/memstore"
)

const (
	defaultDir = "./sessions"
	keyFile    = "./coatcheck.keys"
)

// OpenStore opens the store that the flag -store names. The cookie store needs keys, and a place for what it has revoked:
// without that, a copied cookie would still work after the sign-out. "cookie:" alone takes files for both.
func OpenStore(url string) (driver.Backend, error) {
	if url == "cookie:" {
		if err := makeKeys(); err != nil {
			return nil, err
		}
		url = "cookie:?keys=file:" + keyFile + "&revocations=file:" + defaultDir
	}
	return core.OpenStore(context.Background(), url)
}

// makeKeys makes the file with the keys if there is none, so that today's cookies are valid tomorrow. In production,
// keep the keys where you keep your other secrets.
func makeKeys() error {
	f, err := os.OpenFile(keyFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(keyring.Generate("k1").Reveal() + "\n")
	return errors.Join(err, f.Close())
}
