package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// tears reports whether the record is damaged.
func (m *model) tears(id driver.ID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.torn[id]
}

var damageMutants = []mutant{
	{"takes damage for absence", "DamagedIsCorrupt", changeLoadError(driver.ErrCorrupt, errNotFound)},
	{"takes damage for an outage", "DamagedIsCorrupt", changeLoadError(driver.ErrCorrupt, driver.Unavailable("model", errors.New("checksum")))},
	{"creates over damage", "DamagedIsCorrupt", func(b *broken) {
		b.create = func(ctx context.Context, rec *driver.Record) error {
			if b.tears(rec.ID) {
				_ = b.model.Delete(ctx, rec.ID)
			}
			return b.model.Create(ctx, rec)
		}
	}},
	{"updates what is damaged", "DamagedIsCorrupt", func(b *broken) {
		b.update = func(ctx context.Context, rec *driver.Record) error {
			if b.tears(rec.ID) {
				return nil
			}
			return b.model.Update(ctx, rec)
		}
	}},
	{"touches what is damaged", "DamagedIsCorrupt", func(b *broken) {
		b.touch = func(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
			if b.tears(id) {
				return errNotFound
			}
			return b.model.Touch(ctx, id, version, used, expires)
		}
	}},
	{"deletes only what is whole", "DamagedIsDeleted", func(b *broken) {
		b.remove = func(ctx context.Context, id driver.ID) error {
			if b.tears(id) {
				return driver.Corrupt("model")
			}
			return b.model.Delete(ctx, id)
		}
	}},
	{"ends a walk at damage", "DamagedInWalks", changeWalks(func(b *broken, walk seq) seq {
		return func(yield func(driver.Record, error) bool) {
			b.mu.Lock()
			meets := len(b.torn) > 0
			b.mu.Unlock()
			if meets {
				yield(driver.Record{}, driver.Corrupt("model"))
				return
			}
			walk(yield)
		}
	})},
	{"passes over damage in silence", "DamagedInWalks", changeWalks(silent)},
	{"yields what is damaged", "DamagedInWalks", changeWalks(func(b *broken, walk seq) seq {
		return func(yield func(driver.Record, error) bool) {
			b.mu.Lock()
			clear(b.torn)
			b.mu.Unlock()
			walk(yield)
		}
	})},
	{"sweeps what is damaged", "SweepLeavesTheDamaged", func(b *broken) {
		b.sweep = func(ctx context.Context, limit int) (n int, err error) {
			b.mu.Lock()
			for id := range b.torn {
				delete(b.recs, id)
				delete(b.torn, id)
			}
			b.mu.Unlock()
			return b.model.Sweep(ctx, limit)
		}
	}},
	{"does not sweep beside damage", "SweepLeavesTheDamaged", func(b *broken) {
		b.sweep = func(ctx context.Context, limit int) (int, error) {
			b.mu.Lock()
			meets := len(b.torn) > 0
			b.mu.Unlock()
			if meets {
				return 0, nil
			}
			return b.model.Sweep(ctx, limit)
		}
	}},
}

// silent is a walk that ends without an error.
func silent(_ *broken, walk seq) seq {
	return func(yield func(driver.Record, error) bool) {
		for rec, err := range walk {
			if err != nil || !yield(rec, nil) {
				return
			}
		}
	}
}
