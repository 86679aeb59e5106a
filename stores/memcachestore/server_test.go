package memcachestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/breaker"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// soak turns on the long versions of these tests.
var soak = os.Getenv("TESTS_SOAK") != ""

// right fails unless a Load returned the record or ErrUnavailable.
func right(t *testing.T, what string, want *driver.Record, got driver.Record, err error) {
	t.Helper()
	if err == nil && (got.ID != want.ID || got.Version < want.Version || len(got.Data) != len(want.Data)) {
		t.Fatalf("%s: another record: %v of version %d", what, got.ID, got.Version)
	}
	if err != nil && (!errors.Is(err, driver.ErrUnavailable) || errors.Is(err, driver.ErrNotFound)) {
		t.Fatalf("%s: %v", what, err)
	}
}

// Wherever a reply is cut, the answer is right or ErrUnavailable. After ErrUnavailable, the write has either happened
// completely or not at all.
func TestReplyCutAtEveryByte(t *testing.T) {
	srv := memcached(t)
	proxy := startserver.NewProxy(t, srv.Addr)
	sure := open(t, srv.Addr)
	ctx := t.Context()
	for _, slice := range []bool{false, true} {
		for _, idle := range []bool{false, true} {
			for n := range 260 {
				what := fmt.Sprintf("cut after %d bytes, idle connection %t, sliced %t", n, idle, slice)
				s := open(t, proxy.Addr)
				rec := record(n, 50)
				must(t, sure.Create(ctx, rec))
				if idle {
					_, err := s.Load(ctx, rec.ID)
					must(t, err)
				}
				if slice {
					if n%10 != 0 {
						continue
					}
					proxy.Slice()
				}
				proxy.CutAfter(n)
				got, err := s.Load(ctx, rec.ID)
				right(t, what+": Load", rec, got, err)

				proxy.Heal()
				if 20 <= n && n < 240 {
					continue // writes meet each cut twice: after a Load that was cut, and after one that was not
				}
				proxy.CutAfter(n % 20)
				next := *rec
				next.Data = []byte("next")
				err = s.Update(ctx, &next)
				now, lerr := sure.Load(ctx, rec.ID)
				must(t, lerr)
				switch {
				case err == nil && (now.Version != next.Version || string(now.Data) != "next"):
					t.Fatalf("%s: Update of version %d was acknowledged, there is %d", what, next.Version, now.Version)
				case err != nil && !errors.Is(err, driver.ErrUnavailable):
					t.Fatalf("%s: Update: %v", what, err)
				}
				proxy.Heal()
				proxy.CutAfter(n % 20)
				fresh := record(100000+n, 50)
				if err = s.Create(ctx, fresh); err == nil {
					got, err = sure.Load(ctx, fresh.ID)
					must(t, err)
					right(t, what+": Create", fresh, got, err)
				} else if !errors.Is(err, driver.ErrUnavailable) {
					t.Fatalf("%s: Create: %v", what, err)
				}
				proxy.Heal()
				proxy.CutAfter(n % 20)
				if err = s.Delete(ctx, rec.ID); err == nil {
					_, err = sure.Load(ctx, rec.ID)
					wants(t, err, driver.ErrNotFound)
				} else if !errors.Is(err, driver.ErrUnavailable) {
					t.Fatalf("%s: Delete: %v", what, err)
				}
				proxy.Heal()
			}
		}
	}
}

// While a server is stopped, a call takes no longer than its deadline, and late answers reach nobody.
func TestServerStopped(t *testing.T) {
	srv := startserver.Memcached(t)
	s := open(t, srv.Addr)
	ctx := t.Context()
	recs := make([]*driver.Record, 20)
	for i := range recs {
		recs[i] = record(i, 100+i)
		must(t, s.Create(ctx, recs[i]))
	}
	srv.Pause()
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
			defer cancel()
			start := time.Now()
			_, err := s.Load(ctx, recs[i%len(recs)].ID)
			if took := time.Since(start); took > soon || !errors.Is(err, driver.ErrUnavailable) || errors.Is(err, driver.ErrNotFound) {
				t.Errorf("Load took %v: %v", took, err)
			}
		})
	}
	wg.Wait()

	// Now the breaker opens: in each of its intervals one call waits for its deadline, and the others are not made.
	begun, tried := time.Now(), 0
	const calls = 200
	for range calls {
		ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		_, err := s.Load(ctx, recs[0].ID)
		cancel()
		wants(t, err, driver.ErrUnavailable)
		if open := (*breaker.OpenError)(nil); !errors.As(err, &open) {
			tried++
		}
	}
	if most := 10 + int(time.Since(begun)/breaker.Interval); tried > most {
		t.Errorf("%d of %d calls were tried in %v, at most %d should be", tried, calls, time.Since(begun), most)
	}

	if !s.Breakers()[srv.Addr] {
		t.Errorf("Breakers: %v", s.Breakers())
	}
	srv.Resume()
	eventually(t, func() bool { _, err := s.Load(ctx, recs[0].ID); return err == nil })
	for range 5 {
		for i, rec := range recs {
			got, err := s.Load(ctx, rec.ID)
			must(t, err)
			right(t, fmt.Sprint("record ", i, " after the stop"), rec, got, err)
		}
	}
}

// A canceled call returns at once.
func TestCancel(t *testing.T) {
	srv := memcached(t)
	proxy := startserver.NewProxy(t, srv.Addr)
	s := open(t, proxy.Addr)
	rec := record(1, 10)
	must(t, s.Create(t.Context(), rec))
	proxy.Hang()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	start := time.Now()
	_, err := s.Load(ctx, rec.ID)
	wants(t, err, driver.ErrUnavailable)
	wants(t, err, context.Canceled)
	if took := time.Since(start); took > soon {
		t.Errorf("took %v", took)
	}
	proxy.Heal()
	if _, err := s.Load(t.Context(), rec.ID); err != nil {
		t.Errorf("the call after it: %v", err)
	}
}

// A server is killed and comes back empty. Sessions are unavailable first, and then proved absent. Soon the server is
// in use again, and no call fails because of an idle connection from before.
func TestServerKilled(t *testing.T) {
	srv := startserver.Memcached(t)
	s := open(t, srv.Addr)
	before := runtime.NumGoroutine()
	ctx := t.Context()
	kills := 5
	if soak {
		kills = 20
	}
	for range kills {
		rec := record(1, 100)
		must(t, s.Create(ctx, rec))
		var stop, down atomic.Bool
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for !stop.Load() {
					ctx, cancel := context.WithTimeout(ctx, patience)
					up := !down.Load()
					got, err := s.Load(ctx, rec.ID)
					if up && !down.Load() && !errors.Is(err, driver.ErrNotFound) {
						right(t, "under load", rec, got, err)
					}
					cancel()
				}
			})
		}
		time.Sleep(20 * time.Millisecond)
		down.Store(true)
		srv.Kill()
		_, err := s.Load(ctx, rec.ID)
		wants(t, err, driver.ErrUnavailable)
		srv.Restart(t)
		eventually(t, func() bool { _, err := s.Load(ctx, rec.ID); return errors.Is(err, driver.ErrNotFound) })
		stop.Store(true)
		wg.Wait()
		must(t, s.Create(ctx, record(2, 100)))
		wants(t, s.Update(ctx, rec), driver.ErrNotFound)
		wants(t, s.Touch(ctx, rec.ID, rec.Version, rec.Used, time.Now().Add(2*time.Hour)), driver.ErrNotFound)
	}
	eventually(t, func() bool { return runtime.NumGoroutine() <= before })
}

// If idle connections have died, the next call does not fail.
func TestIdleConnectionsDied(t *testing.T) {
	srv := memcached(t)
	proxy := startserver.NewProxy(t, srv.Addr)
	s := open(t, proxy.Addr)
	ctx := t.Context()
	rec := record(1, 10)
	must(t, s.Create(ctx, rec))
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { _, err := s.Load(ctx, rec.ID); must(t, err) })
	}
	wg.Wait()
	for name, call := range map[string]func() error{
		"Load":   func() error { _, err := s.Load(ctx, rec.ID); return err },
		"Create": func() error { return s.Create(ctx, record(2, 10)) },
		"Update": func() error { return s.Update(ctx, rec) },
		"Touch":  func() error { return s.Touch(ctx, rec.ID, rec.Version, rec.Used, time.Now().Add(2*time.Hour)) },
		"Delete": func() error { return s.Delete(ctx, record(3, 10).ID) },
		"Ping":   func() error { return s.Ping(ctx) },
	} {
		proxy.Reset()
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, s.Close())
	eventually(t, func() bool { return proxy.Stats().Open == 0 })
}

func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v", patience)
		}
	}
}

// Callers with short deadlines say nothing about the server, so the next call is made.
func TestShortDeadlinesOpenNoBreaker(t *testing.T) {
	proxy := startserver.NewProxy(t, memcached(t).Addr)
	s := open(t, proxy.Addr)
	rec := record(1, 10)
	must(t, s.Create(t.Context(), rec))
	proxy.Hang()
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_, err := s.Load(ctx, rec.ID)
		cancel()
		wants(t, err, context.DeadlineExceeded)
	}
	proxy.Heal()
	_, err := s.Load(t.Context(), rec.ID)
	must(t, err)
}
