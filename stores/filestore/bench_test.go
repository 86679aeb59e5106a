package filestore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var benchData = "\x01\x00" + strings.Repeat("x", 398) // not that of an ended session

// beside runs the bare system calls and the store's method in turns, on files of the same size in folders of the same
// kind. It reports the median of each, and the store's median as a multiple of the other.
func beside(b *testing.B, raw, store func() error) {
	var raws, stores []time.Duration
	timed := func(times *[]time.Duration, f func() error) {
		start := time.Now()
		err := f()
		*times = append(*times, time.Since(start))
		check(b, err)
	}
	for b.Loop() {
		timed(&raws, raw)
		timed(&stores, store)
	}
	slices.Sort(raws)
	slices.Sort(stores)
	r, s := raws[len(raws)/2], stores[len(stores)/2]
	b.ReportMetric(float64(r.Nanoseconds()), "raw-p50-ns")
	b.ReportMetric(float64(s.Nanoseconds()), "store-p50-ns")
	b.ReportMetric(float64(s)/float64(r), "ratio")
	b.ReportMetric(0, "ns/op")
}

// rawFolder makes a folder with one file that holds data.
func rawFolder(b *testing.B, data []byte) (dir, file string) {
	dir = filepath.Join(b.TempDir(), "ab")
	check(b, os.Mkdir(dir, 0o700))
	file = filepath.Join(dir, strings.Repeat("c", 62))
	check(b, rawWrite(dir, file, data, true))
	return dir, file
}

func rawWrite(dir, file string, data []byte, sync bool) error {
	temp := filepath.Join(dir, "temp")
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if sync {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if err := os.Rename(temp, file); err != nil || !sync {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return syncDir(d)
}

// bothSyncs runs a benchmark with each Sync.
func bothSyncs(b *testing.B, bench func(*testing.B, *Store, bool)) {
	for name, sync := range map[string]Sync{"SyncAll": SyncAll, "SyncEnds": SyncEnds} {
		b.Run(name, func(b *testing.B) {
			s, _ := newStoreWith(b, Config{Sync: sync})
			bench(b, s, sync == SyncAll)
		})
	}
}

func BenchmarkLoad(b *testing.B) { bothSyncs(b, benchmarkLoad) }

func benchmarkLoad(b *testing.B, s *Store, _ bool) {
	rec := create(b, s, "alice", benchData)
	data := encode(rec)
	_, file := rawFolder(b, data)
	buf := make([]byte, len(data))
	beside(b, func() error {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.Read(buf)
		return err
	}, func() error {
		_, err := s.Load(context.Background(), rec.ID)
		return err
	})
}

func BenchmarkUpdate(b *testing.B) { bothSyncs(b, benchmarkUpdate) }

func benchmarkUpdate(b *testing.B, s *Store, sync bool) {
	rec := create(b, s, "alice", benchData)
	data := encode(rec)
	dir, file := rawFolder(b, data)
	beside(b, func() error { return rawWrite(dir, file, data, sync) },
		func() error { return s.Update(context.Background(), rec) })
}

func BenchmarkCreate(b *testing.B) { bothSyncs(b, benchmarkCreate) }

func benchmarkCreate(b *testing.B, s *Store, sync bool) {
	for name, subject := range map[string]string{"Anonymous": "", "Login": "alice"} {
		b.Run(name, func(b *testing.B) {
			rec := create(b, s, subject, benchData) // makes the folders
			data := encode(rec)
			dir, file := rawFolder(b, data)
			n := 0
			beside(b, func() error {
				if !sync {
					return os.WriteFile(fmt.Sprint(file, n), data, 0o600)
				}
				return rawWrite(dir, file, data, true)
			}, func() error {
				n++
				rec.ID[29], rec.ID[30], rec.ID[31] = byte(n>>16), byte(n>>8), byte(n)
				return s.Create(context.Background(), rec)
			})
		})
	}
}

func BenchmarkTouch(b *testing.B) {
	s, _ := newStore(b)
	rec := create(b, s, "alice", benchData)
	_, file := rawFolder(b, encode(rec))
	slot, expires := appendSlot(nil, times{}), rec.Expires
	beside(b, func() error {
		f, err := os.OpenFile(file, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.WriteAt(slot, slotAt)
		return err
	}, func() error {
		expires = expires.Add(time.Millisecond)
		return s.Touch(context.Background(), rec.ID, rec.Version, rec.Used, expires)
	})
}

// BenchmarkSweep measures a Sweep that finds nothing, for each session, with its share of the folders.
func BenchmarkSweep(b *testing.B) {
	s, dir := newStore(b)
	const sessions = 10_000
	for range sessions {
		rec := newRecord("alice", benchData)
		parent, err := s.openDir(shardName(rec.ID[0]))
		check(b, err)
		parent.Close()
		check(b, os.WriteFile(filePath(dir, rec.ID), encode(rec), 0o600))
		check(b, s.addMarkers(rec.ID, entriesOf(rec.Subject, nil)))
	}
	for b.Loop() {
		if _, err := s.Sweep(context.Background(), 1); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/sessions, "ns/session")
}
