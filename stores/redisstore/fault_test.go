package redisstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/breaker"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// soak is set for the long versions of these tests.
var soak = os.Getenv("COATCHECK_SOAK") != ""

// behindProxy opens a store whose breaker never opens, so that every call is made.
func behindProxy(t *testing.T) (*Store, *startserver.Proxy) {
	proxy := startserver.NewProxy(t, single(t).Addr)
	s := openStore(t, nil, Config{}, proxy.Addr)
	for i := range s.guards {
		s.guards[i] = breaker.New(1<<30, 0)
	}
	return s, proxy
}

// A reply that breaks off after any of its bytes, on one connection or on all:
// the answer is right or ErrUnavailable, and comes in time.
func TestCutAtEveryByte(t *testing.T) {
	s, proxy := behindProxy(t)
	direct := openStore(t, nil, Config{}, single(t).Addr)
	for name, cut := range map[string]func(int){"one": proxy.CutAfter, "all": proxy.CutEach} {
		for n := range 160 {
			if name == "all" && n > 4 && n%20 != 0 {
				continue // the first cut is as with "one"; of those after it none gets through, which takes 100 ms a call
			}
			rec := create(t, direct, "alice", fmt.Sprintf("data %d", n))
			fresh := newRecord("", "fresh")
			updated := *rec
			updated.Data = []byte("updated")
			for _, c := range []struct {
				name string
				call func(context.Context) error
			}{
				{"Load", func(ctx context.Context) error { return loads(ctx, s, rec) }},
				{"Update", func(ctx context.Context) error { return s.Update(ctx, &updated) }},
				{"Touch", func(ctx context.Context) error {
					return s.Touch(ctx, rec.ID, updated.Version, rec.Used, rec.Expires.Add(time.Minute))
				}},
				{"Reload", func(ctx context.Context) error { _, err := s.Reload(ctx, rec.ID); return err }},
				{"Create", func(ctx context.Context) error { return s.Create(ctx, fresh) }},
				{"Succeed", func(ctx context.Context) error { return s.Succeed(ctx, ended(&updated), newRecord("alice", "next")) }},
				{"Delete", func(ctx context.Context) error { return s.Delete(ctx, rec.ID) }},
			} {
				proxy.Heal()
				_, _ = s.Load(t.Context(), rec.ID) // a connection that is warm
				cut(n)
				before := time.Now()
				err := c.call(t.Context())
				if took := time.Since(before); took > soon {
					t.Fatalf("%s cut after %d (%s): took %v", c.name, n, name, took)
				}
				// After an Update of unknown outcome, either version may be there.
				version := (c.name == "Touch" || c.name == "Succeed") && errors.Is(err, driver.ErrConflict)
				if err != nil && !version && (!errors.Is(err, driver.ErrUnavailable) || errors.Is(err, driver.ErrNotFound)) {
					t.Fatalf("%s cut after %d (%s): %v", c.name, n, name, err)
				}
			}
			proxy.Heal()
		}
	}
}

// loads fails unless the record loaded is the one asked for.
func loads(ctx context.Context, s *Store, want *driver.Record) error {
	got, err := s.Load(ctx, want.ID)
	if err == nil && (got.ID != want.ID || string(got.Data) != string(want.Data)) {
		return fmt.Errorf("loaded %v %q, want %v %q", got.ID, got.Data, want.ID, want.Data)
	}
	return err
}

// Answers that come after their callers have gone reach nobody else.
func TestLateRepliesAreHarmless(t *testing.T) {
	s, proxy := behindProxy(t)
	var recs []*driver.Record
	for i := range 8 {
		recs = append(recs, create(t, s, "", fmt.Sprintf("data %d", i)))
	}
	for round := range 20 {
		if round%2 == 1 {
			proxy.Slice()
		} else {
			proxy.Hang()
		}
		var wg sync.WaitGroup
		for i, rec := range recs {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i+1)*time.Millisecond)
				defer cancel()
				if err := loads(ctx, s, rec); err != nil && !errors.Is(err, driver.ErrUnavailable) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		proxy.Heal()
		for _, rec := range recs {
			wg.Go(func() { okErr(t, loads(t.Context(), s, rec)) })
		}
		wg.Wait()
	}
}

func okErr(t *testing.T, err error) {
	if err != nil {
		t.Error(err)
	}
}

// Killed under load, again and again: what was acknowledged is there, nothing
// says "not found", and nothing is left behind.
func TestKilledUnderLoad(t *testing.T) {
	before := runtime.NumGoroutine()
	server := startserver.Redis(t, "--appendonly", "yes", "--appendfsync", "always")
	s, err := Open(rueidis.ClientOption{InitAddress: []string{server.Addr}}, Config{})
	ok(t, err)
	kills := 3
	if soak {
		kills = 20
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 8 {
		rec := create(t, s, "alice", "0")
		wg.Go(func() { writeUnderLoad(t, ctx, s, rec) })
	}
	for range kills {
		time.Sleep(200 * time.Millisecond)
		server.Kill()
		time.Sleep(100 * time.Millisecond)
		server.Restart(t)
		back := time.Now()
		for s.Ping(t.Context()) != nil {
			time.Sleep(time.Millisecond)
			if took := time.Since(back); took > soon {
				t.Fatalf("not back %v after the server", took)
			}
		}
	}
	stop()
	wg.Wait()
	_ = s.Close()
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before+2; { // the server's own
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, were %d", runtime.NumGoroutine(), before)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// writeUnderLoad updates a record and loads it until ctx ends.
func writeUnderLoad(t *testing.T, ctx context.Context, s *Store, rec *driver.Record) {
	for n := 1; ctx.Err() == nil; n++ {
		call, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		begun := time.Now()
		change := *rec
		change.Data = fmt.Append(nil, n)
		err := s.Update(call, &change)
		var got driver.Record
		if err == nil {
			*rec = change
		} else {
			got, err = s.Load(call, rec.ID)
		}
		cancel()
		if took := time.Since(begun); took > soon {
			t.Errorf("took %v", took)
		}
		switch {
		case err != nil && !errors.Is(err, driver.ErrUnavailable):
			t.Errorf("under load: %v", err)
		case err == nil && got.Version != 0 && got.Version < rec.Version:
			t.Errorf("version %d was acknowledged, %d is there", rec.Version, got.Version)
		case err == nil && got.Version != 0:
			*rec = got // a write that was not acknowledged may be there all the same
		case err != nil:
			time.Sleep(time.Millisecond)
		}
	}
}

// While the server is stopped, calls end in time and soon cost nothing; it answers
// again as soon as the server does.
func TestPausedServer(t *testing.T) {
	t.Parallel()
	server := startserver.Redis(t)
	s := openStore(t, nil, Config{}, server.Addr)
	rec := create(t, s, "alice", "data")
	server.Pause()
	for range breaker.Failures {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		begun := time.Now()
		if err := loads(ctx, s, rec); !errors.Is(err, driver.ErrUnavailable) || time.Since(begun) > soon {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		cancel()
	}
	// One call in each of the breaker's intervals is made, the others are not.
	begun, tried := time.Now(), 0
	const calls = 100
	for range calls {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		err := loads(ctx, s, rec)
		cancel()
		if !errors.Is(err, driver.ErrUnavailable) {
			t.Errorf("%v", err)
		}
		if open := (*breaker.OpenError)(nil); !errors.As(err, &open) {
			tried++
		}
	}
	if most := 2 + int(time.Since(begun)/breaker.Interval); tried > most {
		t.Errorf("%d of %d calls were made in %v, at most %d should be", tried, calls, time.Since(begun), most)
	}
	if soak {
		time.Sleep(10 * time.Second)
	}
	server.Resume()
	back := time.Now()
	for loads(t.Context(), s, rec) != nil {
		time.Sleep(time.Millisecond)
		if time.Since(back) > soon {
			t.Fatal("not back after the server")
		}
	}
}

// One node of a Cluster dies: its sessions are unavailable, not gone, and come
// back with it.
func TestClusterNodeKilled(t *testing.T) {
	t.Parallel()
	nodes := startserver.RedisCluster(t, 3, "--appendonly", "yes", "--appendfsync", "always")
	s := openStore(t, nil, Config{}, nodes[0].Addr, nodes[1].Addr, nodes[2].Addr)
	var recs []*driver.Record
	for i := range 30 {
		recs = append(recs, create(t, s, "alice", fmt.Sprint(i)))
	}
	nodes[1].Kill()
	failed := 0
	for range 10 {
		for _, rec := range recs {
			if err := loads(t.Context(), s, rec); errors.Is(err, driver.ErrUnavailable) {
				failed++
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
	if failed == 0 {
		t.Error("no session was on the dead node")
	}
	nodes[1].Restart(t)
	startserver.AwaitRedisCluster(t, nodes)
	back := time.Now()
	for _, rec := range recs {
		for err := loads(t.Context(), s, rec); err != nil; err = loads(t.Context(), s, rec) {
			if !errors.Is(err, driver.ErrUnavailable) || time.Since(back) > soon {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
	}
	t.Logf("%d of 300 loads failed; all well %v after the cluster", failed, time.Since(back))
}

// A call whose context has no deadline has one all the same.
func TestCallsEndByThemselves(t *testing.T) {
	defer func(d time.Duration) { patience = d }(patience)
	patience = 200 * time.Millisecond
	for name, client := range map[string]func(addr string) *Store{
		"of Open": func(addr string) *Store { return openStore(t, nil, Config{}, addr) },
		"own": func(addr string) *Store {
			client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}})
			ok(t, err)
			t.Cleanup(client.Close)
			s, err := New(client, Config{})
			ok(t, err)
			return s
		},
	} {
		proxy := startserver.NewProxy(t, single(t).Addr)
		s := client(proxy.Addr)
		proxy.Hang()
		begun := time.Now()
		if err := loads(t.Context(), s, newRecord("", "")); !errors.Is(err, driver.ErrUnavailable) || time.Since(begun) > soon {
			t.Errorf("client %s: %v after %v", name, err, time.Since(begun))
		}
		proxy.Heal()
	}
}

// A server that restarts empty proves that nothing is there.
func TestRestartEmpty(t *testing.T) {
	server := startserver.Redis(t)
	s := openStore(t, nil, Config{}, server.Addr)
	rec := create(t, s, "alice", "data")
	server.Kill()
	server.Restart(t)
	if err := loads(t.Context(), s, rec); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("Load: %v", err)
	}
	if err := s.Update(t.Context(), rec); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("Update: %v", err)
	}
	create(t, s, "alice", "new")
}

// A full Redis refuses to write, but still reads and deletes.
func TestOutOfMemory(t *testing.T) {
	server := startserver.Redis(t, "--maxmemory-policy", "noeviction")
	s := openStore(t, nil, Config{}, server.Addr)
	rec := create(t, s, "alice", "data")
	command(t, server, "CONFIG", "SET", "maxmemory", "1")
	for name, err := range map[string]error{
		"Create":           s.Create(t.Context(), newRecord("", "x")),
		"Create for alice": s.Create(t.Context(), newRecord("alice", "x")),
		"Update":           s.Update(t.Context(), rec),
		"Succeed":          s.Succeed(t.Context(), ended(rec), newRecord("alice", "x")),
	} {
		if !errors.Is(err, driver.ErrUnavailable) || !strings.Contains(err.Error(), "raise maxmemory") {
			t.Errorf("%s: %v", name, err)
		}
	}
	ok(t, loads(t.Context(), s, rec))
	ok(t, s.Delete(t.Context(), rec.ID))
	if err := loads(t.Context(), s, rec); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("after Delete: %v", err)
	}
}

// What is under a key may be anything.
func TestForeignBytes(t *testing.T) {
	server := single(t)
	s := openStore(t, nil, Config{}, server.Addr)
	rec, other := create(t, s, "alice", "data"), create(t, s, "bob", "other")
	text := command(t, server, "GET", s.key(other.ID))
	for name, set := range map[string][]string{
		"another record":  {"SET", s.key(rec.ID), text},
		"nothing":         {"SET", s.key(rec.ID), ""},
		"half a record":   {"SET", s.key(rec.ID), text[:len(text)/2]},
		"a later format":  {"SET", s.key(rec.ID), "\x02" + text[1:]},
		"format 0":        {"SET", s.key(rec.ID), "\x00" + text[1:]},
		"one byte":        {"SET", s.key(rec.ID), "\x02"},
		"another program": {"SET", s.key(rec.ID), strings.Repeat("x", 100)},
		"a list":          {"LPUSH", s.key(rec.ID), "x"},
	} {
		command(t, server, "DEL", s.key(rec.ID))
		command(t, server, set...)
		err, want := loads(t.Context(), s, rec), driver.ErrCorrupt
		if name == "a later format" || name == "another program" || name == "one byte" {
			want = driver.ErrUnreadable // by its first byte
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: Load: %v", name, err)
		}
		for call, err := range map[string]error{
			"Update": s.Update(t.Context(), rec), "Touch": s.Touch(t.Context(), rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Hour)),
		} {
			if !errors.Is(err, want) && name != "nothing" && name != "another record" && name != "a list" {
				t.Errorf("%s: %s: %v", name, call, err)
			}
		}
	}
	ok(t, s.Delete(t.Context(), rec.ID))
}

// A caller who had no time says nothing about the server, even if a busy machine let time pass.
func TestShortDeadlinesOpenNoBreaker(t *testing.T) {
	s := openStore(t, nil, Config{}, single(t).Addr)
	for range 2 * breaker.Failures {
		ctx, cancel := context.WithTimeout(t.Context(), breaker.TooShort/5)
		_ = s.guard(ctx, "redisstore: test", 0, func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(2 * breaker.TooShort)
			return context.DeadlineExceeded
		})
		cancel()
	}
	ok(t, s.Ping(t.Context()))
}
