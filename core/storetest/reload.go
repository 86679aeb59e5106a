package storetest

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var reloadRules = []rule{{
	name:  "ReloadIsNew",
	needs: "Reloader",
	text:  "Reload answers with a state no older than the call, whichever server wrote it. The next Load is as new.",
	run: func(e *env) {
		rec := e.createLabelled(long, "admin")
		for i := range 6 {
			writer, reader := e.a, e.b
			if i%2 == 1 {
				writer, reader = e.b, e.a
			}
			e.load(writer, rec.ID)
			e.load(reader, rec.ID) // a cache has it now
			rec.Data = randomBytes(30)
			e.ok(writer.Update(e.ctx, rec), "Update")
			e.mustReload(reader, rec)
			rec.Used, rec.Expires = rec.Used.Add(time.Minute), rec.Expires.Add(time.Minute)
			e.ok(writer.Touch(e.ctx, rec.ID, rec.Version, rec.Used, rec.Expires), "Touch")
			e.mustReload(reader, rec)
		}
		rec.Subject = ""
		e.ok(e.a.Update(e.ctx, rec), "Update that clears")
		rec.Labels = nil
		e.mustReload(e.b, rec)
	},
}, {
	name:  "ReloadAbsent",
	needs: "Reloader",
	text:  "Reload answers ErrNotFound for a record that is absent (never created, deleted by another server or expired), and so does the next Load.",
	run: func(e *env) {
		deleted := e.create(e.a, long)
		e.load(e.b, deleted.ID)
		var short *driver.Record
		e.inTime("Load", func(life time.Duration) (time.Time, error) {
			short = e.create(e.a, life)
			_, err := e.b.Load(e.ctx, short.ID)
			return short.Expires, err
		})
		e.ok(e.a.Delete(e.ctx, deleted.ID), "Delete")
		e.waitUntil(short.Expires)
		for _, id := range []driver.ID{newID(), deleted.ID, short.ID} {
			_, err := abilitiesOf(e.b).Reloader.Reload(e.ctx, id)
			e.mustFail(err, driver.ErrNotFound, "Reload")
			e.mustBeAbsent(e.b, id)
		}
		again := e.newRecord(long)
		again.ID = deleted.ID
		e.ok(e.a.Create(e.ctx, again), "Create") // absence must not be cached
		e.mustReload(e.b, again)
	},
}, {
	name:  "ReloadTogether",
	needs: "Reloader",
	text:  "Of many concurrent Reloads, each answers with a state no older than its call: a read that they share began after all of them.",
	run: func(e *env) {
		rec := e.create(e.a, long)
		id := rec.ID
		var acknowledged, reloads atomic.Uint64
		acknowledged.Store(rec.Version)
		var done atomic.Bool
		e.together(workers, func(i int, s driver.Store) {
			if i == 0 {
				defer done.Store(true)
				for range 10 * rounds {
					rec.Data = randomBytes(30)
					e.ok(s.Update(e.ctx, rec), "Update")
					acknowledged.Store(rec.Version)
					seen := reloads.Load()
					e.await(func() bool { return reloads.Load() > seen })
				}
				return
			}
			for last := false; !last; {
				last = done.Load()
				least := acknowledged.Load()
				got, err := abilitiesOf(s).Reloader.Reload(e.ctx, id)
				e.ok(err, "Reload")
				reloads.Add(1)
				if got.Version < least {
					e.Fatalf("Reload returned version %d after %d had been acknowledged", got.Version, least)
				}
			}
		})
		e.mustHold(rec)
	},
}, {
	name:  "ReloadSharesNoContext",
	needs: "Reloader",
	text:  "If the context of a Reload ends, only that Reload fails. Concurrent ones get their answer.",
	run: func(e *env) {
		rec := e.create(e.a, long)
		for round := range rounds {
			ctx, cancel := context.WithCancel(e.ctx)
			e.together(workers, func(i int, s driver.Store) {
				// Those whose context ends come first, so that the others may wait for what they have begun.
				const moment = 20 * time.Microsecond
				if i == 0 {
					time.Sleep(time.Duration(round) * moment)
					cancel()
					return
				}
				if i%4 < 2 {
					if _, err := abilitiesOf(s).Reloader.Reload(ctx, rec.ID); err != nil && !errors.Is(err, driver.ErrUnavailable) {
						e.Fatalf("Reload with a context that ends: %v", err)
					}
					return
				}
				time.Sleep(moment)
				_, err := abilitiesOf(s).Reloader.Reload(e.ctx, rec.ID)
				e.ok(err, "Reload beside one whose context ends")
			})
			cancel()
		}
	},
}, {
	name:  "LoadReportedIsLoad",
	needs: "CacheReporter",
	text:  "LoadReported returns what Load returns. A record that is absent is not cached.",
	run: func(e *env) {
		load := func(want *driver.Record) {
			got, _, err := abilitiesOf(e.a).CacheReporter.LoadReported(e.ctx, want.ID)
			e.ok(err, "LoadReported")
			e.mustEqual(got, *want, "LoadReported")
		}
		rec := e.createLabelled(long, "admin")
		load(rec)
		load(rec)
		rec.Data = randomBytes(30)
		e.ok(e.a.Update(e.ctx, rec), "Update")
		load(rec)
		e.ok(e.a.Delete(e.ctx, rec.ID), "Delete")
		for _, id := range []driver.ID{rec.ID, newID()} {
			_, cached, err := abilitiesOf(e.a).CacheReporter.LoadReported(e.ctx, id)
			e.mustFail(err, driver.ErrNotFound, "LoadReported")
			if cached {
				e.Fatalf("LoadReported says that a cache answered for a record that is absent")
			}
		}
	},
}}

// mustReload fails unless Reload, and a Load after it on the same handle, return the record.
func (e *env) mustReload(s driver.Store, want *driver.Record) {
	e.Helper()
	got, err := abilitiesOf(s).Reloader.Reload(e.ctx, want.ID)
	e.ok(err, "Reload")
	e.mustEqual(got, *want, "Reload")
	e.mustEqual(e.load(s, want.ID), *want, "Load after Reload")
}
