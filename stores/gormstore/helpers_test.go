package gormstore

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestHelpers: a helper that is free is used again, one that waits for a lock keeps nobody waiting, and all of them go
// home after a rest.
func TestHelpers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := helpers{calls: make(chan helped)}
		errMine := errors.New("mine")
		var at [4]string
		call := func(i int, wait time.Duration) <-chan outcome {
			return h.do(func() error {
				at[i] = goroutine()
				time.Sleep(wait)
				return errMine
			})
		}
		slow := call(0, time.Minute)
		synctest.Wait()
		for i := 1; i <= 2; i++ {
			if o := <-call(i, 0); o.err != errMine || o.panicked != nil {
				t.Errorf("call %d: %v", i, o)
			}
			synctest.Wait()
		}
		if at[1] == at[0] || at[2] != at[1] {
			t.Errorf("goroutines %q: want another one beside a slow call, and the same again when that is free", at)
		}
		time.Sleep(2 * helperRest)
		if o := <-call(3, 0); o.err != errMine || at[3] == at[1] {
			t.Errorf("after a rest: %v, in %s", o, at[3])
		}
		if o := <-slow; o.err != errMine {
			t.Error(o)
		}
		time.Sleep(2 * helperRest)
	}) // fails if a helper is still there
}

// goroutine returns the name of the goroutine that calls it.
func goroutine() string {
	buf := make([]byte, 64)
	name, _, _ := strings.Cut(string(buf[:runtime.Stack(buf, false)]), " [")
	return name
}
