// Package gormtest holds the tests of stores/gormstore that need real databases. It is a
// separate module, so that no database driver gets into the go.sum of the store's
// users. It exports nothing. Run it with "go test".
//
// Long runs, which "make ci" leaves out:
//
//	go test -run TestCutAtEveryByte -cutstep=1 -v
//	go test -run TestKill -kills=20 -v
//	go test -run TestSweepWhileReading -sweeprows=1000000 -timeout 30m -v
//	go test -run '^$' -bench Beside -benchtime 3000x
package gormtest
