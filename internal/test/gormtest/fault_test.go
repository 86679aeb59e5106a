package gormtest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/rounds"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

var cutStep = flag.Int("cutstep", rounds.Of(20, 5), "how many bytes further each cut of TestCutAtEveryByte is")

// TestCutAtEveryByte cuts the connection after each byte of each call's reply: once, or also on every connection that
// follows.
func TestCutAtEveryByte(t *testing.T) {
	for _, e := range servers {
		for _, mode := range []struct {
			name string
			step int
			cut  func(place, int)
		}{
			{"once", *cutStep, func(p place, n int) { p.proxy.CutAfter(n) }},
			{"each", 7 * *cutStep, func(p place, n int) { p.proxy.CutEach(n) }}, // each connection has to log in again
		} {
			t.Run(e.name+"/"+mode.name, func(t *testing.T) {
				p := e.database(t)
				config := p.fresh(t)
				db := p.open(t)
				pool, err := db.DB()
				must(t, err)
				pool.SetMaxOpenConns(1)
				s := newStore(t, db, config)
				before := runtime.NumGoroutine()
				for n := rand.IntN(mode.step); n <= 280; n += mode.step { // each run has other bytes
					cutCalls(t, s, n, func() { mode.cut(p, n) }, p.proxy.Heal)
				}
				settled(t, before)
				open := p.proxy.Stats().Open
				for end := time.Now().Add(patience); open > 2 && time.Now().Before(end); open = p.proxy.Stats().Open {
					time.Sleep(10 * time.Millisecond) // the proxy may not have seen yet that one has ended
				}
				if open > 2 {
					t.Errorf("%d connections are open", open)
				}
			})
		}
	}
}

// cutCalls makes one call of each kind while the connection breaks after n bytes.
func cutCalls(t *testing.T, s *gormstore.Store, n int, cut, heal func()) {
	t.Helper()
	ctx := t.Context()
	broken := func(name string, call func() error) error {
		for deadline := time.Now().Add(patience); s.Ping(ctx) != nil; { // the breaker may be open
			if time.Now().After(deadline) {
				t.Fatal("does not recover")
			}
			time.Sleep(5 * time.Millisecond)
		}
		cut()
		err := call()
		heal()
		if err != nil && (!errors.Is(err, driver.ErrUnavailable) || errors.Is(err, driver.ErrNotFound)) {
			t.Errorf("cut after %d bytes, %s: %v", n, name, err)
		}
		return err
	}
	state := func(id driver.ID) (driver.Record, error) {
		for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
			rec, err := s.Load(ctx, id)
			if !errors.Is(err, driver.ErrUnavailable) {
				return rec, err
			}
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
		}
	}

	rec := record(n+1, "alice", 32)
	created := broken("Create", func() error { return s.Create(ctx, rec) })
	stored, err := state(rec.ID)
	if created == nil && (err != nil || stored.Version != rec.Version) {
		t.Fatalf("cut after %d bytes: Create succeeded: %v, version %d of %d", n, err, stored.Version, rec.Version)
	}
	if errors.Is(err, driver.ErrNotFound) {
		must(t, s.Create(ctx, rec))
	} else {
		rec.Version = stored.Version
	}

	_ = broken("Load", func() error {
		found, err := s.Load(ctx, rec.ID)
		if err == nil && (found.ID != rec.ID || found.Version != rec.Version || !bytes.Equal(found.Data, rec.Data)) {
			t.Errorf("cut after %d bytes: Load returns another record", n)
		}
		return err
	})

	old := *rec
	rec.Data = bytes.Repeat([]byte{1}, 32)
	updated := broken("Update", func() error { return s.Update(ctx, rec) })
	stored, err = state(rec.ID)
	must(t, err)
	isOld := stored.Version == old.Version && bytes.Equal(stored.Data, old.Data)
	isNew := stored.Version == old.Version+1 && bytes.Equal(stored.Data, rec.Data)
	if isOld == isNew || isOld && updated == nil {
		t.Errorf("cut after %d bytes: Update said %v, version %d then %d", n, updated, old.Version, stored.Version)
	}

	used, until := stored.Used.Add(time.Hour), stored.Expires.Add(time.Hour)
	touched := broken("Touch", func() error { return s.Touch(ctx, rec.ID, stored.Version, used, until) })
	if stored, err = state(rec.ID); err != nil || touched == nil && !(stored.Used.Equal(used) && stored.Expires.Equal(until)) {
		t.Errorf("cut after %d bytes: Touch said %v, then used %v, until %v, %v", n, touched, stored.Used, stored.Expires, err)
	}

	deleted := broken("Delete", func() error { return s.Delete(ctx, rec.ID) })
	if _, err = state(rec.ID); deleted == nil && !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("cut after %d bytes: Delete succeeded, then Load: %v", n, err)
	}
	must(t, s.Delete(ctx, rec.ID))
}

// settled waits until the number of goroutines is back to what it was.
func settled(t *testing.T, before int) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if runtime.NumGoroutine() <= before+4 { // a connection has one or two
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, before there were %d", runtime.NumGoroutine(), before)
}

// TestSlowServer: every call ends with its context, whatever hangs. Otherwise it would wait as long as the fault lasts,
// a minute or for ever.
func TestSlowServer(t *testing.T) {
	faults := map[string]func(place) (end func()){
		"hang":   func(p place) func() { p.proxy.Hang(); return p.proxy.Heal },
		"paused": func(p place) func() { p.server.Pause(); return p.server.Resume },
		"slow":   func(p place) func() { p.proxy.Latency(2 * patience); return p.proxy.Heal },
	}
	for _, e := range servers {
		for name, fault := range faults {
			t.Run(e.name+"/"+name, func(t *testing.T) {
				p := e.database(t)
				config := p.fresh(t)
				s := newStore(t, p.open(t), config)
				rec := record(1, "alice", 32)
				must(t, s.Create(t.Context(), rec))
				before := runtime.NumGoroutine()
				end := fault(p)
				for range 8 {
					ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
					start := time.Now()
					_, err := s.Load(ctx, rec.ID)
					took := time.Since(start)
					cancel()
					if took > patience/2 || !errors.Is(err, driver.ErrUnavailable) {
						t.Errorf("Load took %v: %v", took, err)
					}
				}
				end()
				start := time.Now()
				for {
					if _, err := s.Load(t.Context(), rec.ID); err == nil {
						break
					} else if time.Since(start) > patience {
						t.Fatalf("not back after %v: %v", patience, err)
					}
					time.Sleep(5 * time.Millisecond)
				}
				settled(t, before)
			})
		}
	}
}
