package storetest

import "slices"

// rule is one sentence of the contract, and code that fails for a store which breaks it.
type rule struct {
	name  string
	text  string // a failure prints it
	needs string // an ability; the rule is skipped for a store that lacks it
	run   func(e *env)
}

// rules is the list of all rules, in the order in which a new store is likely to pass them.
var rules = slices.Concat(
	clockRules, loadRules, createRules, updateRules, touchRules, deleteRules, idRules,
	valueRules, labelRules, timeRules, sharingRules, lastingRules, errorRules, textRules, waitRules, writeOutageRules,
	raceRules, historyRules,
	succeedRules, reloadRules, sweepRules, listRules, indexRules, limitRules, watchRules, lifeRules, inspectRules, checkerRules, newerRules, damageRules,
)
