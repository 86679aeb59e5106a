// Package breaker keeps requests from waiting for a server that does not answer.
// The stores with a server share it.
//
// After a few failures in a row the breaker is open: Allow says no at once, and
// lets only one call pass every Interval, to find out whether the server is
// back. The first success closes it. So a dead server costs nearly every call a
// hundred nanoseconds in place of a timeout, and one that is back is noticed
// within Interval, even if the call that tried before still hangs.
//
// Calls that were under way at the same time prove no more than one of them: the machine may
// have been busy for a moment, and all of them gave up. So the breaker stays closed until a
// call fails that began after the first failure.
//
// A failure is a server that could not be reached or did not answer in time. An
// answer is a success even if it is an error: it came without waiting, and a
// server that refuses to store may still be able to delete. A call that its own
// caller ended says nothing, and is not reported.
package breaker

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// TooShort is a deadline that says more about the caller than about the server: that it passed is no failure.
const TooShort = 50 * time.Millisecond

// Defaults for New.
const (
	Failures = 5
	Interval = 250 * time.Millisecond
)

// Breaker watches the calls to one server. Its methods may be called concurrently.
type Breaker struct {
	failures int
	interval time.Duration

	failing atomic.Bool // there was a failure since the last success
	open    atomic.Bool
	next    atomic.Int64 // when the next call may pass while open, in nanoseconds since start
	cause   atomic.Pointer[error]

	mu    sync.Mutex
	inRow int       // failures since the last success
	since time.Time // when the first of them was reported
}

// New returns a closed breaker that opens after that many failures in a row, not all of one
// burst, and then lets a call pass every interval. 0 means the defaults.
func New(failures int, interval time.Duration) *Breaker {
	if failures <= 0 {
		failures = Failures
	}
	if interval <= 0 {
		interval = Interval
	}
	return &Breaker{failures: failures, interval: interval}
}

// start makes times of the monotonic clock comparable as numbers.
var start = time.Now()

func now() int64 { return int64(time.Since(start)) }

// Allow is nil if the call may be made, and else the reason why not. Every call
// that was allowed should be followed by Success or Failure.
func (b *Breaker) Allow() error {
	if !b.open.Load() {
		return nil
	}
	next, t := b.next.Load(), now()
	if t >= next && b.next.CompareAndSwap(next, t+int64(b.interval)) {
		return nil
	}
	return &OpenError{b.cause.Load()}
}

// Success says that the server answered.
func (b *Breaker) Success() {
	if !b.failing.Load() { // reading is cheaper than writing for everybody
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inRow = 0
	b.failing.Store(false)
	b.open.Store(false)
}

// Failure says that the server could not be reached or did not answer in time, in a call that began at begun.
func (b *Breaker) Failure(begun time.Time, err error) {
	b.cause.Store(&err)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.inRow == 0 {
		b.since = time.Now()
		b.failing.Store(true)
	}
	b.inRow++
	if b.inRow >= b.failures && !begun.Before(b.since) && !b.open.Load() {
		b.next.Store(now() + int64(b.interval))
		b.open.Store(true)
	}
}

// OpenError is the reason why a call was not made.
type OpenError struct{ cause *error }

// Error names the last failure.
func (e *OpenError) Error() string {
	return fmt.Sprintf("not tried, since the last calls failed: %v", e.Unwrap())
}

// Unwrap returns the last failure.
func (e *OpenError) Unwrap() error {
	if e.cause == nil {
		return nil
	}
	return *e.cause
}

// HadTime reports whether a caller whose deadline has passed had given the server a chance, in a call that
// began at begun. What it gave counts, and not what went by: a busy machine may let seconds pass.
func HadTime(ctx context.Context, begun time.Time) bool {
	deadline, ok := ctx.Deadline()
	return ok && deadline.Sub(begun) >= TooShort
}
