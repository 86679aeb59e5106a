package adaptertest

import "slices"

// rule is one sentence of what an adapter must do, and the code that tries to catch one at
// not doing it.
type rule struct {
	name  string
	text  string // given, when, then: what a failure prints
	needs []need // without which the rule is skipped
	run   func(e *env)
}

// need returns why a harness lacks what a rule needs, "" if it does not.
type need func(Harness) string

func (r rule) lacks(h Harness) string {
	for _, n := range r.needs {
		if why := n(h); why != "" {
			return why
		}
	}
	return ""
}

// rules are all of them, in the order in which a new adapter is likely to fulfil them.
var rules = slices.Concat(
	mountRules, answerRules, headerRules, untouchedRules, lifeRules,
	cookieRules, voidRules, streamRules, socketRules, httpRules, timeRules,
	loadRules, refusedRules, errorRules, claimRules, abortRules, nthRules,
	overlapRules, tableRules, tableLoginRules, tableEndRules, tableStoreRules,
	endedRules, manyRules, severalRules, flashRules, junkRules, secretRules,
)

func ability(has func(Caps) bool, why string) need {
	return func(h Harness) string {
		if has(h.Adapter.Caps()) {
			return ""
		}
		return why
	}
}

var (
	streams       = ability(func(c Caps) bool { return !c.Buffered }, "the framework sends nothing before the middleware has returned")
	informational = ability(func(c Caps) bool { return c.Informational }, "the framework sends no informational responses")
	timeLimits    = ability(func(c Caps) bool { return c.TimeLimit }, "the framework has no time limit that answers for the handler")
	notFounds     = ability(func(c Caps) bool { return c.NotFound }, "middleware does not run for unknown paths")
	overHTTP      = ability(func(c Caps) bool { return c.HTTP }, "the framework is not on net/http")
)

// records: the rule looks at what a store on the server's side holds or is asked.
func records(h Harness) string {
	if h.New == nil {
		return "the store keeps no records"
	}
	return ""
}
