//go:build unix && !linux

package testserver

import "syscall"

func dieWithParent(*syscall.SysProcAttr) {}

// descendants knows none: the process group has to do.
func descendants(int) []int { return nil }
