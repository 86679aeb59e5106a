// Package owncost measures what a layer costs beside what it stands on, on machines
// that do other things as well: both run in turns, in batches, and what counts is the tenth
// part of the batches that was disturbed least.
package owncost

import (
	"slices"
	"testing"
	"time"
)

// A batch is short, so that some fall between two collections of garbage.
const batch = 20

// Own reports, for one call, with's time in the quiet tenth of the batches beyond that of bare, as
// own-p10-ns, and its allocations beyond those of bare, as own-allocs.
func Own(b *testing.B, bare, with func()) {
	var quiet, loaded []float64
	for b.Loop() {
		quiet = append(quiet, timed(bare))
		loaded = append(loaded, timed(with))
	}
	b.ReportMetric(0, "ns/op") // of a batch of both: no figure to read
	b.ReportMetric(of(loaded)-of(quiet), "own-p10-ns")
	b.ReportMetric(Allocs(bare, with), "own-allocs")
}

// Allocs returns with's allocations beyond those of bare.
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
