package filestore

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Several Sweeps with a small limit make one pass together, and the pass ends.
func TestSweepGoesOn(t *testing.T) {
	s, _ := newStore(t)
	const dead, living, limit = 25, 5, 4
	for range dead {
		create(t, s, "alice", "data")
	}
	s.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	for range living {
		rec := newRecord("alice", "data")
		rec.Expires = rec.Expires.Add(5 * time.Hour)
		check(t, s.Create(t.Context(), rec))
	}
	total := 0
	for {
		n, err := s.Sweep(t.Context(), limit)
		check(t, err)
		if total += n; n < limit {
			break
		}
		if n > limit {
			t.Fatalf("one Sweep removed %d, limit %d", n, limit)
		}
	}
	if total != dead {
		t.Errorf("removed %d, want %d", total, dead)
	}
	if got := sessionsOf(t, s, "alice"); len(got) != living {
		t.Errorf("%d left, want %d", len(got), living)
	}
}

func TestSweepEndsWithContext(t *testing.T) {
	s, _ := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Sweep(ctx, 10)
	wantError(t, err, driver.ErrUnavailable)
	wantError(t, err, context.Canceled)
}

// A session that is touched or updated during a Sweep stays.
func TestSweepAgainstWriters(t *testing.T) {
	s, dir := newStore(t)
	other := openStore(t, dir)
	var recs []*driver.Record
	for i := range 30 {
		rec := newRecord("alice", "data")
		rec.Expires = time.Now().Add(100 * time.Millisecond)
		if i >= 25 { // the loop below reaches these in time, even on a slow disk
			rec.Expires = time.Now().Add(time.Minute)
		}
		check(t, s.Create(t.Context(), rec))
		recs = append(recs, rec)
	}
	stop := make(chan struct{})
	var sweeps sync.WaitGroup
	for _, s := range []*Store{s, other} {
		sweeps.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					s.Sweep(context.Background(), 100)
				}
			}
		})
	}
	kept := 0
	for i, rec := range recs {
		var err error
		if i%2 == 0 {
			err = other.Touch(t.Context(), rec.ID, rec.Version, time.Now(), time.Now().Add(time.Hour))
		} else {
			rec.Expires = time.Now().Add(time.Hour)
			err = other.Update(t.Context(), rec)
		}
		if err == nil {
			kept++
			if _, err := s.Load(t.Context(), rec.ID); err != nil {
				t.Errorf("swept away: %v", err)
			}
		} else {
			wantError(t, err, driver.ErrNotFound)
		}
	}
	time.Sleep(150 * time.Millisecond)
	close(stop)
	sweeps.Wait()
	if got := len(sessionsOf(t, s, "alice")); got != kept || kept == 0 {
		t.Errorf("%d sessions left, want %d and more than none", got, kept)
	}
}
