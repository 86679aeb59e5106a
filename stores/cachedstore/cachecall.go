package cachedstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/breaker"
)

// This file bounds what a cache that fails may cost, and speaks of it.

// cacheContext returns the context for a visit to the cache on the way to the truth.
func (s *Store) cacheContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.inMemory {
		return ctx, func() {}
	}
	limit := s.config.Timeout
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/2)
	}
	return context.WithTimeout(ctx, limit)
}

// grace is what a visit after the truth may take beyond the context's end.
const grace = 50 * time.Millisecond

// cacheContextAfterWrite returns the context for bringing to the cache what the truth has
// done. That must be tried even if nobody waits any more.
func (s *Store) cacheContextAfterWrite(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := s.config.Timeout
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, max(time.Until(deadline), grace))
	}
	ctx = context.WithoutCancel(ctx)
	if s.inMemory {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, limit)
}

// recordOutcome tells the breaker how a visit on behalf of ctx went, which began at begun.
func (s *Store) recordOutcome(ctx context.Context, begun time.Time, err error) {
	switch {
	case err == nil || !errors.Is(err, driver.ErrUnavailable):
		s.breaker.Success()
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded) && time.Since(begun) < min(breaker.TooShort, s.config.Timeout):
		// It was the caller who had no time.
	default:
		s.breaker.Failure(begun, err)
	}
}

// reportFailure reports a visit that failed, if it was not the caller who ended it.
func (s *Store) reportFailure(ctx context.Context, id driver.ID, what string, err error) {
	if ctx.Err() == nil {
		s.config.Report(id, fmt.Errorf("cachedstore: %s: %w", what, err))
	}
}

// throttle is the default Report.
type throttle struct {
	mu      sync.Mutex
	last    time.Time
	skipped int
}

func (t *throttle) report(id driver.ID, err error) {
	t.mu.Lock()
	skipped := t.skipped
	quiet := time.Since(t.last) < time.Second
	if quiet {
		t.skipped++
	} else {
		t.last, t.skipped = time.Now(), 0
	}
	t.mu.Unlock()
	if !quiet {
		slog.Warn("cachedstore: the cache failed, sessions come from the truth", "session", id.String(), "error", err, "skipped", skipped)
	}
}
