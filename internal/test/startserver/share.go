package startserver

import (
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// shared holds the cleanups for Main.
var shared struct {
	sync.Mutex
	cleanups []func()
}

// mainRuns is whether Main runs, so that what is lasting will be removed.
var mainRuns atomic.Bool

// Main runs the tests and then stops what Share started. It returns the exit code for TestMain.
func Main(m *testing.M) int {
	defer func() {
		shared.Lock()
		defer shared.Unlock()
		for i := len(shared.cleanups) - 1; i >= 0; i-- {
			shared.cleanups[i]()
		}
	}()
	mainRuns.Store(true)
	return m.Run()
}

// Share returns a function that calls start for the first test that asks, and gives the same result to all later ones.
// Cleanups that start registers run at the end of Main, which the package's TestMain has to call.
func Share[T any](start func(tb testing.TB) T) func(tb testing.TB) T {
	var (
		mu      sync.Mutex
		started bool
		it      T
	)
	return func(tb testing.TB) T {
		tb.Helper()
		mu.Lock()
		defer mu.Unlock()
		if !started { // a start that skips or fails ends the test's goroutine
			it = start(lasting{tb})
			started = true
		}
		return it
	}
}

// lasting is a testing.TB whose cleanups outlive the test.
type lasting struct{ testing.TB }

func (l lasting) Cleanup(f func()) {
	shared.Lock()
	defer shared.Unlock()
	shared.cleanups = append(shared.cleanups, f)
}

func (l lasting) TempDir() string {
	dir, err := os.MkdirTemp("", "ccts")
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
