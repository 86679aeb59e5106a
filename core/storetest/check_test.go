package storetest

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Given a rule that has failed, when the harness skips the rest of it, then the failure is still reported.
func TestSkipHidesNoFailure(t *testing.T) {
	h := modelHarness(NewClock(), func(m *model) driver.Store {
		return breakModel(m, changeLoadError(driver.ErrUnavailable, driver.ErrNotFound))
	})
	h.Outages["not here"] = func(tb testing.TB) func() { tb.Skip("no such server"); return nil }
	skipped, failures := check(t, h, ruleNamed(t, "OutageIsUnavailable"))
	if skipped != "" || len(failures) == 0 {
		t.Errorf("skipped %q, failures %q", skipped, failures)
	}
}
