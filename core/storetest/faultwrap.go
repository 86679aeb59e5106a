package storetest

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	wrapper "github.com/coatcheck-go/coatcheck/internal/abilities"
)

// The methods of Fault.Store: one type for all stores, and one for each
// ability, so that wrap can leave out what the store inside lacks.
type (
	faulty  struct{ f *Fault }
	rotator struct {
		f *Fault
		r driver.Rotator
	}
	sweeper struct {
		f *Fault
		s driver.Sweeper
	}
	lister struct {
		f *Fault
		l driver.Lister
	}
	indexer struct {
		f *Fault
		x driver.Indexer
	}
)

func (f *Fault) wrap() driver.Store {
	var (
		r driver.Rotator
		s driver.Sweeper
		l driver.Lister
		x driver.Indexer
	)
	if inner, ok := f.inner.(driver.Rotator); ok {
		r = rotator{f, inner}
	}
	if inner, ok := f.inner.(driver.Sweeper); ok {
		s = sweeper{f, inner}
	}
	if inner, ok := f.inner.(driver.Lister); ok {
		l = lister{f, inner}
	}
	if inner, ok := f.inner.(driver.Indexer); ok {
		x = indexer{f, inner}
	}
	return wrapper.Join(faulty{f}, r, s, l, x)
}

func (w faulty) Info() driver.Info { return w.f.inner.Info() }

func (w faulty) Load(ctx context.Context, id driver.ID) (rec driver.Record, err error) {
	err = w.f.do("Load", id, func() (err error) { rec, err = w.f.inner.Load(ctx, id); return err })
	if err != nil {
		return driver.Record{}, err
	}
	return rec, nil
}

func (w faulty) Create(ctx context.Context, rec *driver.Record) error {
	return w.f.write("Create", rec, func(rec *driver.Record) error { return w.f.inner.Create(ctx, rec) })
}

func (w faulty) Update(ctx context.Context, rec *driver.Record) error {
	return w.f.write("Update", rec, func(rec *driver.Record) error { return w.f.inner.Update(ctx, rec) })
}

// write keeps rec as it was when a hook fails a call that had its effect: the
// caller of a storage that is out of reach does not learn the new version.
func (f *Fault) write(method string, rec *driver.Record, call func(*driver.Record) error) error {
	changed := *rec
	err := f.do(method, rec.ID, func() error { return call(&changed) })
	if err == nil {
		*rec = changed
	}
	return err
}

func (w faulty) Touch(ctx context.Context, id driver.ID, version uint64, expires time.Time) error {
	return w.f.do("Touch", id, func() error { return w.f.inner.Touch(ctx, id, version, expires) })
}

func (w faulty) Delete(ctx context.Context, id driver.ID) error {
	return w.f.do("Delete", id, func() error { return w.f.inner.Delete(ctx, id) })
}

func (w faulty) Ping(ctx context.Context) error {
	return w.f.do("Ping", driver.ID{}, func() error {
		if p, ok := w.f.inner.(driver.Pinger); ok {
			return p.Ping(ctx)
		}
		return nil
	})
}

func (w faulty) Close() error {
	return w.f.do("Close", driver.ID{}, func() error {
		if c, ok := w.f.inner.(io.Closer); ok {
			return c.Close()
		}
		return nil
	})
}

func (w rotator) Rotate(ctx context.Context, old, next *driver.Record) error {
	inserted := *next
	err := w.f.write("Rotate", old, func(old *driver.Record) error { return w.r.Rotate(ctx, old, &inserted) })
	if err == nil {
		*next = inserted
	}
	return err
}

func (w sweeper) Sweep(ctx context.Context, limit int) (n int, err error) {
	err = w.f.do("Sweep", driver.ID{}, func() (err error) { n, err = w.s.Sweep(ctx, limit); return err })
	return n, err
}

func (w lister) All(ctx context.Context) iter.Seq2[driver.Record, error] {
	return w.f.walk("All", w.l.All(ctx))
}

func (w indexer) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return w.f.walk("BySubject", w.x.BySubject(ctx, subject))
}

// walk yields a hook's error in place of the first record, or after the last.
func (f *Fault) walk(method string, seq iter.Seq2[driver.Record, error]) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		more := true
		err := f.do(method, driver.ID{}, func() error {
			for rec, err := range seq {
				if more = yield(rec, err); !more || err != nil {
					more = false
					break
				}
			}
			return nil
		})
		if err != nil && more {
			yield(driver.Record{}, err)
		}
	}
}
