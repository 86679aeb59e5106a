package crossingstore_test

import (
	"path/filepath"
	"testing"

	"github.com/coatcheck-go/coatcheck/internal/test/urltest"
	_ "github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/crossingstore"
	_ "github.com/coatcheck-go/coatcheck/stores/filestore"
	_ "github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestURL(t *testing.T) {
	dir := t.TempDir()
	old := "file:" + filepath.Join(dir, "old")
	fresh := "file:" + filepath.Join(dir, "new")
	urltest.Refused(t, map[string]string{
		fresh + "?from=" + old:                  "option from: coatcheck: open the store " + old,
		fresh + "?from=" + old + "?create=true": "there is no folder of sessions",
		fresh + "?from=paper:":                  `there is no scheme "paper"`,
	})
	urltest.Open(t, old)
	urltest.Refused(t, map[string]string{
		old + "?from=" + old: "keep their records in the same place",
	})
	if store := urltest.Open(t, fresh+"?cache=memory:&from="+old); !isCrossing(store) {
		t.Errorf("%T", store)
	}
}

func isCrossing(store any) bool { _, is := store.(*crossingstore.Store); return is }
