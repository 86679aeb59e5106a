package scale

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// reads adds to m how long reads take, quiet and while sweep removes half of the sessions.
func reads(s driver.Store, n int, sweep func(context.Context, int) (int, error), m map[string]float64) error {
	if err := quietReads(s, n, m); err != nil {
		return err
	}
	read, failed := loads(s, n)
	var done atomic.Bool
	var took time.Duration
	var swept error
	go func() {
		defer done.Store(true)
		start := time.Now()
		swept = sweepHalf(n, sweep)
		took = time.Since(start)
	}()
	busy := timed(read, time.Hour, &done)
	m["worst_read_ms"], m["sweep_s"] = at(busy, 1)/1000, took.Seconds()
	return errors.Join(failed(), swept)
}

// quietReads adds to m how long reads take while nothing else is done.
func quietReads(s driver.Store, n int, m map[string]float64) error {
	read, failed := loads(s, n)
	quiet := timed(read, 2*time.Second, nil)
	m["read_p50_us"], m["read_p99_us"] = at(quiet, .5), at(quiet, .99)
	return failed()
}

// loads returns a function that loads a session that has not expired.
func loads(s driver.Store, n int) (read func(i int), failed func() error) {
	keys := survivors(n, id)
	var last error
	return func(i int) {
		if _, err := s.Load(context.Background(), keys[i%len(keys)]); err != nil {
			last = err
		}
	}, func() error { return last }
}

// sweepHalf sweeps as core does, but without pauses.
func sweepHalf(n int, sweep func(context.Context, int) (int, error)) error {
	removed := 0
	for removed < n/2 {
		k, err := sweep(context.Background(), 1000)
		removed += k
		if err != nil {
			return err
		}
		if k == 0 {
			return fmt.Errorf("only %d of %d expired sessions were swept", removed, n/2)
		}
	}
	return nil
}

// survivors returns keys of sessions that do not expire, made beforehand, since hashing is not
// what is measured.
func survivors[K any](n int, key func(int) K) []K {
	keys := make([]K, 100_000)
	for i := range keys {
		keys[i] = key(2*rand.N(n/2) + 1)
	}
	return keys
}

// timed calls f for d, or until done is true, and returns the sorted times in microseconds. It calls
// f at least once.
func timed(f func(i int), d time.Duration, done *atomic.Bool) []float64 {
	times := make([]float64, 0, 1<<20) // growing would show as a slow read
	for i, end := 0, time.Now().Add(d); i == 0 || time.Now().Before(end) && (done == nil || !done.Load()); i++ {
		start := time.Now()
		f(i)
		times = append(times, float64(time.Since(start).Nanoseconds())/1000)
		for spin := time.Now(); time.Since(spin) < 50*time.Microsecond; {
			runtime.Gosched()
		}
	}
	slices.Sort(times)
	return times
}

// at returns the part q of sorted times.
func at(times []float64, q float64) float64 {
	return times[min(len(times)-1, int(q*float64(len(times))))]
}

func liveHeap() float64 {
	var m runtime.MemStats
	for range 3 { // one cycle frees, the next ones sweep and empty pools
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
