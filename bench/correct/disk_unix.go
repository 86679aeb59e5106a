//go:build unix

package correct

import (
	"os/signal"
	"syscall"
)

// fullDisk lets this process write no byte to any file, which is as near to a full disk as one gets
// without one.
func fullDisk(*target) (func() error, error) {
	signal.Ignore(syscall.SIGXFSZ)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		return nil, err
	}
	none := syscall.Rlimit{Cur: 0, Max: old.Max}
	return func() error { return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old) }, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &none)
}
