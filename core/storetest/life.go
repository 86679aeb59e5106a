package storetest

import (
	"errors"
	"maps"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var lifeRules = []rule{{
	name: "InfoIsConstant",
	text: "Info describes the store, and does not change.",
	run: func(e *env) {
		before := e.a.Info()
		e.create(e.a, long)
		if before.Name == "" {
			e.Fatalf("Info: Name is empty, want the package's name")
		}
		for _, now := range []driver.Info{e.a.Info(), e.b.Info()} {
			if before != now {
				e.Fatalf("Info was %+v and is %+v", before, now)
			}
		}
	},
}, {
	name:  "PingAnswers",
	needs: "Pinger",
	text:  "Ping tells whether the storage answers now.",
	run: func(e *env) {
		e.ok(abilitiesOf(e.a).Pinger.Ping(e.ctx), "Ping")
	},
}, {
	name:  "BreakersAreClosed",
	needs: "Breaker",
	text:  "While the storage answers, Breakers names the same parts at each call, none with an empty name, and refuses none of them. The map is the caller's.",
	run: func(e *env) {
		e.create(e.a, long)
		before := maps.Clone(abilitiesOf(e.a).Breaker.Breakers())
		now := abilitiesOf(e.a).Breaker.Breakers()
		if !maps.Equal(before, now) {
			e.Fatalf("Breakers was %v and is %v", before, now)
		}
		for part, refused := range now {
			if part == "" || refused {
				e.Fatalf("Breakers: part %q is refused: %t", part, refused)
			}
			now[part] = true
		}
		if changed := abilitiesOf(e.a).Breaker.Breakers(); !maps.Equal(before, changed) {
			e.Fatalf("Breakers is %v after its caller has changed what it returned", changed)
		}
	},
}, {
	name:  "CloseLeavesOthers",
	needs: "Closer",
	text:  "Close ends one handle. Other handles on the same storage still work. A call on the closed handle returns a true answer or ErrUnavailable.",
	run: func(e *env) {
		rec := e.create(e.a, long)
		closed := e.open(e.TB)
		e.mustHold(rec)
		e.ok(abilitiesOf(closed).Closer.Close(), "Close")
		e.mustAnswerTruly(closed, *rec)
		if e.a.Info().Local && closed == e.a {
			return
		}
		later := e.create(e.a, long)
		e.load(e.a, later.ID)
		e.load(e.b, later.ID)
	},
}}

// mustAnswerTruly makes calls on a closed handle. If a call succeeds, the other handles, if there are any, must agree
// with its answer.
func (e *env) mustAnswerTruly(closed driver.Store, rec driver.Record) {
	e.Helper()
	alone := e.a.Info().Local && closed == e.a
	others := func(want *driver.Record) {
		e.Helper()
		if !alone {
			e.mustHold(want)
		}
	}
	asked := func(err error, what string) (answered bool) {
		e.Helper()
		if err != nil {
			e.mustFail(err, driver.ErrUnavailable, what+" on a closed handle")
		}
		e.note(what)
		return err == nil
	}
	got, err := closed.Load(e.ctx, rec.ID)
	if asked(err, "Load") {
		e.mustEqual(got, rec, "Load on a closed handle")
	}
	if _, err = closed.Load(e.ctx, newID()); err == nil {
		e.Fatalf("Load on a closed handle found a record that nobody created")
	} else if !errors.Is(err, driver.ErrNotFound) {
		asked(err, "Load of an absent record")
	}
	created := e.newRecord(long)
	if asked(closed.Create(e.ctx, created), "Create") {
		others(created)
	}
	change := rec
	change.Data = randomBytes(30)
	if asked(closed.Update(e.ctx, &change), "Update") {
		rec = change
	}
	others(&rec)
	used, expires := rec.Used.Add(long), rec.Expires.Add(long)
	if asked(closed.Touch(e.ctx, rec.ID, rec.Version, used, expires), "Touch") {
		rec.Used, rec.Expires = used, expires
	}
	others(&rec)
	switch deleted := asked(closed.Delete(e.ctx, rec.ID), "Delete"); {
	case !deleted:
		others(&rec)
	case !alone:
		e.mustBeAbsent(e.b, rec.ID)
	}
}
