package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

func changeLoadError(from, to error) func(b *broken) {
	return func(b *broken) {
		b.load = func(ctx context.Context, id driver.ID) (driver.Record, error) {
			rec, err := b.model.Load(ctx, id)
			if errors.Is(err, from) {
				err = to
			}
			return rec, err
		}
	}
}

var errorMutants = []mutant{
	{"takes an outage for not found", "OutageIsUnavailable ContextCanceled ContextDeadline", changeLoadError(driver.ErrUnavailable, driver.ErrNotFound)},
	{"takes an outage for nothing", "OutageIsUnavailable ContextCanceled", changeLoadError(driver.ErrUnavailable, nil)},
	{"hides the context's error", "ContextCanceled ContextDeadline", changeLoadError(driver.ErrUnavailable, driver.ErrUnavailable)},
	{"returns the bare error", "OutageIsUnavailable", changeLoadError(ErrInjected, ErrInjected)},
	{"returns the bare context's error", "ContextCanceled", changeLoadError(context.Canceled, context.Canceled)},
	{"answers two things at once", "LoadAbsent", changeLoadError(driver.ErrNotFound, errors.Join(driver.ErrNotFound, driver.ErrUnavailable))},
	{"goes on after an error", "OutageIsUnavailable ContextCanceled ContextDeadline", changeWalks(func(_ *broken, walk seq) seq {
		return func(yield func(driver.Record, error) bool) {
			for rec, err := range walk {
				for range 2 {
					if !yield(rec, err) {
						return
					}
				}
			}
		}
	})},
	{"hangs", "OutageIsUnavailable", func(b *broken) {
		b.touch = func(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
			err := b.model.Touch(ctx, id, version, used, expires)
			if errors.Is(err, driver.ErrUnavailable) {
				select {}
			}
			return err
		}
	}},
	{"panics", "LoadAbsent", func(b *broken) {
		b.load = func(context.Context, driver.ID) (driver.Record, error) { panic("at the disco") }
	}},
}
