package crossingstore

import (
	"context"
	"errors"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Abilities implements the method that driver.AbilitiesOf looks for.
func (s *Store) Abilities() driver.Abilities {
	to, from := driver.AbilitiesOf(s.to), driver.AbilitiesOf(s.from)
	can := driver.Abilities{Pinger: s, Closer: s, Breaker: s}
	if to.Reloader != nil {
		can.Reloader = reloader{s, to.Reloader}
	}
	if to.Watcher != nil {
		can.Watcher = watcher{s, to.Watcher}
	}
	if to.Inspector != nil && from.Inspector != nil {
		can.Inspector = inspector{to.Inspector, from.Inspector}
	}
	if to.Sweeper != nil || from.Sweeper != nil {
		can.Sweeper = sweeper{to.Sweeper, from.Sweeper}
	}
	if to.Lister != nil && from.Lister != nil {
		can.Lister = lister{s, to.Lister, from.Lister}
	}
	if to.Indexer != nil && from.Indexer != nil {
		can.Indexer = indexer{s, to.Indexer, from.Indexer}
		if to.Limiter != nil && from.Limiter != nil {
			can.Limiter = limiter{s, to.Limiter, from.Indexer}
		}
	}
	return can
}

type inspector struct{ to, from driver.Inspector }

// Inspect implements driver.Inspector with the findings of both stores, "to: ..." and "from: ...".
func (i inspector) Inspect(ctx context.Context) (found []driver.Finding, err error) {
	for _, one := range []struct {
		place string
		of    driver.Inspector
	}{{"to: ", i.to}, {"from: ", i.from}} {
		some, failed := one.of.Inspect(ctx)
		for _, f := range some {
			f.Name = one.place + f.Name
			found = append(found, f)
		}
		err = errors.Join(err, failed)
	}
	return found, err
}

// Breakers implements driver.Breaker. The parts that the two stores tell of are "to/..." and "from/...".
func (s *Store) Breakers() map[string]bool {
	all := map[string]bool{}
	for place, store := range map[string]driver.Store{"to/": s.to, "from/": s.from} {
		if b := driver.AbilitiesOf(store).Breaker; b != nil {
			for part, open := range b.Breakers() {
				all[place+part] = open
			}
		}
	}
	return all
}

type reloader struct {
	s  *Store
	to driver.Reloader
}

// Reload implements driver.Reloader. A take-over reads past caches in any case.
func (r reloader) Reload(ctx context.Context, id driver.ID) (driver.Record, error) {
	return r.s.load(ctx, id, r.to.Reload)
}

type watcher struct {
	s  *Store
	to driver.Watcher
}

// Watch implements driver.Watcher: it watches the record in the new store, where all changes are made.
func (w watcher) Watch(ctx context.Context, id driver.ID, changed func()) (rec driver.Record, stop func(), err error) {
	if _, err := w.s.Load(ctx, id); err != nil {
		return driver.Record{}, nil, err
	}
	rec, stop, err = w.to.Watch(ctx, id, changed)
	if err == nil && reserved(&rec) { // the session has ended since: see takeOver
		stop()
		return driver.Record{}, nil, errNotFound
	}
	return rec, stop, err
}

// sweeper are those of the two stores, each may be nil.
type sweeper struct{ to, from driver.Sweeper }

// Sweep implements driver.Sweeper. The old store gets what the limit leaves. So a result below the limit means that
// both have completed a pass.
func (w sweeper) Sweep(ctx context.Context, limit int) (n int, err error) {
	if err := over(ctx); err != nil {
		return 0, err
	}
	for _, store := range []driver.Sweeper{w.to, w.from} {
		if store == nil || n >= limit {
			continue
		}
		removed, err := store.Sweep(ctx, limit-n)
		if n += removed; err != nil {
			return n, err
		}
	}
	return n, nil
}

type limiter struct {
	s    *Store
	to   driver.Limiter
	from driver.Indexer
}

// CreateLimited implements driver.Limiter. It takes over what the old store has of the user. No server creates a
// session there, so the new store then has them all, and what it removes has no copy left. Sessions that cannot be
// moved do not count.
func (l limiter) CreateLimited(ctx context.Context, rec *driver.Record, limit driver.Limit) (removed []driver.ID, err error) {
	if err := over(ctx); err != nil {
		return nil, err
	}
	for old, err := range l.from.BySubject(ctx, rec.Subject) {
		if err == nil {
			err = l.s.move(ctx, &old, false)
		}
		if err != nil && !errors.Is(err, driver.ErrNotFound) && !errors.Is(err, driver.ErrIncomplete) && !stays(err) {
			return nil, err
		}
	}
	err = l.s.insert(ctx, rec.ID, func() (err error) {
		removed, err = l.to.CreateLimited(ctx, rec, limit)
		return err
	})
	return removed, err
}
