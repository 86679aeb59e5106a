package storetest

import (
	"context"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var succeedMutants = []mutant{{
	"creates and forgets the old one", "SucceedMoves", func(b *broken) {
		b.succeed = func(ctx context.Context, old, next *driver.Record) error { return b.model.Create(ctx, next) }
	},
}, {
	"leaves the old one its user", "SucceedMoves IndexFollowsSucceed", func(b *broken) {
		b.succeed = func(ctx context.Context, old, next *driver.Record) error {
			kept := *old
			kept.Subject = "alice"
			err := b.model.Succeed(ctx, &kept, next)
			old.Version = kept.Version
			return err
		}
	},
}, {
	"takes all of the old one's times", "SucceedKeepsLaterTimes", func(b *broken) {
		b.succeed = func(ctx context.Context, old, next *driver.Record) error {
			err := b.model.Succeed(ctx, old, next)
			if err == nil {
				b.mu.Lock()
				defer b.mu.Unlock()
				kept := b.recs[old.ID]
				kept.Used, kept.Expires = old.Used, old.Expires
				b.recs[old.ID] = kept
			}
			return err
		}
	},
}, {
	"creates, then updates", "SucceedOrNothing OneSuccessorWins SucceedOrDelete", func(b *broken) {
		b.succeed = func(ctx context.Context, old, next *driver.Record) error {
			if err := b.model.Create(ctx, next); err != nil {
				return err
			}
			pause()
			return b.model.Update(ctx, old)
		}
	},
}, {
	"looks before it succeeds", "OneSuccessorWins SucceedOrDelete", func(b *broken) {
		b.succeed = func(ctx context.Context, old, next *driver.Record) error {
			b.mu.Lock()
			err := b.mayUpdate(ctx, old)
			b.mu.Unlock()
			if err != nil {
				return err
			}
			pause()
			b.overwrite(old)
			return b.overwrite(next)
		}
	},
}}
