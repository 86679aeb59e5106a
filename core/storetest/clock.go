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
