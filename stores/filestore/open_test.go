package filestore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// A call that finds a shard's folder replaced does not close a folder that another call is using.
func TestLoadWhileAnotherCreates(t *testing.T) {
	s, err := New(filepath.Join(t.TempDir(), "s"), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	var newest atomic.Uint32
	id := func(n uint32) driver.ID { return driver.ID{7, byte(n), byte(n >> 8), byte(n >> 16)} }
	first := driver.Record{ID: id(0), Expires: time.Now().Add(time.Hour)}
	if err := s.Create(ctx, &first); err != nil {
		t.Fatal(err)
	}
	stop := time.Now().Add(time.Second)
	var wg sync.WaitGroup
	var failed atomic.Int64
	var lastErr atomic.Value
	for range 4 {
		wg.Go(func() {
			for time.Now().Before(stop) {
				_, err := s.Load(ctx, id(newest.Load()+1)) // is created next, as when a revocation is looked for
				if err != nil && !errors.Is(err, driver.ErrNotFound) {
					failed.Add(1)
					lastErr.Store(err)
				}
				if _, err = s.Load(ctx, id(0)); err != nil {
					failed.Add(1)
					lastErr.Store(err)
				}
			}
		})
	}
	for time.Now().Before(stop) {
		rec := driver.Record{ID: id(newest.Load() + 1), Expires: time.Now().Add(time.Hour)}
		if err := s.Create(ctx, &rec); err != nil {
			t.Error(err)
		}
		newest.Add(1)
	}
	wg.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d loads failed in %d creates: %v", failed.Load(), newest.Load(), lastErr.Load())
	}
}

// If somebody empties the folder, all sessions end, and the store goes on working.
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
