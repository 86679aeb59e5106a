package cachedstore

import (
	"context"
	"errors"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// The abilities that change something in the truth. Those that list it are its own.

type rotator struct {
	s     *Store
	truth driver.Rotator
}

// Rotate implements driver.Rotator.
func (r rotator) Rotate(ctx context.Context, old, next *driver.Record) error {
	read, version := r.s.now(), old.Version
	err := r.truth.Rotate(ctx, old, next)
	if err != nil {
		if !errors.Is(err, driver.ErrExists) {
			r.s.outdated(ctx, old.ID, version, err)
		}
		return err
	}
	r.s.settle(ctx, value(*old, read))
	r.s.settleNew(ctx, next, read)
	return nil
}

type sweeper struct{ truth, cache driver.Sweeper }

// sweepersOf returns nil if neither store needs sweeping.
func sweepersOf(truth, cache driver.Store) driver.Sweeper {
	t, inTruth := truth.(driver.Sweeper)
	c, inCache := cache.(driver.Sweeper)
	if !inTruth && !inCache {
		return nil
	}
	return sweeper{t, c}
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
		if err != nil || removed < limit { // a cache that fails to sweep still expires
			break
		}
	}
	return n, nil
}
