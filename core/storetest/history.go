package storetest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var historyRules = []rule{{
	name: "CountsExactly",
	text: "No Update is lost: counting with Load and Update, and once more after ErrConflict, is exact. Touch does not disturb it.",
	run: func(e *env) {
		const each = 20
		rec := e.newRecord(long)
		rec.Data = make([]byte, 8)
		e.ok(e.a.Create(e.ctx, rec), "Create")
		e.together(workers, func(i int, s driver.Store) {
			for range each {
				version := countUp(e, s, rec.ID)
				if err := s.Touch(e.ctx, rec.ID, version, e.after(0), e.after(2*long)); err != nil {
					e.mustFail(err, driver.ErrConflict, "Touch")
				}
			}
		})
		final := e.load(e.a, rec.ID)
		if n := binary.LittleEndian.Uint64(final.Data); n != workers*each {
			e.Fatalf("%d increments were acknowledged, %d are stored", workers*each, n)
		}
	},
}, {
	name: "HistoryIsConsistent",
	text: "One order of all calls explains their answers: no acknowledged write is lost, no Load is stale, nothing is seen after a Delete, Version grows, Used never moves back.",
	run: func(e *env) {
		h := &history{}
		recs := make([]*driver.Record, 4)
		for i := range recs {
			recs[i] = e.create(e.a, long)
			h.events = append(h.events, event{op: "Create", id: recs[i].ID, version: recs[i].Version, data: string(recs[i].Data), used: recs[i].Used})
		}
		h.start = e.after(0)
		e.together(workers, func(w int, s driver.Store) {
			for i := range 60 {
				id := recs[(w+i)%len(recs)].ID
				version := h.loadAndUpdate(e, s, id, fmt.Sprintf("%v by worker %d at %d", id, w, i))
				switch {
				case i%5 == w%5:
					h.record("Touch", id, func(ev *event) {
						ev.used = h.offerUsed()
						ev.base, ev.err = version, s.Touch(e.ctx, id, version, ev.used, e.after(2*long))
					})
				case i == 40 && w < len(recs)-1: // the last record stays
					h.record("Delete", recs[w].ID, func(ev *event) { ev.err = s.Delete(e.ctx, recs[w].ID) })
				}
			}
		})
		for _, rec := range recs {
			if err := h.check(rec.ID); err != nil {
				e.Fatalf("record %v: %v", rec.ID, err)
			}
		}
	},
}}

func countUp(e *env, s driver.Store, id driver.ID) (version uint64) {
	for {
		rec := e.load(s, id)
		last := rec.Version
		n := binary.LittleEndian.Uint64(rec.Data)
		runtime.Gosched() // with a quick store, two workers would rarely meet
		rec.Data = binary.LittleEndian.AppendUint64(nil, n+1)
		err := s.Update(e.ctx, &rec)
		if err == nil && rec.Version <= last {
			e.Fatalf("Version went from %d to %d", last, rec.Version)
		}
		if err == nil {
			return rec.Version
		}
		e.mustFail(err, driver.ErrConflict, "Update")
	}
}

// event is one call that has returned. begin and end are values of one counter: if the end of a call is smaller than
// the begin of another one, it came before that.
type event struct {
	op         string
	id         driver.ID
	begin, end int64
	base       uint64    // the version that an Update or Touch was given
	version    uint64    // the version that the call wrote or read
	data       string    // the Data that it wrote or read
	used       time.Time // the Used that it was given or read
	err        error
}

// history is what all workers' calls returned.
type history struct {
	start   time.Time
	counter atomic.Int64
	mu      sync.Mutex
	events  []event
}

// record makes a call and adds it to the history.
func (h *history) record(op string, id driver.ID, call func(*event)) event {
	ev := event{op: op, id: id, begin: h.counter.Add(1)}
	call(&ev)
	ev.end = h.counter.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, ev)
	return ev
}

// offerUsed returns a time for Used. Two in three are older than times that others gave before: a request may be slow,
// or its clock late.
func (h *history) offerUsed() time.Time {
	tick := h.counter.Add(1)
	return h.start.Add(time.Duration(tick-tick%3*100) * time.Microsecond)
}

// loadAndUpdate loads and updates a record. It returns the version that the worker knows afterwards.
func (h *history) loadAndUpdate(e *env, s driver.Store, id driver.ID, data string) uint64 {
	var rec driver.Record
	loaded := h.record("Load", id, func(ev *event) {
		rec, ev.err = s.Load(e.ctx, id)
		ev.version, ev.data, ev.used = rec.Version, string(rec.Data), rec.Used
	})
	runtime.Gosched()
	if loaded.err != nil {
		return 0
	}
	h.record("Update", id, func(ev *event) {
		rec.Used = h.offerUsed()
		rec.Data, ev.base, ev.data, ev.used = []byte(data), rec.Version, data, rec.Used
		ev.err = s.Update(e.ctx, &rec)
		ev.version = rec.Version
	})
	return rec.Version
}

// expectedInHistory reports whether a call in the history may return err.
func expectedInHistory(err error) bool {
	return err == nil || errors.Is(err, driver.ErrNotFound) || errors.Is(err, driver.ErrConflict)
}
