package storetest

import (
	"context"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// The contract leaves an index free: it may not know whose record was damaged.
func TestIndexMayLeaveOutDamage(t *testing.T) {
	h := modelHarness(NewClock(), func(m *model) driver.Store {
		return breakModel(m, func(b *broken) {
			b.bySubject = func(ctx context.Context, subject string) seq { return silent(b, b.model.BySubject(ctx, subject)) }
			b.byLabel = func(ctx context.Context, label string) seq { return silent(b, b.model.ByLabel(ctx, label)) }
		})
	})
	if skipped, failures := check(t, h, ruleNamed(t, "DamagedInWalks")); skipped != "" || len(failures) > 0 {
		t.Error(skipped, failures)
	}
}
