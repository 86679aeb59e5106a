package gormtest

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

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
	h.Clock, h.Block, h.New = nil, nil, func(tb testing.TB) func(testing.TB) driver.Store {
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

// TestLockOutlastsTheCaller: a writer that waits for SQLite's lock returns at its deadline, although the driver waits on,
// and readers do not wait. What it was to write is not written later.
func TestLockOutlastsTheCaller(t *testing.T) {
	t.Parallel()
	p := sqliteAt(filepath.Join(made.MemoryDir(t), "sessions.db") + "?_pragma=journal_mode(WAL)&_pragma=busy_timeout(600000)")
	config := p.fresh(t)
	db := p.open(t)
	s := newStore(t, db, config)
	rec, gone := record(1, "alice", 100), record(2, "alice", 100)
	must(t, s.Create(t.Context(), rec))
	must(t, s.Create(t.Context(), gone))
	unlock := lock(t, p.open(t))
	for name, call := range map[string]func(context.Context) error{
		"Create": func(ctx context.Context) error { return s.Create(ctx, record(3, "alice", 100)) },
		"Update": func(ctx context.Context) error { r := *rec; return s.Update(ctx, &r) },
		"Delete": func(ctx context.Context) error { return s.Delete(ctx, gone.ID) },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		err := call(ctx) // without an end of its own, it would take ten minutes
		cancel()
		if !errors.Is(err, driver.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Load(t.Context(), rec.ID); err != nil {
		t.Errorf("a reader: %v", err)
	}
	unlock()
	pool, err := db.DB()
	must(t, err)
	for end := time.Now().Add(patience); pool.Stats().InUse > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d connections are in use after the lock has gone", pool.Stats().InUse)
		}
	}
	// What was reported as not made was not made later: the client has tried again by now.
	if found, err := s.Load(t.Context(), rec.ID); err != nil || found.Version != rec.Version {
		t.Errorf("the Update was made after the end of its caller: version %d, was %d, %v", found.Version, rec.Version, err)
	}
	if _, err := s.Load(t.Context(), record(3, "alice", 100).ID); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("the Create was made after the end of its caller: %v", err)
	}
	if _, err := s.Load(t.Context(), gone.ID); err != nil {
		t.Errorf("the Delete was made after the end of its caller: %v", err)
	}
	must(t, s.Update(t.Context(), rec))
}

func TestReport(t *testing.T) {
	t.Log("\n" + storetest.ReportHead() + storetest.Report(t, engines[0].harness(t)))
}
