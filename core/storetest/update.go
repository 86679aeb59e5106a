package storetest

import (
	"github.com/coatcheck-go/coatcheck/core/driver"
)

var updateRules = []rule{{
	name: "UpdateReplaces",
	text: "Update replaces Subject, Expires and Data of the record and sets rec.Version, which grows.",
	run: func(e *env) {
		rec := e.stored(e.a, long)
		for i, s := range []driver.Store{e.b, e.a, e.b} {
			last := rec.Version
			rec.Subject = []string{"bob", "", "carol"}[i]
			rec.Data = append([]byte("longer than before: "), rec.Data...)
			rec.Expires = e.after(2 * long)
			want := *rec
			e.ok(s.Update(e.ctx, rec), "Update")
			if rec.Version <= last {
				e.Fatalf("Version is %d after Update, was %d", rec.Version, last)
			}
			want.Version = rec.Version
			e.same(*rec, want, "the record given")
			e.holds(rec)
		}
	},
}, {
	name: "UpdateComparesVersion",
	text: "Update answers ErrConflict where the record has another version; that record, and the one given, are untouched.",
	run: func(e *env) {
		rec := e.stored(e.a, long)
		stale := e.load(e.b, rec.ID)
		rec.Data = []byte("newer")
		e.ok(e.a.Update(e.ctx, rec), "Update")
		future := stale
		future.Version = rec.Version + 1
		for _, other := range []driver.Record{stale, future} {
			other.Data, other.Subject, other.Expires = []byte("stale"), "mallory", e.after(3*long)
			before := other
			e.fails(e.b.Update(e.ctx, &other), driver.ErrConflict, "Update")
			e.same(other, before, "the record given")
			e.holds(rec)
		}
	},
}, {
	name: "UpdateIsNoUpsert",
	text: "Update answers ErrNotFound where there is no live record - never there, deleted or expired - and creates none.",
	run: func(e *env) {
		deleted := e.stored(e.a, long)
		e.ok(e.b.Delete(e.ctx, deleted.ID), "Delete")
		never := e.record(long)
		never.Version = deleted.Version
		for _, rec := range []*driver.Record{deleted, never, e.expired(e.a)} {
			rec.Expires = e.after(long)
			before := *rec
			e.fails(e.a.Update(e.ctx, rec), driver.ErrNotFound, "Update")
			e.same(*rec, before, "the record given")
			e.absent(e.a, rec.ID)
			e.absent(e.b, rec.ID)
		}
	},
}, {
	name: "UpdateMovesDeadline",
	text: "Update may move Expires either way.",
	run: func(e *env) {
		rec := e.stored(e.a, long)
		rec.Expires = e.after(long / 2)
		e.ok(e.b.Update(e.ctx, rec), "Update to an earlier time")
		e.holds(rec)
		rec.Expires = e.after(e.short())
		e.ok(e.b.Update(e.ctx, rec), "Update to a very early time")
		e.waitUntil(rec.Expires)
		e.absent(e.a, rec.ID)

		rec = e.stored(e.a, long)
		rec.Expires = e.after(0)
		e.ok(e.a.Update(e.ctx, rec), "Update to the present")
		e.absent(e.b, rec.ID)

		rec = e.stored(e.a, 5*e.short())
		first := rec.Expires
		rec.Expires = e.after(long)
		e.ok(e.a.Update(e.ctx, rec), "Update to a later time")
		e.waitUntil(first)
		e.holds(rec)
	},
}}

var touchRules = []rule{{
	name: "TouchExtends",
	text: "Touch moves the deadline of a live record; it writes no data and keeps the version.",
	run: func(e *env) {
		rec := e.stored(e.a, 5*e.short())
		first := rec.Expires
		rec.Expires = e.after(long)
		e.ok(e.b.Touch(e.ctx, rec.ID, rec.Version, rec.Expires), "Touch")
		e.holds(rec)
		e.waitUntil(first)
		e.holds(rec)
		rec.Data = []byte("written after a Touch by someone else")
		e.ok(e.a.Update(e.ctx, rec), "Update with the version from before the Touch")
		e.holds(rec)
	},
}, {
	name: "TouchNeverShortens",
	text: "Touch leaves a deadline that is already later as it is, and that is no error.",
	run: func(e *env) {
		rec := e.stored(e.a, long)
		for _, s := range []driver.Store{e.a, e.b} {
			e.ok(s.Touch(e.ctx, rec.ID, rec.Version, e.after(long/2)), "Touch to an earlier time")
			e.ok(s.Touch(e.ctx, rec.ID, rec.Version, e.after(-long)), "Touch to the past")
			e.ok(s.Touch(e.ctx, rec.ID, rec.Version, rec.Expires), "Touch to the same time")
			e.holds(rec)
		}
	},
}, {
	name: "TouchKeepsNewerData",
	text: "Touch with the version from before another server's Update answers ErrConflict, and what was written stays.",
	run: func(e *env) {
		rec := e.stored(e.a, long)
		e.load(e.b, rec.ID)
		rec.Data, rec.Subject = []byte("newer"), "bob"
		old := rec.Version
		e.ok(e.a.Update(e.ctx, rec), "Update")
		e.fails(e.b.Touch(e.ctx, rec.ID, old, e.after(2*long)), driver.ErrConflict, "Touch with an old version")
		rec.Expires = e.after(3 * long)
		e.ok(e.b.Touch(e.ctx, rec.ID, rec.Version, rec.Expires), "Touch")
		e.holds(rec)
	},
}, {
	name: "TouchIsNoUpsert",
	text: "Touch answers ErrNotFound where there is no live record - never there, deleted or expired - and creates none.",
	run: func(e *env) {
		deleted := e.stored(e.a, long)
		e.ok(e.b.Delete(e.ctx, deleted.ID), "Delete")
		for _, id := range []driver.ID{deleted.ID, newID(), e.expired(e.a).ID} {
			e.fails(e.a.Touch(e.ctx, id, 1, e.after(long)), driver.ErrNotFound, "Touch")
			e.absent(e.a, id)
			e.absent(e.b, id)
		}
	},
}}
