package redisstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/breaker"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// soak turns on the long versions of these tests.
var soak = os.Getenv("TESTS_SOAK") != ""

// If an answer comes after its caller's deadline, no other caller gets it.
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

// A server is killed several times under load. What was acknowledged is kept, no call returns ErrNotFound, and no
// goroutine is left.
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
			*rec = got // a write that was not acknowledged may have succeeded
		case err != nil:
			time.Sleep(time.Millisecond)
		}
	}
}

// While the server is stopped, calls end in time, and soon fail at once. When the server goes on, so does the store.
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
	// In each of the breaker's intervals one call is made, and the others are not.
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
	if !s.Breakers()["redis"] {
		t.Errorf("Breakers: %v", s.Breakers())
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

// While one node of a Cluster is dead, its sessions are unavailable, not absent. They come back with it.
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

// A call whose context has no deadline ends by itself.
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

// If a server restarts empty, its sessions are proved absent.
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

// A caller with a short deadline says nothing about the server, even if much time passes on a busy machine.
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
