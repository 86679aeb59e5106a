//go:build unix

package filestore

import "syscall"

// nonblock opens a FIFO without waiting for a process at its other end.
const nonblock = syscall.O_NONBLOCK
