package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/internal/recorder"
)

// check runs one rule against a new storage.
func check(tb testing.TB, h Harness, r rule) (skipped string, failures []string) {
	tb.Helper()
	skipped, failures, _ = checkOpening(tb, h, r)
	return skipped, failures
}

// enoughClosed is how many rules may fail to open the store before the others are not run. A file that another handle
// has locked may hold each of them up for a minute.
const enoughClosed = 3

// checkOpening is check, and reports whether the rule had both its handles.
func checkOpening(tb testing.TB, h Harness, r rule) (skipped string, failures []string, opened bool) {
	tb.Helper()
	timeout := h.Timeout
	if timeout == 0 {
		timeout = time.Minute
	}
	handles := h.tellOfHandles()
	rec := recorder.New(tb)
	rec.Within(timeout, "the rule", func() {
		e := newEnv(rec, h)
		var cancel func()
		e.ctx, cancel = context.WithTimeout(e.ctx, 2*timeout) // core gives each call a deadline, too
		defer cancel()
		if e.lacksAbility(r.needs) {
			rec.Skipf("not a driver.%s", r.needs)
		}
		r.run(e)
	})
	opened = len(handles) == cap(handles)
	if rec.Failed() && !opened {
		rec.Errorf("open did not return two handles. If the storage takes one at a time, Info.Local is true, and open may return the same handle each time")
	}
	rec.Within(timeout, "the cleanup of the harness", rec.RunCleanups)
	skipped, failures = rec.Result()
	return skipped, failures, opened || skipped != ""
}

// tellOfHandles makes h tell of the first two handles that it opens, even if open does not return a second one.
func (h *Harness) tellOfHandles() <-chan driver.Store {
	handles := make(chan driver.Store, 2)
	inner := h.New
	h.New = func(tb testing.TB) func(testing.TB) driver.Store {
		open := inner(tb)
		return func(tb testing.TB) driver.Store {
			s := open(tb)
			select {
			case handles <- s:
			default:
			}
			return s
		}
	}
	return handles
}

// inLines puts one failure on a line, and counts those that follow with the same text.
func inLines(failures []string) string {
	var lines []string
	for i := 0; i < len(failures); {
		n := 1
		for i+n < len(failures) && failures[i+n] == failures[i] {
			n++
		}
		line := strings.TrimSpace(failures[i])
		if n > 1 {
			line += fmt.Sprintf(" (%d times)", n)
		}
		lines = append(lines, line)
		i += n
	}
	return strings.Join(lines, "\n")
}
