package storetest

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"
)

// check runs one rule against a new storage. The rule has a goroutine of its own,
// so that a store that hangs or panics fails this rule and not the whole run.
func check(tb testing.TB, h Harness, r rule) (skipped string, failures []string) {
	tb.Helper()
	rec := &recorder{TB: tb}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				rec.Errorf("panic: %v\n%s", v, debug.Stack())
			}
		}()
		e := newEnv(rec, h)
		if e.lacks(r.needs) {
			rec.Skipf("not a driver.%s", r.needs)
		}
		r.run(e)
	}()
	timeout := h.Timeout
	if timeout == 0 {
		timeout = time.Minute
	}
	select {
	case <-done:
	case <-time.After(timeout):
		rec.Errorf("hangs: no end after %v", timeout)
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if len(rec.failures) > 0 {
		return "", rec.failures // what failed before the rest was skipped has failed
	}
	return rec.skipped, nil
}

// recorder is a testing.TB that keeps failures instead of reporting them: Run
// adds the rule's text to them, and the suite's own tests look for them in
// stores that are broken on purpose.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	skipped  string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Skipf(format string, args ...any) {
	r.mu.Lock()
	r.skipped = fmt.Sprintf(format, args...)
	r.mu.Unlock()
	runtime.Goexit()
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
