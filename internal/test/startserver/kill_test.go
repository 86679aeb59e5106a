//go:build linux

package startserver

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestKillMissesNoChild: a child that left the group, and was born while the server was killed, is killed, too. One of
// PostgreSQL's would hold its memory, and no new server could start.
func TestKillMissesNoChild(t *testing.T) {
	for i := range 30 {
		mark := fmt.Sprintf("60.%d%d", os.Getpid(), i)
		p, err := run(folder(t, "nobody"), "nobody", "/bin/sh", "-c", "while :; do setsid sleep "+mark+" & done")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
		p.kill()
		time.Sleep(20 * time.Millisecond) // for setsid to become sleep, and for the dead to go
		left := 0
		paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, path := range paths {
			text, _ := os.ReadFile(path)
			if bytes.Contains(text, []byte(mark)) {
				left++
				var pid int
				_, _ = fmt.Sscanf(path, "/proc/%d/", &pid)
				if c, err := os.FindProcess(pid); err == nil {
					_ = c.Kill()
				}
			}
		}
		if left > 0 {
			t.Fatalf("round %d: %d children have outlived the server", i, left)
		}
	}
}
