package storetest

import (
	"errors"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var rotateRules = []rule{{
	name:  "RotateMoves",
	needs: "Rotator",
	text:  "Rotate inserts next as Create does and replaces old as Update does.",
	run: func(e *env) {
		old := e.stored(e.a, long)
		next, marker := e.record(2*long), *old
		next.Subject, marker.Subject, marker.Data, marker.Expires = "bob", "", []byte("moved"), e.after(long/2)
		e.ok(e.b.(driver.Rotator).Rotate(e.ctx, &marker, next), "Rotate")
		if next.Version == 0 || marker.Version <= old.Version {
			e.Fatalf("Version of next is %d, of old %d and was %d", next.Version, marker.Version, old.Version)
		}
		e.holds(next)
		e.holds(&marker)
		e.fails(e.a.Update(e.ctx, old), driver.ErrConflict, "Update of the old record by a request in flight")
	},
}, {
	name:  "RotateOrNothing",
	needs: "Rotator",
	text:  "Rotate does both of its steps or neither; its errors are those of Create and Update.",
	run: func(e *env) {
		rotate := func(old, next *driver.Record, want error) {
			e.Helper()
			oldBefore, nextBefore := *old, *next
			e.fails(e.a.(driver.Rotator).Rotate(e.ctx, old, next), want, "Rotate")
			e.same(*old, oldBefore, "the old record given")
			e.same(*next, nextBefore, "the next record given")
		}
		taken, old := e.stored(e.a, long), e.stored(e.b, long)
		next := e.record(long)
		next.ID = taken.ID
		change := *old
		change.Data = []byte("moved")
		rotate(&change, next, driver.ErrExists)
		e.holds(taken)
		e.holds(old)

		next, stale := e.record(long), *old
		old.Data = []byte("newer")
		e.ok(e.b.Update(e.ctx, old), "Update")
		rotate(&stale, next, driver.ErrConflict)
		e.holds(old)
		e.absent(e.b, next.ID)

		deleted := e.stored(e.b, long)
		e.ok(e.b.Delete(e.ctx, deleted.ID), "Delete")
		for _, gone := range []*driver.Record{deleted, e.expired(e.b)} {
			gone.Expires = e.after(long)
			next = e.record(long)
			rotate(gone, next, driver.ErrNotFound)
			e.absent(e.b, gone.ID)
			e.absent(e.b, next.ID)
		}
	},
}, {
	name:  "OneRotatorWins",
	needs: "Rotator",
	text:  "Rotate is one atomic step: of many at once from one record, exactly one succeeds, and the others leave nothing behind.",
	run: func(e *env) {
		for range rounds {
			old := e.stored(e.a, long)
			tried := make(chan *driver.Record, workers)
			winner := e.oneWins(driver.ErrConflict, func(s driver.Store) (*driver.Record, error) {
				marker, next := *old, e.record(long)
				tried <- next
				return next, s.(driver.Rotator).Rotate(e.ctx, &marker, next)
			})
			for range workers {
				if next := <-tried; next != winner {
					e.absent(e.b, next.ID)
				}
			}
		}
	},
}, {
	name:  "RotateOrDelete",
	needs: "Rotator",
	text:  "A session that was deleted stays deleted: a Rotate at the same moment comes before the Delete or not at all.",
	run: func(e *env) {
		for range rounds {
			old, next := e.stored(e.a, long), e.record(long)
			marker := *old
			var err error
			e.together(2, func(i int, s driver.Store) {
				if i == 0 {
					e.ok(s.Delete(e.ctx, old.ID), "Delete")
				} else if err = s.(driver.Rotator).Rotate(e.ctx, &marker, next); err != nil {
					e.fails(err, driver.ErrNotFound, "Rotate")
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
