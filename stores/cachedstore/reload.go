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
	called := s.reads.ticks.Add(1)
	for {
		f, err := s.reads.join(ctx, id, miss{}, called)
		if f == nil && err == nil {
			continue
		}
		if err == nil {
			f.propagate.Do(func() { s.propagateRead(ctx, f) })
		}
		return f.result(err)
	}
}

// propagateRead puts what was read in the place of what the cache holds, if that is older. Where
// the truth has no record, the cache gets a tombstone, but not for an ID of which it
// knows nothing: a stranger may have made it up.
func (s *Store) propagateRead(ctx context.Context, f *sharedRead) {
	switch {
	case f.err == nil && f.rec.ID == f.id:
		s.propagate(ctx, value(f.rec, f.read))
	case f.err != nil && !errors.Is(f.err, driver.ErrUnavailable): // absent, or no record that can be read
		tomb := fence(f.id, forever)
		tomb.onlyIfHeld = true
		s.propagate(ctx, tomb)
	}
}
