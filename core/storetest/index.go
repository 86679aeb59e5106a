package storetest

import (
	"iter"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var indexRules = []rule{{
	name:  "BySubjectListsTheLiving",
	needs: "Indexer",
	text:  "BySubject goes through the live records of one subject, each once: not the deleted, not the expired, not those of others.",
	run: func(e *env) {
		alice, bob := e.records(12, "alice"), e.records(2, "bob")
		e.records(3, "")
		e.ok(e.a.Delete(e.ctx, e.stored(e.a, long).ID), "Delete")
		e.expired(e.b)
		for _, s := range []driver.Store{e.a, e.b} {
			e.lists(e.bySubject(s, "alice"), alice, "alice")
			e.lists(e.bySubject(s, "bob"), bob, "bob")
			e.lists(e.bySubject(s, "carol"), nil, "one who has no session")
		}
	},
}, {
	name:  "AnonymousAreNotIndexed",
	needs: "Indexer",
	text:  "The subject \"\" has no sessions.",
	run: func(e *env) {
		e.records(3, "")
		e.lists(e.bySubject(e.a, ""), nil, "the subject \"\"")
	},
}, {
	name:  "BySubjectIsExact",
	needs: "Indexer",
	text:  "A subject's sessions are its own: subjects are the same only byte for byte, whatever a collation or a pattern makes of them.",
	run: func(e *env) {
		recs := map[string][]*driver.Record{}
		for _, subject := range subjects[1:] {
			recs[subject] = e.records(1, subject)
		}
		for subject, want := range recs {
			e.lists(e.bySubject(e.b, subject), want, subject)
		}
		for _, other := range []string{"alic", "alicee", "aLICE", "1000", "xx", "%%"} {
			e.lists(e.bySubject(e.b, other), nil, other)
		}
	},
}, {
	name:  "BySubjectFollowsChanges",
	needs: "Indexer",
	text:  "A record is listed under the Subject that its last Update gave it, with its present data and deadline.",
	run: func(e *env) {
		rec := e.record(long)
		rec.Subject = ""
		e.ok(e.a.Create(e.ctx, rec), "Create")
		last := ""
		for _, subject := range []string{"alice", "bob", "bob", "", "alice"} {
			rec.Subject, rec.Data = subject, append([]byte("now of "), subject...)
			e.ok(e.a.Update(e.ctx, rec), "Update")
			if last != subject {
				e.lists(e.bySubject(e.b, last), nil, "the subject before")
			}
			if subject != "" {
				e.lists(e.bySubject(e.b, subject), []*driver.Record{rec}, "the subject now")
			}
			last = subject
		}
		rec.Expires = e.after(2 * long)
		e.ok(e.b.Touch(e.ctx, rec.ID, rec.Version, rec.Expires), "Touch")
		e.lists(e.bySubject(e.a, "alice"), []*driver.Record{rec}, "after Touch")
		e.ok(e.a.Delete(e.ctx, rec.ID), "Delete")
		e.lists(e.bySubject(e.b, "alice"), nil, "after Delete")
	},
}, {
	name:  "BySubjectFollowsTouch",
	needs: "Indexer",
	text:  "A record whose life was prolonged is listed past its first deadline, and no longer than it lives.",
	run: func(e *env) {
		rec, other := e.stored(e.a, 5*e.short()), e.stored(e.a, long)
		first := rec.Expires
		rec.Expires, other.Expires = e.after(long), first
		e.ok(e.a.Touch(e.ctx, rec.ID, rec.Version, rec.Expires), "Touch")
		e.ok(e.a.Update(e.ctx, other), "Update")
		e.waitUntil(first)
		e.lists(e.bySubject(e.b, "alice"), []*driver.Record{rec}, "alice")
		if s, ok := e.a.(driver.Sweeper); ok {
			_, err := s.Sweep(e.ctx, 10)
			e.ok(err, "Sweep")
		}
		e.lists(e.bySubject(e.b, "alice"), []*driver.Record{rec}, "alice, swept")
	},
}, {
	name:  "BySubjectFollowsRotate",
	needs: "Indexer",
	text:  "After Rotate, both records are listed under the Subject that they have now.",
	run: func(e *env) {
		r, ok := e.a.(driver.Rotator)
		if !ok {
			e.Skip("not a driver.Rotator")
		}
		old, next := e.stored(e.a, long), e.record(long)
		old.Subject, next.Subject = "", "bob"
		e.ok(r.Rotate(e.ctx, old, next), "Rotate")
		e.lists(e.bySubject(e.b, "alice"), nil, "the subject before")
		e.lists(e.bySubject(e.b, "bob"), []*driver.Record{next}, "the subject now")
	},
}, {
	name:  "BySubjectMayBeLeft",
	needs: "Indexer",
	text:  "A walk may end early, and be walked again.",
	run: func(e *env) {
		want := e.records(5, "alice")
		seq := e.bySubject(e.a, "alice")
		e.leave(seq)
		e.lists(seq, want, "a walk after one that ended early")
	},
}, {
	name:  "BySubjectDuringChanges",
	needs: "Indexer",
	text:  "The loop may call the store. Records that come or go meanwhile may be seen or not; no other is missed or seen twice.",
	run: func(e *env) {
		e.changesDuring(func(s driver.Store) iter.Seq2[driver.Record, error] { return e.bySubject(s, "alice") })
	},
}}

func (e *env) bySubject(s driver.Store, subject string) iter.Seq2[driver.Record, error] {
	return s.(driver.Indexer).BySubject(e.ctx, subject)
}
