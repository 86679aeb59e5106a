package adaptertest

import "slices"

// rule is one sentence of what an adapter must do, and the code that tries to catch one at
// not doing it.
type rule struct {
	name  string
	text  string // given, when, then: what a failure prints
	needs []need // without which the rule is skipped
	store bool   // RunStore checks it, too: see rules
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

// rules are all of them, in the order in which a new adapter is likely to fulfil them. Each is one of
// anyStore or of eachStore.
var rules = slices.Concat(
	anyStore(mountRules, answerRules, headerRules, untouchedRules),
	eachStore(lifecycleRules),
	anyStore(cookieRules, nothingSavedRules),
	eachStore(clientGoneRules, streamRules, socketRules),
	anyStore(httpRules, timeLimitRules, loadRules, refusedRules, errorRules, ignoredErrorRules, logRules, abortRules, nthCallRules),
	eachStore(overlapRules, tableRules, tableLoginRules, tableEndRules, tableStoreRules),
	anyStore(tableBusyRules),
	eachStore(endedRules, raceRules, severalRules, flashRules),
	anyStore(junkRules, secretRules),
)

// anyStore are rules about the adapter, the framework and core. They ask the store for one thing after the other,
// or make its calls fail before they reach it: whatever keeps the contract does the same, and core/storetest
// finds what does not. To see them with one store is enough.
func anyStore(lists ...[]rule) []rule { return slices.Concat(lists...) }

// eachStore are rules whose outcome rests on how the store does its part, too: on what it makes of requests that
// overlap, of versions, deadlines and ends, of a second handle, and of a call for a client that has gone.
func eachStore(lists ...[]rule) []rule {
	all := slices.Concat(lists...)
	for i := range all {
		all[i].store = true
	}
	return all
}

func needCap(has func(Caps) bool, why string) need {
	return func(h Harness) string {
		if has(h.Adapter.Caps()) {
			return ""
		}
		return why
	}
}

var (
	needStreams       = needCap(func(c Caps) bool { return !c.Buffered }, "the framework sends nothing before the middleware has returned")
	needInformational = needCap(func(c Caps) bool { return c.Informational }, "the framework sends no informational responses")
	needTimeLimits    = needCap(func(c Caps) bool { return c.TimeLimit }, "the framework has no time limit that answers for the handler")
	needNotFound      = needCap(func(c Caps) bool { return c.NotFound }, "middleware does not run for unknown paths")
	needHTTP          = needCap(func(c Caps) bool { return c.HTTP }, "the framework is not on net/http")
)

// needRecords: the rule looks at what a store on the server's side holds or is asked.
func needRecords(h Harness) string {
	if h.New == nil {
		return "the store keeps no records"
	}
	return ""
}
