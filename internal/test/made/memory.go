package made

import (
	"os"
	"testing"
)

// MemoryDir returns an empty folder in memory if there can be one, else on disk. It is for tests of what is built on
// files: on disk, much of their time would be fsync, which is not tested there.
func MemoryDir(tb testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "coatcheck")
	if err != nil {
		return tb.TempDir()
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
