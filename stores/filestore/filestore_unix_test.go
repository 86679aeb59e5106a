//go:build unix

package filestore

import (
	"os/signal"
	"syscall"
	"testing"
)

func init() {
	outages = map[string]func(testing.TB) func(){"no file handles left": func(tb testing.TB) func() {
		return limit(tb, syscall.RLIMIT_NOFILE, func(l *syscall.Rlimit) { l.Cur = 3 })
	}}
	writeOutages = map[string]func(testing.TB) func(){"no room for large files": func(tb testing.TB) func() {
		signal.Ignore(syscall.SIGXFSZ)
		end := limit(tb, syscall.RLIMIT_FSIZE, func(l *syscall.Rlimit) { l.Cur = 4096 })
		return func() { end(); signal.Reset(syscall.SIGXFSZ) }
	}}
}

// limit lowers a limit of the process. The type of its numbers differs between systems.
func limit(tb testing.TB, resource int, lower func(*syscall.Rlimit)) (end func()) {
	var old syscall.Rlimit
	check(tb, syscall.Getrlimit(resource, &old))
	low := old
	lower(&low)
	check(tb, syscall.Setrlimit(resource, &low))
	return func() { check(tb, syscall.Setrlimit(resource, &old)) }
}
