package gormtest

import (
	"path/filepath"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/internal/test/rounds"
)

func TestStore(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) { storetest.Run(t, e.harness(t)) })
	}
}

// TestRealClock runs the suite with the default clock.
func TestRealClock(t *testing.T) {
	rounds.OnlyFull(t, "TestTwoProcesses and the adapters' tests in internal/test/serverstores use the default clock, too")
	t.Parallel()
	h := engines[0].harness(t)
	h.Clock, h.New = nil, func(tb testing.TB) func(testing.TB) driver.Store {
		p := sqliteFile(tb)
		config := p.fresh(tb)
		return func(tb testing.TB) driver.Store { return newStore(tb, p.open(tb), config) }
	}
	storetest.Run(t, h)
}

// TestLockedFile: without WAL, a writer locks everybody out. The store retries on SQLITE_BUSY until the deadline, and
// then reports an outage.
func TestLockedFile(t *testing.T) {
	t.Parallel()
	var last place
	h := storetest.Harness{Clock: storetest.NewClock(), MaxData: rounds.Of(0, 2<<20)}
	h.New = func(tb testing.TB) func(testing.TB) driver.Store {
		p := sqliteAt(filepath.Join(made.MemoryDir(tb), "rollback.db") + "?_pragma=busy_timeout(100)")
		last = p
		config := p.fresh(tb)
		config.Now = h.Clock.Now
		return func(tb testing.TB) driver.Store {
			return newStore(tb, p.open(tb), config)
		}
	}
	h.Outages = map[string]func(testing.TB) func(){
		"locked": func(tb testing.TB) func() { return lock(tb, last.open(tb)) },
	}
	storetest.Run(t, h)
}

func TestReport(t *testing.T) {
	t.Log("\n" + storetest.ReportHead() + storetest.Report(t, engines[0].harness(t)))
}
