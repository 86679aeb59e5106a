package cachedstore

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// backlog holds the changes that could not be brought to the cache. While a session has a pending change, this
// process reads it from the truth. A background goroutine tries to deliver the changes.
type backlog struct {
	now     func() time.Time
	deliver func(ctx context.Context, id driver.ID, f pendingFence) (delivered bool)

	nonEmpty    atomic.Bool // fences is not empty, or bypassUntil is set
	mu          sync.Mutex
	fences      map[driver.ID]pendingFence
	bypassUntil time.Time          // there were too many: until then no session is read from the cache
	stop        context.CancelFunc // ends the goroutine; nil: there is none
	wg          sync.WaitGroup
	closed      bool
}

// pendingFence is a fence that the cache must get. At until it is no longer needed: the older entries have expired.
type pendingFence struct {
	version uint64
	until   time.Time
}

const (
	maxPending = 1 << 16
	retryEvery = 100 * time.Millisecond
)

// has reports whether the session must be read from the truth.
func (b *backlog) has(id driver.ID) bool {
	if !b.nonEmpty.Load() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	_, waiting := b.fences[id]
	return waiting || !b.bypassUntil.IsZero()
}

// add takes a fence into the backlog. kept is false if there are too many: then no session is read from the cache
// until this fence is no longer needed.
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

// run delivers fences until the backlog is empty. It ends then, so that a cache that works costs no goroutine.
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

// retryAll tries to deliver every fence, until the first failure. It drops fences that are no longer needed. empty
// means that none is left, and that run must end.
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

// close tries once more, at once, and waits for the end of the attempt.
func (b *backlog) close() {
	b.mu.Lock()
	b.closed = true
	if b.stop != nil {
		b.stop()
	}
	b.mu.Unlock()
	b.wg.Wait()
}

// deliverFence is backlog.deliver.
func (s *Store) deliverFence(ctx context.Context, id driver.ID, f pendingFence) (delivered bool) {
	return s.tryPropagate(ctx, fence(id, f.version)) == nil
}
