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

// faulty returns an error unless err is ErrUnavailable with a PathError, the cause and the advice.
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

// skipUnlessRoot skips a test that needs root, after what it tried has failed. In CI it fails, if the user is root.
func skipUnlessRoot(tb testing.TB, what string, err error) {
	tb.Helper()
	if os.Getenv("CI") != "" && os.Geteuid() == 0 {
		tb.Fatalf("CI has to let root %s: %v", what, err)
	}
	tb.Skipf("%s: %v; needs root, and a container that lets root do it", what, err)
}

// soon runs call, and fails if it hangs.
func soon(t *testing.T, what string, call func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); call() }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatalf("%s hangs", what)
	}
}
