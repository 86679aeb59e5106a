package storetest

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var sweepRules = []rule{{
	name:  "SweepRemovesExpired",
	needs: "Sweeper",
	text:  "Sweep removes up to limit expired records and returns how many. A result below limit means that a full pass has completed. Live records stay.",
	run: func(e *env) {
		const expired, limit = 7, 3
		var live []*driver.Record
		for range 5 {
			live = append(live, e.create(e.a, long))
		}
		var last *driver.Record
		for i := range expired {
			last = e.create([]driver.Store{e.a, e.b}[i%2], e.short())
		}
		e.waitUntil(last.Expires)
		if n := e.sweepAll(e.a, limit); n != expired {
			e.Fatalf("Sweep removed %d of %d expired records before it returned fewer than its limit", n, expired)
		}
		if n := e.sweepAll(e.b, limit); n != 0 {
			e.Fatalf("Sweep removed %d records where no expired ones were left", n)
		}
		for _, rec := range live {
			e.mustHold(rec)
		}
	},
}, {
	name:  "SweepLeavesTheTouched",
	needs: "Sweeper",
	text:  "Sweep removes expired records only. A record whose life a Touch or an Update has prolonged has not expired.",
	run: func(e *env) {
		var touched, updated *driver.Record
		e.waitUntil(e.inTime("Load and Touch", func(life time.Duration) (time.Time, error) {
			touched = e.create(e.a, life)
			first := touched.Expires
			touched.Expires = e.after(long)
			_, err := e.b.Load(e.ctx, touched.ID)
			return first, errors.Join(err, e.a.Touch(e.ctx, touched.ID, touched.Version, touched.Used, touched.Expires))
		}))
		e.waitUntil(e.inTime("Update", func(life time.Duration) (time.Time, error) {
			updated = e.create(e.a, life)
			first := updated.Expires
			updated.Expires = e.after(long)
			return first, e.a.Update(e.ctx, updated)
		}))
		e.sweepAll(e.b, 10)
		e.mustHold(touched)
		e.mustHold(updated)
	},
}, {
	name:  "SweepAgainstTouch",
	needs: "Sweeper",
	text:  "If a Touch succeeds at the moment of the deadline, a concurrent Sweep does not undo it.",
	run: func(e *env) {
		recs := make([]*driver.Record, 20)
		for i := range recs {
			recs[i] = e.create(e.a, e.short()+time.Duration(i)*200*time.Microsecond)
		}
		prolonged := make([]atomic.Bool, len(recs))
		e.waitUntil(recs[0].Expires.Add(-time.Millisecond))
		e.together(4, func(w int, s driver.Store) {
			for i, rec := range recs {
				if w < 2 {
					e.sweepAll(s, 10)
					e.waitUntil(rec.Expires)
					continue
				}
				err := s.Touch(e.ctx, rec.ID, rec.Version, e.after(0), e.after(long))
				if err == nil {
					prolonged[i].Store(true)
				} else if !errors.Is(err, driver.ErrNotFound) {
					e.Fatalf("Touch: %v", err)
				}
			}
		})
		for i, rec := range recs {
			if prolonged[i].Load() {
				e.load(e.b, rec.ID)
			} else {
				e.mustBeAbsent(e.b, rec.ID)
			}
		}
	},
}}

// sweepAll sweeps until Sweep returns fewer than limit, and returns how many records were removed.
func (e *env) sweepAll(s driver.Store, limit int) (removed int) {
	e.Helper()
	for range 1000 {
		n, err := abilitiesOf(s).Sweeper.Sweep(e.ctx, limit)
		e.ok(err, "Sweep")
		if n < 0 || n > limit {
			e.Fatalf("Sweep with a limit of %d returned %d", limit, n)
		}
		removed += n
		if n < limit {
			return removed
		}
	}
	e.Fatalf("Sweep never returned fewer than its limit of %d", limit)
	return 0
}
