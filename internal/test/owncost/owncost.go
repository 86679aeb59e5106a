// Package owncost measures what a layer adds to the code below it, on machines that run other programs, too. It runs
// both in turns, in batches, and takes the 10th percentile of the batches: those that were disturbed least.
package owncost

import (
	"slices"
	"testing"
	"time"
)

// batch is the number of calls in a batch. It is small, so that some batches fall between two garbage collections.
const batch = 20

// Own reports the time (own-p10-ns) and allocations (own-allocs) that a call of with adds to a call of bare. The time
// is the difference of the 10th percentiles of their batches.
func Own(b *testing.B, bare, with func()) {
	var quiet, loaded []float64
	for b.Loop() {
		quiet = append(quiet, timed(bare))
		loaded = append(loaded, timed(with))
	}
	b.ReportMetric(0, "ns/op") // hidden: it would be the time of a batch of both
	b.ReportMetric(of(loaded)-of(quiet), "own-p10-ns")
	b.ReportMetric(Allocs(bare, with), "own-allocs")
}

// Allocs returns the allocations that a call of with adds to a call of bare.
func Allocs(bare, with func()) float64 {
	return testing.AllocsPerRun(1000, with) - testing.AllocsPerRun(1000, bare)
}

func timed(f func()) float64 {
	start := time.Now()
	for range batch {
		f()
	}
	return float64(time.Since(start).Nanoseconds()) / batch
}

func of(batches []float64) float64 {
	slices.Sort(batches)
	return batches[len(batches)/10]
}
