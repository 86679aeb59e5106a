package memstore_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

const payload = 261 // bytes: five values in a session, as JSON

// id returns an ID as core makes them: all of one application end alike.
func id(n int) driver.ID {
	hash := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(n)))
	clear(hash[16:])
	return hash
}

// heapDuring returns by how much the live heap grows.
func heapDuring(do func()) int64 {
	before := liveHeap()
	do()
	return liveHeap() - before
}

func liveHeap() int64 {
	var m runtime.MemStats
	for range 3 { // one cycle frees, the next ones sweep and empty pools
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// populate creates n sessions, those with an even number expiring an hour earlier.
func populate(tb testing.TB, s *memstore.Store, start time.Time, n int, subject func(int) string) {
	rec := driver.Record{Created: start}
	for i := range n {
		rec.ID, rec.Subject, rec.Data = id(i), subject(i), make([]byte, payload)
		rec.Expires = start.Add(time.Duration(1+i%2) * time.Hour)
		must(tb, s.Create(tb.Context(), &rec))
	}
}

func anonymous(int) string  { return "" }
func loggedIn(i int) string { return fmt.Sprintf("user-%07d", i/2) }

func overheadAt(tb testing.TB, n int, subject func(int) string) float64 {
	var s *memstore.Store
	grown := heapDuring(func() {
		s = made(memstore.New(memstore.Config{}))
		populate(tb, s, time.Now(), n, subject)
	})
	runtime.KeepAlive(s)
	return float64(grown)/float64(n) - payload - float64(len(subject(0)))
}

// TestBytesPerSession keeps a promise of the package comment, at several sizes since
// tables grow by doubling.
func TestBytesPerSession(t *testing.T) {
	if testing.Short() {
		t.Skip("allocates 200 MB")
	}
	for _, n := range []int{120_000, 200_000, 270_000} {
		if o := overheadAt(t, n, anonymous); o > 200 {
			t.Errorf("%d anonymous sessions cost %.0f bytes each beside their data", n, o)
		}
		if o := overheadAt(t, n, loggedIn); o > 215 {
			t.Errorf("%d sessions with a subject cost %.0f bytes each beside their data and subject", n, o)
		}
	}
}

// TestBytesPerLabel: Config.MaxBytes counts labels at what they cost.
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
	const n, text = 100_000, len("label-1-123456789")
	var s *memstore.Store
	grown := heapDuring(func() {
		s = made(memstore.New(memstore.Config{}))
		for i := range n {
			rec := record(i, "alice", 0)
			for l := range labels {
				rec.Labels = append(rec.Labels, fmt.Sprintf("label-%d-%09d", l, i))
			}
			must(tb, s.Create(tb.Context(), rec))
		}
	})
	runtime.KeepAlive(s)
	return float64(grown)/n - float64(labels*text)
}

func BenchmarkMillionBytes(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(overheadAt(b, 1_000_000, anonymous), "B-overhead/anonymous")
		b.ReportMetric(overheadAt(b, 1_000_000, loggedIn), "B-overhead/subject")
	}
}

// BenchmarkMillionExpiry measures reads of a quiet store, while half of a million
// sessions expire at one moment and are swept, and while the garbage collector
// then takes them. Of several rounds (-benchtime 5x) the lowest figures
// count, since other programs on the machine can only add to them.
func BenchmarkMillionExpiry(b *testing.B) {
	lowest := map[string]time.Duration{}
	for b.Loop() {
		clock := storetest.NewClock()
		s := made(memstore.New(memstore.Config{Now: clock.Now}))
		populate(b, s, clock.Now(), 1_000_000, loggedIn)
		read(b, s, "quiet", lowest, func() { time.Sleep(500 * time.Millisecond) })
		clock.Advance(time.Hour + time.Minute)
		read(b, s, "sweep", lowest, func() {
			for n := 1000; n == 1000; {
				n, _ = s.Sweep(b.Context(), 1000)
			}
		})
		if s.Len() != 500_000 {
			b.Errorf("%d left", s.Len())
		}
		read(b, s, "gc", lowest, runtime.GC)
	}
	for what, took := range lowest {
		b.ReportMetric(float64(took.Nanoseconds())/1000, "us-"+what)
	}
}

// read loads sessions that stay alive, until during returns, and notes how long the
// slowest Load took and the slowest in a thousand.
func read(b *testing.B, s *memstore.Store, what string, lowest map[string]time.Duration, during func()) {
	keys := make([]driver.ID, 100_000)
	for i := range keys {
		keys[i] = id(1 + 2*rand.IntN(500_000))
	}
	took := make([]time.Duration, 0, 10_000_000)
	runtime.GC()
	done := make(chan struct{})
	go func() { defer close(done); during() }()
	for i := 0; ; i++ {
		select {
		case <-done:
			slices.Sort(took)
			note(lowest, "worst-"+what, took[len(took)-1])
			note(lowest, "p99.9-"+what, took[len(took)*999/1000])
			return
		default:
		}
		start := time.Now()
		_, err := s.Load(b.Context(), keys[i%len(keys)])
		took = append(took, time.Since(start))
		must(b, err)
	}
}

func note(lowest map[string]time.Duration, what string, took time.Duration) {
	if before, ok := lowest[what]; !ok || took < before {
		lowest[what] = took
	}
}
