// Package linear checks that sessions behave as one thing, whoever uses them at the same moment. Up to eight clients
// share the cookie of a session, as the tabs of a browser do, and read, write, count, rotate, sign in, sign out and
// revoke through package core, over real stores, while servers are stopped, killed and cut off. What every request
// saw and was told is a history, and porcupine looks for one order of events that explains it under the rules of a
// session: model.go. A history that no order explains is a lost write, a session that came back, a stale page.
//
// It is a module of its own, since no user's module may require porcupine. docs/evidence.md tells what is checked, how
// much, and what is not.
//
//	go test ./internal/test/linear                          a second for each store, and the tests of the model
//	go test ./internal/test/linear -v -run 'TestHammer$' -hammer=10m                 all stores in turn; "make hammer"
//	go test ./internal/test/linear -v -run 'TestHammer$' -hammer=30s -store=Redis    those with "Redis" in their name
//	go test ./internal/test/linear -v -run TestHistoryFile -history=FILE             a history that was kept
//
// The folder comes first: behind a flag that the go command does not know, it takes no packages. -hammer is the time
// for all that are chosen together, and -keep the folder for histories that nothing explains.
//
// In history.html of such a history, "jump to first error" leads to the first event that fits nowhere. A row is a
// client, a box an event, from its call to its answer. "#6 set s1 t1 (live) k1=6 -> u0 n=3 [0 6]" is: request 6 had
// opened session 1 with token 1, set key 1 to 6, and left no user, a counter of 3 and the values 0 and 6.
package linear
