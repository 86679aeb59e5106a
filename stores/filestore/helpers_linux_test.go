package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// faulty reports whether err is what an outage must look like.
func faulty(err error, cause error, advice string) error {
	var pathErr *fs.PathError
	switch {
	case !errors.Is(err, driver.ErrUnavailable), !errors.Is(err, cause), !errors.As(err, &pathErr):
		return fmt.Errorf("error is %v, want ErrUnavailable, a PathError and %v", err, cause)
	case !strings.Contains(err.Error(), advice):
		return fmt.Errorf("error %q does not say %q", err, advice)
	}
	return nil
}

// skipUnlessRoot skips a test of what only root may do, and failed. In CI, root must be able to.
func skipUnlessRoot(tb testing.TB, what string, err error) {
	tb.Helper()
	if os.Getenv("CI") != "" && os.Geteuid() == 0 {
		tb.Fatalf("CI has to let root %s: %v", what, err)
	}
	tb.Skipf("%s: %v; needs root, and a container that lets root do it", what, err)
}

// soon runs call, and fails if that takes many times as long as it should.
func soon(t *testing.T, what string, call func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); call() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s hangs", what)
	}
}
