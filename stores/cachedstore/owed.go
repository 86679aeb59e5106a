package cachedstore

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// owed is what the cache has not been told. Nobody in this process reads these
// sessions from the cache meanwhile.
type owed struct {
	now func() time.Time
	pay func(ctx context.Context, id driver.ID, d debt) (paid bool)

	some  atomic.Bool // there are debts, or there were too many
	mu    sync.Mutex
	debts map[driver.ID]debt
	all   time.Time          // until then, nothing is read from the cache
	stop  context.CancelFunc // of the goroutine that pays; nil: there is none
	ended sync.WaitGroup
	shut  bool
}

// debt is a fence that the cache shall have. At until, all that it could fence off has
// expired.
type debt struct {
	version uint64
	until   time.Time
}

const (
	maxDebts = 1 << 16
	payEvery = 100 * time.Millisecond
)

// has reports whether the cache must not be believed about id.
func (o *owed) has(id driver.ID) bool {
	if !o.some.Load() {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	_, owes := o.debts[id]
	return owes || !o.all.IsZero()
}

// add keeps a debt. kept is false when there are too many: then the cache is not
// read at all until this one has become harmless.
func (o *owed) add(id driver.ID, d debt) (kept bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.debts == nil {
		o.debts = map[driver.ID]debt{}
	}
	old, owes := o.debts[id]
	kept = owes || len(o.debts) < maxDebts
	if kept {
		d.version = max(d.version, old.version)
		o.debts[id] = d
	} else {
		o.all = d.until
	}
	o.some.Store(true)
	if o.stop == nil && !o.shut {
		var ctx context.Context
		ctx, o.stop = context.WithCancel(context.Background())
		o.ended.Go(func() { o.run(ctx) })
	}
	return kept
}

// run pays until nothing is owed. It ends with the last debt, so that a
// cache that works costs no goroutine.
func (o *owed) run(ctx context.Context) {
	for {
		timer := time.NewTimer(payEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			o.round(context.WithoutCancel(ctx))
			return
		case <-timer.C:
		}
		if o.round(ctx) {
			return
		}
	}
}

// round pays what it can. even: nothing is owed any more, and run ends.
func (o *owed) round(ctx context.Context) (even bool) {
	o.mu.Lock()
	debts := maps.Clone(o.debts)
	o.mu.Unlock()
	down := false
	for id, d := range debts {
		if o.now().Before(d.until) {
			if down = down || !o.pay(ctx, id, d); down {
				continue
			}
		}
		o.mu.Lock()
		if o.debts[id] == d {
			delete(o.debts, id)
		}
		o.mu.Unlock()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.all.IsZero() && !o.now().Before(o.all) {
		o.all = time.Time{}
	}
	even = len(o.debts) == 0 && o.all.IsZero()
	if even {
		o.some.Store(false)
		o.stop()
		o.stop = nil
	}
	return even
}

// close lets the last round begin at once and waits for its end.
func (o *owed) close() {
	o.mu.Lock()
	o.shut = true
	if o.stop != nil {
		o.stop()
	}
	o.mu.Unlock()
	o.ended.Wait()
}

// payOwed is owed.pay.
func (s *Store) payOwed(ctx context.Context, id driver.ID, d debt) (paid bool) {
	return s.bring(ctx, fence(id, d.version)) == nil
}
