package sessionadmin_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/sessionadmin"
)

func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sessionadmin.NewStats()
		began := time.Now()
		see := func(kind core.EventKind, outcome core.Outcome, d time.Duration) {
			s.Observe(ctx, core.Event{Kind: kind, Outcome: outcome, Duration: d})
		}
		see(core.EventLoad, core.OutcomeDone, 2*time.Millisecond)
		see(core.EventLoad, core.OutcomeNotFound, 4*time.Millisecond)
		see(core.EventUnknown, core.OutcomeNotFound, 0)
		see(core.EventCreate, core.OutcomeDone, time.Millisecond)
		see(core.EventLogin, core.OutcomeDone, 0)
		time.Sleep(90 * time.Second)
		for _, kind := range []core.EventKind{core.EventUpdate, core.EventTouch, core.EventDelete} {
			see(kind, core.OutcomeFailed, time.Second)
		}
		see(core.EventConflict, core.OutcomeDone, 0)
		see(core.EventDropped, core.OutcomeFailed, 0) // not the store's
		see(core.EventDestroy, core.OutcomeDone, 0)
		see(core.EventReused, core.OutcomeDone, 0)
		see(core.EventCorrupt, core.OutcomeFailed, 0)
		see(core.EventUnreadable, core.OutcomeFailed, 0)
		see(core.EventSweep, core.OutcomeDone, 0)
		see(core.EventSweep, core.OutcomeFailed, 0)
		see(core.EventRotate, core.OutcomeDone, 0)
		first := sessionadmin.Counts{Loads: 2, Unknown: 1, Creates: 1, Logins: 1, Calls: 3, Seconds: 0.007, Slowest: 0.004}
		second := sessionadmin.Counts{Writes: 3, Calls: 3, Failures: 4, Conflicts: 1, Dropped: 1, Ends: 1, Reused: 1, Corrupt: 2, Seconds: 3, Slowest: 1}
		total := sessionadmin.Counts{
			Loads: 2, Unknown: 1, Creates: 1, Logins: 1, Writes: 3, Calls: 6, Failures: 4, Conflicts: 1, Dropped: 1, Ends: 1, Reused: 1, Corrupt: 2,
			Seconds: 3.007, Slowest: 1,
		}
		r := s.Report()
		if len(r.Minutes) != 2 || r.Minutes[0].Counts != first || r.Minutes[1].Counts != second || r.Total != total || !r.Since.Equal(began) {
			t.Errorf("%+v", r)
		}
		if !r.Minutes[1].Start.Equal(began.Add(time.Minute)) {
			t.Errorf("the second minute begins at %v", r.Minutes[1].Start)
		}

		time.Sleep(58 * time.Minute) // the present minute is the 60th
		if r = s.Report(); len(r.Minutes) != 60 || r.Minutes[0].Counts != first || r.Minutes[59].Counts != (sessionadmin.Counts{}) {
			t.Errorf("after an hour: %d minutes, %+v", len(r.Minutes), r.Minutes[0])
		}
		time.Sleep(time.Minute)
		see(core.EventLogin, core.OutcomeDone, 0) // takes over the slot of the first minute
		if r = s.Report(); len(r.Minutes) != 60 || r.Minutes[0].Counts != second || r.Minutes[59].Counts != (sessionadmin.Counts{Logins: 1}) || r.Total.Logins != 2 {
			t.Errorf("a minute later: %+v", r)
		}
		time.Sleep(100 * time.Hour)
		for _, m := range s.Report().Minutes {
			if m.Counts != (sessionadmin.Counts{}) {
				t.Errorf("days later: %+v", m)
			}
		}
	})
}

// Each event of many goroutines counts once, also while a minute begins.
func TestStatsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sessionadmin.NewStats()
		for range 3 {
			time.Sleep(time.Minute)
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					for range 100 {
						s.Observe(ctx, core.Event{Kind: core.EventLoad, Outcome: core.OutcomeFailed, Duration: time.Second})
						s.Report()
					}
				})
			}
			all.Wait()
			if m := s.Report().Minutes; m[len(m)-1].Loads != 800 || m[len(m)-1].Failures != 800 || m[len(m)-1].Seconds != 800 || m[len(m)-1].Slowest != 1 {
				t.Errorf("%+v", m[len(m)-1])
			}
		}
	})
}

func TestStatsAllocateNothing(t *testing.T) {
	s := sessionadmin.NewStats()
	e := core.Event{Kind: core.EventLoad, Outcome: core.OutcomeFailed, Err: errors.New("x"), Duration: time.Second}
	if n := testing.AllocsPerRun(100, func() { s.Observe(ctx, e) }); n != 0 {
		t.Errorf("%v allocations for an event", n)
	}
}

func BenchmarkStats(b *testing.B) {
	s := sessionadmin.NewStats()
	e := core.Event{Kind: core.EventLoad, Outcome: core.OutcomeDone, Duration: time.Millisecond}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s.Observe(ctx, e)
		}
	})
}
