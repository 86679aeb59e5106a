package storetest

import (
	"errors"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var timeRules = []rule{{
	name: "TimesToTheMicrosecond",
	text: "Stores keep Created, Used and Expires to the microsecond, in any time zone. What is finer is cut off, never rounded up.",
	run: func(e *env) {
		rec := e.newRecord(long)
		rec.Created = e.after(-long).Add(123456*time.Microsecond + 999).In(time.FixedZone("", 5*3600+1800))
		rec.Used = e.after(-long / 2).Add(345678*time.Microsecond + 999).In(time.FixedZone("", -8*3600))
		rec.Expires = e.after(long).Truncate(time.Second).Add(654321*time.Microsecond + 999).UTC()
		e.ok(e.a.Create(e.ctx, rec), "Create")
		want := *rec
		want.Created = rec.Created.Truncate(time.Microsecond)
		want.Used, want.Expires = rec.Used.Truncate(time.Microsecond), rec.Expires.Truncate(time.Microsecond)
		e.mustHold(&want)
		want.Used, want.Expires = want.Used.Add(time.Microsecond), want.Expires.Add(time.Microsecond)
		e.ok(e.b.Touch(e.ctx, rec.ID, rec.Version, want.Used.Add(999), want.Expires.Add(999)), "Touch")
		e.mustHold(&want)
		want.Used, want.Expires = want.Used.Add(time.Microsecond), want.Expires.Add(time.Microsecond)
		change := want
		change.Used, change.Expires = want.Used.Add(999), want.Expires.Add(999)
		e.ok(e.a.Update(e.ctx, &change), "Update")
		want.Version = change.Version
		e.mustHold(&want)
	},
}, {
	name: "FarDeadlines",
	text: "Expires may be 30 days, 100 years or 8,000 years ahead: beyond memcached's relative times and 32-bit seconds.",
	run: func(e *env) {
		rec := e.create(e.a, long)
		for _, expires := range []time.Time{
			e.after(29 * 24 * time.Hour), e.after(31 * 24 * time.Hour), e.after(90 * 24 * time.Hour),
			time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC), time.Date(2107, 1, 1, 0, 0, 0, 0, time.UTC),
			time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		} {
			created := e.newRecord(long)
			created.Expires = expires
			e.ok(e.a.Create(e.ctx, created), "Create")
			e.mustHold(created)
			created.Data = []byte("updated")
			e.ok(e.b.Update(e.ctx, created), "Update")
			e.mustHold(created)
			rec.Expires = expires
			e.ok(e.b.Touch(e.ctx, rec.ID, rec.Version, rec.Used, expires), "Touch")
			e.mustHold(rec)
		}
	},
}, {
	name: "DeadlineIsExact",
	text: "At or after Expires the record does not exist. Before Expires it does, even if the storage's own lifetimes are coarser.",
	run: func(e *env) {
		rec := e.newRecord(e.short() + 1234*time.Microsecond)
		e.ok(e.a.Create(e.ctx, rec), "Create")
		if e.h.Clock != nil {
			e.h.Clock.Advance(rec.Expires.Sub(e.now()) - time.Microsecond)
			e.mustHold(rec)
			e.h.Clock.Advance(time.Microsecond)
		} else {
			watchDeadline(e, rec)
		}
		e.mustBeAbsent(e.a, rec.ID)
		e.mustBeAbsent(e.b, rec.ID)
		e.mustFail(e.a.Touch(e.ctx, rec.ID, rec.Version, e.after(0), e.after(long)), driver.ErrNotFound, "Touch")
		e.mustFail(e.b.Update(e.ctx, rec), driver.ErrNotFound, "Update")
	},
}, {
	name: "ShortLives",
	text: "A record whose life is shorter than the storage's unit of time exists until its deadline, and no longer.",
	run: func(e *env) {
		rec := e.create(e.a, long)
		rec.Expires, rec.Exact = e.after(e.short()), true
		e.ok(e.a.Update(e.ctx, rec), "Update")
		other := e.create(e.a, e.short()/2)
		for _, r := range []*driver.Record{rec, other} {
			if _, err := e.b.Load(e.ctx, r.ID); err != nil && e.now().Before(r.Expires) {
				e.Fatalf("Load before the deadline: %v", err)
			}
			e.waitUntil(r.Expires)
			e.mustBeAbsent(e.a, r.ID)
			e.mustBeAbsent(e.b, r.ID)
		}
	},
}}

// watchDeadline loads a record until its deadline has passed. It checks each answer of a call that was wholly before or
// wholly after the deadline.
func watchDeadline(e *env, rec *driver.Record) {
	for e.now().Before(rec.Expires.Add(5 * time.Millisecond)) {
		before := e.now()
		_, err := e.b.Load(e.ctx, rec.ID)
		after := e.now()
		switch {
		case err == nil && !before.Before(rec.Expires):
			e.Fatalf("Load found a record %v after its deadline", before.Sub(rec.Expires))
		case errors.Is(err, driver.ErrNotFound) && after.Before(rec.Expires):
			e.Fatalf("Load did not find a record %v before its deadline", rec.Expires.Sub(after))
		case err != nil && !errors.Is(err, driver.ErrNotFound):
			e.Fatalf("Load: %v", err)
		}
		time.Sleep(time.Millisecond)
	}
}
