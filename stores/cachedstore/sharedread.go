package cachedstore

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// sharedReads makes many misses of one session at the same moment into one read of
// the truth.
type sharedReads struct {
	read  func(ctx context.Context, f *sharedRead)
	ticks atomic.Uint64 // orders calls and reads

	mu      sync.Mutex
	running map[driver.ID]*sharedRead
}

// sharedRead is one read under way.
type sharedRead struct {
	id      driver.ID
	miss    miss   // in the cache, to be filled
	begun   uint64 // tick
	waiting int
	cancel  context.CancelFunc
	done    chan struct{} // closed when the fields below are set

	rec     driver.Record
	err     error
	read    time.Time // when the truth was asked
	filling uint64    // tick before the cache was asked to take it
	filled  bool      // it had nothing and took it

	propagate sync.Once // for Reload
}

// miss is what a Load has found in the cache in place of an answer. The zero value: nothing
// that it could fill.
type miss struct {
	empty bool   // the cache holds nothing
	from  uint64 // else, what it holds may be replaced by this version and later ones; 0: by none
}

func (m miss) fillableBy(version uint64) bool {
	return m.empty || m.from != 0 && version >= m.from
}

func (f *sharedRead) result(err error) (driver.Record, error) {
	if err != nil {
		return driver.Record{}, err
	}
	rec := f.rec
	rec.Labels = slices.Clip(rec.Labels) // many may append to it
	return rec, f.err
}

// join reads id, or waits for who does. The read of somebody else may have begun before
// this call did, and so before a change that was acknowledged by then. Its result will do if
// this call has found the cache empty and the cache has taken the result since: it refuses
// what was read before such a change. If not, join returns nil when that read is
// over, and the next read will have begun late enough.
func (g *sharedReads) join(ctx context.Context, id driver.ID, miss miss, called uint64) (*sharedRead, error) {
	g.mu.Lock()
	f := g.running[id]
	if f == nil {
		f = g.start(ctx, id, miss)
	}
	f.waiting++
	g.mu.Unlock()
	select {
	case <-f.done:
	case <-ctx.Done():
		g.leave(f)
		return nil, driver.Unavailable("cachedstore", ctx.Err())
	}
	if f.begun > called || miss.empty && f.filled && f.filling > called {
		return f, nil
	}
	return nil, nil
}

// start begins a read that goes on while anybody waits for it. g.mu is held.
func (g *sharedReads) start(ctx context.Context, id driver.ID, miss miss) *sharedRead {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &sharedRead{id: id, miss: miss, begun: g.ticks.Add(1), cancel: cancel, done: make(chan struct{})}
	if g.running == nil {
		g.running = map[driver.ID]*sharedRead{}
	}
	g.running[id] = f
	go func() {
		defer func() {
			if v := recover(); v != nil { // in a goroutine of ours it would end the process
				f.rec, f.err = driver.Record{}, driver.Unavailable("cachedstore", fmt.Errorf("panic in a store: %v", v))
			}
			g.remove(f)
			close(f.done)
			cancel()
		}()
		g.read(ctx, f)
	}()
	return f
}

func (g *sharedReads) remove(f *sharedRead) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running[f.id] == f {
		delete(g.running, f.id)
	}
}

// leave ends a read that nobody waits for any more, and lets nobody else join it.
func (g *sharedReads) leave(f *sharedRead) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f.waiting--; f.waiting > 0 {
		return
	}
	f.cancel()
	if g.running[f.id] == f {
		delete(g.running, f.id)
	}
}
