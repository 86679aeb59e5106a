package crossingstore_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/crossingstore"
)

// began is a crossing store whose records all begin in the old store, as if they were from before the move. A record
// gets another Version when it is taken over. began hides that, since the rules of storetest know only one: the version
// with which a record arrives in the new store is shown as the one that it had in the old store.
type began struct {
	*crossingstore.Store
	to, from driver.Store
	*origins
}

// origins are shared by all handles on one storage.
type origins struct {
	mu      sync.Mutex
	places  map[driver.ID]uint64 // the version of the last reservation
	first   map[driver.ID]uint64 // the version in the old store
	arrived map[driver.ID]uint64 // the version of the take-over
}

// arrivals is the new store. It notes with which version records arrive.
type arrivals struct {
	driver.Store
	origins *origins
}

func (a *arrivals) Abilities() driver.Abilities { return driver.AbilitiesOf(a.Store) }

func (a *arrivals) Create(ctx context.Context, rec *driver.Record) error {
	a.origins.mu.Lock()
	defer a.origins.mu.Unlock()
	err := a.Store.Create(ctx, rec)
	if err == nil && string(rec.Data) == reservation {
		a.origins.places[rec.ID] = rec.Version
	}
	return err
}

func (a *arrivals) Update(ctx context.Context, rec *driver.Record) error {
	a.origins.mu.Lock()
	defer a.origins.mu.Unlock()
	placed := a.origins.places[rec.ID] == rec.Version
	err := a.Store.Update(ctx, rec)
	if err == nil && placed && string(rec.Data) != reservation {
		a.origins.arrived[rec.ID] = rec.Version
	}
	return err
}

// newBegan makes a storage of two, and returns what opens handles on it.
func newBegan(to, from func(testing.TB) driver.Store, config crossingstore.Config) func(testing.TB) driver.Store {
	o := &origins{places: map[driver.ID]uint64{}, first: map[driver.ID]uint64{}, arrived: map[driver.ID]uint64{}}
	return func(tb testing.TB) driver.Store {
		to, from := &arrivals{to(tb), o}, from(tb)
		return &began{open(tb, to, from, config), to, from, o}
	}
}

// shown is the version that a caller sees.
func (b *began) shown(rec driver.Record, err error) (driver.Record, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at, ok := b.arrived[rec.ID]; ok && err == nil && rec.Version < 1<<63 {
		rec.Version = b.first[rec.ID] + rec.Version - at
	}
	rec.Version &^= 1 << 63
	return rec, err
}

// inner is the version that the crossing store knows. If need be, the record is taken over first.
func (b *began) inner(ctx context.Context, id driver.ID, version uint64) (uint64, error) {
	for range 2 {
		b.mu.Lock()
		at, ok := b.arrived[id]
		first, known := b.first[id]
		b.mu.Unlock()
		if ok || !known {
			return version + at - first, nil
		}
		if _, err := b.Store.Load(ctx, id); err != nil {
			return 0, err
		}
	}
	return version, nil
}

func (b *began) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	return b.shown(b.Store.Load(ctx, id))
}

// Create looks into the old store first: nothing moves away from there, if nothing is there.
func (b *began) Create(ctx context.Context, rec *driver.Record) error {
	if err := ctx.Err(); err != nil {
		return driver.Unavailable("began", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, store := range []driver.Store{b.from, b.to} {
		if _, err := store.Load(ctx, rec.ID); err == nil || errors.Is(err, driver.ErrUnreadable) {
			return fmt.Errorf("began: %w", driver.ErrExists)
		}
	}
	err := b.from.Create(ctx, rec)
	if err == nil {
		b.first[rec.ID] = rec.Version
		delete(b.arrived, rec.ID)
	}
	return err
}

func (b *began) Update(ctx context.Context, rec *driver.Record) error {
	version, err := b.inner(ctx, rec.ID, rec.Version)
	if err != nil {
		return err
	}
	changed := *rec
	changed.Version = version
	if err = b.Store.Update(ctx, &changed); err == nil {
		changed, _ = b.shown(changed, nil)
		rec.Version = changed.Version
	}
	return err
}

func (b *began) Touch(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
	version, err := b.inner(ctx, id, version)
	if err != nil {
		return err
	}
	return b.Store.Touch(ctx, id, version, used, expires)
}

func (b *began) Abilities() driver.Abilities {
	can := b.Store.Abilities()
	if can.Lister != nil {
		can.Lister = shownLists{b, can}
	}
	if can.Indexer != nil {
		can.Indexer = shownLists{b, can}
	}
	return can
}

type shownLists struct {
	b   *began
	can driver.Abilities
}

func (l shownLists) All(ctx context.Context) iter.Seq2[driver.Record, error] {
	return l.shown(l.can.Lister.All(ctx))
}

func (l shownLists) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return l.shown(l.can.Indexer.BySubject(ctx, subject))
}

func (l shownLists) ByLabel(ctx context.Context, label string) iter.Seq2[driver.Record, error] {
	return l.shown(l.can.Indexer.ByLabel(ctx, label))
}

func (l shownLists) shown(seq iter.Seq2[driver.Record, error]) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		for rec, err := range seq {
			if !yield(l.b.shown(rec, err)) {
				return
			}
		}
	}
}
