// Package scale measures how stores grow from a thousand sessions to a million: memory, reads,
// reads while half of the sessions are swept, and how long a full folder takes to open.
package scale

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexedwards/scs/v2"
	scsmem "github.com/alexedwards/scs/v2/memstore"

	"github.com/coatcheck-go/coatcheck/bench/result"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

const payload = 261 // bytes: five values as JSON

// Config says what Run measures.
type Config struct {
	Sizes    []int
	Dir      string // for filestore
	Progress func(line string)
}

// Run measures each store at each size.
func Run(cfg Config) (*result.Suite, error) {
	suite := &result.Suite{Name: "scale", Machine: result.Machine(), Time: time.Now().UTC(), Notes: []string{
		"half of the sessions expire and are swept while the other half is read by one goroutine, one read every 50 us",
		"filestore is in " + cfg.Dir + "; a file system in memory shows its own work, not the disk's",
	}}
	for _, n := range cfg.Sizes {
		for _, s := range []struct {
			library, store string
			measure        func(n int, dir string) (map[string]float64, error)
		}{{"coatcheck", "memory", memory}, {"scs", "memory", scsMemory}, {"coatcheck", "file", files}} {
			dir := filepath.Join(cfg.Dir, "coatcheck-scale-"+strconv.Itoa(n))
			metrics, err := s.measure(n, dir)
			os.RemoveAll(dir)
			if err != nil {
				return nil, fmt.Errorf("%s %s at %d: %w", s.library, s.store, n, err)
			}
			suite.Rows = append(suite.Rows, result.Row{Library: s.library, Store: s.store, Case: strconv.Itoa(n), Metrics: metrics})
			cfg.Progress(fmt.Sprintf("%s %s %d", s.library, s.store, n))
		}
	}
	return suite, nil
}

// expires is when session i ends: half of them at once, before anybody sweeps.
func expires(i int) time.Time {
	if i%2 == 0 {
		return time.Now().Add(time.Millisecond)
	}
	return time.Now().Add(time.Hour)
}

func id(n int) driver.ID { return sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(n))) }

func memory(n int, _ string) (map[string]float64, error) {
	before := liveHeap()
	s := memstore.New(memstore.Config{})
	if err := fill(s, n, 1); err != nil {
		return nil, err
	}
	m := map[string]float64{"bytes_beside_payload": (liveHeap()-before)/float64(n) - payload}
	return m, reads(s, n, s.Sweep, m)
}

func files(n int, dir string) (map[string]float64, error) {
	s, err := filestore.New(dir)
	if err != nil {
		return nil, err
	}
	if err := fill(s, n, 4); err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	start := time.Now()
	if s, err = filestore.New(dir); err != nil {
		return nil, err
	}
	defer s.Close()
	if _, err := s.Load(context.Background(), id(1)); err != nil {
		return nil, err
	}
	m := map[string]float64{"start_ms": float64(time.Since(start).Microseconds()) / 1000}
	return m, reads(s, n, s.Sweep, m)
}

func fill(s driver.Store, n, writers int) error {
	var wg sync.WaitGroup
	var failed atomic.Pointer[error]
	for w := range writers {
		wg.Go(func() {
			rec := driver.Record{Created: time.Now()}
			for i := w; i < n; i += writers {
				rec.ID, rec.Data, rec.Expires = id(i), make([]byte, payload), expires(i)
				if err := s.Create(context.Background(), &rec); err != nil {
					failed.Store(&err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// reads adds to m how long reads take, quiet and while sweep removes half of the sessions.
func reads(s driver.Store, n int, sweep func(context.Context, int) (int, error), m map[string]float64) error {
	var failed error
	read := func() {
		if _, err := s.Load(context.Background(), id(2*rand.N(n/2)+1)); err != nil {
			failed = err
		}
	}
	quiet := timed(read, 2*time.Second, nil)
	m["read_p50_us"], m["read_p99_us"] = at(quiet, .5), at(quiet, .99)
	var done atomic.Bool
	var took time.Duration
	go func() {
		defer done.Store(true)
		start := time.Now()
		for removed := 0; removed < n/2; {
			k, err := sweep(context.Background(), 1000)
			if removed += k; err != nil || k == 0 {
				break
			}
		}
		took = time.Since(start)
	}()
	busy := timed(read, time.Hour, &done)
	m["worst_read_ms"], m["sweep_s"] = at(busy, 1)/1000, took.Seconds()
	return failed
}

// scsMemory is scs's store, whose own goroutine removes what has expired.
func scsMemory(n int, _ string) (map[string]float64, error) {
	const pause = 2 * time.Second
	wait := pause + time.Duration(n)*3*time.Microsecond // until the cleanup: long enough to fill it
	before := liveHeap()
	s := scsmem.NewWithCleanupInterval(wait)
	var store scs.Store = s
	begun := time.Now()
	for i := range n {
		if err := store.Commit(id(i).String()[:43], make([]byte, payload), expires(i)); err != nil {
			return nil, err
		}
	}
	m := map[string]float64{"bytes_beside_payload": (liveHeap()-before)/float64(n) - payload}
	read := func() { _, _, _ = store.Find(id(2*rand.N(n/2) + 1).String()[:43]) }
	quiet := timed(read, max(0, time.Until(begun.Add(wait))-pause/2), nil)
	busy := timed(read, pause+time.Second, nil)
	if len(quiet) > 0 {
		m["read_p50_us"], m["read_p99_us"] = at(quiet, .5), at(quiet, .99)
	}
	m["worst_read_ms"] = at(busy, 1) / 1000
	s.StopCleanup()
	return m, nil
}

// timed calls f for d, or until done is true, and returns the sorted times in microseconds.
func timed(f func(), d time.Duration, done *atomic.Bool) []float64 {
	var times []float64
	for end := time.Now().Add(d); time.Now().Before(end) && (done == nil || !done.Load()); {
		start := time.Now()
		f()
		times = append(times, float64(time.Since(start).Nanoseconds())/1000)
		for spin := time.Now(); time.Since(spin) < 50*time.Microsecond; {
			runtime.Gosched()
		}
	}
	slices.Sort(times)
	return times
}

// at returns the part q of sorted times; 0 if there are none.
func at(times []float64, q float64) float64 {
	if len(times) == 0 {
		return 0
	}
	return times[min(len(times)-1, int(q*float64(len(times))))]
}

func liveHeap() float64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// Print writes the suite as a table.
func Print(w io.Writer, s *result.Suite) {
	for _, row := range s.Rows {
		fmt.Fprintf(w, "%-10s %-7s %8s", row.Library, row.Store, row.Case)
		for _, key := range []string{"bytes_beside_payload", "read_p50_us", "read_p99_us", "worst_read_ms", "sweep_s", "start_ms"} {
			if x, ok := row.Metrics[key]; ok {
				fmt.Fprintf(w, "  %s %.2f", key, x)
			}
		}
		fmt.Fprintln(w)
	}
	for _, note := range s.Notes {
		fmt.Fprintln(w, "note:", note)
	}
}
