package servers

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
)

// tb is the testing.TB of a program that is no test. What startserver does not call stays nil.
type tb struct {
	testing.TB

	mu       sync.Mutex
	cleanups []func()
}

// failure is what ends a call of startserver early; try catches it.
type failure struct{ error }

// try runs f, and returns as an error what would have failed or skipped a test.
func try(f func()) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case failure:
			err = p.error
		default:
			panic(p)
		}
	}()
	f()
	return nil
}

func (*tb) Helper()                           {}
func (*tb) Name() string                      { return "bench" }
func (*tb) Failed() bool                      { return false }
func (*tb) Skipped() bool                     { return false }
func (*tb) Log(...any)                        {}
func (*tb) Logf(string, ...any)               {}
func (*tb) Fatal(args ...any)                 { panic(failure{errors.New(fmt.Sprint(args...))}) }
func (*tb) Fatalf(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }
func (t *tb) Skip(args ...any)                { t.Fatal(args...) }
func (t *tb) Skipf(format string, args ...any) {
	t.Fatalf(format, args...)
}

func (t *tb) Setenv(key, value string) {
	old, had := os.LookupEnv(key)
	_ = os.Setenv(key, value)
	t.Cleanup(func() {
		if had {
			_ = os.Setenv(key, old)
			return
		}
		_ = os.Unsetenv(key)
	})
}

func (t *tb) TempDir() string {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (t *tb) Cleanup(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, f)
}

// cleanup does what a test's end does.
func (t *tb) cleanup() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
	t.cleanups = nil
}
