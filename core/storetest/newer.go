package storetest

import (
	"iter"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Rules about records of a newer format. A server meets them while a new release is deployed.

var newerRules = []rule{{
	name: "NewerIsKept",
	text: "For a record of a newer format, Load, Update, Touch, Succeed, Reload and Watch answer ErrUnreadable, and Create answers ErrExists. None of them changes it.",
	run: func(e *env) {
		rec := e.createLabelled(long, "admin")
		e.load(e.b, rec.ID) // a cache now has an older state
		back := e.makeNewer(rec.ID)
		for _, s := range []driver.Store{e.b, e.a} {
			e.mustAnswerUnread(s, *rec, driver.ErrUnreadable)
		}
		back()
		e.mustHold(rec)
	},
}, {
	name: "NewerIsDeleted",
	text: "Delete removes a record of a newer format, so that a session which cannot be read can still be ended.",
	run: func(e *env) {
		rec := e.create(e.a, long)
		e.makeNewer(rec.ID)
		e.ok(e.b.Delete(e.ctx, rec.ID), "Delete")
		e.mustBeAbsent(e.a, rec.ID)
		e.mustBeAbsent(e.b, rec.ID)
		e.ok(e.b.Create(e.ctx, rec), "Create")
		e.mustHold(rec)
	},
}, {
	name: "NewerInWalks",
	text: "A walk goes past a record of a newer format and ends in ErrUnreadable after all others, each time. Whoever revokes all sessions of a user must learn that one is left.",
	run: func(e *env) {
		e.needNewer()
		var want []*driver.Record
		for range 5 {
			want = append(want, e.createLabelled(long, "admin"))
		}
		rec := want[2]
		back := e.makeNewer(rec.ID)
		others := append(append([]*driver.Record{}, want[:2]...), want[3:]...)
		for range 2 { // the first walk must not drop the record from the second one
			for _, s := range []driver.Store{e.a, e.b} {
				for what, walk := range e.walks(s) {
					e.mustFail(e.mustListAndEnd(walk, others, what), driver.ErrUnreadable, what+" at its end")
				}
			}
		}
		back()
		for what, walk := range e.walks(e.a) {
			e.mustList(walk, want, what)
		}
	},
}, {
	name:  "SweepLeavesTheNewer",
	needs: "Sweeper",
	text:  "Sweep does not remove a record that it cannot read. Only a newer release can say whether that has expired.",
	run: func(e *env) {
		e.needNewer()
		rec := e.create(e.a, e.short())
		back := e.makeNewer(rec.ID)
		e.waitUntil(rec.Expires)
		if n := e.sweepAll(e.b, 10); n != 0 {
			e.Fatalf("Sweep removed %d records of a newer format", n)
		}
		back() // fails if the record has gone
	},
}}

// needNewer skips the rule if the harness has no Newer.
func (e *env) needNewer() {
	if e.h.Newer == nil {
		e.Skip("Harness.Newer is nil: the store's records have no format number")
	}
}

// makeNewer gives the record a newer format until back is called.
func (e *env) makeNewer(id driver.ID) (back func()) {
	e.needNewer()
	return e.h.Newer(e.TB, id)
}

// mustAnswerUnread makes every call but Delete for a record that cannot be read, and fails unless the error is want.
func (e *env) mustAnswerUnread(s driver.Store, rec driver.Record, want error) {
	e.Helper()
	ask := func(err error, what string) {
		e.Helper()
		e.mustFail(err, want, what)
	}
	_, err := s.Load(e.ctx, rec.ID)
	ask(err, "Load")
	for _, version := range []uint64{rec.Version, rec.Version - 1} {
		change := rec
		change.Version, change.Data, change.Subject = version, randomBytes(30), ""
		ask(s.Update(e.ctx, &change), "Update")
		ask(s.Touch(e.ctx, rec.ID, version, e.after(long), e.after(2*long)), "Touch")
	}
	other := rec
	other.Data = randomBytes(30)
	e.mustFail(s.Create(e.ctx, &other), driver.ErrExists, "Create")
	if r := abilitiesOf(s).Limiter; r != nil {
		_, err := r.CreateLimited(e.ctx, &other, driver.Limit{Most: 100})
		e.mustFail(err, driver.ErrExists, "CreateLimited")
	}
	if r := abilitiesOf(s).Reloader; r != nil {
		_, err := r.Reload(e.ctx, rec.ID)
		ask(err, "Reload")
	}
	if r := abilitiesOf(s).Watcher; r != nil {
		_, _, err := r.Watch(e.ctx, rec.ID, func() {})
		ask(err, "Watch")
	}
	if r := abilitiesOf(s).Successor; r != nil {
		next := e.newRecord(long)
		ask(r.Succeed(e.ctx, e.endedRecord(&rec), next), "Succeed")
		e.mustBeAbsent(s, next.ID)
	}
	_, err = s.Load(e.ctx, rec.ID)
	ask(err, "Load, again")
}

// walks returns all walks of a handle that yield records of alice's with the label "admin".
func (e *env) walks(s driver.Store) map[string]iter.Seq2[driver.Record, error] {
	all := map[string]iter.Seq2[driver.Record, error]{}
	if abilitiesOf(s).Lister != nil {
		all["All"] = e.all(s)
	}
	if abilitiesOf(s).Indexer != nil {
		all["BySubject"], all["ByLabel"] = e.bySubject(s, "alice"), e.byLabel(s, "admin")
	}
	return all
}
