package driver_test

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// TestMapStore: the store of the Example keeps the whole contract, so that it may be copied.
func TestMapStore(t *testing.T) {
	storetest.Run(t, storetest.Harness{
		New: func(testing.TB) func(testing.TB) driver.Store {
			store := newMapStore()
			return func(testing.TB) driver.Store { return store }
		},
	})
}
