package storetest

import (
	"sync/atomic"
	"time"
)

// Clock is a clock for tests that moves only by Advance. Give its Now to the Config.Now of a store or a manager.
type Clock struct{ nanos atomic.Int64 }

// NewClock returns a clock that stands at the present time.
func NewClock() *Clock {
	c := new(Clock)
	c.nanos.Store(time.Now().UnixNano())
	return c
}

// Now returns the clock's time.
func (c *Clock) Now() time.Time { return time.Unix(0, c.nanos.Load()) }

// Advance moves the clock by d.
func (c *Clock) Advance(d time.Duration) { c.nanos.Add(int64(d)) }

var clockRules = []rule{{
	name: "ClockIsTheStores",
	text: "Harness.Clock is the clock of the stores: each has it as its Config.Now, say.",
	run: func(e *env) {
		if e.h.Clock == nil {
			e.Skip("no Harness.Clock")
		}
		finds := func(expires time.Time) (found bool) {
			rec := e.newRecord(long)
			rec.Expires = expires
			err := e.a.Create(e.ctx, rec)
			if err == nil {
				_, err = e.b.Load(e.ctx, rec.ID)
			}
			return err == nil
		}
		ever, never := time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		if !finds(ever) || finds(never) {
			e.Skip("nothing can be said yet: the store does not find a record, or finds one that has expired by any clock")
		}
		if !finds(e.after(long)) {
			e.Fatalf("a record that expires an hour after Harness.Clock is not found, one of the year 9999 is: the store's clock is ahead")
		}
		e.h.Clock.Advance(2 * long)
		if finds(e.after(-long)) {
			e.Fatalf("a record that has expired an hour before Harness.Clock is found, one of the year 2000 is not: the store's clock is behind. Its default is time.Now")
		}
	},
}}
