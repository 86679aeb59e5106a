package storetest

import (
	"context"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var raceMutants = []mutant{{
	"looks before it creates", "OneCreatorWins", func(b *broken) {
		b.create = func(ctx context.Context, rec *driver.Record) error {
			b.mu.Lock()
			err := b.mayCreate(ctx, rec)
			b.mu.Unlock()
			if err != nil {
				return err
			}
			pause()
			return b.overwrite(rec)
		}
	},
}, {
	"looks before it updates", "OneUpdaterWins DeletedStaysDeleted CountsExactly HistoryIsConsistent", func(b *broken) {
		b.update = func(ctx context.Context, rec *driver.Record) error {
			b.mu.Lock()
			err := b.mayUpdate(ctx, rec)
			b.mu.Unlock()
			if err != nil {
				return err
			}
			pause()
			return b.overwrite(rec)
		}
	},
}, {
	"looks before it touches", "DeletedStaysDeleted SweepAgainstTouch", func(b *broken) {
		b.touch = func(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
			rec, err := b.model.Load(ctx, id)
			if err != nil {
				return err
			}
			pause()
			b.mu.Lock()
			defer b.mu.Unlock()
			if _, ok := b.recs[id]; ok || time.Now().Nanosecond()%2 == 0 { // lost or brought back: both are wrong
				rec.Expires = expires
				b.put(&rec, rec.Version)
			}
			return nil
		}
	},
}, {
	"keeps a cache in each server", "DeleteRemoves HistoryIsConsistent", func(b *broken) {
		var cache sync.Map
		b.load = func(ctx context.Context, id driver.ID) (driver.Record, error) {
			if rec, ok := cache.Load(id); ok {
				return rec.(driver.Record), nil
			}
			rec, err := b.model.Load(ctx, id)
			if err == nil {
				cache.Store(id, rec)
			}
			return rec, err
		}
		b.update = func(ctx context.Context, rec *driver.Record) error {
			cache.Delete(rec.ID)
			return b.model.Update(ctx, rec)
		}
	},
}, {
	"gives versions by the clock", "CountsExactly UpdateReplaces", func(b *broken) {
		b.update = func(ctx context.Context, rec *driver.Record) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			err := b.mayUpdate(ctx, rec)
			if err == nil {
				b.put(rec, uint64(b.now().Unix()))
			}
			return err
		}
	},
}}
