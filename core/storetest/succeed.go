package storetest

import (
	"errors"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var succeedRules = []rule{{
	name:  "SucceedMoves",
	needs: "Successor",
	text:  "Succeed inserts next as Create does, and replaces old as Update does.",
	run: func(e *env) {
		old := e.createLabelled(long, "admin")
		next, ended := e.newRecord(2*long), e.endedRecord(old)
		next.Subject, next.Labels = "bob", []string{"sid", "admin"}
		wantNext, wantEnded := *next, *ended
		e.ok(abilitiesOf(e.b).Successor.Succeed(e.ctx, ended, next), "Succeed")
		if next.Version == 0 || ended.Version <= old.Version {
			e.Fatalf("Version of next is %d, of old %d and was %d", next.Version, ended.Version, old.Version)
		}
		wantNext.Version, wantEnded.Version = next.Version, ended.Version
		e.mustEqual(*next, wantNext, "the next record given")
		e.mustEqual(*ended, wantEnded, "the old record given")
		e.mustHold(next)
		ended.Created, ended.Labels = old.Created, nil
		e.mustHold(ended)
		e.mustFail(e.a.Update(e.ctx, old), driver.ErrConflict, "Update of the old record by a request in flight")
	},
}, {
	name:  "SucceedKeepsLaterTimes",
	needs: "Successor",
	text:  "Succeed moves the times of old as Update does: Used never moves back, and the deadline moves back only with Exact.",
	run: func(e *env) {
		old, next := e.create(e.a, long), e.newRecord(long)
		ended := e.endedRecord(old)
		ended.Used, ended.Exact = old.Used.Add(-long), false
		e.ok(abilitiesOf(e.a).Successor.Succeed(e.ctx, ended, next), "Succeed")
		ended.Created, ended.Used, ended.Expires = old.Created, old.Used, old.Expires
		e.mustHold(ended)
	},
}, {
	name:  "SucceedOrNothing",
	needs: "Successor",
	text:  "Succeed does both steps or neither. Its errors are those of Create and Update.",
	run: func(e *env) {
		succeed := func(old, next *driver.Record, want error) {
			e.Helper()
			oldBefore, nextBefore := *old, *next
			e.mustFail(abilitiesOf(e.a).Successor.Succeed(e.ctx, old, next), want, "Succeed")
			e.mustEqual(*old, oldBefore, "the old record given")
			e.mustEqual(*next, nextBefore, "the next record given")
		}
		taken, old := e.create(e.a, long), e.createLabelled(long, "admin")
		next := e.newRecord(long)
		next.ID = taken.ID
		succeed(e.endedRecord(old), next, driver.ErrExists)
		e.mustHold(taken)
		e.mustHold(old)

		next, stale := e.newRecord(long), e.endedRecord(old)
		old.Data = []byte("newer")
		e.ok(e.b.Update(e.ctx, old), "Update")
		succeed(stale, next, driver.ErrConflict)
		e.mustHold(old)
		e.mustBeAbsent(e.b, next.ID)

		deleted := e.create(e.b, long)
		e.ok(e.b.Delete(e.ctx, deleted.ID), "Delete")
		for _, gone := range []*driver.Record{deleted, e.createExpired(e.b)} {
			next = e.newRecord(long)
			succeed(e.endedRecord(gone), next, driver.ErrNotFound)
			e.mustBeAbsent(e.b, gone.ID)
			e.mustBeAbsent(e.b, next.ID)
		}
	},
}, {
	name:  "OneSuccessorWins",
	needs: "Successor",
	text:  "Succeed is one atomic step: of many concurrent calls for one old record, exactly one succeeds, and the others store nothing.",
	run: func(e *env) {
		for range rounds {
			old := e.create(e.a, long)
			tried := make(chan *driver.Record, workers)
			winner := e.mustHaveOneWinner("Succeed", driver.ErrConflict, func(s driver.Store) (*driver.Record, error) {
				next := e.newRecord(long)
				tried <- next
				return next, abilitiesOf(s).Successor.Succeed(e.ctx, e.endedRecord(old), next)
			})
			for range workers {
				if next := <-tried; next != winner {
					e.mustBeAbsent(e.b, next.ID)
				}
			}
		}
	},
}, {
	name:  "SucceedOrDelete",
	needs: "Successor",
	text:  "A session that was deleted stays deleted: a concurrent Succeed comes before the Delete or fails.",
	run: func(e *env) {
		for range rounds {
			old, next := e.create(e.a, long), e.newRecord(long)
			var err error
			e.together(2, func(i int, s driver.Store) {
				if i == 0 {
					e.ok(s.Delete(e.ctx, old.ID), "Delete")
				} else if err = abilitiesOf(s).Successor.Succeed(e.ctx, e.endedRecord(old), next); err != nil {
					e.mustFail(err, driver.ErrNotFound, "Succeed")
				}
			})
			e.mustBeAbsent(e.b, old.ID)
			if errors.Is(err, driver.ErrNotFound) {
				e.mustBeAbsent(e.b, next.ID)
			} else {
				e.note("Succeed")
				e.mustHold(next)
			}
		}
	},
}}

// endedRecord returns what core writes over a session that ends: no Subject, other Data, and half an hour to live.
func (e *env) endedRecord(old *driver.Record) *driver.Record {
	left := *old
	left.Subject, left.Data, left.Expires, left.Exact = "", []byte("succeeded"), e.after(long/2), true
	return &left
}
