package storetest

import (
	"errors"
	"sync/atomic"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// How many workers use one record at the same time, and how often.
const (
	workers = 8
	rounds  = 10
)

var raceRules = []rule{{
	name: "OneCreatorWins",
	text: "Create only inserts: of many concurrent calls with one ID, exactly one succeeds, and the others get ErrExists.",
	run: func(e *env) {
		for range rounds {
			id := newID()
			e.mustHaveOneWinner("Create", driver.ErrExists, func(s driver.Store) (*driver.Record, error) {
				rec := e.newRecord(long)
				rec.ID, rec.Data = id, randomBytes(50)
				return rec, s.Create(e.ctx, rec)
			})
		}
	},
}, {
	name: "OneUpdaterWins",
	text: "Update compares and replaces in one atomic step: of many concurrent calls with one Version, exactly one succeeds, and the others get ErrConflict.",
	run: func(e *env) {
		for range rounds {
			first := e.create(e.a, long)
			e.mustHaveOneWinner("Update", driver.ErrConflict, func(s driver.Store) (*driver.Record, error) {
				rec := *first
				rec.Data = randomBytes(50)
				return &rec, s.Update(e.ctx, &rec)
			})
		}
	},
}, {
	name: "DeletedStaysDeleted",
	text: "A session that was deleted stays deleted: no request in flight brings it back.",
	run: func(e *env) {
		for range rounds {
			rec := e.create(e.a, long)
			var deleted atomic.Bool
			e.together(workers, func(i int, s driver.Store) {
				if i < 2 {
					e.load(s, e.create(s, long).ID) // lets the others begin
					e.ok(s.Delete(e.ctx, rec.ID), "Delete")
					deleted.Store(true)
					return
				}
				writeUntilGone(e, s, rec.ID, &deleted)
			})
			e.mustBeAbsent(e.a, rec.ID)
			e.mustBeAbsent(e.b, rec.ID)
		}
	},
}}

// mustHaveOneWinner runs change, a call of method, on all workers. It fails unless one had no error, the others had the
// error loses, and the winner's record is stored.
func (e *env) mustHaveOneWinner(method string, loses error, change func(driver.Store) (*driver.Record, error)) *driver.Record {
	var winner atomic.Pointer[driver.Record]
	e.together(workers, func(_ int, s driver.Store) {
		rec, err := change(s)
		switch {
		case err != nil:
			e.mustFail(err, loses, method+", of many at once")
		case !winner.CompareAndSwap(nil, rec):
			e.Fatalf("two of the concurrent calls succeeded")
		}
	})
	if winner.Load() == nil {
		e.Fatalf("none of the concurrent calls succeeded")
	}
	e.note(method)
	e.mustHold(winner.Load())
	return winner.Load()
}

// writeUntilGone updates and touches a record, as requests in flight would, until the store answers ErrNotFound, or the
// worker that should delete it has failed.
func writeUntilGone(e *env, s driver.Store, id driver.ID, deleted *atomic.Bool) {
	for !e.Failed() {
		over := deleted.Load()
		rec, err := s.Load(e.ctx, id)
		if err == nil && over {
			e.Fatalf("Load found the record after Delete")
		}
		if err == nil {
			rec.Data = randomBytes(50)
			err = s.Update(e.ctx, &rec)
		}
		if err == nil {
			err = s.Touch(e.ctx, id, rec.Version, e.after(0), e.after(2*long))
		}
		if err != nil && !errors.Is(err, driver.ErrConflict) {
			e.mustFail(err, driver.ErrNotFound, "a call after or during Delete")
			return
		}
	}
}
