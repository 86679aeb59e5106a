package cachedstore_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// newerEntries are caches in which an entry can have a newer format: either the record of the cache's own store, or
// the entry that cachedstore writes into it.
var newerEntries = map[string]func(t *testing.T) (cache driver.Store, rewrite func(driver.ID), stored func(driver.ID) []byte){
	"of the cache": func(t *testing.T) (driver.Store, func(driver.ID), func(driver.ID) []byte) {
		dir := filepath.Join(t.TempDir(), "cache")
		stored := func(id driver.ID) []byte { b, _ := os.ReadFile(fileOf(dir, id)); return b }
		return openFiles(t, dir), func(id driver.ID) { setFormat(t, dir, id, 2) }, stored
	},
	"of the entry": func(t *testing.T) (driver.Store, func(driver.ID), func(driver.ID) []byte) {
		cache := made.Of(memstore.New(memstore.Config{}))
		rewrite := func(id driver.ID) {
			rec, err := cache.Load(t.Context(), id)
			must(t, err)
			rec.Data = append([]byte{3}, "whatever"...)
			must(t, cache.Update(t.Context(), &rec))
		}
		stored := func(id driver.ID) []byte { rec, _ := cache.Load(t.Context(), id); return rec.Data }
		return cache, rewrite, stored
	},
}

// Given an entry of the cache that a newer release has written, when sessions are read, then the truth answers and
// the entry stays for servers that can read it. When this server changes the session, the entry goes: it is old.
func TestNewerEntryIsNoAnswer(t *testing.T) {
	for what, open := range newerEntries {
		for how, change := range map[string]func(s *cachedstore.Store, rec *driver.Record) error{
			"nothing": nil,
			"update": func(s *cachedstore.Store, rec *driver.Record) error {
				rec.Data = []byte("2")
				return s.Update(ctx, rec)
			},
			"touch": func(s *cachedstore.Store, rec *driver.Record) error {
				rec.Used = rec.Used.Add(time.Minute)
				return s.Touch(ctx, rec.ID, rec.Version, rec.Used, rec.Expires)
			},
			"delete": func(s *cachedstore.Store, rec *driver.Record) error { return s.Delete(ctx, rec.ID) },
		} {
			t.Run(what+"/"+how, func(t *testing.T) {
				cache, rewrite, stored := open(t)
				truth := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
				s, err := cachedstore.New(cache, truth.Store(), cachedstore.Config{
					Report: func(_ driver.ID, err error) { t.Errorf("reported: %v", err) },
				})
				must(t, err)
				defer s.Close()
				now := time.Now().Truncate(time.Microsecond)
				rec := driver.Record{ID: driver.ID{1}, Created: now, Used: now, Expires: now.Add(time.Hour), Data: []byte("1")}
				must(t, s.Create(ctx, &rec))
				rewrite(rec.ID)
				before := stored(rec.ID)
				truth.Reset()
				for _, load := range []func() (driver.Record, error){
					func() (driver.Record, error) { return s.Load(ctx, rec.ID) },
					func() (driver.Record, error) { return s.Reload(ctx, rec.ID) },
					func() (driver.Record, error) { return s.Load(ctx, rec.ID) },
				} {
					got, err := load()
					must(t, err)
					if string(got.Data) != "1" || got.Version != rec.Version {
						t.Errorf("got %+v", got)
					}
				}
				if n := truth.Calls()["Load"]; n != 3 {
					t.Errorf("the truth was asked %d times, want 3", n)
				}
				if !bytes.Equal(stored(rec.ID), before) {
					t.Errorf("reading has changed the entry to %q", stored(rec.ID))
				}
				if change == nil {
					return
				}
				must(t, change(s, &rec))
				if bytes.Equal(stored(rec.ID), before) {
					t.Error("the old entry is still there")
				}
				got, err := s.Load(ctx, rec.ID)
				if how == "delete" {
					wantError(t, err, driver.ErrNotFound)
				} else if err != nil || string(got.Data) != string(rec.Data) || !got.Used.Equal(rec.Used) {
					t.Errorf("after the change: %+v, %v", got, err)
				}
			})
		}
	}
}
