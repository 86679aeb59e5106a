package memstore_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestNewNamesTheBoundThatIsWrong(t *testing.T) {
	for field, config := range map[string]memstore.Config{
		"Config.MaxRecords": {MaxRecords: -1},
		"Config.MaxBytes":   {MaxBytes: -1},
	} {
		if s, err := memstore.New(config); s != nil || err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("New = %v, %v, want an error that names %s", s, err, field)
		}
	}
}

func harness(config memstore.Config) storetest.Harness {
	h := storetest.Harness{Clock: storetest.NewClock()}
	config.Now = h.Clock.Now
	h.New = func(testing.TB) func(testing.TB) driver.Store {
		s := made.Of(memstore.New(config))
		return func(testing.TB) driver.Store { return s }
	}
	return h
}

func TestStore(t *testing.T) { storetest.Run(t, harness(memstore.Config{})) }

func TestBoundedStore(t *testing.T) {
	storetest.Run(t, harness(memstore.Config{MaxRecords: 1000, MaxBytes: 10 << 20}))
}

func BenchmarkStore(b *testing.B) { storetest.Bench(b, harness(memstore.Config{})) }

// TestLoadDoesNotAllocate also checks Touch and Update of a session that exists.
func TestLoadDoesNotAllocate(t *testing.T) {
	s := made.Of(memstore.New(memstore.Config{}))
	rec := record(1, "alice", 261)
	rec.Labels = []string{"admin", "sid"}
	must(t, s.Create(t.Context(), rec))
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := s.Load(t.Context(), rec.ID); err != nil {
			t.Error(err)
		}
		must(t, s.Touch(t.Context(), rec.ID, rec.Version, time.Now(), time.Now().Add(2*time.Hour)))
		must(t, s.Update(t.Context(), rec))
	})
	if allocs != 0 {
		t.Errorf("%v allocations in Load, Touch and Update", allocs)
	}
}

// TestRealClock uses the default clock, in a synctest bubble.
func TestRealClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := made.Of(memstore.New(memstore.Config{}))
		rec := record(1, "alice", 10)
		must(t, s.Create(t.Context(), rec))
		time.Sleep(time.Hour - time.Microsecond)
		if _, err := s.Load(t.Context(), rec.ID); err != nil {
			t.Errorf("before the deadline: %v", err)
		}
		time.Sleep(time.Microsecond)
		if _, err := s.Load(t.Context(), rec.ID); err == nil {
			t.Error("found at the deadline")
		}
		if n, _ := s.Sweep(t.Context(), 10); n != 1 || s.Len() != 0 {
			t.Errorf("swept %d, %d left", n, s.Len())
		}
	})
}
