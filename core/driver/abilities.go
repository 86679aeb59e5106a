package driver

import "io"

// Abilities are what a store can do beside the methods of [Store]. A field is nil if the store cannot do it.
type Abilities struct {
	Successor Successor
	Reloader  Reloader
	Sweeper   Sweeper
	Lister    Lister
	Indexer   Indexer
	Limiter   Limiter
	Counter   Counter
	Pinger    Pinger
	Watcher   Watcher
	Closer    io.Closer

	CacheReporter CacheReporter
	Breaker       Breaker
	Inspector     Inspector
	Checker       Checker

	SubjectRevoker SubjectRevoker // of a TokenStore
}

// AbilitiesOf returns the abilities of b. Call it, and do not assert the interfaces. The abilities of a store are the
// interfaces that it implements. A wrapper has those of the store inside and no others. It says so with a method
// Abilities() Abilities, which then counts instead.
func AbilitiesOf(b Backend) Abilities {
	if w, ok := b.(interface{ Abilities() Abilities }); ok {
		return w.Abilities()
	}
	return AbilitiesByMethods(b)
}

// AbilitiesByMethods returns the abilities for which b has the methods. It is for stores of which some abilities depend
// on their settings: their method Abilities begins with this, and takes away what is not there.
func AbilitiesByMethods(b Backend) (a Abilities) {
	a.Successor, _ = b.(Successor)
	a.Reloader, _ = b.(Reloader)
	a.Sweeper, _ = b.(Sweeper)
	a.Lister, _ = b.(Lister)
	a.Indexer, _ = b.(Indexer)
	a.Limiter, _ = b.(Limiter)
	a.Counter, _ = b.(Counter)
	a.Pinger, _ = b.(Pinger)
	a.Watcher, _ = b.(Watcher)
	a.Closer, _ = b.(io.Closer)
	a.CacheReporter, _ = b.(CacheReporter)
	a.Breaker, _ = b.(Breaker)
	a.Inspector, _ = b.(Inspector)
	a.Checker, _ = b.(Checker)
	a.SubjectRevoker, _ = b.(SubjectRevoker)
	return a
}
