// Package rounds says how often tests repeat themselves, and over how many combinations they go. With TESTS_FULL=1,
// which .ci/run sets, they take all. A plain "go test" takes a part: each rule for each adapter, and each rule for each
// store, but not all adapters over all stores, and fewer repetitions of what is left to chance.
package rounds

import (
	"os"
	"testing"
)

// Full is whether the tests take all rounds.
var Full = os.Getenv("TESTS_FULL") != ""

// Of returns few, or all if Full is set.
func Of[T any](few, all T) T {
	if Full {
		return all
	}
	return few
}

// OnlyFull skips the test unless Full is set. proven says where a plain run proves the same.
func OnlyFull(tb testing.TB, proven string) {
	tb.Helper()
	if !Full {
		tb.Skip("only with TESTS_FULL=1; " + proven)
	}
}
