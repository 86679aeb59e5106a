package everystore

import (
	"os"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
)

// The table in stores/README.md says what storetest found.
func TestMatrix(t *testing.T) {
	text, err := os.ReadFile("../../stores/README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := storetest.ReportHead()
	for _, open := range []func(testing.TB) func(testing.TB) driver.Store{memory, files, cached} {
		rows += storetest.Report(t, storetest.Harness{New: open})
	}
	for row := range strings.Lines(rows) {
		if !strings.Contains(string(text), row) {
			t.Errorf("stores/README.md lacks this row:\n%s", row)
		}
	}
}

func cached(tb testing.TB) func(testing.TB) driver.Store {
	cache, truth := memory(tb), files(tb)
	return func(tb testing.TB) driver.Store {
		store, err := cachedstore.New(cache(tb), truth(tb), cachedstore.Config{})
		if err != nil {
			tb.Fatal(err)
		}
		return store
	}
}
