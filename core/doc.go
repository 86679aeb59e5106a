// Package core is coatcheck's session management without a web framework: the
// settings, the session that a handler works with, and the rules of saving.
//
// An application makes one [Manager] with [New] and gives it to the adapter of
// its framework (httpsession, ginsession, echosession, fibersession), which
// hands a [Session] to each handler. Values are read and written with typed
// keys:
//
//	const visits core.Key[int] = "visits"
//
//	visits.Update(s, func(n int) int { return n + 1 })
//
// Nothing is to be saved by hand. The first use of a session loads it; what the
// handler did is stored before the first byte of the response leaves, and if it
// cannot be stored, the client gets an error and not a page that claims success.
//
// What a request does to its session is kept as operations (set this key, add
// one to that counter) and applied again when another request was faster, so
// requests that overlap do not undo one another. A session that was ended stays
// ended, whatever was still under way.
//
// Authors of adapters read [Exchange] next, authors of stores package
// core/driver, and everyone else the README.
package core
