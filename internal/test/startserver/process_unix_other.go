//go:build unix && !linux

package startserver

import "syscall"

func dieWithParent(*syscall.SysProcAttr) {}

func awaitStopped(int) {}

// descendants knows none: the process group has to do.
func descendants(int) []int { return nil }
