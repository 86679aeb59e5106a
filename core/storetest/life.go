package storetest

import (
	"errors"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var lifeRules = []rule{{
	name: "InfoIsConstant",
	text: "Info describes the store and does not change during its life.",
	run: func(e *env) {
		before := e.a.Info()
		e.stored(e.a, long)
		if before.Name == "" || before != e.a.Info() || before != e.b.Info() {
			e.Fatalf("Info was %+v and is %+v", before, e.a.Info())
		}
	},
}, {
	name:  "PingAnswers",
	needs: "Pinger",
	text:  "Ping tells whether the storage answers now.",
	run: func(e *env) {
		e.ok(can(e.a).Pinger.Ping(e.ctx), "Ping")
	},
}, {
	name:  "CloseLeavesOthers",
	needs: "Closer",
	text:  "Close ends one handle: others on the same storage go on, and a call to the closed one answers the truth or ErrUnavailable.",
	run: func(e *env) {
		rec := e.stored(e.a, long)
		closed := e.open(e.TB)
		e.holds(rec)
		e.ok(can(closed).Closer.Close(), "Close")
		for _, c := range calls(closed, *rec)[:5] {
			err := c.run(e.ctx, closed)
			truth := c.name == "Load of an absent record" || c.name == "Touch" && errors.Is(err, driver.ErrConflict) // after Update
			if err != nil && !errors.Is(err, driver.ErrUnavailable) && !truth {
				e.Fatalf("%s on a closed handle: %v", c.name, err)
			}
		}
		if e.a.Info().Local && closed == e.a {
			return
		}
		e.load(e.a, rec.ID)
		e.load(e.b, rec.ID)
	},
}}
