// Package recorder has the testing.TB in which the suites core/storetest and core/adaptertest run a rule. It keeps
// failures instead of reporting them. So a suite can add the rule's text to each, and the suite's own tests can
// look for failures in stores and adapters that are broken on purpose.
package recorder

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"
)

// maxFailures is how many failures of one rule are kept.
const maxFailures = 20

// TB is a testing.TB that keeps failures, the reason for a skip, and cleanups. Everything else, such as Log and
// TempDir, is the inner testing.TB's. All methods may be called concurrently.
type TB struct {
	testing.TB

	mu       sync.Mutex
	failures []string
	skipped  string
	cleanups []func()
}

// New returns a TB inside of tb.
func New(tb testing.TB) *TB { return &TB{TB: tb} }

// Within runs f in a goroutine of its own and returns when f has ended, or after the timeout. A panic of f is a
// failure, and so is the timeout: a store or an adapter that hangs or panics fails one rule and not the whole run.
// what begins the text of such a failure: "the rule". The text shows where: see stacksBelow.
func (r *TB) Within(timeout time.Duration, what string, f func()) {
	done, started := make(chan struct{}), make(chan string, 1)
	go func() {
		started <- goroutine()
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				r.Errorf("%s panics: %v\n%s", what, v, debug.Stack())
			}
		}()
		f()
	}()
	select {
	case <-done:
	case <-time.After(timeout):
		r.Errorf("%s hangs: no end after %v\n%s", what, timeout, stacksBelow(<-started))
	}
}

// Cleanup keeps f for RunCleanups.
func (r *TB) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

// RunCleanups calls what was given to Cleanup, the last first, also after one that fails.
func (r *TB) RunCleanups() {
	r.mu.Lock()
	last := len(r.cleanups) - 1
	if last < 0 {
		r.mu.Unlock()
		return
	}
	f := r.cleanups[last]
	r.cleanups = r.cleanups[:last]
	r.mu.Unlock()
	defer r.RunCleanups() // also where f ends the goroutine
	f()
}

// Result returns why the test was skipped, or its failures. A test that failed before it was skipped has failed.
func (r *TB) Result() (skipped string, failures []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failures) > 0 {
		return "", r.failures
	}
	return r.skipped, nil
}

// Errorf keeps a failure.
func (r *TB) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failures) < maxFailures {
		r.failures = append(r.failures, fmt.Sprintf(format, args...))
	}
}

// Skipf keeps the reason and ends the calling goroutine.
func (r *TB) Skipf(format string, args ...any) {
	r.mu.Lock()
	if r.skipped = fmt.Sprintf(format, args...); r.skipped == "" {
		r.skipped = "skipped"
	}
	r.mu.Unlock()
	runtime.Goexit()
}

// FailNow ends the calling goroutine, which may be the rule's or one of its workers.
func (r *TB) FailNow() {
	if !r.Failed() {
		r.Errorf("failed")
	}
	runtime.Goexit()
}

// Failed reports whether a failure is kept.
func (r *TB) Failed() bool { _, failures := r.Result(); return len(failures) > 0 }

// Skipped reports whether the test was skipped.
func (r *TB) Skipped() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.skipped != "" }

// The others are those of testing.TB, made of the above.

func (r *TB) Error(args ...any)                 { r.Errorf("%s", fmt.Sprintln(args...)) }
func (r *TB) Fail()                             { r.Errorf("failed") }
func (r *TB) Fatal(args ...any)                 { r.Error(args...); runtime.Goexit() }
func (r *TB) Fatalf(format string, args ...any) { r.Errorf(format, args...); runtime.Goexit() }
func (r *TB) Skip(args ...any)                  { r.Skipf("%s", fmt.Sprint(args...)) }
func (r *TB) SkipNow()                          { r.Skipf("skipped") }
