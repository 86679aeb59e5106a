//go:build linux

package startserver

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/internal/test/rounds"
)

// TestKillMissesNoChild: a child that left the group and was started while the server was killed is killed, too. A
// child of PostgreSQL that lives on would hold its memory, and no new server could start.
func TestKillMissesNoChild(t *testing.T) {
	for i := range rounds.Of(8, 30) {
		mark := fmt.Sprintf("60.%d%d", os.Getpid(), i)
		p, err := run(folder(t, "nobody"), "nobody", "/bin/sh", "-c", "while :; do setsid sleep "+mark+" & done")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
		p.kill()
		time.Sleep(20 * time.Millisecond) // for setsid to become sleep
		var left []int
		for range 1000 { // a busy machine clears dead processes away slowly; a child that was missed lives for a minute
			if left = running(mark); len(left) == 0 {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if len(left) > 0 {
			t.Fatalf("round %d: %d children have outlived the server", i, len(left))
		}
	}
}

// running returns the processes that have mark in their command line.
func running(mark string) (pids []int) {
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range paths {
		text, _ := os.ReadFile(path)
		var pid int
		if _, err := fmt.Sscanf(path, "/proc/%d/", &pid); err == nil && bytes.Contains(text, []byte(mark)) {
			pids = append(pids, pid)
		}
	}
	return pids
}
