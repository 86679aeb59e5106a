package cachedstore

import (
	"context"
	"errors"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Reload implements driver.Reloader. Simultaneous calls for one session share a read of the truth that began after
// all of them. The first of them brings the result to the cache.
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

// propagateRead replaces what the cache holds by what was read, if that is newer. If the truth has no record, the
// cache gets a tombstone, but only if it holds something under this ID. A client may have made up the ID, and must
// not be able to fill the cache with tombstones.
func (s *Store) propagateRead(ctx context.Context, f *sharedRead) {
	switch {
	case f.err == nil && f.rec.ID == f.id:
		s.propagate(ctx, value(f.rec, f.read))
	case f.err != nil && !errors.Is(f.err, driver.ErrUnavailable): // there is no record, or none that can be read
		tomb := fence(f.id, forever)
		tomb.onlyIfHeld = true
		s.propagate(ctx, tomb)
	}
}
