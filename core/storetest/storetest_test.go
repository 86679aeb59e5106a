package storetest

import (
	"strings"
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

// Every call has a deadline, as core gives each one: a store may take another way without. It comes after
// Harness.Timeout, at which a rule counts as hanging.
func TestCallsHaveADeadline(t *testing.T) {
	h := modelHarness(nil, func(m *model) driver.Store { return m })
	h.Timeout = time.Hour
	_, failures := check(t, h, rule{run: func(e *env) {
		if end, ok := e.ctx.Deadline(); !ok || time.Until(end) < h.Timeout {
			e.Errorf("a deadline: %t, %v", ok, end)
		}
	}})
	if len(failures) > 0 {
		t.Error(failures)
	}
}

// A worker that waits for one that has failed would seem to hang.
func TestFailedWorkerEndsTheRule(t *testing.T) {
	h := modelHarness(nil, func(m *model) driver.Store {
		fault := NewFault(m)
		fault.Before(On("Delete"))
		return fault.Store()
	})
	h.Timeout = 30 * time.Second
	_, failures := check(t, h, ruleNamed(t, "DeletedStaysDeleted"))
	if all := strings.Join(failures, "\n"); !strings.Contains(all, ErrInjected.Error()) || strings.Contains(all, "hangs") {
		t.Error(all)
	}
}
