package embeddedstores

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/crossingstore"
)

// TestMatrix: the table in stores/README.md has what storetest.Report returns. internal/test/serverstores checks the
// rows of the stores on servers.
func TestMatrix(t *testing.T) {
	var harnesses []storetest.Harness
	for _, open := range []func(testing.TB) func(testing.TB) driver.Store{memory, files, cached, crossing} {
		harnesses = append(harnesses, storetest.Harness{New: open})
	}
	CheckMatrix(t, "../../../stores/README.md", harnesses...)
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

func crossing(tb testing.TB) func(testing.TB) driver.Store {
	to, from := files(tb), files(tb)
	return func(tb testing.TB) driver.Store {
		store, err := crossingstore.New(to(tb), from(tb), crossingstore.Config{})
		if err != nil {
			tb.Fatal(err)
		}
		return store
	}
}
