package cachedstore

import (
	"context"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Abilities tells driver.AbilitiesOf what s can do beside its methods: some of it only where
// the truth can. Those that list sessions are the truth's own.
func (s *Store) Abilities() driver.Abilities {
	truth := driver.AbilitiesOf(s.truth)
	can := driver.Abilities{
		Reloader: s, Pinger: s, Closer: s,
		Sweeper: s.sweepersOf(truth.Sweeper, driver.AbilitiesOf(s.cache).Sweeper),
		Lister:  truth.Lister, Indexer: truth.Indexer,
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

// Succeed implements driver.Successor.
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

type sweeper struct {
	s            *Store
	truth, cache driver.Sweeper
}

// sweepersOf returns nil if neither store needs sweeping.
func (s *Store) sweepersOf(truth, cache driver.Sweeper) driver.Sweeper {
	if truth == nil && cache == nil {
		return nil
	}
	return sweeper{s, truth, cache}
}

// Sweep implements driver.Sweeper. It counts what it removes from the truth, and sweeps
// all of the cache when it has seen all of the truth.
func (w sweeper) Sweep(ctx context.Context, limit int) (n int, err error) {
	if w.truth != nil {
		n, err = w.truth.Sweep(ctx, limit)
	}
	if w.cache == nil || err != nil || n == limit {
		return n, err
	}
	for ctx.Err() == nil {
		removed, err := w.cache.Sweep(ctx, limit)
		if err != nil { // what it does not sweep still expires
			w.s.reportFailure(ctx, driver.ID{}, "sweep the cache", err)
		}
		if err != nil || removed < limit {
			break
		}
	}
	return n, nil
}
