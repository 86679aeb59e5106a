package storetest

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var checkerRules = []rule{{
	name:  "CheckFindsNoFault",
	needs: "Checker",
	text:  "Check finds no problem in a storage that nobody has damaged, also while records are created, changed and deleted, with fix and without. It changes no record, and does not touch one that it cannot read.",
	run: func(e *env) {
		kept := e.createLabelled(long, "admin")
		newer := e.createLabelled(long, "admin")
		back := func() {}
		if e.h.Newer != nil {
			back = e.makeNewer(newer.ID)
		}
		e.createExpired(e.a)
		if e.h.Clock != nil {
			e.h.Clock.Advance(2 * time.Minute) // what is new would be passed over
		}
		e.mustAgree(e.a)
		const workers, rounds = 4, 20
		var working, checks atomic.Int32
		working.Store(workers)
		e.together(workers+2, func(i int, s driver.Store) {
			if i >= workers {
				for more := true; more && !e.Failed(); {
					more = working.Load() > 0
					e.agree(s, i == workers)
					checks.Add(1)
				}
				return
			}
			defer working.Add(-1)
			for round := range rounds {
				e.liveAndEnd(s, round%2 == 0, func() {
					seen := checks.Load() // two more may have begun before the change
					e.await(func() bool { return round >= 2 || checks.Load() >= seen+3 })
				})
			}
		})
		back()
		e.mustHold(kept)
		e.mustHold(newer)
		e.mustAgree(e.b)
		if can := abilitiesOf(e.a).Indexer; can != nil {
			e.mustList(can.BySubject(e.ctx, "alice"), []*driver.Record{kept, newer}, "BySubject")
		}
	},
}}

// liveAndEnd creates a record that the index has, and changes it, with update in such a way that it leaves the index. After
// between, it ends the record.
func (e *env) liveAndEnd(s driver.Store, update bool, between func()) {
	rec := e.newRecord(long)
	rec.Labels = []string{"admin"}
	err := s.Create(e.ctx, rec)
	if err == nil {
		err = s.Touch(e.ctx, rec.ID, rec.Version, rec.Used.Add(time.Second), rec.Expires.Add(40*24*time.Hour))
	}
	if err == nil && update {
		rec.Subject, rec.Labels = "", nil
		err = s.Update(e.ctx, rec)
	}
	between()
	if err = errors.Join(err, s.Delete(e.ctx, rec.ID)); err != nil {
		e.Errorf("the life of a record: %s", errorText(err))
	}
}

// agree checks that a Check finds nothing. It may run beside others.
func (e *env) agree(s driver.Store, fix bool) {
	for p, err := range abilitiesOf(s).Checker.Check(e.ctx, fix) {
		if err != nil {
			e.Errorf("Check(%t): error is %s, want nil", fix, errorText(err))
			return
		}
		e.Errorf("Check(%t) finds %q about %v, but nobody has damaged anything", fix, p.What, p.ID)
	}
}

func (e *env) mustAgree(s driver.Store) {
	e.Helper()
	for _, fix := range []bool{false, true} {
		e.agree(s, fix)
	}
	if e.Failed() {
		e.FailNow()
	}
}
