package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/internal/recorder"
)

// check runs one rule against a new storage.
func check(tb testing.TB, h Harness, r rule) (skipped string, failures []string) {
	tb.Helper()
	timeout := h.Timeout
	if timeout == 0 {
		timeout = time.Minute
	}
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
	rec.Within(timeout, "the cleanup of the harness", rec.RunCleanups)
	return rec.Result()
}
