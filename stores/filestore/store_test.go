package filestore

import (
	"context"
	"crypto/rand"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

func TestStore(t *testing.T) {
	clock := storetest.NewClock()
	storetest.Run(t, harness(clock))
}

// outages are those that the platform lets a test make.
var outages map[string]func(testing.TB) func()

// The clock of the machine, and the outage that takes all files away.
func TestStoreRealTime(t *testing.T) {
	h := harness(nil)
	h.Outages = outages
	storetest.Run(t, h)
}

func harness(clock *storetest.Clock) storetest.Harness {
	var dir string
	h := storetest.Harness{Clock: clock, New: func(tb testing.TB) func(testing.TB) driver.Store {
		mine := filepath.Join(tb.TempDir(), "sessions")
		dir = mine
		return func(tb testing.TB) driver.Store {
			s := openStore(tb, mine)
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
	return h
}

// setFormat writes the format's number into a record file and leaves the rest.
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
	s, err := New(dir, Config{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

func newStore(tb testing.TB) (*Store, string) {
	dir := filepath.Join(tb.TempDir(), "sessions")
	return openStore(tb, dir), dir
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

// sessionsOf returns the IDs that the index gives for a subject.
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

func TestLockWaitEndsWithContext(t *testing.T) {
	a, dir := newStore(t)
	b := openStore(t, dir)
	rec := create(t, a, "", "data")
	l, err := a.lock(t.Context(), rec.ID[0])
	check(t, err)
	for name, s := range map[string]*Store{"same store": a, "other store": b} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		start := time.Now()
		err := s.Update(ctx, rec)
		cancel()
		wantError(t, err, driver.ErrUnavailable)
		wantError(t, err, context.DeadlineExceeded)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s: waited %v", name, took)
		}
		if _, err := s.Load(t.Context(), rec.ID); err != nil {
			t.Errorf("%s: Load must not need the lock: %v", name, err)
		}
	}
	l.unlock()
	check(t, b.Update(t.Context(), rec))
}

// A process that never stops writing to a shard does not keep others out. Touch
// is the shortest writing call, and so the hardest to get in between.
func TestLockTakesTurns(t *testing.T) {
	a, dir := newStore(t)
	b := openStore(t, dir)
	rec := create(t, a, "", "data")
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for range 8 {
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					a.Touch(context.Background(), rec.ID, rec.Version, rec.Used, rec.Expires)
				}
			}
		})
	}
	var worst time.Duration
	for range 50 {
		start := time.Now()
		check(t, b.Touch(t.Context(), rec.ID, rec.Version, rec.Used, rec.Expires))
		worst = max(worst, time.Since(start))
	}
	close(stop)
	busy.Wait()
	t.Logf("longest wait of 50: %v", worst)
	if worst > 10*time.Second {
		t.Errorf("a write waited %v for its turn", worst)
	}
}

// Touch leaves the file and its data where they are. Each time that it writes goes
// forward alone, with the other, or not at all.
func TestTouchInPlace(t *testing.T) {
	s, dir := newStore(t)
	rec := create(t, s, "alice", "data")
	before, err := os.Stat(filePath(dir, rec.ID))
	check(t, err)
	used, expires := rec.Used, rec.Expires
	for i, step := range []struct{ used, expires time.Duration }{
		{time.Minute, time.Minute}, {time.Minute, 0}, {time.Minute, -time.Hour}, {0, time.Minute}, {-time.Hour, time.Minute},
		{-time.Hour, -time.Hour}, {0, 0}, {time.Microsecond, time.Microsecond},
	} {
		check(t, s.Touch(t.Context(), rec.ID, rec.Version, used.Add(step.used), expires.Add(step.expires)))
		used, expires = used.Add(max(step.used, 0)), expires.Add(max(step.expires, 0))
		got, err := s.Load(t.Context(), rec.ID)
		check(t, err)
		if !got.Used.Equal(used) || !got.Expires.Equal(expires) || got.Version != rec.Version {
			t.Fatalf("touch %d: Used %v, Expires %v, version %d; want %v, %v, %d", i, got.Used, got.Expires, got.Version, used, expires, rec.Version)
		}
	}
	after, err := os.Stat(filePath(dir, rec.ID))
	check(t, err)
	if !os.SameFile(before, after) {
		t.Error("Touch made a new file")
	}
}

func TestClosed(t *testing.T) {
	s, _ := newStore(t)
	rec := create(t, s, "alice", "data")
	_, err := s.Load(t.Context(), rec.ID)
	check(t, err)
	check(t, s.Close())
	check(t, s.Close())
	_, err = s.Load(t.Context(), rec.ID)
	wantError(t, err, driver.ErrUnavailable)
	wantError(t, err, os.ErrClosed)
	wantError(t, s.Create(t.Context(), newRecord("", "")), os.ErrClosed)
	wantError(t, s.Ping(t.Context()), os.ErrClosed)
}

// Whoever removes the contents of the folder ends all sessions, and nothing else.
func TestFolderEmptied(t *testing.T) {
	a, dir := newStore(t)
	rec := create(t, a, "alice", "data")
	_, err := a.Load(t.Context(), rec.ID)
	check(t, err)
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	check(t, err)
	for _, name := range names {
		check(t, os.RemoveAll(name))
	}
	_, err = a.Load(t.Context(), rec.ID)
	wantError(t, err, driver.ErrNotFound)
	if got := sessionsOf(t, a, "alice"); len(got) != 0 {
		t.Errorf("sessions of a removed folder: %v", got)
	}
	b := openStore(t, dir)
	rec.Data = []byte("new")
	check(t, b.Create(t.Context(), rec))
	got, err := a.Load(t.Context(), rec.ID)
	check(t, err)
	if string(got.Data) != "new" {
		t.Errorf("Data %q", got.Data)
	}
	other := create(t, a, "alice", "data")
	if got := sessionsOf(t, b, "alice"); !got[rec.ID] || !got[other.ID] {
		t.Errorf("sessions %v", got)
	}
}
