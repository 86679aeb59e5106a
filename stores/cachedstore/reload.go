package cachedstore

import (
	"context"
	"errors"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Reload implements driver.Reloader. Calls of one session at the same moment share a read of
// the truth that began after all of them, and the first of them brings it to the cache.
func (s *Store) Reload(ctx context.Context, id driver.ID) (driver.Record, error) {
	if err := ctx.Err(); err != nil {
		return driver.Record{}, driver.Unavailable("cachedstore", err)
	}
	called := s.flights.ticks.Add(1)
	for {
		f, err := s.flights.join(ctx, id, gap{}, called)
		if f == nil && err == nil {
			continue
		}
		if err == nil {
			f.settle.Do(func() { s.settleRead(ctx, f) })
		}
		return f.result(err)
	}
}

// settleRead puts what was read in the place of what the cache holds, if that is older. Where
// the truth has no record, the cache gets a tombstone, but not for an ID of which it
// knows nothing: a stranger may have made it up.
func (s *Store) settleRead(ctx context.Context, f *flight) {
	switch {
	case f.err == nil && f.rec.ID == f.id:
		s.settle(ctx, value(f.rec, f.read))
	case f.err != nil && !errors.Is(f.err, driver.ErrUnavailable): // absent, or no record that can be read
		tomb := fence(f.id, forever)
		tomb.ifHeld = true
		s.settle(ctx, tomb)
	}
}
