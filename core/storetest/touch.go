package storetest

import (
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var touchRules = []rule{{
	name: "TouchExtends",
	text: "Touch moves Used and the deadline of a live record. It writes no data and keeps the version.",
	run: func(e *env) {
		var rec *driver.Record
		first := e.inTime("Touch", func(life time.Duration) (time.Time, error) {
			rec = e.createLabelled(life, "admin")
			first := rec.Expires
			rec.Used, rec.Expires = e.after(long/2), e.after(long)
			return first, e.b.Touch(e.ctx, rec.ID, rec.Version, rec.Used, rec.Expires)
		})
		e.mustHold(rec)
		e.waitUntil(first)
		e.mustHold(rec)
		rec.Data = []byte("written after a Touch by someone else")
		e.ok(e.a.Update(e.ctx, rec), "Update with the version from before the Touch")
		e.mustHold(rec)
	},
}, {
	name: "TouchNeverMovesBack",
	text: "Touch does not change a Used or a deadline that is later already, and that is no error.",
	run: func(e *env) {
		rec := e.create(e.a, long)
		for _, s := range []driver.Store{e.a, e.b} {
			for _, expires := range []time.Time{e.after(long / 2), e.after(-long), rec.Expires} {
				for _, used := range []time.Time{rec.Used, rec.Used.Add(-time.Microsecond), rec.Used.Add(-2 * long)} {
					e.ok(s.Touch(e.ctx, rec.ID, rec.Version, used, expires), "Touch to earlier or the same times")
					e.mustHold(rec)
				}
			}
		}
	},
}, {
	name: "TouchMovesEachAlone",
	text: "Touch moves Used and the deadline independently: it stores a later Used even if the deadline is not later, and a later deadline even if Used is not.",
	run: func(e *env) {
		rec := e.create(e.a, long)
		for i, s := range []driver.Store{e.a, e.b, e.a, e.b} {
			used, expires := rec.Used.Add(time.Second), rec.Expires
			rec.Used = used
			e.ok(s.Touch(e.ctx, rec.ID, rec.Version, used, expires.Add(-time.Duration(i)*time.Minute)), "Touch to a later Used alone")
			e.mustHold(rec)
			rec.Expires = expires.Add(time.Microsecond)
			e.ok(s.Touch(e.ctx, rec.ID, rec.Version, used.Add(-time.Duration(i)*long), rec.Expires), "Touch to a later deadline alone")
			e.mustHold(rec)
		}
	},
}, {
	name: "TouchKeepsNewerData",
	text: "Touch with the version from before another server's Update answers ErrConflict, and what the Update wrote stays.",
	run: func(e *env) {
		rec := e.createLabelled(long, "admin")
		e.load(e.b, rec.ID)
		old := rec.Version
		rec.Data, rec.Subject, rec.Labels = []byte("newer"), "", nil
		e.ok(e.a.Update(e.ctx, rec), "Update")
		e.mustFail(e.b.Touch(e.ctx, rec.ID, old, e.after(0), e.after(2*long)), driver.ErrConflict, "Touch with an old version")
		rec.Used, rec.Expires = e.after(long), e.after(3*long) // the Touch that conflicted may have moved the times
		e.ok(e.b.Touch(e.ctx, rec.ID, rec.Version, rec.Used, rec.Expires), "Touch")
		e.mustHold(rec)
	},
}, {
	name: "TouchIsNoUpsert",
	text: "Touch answers ErrNotFound if there is no live record (never created, deleted or expired), and creates none.",
	run: func(e *env) {
		deleted := e.create(e.a, long)
		e.ok(e.b.Delete(e.ctx, deleted.ID), "Delete")
		for _, id := range []driver.ID{deleted.ID, newID(), e.createExpired(e.a).ID} {
			e.mustFail(e.a.Touch(e.ctx, id, 1, e.after(0), e.after(long)), driver.ErrNotFound, "Touch")
			e.mustBeAbsent(e.a, id)
			e.mustBeAbsent(e.b, id)
		}
	},
}}
