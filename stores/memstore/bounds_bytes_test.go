package memstore_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/internal/test/rounds"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func overheadAt(tb testing.TB, n int, subject func(int) string) float64 {
	return float64(heapAt(tb, n, subject))/float64(n) - float64(len(subject(0)))
}

// heapAt returns the bytes of heap that a store with n sessions takes beside their data.
func heapAt(tb testing.TB, n int, subject func(int) string) int64 {
	var s *memstore.Store
	grown := heapDuring(func() {
		s = made.Of(memstore.New(memstore.Config{}))
		populate(tb, s, time.Now(), n, subject)
	})
	runtime.KeepAlive(s)
	return grown - int64(n)*payload
}

// TestFewSessionsAreCheap checks that a store with few sessions does not pay for the tables of a million.
func TestFewSessionsAreCheap(t *testing.T) {
	for n, most := range map[int]int64{0: 20_000, 10: 25_000, 1_000: 300_000, 10_000: 2_400_000} {
		if bytes := heapAt(t, n, anonymous); bytes > most {
			t.Errorf("%d sessions take %d bytes beside their data, want at most %d", n, bytes, most)
		}
	}
}

// TestBytesPerSession checks a number in the package comment, at several sizes because the tables grow by doubling.
func TestBytesPerSession(t *testing.T) {
	if testing.Short() {
		t.Skip("allocates 200 MB")
	}
	for _, n := range []int{120_000, 200_000, 270_000}[:rounds.Of(1, 3)] {
		if o := overheadAt(t, n, anonymous); o > 200 {
			t.Errorf("%d anonymous sessions cost %.0f bytes each beside their data", n, o)
		}
		if o := overheadAt(t, n, loggedIn); o > 215 {
			t.Errorf("%d sessions with a subject cost %.0f bytes each beside their data and subject", n, o)
		}
	}
}

// TestBytesPerLabel checks that Config.MaxBytes counts for a label what it costs.
func TestBytesPerLabel(t *testing.T) {
	if testing.Short() {
		t.Skip("allocates 200 MB")
	}
	none := heapWithLabels(t, 0)
	for _, labels := range []int{1, driver.MaxLabels} {
		each := (heapWithLabels(t, labels) - none) / float64(labels)
		if each > 150 {
			t.Errorf("of %d labels, each costs %.0f bytes beside its text", labels, each)
		}
	}
}

// heapWithLabels returns the bytes of heap that a session takes beside the text of its labels.
func heapWithLabels(tb testing.TB, labels int) float64 {
	const text = len("label-1-123456789")
	n := rounds.Of(50_000, 100_000)
	var s *memstore.Store
	grown := heapDuring(func() {
		s = made.Of(memstore.New(memstore.Config{}))
		for i := range n {
			rec := record(i, "alice", 0)
			for l := range labels {
				rec.Labels = append(rec.Labels, fmt.Sprintf("label-%d-%09d", l, i))
			}
			must(tb, s.Create(tb.Context(), rec))
		}
	})
	runtime.KeepAlive(s)
	return float64(grown)/float64(n) - float64(labels*text)
}

func BenchmarkMillionBytes(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(overheadAt(b, 1_000_000, anonymous), "B-overhead/anonymous")
		b.ReportMetric(overheadAt(b, 1_000_000, loggedIn), "B-overhead/subject")
	}
}
