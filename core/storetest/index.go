package storetest

import (
	"iter"
	"slices"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var indexRules = []rule{{
	name:  "BySubjectListsTheLiving",
	needs: "Indexer",
	text:  "BySubject yields the live records of one subject, each once. It yields no deleted and no expired record, and none of another subject.",
	run: func(e *env) {
		alice, bob := e.createMany(12, "alice"), e.createMany(2, "bob")
		e.createMany(3, "")
		e.ok(e.a.Delete(e.ctx, e.create(e.a, long).ID), "Delete")
		e.createExpired(e.b)
		for _, s := range []driver.Store{e.a, e.b} {
			e.mustList(e.bySubject(s, "alice"), alice, "alice")
			e.mustList(e.bySubject(s, "bob"), bob, "bob")
			e.mustList(e.bySubject(s, "carol"), nil, "one who has no session")
		}
	},
}, {
	name:  "AnonymousAreNotIndexed",
	needs: "Indexer",
	text:  "The subject \"\" and the label \"\" have no records.",
	run: func(e *env) {
		e.createMany(3, "")
		e.createLabelled(long, "admin")
		e.mustList(e.bySubject(e.a, ""), nil, "the subject \"\"")
		e.mustList(e.byLabel(e.a, ""), nil, "the label \"\"")
	},
}, {
	name:  "BySubjectIsExact",
	needs: "Indexer",
	text:  "BySubject yields the sessions of exactly this subject. Subjects are equal only byte for byte: no collation or pattern makes two of them equal.",
	run: func(e *env) {
		recs := map[string][]*driver.Record{}
		for _, subject := range subjects[1:] {
			recs[subject] = e.createMany(1, subject)
		}
		for subject, want := range recs {
			e.mustList(e.bySubject(e.b, subject), want, subject)
		}
		for _, other := range []string{"alic", "alicee", "aLICE", "1000", "xx", "%%"} {
			e.mustList(e.bySubject(e.b, other), nil, other)
		}
	},
}, {
	name:  "BySubjectFollowsChanges",
	needs: "Indexer",
	text:  "A record is listed with its present data and times, until an Update clears its Subject or a Delete removes it.",
	run: func(e *env) {
		rec := e.create(e.a, long)
		for _, given := range []string{"alice", "bob", "alice"} {
			change := *rec
			change.Subject, change.Data = given, randomBytes(30)
			e.ok(e.a.Update(e.ctx, &change), "Update")
			rec.Version, rec.Data = change.Version, change.Data
			e.mustList(e.bySubject(e.b, "alice"), []*driver.Record{rec}, "the subject that it has")
			e.mustList(e.bySubject(e.b, "bob"), nil, "a subject that an Update named")
		}
		rec.Used, rec.Expires = e.after(long), e.after(2*long)
		e.ok(e.b.Touch(e.ctx, rec.ID, rec.Version, rec.Used, rec.Expires), "Touch")
		e.mustList(e.bySubject(e.a, "alice"), []*driver.Record{rec}, "after Touch")
		other := e.create(e.a, long)
		e.ok(e.a.Delete(e.ctx, rec.ID), "Delete")
		e.mustList(e.bySubject(e.b, "alice"), []*driver.Record{other}, "after Delete")
		for _, subject := range []string{"", "alice"} {
			other.Subject = subject
			e.ok(e.b.Update(e.ctx, other), "Update")
			e.mustList(e.bySubject(e.a, "alice"), nil, "after an Update that clears")
		}
	},
}, {
	name:  "ClearedStaysUnlisted",
	needs: "Indexer",
	text:  "A record that an Update took out of the lists stays out. No later or late Touch brings it back into a list.",
	run: func(e *env) {
		rec := e.createLabelled(long, "admin")
		late := rec.Version
		e.load(e.b, rec.ID)
		rec.Subject = ""
		e.ok(e.a.Update(e.ctx, rec), "Update that clears")
		e.mustFail(e.b.Touch(e.ctx, rec.ID, late, e.after(long/2), e.after(2*long)), driver.ErrConflict, "Touch with an old version")
		e.ok(e.b.Touch(e.ctx, rec.ID, rec.Version, e.after(long), e.after(3*long)), "Touch")
		for _, s := range []driver.Store{e.a, e.b} {
			e.mustList(e.bySubject(s, "alice"), nil, "the subject before")
			e.mustList(e.byLabel(s, "admin"), nil, "the label before")
		}
	},
}, {
	name:  "IndexForgetsTheExpired",
	needs: "Indexer",
	text:  "A record that was created over an expired one is not listed under the expired record's Subject and Labels.",
	run: func(e *env) {
		old := e.createLabelled(e.short(), "admin")
		e.waitUntil(old.Expires)
		rec := e.newRecord(long)
		rec.ID, rec.Subject, rec.Labels = old.ID, "bob", []string{"sid"}
		e.ok(e.b.Create(e.ctx, rec), "Create")
		e.mustList(e.bySubject(e.a, "alice"), nil, "the subject before")
		e.mustList(e.byLabel(e.a, "admin"), nil, "the label before")
		e.mustList(e.bySubject(e.a, "bob"), []*driver.Record{rec}, "the subject now")
		e.mustList(e.byLabel(e.a, "sid"), []*driver.Record{rec}, "the label now")
	},
}, {
	name:  "BySubjectFollowsTouch",
	needs: "Indexer",
	text:  "A record whose life was prolonged is listed after its first deadline, and only until its last.",
	run: func(e *env) {
		var rec *driver.Record
		first := e.inTime("Touch", func(life time.Duration) (time.Time, error) {
			rec = e.createLabelled(life, "admin")
			first := rec.Expires
			rec.Expires = e.after(long)
			return first, e.a.Touch(e.ctx, rec.ID, rec.Version, rec.Used, rec.Expires)
		})
		other := e.createLabelled(long, "admin")
		other.Expires, other.Exact = first, true
		e.ok(e.a.Update(e.ctx, other), "Update")
		e.waitUntil(first)
		want := []*driver.Record{rec}
		e.mustList(e.bySubject(e.b, "alice"), want, "alice")
		e.mustList(e.byLabel(e.b, "admin"), want, "the label")
		if s := abilitiesOf(e.a).Sweeper; s != nil {
			_, err := s.Sweep(e.ctx, 10)
			e.ok(err, "Sweep")
		}
		e.mustList(e.bySubject(e.b, "alice"), want, "alice, swept")
		e.mustList(e.byLabel(e.b, "admin"), want, "the label, swept")
	},
}, {
	name:  "IndexFollowsSucceed",
	needs: "Indexer",
	text:  "After Succeed, next is listed under its Subject and Labels. old is in no list, unless old.Subject is set: then it stays in its lists.",
	run: func(e *env) {
		if abilitiesOf(e.a).Successor == nil {
			e.Skip("not a driver.Successor")
		}
		old, next := e.createLabelled(long, "admin"), e.newRecord(long)
		next.Subject, next.Labels = "bob", []string{"sid"}
		e.ok(abilitiesOf(e.a).Successor.Succeed(e.ctx, e.endedRecord(old), next), "Succeed")
		e.mustList(e.bySubject(e.b, "alice"), nil, "the subject before")
		e.mustList(e.byLabel(e.b, "admin"), nil, "the label before")
		e.mustList(e.bySubject(e.b, "bob"), []*driver.Record{next}, "the subject now")
		e.mustList(e.byLabel(e.b, "sid"), []*driver.Record{next}, "the label now")

		last, again := e.endedRecord(next), e.newRecord(long)
		last.Subject, again.Subject = next.Subject, next.Subject
		e.ok(abilitiesOf(e.a).Successor.Succeed(e.ctx, last, again), "Succeed")
		last.Created, last.Labels, last.Exact = next.Created, next.Labels, false
		e.mustList(e.bySubject(e.b, "bob"), []*driver.Record{last, again}, "the same subject again")
	},
}, {
	name:  "IndexKnowsWhatIsCreated",
	needs: "Indexer",
	text:  "The index has a record before Create returns nil, even if many are created at once.",
	run: func(e *env) {
		e.together(workers, func(i int, s driver.Store) {
			other := []driver.Store{e.b, e.a}[i%2] // not the one that creates
			for range rounds {
				rec := e.newRecord(long)
				rec.Labels = []string{"admin"}
				e.ok(s.Create(e.ctx, rec), "Create")
				if !e.finds(e.bySubject(other, "alice"), rec.ID) {
					e.Fatalf("BySubject does not know a record right after its Create")
				}
				if !e.finds(e.byLabel(other, "admin"), rec.ID) {
					e.Fatalf("ByLabel does not know a record right after its Create")
				}
			}
		})
	},
}, {
	name:  "WalksMayBeLeft",
	needs: "Indexer",
	text:  "A loop over a walk by subject or label may end early, and the walk may be repeated.",
	run: func(e *env) {
		var want []*driver.Record
		for range 5 {
			want = append(want, e.createLabelled(long, "admin"))
		}
		for _, seq := range []iter.Seq2[driver.Record, error]{e.bySubject(e.a, "alice"), e.byLabel(e.a, "admin")} {
			e.leaveEarly(seq)
			e.mustList(seq, want, "a walk after one that ended early")
		}
	},
}, {
	name:  "BySubjectDuringChanges",
	needs: "Indexer",
	text:  "The loop may call the store. Records that come or go meanwhile may be seen or not; no other is missed or seen twice.",
	run: func(e *env) {
		e.changeDuringWalk(func(s driver.Store) iter.Seq2[driver.Record, error] { return e.bySubject(s, "alice") })
	},
}, {
	name:  "ByLabelDuringChanges",
	needs: "Indexer",
	text:  "The loop may call the store. Records that come or go meanwhile may be seen or not; no other is missed or seen twice.",
	run: func(e *env) {
		e.changeDuringWalk(func(s driver.Store) iter.Seq2[driver.Record, error] { return e.byLabel(s, "label") })
	},
}}

func (e *env) bySubject(s driver.Store, subject string) iter.Seq2[driver.Record, error] {
	return abilitiesOf(s).Indexer.BySubject(e.ctx, subject)
}

func (e *env) byLabel(s driver.Store, label string) iter.Seq2[driver.Record, error] {
	return abilitiesOf(s).Indexer.ByLabel(e.ctx, label)
}

// finds reports whether the walk yields the record with this ID.
func (e *env) finds(seq iter.Seq2[driver.Record, error], id driver.ID) (found bool) {
	e.Helper()
	for rec, err := range seq {
		e.ok(err, "a walk")
		found = found || rec.ID == id
	}
	return found
}

// createLabelled creates a record of alice's with these labels and returns it.
func (e *env) createLabelled(life time.Duration, labels ...string) *driver.Record {
	e.Helper()
	rec := e.newRecord(life)
	rec.Labels = slices.Clone(labels)
	e.ok(e.a.Create(e.ctx, rec), "Create")
	return rec
}
