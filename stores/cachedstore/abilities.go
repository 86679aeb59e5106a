package cachedstore

import (
	"context"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Abilities implements the method that driver.AbilitiesOf looks for. The store has some abilities only if the truth
// has them. The truth itself lists and counts sessions.
func (s *Store) Abilities() driver.Abilities {
	truth := driver.AbilitiesOf(s.truth)
	can := driver.Abilities{
		Reloader: s, Pinger: s, Closer: s, CacheReporter: s, Breaker: s,
		Sweeper: s.sweepersOf(truth.Sweeper, driver.AbilitiesOf(s.cache).Sweeper),
		Lister:  truth.Lister, Indexer: truth.Indexer, Counter: truth.Counter, Watcher: truth.Watcher,
		Checker: truth.Checker,
	}
	if truth.Inspector != nil {
		can.Inspector = inspector{s, truth.Inspector, driver.AbilitiesOf(s.cache).Inspector}
	}
	if truth.Limiter != nil {
		can.Limiter = limiter{s, truth.Limiter}
	}
	if truth.Successor != nil {
		can.Successor = successor{s, truth.Successor}
	}
	return can
}

type successor struct {
	s     *Store
	truth driver.Successor
}

// Succeed implements driver.Successor: the truth does it, and the cache gets both records.
func (r successor) Succeed(ctx context.Context, old, next *driver.Record) error {
	read, version := r.s.now(), old.Version
	err := r.truth.Succeed(ctx, old, next)
	if err != nil {
		r.s.invalidate(ctx, old.ID, version, err)
		return err
	}
	r.s.propagate(ctx, updated(old, version, read))
	r.s.propagateNew(ctx, next, read)
	return nil
}

type limiter struct {
	s     *Store
	truth driver.Limiter
}

// CreateLimited implements driver.Limiter: the truth does it. The cache gets the new record, and tombstones for those
// that the truth has removed. If the truth does not answer, nobody knows which those are.
func (l limiter) CreateLimited(ctx context.Context, rec *driver.Record, limit driver.Limit) ([]driver.ID, error) {
	read := l.s.now()
	removed, err := l.truth.CreateLimited(ctx, rec, limit)
	for _, id := range removed {
		l.s.propagate(ctx, fence(id, forever))
	}
	if err == nil {
		l.s.propagateNew(ctx, rec, read)
	}
	return removed, err
}

type sweeper struct {
	s            *Store
	truth, cache driver.Sweeper
}

// sweepersOf returns a sweeper for those of the two stores that need sweeping, or nil.
func (s *Store) sweepersOf(truth, cache driver.Sweeper) driver.Sweeper {
	if truth == nil && cache == nil {
		return nil
	}
	return sweeper{s, truth, cache}
}

// Sweep implements driver.Sweeper. It sweeps the truth, and the result counts the records of the truth only. After
// a full pass over the truth it sweeps the whole cache.
func (w sweeper) Sweep(ctx context.Context, limit int) (n int, err error) {
	if w.truth != nil {
		n, err = w.truth.Sweep(ctx, limit)
	}
	if w.cache == nil || err != nil || n == limit {
		return n, err
	}
	for ctx.Err() == nil {
		removed, err := w.cache.Sweep(ctx, limit)
		if err != nil { // entries that are not swept still expire
			w.s.reportFailure(ctx, driver.ID{}, "sweep the cache", err)
		}
		if err != nil || removed < limit {
			break
		}
	}
	return n, nil
}
