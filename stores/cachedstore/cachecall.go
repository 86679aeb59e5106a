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

// This file bounds what a failing cache may cost a request, and reports the failures.

// cacheContext returns the context for a call of the cache that is made before the truth is asked.
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

// grace is how long a call of the cache after a write may take beyond the end of the request's context.
const grace = 50 * time.Millisecond

// cacheContextAfterWrite returns the context for bringing a write to the cache. That must be tried even if the
// request's context has ended.
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

// recordOutcome tells the breaker how a call of the cache went that began at begun. ctx is the context of the caller.
func (s *Store) recordOutcome(ctx context.Context, begun time.Time, err error) {
	switch {
	case err == nil || !errors.Is(err, driver.ErrUnavailable):
		s.breaker.Success()
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded) && time.Since(begun) < min(breaker.TooShort, s.config.Timeout):
		// The caller had too little time, so this says nothing about the cache.
	default:
		s.breaker.Failure(begun, err)
	}
}

// reportFailure calls Report, unless the call failed because the caller's context has ended.
func (s *Store) reportFailure(ctx context.Context, id driver.ID, what string, err error) {
	if ctx.Err() == nil {
		s.config.Report(id, fmt.Errorf("cachedstore: %s: %w", what, err))
	}
}

// throttle is the default Report: it logs at most one warning a second and counts those between.
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
		slog.Warn("cachedstore: the cache failed, sessions are read from the truth", "session", id.String(), "error", err, "skipped", skipped)
	}
}
