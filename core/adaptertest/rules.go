package adaptertest

import "slices"

// rule is one sentence about what an adapter must do, and code that fails for an adapter which does not.
type rule struct {
	name  string
	text  string // given, when, then; a failure prints it
	needs []need // if the harness lacks one, the rule is skipped
	store bool   // RunStore checks it, too: see eachStore
	run   func(e *env)
}

// need says what a harness lacks for a rule, "" if it lacks nothing.
type need func(Harness) string

func (r rule) lacks(h Harness) string {
	for _, n := range r.needs {
		if why := n(h); why != "" {
			return why
		}
	}
	return ""
}

// rules is the list of all rules, in the order in which a new adapter is likely to pass them.
var rules = slices.Concat(
	anyStore(mountRules, answerRules, headerRules, sourceRules, untouchedRules, requireRules, deviceRules),
	eachStore(lifecycleRules),
	anyStore(cookieRules, nothingSavedRules),
	eachStore(clientGoneRules, streamRules, socketRules, doneRules),
	anyStore(httpRules, timeLimitRules, loadRules, refusedRules, errorRules, ignoredErrorRules, logRules, abortRules, nthCallRules),
	eachStore(overlapRules, tableRules, tableLoginRules, tableEndRules, tableStoreRules),
	anyStore(tableBusyRules),
	eachStore(endedRules, raceRules, severalRules, flashRules, outsideRules),
	anyStore(junkRules, secretRules),
)

// anyStore marks rules about the adapter, the framework and core. One store is enough for them: they make one call
// after the other, or calls that fail before they reach the store. All stores that pass core/storetest do the same
// with those.
func anyStore(lists ...[]rule) []rule { return slices.Concat(lists...) }

// eachStore marks rules whose outcome also depends on the store: on how it treats overlapping requests, versions,
// deadlines, ends, a second handle, or a call for a client that has gone. RunStore checks them.
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
	needErrors        = needCap(func(c Caps) bool { return c.Errors }, "handlers return no errors to the framework")
	needHTTP          = needCap(func(c Caps) bool { return c.HTTP }, "the framework is not on net/http")
)

// needRecords is for a rule that looks at the records of a store or at the calls to it.
func needRecords(h Harness) string {
	if h.New == nil {
		return "the store keeps no records"
	}
	return ""
}
