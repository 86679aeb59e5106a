package storetest

import (
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// abilities are the optional interfaces of package driver, in the order of Report.
var abilities = []struct {
	name string
	in   func(can driver.Abilities) bool
}{
	{"Successor", func(can driver.Abilities) bool { return can.Successor != nil }},
	{"Reloader", func(can driver.Abilities) bool { return can.Reloader != nil }},
	{"Sweeper", func(can driver.Abilities) bool { return can.Sweeper != nil }},
	{"Lister", func(can driver.Abilities) bool { return can.Lister != nil }},
	{"Indexer", func(can driver.Abilities) bool { return can.Indexer != nil }},
	{"Limiter", func(can driver.Abilities) bool { return can.Limiter != nil }},
	{"Counter", func(can driver.Abilities) bool { return can.Counter != nil }},
	{"Pinger", func(can driver.Abilities) bool { return can.Pinger != nil }},
	{"Watcher", func(can driver.Abilities) bool { return can.Watcher != nil }},
	{"Closer", func(can driver.Abilities) bool { return can.Closer != nil }},
	{"CacheReporter", func(can driver.Abilities) bool { return can.CacheReporter != nil }},
	{"Breaker", func(can driver.Abilities) bool { return can.Breaker != nil }},
	{"Inspector", func(can driver.Abilities) bool { return can.Inspector != nil }},
	{"Checker", func(can driver.Abilities) bool { return can.Checker != nil }},
}

// abilitiesOf returns the abilities of one handle. A rule asks the handle that it uses.
func abilitiesOf(s driver.Store) driver.Abilities { return driver.AbilitiesOf(s) }

func (e *env) lacksAbility(ability string) bool {
	for _, a := range abilities {
		if a.name == ability {
			return !a.in(abilitiesOf(e.a))
		}
	}
	return false
}
