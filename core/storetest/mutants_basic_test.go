package storetest

import (
	"bytes"
	"context"
	"maps"
	"time"

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
			if err == driver.ErrNotFound {
				err = nil
			}
			return rec, err
		}
	},
}, {
	"keys by the first half of the ID", "LoadTellsIDsApart", keying(func(id driver.ID) driver.ID { clear(id[16:]); return id }),
}, {
	"keys by the last half of the ID", "LoadTellsIDsApart", keying(func(id driver.ID) driver.ID { clear(id[:16]); return id }),
}, {
	"lists one of IDs that begin alike", "LoadTellsIDsApart", matching(func(b *broken, rec driver.Record, subject string) bool {
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

// keying makes a mutant that keeps records under a part of their ID.
func keying(part func(id driver.ID) driver.ID) func(b *broken) {
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

// overwrite writes without asking what is there.
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

// touching makes a mutant that goes wrong in a Touch that it was right to accept.
func touching(move func(rec *driver.Record, used, expires time.Time)) func(b *broken) {
	return func(b *broken) {
		b.touch = func(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			if err := b.ready(ctx); err != nil {
				return err
			}
			rec, err := b.live(id)
			if err == nil && rec.Version != version {
				err = driver.ErrConflict
			}
			if err == nil {
				move(&rec, used, expires)
				b.put(&rec, version)
			}
			return err
		}
	}
}

var touchMutants = []mutant{{
	"counts a Touch as a version", "TouchExtends", func(b *broken) {
		b.touch = func(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			rec, err := b.live(id)
			if err == nil && expires.After(rec.Expires) {
				rec.Expires = expires
				b.put(&rec, rec.Version+1)
			}
			return err
		}
	},
}, {
	"shortens in Touch", "TouchNeverMovesBack", touching(func(rec *driver.Record, used, expires time.Time) {
		rec.Used, rec.Expires = latest(rec.Used, used), expires
	}),
}, {
	"moves Used back in Touch", "TouchNeverMovesBack TouchMovesEachAlone HistoryIsConsistent", touching(func(rec *driver.Record, used, expires time.Time) {
		rec.Used, rec.Expires = used, latest(rec.Expires, expires)
	}),
}, {
	"keeps no Used in Touch", "TouchExtends TouchMovesEachAlone HistoryIsConsistent", touching(func(rec *driver.Record, _, expires time.Time) {
		rec.Expires = latest(rec.Expires, expires)
	}),
}, {
	"skips a Touch that prolongs nothing", "TouchMovesEachAlone", touching(func(rec *driver.Record, used, expires time.Time) {
		if expires.After(rec.Expires) {
			rec.Used, rec.Expires = latest(rec.Used, used), expires
		}
	}),
}, {
	"skips a Touch of an older use", "TouchMovesEachAlone", touching(func(rec *driver.Record, used, expires time.Time) {
		if used.After(rec.Used) {
			rec.Used, rec.Expires = used, latest(rec.Expires, expires)
		}
	}),
}, {
	"writes what it loaded in Touch", "TouchKeepsNewerData CountsExactly", func(b *broken) {
		var loaded driver.Record
		b.load = func(ctx context.Context, id driver.ID) (driver.Record, error) {
			rec, err := b.model.Load(ctx, id)
			b.mu.Lock()
			loaded = rec
			b.mu.Unlock()
			return rec, err
		}
		b.touch = func(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			rec := loaded
			if rec.ID != id {
				return nil
			}
			rec.Expires = expires
			b.put(&rec, rec.Version)
			return nil
		}
	},
}, {
	"does not compare versions in Touch", "TouchKeepsNewerData", func(b *broken) {
		b.touch = func(ctx context.Context, id driver.ID, _ uint64, used, expires time.Time) error {
			rec, err := b.model.Load(ctx, id)
			if err == nil {
				err = b.model.Touch(ctx, id, rec.Version, used, expires)
			}
			return err
		}
	},
}, {
	"finds everything in Touch", "TouchIsNoUpsert DeadlineIsExact", func(b *broken) {
		b.touch = func(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
			if err := b.model.Touch(ctx, id, version, used, expires); err != driver.ErrNotFound {
				return err
			}
			return nil
		}
	},
}}
