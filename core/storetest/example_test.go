package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// The test of a store is one call. With a Clock it waits for nothing. The Example of package driver is a store to
// begin with.
func ExampleRun() {
	// In the store's test file: func TestStore(t *testing.T).
	TestStore := func(t *testing.T) {
		clock := storetest.NewClock()
		storetest.Run(t, storetest.Harness{
			Clock: clock,
			New: func(tb testing.TB) func(testing.TB) driver.Store { // for each rule: an empty storage
				store, err := memstore.New(memstore.Config{Now: clock.Now})
				if err != nil {
					tb.Fatal(err)
				}
				return func(testing.TB) driver.Store { return store } // for each server: a handle on it
			},
		})
	}
	_ = TestStore
	// A storage with a limit, or on a server, says so in Harness.MaxData and Harness.Outages.
}

// The third call fails before it reaches the store. What is above the store must cope with that.
func ExampleFault() {
	inner, err := memstore.New(memstore.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fault := storetest.NewFault(inner)
	fault.Before(storetest.Nth(3))
	store := fault.Store()

	ctx := context.Background()
	rec := driver.Record{ID: driver.ID{1}, Expires: time.Now().Add(time.Hour)}
	fmt.Println("Create:", store.Create(ctx, &rec))
	_, err = store.Load(ctx, rec.ID)
	fmt.Println("Load:", err)
	err = store.Update(ctx, &rec)
	fmt.Println("Update fails:", errors.Is(err, storetest.ErrInjected), errors.Is(err, driver.ErrUnavailable))
	fmt.Println("calls:", fault.Calls())
	// Output:
	// Create: <nil>
	// Load: <nil>
	// Update fails: true true
	// calls: map[Create:1 Load:1 Update:1]
}
