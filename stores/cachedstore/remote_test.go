package cachedstore_test

import (
	"context"
	"iter"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// remote makes a memstore look like a store on a server: it minds the context, and other
// processes share it.
func remote(s *memstore.Store) driver.Store { return overNetwork{s} }

type overNetwork struct{ *memstore.Store }

func (overNetwork) Info() driver.Info { return driver.Info{Name: "remote"} }

func (r overNetwork) Load(ctx context.Context, id driver.ID) (rec driver.Record, err error) {
	err = minding(ctx, func() error { rec, err = r.Store.Load(ctx, id); return err })
	return rec, err
}

func (r overNetwork) Create(ctx context.Context, rec *driver.Record) error {
	return minding(ctx, func() error { return r.Store.Create(ctx, rec) })
}

func (r overNetwork) Update(ctx context.Context, rec *driver.Record) error {
	return minding(ctx, func() error { return r.Store.Update(ctx, rec) })
}

func (r overNetwork) Touch(ctx context.Context, id driver.ID, version uint64, expires time.Time) error {
	return minding(ctx, func() error { return r.Store.Touch(ctx, id, version, expires) })
}

func (r overNetwork) Delete(ctx context.Context, id driver.ID) error {
	return minding(ctx, func() error { return r.Store.Delete(ctx, id) })
}

func (r overNetwork) Rotate(ctx context.Context, old, next *driver.Record) error {
	return minding(ctx, func() error { return r.Store.Rotate(ctx, old, next) })
}

func (r overNetwork) Sweep(ctx context.Context, limit int) (n int, err error) {
	err = minding(ctx, func() error { n, err = r.Store.Sweep(ctx, limit); return err })
	return n, err
}

func (r overNetwork) All(ctx context.Context) iter.Seq2[driver.Record, error] {
	return walking(ctx, r.Store.All(ctx))
}

func (r overNetwork) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return walking(ctx, r.Store.BySubject(ctx, subject))
}

func (overNetwork) Ping(ctx context.Context) error { return minding(ctx, func() error { return nil }) }

func minding(ctx context.Context, call func() error) error {
	if err := ctx.Err(); err != nil {
		return driver.Unavailable("remote", err)
	}
	return call()
}

func walking(ctx context.Context, seq iter.Seq2[driver.Record, error]) iter.Seq2[driver.Record, error] {
	if err := minding(ctx, func() error { return nil }); err != nil {
		return func(yield func(driver.Record, error) bool) { yield(driver.Record{}, err) }
	}
	return seq
}
