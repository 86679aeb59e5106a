package filestore

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

func init() { roles["short write"] = shortWriteRole }

// shortWriteRole updates a session with more data than the process may write to a file. The kernel writes the first
// part.
func shortWriteRole(dir, _ string) error {
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: 4096, Max: 4096}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	s, err := New(dir, Config{})
	if err != nil {
		return err
	}
	rec, err := s.Load(context.Background(), driver.ID{1})
	if err != nil {
		return err
	}
	version := rec.Version
	rec.Data = make([]byte, 8192)
	err = s.Update(context.Background(), &rec)
	if rec.Version != version {
		return errors.New("the version was set")
	}
	return faulty(err, syscall.EFBIG, "RLIMIT_FSIZE")
}

func TestShortWriteKeepsTheOldFile(t *testing.T) {
	s, dir := newStore(t)
	rec := newRecord("alice", "old data")
	rec.ID = driver.ID{1}
	check(t, s.Create(t.Context(), rec))
	run(t, "short write", dir, "")
	intact(t, s, dir, rec)
}

func intact(t *testing.T, s *Store, dir string, rec *driver.Record) {
	t.Helper()
	got, err := s.Load(t.Context(), rec.ID)
	check(t, err)
	if got.Version != rec.Version || string(got.Data) != string(rec.Data) {
		t.Errorf("Load gave version %d, %q; want %d, %q", got.Version, got.Data, rec.Version, rec.Data)
	}
	if temps, _ := filepath.Glob(filepath.Join(dir, "*", tempPrefix+"*")); len(temps) != 0 {
		t.Errorf("left behind: %v", temps)
	}
}

// The disk is really full. The test mounts one, which takes root.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=0700"); err != nil {
		skipUnlessRoot(t, "mount a file system", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, 0) })
	s := openStore(t, dir)
	t.Cleanup(func() { s.Close() })
	rec := create(t, s, "alice", "old data")
	other := create(t, s, "alice", "other data")
	check(t, os.WriteFile(filepath.Join(dir, "ballast"), nil, 0o600))
	f, err := os.OpenFile(filepath.Join(dir, "ballast"), os.O_WRONLY, 0)
	check(t, err)
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	f.Close()

	full := *rec
	full.Data = make([]byte, 8192)
	for name, err := range map[string]error{
		"Update": s.Update(t.Context(), &full),
		"Create": s.Create(t.Context(), newRecord("", "data")),
		"Ping":   s.Ping(t.Context()),
	} {
		if err := faulty(err, syscall.ENOSPC, "free some space"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	intact(t, s, dir, rec)
	check(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Second)))
	check(t, s.Delete(t.Context(), other.ID)) // logging out works on a full disk
}
