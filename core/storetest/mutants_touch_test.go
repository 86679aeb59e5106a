package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// changeTouch makes a mutant that stores wrong times in a Touch that has to succeed.
func changeTouch(move func(rec *driver.Record, used, expires time.Time)) func(b *broken) {
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
	"shortens in Touch", "TouchNeverMovesBack", changeTouch(func(rec *driver.Record, used, expires time.Time) {
		rec.Used, rec.Expires = latest(rec.Used, used), expires
	}),
}, {
	"moves Used back in Touch", "TouchNeverMovesBack TouchMovesEachAlone HistoryIsConsistent", changeTouch(func(rec *driver.Record, used, expires time.Time) {
		rec.Used, rec.Expires = used, latest(rec.Expires, expires)
	}),
}, {
	"keeps no Used in Touch", "TouchExtends TouchMovesEachAlone HistoryIsConsistent", changeTouch(func(rec *driver.Record, _, expires time.Time) {
		rec.Expires = latest(rec.Expires, expires)
	}),
}, {
	"skips a Touch that prolongs nothing", "TouchMovesEachAlone", changeTouch(func(rec *driver.Record, used, expires time.Time) {
		if expires.After(rec.Expires) {
			rec.Used, rec.Expires = latest(rec.Used, used), expires
		}
	}),
}, {
	"skips a Touch of an older use", "TouchMovesEachAlone", changeTouch(func(rec *driver.Record, used, expires time.Time) {
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
			if err := b.model.Touch(ctx, id, version, used, expires); !errors.Is(err, driver.ErrNotFound) {
				return err
			}
			return nil
		}
	},
}}
