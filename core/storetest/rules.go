package storetest

import "slices"

// rule is one sentence of the contract and the code that tries to catch a store
// at breaking it.
type rule struct {
	name  string
	text  string // what a failure prints
	needs string // the optional ability without which the rule is skipped
	run   func(e *env)
}

// rules are all of them, in the order in which a new store is likely to
// fulfil them.
var rules = slices.Concat(
	loadRules, createRules, updateRules, touchRules, deleteRules,
	valueRules, labelRules, timeRules, sharingRules, errorRules,
	raceRules, historyRules,
	succeedRules, reloadRules, sweepRules, listRules, indexRules, lifeRules, newerRules,
)
