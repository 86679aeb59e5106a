package storetest

import (
	"context"
	"time"
)

var sweepMutants = []mutant{{
	"knows no limit", "SweepRemovesExpired", func(b *broken) {
		b.sweep = func(ctx context.Context, _ int) (int, error) { return b.model.Sweep(ctx, 1000) }
	},
}, {
	"is done too early", "SweepRemovesExpired", func(b *broken) {
		b.sweep = func(ctx context.Context, limit int) (int, error) { return b.model.Sweep(ctx, limit-1) }
	},
}, {
	"does not count", "SweepRemovesExpired", func(b *broken) {
		b.sweep = func(ctx context.Context, limit int) (int, error) {
			_, err := b.model.Sweep(ctx, 1000)
			return 0, err
		}
	},
}, {
	"is never done", "SweepRemovesExpired", func(b *broken) {
		b.sweep = func(ctx context.Context, limit int) (int, error) {
			_, err := b.model.Sweep(ctx, limit)
			return limit, err
		}
	},
}, {
	"sweeps by the first deadline", "SweepLeavesTheTouched", func(b *broken) {
		b.sweep = func(ctx context.Context, limit int) (n int, err error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			for id, rec := range b.recs {
				if n < limit && !b.now().Before(rec.Created.Add(5*200*time.Millisecond)) {
					delete(b.recs, id)
					n++
				}
			}
			return n, nil
		}
	},
}}
