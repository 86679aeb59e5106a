package filestore

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Given something that is no folder in the place of one of ours, then a user's sessions in the other folders are found
// all the same, and can be ended.
func TestSpecialFolderHidesNoOtherSession(t *testing.T) {
	for name, with := range specials {
		if name == "folder" || name == "folder that is not empty" || name == "link to a record" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			s, dir := newStore(t)
			lost := newRecord("alice", "data")
			lost.ID[0] = 7
			check(t, s.Create(t.Context(), lost))
			others := map[driver.ID]bool{}
			for range 8 {
				rec := newRecord("alice", "other")
				rec.ID[0] = 8
				check(t, s.Create(t.Context(), rec))
				others[rec.ID] = true
			}
			replaced(t, filepath.Join(dir, shardName(7)), with)
			s = openStore(t, dir)
			var last error
			soon(t, "BySubject", func() {
				for rec, err := range s.BySubject(t.Context(), "alice") {
					last = err
					delete(others, rec.ID)
				}
			})
			if len(others) > 0 || !errors.Is(last, driver.ErrUnavailable) {
				t.Errorf("%d of 8 not found; the error is %v", len(others), last)
			}
		})
	}
}

// Given a FIFO that takes the place of a record again and again, then no call waits for what is written to it.
func TestSpecialComesInBetween(t *testing.T) {
	s, dir := newStore(t)
	rec := newRecord("alice", "data")
	check(t, s.Create(t.Context(), rec))
	path := filePath(dir, rec.ID)
	whole, err := os.ReadFile(path)
	check(t, err)
	fifo := filepath.Join(dir, "fifo")
	check(t, syscall.Mkfifo(fifo, 0o600))
	f, err := os.OpenFile(fifo, os.O_RDWR, 0)
	check(t, err)
	t.Cleanup(func() { f.Close() })
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		for {
			select {
			case <-done:
				return
			default:
			}
			_ = os.Remove(path)
			_ = os.WriteFile(path, whole, 0o600)
			_ = os.Remove(path)
			_ = os.Link(fifo, path)
		}
	}()
	defer func() { close(done); <-over }()
	soon(t, "Load", func() {
		for until := time.Now().Add(2 * time.Second); time.Now().Before(until); {
			if _, err := s.Load(t.Context(), rec.ID); err != nil && !stays(err) && !errors.Is(err, driver.ErrNotFound) {
				t.Error(err)
				return
			}
		}
	})
}
