package gormtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/coatcheck-go/coatcheck/internal/test/urltest"
)

// A second store on a file takes no lock away from the connections that this process has on it already: without their
// locks, another process could break the database.
func TestSQLiteURLKeepsLocks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.db")
	urltest.Open(t, "sqlite:"+file)
	locked := func() bool {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		locks, err := os.ReadFile("/proc/locks")
		if err != nil {
			missing(t, "there is no /proc/locks: "+err.Error())
		}
		return strings.Contains(string(locks), fmt.Sprintf(":%d ", info.Sys().(*syscall.Stat_t).Ino))
	}
	if !locked() {
		missing(t, "an idle connection has no lock here, or /proc/locks does not show it")
	}
	for _, option := range []string{"", "?create=false", "?table=others"} {
		urltest.Open(t, "sqlite:"+file+option)
		if !locked() {
			t.Errorf("%q: the locks are gone", option)
		}
	}
}

// missing skips a test that this machine cannot run. In CI that is a failure.
func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}
