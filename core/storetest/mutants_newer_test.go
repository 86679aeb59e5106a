package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var newerMutants = []mutant{{
	"takes a newer format for damage", "NewerIsKept", func(b *broken) {
		b.load = func(ctx context.Context, id driver.ID) (driver.Record, error) {
			rec, err := b.model.Load(ctx, id)
			if errors.Is(err, driver.ErrUnreadable) {
				err = driver.ErrCorrupt
			}
			return rec, err
		}
	},
}, {
	"finds no record where the format is newer", "NewerIsKept", func(b *broken) {
		b.reload = func(ctx context.Context, id driver.ID) (driver.Record, error) {
			rec, err := b.model.Load(ctx, id)
			if errors.Is(err, driver.ErrUnreadable) {
				err = driver.ErrNotFound
			}
			return rec, err
		}
	},
}, {
	"updates a newer format", "NewerIsKept", func(b *broken) {
		b.update = func(ctx context.Context, rec *driver.Record) error {
			err := b.model.Update(ctx, rec)
			if errors.Is(err, driver.ErrUnreadable) {
				change := *rec
				_ = b.overwrite(&change)
			}
			return err
		}
	},
}, {
	"touches a newer format", "NewerIsKept", func(b *broken) {
		b.touch = func(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
			err := b.model.Touch(ctx, id, version, used, expires)
			if errors.Is(err, driver.ErrUnreadable) {
				b.mu.Lock()
				defer b.mu.Unlock()
				rec := b.recs[id]
				rec.Expires = expires
				b.put(&rec, rec.Version)
			}
			return err
		}
	},
}, {
	"creates over a newer format", "NewerIsKept", func(b *broken) {
		b.create = func(ctx context.Context, rec *driver.Record) error {
			b.mu.Lock()
			if b.newer[rec.ID] {
				delete(b.recs, rec.ID)
				delete(b.newer, rec.ID)
			}
			b.mu.Unlock()
			return b.model.Create(ctx, rec)
		}
	},
}, {
	"deletes only what it can read", "NewerIsDeleted", func(b *broken) {
		b.remove = func(ctx context.Context, id driver.ID) error {
			if _, err := b.model.Load(ctx, id); errors.Is(err, driver.ErrUnreadable) {
				return err
			}
			return b.model.Delete(ctx, id)
		}
	},
}, {
	"passes over a newer format in silence", "NewerInWalks", changeWalks(func(_ *broken, walk seq) seq {
		return func(yield func(driver.Record, error) bool) {
			for rec, err := range walk {
				if errors.Is(err, driver.ErrUnreadable) || !yield(rec, err) {
					return
				}
			}
		}
	}),
}, {
	"ends a walk at a newer format", "NewerInWalks", changeWalks(func(b *broken, walk seq) seq {
		return func(yield func(driver.Record, error) bool) {
			b.mu.Lock()
			meets := len(b.newer) > 0
			b.mu.Unlock()
			if meets {
				yield(driver.Record{}, driver.ErrUnreadable)
				return
			}
			walk(yield)
		}
	}),
}, {
	"tells of a newer format before it has been through all", "NewerInWalks", changeWalks(func(b *broken, walk seq) seq {
		return func(yield func(driver.Record, error) bool) {
			b.mu.Lock()
			meets := len(b.newer) > 0
			b.mu.Unlock()
			if meets && !yield(driver.Record{}, driver.ErrUnreadable) {
				return
			}
			for rec, err := range walk {
				if err != nil || !yield(rec, nil) {
					return
				}
			}
		}
	}),
}, {
	"drops a newer format from its index", "NewerInWalks", changeWalks(func(b *broken, walk seq) seq {
		return func(yield func(driver.Record, error) bool) {
			walk(yield)
			b.mu.Lock()
			defer b.mu.Unlock()
			for id := range b.newer {
				rec := b.recs[id]
				rec.Subject, rec.Labels = "", nil
				b.put(&rec, rec.Version)
			}
		}
	}),
}, {
	"sweeps what it cannot read", "SweepLeavesTheNewer", func(b *broken) {
		b.sweep = func(ctx context.Context, limit int) (int, error) {
			b.mu.Lock()
			clear(b.newer)
			b.mu.Unlock()
			return b.model.Sweep(ctx, limit)
		}
	},
},
}
