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

// sharedReads lets calls that miss one session at the same time share one read of the truth.
type sharedReads struct {
	read  func(ctx context.Context, f *sharedRead)
	ticks atomic.Uint64 // a counter that orders calls and reads

	mu      sync.Mutex
	running map[driver.ID]*sharedRead
}

// sharedRead is one read of the truth that is under way.
type sharedRead struct {
	id      driver.ID
	miss    miss   // in the cache, to be filled
	begun   uint64 // the tick at which it began
	waiting int
	cancel  context.CancelFunc
	done    chan struct{} // closed when the fields below are set

	rec     driver.Record
	err     error
	read    time.Time // when the truth was asked
	filling uint64    // the tick right before the cache was filled
	filled  bool      // the cache was empty and took the record

	propagate sync.Once // the first Reload that gets the result brings it to the cache
}

// miss is what a Load has found in the cache instead of a value. It says which records may fill the cache. The zero
// value: none.
type miss struct {
	empty bool   // the cache holds nothing
	from  uint64 // otherwise: the first version that may replace what the cache holds; 0: none may
}

func (m miss) fillableBy(version uint64) bool {
	return m.empty || m.from != 0 && version >= m.from
}

func (f *sharedRead) result(err error) (driver.Record, error) {
	if err != nil {
		return driver.Record{}, err
	}
	rec := f.rec
	rec.Labels = slices.Clip(rec.Labels) // several callers get this slice, and each may append to it
	return rec, f.err
}

// join starts a read of id, or waits for the read that is under way. called is the tick of the call.
//
// A read that is under way may have begun before the call, and so may miss a change that was acknowledged before the
// call. Its result may be used in one case: this call has found the cache empty, and the cache took the result
// afterwards. The cache would have refused a record that was read before such a change. In all other cases join
// waits until that read is over and returns nil. The caller tries again, and the next read begins late enough.
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

// start begins a read, which goes on as long as a caller waits for it. The caller holds g.mu.
func (g *sharedReads) start(ctx context.Context, id driver.ID, miss miss) *sharedRead {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &sharedRead{id: id, miss: miss, begun: g.ticks.Add(1), cancel: cancel, done: make(chan struct{})}
	if g.running == nil {
		g.running = map[driver.ID]*sharedRead{}
	}
	g.running[id] = f
	go func() {
		defer func() {
			if v := recover(); v != nil { // a panic in this goroutine would end the process
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

// leave is called by a caller that stops waiting. The last one cancels the read, and no other call can join it.
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
