package storetest

import (
	"bytes"
	"context"
	"errors"
	"maps"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var loadMutants = []mutant{{
	"forgets the subject", "LoadReturnsTheRecord", func(b *broken) {
		b.load = func(ctx context.Context, id driver.ID) (driver.Record, error) {
			rec, err := b.model.Load(ctx, id)
			rec.Subject = ""
			return rec, err
		}
	},
}, {
	"answers nothing, and no error", "LoadAbsent DeleteRemoves", func(b *broken) {
		b.load = func(ctx context.Context, id driver.ID) (driver.Record, error) {
			rec, err := b.model.Load(ctx, id)
			if errors.Is(err, driver.ErrNotFound) {
				err = nil
			}
			return rec, err
		}
	},
}, {
	"keys by the first half of the ID", "LoadTellsIDsApart", keyByPart(func(id driver.ID) driver.ID { clear(id[16:]); return id }),
}, {
	"keys by the last half of the ID", "LoadTellsIDsApart", keyByPart(func(id driver.ID) driver.ID { clear(id[:16]); return id }),
}, {
	"lists one of IDs that begin alike", "LoadTellsIDsApart", listBySubject(func(b *broken, rec driver.Record, subject string) bool {
		for _, other := range b.recs {
			if [16]byte(other.ID[:]) == [16]byte(rec.ID[:]) && bytes.Compare(other.ID[:], rec.ID[:]) < 0 {
				return false
			}
		}
		return subject != "" && rec.Live(b.now()) && rec.Subject == subject
	}),
}, {
	"deletes all whose IDs end alike", "LoadTellsIDsApart DeleteRemoves", func(b *broken) {
		b.remove = func(_ context.Context, id driver.ID) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			maps.DeleteFunc(b.recs, func(other driver.ID, _ driver.Record) bool { return [16]byte(other[16:]) == [16]byte(id[16:]) })
			return nil
		}
	},
}, {
	"never lets a record expire", "CreateBornExpired DeadlineIsExact ShortLives UpdateExact", func(b *broken) {
		b.load = func(_ context.Context, id driver.ID) (driver.Record, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			rec, ok := b.recs[id]
			if !ok {
				return rec, driver.ErrNotFound
			}
			return rec, nil
		}
	},
}}

// keyByPart makes a mutant that keeps each record under a part of its ID.
func keyByPart(part func(id driver.ID) driver.ID) func(b *broken) {
	return func(b *broken) {
		b.load = func(ctx context.Context, id driver.ID) (driver.Record, error) {
			rec, err := b.model.Load(ctx, part(id))
			rec.ID = id
			return rec, err
		}
		b.create = func(ctx context.Context, rec *driver.Record) error {
			changed := *rec
			changed.ID = part(rec.ID)
			err := b.model.Create(ctx, &changed)
			rec.Version = changed.Version
			return err
		}
	}
}

// overwrite stores a record without a look at the one before.
func (b *broken) overwrite(rec *driver.Record) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.put(rec, b.recs[rec.ID].Version+1)
	return nil
}

var writeMutants = []mutant{{
	"does not tell the version", "CreateSetsVersion", func(b *broken) {
		b.create = func(ctx context.Context, rec *driver.Record) error {
			changed := *rec
			return b.model.Create(ctx, &changed)
		}
	},
}, {
	"upserts in Create", "CreateIsInsertOnly OneCreatorWins", func(b *broken) {
		b.create = func(_ context.Context, rec *driver.Record) error { return b.overwrite(rec) }
	},
}, {
	"sees expired records in Create", "CreateOverExpired", func(b *broken) {
		b.create = func(ctx context.Context, rec *driver.Record) error {
			b.mu.Lock()
			_, ok := b.recs[rec.ID]
			b.mu.Unlock()
			if ok {
				return driver.ErrExists
			}
			return b.model.Create(ctx, rec)
		}
	},
}, {
	"does not delete", "DeleteRemoves DeleteMakesRoom DeletedStaysDeleted", func(b *broken) {
		b.remove = func(context.Context, driver.ID) error { return nil }
	},
}, {
	"says that it was not there to delete", "DeleteAbsent", func(b *broken) {
		b.remove = func(ctx context.Context, id driver.ID) error {
			if _, err := b.model.Load(ctx, id); err != nil {
				return err
			}
			return b.model.Delete(ctx, id)
		}
	},
}, {
	"upserts in Update", "UpdateComparesVersion UpdateIsNoUpsert OneUpdaterWins DeletedStaysDeleted CountsExactly HistoryIsConsistent", func(b *broken) {
		b.update = func(_ context.Context, rec *driver.Record) error { return b.overwrite(rec) }
	},
}, {
	"takes any version", "UpdateComparesVersion OneUpdaterWins CountsExactly HistoryIsConsistent", func(b *broken) {
		b.update = func(_ context.Context, rec *driver.Record) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			old, err := b.live(rec.ID)
			if err == nil {
				b.put(rec, old.Version+1)
			}
			return err
		}
	},
}, {
	"updates what has expired", "UpdateIsNoUpsert DeadlineIsExact", func(b *broken) {
		b.update = func(_ context.Context, rec *driver.Record) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			if old, ok := b.recs[rec.ID]; !ok {
				return driver.ErrNotFound
			} else if old.Version != rec.Version {
				return driver.ErrConflict
			}
			b.put(rec, rec.Version+1)
			return nil
		}
	},
}, {
	"changes the record given although it fails", "CreateIsInsertOnly UpdateComparesVersion", func(b *broken) {
		b.create = func(ctx context.Context, rec *driver.Record) error {
			rec.Version = 1
			return b.model.Create(ctx, rec)
		}
		b.update = func(ctx context.Context, rec *driver.Record) error {
			err := b.model.Update(ctx, rec)
			if err != nil {
				rec.Version++
			}
			return err
		}
	},
}}
