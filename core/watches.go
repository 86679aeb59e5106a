package core

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// watches are the sessions that a Manager's requests follow: those that have called Done. Each session is read once in
// a while, for all its followers together, by a few goroutines that end when nothing is due. What this Manager does to
// sessions itself comes from access.go. No lock of a session is taken here.
type watches struct {
	m    *Manager
	open atomic.Int64 // followers whose channel is not closed

	mu      sync.Mutex
	of      map[ID]*watch
	loose   map[*follower]bool // those that follow no session yet
	queue   watchQueue         // those that are not being read, by due
	readers int
	timer   *time.Timer // starts a reader at wakes; nil: there is none
	wakes   time.Time
	closed  bool
	idle    chan struct{} // for close: closed when the last reader has returned
}

// watch is one session that is followed.
type watch struct {
	id        ID
	followers []*follower
	every     time.Duration // the shortest of theirs
	due, read time.Time     // when the next read is to begin, and when the last one began
	at        int           // in watches.queue; -1 while it is being read
	told      bool          // the store has told of a change since the last read began
	stop      func()        // ends the store's watch; nil: there is none
}

// follower is one request that has called Done. watches.mu guards it.
type follower struct {
	done    chan struct{}
	every   time.Duration
	over    bool        // done is closed
	ended   atomic.Bool // over, since the session is
	watch   *watch      // nil: it follows no session yet
	rec     held        // the session as this request has it
	paused  bool        // its own save is under way
	missed  bool        // the session has ended meanwhile, or has another token, perhaps by that save
	outside bool        // it is Manager.Change's, which holds no token
}

// begin makes a follower, of no session yet.
func (w *watches) begin(every time.Duration, outside bool) *follower {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open.Add(1)
	f := &follower{done: make(chan struct{}), every: every, outside: outside}
	if w.closed {
		w.finish(f)
		return f
	}
	if w.loose == nil {
		w.loose = map[*follower]bool{}
	}
	w.loose[f] = true
	return f
}

// follow makes f follow the session of rec.
func (w *watches) follow(f *follower, rec *held) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case f.over:
		return
	case w.closed:
		w.finish(f)
		return
	case f.watch != nil && f.watch.id != rec.ID:
		w.drop(f)
	}
	delete(w.loose, f)
	f.rec, f.paused = *rec, false
	now := time.Now()
	if f.watch == nil {
		f.watch = w.watch(rec.ID, f.every, now)
		f.watch.followers = append(f.watch.followers, f)
	} else if f.missed {
		w.readSoon(f.watch)
	}
	f.missed = false
	w.within(f.watch, f.every, now)
	w.wake()
}

// unfollow makes f follow no session, until the next follow.
func (w *watches) unfollow(f *follower) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f.over {
		return
	}
	w.drop(f)
	f.paused, f.missed = false, false
	w.loose[f] = true
	w.wake()
}

// watch returns the watch over a session. w.mu is held.
func (w *watches) watch(id ID, every time.Duration, now time.Time) *watch {
	t := w.of[id]
	if t != nil {
		return t
	}
	// Many clients come back at once after a deployment, so the first reads are spread over the interval.
	t = &watch{id: id, every: every, due: now.Add(rand.N(every))}
	if w.m.can.Watcher != nil {
		t.due = now // the store tells from then on
	}
	if w.of == nil {
		w.of = map[ID]*watch{}
	}
	w.of[id] = t
	heap.Push(&w.queue, t)
	return t
}

// pause keeps f from being told, until the next follow.
func (w *watches) pause(f *follower) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f.paused = true
}

// hurry lets f know within every.
func (w *watches) hurry(f *follower, every time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f.every = min(f.every, every)
	if f.watch != nil {
		w.within(f.watch, f.every, time.Now())
		w.wake()
	}
}

// within makes every the interval of t, if it is shorter. w.mu is held.
func (w *watches) within(t *watch, every time.Duration, now time.Time) {
	if every >= t.every {
		return
	}
	t.every = every
	if next := t.read.Add(every); next.After(now) {
		w.readAt(t, next)
	} else {
		w.readAt(t, now.Add(rand.N(every)))
	}
}

// readAt lets the next read of t begin at due, if not before. w.mu is held.
func (w *watches) readAt(t *watch, due time.Time) {
	if t.at >= 0 && due.Before(t.due) {
		t.due = due
		heap.Fix(&w.queue, t.at)
	}
}

// readSoon lets the next read of t begin now, or 100 ms after the last one began. w.mu is held.
func (w *watches) readSoon(t *watch) {
	t.told = true
	now := time.Now()
	if next := t.read.Add(leastEvery); next.After(now) {
		now = next
	}
	w.readAt(t, now)
}

// end closes the channel of f.
func (w *watches) end(f *follower) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finish(f)
	w.wake()
}

// finish closes the channel of f, once. w.mu is held.
func (w *watches) finish(f *follower) {
	if f.over {
		return
	}
	w.drop(f)
	delete(w.loose, f)
	f.over = true
	close(f.done)
	w.open.Add(-1)
}

// drop takes f out of its watch, and ends a watch that has no followers left. w.mu is held.
func (w *watches) drop(f *follower) {
	t := f.watch
	if t == nil {
		return
	}
	f.watch, f.rec = nil, held{}
	t.followers = slices.DeleteFunc(t.followers, func(other *follower) bool { return other == f })
	if len(t.followers) > 0 {
		t.every = t.followers[0].every
		for _, other := range t.followers {
			t.every = min(t.every, other.every)
		}
		return
	}
	delete(w.of, t.id)
	if t.at >= 0 {
		heap.Remove(&w.queue, t.at)
	}
	t.rearm(nil)
}

// rearm ends the store's watch, and goes on with another one.
func (t *watch) rearm(stop func()) {
	if t.stop != nil {
		t.stop()
	}
	t.stop = stop
}

// gone is called when this Manager has ended a session.
func (w *watches) gone(id ID) {
	if w.open.Load() > 0 {
		w.learn(id, nil, driver.ErrNotFound)
	}
}

// goneSome is called when this Manager has ended sessions of a user, with a store that does not say which.
func (w *watches) goneSome(subject string) {
	if w.open.Load() == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.of {
		if t.followers[0].rec.Subject == subject {
			w.readSoon(t)
		}
	}
	w.wake()
}

// wrote is called when this Manager has written a record: it may be that of an ended session, or have another token.
func (w *watches) wrote(rec *driver.Record) {
	if w.open.Load() == 0 || w.m.tokens != nil {
		return
	}
	now, err := hold(rec), error(nil)
	if b, ok := blockOf(now.Data); !ok || b.kind() != kindSession {
		err = driver.ErrNotFound
	}
	w.learn(now.ID, &now, err)
}

// learn tells those for whom a session is over by what was found: its record, or an error.
func (w *watches) learn(id ID, now *held, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.of[id]
	if t == nil {
		return
	}
	tokens, at := w.m.tokens != nil, w.m.now()
	for _, f := range slices.Clone(t.followers) {
		over := isOver(err)
		over = over || err == nil && !tokens && !f.outside && replaced(&f.rec, now)
		switch {
		case f.paused:
			f.missed = f.missed || over
		case over, tokens && at >= f.rec.Expires:
			f.ended.Store(true)
			w.finish(f)
		}
	}
	w.wake()
}

// changed is called by the store: the session of t has changed, perhaps.
func (w *watches) changed(t *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of[t.id] != t {
		return
	}
	w.readSoon(t)
	w.wake()
}

// wake sets the timer for the next read that is due. w.mu is held.
func (w *watches) wake() {
	wanted := len(w.queue) > 0 && w.readers < mostReaders && !w.closed
	if w.timer != nil && !(wanted && w.wakes.Equal(w.queue[0].due)) {
		w.timer.Stop()
		w.timer = nil
	}
	if !wanted || w.timer != nil {
		return
	}
	w.wakes = w.queue[0].due
	var timer *time.Timer
	timer = time.AfterFunc(time.Until(w.wakes), func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.timer == timer {
			w.timer = nil
		}
		w.readDue()
	})
	w.timer = timer
}

// readDue reads the sessions that are due, until none is. w.mu is held, except while the store is asked.
func (w *watches) readDue() {
	if w.readers >= mostReaders {
		return
	}
	w.readers++
	for !w.closed && len(w.queue) > 0 && !w.queue[0].due.After(time.Now()) {
		t := heap.Pop(&w.queue).(*watch)
		t.read, t.told = time.Now(), false
		// With the cookie store, each request has a deadline of its own.
		last := slices.MaxFunc(t.followers, func(a, b *follower) int { return cmp.Compare(a.rec.Expires, b.rec.Expires) }).rec
		w.wake() // if there is more to do, for another reader
		w.mu.Unlock()
		now, stop, err := w.ask(t, last)
		w.learn(t.id, &now, err)
		w.mu.Lock()
		w.again(t, stop, err)
	}
	w.readers--
	if w.readers == 0 && w.idle != nil {
		close(w.idle)
		w.idle = nil
	}
	w.wake()
}

// again puts t back into the queue after a read, unless nobody follows it any more. w.mu is held.
func (w *watches) again(t *watch, stop func(), err error) {
	t.rearm(stop)
	if len(t.followers) == 0 {
		t.rearm(nil)
		return
	}
	switch {
	case t.told:
		t.due = t.read.Add(leastEvery)
	case err != nil: // the store tells of nothing until it has been read
		t.due = t.read.Add(min(t.every, defaultEvery))
	default:
		t.due = t.read.Add(t.every)
	}
	heap.Push(&w.queue, t)
}

// ask reads the session of t for its followers. stop ends the watch that the store keeps from now on.
func (w *watches) ask(t *watch, last held) (now held, stop func(), err error) {
	m, background := w.m, context.Background()
	ctx, cancel := m.storeContext(background)
	defer cancel()
	defer func() {
		if p := recover(); p != nil { // there is no request above that could recover it
			err = driver.Unavailable("coatcheck: "+m.info.Name, fmt.Errorf("panic: %v", p))
		}
		switch {
		case errors.Is(err, ErrUnavailable):
			m.down(background, err)
		case errors.Is(err, driver.ErrCorrupt):
			m.warn(background, EventCorrupt, "a session in use cannot be read any more, and counts as ended", "session", t.id, "error", err)
		case err != nil && !isOver(err):
			m.warn(background, EventUnreadable, "a session in use cannot be read here, and goes on", "session", t.id, "error", err)
		}
	}()
	var st state
	if m.can.Watcher == nil {
		now, st, err = m.newest(ctx, &last)
		return now, nil, err
	}
	err = m.load(ctx, t.id, &now, func(ctx context.Context, id driver.ID) (rec driver.Record, err error) {
		rec, stop, err = m.can.Watcher.Watch(ctx, id, func() { w.changed(t) })
		return rec, err
	})
	if err == nil {
		err = m.opened(&now, &st)
	}
	return now, stop, err
}

// close ends all followers, those to come included.
func (w *watches) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for _, t := range w.of {
		for _, f := range slices.Clone(t.followers) {
			w.finish(f)
		}
	}
	for f := range w.loose {
		w.finish(f)
	}
	w.wake()
}

// wait waits for the reads that were under way at close.
func (w *watches) wait() {
	w.mu.Lock()
	if w.readers > 0 && w.idle == nil {
		w.idle = make(chan struct{})
	}
	idle := w.idle
	w.mu.Unlock()
	if idle != nil {
		<-idle
	}
}

// watchQueue is a heap.Interface: the watch that is due first is the first.
type watchQueue []*watch

func (q watchQueue) Len() int           { return len(q) }
func (q watchQueue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }

func (q watchQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

// Push implements heap.Interface.
func (q *watchQueue) Push(x any) {
	t := x.(*watch)
	t.at = len(*q)
	*q = append(*q, t)
}

// Pop implements heap.Interface.
func (q *watchQueue) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	(*q)[last] = nil
	*q, t.at = (*q)[:last], -1
	return t
}
