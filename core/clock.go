package core

import (
	"sync/atomic"
	"time"
)

// roughClock is the time of day, up to a second late. Reading the exact time costs as much as finding a session in
// memory. A read while the clock stands still makes it move for a minute. Nothing waits for the timers that move it,
// and they wait for nothing. So a manager may be used in another bubble of package synctest than the one in which it
// was made.
type roughClock struct {
	micros atomic.Int64  // since 1970; 0: it stands still
	run    atomic.Uint64 // counts the series of timers; only the last one goes on
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

// later moves the clock after each step, steps times in all.
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

// compare stops a clock that is far from the exact time: the machine slept, or a synctest bubble ended and took the
// clock's timers with it.
func (c *roughClock) compare(exact int64) {
	rough := c.micros.Load()
	if far := 3 * roughStep.Microseconds(); rough != 0 && (exact-rough > far || rough-exact > far) {
		c.run.Add(1)
		c.micros.CompareAndSwap(rough, 0)
	}
}
