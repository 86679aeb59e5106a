package storetest

import (
	"context"
	"iter"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// faulty is the Store of a Fault. It has a method for every ability. Abilities returns those that the inner store has.
type faulty struct {
	f     *Fault
	inner driver.Abilities // of the inner store
}

// Abilities tells driver.AbilitiesOf what the wrapper can do.
func (w *faulty) Abilities() (has driver.Abilities) {
	if w.inner.Successor != nil {
		has.Successor = w
	}
	if w.inner.Reloader != nil {
		has.Reloader = w
	}
	if w.inner.Sweeper != nil {
		has.Sweeper = w
	}
	if w.inner.Lister != nil {
		has.Lister = w
	}
	if w.inner.Indexer != nil {
		has.Indexer = w
	}
	if w.inner.Limiter != nil {
		has.Limiter = w
	}
	if w.inner.Counter != nil {
		has.Counter = w
	}
	if w.inner.Pinger != nil {
		has.Pinger = w
	}
	if w.inner.Watcher != nil {
		has.Watcher = w
	}
	if w.inner.Closer != nil {
		has.Closer = w
	}
	if w.inner.CacheReporter != nil {
		has.CacheReporter = w
	}
	if w.inner.Inspector != nil {
		has.Inspector = w
	}
	if w.inner.Checker != nil {
		has.Checker = w
	}
	has.Breaker = w.inner.Breaker // no call of the storage: there is nothing to fail
	return has
}

func (w *faulty) Info() driver.Info { return w.f.inner.Info() }

func (w *faulty) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	return w.f.read("Load", id, func() (driver.Record, error) { return w.f.inner.Load(ctx, id) })
}

// LoadReported is a Load to the hooks, which need not know whether somebody observes.
func (w *faulty) LoadReported(ctx context.Context, id driver.ID) (rec driver.Record, cached bool, err error) {
	rec, err = w.f.read("Load", id, func() (rec driver.Record, err error) {
		rec, cached, err = w.inner.CacheReporter.LoadReported(ctx, id)
		return rec, err
	})
	return rec, cached && err == nil, err
}

func (w *faulty) Reload(ctx context.Context, id driver.ID) (driver.Record, error) {
	return w.f.read("Reload", id, func() (driver.Record, error) { return w.inner.Reloader.Reload(ctx, id) })
}

func (w *faulty) Watch(ctx context.Context, id driver.ID, changed func()) (rec driver.Record, stop func(), err error) {
	rec, err = w.f.read("Watch", id, func() (rec driver.Record, err error) {
		rec, stop, err = w.inner.Watcher.Watch(ctx, id, changed)
		return rec, err
	})
	if err != nil && stop != nil {
		stop()
		stop = nil
	}
	return rec, stop, err
}

// read makes a call that returns a record. With a hook's error it returns none.
func (f *Fault) read(method string, id driver.ID, call func() (driver.Record, error)) (rec driver.Record, err error) {
	err = f.do(method, id, func() (err error) { rec, err = call(); return err })
	if err != nil {
		return driver.Record{}, err
	}
	return rec, nil
}

func (w *faulty) Create(ctx context.Context, rec *driver.Record) error {
	return w.f.write("Create", rec, func(rec *driver.Record) error { return w.f.inner.Create(ctx, rec) })
}

func (w *faulty) Update(ctx context.Context, rec *driver.Record) error {
	return w.f.write("Update", rec, func(rec *driver.Record) error { return w.f.inner.Update(ctx, rec) })
}

func (w *faulty) Succeed(ctx context.Context, old, next *driver.Record) error {
	inserted := *next
	err := w.f.write("Succeed", old, func(old *driver.Record) error { return w.inner.Successor.Succeed(ctx, old, &inserted) })
	if err == nil {
		*next = inserted
	}
	return err
}

// write makes a call that changes rec. If a hook fails it, rec stays as it was, even if the call had its effect: a
// caller that gets no answer does not learn the new version.
func (f *Fault) write(method string, rec *driver.Record, call func(*driver.Record) error) error {
	changed := *rec
	err := f.do(method, rec.ID, func() error { return call(&changed) })
	if err == nil {
		*rec = changed
	}
	return err
}

func (w *faulty) Touch(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
	return w.f.do("Touch", id, func() error { return w.f.inner.Touch(ctx, id, version, used, expires) })
}

func (w *faulty) Delete(ctx context.Context, id driver.ID) error {
	return w.f.do("Delete", id, func() error { return w.f.inner.Delete(ctx, id) })
}

func (w *faulty) Sweep(ctx context.Context, limit int) (n int, err error) {
	err = w.f.do("Sweep", driver.ID{}, func() (err error) { n, err = w.inner.Sweeper.Sweep(ctx, limit); return err })
	return n, err
}

func (w *faulty) All(ctx context.Context) iter.Seq2[driver.Record, error] {
	return walk(w.f, "All", w.inner.Lister.All(ctx))
}

func (w *faulty) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return walk(w.f, "BySubject", w.inner.Indexer.BySubject(ctx, subject))
}

func (w *faulty) ByLabel(ctx context.Context, label string) iter.Seq2[driver.Record, error] {
	return walk(w.f, "ByLabel", w.inner.Indexer.ByLabel(ctx, label))
}

func (w *faulty) CreateLimited(ctx context.Context, rec *driver.Record, limit driver.Limit) (removed []driver.ID, err error) {
	err = w.f.write("CreateLimited", rec, func(rec *driver.Record) (err error) {
		removed, err = w.inner.Limiter.CreateLimited(ctx, rec, limit)
		return err
	})
	return removed, err
}

func (w *faulty) Count(ctx context.Context, namespace [16]byte) (n int, err error) {
	err = w.f.do("Count", driver.ID{}, func() (err error) { n, err = w.inner.Counter.Count(ctx, namespace); return err })
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (w *faulty) Ping(ctx context.Context) error {
	return w.f.do("Ping", driver.ID{}, func() error { return w.inner.Pinger.Ping(ctx) })
}

func (w *faulty) Inspect(ctx context.Context) (found []driver.Finding, err error) {
	err = w.f.do("Inspect", driver.ID{}, func() (err error) { found, err = w.inner.Inspector.Inspect(ctx); return err })
	return found, err
}

func (w *faulty) Close() error {
	return w.f.do("Close", driver.ID{}, w.inner.Closer.Close)
}

func (w *faulty) Check(ctx context.Context, fix bool) iter.Seq2[driver.Problem, error] {
	return walk(w.f, "Check", w.inner.Checker.Check(ctx, fix))
}

// walk yields the error of Before in place of the first element, or that of After as the last one.
func walk[T any](f *Fault, method string, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
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
			var none T
			yield(none, err)
		}
	}
}
