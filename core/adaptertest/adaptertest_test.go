package adaptertest

import (
	"path/filepath"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func memory(testing.TB) func(testing.TB) driver.Store {
	store := memstore.New(memstore.Config{})
	return func(testing.TB) driver.Store { return store }
}

func files(tb testing.TB) func(testing.TB) driver.Store {
	dir := filepath.Join(tb.TempDir(), "sessions")
	return func(tb testing.TB) driver.Store {
		store, err := filestore.New(dir)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = store.Close() })
		return store
	}
}

func tokens(tb testing.TB) driver.TokenStore {
	keys, err := keyring.New(keyring.Generate("k1"))
	if err != nil {
		tb.Fatal(err)
	}
	store, err := cookiestore.New(keys, cookiestore.RevokeIn(memstore.New(memstore.Config{})))
	if err != nil {
		tb.Fatal(err)
	}
	return store
}

// The suite on stores that take their time, and on one without records. Package httpsession
// runs it in memory.
func TestOtherStores(t *testing.T) {
	t.Run("filestore", func(t *testing.T) { Run(t, Harness{Adapter: netHTTP{}, New: files, Junk: 500}) })
	t.Run("cookiestore", func(t *testing.T) { Run(t, Harness{Adapter: netHTTP{}, Tokens: tokens}) })
}
