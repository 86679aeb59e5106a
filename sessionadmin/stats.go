package sessionadmin

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// Stats counts what one process observes: totals since NewStats, and each minute of the last hour. It takes 7 KB, and
// no memory for an event. Give its Observe to core.Config.Observer, and itself to Config.Stats.
type Stats struct {
	start   time.Time
	mu      sync.Mutex // held while a slot is taken for another minute
	past    tally      // of the minutes whose slots were taken
	minutes [60]slot
}

type slot struct {
	minute atomic.Int64 // since start, from 1; 0: never used
	tally
}

const (
	tallyLoads = iota
	tallyCreates
	tallyWrites
	tallyFailures
	tallyLogins
	tallyEnds
	tallyConflicts
	tallyDropped
	tallyUnknown
	tallyReused
	tallyCorrupt
	tallyNanos
	tallySlowest
	tallies
)

type tally [tallies]atomic.Int64

// NewStats returns Stats that begin now.
func NewStats() *Stats { return &Stats{start: time.Now()} }

// Observe counts an event. It may be called concurrently.
func (s *Stats) Observe(_ context.Context, e core.Event) {
	what, call := -1, false
	switch e.Kind {
	case core.EventLoad:
		what, call = tallyLoads, true
	case core.EventCreate:
		what, call = tallyCreates, true
	case core.EventUpdate, core.EventTouch, core.EventDelete:
		what, call = tallyWrites, true
	case core.EventSweep:
		call = true // counts if it failed
	case core.EventLogin:
		what = tallyLogins
	case core.EventDestroy:
		what = tallyEnds
	case core.EventConflict:
		what = tallyConflicts
	case core.EventDropped:
		what = tallyDropped
	case core.EventUnknown:
		what = tallyUnknown
	case core.EventReused:
		what = tallyReused
	case core.EventCorrupt, core.EventUnreadable:
		what = tallyCorrupt
	}
	failed := call && e.Outcome == core.OutcomeFailed
	if what < 0 && !failed {
		return
	}
	t := s.now()
	if what >= 0 {
		t[what].Add(1)
	}
	if failed {
		t[tallyFailures].Add(1)
	}
	if e.Duration > 0 {
		t[tallyNanos].Add(int64(e.Duration))
		t.slower(int64(e.Duration))
	}
}

func (t *tally) add(what int, n int64) {
	if what == tallySlowest {
		t.slower(n)
	} else {
		t[what].Add(n)
	}
}

// slower notes the time of a call, if none took longer.
func (t *tally) slower(d int64) {
	for most := t[tallySlowest].Load(); d > most && !t[tallySlowest].CompareAndSwap(most, d); {
		most = t[tallySlowest].Load()
	}
}

// minute is the number of the present minute, from 1. It does not jump with the clock of the machine.
func (s *Stats) minute() int64 { return int64(time.Since(s.start)/time.Minute) + 1 }

// now returns the tally of the present minute. Whoever comes first in a minute takes over the slot of an hour ago.
func (s *Stats) now() *tally {
	n := s.minute()
	slot := &s.minutes[n%60]
	if slot.minute.Load() == n {
		return &slot.tally
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slot.minute.Load() != n {
		for i := range slot.tally {
			s.past.add(i, slot.tally[i].Swap(0)) // with Swap, no event is lost that comes late
		}
		slot.minute.Store(n)
	}
	return &slot.tally
}

// Report returns what was counted up to now. Numbers of one minute may be an event apart, since counting goes on.
func (s *Stats) Report() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.minute()
	r := Report{Since: s.start.UTC().Round(0)}
	var total tally
	for i := range total {
		total.add(i, s.past[i].Load())
		for n := range s.minutes {
			total.add(i, s.minutes[n].tally[i].Load())
		}
	}
	r.Total = total.counts()
	for n := max(1, last-59); n <= last; n++ {
		m := Minute{Start: r.Since.Add(time.Duration(n-1) * time.Minute)}
		if slot := &s.minutes[n%60]; slot.minute.Load() == n {
			m.Counts = slot.counts()
		}
		r.Minutes = append(r.Minutes, m)
	}
	return r
}

func (t *tally) counts() Counts {
	n := func(i int) int64 { return t[i].Load() }
	return Counts{
		Loads: n(tallyLoads), Creates: n(tallyCreates), Writes: n(tallyWrites), Calls: n(tallyLoads) + n(tallyCreates) + n(tallyWrites),
		Failures: n(tallyFailures), Logins: n(tallyLogins), Ends: n(tallyEnds), Conflicts: n(tallyConflicts), Dropped: n(tallyDropped),
		Unknown: n(tallyUnknown), Reused: n(tallyReused), Corrupt: n(tallyCorrupt),
		Seconds: time.Duration(n(tallyNanos)).Seconds(), Slowest: time.Duration(n(tallySlowest)).Seconds(),
	}
}
