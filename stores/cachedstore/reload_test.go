package cachedstore_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// nodes are two application servers over one truth, each with a cache of its own.
type nodes struct {
	clock  *storetest.Clock
	truth  *storetest.Fault
	a, b   *cachedstore.Store
	cacheB *storetest.Fault
	holdsB *memstore.Store // what is inside cacheB
	rec    *driver.Record
}

func newNodes(t *testing.T) *nodes {
	n := &nodes{clock: storetest.NewClock()}
	config := memstore.Config{Now: n.clock.Now}
	n.truth, n.holdsB = storetest.NewFault(remote(newTruth(config))), made.Of(memstore.New(config))
	n.cacheB = storetest.NewFault(n.holdsB)
	cached := cachedstore.Config{Now: n.clock.Now}
	n.a = open(t, made.Of(memstore.New(config)), n.truth.Store(), cached)
	n.b = open(t, n.cacheB.Store(), n.truth.Store(), cached)
	n.rec = record(n.clock.Now(), 1)
	must(t, n.a.Create(t.Context(), n.rec))
	return n
}

// nodeChanges are changes that node a makes and that node b must see.
var nodeChanges = []func(ctx context.Context, a *cachedstore.Store, rec *driver.Record) error{
	func(ctx context.Context, a *cachedstore.Store, rec *driver.Record) error {
		rec.Data = append([]byte("and "), rec.Data...)
		return a.Update(ctx, rec)
	},
	func(ctx context.Context, a *cachedstore.Store, rec *driver.Record) error {
		rec.Used = rec.Used.Add(time.Millisecond)
		return a.Touch(ctx, rec.ID, rec.Version, rec.Used, rec.Expires)
	},
	func(ctx context.Context, a *cachedstore.Store, rec *driver.Record) error {
		rec.Expires = rec.Expires.Add(time.Second)
		return a.Touch(ctx, rec.ID, rec.Version, rec.Used, rec.Expires)
	},
	func(ctx context.Context, a *cachedstore.Store, rec *driver.Record) error {
		rec.Expires, rec.Exact = rec.Expires.Add(-time.Second), true
		return a.Update(ctx, rec)
	},
	func(ctx context.Context, a *cachedstore.Store, rec *driver.Record) error {
		rec.Subject, rec.Labels = "", nil
		return a.Update(ctx, rec)
	},
	func(ctx context.Context, a *cachedstore.Store, rec *driver.Record) error {
		return a.Delete(ctx, rec.ID)
	},
}

// A session is in the cache of node b when node a changes it. b.Reload sees the change
// at once, and b.Load does after it. Other requests on b read the session all the while.
func TestReloadSeesTheOtherNode(t *testing.T) {
	n := newNodes(t)
	for round := range 500 {
		rec := record(n.clock.Now(), 2+round)
		must(t, n.a.Create(t.Context(), rec))
		stop := readers(n.b, rec.ID)
		for i, change := range nodeChanges {
			if _, err := n.b.Load(t.Context(), rec.ID); err != nil { // b has it
				t.Fatalf("round %d, change %d: %v", round, i, err)
			}
			must(t, change(t.Context(), n.a, rec))
			for _, read := range []func(context.Context, driver.ID) (driver.Record, error){n.b.Reload, n.b.Load, n.b.Load} {
				got, err := read(t.Context(), rec.ID)
				if i == len(nodeChanges)-1 {
					wantError(t, err, driver.ErrNotFound)
				} else if err != nil || !equal(got, *rec) {
					t.Fatalf("round %d, change %d: read %v, %v; want %v", round, i, got, err, *rec)
				}
			}
		}
		stop()
	}
}

// readers load a session again and again, from when readers returns until stop does.
func readers(s driver.Store, id driver.ID) (stop func()) {
	var done atomic.Bool
	var wg, begun sync.WaitGroup
	for range 2 {
		begun.Add(1)
		wg.Go(func() {
			_, _ = s.Load(context.Background(), id)
			begun.Done()
			for !done.Load() {
				_, _ = s.Load(context.Background(), id)
				time.Sleep(20 * time.Microsecond)
			}
		})
	}
	begun.Wait()
	return func() { done.Store(true); wg.Wait() }
}

// Without Reload, node b reads the old state for SoftTTL. If it did not, the test above would prove nothing.
func TestOtherNodeIsBehind(t *testing.T) {
	n := newNodes(t)
	_, err := n.b.Load(t.Context(), n.rec.ID)
	must(t, err)
	must(t, n.a.Delete(t.Context(), n.rec.ID))
	_, err = n.b.Load(t.Context(), n.rec.ID)
	must(t, err)
	n.clock.Advance(30 * time.Second)
	_, err = n.b.Load(t.Context(), n.rec.ID)
	wantError(t, err, driver.ErrNotFound)
}

// A thousand Reloads at one moment share a read that began after all of them, not
// the one that was under way.
func TestReloadsShareALateRead(t *testing.T) {
	n := newNodes(t)
	first := make(chan struct{})
	var reads atomic.Int32
	n.truth.After(func(c storetest.Call) error {
		if c.Method == "Load" && reads.Add(1) == 1 {
			<-first // it has the old state and takes its time
		}
		return nil
	})
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = n.b.Load(t.Context(), n.rec.ID) })
	eventually(t, func() bool { return reads.Load() == 1 })
	n.rec.Data = []byte("newer")
	must(t, n.a.Update(t.Context(), n.rec))
	for range 1000 {
		wg.Go(func() {
			if rec, err := n.b.Reload(t.Context(), n.rec.ID); err != nil || !equal(rec, *n.rec) {
				t.Errorf("%v, %v", rec, err)
			}
			if rec, err := n.b.Load(t.Context(), n.rec.ID); err != nil || !equal(rec, *n.rec) {
				t.Errorf("Load after Reload: %v, %v", rec, err)
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	n.truth.Before(func(storetest.Call) error { time.Sleep(20 * time.Millisecond); return nil })
	close(first)
	wg.Wait()
	if r := reads.Load(); r < 2 || r > 20 { // two, and a few for those that a busy machine held up
		t.Errorf("%d reads of the truth", r)
	}
}

// If Reload cannot bring its result to the cache, the next Load does not read the cache.
func TestReloadWithTheCacheDown(t *testing.T) {
	for i, change := range nodeChanges {
		n := newNodes(t)
		_, err := n.b.Load(t.Context(), n.rec.ID)
		must(t, err)
		must(t, change(t.Context(), n.a, n.rec))
		n.cacheB.Before(storetest.Outage)
		want, gone := n.b.Reload(t.Context(), n.rec.ID)
		n.cacheB.Before(nil)
		got, err := n.b.Load(t.Context(), n.rec.ID)
		if gone != nil {
			wantError(t, gone, driver.ErrNotFound)
			wantError(t, err, driver.ErrNotFound)
		} else if err != nil || !equal(got, want) || !equal(got, *n.rec) {
			t.Errorf("change %d: Load after Reload gives %v, %v, want %v", i, got, err, n.rec)
		}
	}
}

// A session that the cache has gets a tombstone. An ID that a client has made up does not.
func TestReloadOfAStranger(t *testing.T) {
	n := newNodes(t)
	_, err := n.b.Load(t.Context(), n.rec.ID)
	must(t, err)
	must(t, n.a.Delete(t.Context(), n.rec.ID))
	for _, id := range []driver.ID{n.rec.ID, {99}} {
		_, err := n.b.Reload(t.Context(), id)
		wantError(t, err, driver.ErrNotFound)
	}
	if held, err := n.holdsB.Load(t.Context(), n.rec.ID); err != nil || !isFence(held) || n.holdsB.Len() != 1 {
		t.Errorf("the cache holds %q, %v, and %d entries", held.Data, err, n.holdsB.Len())
	}
}

// An outage of the truth changes nothing in the cache, and is not ErrNotFound.
func TestReloadWithTheTruthDown(t *testing.T) {
	n := newNodes(t)
	_, err := n.b.Load(t.Context(), n.rec.ID)
	must(t, err)
	n.truth.Before(storetest.Outage)
	_, err = n.b.Reload(t.Context(), n.rec.ID)
	if wantError(t, err, driver.ErrUnavailable); errors.Is(err, driver.ErrNotFound) {
		t.Error("an outage matches ErrNotFound")
	}
	got, err := n.b.Load(t.Context(), n.rec.ID)
	if err != nil || !equal(got, *n.rec) {
		t.Errorf("Load gives %v, %v", got, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = n.b.Reload(ended, n.rec.ID)
	wantError(t, err, driver.ErrUnavailable)
	wantError(t, err, context.Canceled)
}

// Reload and every miss read past the cache that the truth has itself.
func TestTruthThatIsAReloader(t *testing.T) {
	n := newNodes(t)
	fault := storetest.NewFault(n.b) // b's cache is that of the truth
	s := open(t, made.Of(memstore.New(memstore.Config{Now: n.clock.Now})), fault.Store(), cachedstore.Config{Now: n.clock.Now})
	for _, read := range []func(context.Context, driver.ID) (driver.Record, error){s.Load, s.Load, s.Reload} {
		got, err := read(t.Context(), n.rec.ID)
		if err != nil || !equal(got, *n.rec) {
			t.Fatalf("read %v, %v, want %v", got, err, n.rec)
		}
	}
	n.rec.Data = []byte("newer")
	must(t, n.a.Update(t.Context(), n.rec))
	got, err := s.Reload(t.Context(), n.rec.ID)
	if err != nil || !equal(got, *n.rec) {
		t.Errorf("Reload gives %v, %v, want %v", got, err, n.rec)
	}
	if calls := fault.Calls(); calls["Reload"] != 3 || calls["Load"] != 0 {
		t.Errorf("the truth was asked %v", calls)
	}
}
