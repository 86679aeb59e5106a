//go:build unix && !linux

package startserver

import "syscall"

func dieWithParent(*syscall.SysProcAttr) {}

func awaitStopped(int) {}

// descendants finds none here: only the process group gets signals.
func descendants(int) []int { return nil }
