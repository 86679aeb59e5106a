package storetest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// changeStored makes a mutant that changes each record before it stores it.
func changeStored(change func(rec *driver.Record)) func(b *broken) {
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
	{"folds case", "SubjectIsBytes", changeStored(func(rec *driver.Record) { rec.Subject = strings.ToLower(rec.Subject) })},
	{"trims spaces", "SubjectIsBytes", changeStored(func(rec *driver.Record) { rec.Subject = strings.TrimSpace(rec.Subject) })},
	{"wants UTF-8", "SubjectIsBytes", changeStored(func(rec *driver.Record) { rec.Subject = strings.ToValidUTF8(rec.Subject, "?") })},
	{"ends data at NUL", "DataIsOpaque", changeStored(func(rec *driver.Record) { rec.Data, _, _ = bytes.Cut(rec.Data, []byte{0}) })},
	{"cuts data off", "DataIsOpaque", changeStored(func(rec *driver.Record) { rec.Data = rec.Data[:min(len(rec.Data), modelMaxData-1)] })},
	{"keeps milliseconds", "TimesToTheMicrosecond", changeStored(func(rec *driver.Record) { rec.Created = rec.Created.Truncate(time.Millisecond) })},
	{"keeps local wall clocks", "TimesToTheMicrosecond", changeStored(func(rec *driver.Record) {
		t := rec.Created
		rec.Created = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	})},
	{"clamps to 30 days", "FarDeadlines", changeStored(func(rec *driver.Record) {
		if far := time.Now().Add(30 * 24 * time.Hour); rec.Expires.After(far) {
			rec.Expires = far
		}
	})},
	{"keeps nanoseconds in an int64", "FarDeadlines", changeStored(func(rec *driver.Record) { rec.Expires = time.Unix(0, rec.Expires.UnixNano()) })},
	{"rounds a life up to seconds", "DeadlineIsExact ShortLives", changeStored(func(rec *driver.Record) { rec.Expires = rec.Expires.Truncate(time.Second).Add(time.Second) })},
	{"rounds a life down to seconds", "DeadlineIsExact", changeStored(func(rec *driver.Record) { rec.Expires = rec.Expires.Truncate(time.Second) })},
	{"takes 0 seconds for no deadline", "ShortLives", changeStored(func(rec *driver.Record) {
		if time.Until(rec.Expires) < time.Second {
			rec.Expires = time.Now().Add(long)
		}
	})},
	{"takes any size", "TooLarge", changeStored(func(rec *driver.Record) { rec.Data = rec.Data[:min(len(rec.Data), 10)] })},
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
