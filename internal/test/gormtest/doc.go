// Package gormtest holds the tests of stores/gormstore against real databases. It is a
// module of its own, so that no database driver reaches the go.sum of those who
// use the store. It has no code for anybody to call; run it with "go test".
//
// What takes too long for every day:
//
//	go test -run TestCutAtEveryByte -cutstep=1 -v
//	go test -run TestKill -kills=20 -v
//	go test -run TestSweepWhileReading -sweeprows=1000000 -timeout 30m -v
//	go test -run '^$' -bench Beside -benchtime 3000x
package gormtest
