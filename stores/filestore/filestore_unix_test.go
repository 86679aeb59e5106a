//go:build unix

package filestore

import (
	"syscall"
	"testing"
)

func init() {
	outages = map[string]func(testing.TB) func(){"no file handles left": func(tb testing.TB) func() {
		var old syscall.Rlimit
		check(tb, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old))
		check(tb, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 3, Max: old.Max}))
		return func() { check(tb, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old)) }
	}}
}
