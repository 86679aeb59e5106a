package core

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// walk goes through records under the deadline of a call to the store. Only the store's own time counts: the loop may
// take as long as it likes with a record.
func (m *Manager) walk(ctx context.Context, records func(context.Context) iter.Seq2[driver.Record, error]) iter.Seq2[driver.Record, error] {
	if m.info.InMemory {
		return records(ctx)
	}
	return func(yield func(driver.Record, error) bool) {
		c := newWalkContext(ctx, m.cfg.StoreTimeout)
		defer c.finish(context.Canceled)
		for rec, err := range records(c) {
			c.pause()
			more := yield(rec, err)
			c.resume()
			if !more {
				return
			}
		}
	}
}

// walkContext is the context of a walk. While it is paused, its clock stands still, so its deadline moves. It ends
// with the context from which it is made, paused or not.
type walkContext struct {
	context.Context
	unlink func() bool // ends the watch over that context
	done   chan struct{}

	mu        sync.Mutex
	paused    bool
	remaining time.Duration // while paused
	end       time.Time     // while not
	timer     *time.Timer
	err       error
	waiting   map[*func()]struct{} // see AfterFunc
}

func newWalkContext(ctx context.Context, d time.Duration) *walkContext {
	c := &walkContext{Context: ctx, done: make(chan struct{}), waiting: map[*func()]struct{}{}}
	c.mu.Lock() // timer may run out at once
	defer c.mu.Unlock()
	c.end = time.Now().Add(d)
	c.timer = time.AfterFunc(d, c.expire)
	c.unlink = context.AfterFunc(ctx, func() { c.finish(ctx.Err()) })
	return c
}

// pause stops the clock: what follows is not the store's time.
func (c *walkContext) pause() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer.Stop()
	c.paused, c.remaining = true, time.Until(c.end)
}

// resume lets the clock go on.
func (c *walkContext) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused, c.end = false, time.Now().Add(c.remaining)
	if c.err == nil {
		c.timer.Reset(c.remaining)
	}
}

// expire is called by the timer. That may come late: the clock may be stopped by then, or go again.
func (c *walkContext) expire() {
	c.mu.Lock()
	over := !c.paused && !time.Now().Before(c.end)
	c.mu.Unlock()
	if over {
		c.finish(context.DeadlineExceeded)
	}
}

// finish ends the context, once.
func (c *walkContext) finish(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	c.timer.Stop()
	c.unlink()
	close(c.done)
	for f := range c.waiting {
		go (*f)()
	}
	c.waiting = nil
}

// Deadline is the present deadline. It is later after each pause.
func (c *walkContext) Deadline() (time.Time, bool) {
	c.mu.Lock()
	end := c.end
	if c.paused {
		end = time.Now().Add(c.remaining)
	}
	c.mu.Unlock()
	if at, ok := c.Context.Deadline(); ok && at.Before(end) {
		end = at
	}
	return end, true
}

// Done is closed when the time is used up, or the caller's context ends.
func (c *walkContext) Done() <-chan struct{} { return c.done }

// Err looks at the caller's context itself, and does not wait until finish hears of its end.
func (c *walkContext) Err() error {
	if err := c.Context.Err(); err != nil {
		c.finish(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// AfterFunc saves package context a goroutine for each context that is made from this one, and for each
// context.AfterFunc.
func (c *walkContext) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go f()
		return func() bool { return false }
	}
	c.waiting[&f] = struct{}{}
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, waits := c.waiting[&f]
		delete(c.waiting, &f)
		return waits
	}
}
