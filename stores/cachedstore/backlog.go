package cachedstore

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// backlog is what the cache has not been told. Nobody in this process reads these
// sessions from the cache meanwhile.
type backlog struct {
	now     func() time.Time
	deliver func(ctx context.Context, id driver.ID, f pendingFence) (delivered bool)

	nonEmpty    atomic.Bool // there are debts, or there were too many
	mu          sync.Mutex
	fences      map[driver.ID]pendingFence
	bypassUntil time.Time          // until then, nothing is read from the cache
	stop        context.CancelFunc // of the goroutine that pays; nil: there is none
	wg          sync.WaitGroup
	closed      bool
}

// debt is a fence that the cache shall have. At until, all that it could fence off has
// expired.
type pendingFence struct {
	version uint64
	until   time.Time
}

const (
	maxPending = 1 << 16
	retryEvery = 100 * time.Millisecond
)

// has reports whether the cache must not be believed about id.
func (b *backlog) has(id driver.ID) bool {
	if !b.nonEmpty.Load() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	_, waiting := b.fences[id]
	return waiting || !b.bypassUntil.IsZero()
}

// add keeps a debt. kept is false when there are too many: then the cache is not
// read at all until this one has become harmless.
func (b *backlog) add(id driver.ID, f pendingFence) (kept bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fences == nil {
		b.fences = map[driver.ID]pendingFence{}
	}
	old, waiting := b.fences[id]
	kept = waiting || len(b.fences) < maxPending
	if kept {
		f.version = max(f.version, old.version)
		b.fences[id] = f
	} else {
		b.bypassUntil = f.until
	}
	b.nonEmpty.Store(true)
	if b.stop == nil && !b.closed {
		var ctx context.Context
		ctx, b.stop = context.WithCancel(context.Background())
		b.wg.Go(func() { b.run(ctx) })
	}
	return kept
}

// run pays until nothing is owed. It ends with the last debt, so that a
// cache that works costs no goroutine.
func (b *backlog) run(ctx context.Context) {
	for {
		timer := time.NewTimer(retryEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			b.retryAll(context.WithoutCancel(ctx))
			return
		case <-timer.C:
		}
		if b.retryAll(ctx) {
			return
		}
	}
}

// retryAll pays what it can. even: nothing is owed any more, and run ends.
func (b *backlog) retryAll(ctx context.Context) (empty bool) {
	b.mu.Lock()
	fences := maps.Clone(b.fences)
	b.mu.Unlock()
	down := false
	for id, f := range fences {
		if b.now().Before(f.until) {
			if down = down || !b.deliver(ctx, id, f); down {
				continue
			}
		}
		b.mu.Lock()
		if b.fences[id] == f {
			delete(b.fences, id)
		}
		b.mu.Unlock()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.bypassUntil.IsZero() && !b.now().Before(b.bypassUntil) {
		b.bypassUntil = time.Time{}
	}
	empty = len(b.fences) == 0 && b.bypassUntil.IsZero()
	if empty {
		b.nonEmpty.Store(false)
		b.stop()
		b.stop = nil
	}
	return empty
}

// close lets the last round begin at once and waits for its end.
func (b *backlog) close() {
	b.mu.Lock()
	b.closed = true
	if b.stop != nil {
		b.stop()
	}
	b.mu.Unlock()
	b.wg.Wait()
}

// deliverFence is owed.pay.
func (s *Store) deliverFence(ctx context.Context, id driver.ID, f pendingFence) (delivered bool) {
	return s.tryPropagate(ctx, fence(id, f.version)) == nil
}
