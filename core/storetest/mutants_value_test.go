package storetest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// storing makes a mutant that stores something else than it was given.
func storing(change func(rec *driver.Record)) func(b *broken) {
	return func(b *broken) {
		b.create = func(ctx context.Context, rec *driver.Record) error {
			changed := *rec
			change(&changed)
			err := b.model.Create(ctx, &changed)
			rec.Version = changed.Version
			return err
		}
		b.update = func(ctx context.Context, rec *driver.Record) error {
			changed := *rec
			change(&changed)
			err := b.model.Update(ctx, &changed)
			rec.Version = changed.Version
			return err
		}
		b.touch = func(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
			changed := driver.Record{Used: used, Expires: expires}
			change(&changed)
			return b.model.Touch(ctx, id, version, changed.Used, changed.Expires)
		}
	}
}

var valueMutants = []mutant{
	{"folds case", "SubjectIsBytes", storing(func(rec *driver.Record) { rec.Subject = strings.ToLower(rec.Subject) })},
	{"trims spaces", "SubjectIsBytes", storing(func(rec *driver.Record) { rec.Subject = strings.TrimSpace(rec.Subject) })},
	{"wants UTF-8", "SubjectIsBytes", storing(func(rec *driver.Record) { rec.Subject = strings.ToValidUTF8(rec.Subject, "?") })},
	{"ends data at NUL", "DataIsOpaque", storing(func(rec *driver.Record) { rec.Data, _, _ = bytes.Cut(rec.Data, []byte{0}) })},
	{"cuts data off", "DataIsOpaque", storing(func(rec *driver.Record) { rec.Data = rec.Data[:min(len(rec.Data), modelMax-1)] })},
	{"keeps milliseconds", "TimesToTheMicrosecond", storing(func(rec *driver.Record) { rec.Created = rec.Created.Truncate(time.Millisecond) })},
	{"keeps local wall clocks", "TimesToTheMicrosecond", storing(func(rec *driver.Record) {
		t := rec.Created
		rec.Created = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	})},
	{"clamps to 30 days", "FarDeadlines", storing(func(rec *driver.Record) {
		if far := time.Now().Add(30 * 24 * time.Hour); rec.Expires.After(far) {
			rec.Expires = far
		}
	})},
	{"keeps nanoseconds in an int64", "FarDeadlines", storing(func(rec *driver.Record) { rec.Expires = time.Unix(0, rec.Expires.UnixNano()) })},
	{"rounds a life up to seconds", "DeadlineIsExact ShortLives", storing(func(rec *driver.Record) { rec.Expires = rec.Expires.Truncate(time.Second).Add(time.Second) })},
	{"rounds a life down to seconds", "DeadlineIsExact", storing(func(rec *driver.Record) { rec.Expires = rec.Expires.Truncate(time.Second) })},
	{"takes 0 seconds for no deadline", "ShortLives", storing(func(rec *driver.Record) {
		if time.Until(rec.Expires) < time.Second {
			rec.Expires = time.Now().Add(long)
		}
	})},
	{"takes any size", "TooLarge", storing(func(rec *driver.Record) { rec.Data = rec.Data[:min(len(rec.Data), 10)] })},
	{"loses the old value when the new is too large", "TooLarge", func(b *broken) {
		b.update = func(ctx context.Context, rec *driver.Record) error {
			err := b.model.Update(ctx, rec)
			if errors.Is(err, driver.ErrTooLarge) {
				b.model.Delete(ctx, rec.ID)
			}
			return err
		}
	}},
}

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

func answering(from, to error) func(b *broken) {
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
	{"takes an outage for not found", "OutageIsUnavailable ContextCanceled ContextDeadline", answering(driver.ErrUnavailable, driver.ErrNotFound)},
	{"takes an outage for nothing", "OutageIsUnavailable ContextCanceled", answering(driver.ErrUnavailable, nil)},
	{"hides the context's error", "ContextCanceled ContextDeadline", answering(driver.ErrUnavailable, driver.ErrUnavailable)},
	{"returns the bare error", "OutageIsUnavailable", answering(ErrInjected, ErrInjected)},
	{"returns the bare context's error", "ContextCanceled", answering(context.Canceled, context.Canceled)},
	{"answers two things at once", "LoadAbsent", answering(driver.ErrNotFound, errors.Join(driver.ErrNotFound, driver.ErrUnavailable))},
	{"goes on after an error", "OutageIsUnavailable ContextCanceled ContextDeadline", walking(func(_ *broken, walk seq) seq {
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
