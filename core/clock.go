package core

import (
	"sync/atomic"
	"time"
)

// roughClock is the time of day, up to a second late. Reading the exact one costs as much as finding a
// session in memory. It moves for a minute after it was read while it stood still. Nothing waits for what
// moves it, and it for nothing, so that a manager may be used in a bubble of package synctest that it was not
// made in.
type roughClock struct {
	micros atomic.Int64  // since 1970; 0: it stands still
	run    atomic.Uint64 // counts what made it move; whatever is not the last of these stops
	closed atomic.Bool
}

const (
	roughStep  = time.Second
	roughSteps = 60
)

func (c *roughClock) now() int64 {
	if now := c.micros.Load(); now != 0 {
		return now
	}
	now := micros(time.Now())
	if !c.closed.Load() && c.micros.CompareAndSwap(0, now) {
		c.later(c.run.Add(1), roughSteps)
	}
	return now
}

// later moves the clock after a step, and then again, steps times in all.
func (c *roughClock) later(run uint64, steps int) {
	time.AfterFunc(roughStep, func() {
		switch {
		case c.run.Load() != run:
		case steps == 1 || c.closed.Load():
			c.micros.Store(0)
		default:
			c.micros.Store(micros(time.Now()))
			c.later(run, steps-1)
		}
	})
}

// compare stops a clock that is far from the exact time: the machine slept, or a bubble ended and took with
// it what moved the clock.
func (c *roughClock) compare(exact int64) {
	rough := c.micros.Load()
	if far := 3 * roughStep.Microseconds(); rough != 0 && (exact-rough > far || rough-exact > far) {
		c.run.Add(1)
		c.micros.CompareAndSwap(rough, 0)
	}
}
