package storetest

import (
	"errors"
	"iter"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Rules about records that are damaged: by a bad disk, or by a hand in the storage.

var damageRules = []rule{{
	name: "DamagedIsCorrupt",
	text: "For a damaged record, Load, Update, Touch, Succeed, Reload and Watch answer ErrCorrupt, not ErrNotFound: nothing proves that it is absent. Create answers ErrExists.",
	run: func(e *env) {
		rec := e.createDamaged()
		for _, s := range []driver.Store{e.b, e.a} {
			e.mustAnswerUnread(s, *rec, driver.ErrCorrupt)
		}
	},
}, {
	name: "DamagedIsDeleted",
	text: "Delete removes a damaged record.",
	run: func(e *env) {
		rec := e.createDamaged()
		e.ok(e.b.Delete(e.ctx, rec.ID), "Delete")
		e.mustBeAbsent(e.a, rec.ID)
		e.mustBeAbsent(e.b, rec.ID)
		e.ok(e.b.Create(e.ctx, rec), "Create")
		e.mustHold(rec)
	},
}, {
	name: "DamagedInWalks",
	text: "A damaged record hides no other: a walk passes it over and goes through all others. All then ends in ErrCorrupt. BySubject and ByLabel do, too, or leave the record out.",
	run: func(e *env) {
		e.needDamage()
		var want []*driver.Record
		for range 5 {
			want = append(want, e.createLabelled(long, "admin"))
		}
		e.h.Damage(e.TB, want[2].ID)
		others := append(append([]*driver.Record{}, want[:2]...), want[3:]...)
		for range 2 {
			for _, s := range []driver.Store{e.a, e.b} {
				for what, walk := range e.walks(s) {
					last := e.mustListAndEnd(walk, others, what)
					if last != nil || what == "All" {
						e.mustFail(last, driver.ErrCorrupt, what+" at its end")
					}
				}
			}
		}
	},
}, {
	name:  "SweepLeavesTheDamaged",
	needs: "Sweeper",
	text:  "Sweep does not remove a damaged record, since somebody may repair it, and removes all others that have expired.",
	run: func(e *env) {
		e.needDamage()
		rec := e.createDamaged()
		e.createExpired(e.a)
		if n := e.sweepAll(e.b, 10); n != 1 {
			e.Fatalf("Sweep removed %d records, want 1: the other one is damaged", n)
		}
		if _, err := e.b.Load(e.ctx, rec.ID); !errors.Is(err, driver.ErrCorrupt) {
			e.Fatalf("Load of the damaged record after Sweep: error is %s, want driver.ErrCorrupt", errorText(err))
		}
	},
}}

// needDamage skips the rule if the harness has no Damage.
func (e *env) needDamage() {
	if e.h.Damage == nil {
		e.Skip("no Harness.Damage")
	}
}

// createDamaged creates a record that a cache may know, and damages it.
func (e *env) createDamaged() *driver.Record {
	e.Helper()
	e.needDamage()
	rec := e.createLabelled(long, "admin")
	e.load(e.b, rec.ID)
	e.h.Damage(e.TB, rec.ID)
	return rec
}

// mustListAndEnd fails unless the walk yields exactly the records in want. It returns the error at its end.
func (e *env) mustListAndEnd(walk iter.Seq2[driver.Record, error], want []*driver.Record, what string) (last error) {
	e.Helper()
	e.mustList(func(yield func(driver.Record, error) bool) {
		for rec, err := range walk {
			if last != nil {
				e.Fatalf("%s: the walk goes on after %v", what, last)
			}
			if err != nil {
				last = err
			} else if !yield(rec, nil) {
				return
			}
		}
	}, want, what)
	return last
}
