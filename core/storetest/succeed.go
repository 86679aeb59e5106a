package storetest

import (
	"errors"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var succeedRules = []rule{{
	name:  "SucceedMoves",
	needs: "Successor",
	text:  "Succeed inserts next as Create does and replaces old as Update does.",
	run: func(e *env) {
		old := e.labelled(long, "admin")
		next, left := e.record(2*long), e.ending(old)
		next.Subject, next.Labels = "bob", []string{"sid", "admin"}
		wantNext, wantLeft := *next, *left
		e.ok(can(e.b).Successor.Succeed(e.ctx, left, next), "Succeed")
		if next.Version == 0 || left.Version <= old.Version {
			e.Fatalf("Version of next is %d, of old %d and was %d", next.Version, left.Version, old.Version)
		}
		wantNext.Version, wantLeft.Version = next.Version, left.Version
		e.same(*next, wantNext, "the next record given")
		e.same(*left, wantLeft, "the old record given")
		e.holds(next)
		left.Created, left.Labels = old.Created, nil
		e.holds(left)
		e.fails(e.a.Update(e.ctx, old), driver.ErrConflict, "Update of the old record by a request in flight")
	},
}, {
	name:  "SucceedKeepsLaterTimes",
	needs: "Successor",
	text:  "Succeed moves the times of old as Update does: Used never back, and the deadline back only with Exact.",
	run: func(e *env) {
		old, next := e.stored(e.a, long), e.record(long)
		left := e.ending(old)
		left.Used, left.Exact = old.Used.Add(-long), false
		e.ok(can(e.a).Successor.Succeed(e.ctx, left, next), "Succeed")
		left.Created, left.Used, left.Expires = old.Created, old.Used, old.Expires
		e.holds(left)
	},
}, {
	name:  "SucceedOrNothing",
	needs: "Successor",
	text:  "Succeed does both of its steps or neither; its errors are those of Create and Update.",
	run: func(e *env) {
		succeed := func(old, next *driver.Record, want error) {
			e.Helper()
			oldBefore, nextBefore := *old, *next
			e.fails(can(e.a).Successor.Succeed(e.ctx, old, next), want, "Succeed")
			e.same(*old, oldBefore, "the old record given")
			e.same(*next, nextBefore, "the next record given")
		}
		taken, old := e.stored(e.a, long), e.labelled(long, "admin")
		next := e.record(long)
		next.ID = taken.ID
		succeed(e.ending(old), next, driver.ErrExists)
		e.holds(taken)
		e.holds(old)

		next, stale := e.record(long), e.ending(old)
		old.Data = []byte("newer")
		e.ok(e.b.Update(e.ctx, old), "Update")
		succeed(stale, next, driver.ErrConflict)
		e.holds(old)
		e.absent(e.b, next.ID)

		deleted := e.stored(e.b, long)
		e.ok(e.b.Delete(e.ctx, deleted.ID), "Delete")
		for _, gone := range []*driver.Record{deleted, e.expired(e.b)} {
			next = e.record(long)
			succeed(e.ending(gone), next, driver.ErrNotFound)
			e.absent(e.b, gone.ID)
			e.absent(e.b, next.ID)
		}
	},
}, {
	name:  "OneSuccessorWins",
	needs: "Successor",
	text:  "Succeed is one atomic step: of many at once from one record, exactly one succeeds, and the others leave nothing behind.",
	run: func(e *env) {
		for range rounds {
			old := e.stored(e.a, long)
			tried := make(chan *driver.Record, workers)
			winner := e.oneWins(driver.ErrConflict, func(s driver.Store) (*driver.Record, error) {
				next := e.record(long)
				tried <- next
				return next, can(s).Successor.Succeed(e.ctx, e.ending(old), next)
			})
			for range workers {
				if next := <-tried; next != winner {
					e.absent(e.b, next.ID)
				}
			}
		}
	},
}, {
	name:  "SucceedOrDelete",
	needs: "Successor",
	text:  "A session that was deleted stays deleted: a Succeed at the same moment comes before the Delete or not at all.",
	run: func(e *env) {
		for range rounds {
			old, next := e.stored(e.a, long), e.record(long)
			var err error
			e.together(2, func(i int, s driver.Store) {
				if i == 0 {
					e.ok(s.Delete(e.ctx, old.ID), "Delete")
				} else if err = can(s).Successor.Succeed(e.ctx, e.ending(old), next); err != nil {
					e.fails(err, driver.ErrNotFound, "Succeed")
				}
			})
			e.absent(e.b, old.ID)
			if errors.Is(err, driver.ErrNotFound) {
				e.absent(e.b, next.ID)
			} else {
				e.holds(next)
			}
		}
	},
}}

// ending returns what core makes of a record that another takes the place of: nobody's, and
// with half an hour to live.
func (e *env) ending(old *driver.Record) *driver.Record {
	left := *old
	left.Subject, left.Data, left.Expires, left.Exact = "", []byte("succeeded"), e.after(long/2), true
	return &left
}
