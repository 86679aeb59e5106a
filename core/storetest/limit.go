package storetest

import (
	"bytes"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var limitRules = []rule{{
	name:  "LimitInserts",
	needs: "Limiter",
	text:  "Within the limit, CreateLimited is Create: it inserts the record with all its fields and names, also over an expired one.",
	run: func(e *env) {
		for _, refuse := range []bool{false, true} {
			rec := e.userRecord("alice", long)
			rec.Labels = []string{"sid", "admin"}
			want := *rec
			e.createLimited(e.a, rec, driver.Limit{Most: 3, Refuse: refuse})
			want.Version = rec.Version
			if rec.Version == 0 {
				e.Fatalf("Version is 0 after CreateLimited")
			}
			e.mustEqual(*rec, want, "the record given")
			e.mustHold(rec)
			if abilitiesOf(e.b).Indexer != nil {
				for what, walk := range map[string]iter.Seq2[driver.Record, error]{"the subject": e.bySubject(e.b, "alice"), "a label": e.byLabel(e.b, "admin")} {
					if !e.finds(walk, rec.ID) {
						e.Fatalf("a walk by %s does not know the record after CreateLimited", what)
					}
				}
			}
		}
		short := e.userRecord("bob", e.short())
		e.ok(e.a.Create(e.ctx, short), "Create")
		e.waitUntil(short.Expires)
		over := e.userRecord("bob", long)
		over.ID = short.ID
		e.createLimited(e.b, over, driver.Limit{Most: 1, Refuse: true})
		e.mustHold(over)
	},
}, {
	name:  "LimitRemovesTheOldest",
	needs: "Limiter",
	text:  "Beyond the limit, CreateLimited removes the records that were created first, by Created and then by ID, returns their IDs, and never removes the new one.",
	run: func(e *env) {
		var recs []*driver.Record // the oldest first
		for i := range 6 {
			rec := e.userRecord("alice", long)
			rec.Created = rec.Created.Add(time.Duration(i/2) * time.Microsecond)
			recs = append(recs, rec)
		}
		slices.SortFunc(recs, func(a, b *driver.Record) int {
			if c := a.Created.Compare(b.Created); c != 0 {
				return c
			}
			return bytes.Compare(a.ID[:], b.ID[:])
		})
		for _, i := range []int{4, 1, 3, 0, 5, 2} {
			e.createLimited(e.a, recs[i], driver.Limit{Most: 6})
		}
		for _, rec := range recs {
			e.load(e.b, rec.ID) // a cache has them
		}
		next := e.userRecord("alice", long)
		next.Created = next.Created.Add(time.Millisecond)
		e.createLimited(e.b, next, driver.Limit{Most: 6}, recs[0].ID)
		e.mustBeLeft(append(recs[1:], next), recs[:1])
		// A lower limit removes several. The new record stays even if it seems to be the oldest.
		old := e.userRecord("alice", long)
		old.Created = old.Created.Add(-long)
		e.createLimited(e.a, old, driver.Limit{Most: 3}, recs[1].ID, recs[2].ID, recs[3].ID, recs[4].ID)
		e.mustBeLeft([]*driver.Record{recs[5], next, old}, recs[:5])
		last := e.userRecord("alice", long)
		last.Created = last.Created.Add(time.Second)
		e.createLimited(e.a, last, driver.Limit{Most: 1}, old.ID, recs[5].ID, next.ID)
		e.mustBeLeft([]*driver.Record{last}, append(recs, next, old))
	},
}, {
	name:  "LimitedIsGone",
	needs: "Limiter",
	text:  "A record that CreateLimited has removed stays removed, as after Delete: no request in flight brings it back.",
	run: func(e *env) {
		first := e.userRecord("alice", long)
		e.ok(e.b.Create(e.ctx, first), "Create")
		inFlight := e.load(e.b, first.ID)
		e.load(e.a, first.ID)
		e.createLimited(e.a, e.userRecord("alice", long), driver.Limit{Most: 1}, first.ID)
		e.mustFail(e.b.Touch(e.ctx, first.ID, first.Version, e.after(long), e.after(2*long)), driver.ErrNotFound, "Touch of a record that CreateLimited has removed")
		inFlight.Data = e.sessionData()
		e.mustFail(e.b.Update(e.ctx, &inFlight), driver.ErrNotFound, "Update of a record that CreateLimited has removed")
		e.mustBeAbsent(e.a, first.ID)
		e.mustBeAbsent(e.b, first.ID)
	},
}, {
	name:  "LimitRefuses",
	needs: "Limiter",
	text:  "With Refuse, CreateLimited inserts and removes nothing beyond the limit, and returns ErrLimit. When one has gone, there is room again.",
	run: func(e *env) {
		recs := e.createUsers("alice", 3)
		for _, most := range []int{1, 3} {
			next := e.userRecord("alice", long)
			given := *next
			e.refuseLimited(e.b, next, driver.Limit{Most: most, Refuse: true}, driver.ErrLimit)
			e.mustEqual(*next, given, "the record given")
			e.mustBeLeft(recs, []*driver.Record{next})
		}
		next := e.userRecord("alice", long)
		e.ok(e.a.Delete(e.ctx, recs[1].ID), "Delete")
		e.createLimited(e.b, next, driver.Limit{Most: 3, Refuse: true})
		e.mustBeLeft([]*driver.Record{recs[0], recs[2], next}, recs[1:2])
	},
}, {
	name:  "LimitOrNothing",
	needs: "Limiter",
	text:  "If CreateLimited cannot insert the record, it removes nothing.",
	run: func(e *env) {
		recs := e.createUsers("alice", 3)
		taken := e.userRecord("bob", long)
		e.ok(e.a.Create(e.ctx, taken), "Create")
		next := e.userRecord("alice", long)
		next.ID = taken.ID
		e.refuseLimited(e.b, next, driver.Limit{Most: 1}, driver.ErrExists)
		if e.h.MaxData > 0 {
			next := e.userRecord("alice", long)
			next.Data = append(next.Data, make([]byte, 2*e.h.MaxData)...)
			e.refuseLimited(e.b, next, driver.Limit{Most: 1}, driver.ErrTooLarge)
			e.mustBeAbsent(e.a, next.ID)
		}
		e.mustBeLeft(append(recs, taken), nil)
	},
}, {
	name:  "LimitExcepts",
	needs: "Limiter",
	text:  "Records in Except do not count and are not removed.",
	run: func(e *env) {
		recs := e.createUsers("alice", 4)
		except := []driver.ID{recs[0].ID, recs[2].ID, newID()}
		next := e.userRecord("alice", long)
		e.createLimited(e.b, next, driver.Limit{Most: 3, Refuse: true, Except: except})
		e.mustBeLeft(append(recs, next), nil)
		e.ok(e.a.Delete(e.ctx, next.ID), "Delete")
		next = e.userRecord("alice", long)
		next.Created = recs[3].Created.Add(time.Microsecond)
		e.createLimited(e.a, next, driver.Limit{Most: 2, Except: except}, recs[1].ID)
		e.mustBeLeft([]*driver.Record{recs[0], recs[2], recs[3], next}, recs[1:2])
	},
}, {
	name:  "LimitCountsTheLiving",
	needs: "Limiter",
	text:  "Records that are deleted, have expired, have lost their Subject, or are those of sessions that have ended (driver.Ended) do not count. Others do, however often they were updated or touched.",
	run: func(e *env) {
		recs := e.createUsers("alice", 5)
		limit := driver.Limit{Most: 3, Refuse: true}
		e.ok(e.a.Delete(e.ctx, recs[0].ID), "Delete")
		expired := e.userRecord("alice", e.short())
		e.ok(e.b.Create(e.ctx, expired), "Create")
		cleared, ended := *recs[1], *recs[2]
		cleared.Subject, cleared.Data = "", endedData
		e.ok(e.a.Update(e.ctx, &cleared), "Update")
		ended.Data, ended.Exact, ended.Expires = endedData, true, e.after(long/2)
		e.ok(e.b.Update(e.ctx, &ended), "Update")
		recs[3].Data = e.sessionData()
		e.ok(e.a.Update(e.ctx, recs[3]), "Update")
		recs[4].Expires = e.after(2 * long)
		e.ok(e.b.Touch(e.ctx, recs[4].ID, recs[4].Version, recs[4].Used, recs[4].Expires), "Touch")
		e.waitUntil(expired.Expires)

		e.refuseLimited(e.a, e.userRecord("alice", long), driver.Limit{Most: 2, Refuse: true}, driver.ErrLimit)
		next := e.userRecord("alice", long)
		next.Created = recs[4].Created.Add(time.Microsecond)
		e.createLimited(e.a, next, limit)
		e.refuseLimited(e.b, e.userRecord("alice", long), limit, driver.ErrLimit)
		last := e.userRecord("alice", long)
		last.Created = recs[4].Created.Add(time.Millisecond)
		e.createLimited(e.b, last, driver.Limit{Most: 3}, recs[3].ID)
		ended.Exact = false
		e.mustBeLeft([]*driver.Record{&ended, recs[4], next, last}, []*driver.Record{recs[3]})
	},
}, {
	name:  "LimitIsForOneUser",
	needs: "Limiter",
	text:  "Only records with exactly this Subject, in the namespace of the new record's ID, count and are removed.",
	run: func(e *env) {
		var others []*driver.Record
		for _, subject := range []string{"Alice", "alic", "alicee", "alice ", "%", "bob", ""} {
			others = append(others, e.createUsers(subject, 1)...)
		}
		labelled := e.userRecord("bob", long)
		labelled.Labels = []string{"alice"}
		e.ok(e.a.Create(e.ctx, labelled), "Create")
		elsewhere := e.userRecord("alice", long)
		copy(elsewhere.ID[16:], "another app")
		e.createLimited(e.b, elsewhere, driver.Limit{Most: 1, Refuse: true})
		others = append(others, labelled, elsewhere)

		first := e.userRecord("alice", long)
		e.createLimited(e.a, first, driver.Limit{Most: 1, Refuse: true})
		e.mustBeLeft(append(others, first), nil)
		next := e.userRecord("alice", long)
		e.createLimited(e.b, next, driver.Limit{Most: 1}, first.ID)
		e.mustBeLeft(append(others, next), []*driver.Record{first})
		for _, subject := range subjects[1:] {
			for _, want := range []error{nil, driver.ErrLimit} {
				rec := e.userRecord(subject, long)
				copy(rec.ID[16:], "all subjects")
				_, err := abilitiesOf(e.a).Limiter.CreateLimited(e.ctx, rec, driver.Limit{Most: 1, Refuse: true})
				if !errors.Is(err, want) {
					e.Fatalf("CreateLimited of %.300q: error is %s, want %s", subject, errorText(err), errorText(want))
				}
			}
		}
	},
}, {
	name:  "LimitIsExact",
	needs: "Limiter",
	text:  "CreateLimited is one atomic step: of many calls at once, as many records are alive in the end as are allowed, and each of the others was removed by one call or refused.",
	run: func(e *env) {
		const most, callers = 3, 50
		for round := range 4 {
			limit := driver.Limit{Most: most, Refuse: round%2 == 1}
			subject := []string{"alice", "bob", "carol", "dave"}[round]
			var mu sync.Mutex
			alive := map[driver.ID]*driver.Record{}
			var removed []driver.ID
			e.together(callers, func(_ int, s driver.Store) {
				rec := e.userRecord(subject, long)
				gone, err := abilitiesOf(s).Limiter.CreateLimited(e.ctx, rec, limit)
				mu.Lock()
				defer mu.Unlock()
				removed = append(removed, gone...)
				switch {
				case err == nil:
					alive[rec.ID] = rec
				case !limit.Refuse:
					e.Errorf("CreateLimited, of many at once: error is %s, want nil", errorText(err))
				default:
					e.mustFail(err, driver.ErrLimit, "CreateLimited, of many at once")
				}
			})
			for _, id := range removed {
				if alive[id] == nil {
					e.Fatalf("CreateLimited, of many at once: a record was removed twice, or was never created")
				}
				delete(alive, id)
				e.mustBeAbsent(e.a, id)
				e.mustBeAbsent(e.b, id)
			}
			if len(alive) != most {
				e.Fatalf("CreateLimited, of %d at once with a limit of %d: %d are alive", callers, most, len(alive))
			}
			for _, rec := range alive {
				e.mustHold(rec)
			}
		}
	},
}, {
	name:  "LimitCountsTheNewer",
	needs: "Limiter",
	text:  "A record of a newer format counts, since it may be alive, and CreateLimited never removes it.",
	run: func(e *env) {
		e.needNewer()
		recs := e.createUsers("alice", 2)
		back := e.makeNewer(recs[0].ID)
		e.refuseLimited(e.b, e.userRecord("alice", long), driver.Limit{Most: 2, Refuse: true}, driver.ErrLimit)
		next := e.userRecord("alice", long)
		next.Created = recs[1].Created.Add(time.Microsecond)
		e.createLimited(e.b, next, driver.Limit{Most: 2}, recs[1].ID)
		last := e.userRecord("alice", long)
		e.createLimited(e.a, last, driver.Limit{Most: 1}, next.ID)
		back()
		e.mustBeLeft([]*driver.Record{recs[0], last}, []*driver.Record{recs[1], next})
	},
}, {
	name:  "CountsTheLiving",
	needs: "Counter",
	text:  "Count returns the number of live records of one namespace. Those of sessions that have ended (driver.Ended) may count.",
	run: func(e *env) {
		recs := append(e.createUsers("alice", 3), e.createUsers("", 2)...)
		elsewhere := e.userRecord("alice", long)
		copy(elsewhere.ID[16:], "another app")
		e.ok(e.b.Create(e.ctx, elsewhere), "Create")
		expired := e.userRecord("alice", e.short())
		e.ok(e.b.Create(e.ctx, expired), "Create")
		e.waitUntil(expired.Expires)
		e.ok(e.a.Delete(e.ctx, recs[0].ID), "Delete")
		e.mustCount(namespace, 4, 4)
		e.mustCount([16]byte(elsewhere.ID[16:]), 1, 1)
		e.mustCount([16]byte{1}, 0, 0)
		ended := *recs[1]
		ended.Subject, ended.Data = "", endedData
		e.ok(e.a.Update(e.ctx, &ended), "Update")
		e.mustCount(namespace, 3, 4)
	},
}}

// endedData is Data by which driver.Ended knows the record of a session that has ended.
var endedData = []byte{1, 2, 3}

// sessionData is Data of a session that has not ended.
func (e *env) sessionData() []byte { return append([]byte{1, 0}, randomBytes(30)...) }

// userRecord returns a record of a session that is in no storage.
func (e *env) userRecord(subject string, life time.Duration) *driver.Record {
	rec := e.newRecord(life)
	rec.Subject, rec.Data = subject, e.sessionData()
	return rec
}

// createUsers creates n records of a subject, the oldest first.
func (e *env) createUsers(subject string, n int) (recs []*driver.Record) {
	e.Helper()
	for i := range n {
		rec := e.userRecord(subject, long)
		rec.Created = rec.Created.Add(time.Duration(i) * time.Microsecond)
		e.ok(e.a.Create(e.ctx, rec), "Create")
		recs = append(recs, rec)
	}
	return recs
}

// createLimited fails unless CreateLimited inserts the record and removes exactly those given.
func (e *env) createLimited(s driver.Store, rec *driver.Record, limit driver.Limit, want ...driver.ID) {
	e.Helper()
	removed, err := abilitiesOf(s).Limiter.CreateLimited(e.ctx, rec, limit)
	e.ok(err, "CreateLimited")
	same := len(removed) == len(want)
	for _, id := range want {
		same = same && slices.Contains(removed, id)
	}
	if !same {
		e.Fatalf("CreateLimited with a limit of %d: says that it has removed %v, want %v", limit.Most, removed, want)
	}
}

// refuseLimited fails unless CreateLimited returns this error.
func (e *env) refuseLimited(s driver.Store, rec *driver.Record, limit driver.Limit, want error) {
	e.Helper()
	removed, err := abilitiesOf(s).Limiter.CreateLimited(e.ctx, rec, limit)
	e.mustFail(err, want, "CreateLimited")
	if len(removed) > 0 {
		e.Fatalf("CreateLimited returns %v, although it has failed", removed)
	}
}

// mustBeLeft fails unless the records in left are as they are there, and those in gone are gone.
func (e *env) mustBeLeft(left, gone []*driver.Record) {
	e.Helper()
	for _, rec := range left {
		e.mustHold(rec)
	}
	for _, rec := range gone {
		e.mustBeAbsent(e.a, rec.ID)
		e.mustBeAbsent(e.b, rec.ID)
	}
}

func (e *env) mustCount(namespace [16]byte, least, most int) {
	e.Helper()
	for _, s := range []driver.Store{e.a, e.b} {
		n, err := abilitiesOf(s).Counter.Count(e.ctx, namespace)
		e.ok(err, "Count")
		if n < least || n > most {
			e.Fatalf("Count%s: %d, want %d to %d", e.afterLast(), n, least, most)
		}
	}
}
