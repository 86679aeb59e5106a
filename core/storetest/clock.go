package storetest

import (
	"sync/atomic"
	"time"
)

// Clock is a clock for tests that moves only when told. Its Now is what a
// store's or a manager's Config.Now takes.
type Clock struct{ nanos atomic.Int64 }

// NewClock returns a clock that shows the present time.
func NewClock() *Clock {
	c := new(Clock)
	c.nanos.Store(time.Now().UnixNano())
	return c
}

// Now returns the time that the clock shows.
func (c *Clock) Now() time.Time { return time.Unix(0, c.nanos.Load()) }

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) { c.nanos.Add(int64(d)) }
