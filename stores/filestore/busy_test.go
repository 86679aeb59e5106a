package filestore

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// A call that finds a folder made anew closes none that another call is using.
func TestLoadWhileAnotherCreates(t *testing.T) {
	s, err := New(filepath.Join(t.TempDir(), "s"), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	var cur atomic.Uint32
	id := func(n uint32) driver.ID { return driver.ID{7, byte(n), byte(n >> 8), byte(n >> 16)} }
	first := driver.Record{ID: id(0), Expires: time.Now().Add(time.Hour)}
	if err := s.Create(ctx, &first); err != nil {
		t.Fatal(err)
	}
	stop := time.Now().Add(time.Second)
	var wg sync.WaitGroup
	var bad atomic.Int64
	var sample atomic.Value
	for range 4 {
		wg.Go(func() {
			for time.Now().Before(stop) {
				_, err := s.Load(ctx, id(cur.Load()+1)) // about to be created: a revocation looked for
				if err != nil && !errors.Is(err, driver.ErrNotFound) {
					bad.Add(1)
					sample.Store(err)
				}
				if _, err = s.Load(ctx, id(0)); err != nil {
					bad.Add(1)
					sample.Store(err)
				}
			}
		})
	}
	for time.Now().Before(stop) {
		rec := driver.Record{ID: id(cur.Load() + 1), Expires: time.Now().Add(time.Hour)}
		if err := s.Create(ctx, &rec); err != nil {
			t.Error(err)
		}
		cur.Add(1)
	}
	wg.Wait()
	if bad.Load() > 0 {
		t.Errorf("%d loads failed in %d creates: %v", bad.Load(), cur.Load(), sample.Load())
	}
}
