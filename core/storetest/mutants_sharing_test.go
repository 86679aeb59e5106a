package storetest

import (
	"context"
	"slices"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var sharingMutants = []mutant{{
	"clears what it deletes", "DataGivenIsNotWritten DataLoadedStays", func(b *broken) {
		b.remove = func(ctx context.Context, id driver.ID) error {
			rec, _ := b.model.Load(ctx, id)
			clear(rec.Data)
			return b.model.Delete(ctx, id)
		}
	},
}, {
	"appends its own to the data given", "DataGivenIsNotWritten", func(b *broken) {
		b.create = func(ctx context.Context, rec *driver.Record) error {
			_ = append(rec.Data, "checksum"...)
			return b.model.Create(ctx, rec)
		}
	},
}, {
	"sorts the labels given", "DataGivenIsNotWritten", func(b *broken) {
		b.create = func(ctx context.Context, rec *driver.Record) error {
			slices.Sort(rec.Labels)
			return b.model.Create(ctx, rec)
		}
	},
}, {
	"clears labels in place", "DataLoadedStays", func(b *broken) {
		b.update = func(ctx context.Context, rec *driver.Record) error {
			old, _ := b.model.Load(ctx, rec.ID)
			err := b.model.Update(ctx, rec)
			if err == nil && rec.Subject == "" {
				clear(old.Labels)
			}
			return err
		}
	},
}, {
	"does not clip labels", "LoadsDoNotShareRoom", func(b *broken) {
		b.load = func(ctx context.Context, id driver.ID) (driver.Record, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			rec, err := b.live(id)
			if err == nil && cap(rec.Labels) == len(rec.Labels) {
				rec.Labels = append(make([]string, 0, 10), rec.Labels...)
				b.recs[id] = rec
			}
			return rec, err
		}
	},
}, {
	"writes in place", "DataLoadedStays", func(b *broken) {
		b.update = func(ctx context.Context, rec *driver.Record) error {
			old, _ := b.model.Load(ctx, rec.ID)
			err := b.model.Update(ctx, rec)
			if err == nil && len(old.Data) == len(rec.Data) {
				copy(old.Data, rec.Data)
			}
			return err
		}
	},
}, {
	"does not clip", "LoadsDoNotShareRoom", func(b *broken) {
		b.load = func(ctx context.Context, id driver.ID) (driver.Record, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			rec, err := b.live(id)
			if err == nil && cap(rec.Data) == len(rec.Data) {
				rec.Data = append(make([]byte, 0, 1000), rec.Data...)
				b.recs[id] = rec
			}
			return rec, err
		}
	},
}}
