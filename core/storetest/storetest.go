// Package storetest tests a [driver.Store]. It is for people who write one. One call of [Run] in a test checks every
// rule that package driver states, and one call of [Bench] measures the store in the same way as all others.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, storetest.Harness{
//			New: func(tb testing.TB) func(testing.TB) driver.Store {
//				dir := tb.TempDir()
//				return func(tb testing.TB) driver.Store { return open(tb, dir) }
//			},
//		})
//	}
//
// Run it with go test -race: some rules make many calls at once, and only the race detector sees every missing lock.
//
// A failure prints the rule that was violated. No rule can be switched off. Rules that cannot be checked are skipped,
// and go test -v shows them: those about abilities that the store lacks, about contexts if no call waits
// (Info.InMemory), and those that need another field of the [Harness].
//
// For tests of code that uses a store, [Fault] fails, delays and counts calls, and [Clock] moves the time.
//
// The guide is docs/writing-a-store.md. To read next: the Example of package driver, which is a whole store, and
// rules.go, the list of the rules.
package storetest

import (
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Harness tells the suite how to make the store under test.
type Harness struct {
	// New makes an empty storage for one rule and returns the function open. Each call of open opens one more handle
	// on the storage, as another application server would. Handles share the storage and nothing else; a store with
	// Info.Local may return the same handle again. New and open register cleanups with tb.Cleanup. Required.
	New func(tb testing.TB) (open func(tb testing.TB) driver.Store)

	// Clock is the clock of the stores. The suite advances it when a record has to expire. Default: nil, the stores
	// use time.Now, and the suite waits, ten seconds in all.
	Clock *Clock

	// MaxData is the length in bytes of the largest Record.Data that the storage takes. The store must accept MaxData
	// bytes together with the longest Subject and Labels, and must answer ErrTooLarge to twice as many.
	// Default: 0, the storage takes at least 1 MiB.
	MaxData int

	// Outages has functions by name. Each begins a failure of the storage that New made last, and returns the
	// function that ends it: a server is stopped or killed, a directory loses its permissions, a connection pool is
	// closed. Every call of every method must fail in it: one that needs no storage to be right (an answer from a cache)
	// makes the rule fail. For a failure of writes only, such as a full disk, there is WriteOutages.
	// Default: none, and the suite does not check how the store reports them.
	Outages map[string]func(tb testing.TB) (end func())

	// WriteOutages are failures in which the storage still answers reads and fails some or all writes: the disk or the
	// memory is full, a file or a server is read-only. An Update to the largest Data must fail in each.
	// Default: none, and the suite does not check what such a failure leaves.
	WriteOutages map[string]func(tb testing.TB) (end func())

	// Block takes the lock for which the store's calls wait, in the storage that New made last, and release gives it
	// back: the lock inside the store, that of a file, or that of a table. At least one method must wait for it.
	// Default: nil, and the suite does not check that a call which waits for a lock heeds its context.
	Block func(tb testing.TB) (release func())

	// Newer gives the record under id the number of a newer format, as if a newer release had written it, and changes
	// nothing else in it. The record is in the storage that New made last. A cache in front of the storage must forget
	// it. back restores the number in the record that is stored by then, and fails if there is none.
	// Default: nil, the store's records have no format number.
	Newer func(tb testing.TB, id driver.ID) (back func())

	// Damage overwrites the record under id, all of it or its beginning, so that its bytes are no record any more and
	// of no format, older or newer. It is for storages as in Newer.
	// Default: nil. That is right for a storage that checks itself what it keeps, such as the columns of a database.
	Damage func(tb testing.TB, id driver.ID)

	// ForgetsLists says that the storage may lose a list by subject or label. Then a walk may end in
	// driver.ErrIncomplete even if there never was a record. Default: false, the index knows when it has no records.
	ForgetsLists bool

	// Timeout is how long one rule may take before it counts as hanging.
	// Default: one minute.
	Timeout time.Duration
}

// Run checks every rule, each in a subtest of its own.
func Run(t *testing.T, h Harness) {
	closed := 0 // how many rules had no store
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Helper()
			skipped, failures, opened := checkOpening(t, h, r)
			if !opened {
				closed++
			}
			if skipped != "" {
				t.Skip(skipped)
			}
			if len(failures) > 0 {
				t.Errorf("%s\nThe rule: %s", inLines(failures), r.text)
			}
		})
		if closed == enoughClosed {
			t.Fatalf("storetest: %d rules could not open the store: the others are not run", closed)
		}
	}
}
