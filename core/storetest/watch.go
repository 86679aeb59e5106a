package storetest

import (
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// told is how long a store may take to tell of a change. It is much longer than a notice is on its way.
const told = 10 * time.Second

// watchFor is how long a rule waits to see that nothing comes.
const watchFor = 100 * time.Millisecond

// watched is one watch over a record.
type watched struct {
	rec     driver.Record
	stop    func()
	calls   atomic.Int32
	changed chan bool
}

func (e *env) watch(s driver.Store, id driver.ID) *watched {
	e.Helper()
	w := &watched{changed: make(chan bool, 1)}
	var err error
	w.rec, w.stop, err = abilitiesOf(s).Watcher.Watch(e.ctx, id, func() {
		w.calls.Add(1)
		select {
		case w.changed <- true:
		default:
		}
	})
	e.ok(err, "Watch")
	return w
}

// mustTell waits until w is told.
func (e *env) mustTell(w *watched, what string) {
	e.Helper()
	select {
	case <-w.changed:
	case <-time.After(told):
		e.Fatalf("%s by another server is not told within %v", what, told)
	}
}

var watchRules = []rule{{
	name:  "WatchTells",
	needs: "Watcher",
	text:  "Watch returns the record. Soon after another server has updated or deleted it, changed is called, and a Watch after that shows the change, or tells of it in turn.",
	run: func(e *env) {
		for i := range 4 {
			writer, reader := e.a, e.b
			if i%2 == 1 {
				writer, reader = e.b, e.a
			}
			rec := e.createLabelled(long, "admin")
			e.load(reader, rec.ID) // a cache has it now
			w := e.watch(reader, rec.ID)
			e.mustEqual(w.rec, *rec, "Watch")
			for range 5 {
				rec.Data = randomBytes(30)
				e.ok(writer.Update(e.ctx, rec), "Update")
				for w.rec.Version != rec.Version {
					e.mustTell(w, "an Update")
					w.stop()
					w = e.watch(reader, rec.ID)
				}
				e.mustEqual(w.rec, *rec, "Watch")
			}
			e.ok(writer.Delete(e.ctx, rec.ID), "Delete")
			e.mustTell(w, "a Delete")
			w.stop()
		}
	},
}, {
	name:  "WatchAbsent",
	needs: "Watcher",
	text:  "Watch answers ErrNotFound for a record that is absent (never created, deleted or expired), and returns nothing to stop.",
	run: func(e *env) {
		deleted, expired := e.create(e.a, long), e.createExpired(e.a)
		e.ok(e.b.Delete(e.ctx, deleted.ID), "Delete")
		for _, id := range []driver.ID{newID(), deleted.ID, expired.ID} {
			_, stop, err := abilitiesOf(e.b).Watcher.Watch(e.ctx, id, func() {})
			e.mustFail(err, driver.ErrNotFound, "Watch")
			if stop != nil {
				e.Errorf("Watch returns a stop with an error")
			}
		}
	},
}, {
	name:  "WatchStops",
	needs: "Watcher",
	text:  "After stop, changed is called no more, even if the record changes; other watches over it go on. A second stop does nothing.",
	run: func(e *env) {
		rec := e.create(e.a, long)
		stopped, goesOn := e.watch(e.b, rec.ID), e.watch(e.b, rec.ID)
		stopped.stop()
		stopped.stop()
		before := stopped.calls.Load()
		e.ok(e.a.Update(e.ctx, rec), "Update")
		e.mustTell(goesOn, "an Update")
		time.Sleep(watchFor)
		if n := stopped.calls.Load() - before; n > 0 {
			e.Errorf("changed was called %d times after stop", n)
		}
		goesOn.stop()
	},
}}
