package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// saying makes a mutant whose errors of Create have another text.
func saying(text func(rec *driver.Record, err error) error) func(b *broken) {
	return func(b *broken) {
		b.create = func(ctx context.Context, rec *driver.Record) error {
			if err := b.model.Create(ctx, rec); err != nil {
				return text(rec, err)
			}
			return nil
		}
	}
}

var textMutants = []mutant{
	{"does not say who it is", "ErrorTexts", changeLoadError(driver.ErrNotFound, driver.ErrNotFound)},
	{"does not say whose limit it is", "ErrorTexts", func(b *broken) {
		b.createLimited = func(ctx context.Context, rec *driver.Record, limit driver.Limit) ([]driver.ID, error) {
			ids, err := b.model.CreateLimited(ctx, rec, limit)
			if errors.Is(err, driver.ErrLimit) {
				err = driver.ErrLimit // as Surplus returns it
			}
			return ids, err
		}
	}},
	{"does not say who it is in an outage", "OutageIsUnavailable", saying(func(_ *driver.Record, err error) error {
		return driver.Unavailable("write", err)
	})},
	{"shows the subject", "ErrorTexts OutageIsUnavailable", saying(func(rec *driver.Record, err error) error {
		return fmt.Errorf("model: %s: %w", rec.Subject, err)
	})},
	{"shows a label", "ErrorTexts", saying(func(rec *driver.Record, err error) error {
		return fmt.Errorf("model: %q: %w", rec.Labels, err)
	})},
	{"shows Data", "ErrorTexts", saying(func(rec *driver.Record, err error) error {
		return fmt.Errorf("model: %v: %w", rec.Data, err)
	})},
	{"shows Data in hexadecimal digits", "ErrorTexts", saying(func(rec *driver.Record, err error) error {
		return fmt.Errorf("model: %x: %w", rec.Data, err)
	})},
}

var waitMutants = []mutant{
	{"waits on", "WaitEndsWithTheContext", func(b *broken) {
		b.touch = func(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
			for b.block.Load() {
				pause()
			}
			return b.model.Touch(ctx, id, version, used, expires)
		}
	}},
	{"gives up without saying why", "WaitEndsWithTheContext", func(b *broken) {
		b.update = func(ctx context.Context, rec *driver.Record) error {
			err := b.model.Update(ctx, rec)
			if errors.Is(err, context.DeadlineExceeded) {
				return driver.Unavailable("model", errors.New("locked"))
			}
			return err
		}
	}},
}

var writeOutageMutants = []mutant{
	{"stores what fits", "WriteOutageLeavesNoHalf", func(b *broken) {
		b.update = func(ctx context.Context, rec *driver.Record) error {
			err := b.model.Update(ctx, rec)
			if errors.Is(err, errFull) {
				half := *rec
				half.Data = slices.Clip(rec.Data[:1000])
				_ = b.model.Update(ctx, &half)
			}
			return err
		}
	}},
	{"acknowledges what does not fit", "WriteOutageLeavesNoHalf", func(b *broken) {
		b.update = func(ctx context.Context, rec *driver.Record) error {
			err := b.model.Update(ctx, rec)
			if errors.Is(err, errFull) {
				return nil
			}
			return err
		}
	}},
	{"takes a full disk for a large record", "WriteOutageLeavesNoHalf", func(b *broken) {
		b.create = func(ctx context.Context, rec *driver.Record) error {
			err := b.model.Create(ctx, rec)
			if errors.Is(err, errFull) {
				err = errTooLarge
			}
			return err
		}
	}},
	{"reads nothing from a full disk", "WriteOutageLeavesNoHalf", func(b *broken) {
		b.load = func(ctx context.Context, id driver.ID) (driver.Record, error) {
			b.mu.Lock()
			full := b.full
			b.mu.Unlock()
			if full {
				return driver.Record{}, errFull
			}
			return b.model.Load(ctx, id)
		}
	}},
	{"does one of two steps", "WriteOutageLeavesNoHalf", func(b *broken) {
		b.succeed = func(ctx context.Context, old, next *driver.Record) error {
			b.mu.Lock()
			full := b.full
			b.mu.Unlock()
			if full {
				_ = b.model.Create(ctx, next)
				return errFull
			}
			return b.model.Succeed(ctx, old, next)
		}
	}},
}

var clockMutants = []mutant{
	{"has a clock of its own", "ClockIsTheStores", func(b *broken) { b.model.now = time.Now }},
	{"has a clock that is ahead", "ClockIsTheStores", func(b *broken) {
		b.model.now = func() time.Time { return time.Now().Add(3 * time.Hour) }
	}},
}
