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

// Given a FIFO that replaces a record again and again, then no Load waits for a writer of the FIFO.
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
			if _, err := s.Load(t.Context(), rec.ID); err != nil && !unreadable(err) && !errors.Is(err, driver.ErrNotFound) {
				t.Error(err)
				return
			}
		}
	})
}
