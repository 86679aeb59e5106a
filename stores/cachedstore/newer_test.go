package cachedstore_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

var ctx = context.Background()

func openFiles(tb testing.TB, dir string) *filestore.Store {
	tb.Helper()
	s, err := filestore.New(dir, filestore.Config{})
	must(tb, err)
	return s
}

func fileOf(dir string, id driver.ID) string {
	text := id.String()
	return filepath.Join(dir, text[:2], text[2:])
}

// setFormat writes the format's number into a record of a filestore, as a newer release would.
func setFormat(tb testing.TB, dir string, id driver.ID, number byte) {
	tb.Helper()
	f, err := os.OpenFile(fileOf(dir, id), os.O_WRONLY, 0)
	must(tb, err)
	_, err = f.WriteAt([]byte{0, number}, 6)
	must(tb, err)
	must(tb, f.Close())
}

// A truth with a format of its own, on the clock of the machine.
func TestOverFiles(t *testing.T) {
	t.Parallel()
	var cache driver.Store
	var dir string
	storetest.Run(t, storetest.Harness{
		New: func(tb testing.TB) func(testing.TB) driver.Store {
			mine, files := made(memstore.New(memstore.Config{})), filepath.Join(tb.TempDir(), "sessions")
			cache, dir = mine, files
			return func(tb testing.TB) driver.Store {
				return open(tb, remote(mine), openFiles(tb, files), cachedstore.Config{})
			}
		},
		Newer: func(tb testing.TB, id driver.ID) func() {
			setFormat(tb, dir, id, 2)
			must(tb, cache.Delete(tb.Context(), id))
			return func() { setFormat(tb, dir, id, 1) }
		},
	})
}

// newerEntries are caches in which an entry can be of a newer format: that of the cache, and that of what
// cachedstore puts into it.
var newerEntries = map[string]func(t *testing.T) (cache driver.Store, rewrite func(driver.ID), stored func(driver.ID) []byte){
	"of the cache": func(t *testing.T) (driver.Store, func(driver.ID), func(driver.ID) []byte) {
		dir := filepath.Join(t.TempDir(), "cache")
		stored := func(id driver.ID) []byte { b, _ := os.ReadFile(fileOf(dir, id)); return b }
		return openFiles(t, dir), func(id driver.ID) { setFormat(t, dir, id, 2) }, stored
	},
	"of the entry": func(t *testing.T) (driver.Store, func(driver.ID), func(driver.ID) []byte) {
		cache := made(memstore.New(memstore.Config{}))
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
// the entry stays for whoever can read it. When this server changes the session, the entry goes: it would be old.
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
				truth := storetest.NewFault(made(memstore.New(memstore.Config{})))
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
					t.Error("the entry is there, and old")
				}
				got, err := s.Load(ctx, rec.ID)
				if how == "delete" {
					wants(t, err, driver.ErrNotFound)
				} else if err != nil || string(got.Data) != string(rec.Data) || !got.Used.Equal(rec.Used) {
					t.Errorf("after the change: %+v, %v", got, err)
				}
			})
		}
	}
}

// A truth that cannot be read is no cache's to answer for, once a write has shown it.
func TestTruthOfANewerFormat(t *testing.T) {
	for how, try := range map[string]func(s *cachedstore.Store, rec *driver.Record) error{
		"update": func(s *cachedstore.Store, rec *driver.Record) error { return s.Update(ctx, rec) },
		"touch": func(s *cachedstore.Store, rec *driver.Record) error {
			return s.Touch(ctx, rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Hour))
		},
		"reload": func(s *cachedstore.Store, rec *driver.Record) error { _, err := s.Reload(ctx, rec.ID); return err },
	} {
		dir := filepath.Join(t.TempDir(), "sessions")
		s := open(t, made(memstore.New(memstore.Config{})), openFiles(t, dir), cachedstore.Config{})
		rec := driver.Record{ID: driver.ID{1}, Created: time.Now(), Used: time.Now(), Expires: time.Now().Add(time.Hour), Data: []byte("1")}
		must(t, s.Create(ctx, &rec))
		setFormat(t, dir, rec.ID, 2)
		if _, err := s.Load(ctx, rec.ID); err != nil {
			t.Fatalf("%s: from the cache: %v", how, err)
		}
		wants(t, try(s, &rec), driver.ErrUnreadable)
		_, err := s.Load(ctx, rec.ID)
		wants(t, err, driver.ErrUnreadable)
		setFormat(t, dir, rec.ID, 1)
		got, err := s.Load(ctx, rec.ID)
		if err != nil || string(got.Data) != "1" {
			t.Errorf("%s: when it can be read: %+v, %v", how, got, err)
		}
	}
}

// A cache that panics after the truth has done its part counts as one that fails: the call stands, the cache is owed
// the change, and the goroutine that pays does not end the process.
func TestCachePanics(t *testing.T) {
	cache := storetest.NewFault(made(memstore.New(memstore.Config{})))
	s := open(t, cache.Store(), made(memstore.New(memstore.Config{})), cachedstore.Config{})
	rec := driver.Record{ID: driver.ID{1}, Created: time.Now(), Used: time.Now(), Expires: time.Now().Add(time.Hour), Data: []byte("1")}
	must(t, s.Create(ctx, &rec))
	cache.Before(func(c storetest.Call) error {
		if c.Method == "Update" {
			panic("in the cache")
		}
		return nil
	})
	rec.Data = []byte("2")
	must(t, s.Update(ctx, &rec))
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if got, err := s.Load(ctx, rec.ID); err != nil || string(got.Data) != "2" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
}

// A cache that panics while a read fills it fails no request: the truth has answered.
func TestCachePanicsWhenFilled(t *testing.T) {
	p := newPair(t)
	p.a.cache.Before(func(c storetest.Call) error {
		if c.Method == "Create" {
			panic("in the cache")
		}
		return nil
	})
	p.reads(t, p.a, "data")
	p.a.cache.Before(nil)
	if len(p.a.reports) != 1 || !errors.Is(p.a.reports[0], driver.ErrUnavailable) {
		t.Errorf("reports: %v", p.a.reports)
	}
}
