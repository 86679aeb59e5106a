package gormtest

import (
	"context"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/owncost"
)

// TestAllocations: calls with a deadline, as core makes them, stay as cheap as they are on SQLite. A goroutine for each
// statement, of database/sql or of the driver, which waits for the deadline, would show here.
func TestAllocations(t *testing.T) {
	if owncost.Race {
		t.Skip("the race detector allocates; the run without it counts")
	}
	p := sqliteFile(t)
	s := newStore(t, p.open(t), p.fresh(t))
	rec := record(1, "", 261)
	must(t, s.Create(t.Context(), rec))
	n := 1
	for _, c := range []struct {
		name string
		most float64
		call func(context.Context) error
	}{
		{"Load", 53, func(ctx context.Context) error { _, err := s.Load(ctx, rec.ID); return err }},
		{"Update", 57, func(ctx context.Context) error { return s.Update(ctx, rec) }},
		{"Create", 61, func(ctx context.Context) error { n++; return s.Create(ctx, record(n, "", 0)) }},
		{"Touch", 41, func(ctx context.Context) error {
			rec.Used = rec.Used.Add(time.Minute)
			return s.Touch(ctx, rec.ID, rec.Version, rec.Used, rec.Expires)
		}},
		{"Delete", 27, func(ctx context.Context) error { return s.Delete(ctx, driver.ID{1}) }},
	} {
		if got := allocations(t, c.call); got > c.most {
			t.Errorf("%s: %v allocations, at most %v", c.name, got, c.most)
		}
	}
}

// TestAllocationsOfARead: a read on PostgreSQL goes to the driver itself. database/sql would add a goroutine and the
// conversion of each column.
func TestAllocationsOfARead(t *testing.T) {
	if owncost.Race {
		t.Skip("the race detector allocates; the run without it counts")
	}
	p := postgresAt(t)
	s := newStore(t, p.open(t), p.fresh(t))
	rec := record(1, "alice", 261)
	must(t, s.Create(t.Context(), rec))
	got := allocations(t, func(ctx context.Context) error { _, err := s.Load(ctx, rec.ID); return err })
	if got > 66 {
		t.Errorf("Load: %v allocations, at most 66", got)
	}
}

// allocations are those of a call with a deadline.
func allocations(t *testing.T, call func(context.Context) error) float64 {
	return testing.AllocsPerRun(300, func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		must(t, call(ctx))
	})
}
