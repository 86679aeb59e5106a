package filestore

import (
	"crypto/rand"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
)

func harness(clock *storetest.Clock, config Config) storetest.Harness {
	var dir string
	h := storetest.Harness{Clock: clock, New: func(tb testing.TB) func(testing.TB) driver.Store {
		mine := filepath.Join(tb.TempDir(), "sessions")
		if clock != nil { // TestStoreRealTime has the disk
			mine = filepath.Join(made.MemoryDir(tb), "sessions")
		}
		dir = mine
		return func(tb testing.TB) driver.Store {
			s := openWith(tb, mine, config)
			if clock != nil {
				s.now = clock.Now
			}
			return s
		}
	}}
	h.Newer = func(tb testing.TB, id driver.ID) func() {
		setFormat(tb, dir, id, format+1)
		return func() { setFormat(tb, dir, id, format) }
	}
	if config.Sync == SyncAll { // with SyncEnds, what is damaged is absent: TestDamagedFileIsAbsent
		h.Damage = func(tb testing.TB, id driver.ID) { setFormat(tb, dir, id, 0) }
	}
	h.Block = func(tb testing.TB) func() { return lockAll(tb, openWith(tb, dir, Config{})) }
	return h
}

// lockAll takes the locks of all shards, as another process would.
func lockAll(tb testing.TB, s *Store) (release func()) {
	tb.Helper()
	var all []*locked
	for n := range shardCount {
		l, err := s.lock(tb.Context(), byte(n))
		check(tb, err)
		all = append(all, l)
	}
	return func() {
		for _, l := range all {
			l.unlock()
		}
	}
}

// setFormat changes the number of the format in a record file.
func setFormat(tb testing.TB, dir string, id driver.ID, number uint16) {
	tb.Helper()
	f, err := os.OpenFile(filePath(dir, id), os.O_WRONLY, 0)
	check(tb, err)
	_, err = f.WriteAt(be.AppendUint16(nil, number), 6)
	check(tb, err)
	check(tb, f.Close())
}

func openStore(tb testing.TB, dir string) *Store {
	tb.Helper()
	return openWith(tb, dir, Config{})
}

func openWith(tb testing.TB, dir string, config Config) *Store {
	tb.Helper()
	s, err := New(dir, config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

func newStore(tb testing.TB) (*Store, string) {
	return newStoreWith(tb, Config{})
}

func newStoreWith(tb testing.TB, config Config) (*Store, string) {
	dir := filepath.Join(tb.TempDir(), "sessions")
	return openWith(tb, dir, config), dir
}

func newRecord(subject, data string) *driver.Record {
	now := time.Now().Truncate(time.Microsecond)
	rec := &driver.Record{Subject: subject, Created: now, Used: now, Expires: now.Add(time.Hour), Data: []byte(data)}
	rand.Read(rec.ID[:])
	return rec
}

func create(tb testing.TB, s *Store, subject, data string) *driver.Record {
	tb.Helper()
	rec := newRecord(subject, data)
	check(tb, s.Create(tb.Context(), rec))
	return rec
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func wantError(tb testing.TB, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Fatalf("error is %v, want %v", err, want)
	}
	if !strings.HasPrefix(err.Error(), "filestore: ") {
		tb.Fatalf("error %q does not say that it is ours", err)
	}
}

func filePath(dir string, id driver.ID) string {
	return filepath.Join(dir, filepath.FromSlash(fileName(id)))
}

// sessionsOf returns the IDs that BySubject finds.
func sessionsOf(tb testing.TB, s *Store, subject string) map[driver.ID]bool {
	tb.Helper()
	return found(tb, s.BySubject(tb.Context(), subject))
}

func found(tb testing.TB, seq iter.Seq2[driver.Record, error]) map[driver.ID]bool {
	tb.Helper()
	ids := map[driver.ID]bool{}
	for rec, err := range seq {
		check(tb, err)
		ids[rec.ID] = true
	}
	return ids
}
