package adaptertest

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Run checks every rule, each in a subtest of its own.
func Run(t *testing.T, h Harness) { runAll(t, h, rules) }

// RunStore is for a further store under an adapter that passes [Run] with another one, in the same test run: it
// checks all rules but those in which every store that passes core/storetest does the same.
func RunStore(t *testing.T, h Harness) {
	runAll(t, h, slices.DeleteFunc(slices.Clone(rules), func(r rule) bool { return !r.store }))
}

func runAll(t *testing.T, h Harness, rules []rule) {
	t.Helper()
	if h.Adapter == nil || (h.New == nil) == (h.Tokens == nil) {
		t.Fatal("adaptertest: Harness needs Adapter, and New or Tokens")
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Helper()
			skipped, failures := check(t, h, r)
			if skipped != "" {
				t.Skip(skipped)
			}
			if len(failures) > 0 {
				t.Errorf("%s\nThe rule: %s", strings.Join(failures, "\n"), r.text)
			}
		})
	}
}

// check runs one rule against an application of its own. The rule has a goroutine of
// its own, too, so that an adapter that hangs or panics fails this rule and not the whole run.
func check(tb testing.TB, h Harness, r rule) (skipped string, failures []string) {
	tb.Helper()
	if why := r.lacks(h); why != "" {
		return why, nil
	}
	rec := &recorder{TB: tb}
	timeout := h.Timeout
	if timeout == 0 {
		timeout = time.Minute
	}
	within(rec, timeout, "the rule", func() {
		e := newEnv(rec, h)
		r.run(e)
		e.lookForTokens()
	})
	within(rec, 10*time.Second, "stopping the application", rec.cleanUp)
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.skipped, rec.failures
}

func within(rec *recorder, timeout time.Duration, what string, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				rec.Errorf("%s panics: %v\n%s", what, v, debug.Stack())
			}
		}()
		f()
	}()
	select {
	case <-done:
	case <-time.After(timeout):
		rec.Errorf("%s hangs: no end after %v", what, timeout)
	}
}

// recorder is a testing.TB that keeps failures instead of reporting them: Run
// adds the rule's text to them, and the suite's own tests look for them in
// adapters that are broken on purpose.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	skipped  string
	cleanups []func()
}

// most is how many failures of one rule are told.
const most = 10

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failures) < most {
		r.failures = append(r.failures, fmt.Sprintf(format, args...))
	}
}

func (r *recorder) Skipf(format string, args ...any) {
	r.mu.Lock()
	r.skipped = fmt.Sprintf(format, args...)
	r.mu.Unlock()
	runtime.Goexit()
}

// Cleanup takes what must run before the rule is over, and may hang.
func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

func (r *recorder) cleanUp() {
	r.mu.Lock()
	list := r.cleanups
	r.mu.Unlock()
	for _, f := range slices.Backward(list) {
		f()
	}
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.failures) > 0
}

// FailNow ends the calling goroutine, be it the rule's or one of its workers.
func (r *recorder) FailNow() {
	if !r.Failed() {
		r.Errorf("failed")
	}
	runtime.Goexit()
}

func (r *recorder) Error(args ...any)                 { r.Errorf("%s", fmt.Sprintln(args...)) }
func (r *recorder) Fail()                             { r.Errorf("failed") }
func (r *recorder) Fatal(args ...any)                 { r.Error(args...); runtime.Goexit() }
func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...); runtime.Goexit() }
func (r *recorder) Skip(args ...any)                  { r.Skipf("%s", fmt.Sprint(args...)) }
func (r *recorder) SkipNow()                          { r.Skipf("skipped") }
func (r *recorder) Skipped() bool                     { r.mu.Lock(); defer r.mu.Unlock(); return r.skipped != "" }
