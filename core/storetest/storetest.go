// Package storetest is the contract of [driver.Store] as code. It is for people
// who write a store: one call of [Run] in a test proves the rules that package
// driver states, and one call of [Bench] measures the store as all others are.
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
// A failure prints the rule that was violated. No rule can be switched off. What cannot be
// seen is skipped, and go test -v shows it: the abilities that a store lacks, contexts where
// nothing waits (Info.InMemory), and what Harness does not say: Outages, MaxData, Newer.
//
// For tests of what stands above a store there are [Fault], which fails, delays
// and counts calls, and [Clock]. Next to read: rules.go, the list of the rules.
package storetest

import (
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Harness tells the suite how to make the store under test.
type Harness struct {
	// New makes an empty storage for one test and returns a function that opens
	// a handle on it. Every call of that opens one more, as another application
	// server would: handles share the storage and nothing else. A store that
	// is Info.Local may return the same handle again. Both register what
	// there is to clean up with tb. Required.
	New func(tb testing.TB) (open func(tb testing.TB) driver.Store)

	// Clock is the clock that the stores go by; the suite advances it. Default:
	// nil, the stores use time.Now, and where the suite has to see a record
	// expire it waits, ten seconds in all.
	Clock *Clock

	// MaxData is the length of the largest Record.Data that the storage takes:
	// MaxData bytes must be accepted beside the longest Subject and Labels, twice as many must
	// be ErrTooLarge.
	// Default: 0, the storage takes at least 1 MiB.
	MaxData int

	// Outages begin, under their names, a failure of the storage that New made
	// last, and return a function that ends it: a server stopped or
	// killed, a directory without permissions, a closed connection pool.
	// Default: none, and the suite cannot see how the store speaks of them.
	Outages map[string]func(tb testing.TB) (end func())

	// Newer gives the record under id, in the storage that New made last, the number of a newer
	// format, as a newer release would have written it, and changes nothing else in it. A cache
	// in front of the storage forgets the record. back restores the number of what is stored by
	// then, and fails if nothing is. Default: nil, the records have no format of the store's own.
	Newer func(tb testing.TB, id driver.ID) (back func())

	// ForgetsLists says that the storage may throw a list by subject or label out, so that a walk may end in
	// driver.ErrIncomplete where there never was a record. Default: false, an index knows that it has none.
	ForgetsLists bool

	// Timeout is how long one case may take before it counts as hanging.
	// Default: one minute.
	Timeout time.Duration
}

// Run checks every rule, each in a subtest of its own.
func Run(t *testing.T, h Harness) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Helper()
			skipped, failures := check(t, h, r)
			if skipped != "" {
				t.Skip(skipped)
			}
			for _, failure := range failures {
				t.Errorf("%s\nThe rule: %s", failure, r.text)
			}
		})
	}
}
