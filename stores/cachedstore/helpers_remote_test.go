package cachedstore_test

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// truthStore is a memstore that is a driver.Successor, as a store on a server can be.
type truthStore struct {
	*memstore.Store
	whole sync.RWMutex // locked by Succeed, so that no call sees half of it
}

func newTruth(config memstore.Config) *truthStore {
	return &truthStore{Store: made.Of(memstore.New(config))}
}

func (s *truthStore) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	s.whole.RLock()
	defer s.whole.RUnlock()
	return s.Store.Load(ctx, id)
}

func (s *truthStore) Update(ctx context.Context, rec *driver.Record) error {
	s.whole.RLock()
	defer s.whole.RUnlock()
	return s.Store.Update(ctx, rec)
}

func (s *truthStore) Delete(ctx context.Context, id driver.ID) error {
	s.whole.RLock()
	defer s.whole.RUnlock()
	return s.Store.Delete(ctx, id)
}

func (s *truthStore) Succeed(ctx context.Context, old, next *driver.Record) error {
	s.whole.Lock()
	defer s.whole.Unlock()
	inserted := *next
	if err := s.Create(ctx, &inserted); err != nil {
		return err
	}
	if err := s.Store.Update(ctx, old); err != nil {
		_ = s.Store.Delete(ctx, next.ID)
		return err
	}
	*next = inserted
	return nil
}

// remote makes a store in memory look like one on a server: calls end with their context, and other processes share
// the store.
func remote(s driver.Store) driver.Store { return &overNetwork{s, driver.AbilitiesOf(s)} }

type overNetwork struct {
	store driver.Store
	can   driver.Abilities
}

// Abilities implements the method that driver.AbilitiesOf looks for.
func (r *overNetwork) Abilities() driver.Abilities {
	has := driver.Abilities{Sweeper: r, Lister: r, Indexer: r, Pinger: r}
	if r.can.Limiter != nil {
		has.Limiter = r
	}
	if r.can.Counter != nil {
		has.Counter = r
	}
	if r.can.Successor != nil {
		has.Successor = r
	}
	if r.can.Inspector != nil {
		has.Inspector = r
	}
	return has
}

func (*overNetwork) Info() driver.Info { return driver.Info{Name: "remote"} }

func (r *overNetwork) Load(ctx context.Context, id driver.ID) (rec driver.Record, err error) {
	err = minding(ctx, func() error { rec, err = r.store.Load(ctx, id); return err })
	return rec, err
}

func (r *overNetwork) Create(ctx context.Context, rec *driver.Record) error {
	return minding(ctx, func() error { return r.store.Create(ctx, rec) })
}

func (r *overNetwork) Update(ctx context.Context, rec *driver.Record) error {
	return minding(ctx, func() error { return r.store.Update(ctx, rec) })
}

func (r *overNetwork) Touch(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
	return minding(ctx, func() error { return r.store.Touch(ctx, id, version, used, expires) })
}

func (r *overNetwork) Delete(ctx context.Context, id driver.ID) error {
	return minding(ctx, func() error { return r.store.Delete(ctx, id) })
}

func (r *overNetwork) Succeed(ctx context.Context, old, next *driver.Record) error {
	return minding(ctx, func() error { return r.can.Successor.Succeed(ctx, old, next) })
}

func (r *overNetwork) CreateLimited(ctx context.Context, rec *driver.Record, limit driver.Limit) (removed []driver.ID, err error) {
	err = minding(ctx, func() (err error) { removed, err = r.can.Limiter.CreateLimited(ctx, rec, limit); return err })
	return removed, err
}

func (r *overNetwork) Count(ctx context.Context, namespace [16]byte) (n int, err error) {
	err = minding(ctx, func() (err error) { n, err = r.can.Counter.Count(ctx, namespace); return err })
	return n, err
}

func (r *overNetwork) Sweep(ctx context.Context, limit int) (n int, err error) {
	err = minding(ctx, func() error { n, err = r.can.Sweeper.Sweep(ctx, limit); return err })
	return n, err
}

func (r *overNetwork) All(ctx context.Context) iter.Seq2[driver.Record, error] {
	return walking(ctx, r.can.Lister.All(ctx))
}

func (r *overNetwork) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return walking(ctx, r.can.Indexer.BySubject(ctx, subject))
}

func (r *overNetwork) ByLabel(ctx context.Context, label string) iter.Seq2[driver.Record, error] {
	return walking(ctx, r.can.Indexer.ByLabel(ctx, label))
}

func (r *overNetwork) Inspect(ctx context.Context) (found []driver.Finding, err error) {
	err = minding(ctx, func() error { found, err = r.can.Inspector.Inspect(ctx); return err })
	return found, err
}

func (*overNetwork) Ping(ctx context.Context) error { return minding(ctx, func() error { return nil }) }

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
