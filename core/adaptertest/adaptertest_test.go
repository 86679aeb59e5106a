package adaptertest

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func memory(testing.TB) func(testing.TB) driver.Store {
	store := made.Of(memstore.New(memstore.Config{}))
	return func(testing.TB) driver.Store { return store }
}

func tokens(tb testing.TB) driver.TokenStore {
	keys, err := keyring.New(keyring.Generate("k1"))
	if err != nil {
		tb.Fatal(err)
	}
	store, err := cookiestore.New(keys, cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), cookiestore.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	return store
}

// TestUnbroken: the adapter from which the mutants are made passes every rule. So a mutant fails only for its mistake.
// The adapters' own tests run the suite on every store.
func TestUnbroken(t *testing.T) {
	t.Run("memstore", func(t *testing.T) { t.Parallel(); Run(t, Harness{Adapter: netHTTP{}, New: memory, Junk: 500}) })
	t.Run("cookiestore", func(t *testing.T) { t.Parallel(); Run(t, Harness{Adapter: netHTTP{}, Tokens: tokens, Junk: 500}) })
}
