package storetest

import (
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var updateRules = []rule{{
	name: "UpdateReplaces",
	text: "Update replaces the Data of the record. It sets rec.Version to a greater one, and changes nothing else of rec.",
	run: func(e *env) {
		rec := e.createLabelled(long, "admin", "sid")
		for _, s := range []driver.Store{e.b, e.a, e.b} {
			last := rec.Version
			rec.Data = append([]byte("longer than before: "), rec.Data...)
			rec.Used, rec.Expires = rec.Used.Add(time.Minute), rec.Expires.Add(time.Minute)
			want := *rec
			e.ok(s.Update(e.ctx, rec), "Update")
			if rec.Version <= last {
				e.Fatalf("rec.Version is %d after Update, was %d: Update must set it to the new version", rec.Version, last)
			}
			want.Version = rec.Version
			e.mustEqual(*rec, want, "the record given")
			e.mustHold(rec)
		}
	},
}, {
	name: "UpdateKeepsTheRest",
	text: "Update changes neither Created nor Labels, and no Subject to another one. It ignores those fields of rec, and does not change them.",
	run: func(e *env) {
		for _, rec := range []*driver.Record{e.createLabelled(long, "admin", "sid"), e.create(e.a, long)} {
			stored := *rec
			for _, given := range []driver.Record{
				{Subject: "mallory"}, {Subject: rec.Subject, Labels: []string{"other"}},
				{Subject: "bob", Labels: []string{"sid", "admin", "more"}}, {Subject: rec.Subject, Labels: []string{"sid"}},
			} {
				given.ID, given.Version, given.Data = rec.ID, stored.Version, randomBytes(30)
				given.Created, given.Used, given.Expires = e.after(-2*long), rec.Used, rec.Expires
				want := given
				e.ok(e.b.Update(e.ctx, &given), "Update")
				want.Version = given.Version
				e.mustEqual(given, want, "the record given")
				stored.Version, stored.Data = given.Version, given.Data
				e.mustHold(&stored)
			}
		}
	},
}, {
	name: "UpdateClears",
	text: "An Update with an empty Subject clears Subject and Labels for good: no later Update sets them again.",
	run: func(e *env) {
		for _, rec := range []*driver.Record{e.createLabelled(long, "admin", "sid"), e.create(e.a, long)} {
			stored := *rec
			stored.Subject, stored.Labels = "", nil
			rec.Subject = "" // and rec.Labels are still set
			for _, subject := range []string{"", "alice", ""} {
				rec.Subject, rec.Data = subject, randomBytes(30)
				e.ok(e.a.Update(e.ctx, rec), "Update")
				stored.Version, stored.Data = rec.Version, rec.Data
				e.mustHold(&stored)
			}
		}
	},
}, {
	name: "UpdateMovesTimesForward",
	text: "In an Update the later Used stays, and so does the later deadline, independently of each other. Those fields of rec are unchanged.",
	run: func(e *env) {
		rec := e.create(e.a, long)
		stored := *rec
		for i, move := range []struct{ used, expires time.Duration }{
			{-long, long}, {long / 4, -long / 2}, {-2 * long, -2 * long}, {time.Microsecond, 0}, {0, time.Microsecond}, {long / 2, 2 * long},
		} {
			rec.Data = randomBytes(30)
			rec.Used, rec.Expires = stored.Used.Add(move.used), stored.Expires.Add(move.expires)
			want := *rec
			e.ok([]driver.Store{e.b, e.a}[i%2].Update(e.ctx, rec), "Update")
			want.Version = rec.Version
			e.mustEqual(*rec, want, "the record given")
			stored.Version, stored.Data = rec.Version, rec.Data
			stored.Used = stored.Used.Add(max(move.used, 0))
			stored.Expires = stored.Expires.Add(max(move.expires, 0))
			e.mustHold(&stored)
		}
	},
}, {
	name: "UpdateWithdrawsNoLife",
	text: "A record lives until the latest deadline that it got: an Update may move the deadline forward, and cannot shorten the life.",
	run: func(e *env) {
		var moved *driver.Record
		first := e.inTime("Update to a later time", func(life time.Duration) (time.Time, error) {
			moved = e.create(e.a, life)
			first := moved.Expires
			moved.Expires = e.after(long)
			return first, e.a.Update(e.ctx, moved)
		})
		shortened := e.create(e.a, long)
		last := shortened.Expires
		shortened.Expires = e.after(e.short())
		e.ok(e.b.Update(e.ctx, shortened), "Update to an earlier time")
		e.waitUntil(shortened.Expires)
		e.waitUntil(first)
		e.mustHold(moved)
		shortened.Expires = last
		e.mustHold(shortened)
	},
}, {
	name: "UpdateExact",
	text: "With Exact, an Update moves the deadline forward or back, even to the present or the past. Exact itself is not stored.",
	run: func(e *env) {
		rec := e.create(e.a, long)
		rec.Exact = true
		for _, life := range []time.Duration{long / 2, 2 * long, long / 4} {
			rec.Expires = e.after(life)
			e.ok(e.b.Update(e.ctx, rec), "Update to an exact time")
			e.mustHold(rec)
		}
		stored := *rec
		rec.Exact, rec.Expires = false, e.after(long/8)
		e.ok(e.a.Update(e.ctx, rec), "Update to an earlier time, not exact")
		stored.Version = rec.Version
		e.mustHold(&stored)

		rec.Exact, rec.Expires = true, e.after(e.short())
		e.ok(e.b.Update(e.ctx, rec), "Update to a very early time")
		e.waitUntil(rec.Expires)
		e.mustBeAbsent(e.a, rec.ID)
		e.mustBeAbsent(e.b, rec.ID)

		for _, life := range []time.Duration{0, -time.Minute, -2 * long} { // also to a time before Created
			rec = e.create(e.a, long)
			e.load(e.b, rec.ID)
			rec.Exact, rec.Expires = true, e.after(life)
			e.ok(e.a.Update(e.ctx, rec), "Update to the present, or the past")
			e.mustBeAbsent(e.a, rec.ID)
			e.mustBeAbsent(e.b, rec.ID)
		}
	},
}, {
	name: "UpdateExactKeepsUsed",
	text: "Exact concerns the deadline only: Used never moves back.",
	run: func(e *env) {
		rec := e.create(e.a, long)
		used := rec.Used
		rec.Exact, rec.Used, rec.Expires = true, used.Add(-long), e.after(long/2)
		e.ok(e.b.Update(e.ctx, rec), "Update")
		rec.Used = used
		e.mustHold(rec)
	},
}, {
	name: "UpdateComparesVersion",
	text: "Update answers ErrConflict if the record has another version. That record and the one given are unchanged.",
	run: func(e *env) {
		rec := e.createLabelled(long, "admin")
		stale := e.load(e.b, rec.ID)
		rec.Data = []byte("newer")
		e.ok(e.a.Update(e.ctx, rec), "Update")
		future := stale
		future.Version = rec.Version + 1
		for _, other := range []driver.Record{stale, future} {
			other.Data, other.Subject, other.Used, other.Expires = []byte("stale"), "", e.after(long), e.after(3*long)
			other.Exact = true
			before := other
			e.mustFail(e.b.Update(e.ctx, &other), driver.ErrConflict, "Update")
			e.mustEqual(other, before, "the record given")
			e.mustHold(rec)
		}
	},
}, {
	name: "UpdateIsNoUpsert",
	text: "Update answers ErrNotFound if there is no live record (never created, deleted or expired), and creates none.",
	run: func(e *env) {
		deleted := e.create(e.a, long)
		e.ok(e.b.Delete(e.ctx, deleted.ID), "Delete")
		never := e.newRecord(long)
		never.Version = deleted.Version
		for _, rec := range []*driver.Record{deleted, never, e.createExpired(e.a)} {
			for _, exact := range []bool{false, true} {
				rec.Expires, rec.Exact = e.after(long), exact
				before := *rec
				e.mustFail(e.a.Update(e.ctx, rec), driver.ErrNotFound, "Update")
				e.mustEqual(*rec, before, "the record given")
				e.mustBeAbsent(e.a, rec.ID)
				e.mustBeAbsent(e.b, rec.ID)
			}
		}
	},
}}
