// Package linear checks that sessions behave as one thing, whoever uses them at the same moment. Up to eight clients
// share the cookie of a session, as the tabs of a browser do, and read, write, count, rotate, sign in, sign out and
// revoke through package core, over real stores, while servers are stopped, killed and cut off. What every request
// saw and was told is a history, and porcupine looks for one order of events that explains it under the rules of a
// session: model.go. A history that no order explains is a lost write, a session that came back, a stale page.
//
// It is a module of its own, since no user's module may require porcupine. docs/evidence.md tells what is checked, how
// much, and what is not.
//
//	go test ./internal/linear                          a few seconds for each store
//	go test ./internal/linear -v -hammer=10m           all stores in turn; "make hammer"
//	go test ./internal/linear -v -run TestHistoryFile -history=FILE
package linear
