package storetest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// TestBusyMachine: every rule passes on a machine so busy that one call takes longer than the short-lived records of
// the rules live. The store goes by the real time.
func TestBusyMachine(t *testing.T) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := modelHarness(nil, func(m *model) driver.Store {
					fault := NewFault(m)
					fault.Before(func(Call) error { time.Sleep(1500 * time.Millisecond); return nil })
					return fault.Store()
				})
				h.Timeout = 1000 * time.Hour
				skipped, failures := check(t, h, r)
				if skipped != "" {
					t.Skip(skipped)
				}
				for _, failure := range failures {
					t.Error(failure)
				}
			})
		})
	}
}

func TestModel(t *testing.T) {
	t.Run("Clock", func(t *testing.T) { Run(t, modelHarness(NewClock(), unchangedModel)) })
	t.Run("RealTime", func(t *testing.T) { Run(t, modelHarness(nil, unchangedModel)) })
}
