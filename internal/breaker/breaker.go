// Package breaker keeps requests from waiting for a server that does not answer. The stores on servers share it.
//
// After a few failures in a row the breaker opens. Allow then refuses calls at once, and lets one call pass every
// Interval, to find out whether the server is back. The first success closes the breaker. So with a dead server, nearly
// every call takes a hundred nanoseconds instead of a timeout. The breaker notices within Interval that the server is
// back, even if the call that was let pass before still hangs.
//
// Calls in flight at the same time prove no more than one call: the machine may have been busy for a moment, so that
// all of them timed out. So the breaker stays closed until a call fails that began after the first failure.
//
// A failure means that the server could not be reached or did not answer in time. An answer is a success even if it is
// an error, because it came without waiting, and a server that refuses to store may still be able to delete. A call
// that was ended by its own caller says nothing about the server, and is not reported.
package breaker

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// TooShort bounds the deadlines that say more about the caller than about the server. If a shorter deadline passes,
// that is no failure.
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

	failing atomic.Bool // a call has failed since the last success
	open    atomic.Bool
	next    atomic.Int64 // while open: when the next call may pass, in nanoseconds since start
	cause   atomic.Pointer[error]

	mu    sync.Mutex
	inRow int       // failures since the last success
	since time.Time // when the first of these failures was reported
}

// New returns a closed breaker. It opens after so many failures in a row, if the last of these calls began after the
// first failure, and then lets one call pass every interval. 0 means the defaults: Failures and Interval.
func New(failures int, interval time.Duration) *Breaker {
	if failures <= 0 {
		failures = Failures
	}
	if interval <= 0 {
		interval = Interval
	}
	return &Breaker{failures: failures, interval: interval}
}

// start is the zero of now, which reads the monotonic clock as a number.
var start = time.Now()

func now() int64 { return int64(time.Since(start)) }

// Allow returns nil if the call may be made, and otherwise an *OpenError. After every call that was allowed, the caller
// should report Success or Failure.
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

// Open reports whether the breaker is open, that is, whether Allow refuses nearly all calls.
func (b *Breaker) Open() bool { return b.open.Load() }

// Success reports that the server answered.
func (b *Breaker) Success() {
	if !b.failing.Load() { // a read does not slow other processors down as a write would
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inRow = 0
	b.failing.Store(false)
	b.open.Store(false)
}

// Failure reports that the server could not be reached or did not answer in time, in a call that began at begun.
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

// OpenError says that a call was not made, because the last calls have failed.
type OpenError struct{ cause *error }

// Error names the last failure.
func (e *OpenError) Error() string {
	return fmt.Sprintf("not tried, because the last calls failed: %v", e.Unwrap())
}

// Unwrap returns the last failure.
func (e *OpenError) Unwrap() error {
	if e.cause == nil {
		return nil
	}
	return *e.cause
}

// HadTime reports whether a caller whose deadline has passed had given the server enough time, in a call that began at
// begun. What counts is the time from begun to the deadline, and not the time that really passed: on a busy machine
// that may be seconds.
func HadTime(ctx context.Context, begun time.Time) bool {
	deadline, ok := ctx.Deadline()
	return ok && deadline.Sub(begun) >= TooShort
}
