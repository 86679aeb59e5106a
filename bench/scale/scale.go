// Package scale measures how stores grow from a thousand sessions to a million: memory, reads,
// reads while half of the sessions are swept, and how long a full folder takes to open.
package scale

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/bench/result"
	"github.com/coatcheck-go/coatcheck/bench/servers"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

const payload = 261 // bytes: five values as JSON

// Config says what Run measures.
type Config struct {
	Sizes    []int
	Dir      string                                  // for filestore: exists, and is left empty
	Servers  func() ([]servers.Place, func(), error) // empty places; those without a server are left out. nil: none
	Progress func(line string)
}

// Run measures each store at each size.
func Run(cfg Config) (*result.Suite, error) {
	suite := &result.Suite{Name: "scale", Machine: result.Machine(), Time: time.Now().UTC(), Notes: []string{
		"sessions of 261 bytes; half of them expire and are removed while one goroutine reads the others, one read every 50 µs",
		"the lowest of three rounds, since other programs on the machine can only add; a single round for more than 100,000 files",
		"coatcheck's Sweep was called again and again with a limit of 1000; scs and Fiber v2 remove in goroutines of their own, and the worst read is that of the three seconds around it",
		"what a server holds is counted there: memcached's pages, Redis's used_memory, the size of PostgreSQL's database, its indexes and log of changes included; one round; Redis and memcached remove by themselves what has expired",
		"filestore was in " + kind(cfg.Dir) + ", opened right after it had been filled, so that the system still knew its files",
	}}
	for _, n := range cfg.Sizes {
		for _, s := range []struct {
			library, module, store string
			measure                func(n int, dir string) (map[string]float64, error)
		}{
			{"coatcheck", "github.com/coatcheck-go/coatcheck", "memory", memory},
			{"scs", "github.com/alexedwards/scs/v2", "memory", scsMemory},
			{"fiber v2 session", "github.com/gofiber/fiber/v2", "memory", fiberMemory},
			{"coatcheck", "github.com/coatcheck-go/coatcheck", "file", files},
		} {
			dir := filepath.Join(cfg.Dir, strconv.Itoa(n))
			metrics, err := lowest(rounds(n, s.store), func() (map[string]float64, error) { return s.measure(n, dir) })
			if err != nil {
				return nil, fmt.Errorf("%s %s at %d: %w", s.library, s.store, n, err)
			}
			suite.Rows = append(suite.Rows, result.Row{
				Library: s.library, Version: result.Version(s.module), Store: s.store, Case: strconv.Itoa(n), Metrics: metrics,
			})
			cfg.Progress(fmt.Sprintf("%s %s %d", s.library, s.store, n))
		}
		if cfg.Servers == nil {
			continue
		}
		rows, err := onServers(cfg, n)
		if err != nil {
			return nil, err
		}
		suite.Rows = append(suite.Rows, rows...)
	}
	return suite, nil
}

// onServers measures each server once: it takes minutes.
func onServers(cfg Config, n int) (rows []result.Row, err error) {
	places, stop, err := cfg.Servers()
	if err != nil {
		return nil, err
	}
	defer stop()
	for _, p := range places {
		if p.Bytes == nil {
			continue
		}
		metrics, err := server(p, n)
		if err != nil {
			return nil, fmt.Errorf("%s at %d: %w", p.Name, n, err)
		}
		rows = append(rows, result.Row{Library: "coatcheck", Store: p.Name, Case: strconv.Itoa(n), Metrics: metrics})
		cfg.Progress(fmt.Sprintf("coatcheck %s %d", p.Name, n))
	}
	return rows, nil
}

// rounds is how often a store is measured: once where that takes minutes.
func rounds(n int, store string) int {
	if store == "file" && n > 100_000 {
		return 1
	}
	return 3
}

// lowest measures several times and keeps the lowest of each metric: other programs on the machine
// can only add to it.
func lowest(rounds int, measure func() (map[string]float64, error)) (map[string]float64, error) {
	var low map[string]float64
	for range rounds {
		m, err := measure()
		if err != nil {
			return nil, err
		}
		if low == nil {
			low = m
		}
		for key, x := range m {
			low[key] = min(low[key], x)
		}
	}
	return low, nil
}

// kind tells a folder in memory from one on a disk: the page names no folder of this machine.
func kind(dir string) string {
	if strings.HasPrefix(dir, "/dev/shm/") {
		return "a file system in memory (/dev/shm): its times are its own work, without a disk"
	}
	return "a folder on this machine's disk"
}

// expires is when session i ends: half of them at once, before anybody sweeps.
func expires(i int) time.Time {
	if i%2 == 0 {
		return time.Now().Add(time.Millisecond)
	}
	return time.Now().Add(time.Hour)
}

func id(n int) driver.ID { return sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(n))) }

// token is the key of a session in other libraries: 43 characters.
func token(n int) string {
	hash := id(n)
	return base64.RawURLEncoding.EncodeToString(hash[:])
}

func memory(n int, _ string) (map[string]float64, error) {
	before := liveHeap()
	s, err := memstore.New(memstore.Config{})
	if err != nil {
		return nil, err
	}
	if err := fill(s, n, 1, expires); err != nil {
		return nil, err
	}
	m := map[string]float64{"bytes_beside_payload": (liveHeap()-before)/float64(n) - payload}
	return m, reads(s, n, s.Sweep, m)
}

func files(n int, dir string) (map[string]float64, error) {
	defer os.RemoveAll(dir)
	s, err := filestore.New(dir, filestore.Config{})
	if err != nil {
		return nil, err
	}
	if err := fill(s, n, 4, expires); err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	before, start := liveHeap(), time.Now()
	if s, err = filestore.New(dir, filestore.Config{}); err != nil {
		return nil, err
	}
	defer s.Close()
	if _, err := s.Load(context.Background(), id(1)); err != nil {
		return nil, err
	}
	m := map[string]float64{"start_ms": float64(time.Since(start).Microseconds()) / 1000}
	m["bytes_beside_payload"] = max(0, liveHeap()-before) / float64(n) // the payload is not in memory
	count, err := countFiles(dir)
	if err != nil {
		return nil, err
	}
	m["files"] = float64(count) / float64(n)
	return m, reads(s, n, s.Sweep, m)
}

// server measures a store that is on a server. Where the server itself removes what has expired, nothing does.
func server(p servers.Place, n int) (map[string]float64, error) {
	before, err := p.Bytes()
	if err != nil {
		return nil, err
	}
	backend, err := p.Open()
	if err != nil {
		return nil, err
	}
	defer driver.Close(backend)
	s, ok := backend.(driver.Store)
	if !ok {
		return nil, fmt.Errorf("%T keeps no records", backend)
	}
	sweeper, sweeps := backend.(driver.Sweeper)
	ends := func(int) time.Time { return time.Now().Add(time.Hour) }
	if sweeps {
		ends = expires
	}
	if err := fill(s, n, 16, ends); err != nil {
		return nil, err
	}
	after, err := p.Bytes()
	if err != nil {
		return nil, err
	}
	m := map[string]float64{"bytes_beside_payload": (after-before)/float64(n) - payload}
	if !sweeps {
		return m, quietReads(s, n, m)
	}
	return m, reads(s, n, sweeper.Sweep, m)
}

func countFiles(dir string) (n int, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			n++
		}
		return err
	})
	return n, err
}

func fill(s driver.Store, n, writers int, ends func(i int) time.Time) error {
	var wg sync.WaitGroup
	var failed atomic.Pointer[error]
	for w := range writers {
		wg.Go(func() {
			rec := driver.Record{Created: time.Now()}
			for i := w; i < n; i += writers {
				rec.ID, rec.Data, rec.Expires = id(i), make([]byte, payload), ends(i)
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

// Print writes the suite as a table.
func Print(w io.Writer, s *result.Suite) {
	for _, row := range s.Rows {
		fmt.Fprintf(w, "%-16s %-7s %8s", row.Library, row.Store, row.Case)
		for _, key := range []string{"bytes_beside_payload", "read_p50_us", "read_p99_us", "worst_read_ms", "sweep_s", "start_ms", "files"} {
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
