package storetest

import (
	"errors"
	"iter"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var listRules = []rule{{
	name:  "AllListsTheLiving",
	needs: "Lister",
	text:  "All yields all live records, each once. It yields no deleted and no expired record.",
	run: func(e *env) {
		e.mustList(e.all(e.a), nil, "an empty storage")
		want := e.createMany(30, "alice")
		e.ok(e.a.Delete(e.ctx, e.create(e.a, long).ID), "Delete")
		e.createExpired(e.b)
		e.mustList(e.all(e.a), want, "the first handle")
		e.mustList(e.all(e.b), want, "the second handle")
	},
}, {
	name:  "AllMayBeLeft",
	needs: "Lister",
	text:  "A loop over a walk may end early, and the walk may be repeated.",
	run: func(e *env) {
		want := e.createMany(5, "alice")
		seq := e.all(e.a)
		e.leaveEarly(seq)
		e.mustList(seq, want, "a walk after one that ended early")
	},
}, {
	name:  "AllDuringChanges",
	needs: "Lister",
	text:  "The body of the loop may call the store. Records that come or go meanwhile may be seen or not. No other record is missed or seen twice.",
	run: func(e *env) {
		e.changeDuringWalk(func(s driver.Store) iter.Seq2[driver.Record, error] { return e.all(s) })
	},
}}

func (e *env) all(s driver.Store) iter.Seq2[driver.Record, error] {
	return abilitiesOf(s).Lister.All(e.ctx)
}

// createMany creates n records of a subject.
func (e *env) createMany(n int, subject string) (recs []*driver.Record) {
	for i := range n {
		rec := e.newRecord(long)
		rec.Subject = subject
		if subject != "" {
			rec.Labels = []string{"label"}
		}
		e.ok([]driver.Store{e.a, e.b}[i%2].Create(e.ctx, rec), "Create")
		recs = append(recs, rec)
	}
	return recs
}

// mustList fails unless the walk yields exactly the records in want, each once and with all fields.
func (e *env) mustList(seq iter.Seq2[driver.Record, error], want []*driver.Record, what string) {
	e.Helper()
	missing, seen := map[driver.ID]*driver.Record{}, map[driver.ID]bool{}
	for _, rec := range want {
		missing[rec.ID] = rec
	}
	for rec, err := range seq {
		if len(want) == 0 && e.h.ForgetsLists && errors.Is(err, driver.ErrIncomplete) {
			e.mustFail(err, driver.ErrIncomplete, what)
			continue
		}
		e.ok(err, what)
		if seen[rec.ID] {
			e.Fatalf("%s: %v (%.300q) is listed twice", what, rec.ID, rec.Subject)
		}
		if missing[rec.ID] == nil {
			e.Fatalf("%s: %v (%.300q) is listed and should not be", what, rec.ID, rec.Subject)
		}
		seen[rec.ID] = true
		e.mustEqual(rec, *missing[rec.ID], what)
		delete(missing, rec.ID)
	}
	if len(missing) > 0 {
		e.Fatalf("%s: %d of %d records are not listed", what, len(missing), len(want))
	}
}

// leaveEarly ends the loop at the walk's first record.
func (e *env) leaveEarly(seq iter.Seq2[driver.Record, error]) {
	for _, err := range seq {
		e.ok(err, "a walk")
		break
	}
}

// changeDuringWalk deletes, updates and creates records in the body of the loop. To revoke all sessions of a user does
// the same.
func (e *env) changeDuringWalk(walk func(driver.Store) iter.Seq2[driver.Record, error]) {
	goes, stays := map[driver.ID]bool{}, map[driver.ID]*driver.Record{}
	for i, rec := range e.createMany(30, "alice") {
		if i%3 == 0 {
			goes[rec.ID] = true
		} else {
			stays[rec.ID] = rec
		}
	}
	came, seen := map[driver.ID]bool{}, map[driver.ID]bool{}
	for rec, err := range walk(e.a) {
		e.ok(err, "a walk with changes")
		if seen[rec.ID] {
			e.Fatalf("%v is listed twice", rec.ID)
		}
		seen[rec.ID] = true
		switch {
		case goes[rec.ID]:
			e.ok(e.a.Delete(e.ctx, rec.ID), "Delete during a walk")
		case stays[rec.ID] != nil:
			change := e.load(e.a, rec.ID)
			change.Data = append([]byte("changed and grown "), change.Data...)
			e.ok(e.a.Update(e.ctx, &change), "Update during a walk")
		case !came[rec.ID]:
			e.Fatalf("%v is listed and should not be", rec.ID)
		}
		if len(came) < 10 {
			came[e.createLabelled(long, "label").ID] = true
		}
	}
	for id := range stays {
		if !seen[id] {
			e.Fatalf("a record that existed all the time is not listed")
		}
	}
	for id := range goes {
		e.mustBeAbsent(e.b, id)
	}
}

// lastError walks to the end and returns the walk's error. If the walk goes on after an error, it returns another one
// that says so.
func lastError[T any](seq iter.Seq2[T, error]) (last error) {
	for _, err := range seq {
		if last != nil {
			return errors.New("the walk goes on after an error")
		}
		last = err
	}
	return last
}
