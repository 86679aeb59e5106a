package storetest

import (
	"crypto/rand"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var loadRules = []rule{{
	name: "LoadReturnsTheRecord",
	text: "Load returns the live record under id, on every server, with the Version that Create set.",
	run: func(e *env) {
		e.mustHold(e.create(e.a, long))
		e.mustHold(e.createLabelled(long, "admin", "sid"))
	},
}, {
	name: "LoadAbsent",
	text: "Load answers ErrNotFound for a record that was proved to be absent.",
	run: func(e *env) {
		e.create(e.a, long)
		e.mustBeAbsent(e.a, newID())
		e.mustBeAbsent(e.b, newID())
	},
}}

// idRules come after those about Update and Delete, which they use.
var idRules = []rule{{
	name: "LoadTellsIDsApart",
	text: "ID is the key: all 32 bytes count, even if only the first or the last 16 differ. A store returns the ID that it stored, not the one that it was asked for.",
	run: func(e *env) {
		var recs []*driver.Record
		for _, id := range similarIDs() {
			rec := e.newRecord(long)
			rec.ID = id
			e.ok(e.a.Create(e.ctx, rec), "Create")
			recs = append(recs, rec)
		}
		for _, rec := range recs {
			e.mustHold(rec)
		}
		var left []*driver.Record
		for i, rec := range recs {
			if i%2 == 0 {
				e.ok(e.b.Delete(e.ctx, rec.ID), "Delete")
				continue
			}
			rec.Data = randomBytes(30)
			e.ok(e.b.Update(e.ctx, rec), "Update")
			left = append(left, rec)
		}
		for _, rec := range left {
			e.mustHold(rec)
		}
		if abilitiesOf(e.a).Indexer != nil {
			e.mustList(e.bySubject(e.a, "alice"), left, "alice")
		}
	},
}}

// similarIDs returns IDs that share their first 16 bytes, their last 16, or nearly all.
func similarIDs() (ids []driver.ID) {
	for _, at := range []int{0, 15, 16, 31} {
		for _, last := range []byte{1, 2, 0x0a, 0xa0, 0xff} {
			var id driver.ID // many leading and trailing zeros
			id[at] = last
			ids = append(ids, id)
		}
	}
	shared := newID()
	for range 6 {
		first, second := newID(), shared
		copy(first[16:], shared[16:])
		rand.Read(second[16:])
		ids = append(ids, first, second)
	}
	return ids
}

var createRules = []rule{{
	name: "CreateSetsVersion",
	text: "Create sets rec.Version, and ignores what it was. Version grows with every Create and Update, so it is never 0.",
	run: func(e *env) {
		rec := e.newRecord(long)
		rec.Version = 1 << 40
		want := *rec
		e.ok(e.a.Create(e.ctx, rec), "Create")
		if rec.Version == 0 {
			e.Fatalf("Version is 0 after Create")
		}
		want.Version = rec.Version
		e.mustEqual(*rec, want, "the record given")
		e.mustHold(rec)
	},
}, {
	name: "CreateIsInsertOnly",
	text: "Create answers ErrExists if a live record has this ID. That record and the one given are unchanged.",
	run: func(e *env) {
		first := e.create(e.a, long)
		for _, s := range []driver.Store{e.a, e.b} {
			second := e.newRecord(2 * long)
			second.ID, second.Subject, second.Version = first.ID, "mallory", 7
			before := *second
			e.mustFail(s.Create(e.ctx, second), driver.ErrExists, "Create")
			e.mustEqual(*second, before, "the record given")
			e.mustHold(first)
		}
	},
}, {
	name: "CreateOverExpired",
	text: "For Create, an expired record counts as absent.",
	run: func(e *env) {
		old := e.createExpired(e.a)
		rec := e.newRecord(long)
		rec.ID = old.ID
		e.ok(e.b.Create(e.ctx, rec), "Create")
		e.mustHold(rec)
	},
}, {
	name: "CreateBornExpired",
	text: "At or after Expires the record does not exist, even if Expires had passed when it was created.",
	run: func(e *env) {
		e.mustBeAbsent(e.b, e.create(e.a, 0).ID)
		e.mustBeAbsent(e.b, e.create(e.a, -long).ID)
	},
}}

var deleteRules = []rule{{
	name: "DeleteRemoves",
	text: "Delete removes the record for every server, and no other record.",
	run: func(e *env) {
		rec, other := e.create(e.a, long), e.create(e.a, long)
		e.load(e.b, rec.ID)
		e.ok(e.b.Delete(e.ctx, rec.ID), "Delete")
		e.mustBeAbsent(e.a, rec.ID)
		e.mustBeAbsent(e.b, rec.ID)
		e.mustHold(other)
	},
}, {
	name: "DeleteAbsent",
	text: "Delete of a record that does not exist is no error.",
	run: func(e *env) {
		e.ok(e.a.Delete(e.ctx, newID()), "Delete of what never was")
		rec := e.create(e.a, long)
		e.ok(e.a.Delete(e.ctx, rec.ID), "Delete")
		e.ok(e.b.Delete(e.ctx, rec.ID), "Delete again")
		e.ok(e.b.Delete(e.ctx, e.createExpired(e.a).ID), "Delete of an expired record")
	},
}, {
	// The rule does not check whether an Update with a Version from before the Delete conflicts. IDs are never used
	// twice, and an SQL row cannot tell.
	name: "DeleteMakesRoom",
	text: "After Delete there is no record, so Create inserts.",
	run: func(e *env) {
		rec := e.create(e.a, long)
		e.ok(e.a.Delete(e.ctx, rec.ID), "Delete")
		again := e.newRecord(long)
		again.ID = rec.ID
		e.ok(e.b.Create(e.ctx, again), "Create")
		e.mustHold(again)
	},
}}
