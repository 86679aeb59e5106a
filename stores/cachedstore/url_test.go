package cachedstore_test

import (
	"path/filepath"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/test/urltest"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	_ "github.com/coatcheck-go/coatcheck/stores/cookiestore"
	_ "github.com/coatcheck-go/coatcheck/stores/filestore"
	_ "github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestURL(t *testing.T) {
	t.Setenv("SESSION_KEYS", keyring.Generate("k1").Reveal())
	truth := "file:" + filepath.Join(t.TempDir(), "s")
	urltest.Options(t, truth+"?cache=memory:&", "cache_", cachedstore.Config{}, "Report", "Now")
	store := urltest.Open(t, truth+"?cache=memory:&cache_soft_ttl=5s&cache_timeout=100ms")
	if _, is := store.(*cachedstore.Store); !is {
		t.Errorf("%T", store)
	}
	urltest.Refused(t, map[string]string{
		truth + "?cache=" + truth:                      "in the same place: name another folder, prefix or table",
		truth + "?cache=":                              "option cache: a store's URL begins with a scheme",
		truth + "?cache=memory:?max_bites=1":           "did you mean max_bytes?",
		truth + "?cache=memory:&cache_soft_ttl=1ms":    "SoftTTL",
		truth + "?cache=memory:&cache_soft_ttl=5":      "option cache_soft_ttl is a time",
		truth + "?cache_soft_ttl=5s":                   `there is no option "cache_soft_ttl"`,
		truth + "?cache=cookie:?keys=env:SESSION_KEYS": "keeps no records",
		"cookie:?keys=env:SESSION_KEYS&cache=memory:":  "cache= and from= are of no use",
	})
}
