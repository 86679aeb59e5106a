package serverstores

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/embeddedstores"
)

// TestMatrix checks the rows of the stores on servers. embeddedstores checks the others.
func TestMatrix(t *testing.T) {
	for _, s := range storages {
		if s.name == "cachedstore" {
			continue // its row has the abilities of filestore
		}
		t.Run(s.name, func(t *testing.T) {
			h := storetest.Harness{New: s.fresh, MaxData: s.largest}
			if s.name == "memcachestore" {
				h.New = func(tb testing.TB) func(testing.TB) driver.Store {
					open := s.fresh(tb)
					return func(tb testing.TB) driver.Store { return open(tb).(listed).Store }
				}
			}
			embeddedstores.CheckMatrix(t, "../../../stores/README.md", h)
		})
	}
}
