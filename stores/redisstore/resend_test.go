package redisstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/breaker"
	"github.com/coatcheck-go/coatcheck/internal/test/rounds"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// The connections of the application's own client are reset while they are idle. No call fails.
func TestOwnClientAfterReset(t *testing.T) {
	for name, option := range map[string]rueidis.ClientOption{
		"as rueidis makes it":    {},
		"without cache":          {DisableCache: true},
		"a connection each":      {DisableAutoPipelining: true},
		"a connection, no cache": {DisableAutoPipelining: true, DisableCache: true, DisableRetry: true},
	} {
		for _, config := range []Config{{}, {CacheFor: time.Minute}} {
			if config.CacheFor > 0 && option.DisableCache {
				continue
			}
			t.Run(fmt.Sprintf("%s/%v", name, config.CacheFor), func(t *testing.T) {
				command(t, single(t), "FLUSHALL") // All walks through every key
				proxy := startserver.NewProxy(t, single(t).Addr)
				option.InitAddress = []string{proxy.Addr}
				client, err := rueidis.NewClient(option)
				ok(t, err)
				t.Cleanup(client.Close)
				s, err := New(client, config)
				ok(t, err)
				rounds := 1 // with nine resets each
				if soak {
					rounds = 3
				}
				for range rounds {
					afterReset(t, s, proxy)
				}
			})
		}
	}
}

// afterReset makes 20 calls of each kind at once, after 20 connections were reset.
func afterReset(t *testing.T, s *Store, proxy *startserver.Proxy) {
	t.Helper()
	const n = 20
	recs := make([]*driver.Record, n)
	for i := range recs {
		recs[i] = create(t, s, "alice", "data")
	}
	next, fresh := make([]*driver.Record, n), make([]*driver.Record, n)
	for i := range n {
		next[i], fresh[i] = newRecord("alice", "next"), newRecord("alice", "fresh")
	}
	for _, c := range []struct {
		name string
		call func(i int) error
	}{
		{"Load", func(i int) error { return loads(t.Context(), s, recs[i]) }},
		{"Update", func(i int) error { return s.Update(t.Context(), recs[i]) }},
		{"Touch", func(i int) error {
			return s.Touch(t.Context(), recs[i].ID, recs[i].Version, recs[i].Used.Add(time.Second), recs[i].Expires.Add(time.Second))
		}},
		{"Create", func(i int) error { return s.Create(t.Context(), fresh[i]) }},
		{"Create without a subject", func(int) error { return s.Create(t.Context(), newRecord("", "data")) }},
		{"Succeed", func(i int) error { return s.Succeed(t.Context(), ended(recs[i]), next[i]) }},
		{"BySubject", func(int) error {
			for _, err := range s.BySubject(t.Context(), "alice") {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{"Delete", func(i int) error { return s.Delete(t.Context(), recs[i].ID) }},
		{"Ping", func(int) error { return s.Ping(t.Context()) }},
	} {
		var warm, calls sync.WaitGroup
		for range n {
			warm.Go(func() { _ = s.Ping(t.Context()) })
		}
		warm.Wait()
		proxy.Reset()
		errs := make([]error, n)
		for i := range n {
			calls.Go(func() { errs[i] = c.call(i) })
		}
		calls.Wait()
		failed := 0
		for _, err := range errs {
			if err != nil {
				failed++
			}
		}
		if failed > 0 {
			t.Errorf("%s: %d of %d failed: %v", c.name, failed, n, errors.Join(errs...))
		}
	}
	for _, err := range s.All(t.Context()) {
		ok(t, err)
	}
}

// rueidis's writer of a lost connection may read a command after another attempt was answered. So no command's memory
// may go to the next one where calls share connections.
func TestCommandsKeepTheirMemory(t *testing.T) {
	option := rueidis.ClientOption{InitAddress: []string{single(t).Addr}}
	for _, config := range []Config{{}, {CacheFor: time.Minute}} {
		inner, err := rueidis.NewClient(option)
		ok(t, err)
		t.Cleanup(inner.Close)
		client := &keeping{Client: inner, seen: &seen{}}
		s, err := New(client, config)
		ok(t, err)
		rec := create(t, s, "alice", "data")
		ok(t, loads(t.Context(), s, rec))
		ok(t, s.Update(t.Context(), rec))
		for _, err := range s.BySubject(t.Context(), "alice") {
			ok(t, err)
		}
		ok(t, s.Delete(t.Context(), rec.ID))
		for _, err := range s.All(t.Context()) {
			ok(t, err)
		}
		_, err = s.Inspect(t.Context())
		ok(t, err)
		if client.calls < 5 || len(client.lost) > 0 {
			t.Errorf("%+v: of %d commands, the memory of these was given away: %q", config, client.calls, client.lost)
		}
	}
}

// keeping is a client that notes which commands have lost their words after the call.
type keeping struct {
	rueidis.Client
	*seen
}

type seen struct {
	calls int
	lost  []string
}

func (k *keeping) Nodes() map[string]rueidis.Client {
	nodes := k.Client.Nodes()
	for addr, node := range nodes {
		nodes[addr] = &keeping{node, k.seen}
	}
	return nodes
}

func (k *seen) note(word string, after []string) {
	k.calls++
	if len(after) == 0 {
		k.lost = append(k.lost, word)
	}
}

func (k *keeping) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	word := cmd.Commands()[0]
	defer func() { k.note(word, cmd.Commands()) }()
	return k.Client.Do(ctx, cmd)
}

func (k *keeping) DoCache(ctx context.Context, cmd rueidis.Cacheable, ttl time.Duration) rueidis.RedisResult {
	word := cmd.Commands()[0]
	defer func() { k.note(word, cmd.Commands()) }()
	return k.Client.DoCache(ctx, cmd, ttl)
}

func (k *keeping) DoMulti(ctx context.Context, cmds ...rueidis.Completed) []rueidis.RedisResult {
	words := make([]string, len(cmds))
	for i, cmd := range cmds {
		words[i] = cmd.Commands()[0]
	}
	defer func() {
		for i, cmd := range cmds {
			k.note(words[i], cmd.Commands())
		}
	}()
	return k.Client.DoMulti(ctx, cmds...)
}

// A write whose answer is lost is sent again, and recognizes its own first attempt.
func TestLostAnswers(t *testing.T) {
	proxy := startserver.NewProxy(t, single(t).Addr)
	s, direct := openStore(t, nil, Config{}, proxy.Addr), openStore(t, nil, Config{}, single(t).Addr)
	for n := range 40 { // somewhere in the replies
		for range 3 {
			rec := newRecord("alice", "data")
			for name, call := range map[string]func() error{
				"Create": func() error { return s.Create(t.Context(), rec) },
				"Update": func() error { rec.Data = []byte("after"); return s.Update(t.Context(), rec) },
			} {
				if name == "Update" && rec.Version == 0 {
					continue
				}
				ok(t, s.Ping(t.Context()))
				proxy.CutAfter(n)
				before := rec.Version
				if err := call(); err != nil {
					t.Errorf("%s, cut after %d bytes: %v", name, n, err)
				}
				proxy.Heal()
				got, err := direct.Load(t.Context(), rec.ID)
				ok(t, err)
				if got.Version != rec.Version || name == "Update" && rec.Version != before+1 {
					t.Errorf("%s: version %d is stored, %d was answered, %d was before", name, got.Version, rec.Version, before)
				}
			}
		}
	}
}

// behindProxy opens a store whose breakers never open, so that every call is made.
func behindProxy(t *testing.T) (*Store, *startserver.Proxy) {
	proxy := startserver.NewProxy(t, single(t).Addr)
	s := openStore(t, nil, Config{}, proxy.Addr)
	for i := range s.breakers {
		s.breakers[i] = breaker.New(1<<30, 0)
	}
	return s, proxy
}

// A reply is cut after each of its bytes, on one connection or on all. The result is right or ErrUnavailable, and
// comes in time.
func TestCutAtEveryByte(t *testing.T) {
	s, proxy := behindProxy(t)
	direct := openStore(t, nil, Config{}, single(t).Addr)
	step := rounds.Of(5, 1)
	first := rand.IntN(step)
	for name, cut := range map[string]func(int){"one": proxy.CutAfter, "all": proxy.CutEach} {
		for n := first; n < 160; n += step { // each run has other bytes
			if name == "all" && n > 4 && n%20 >= step {
				continue // the first cut is the same as with "one"; then no retry gets through, and each call takes 100 ms
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
				_, _ = s.Load(t.Context(), rec.ID) // opens a connection
				cut(n)
				before := time.Now()
				err := c.call(t.Context())
				if took := time.Since(before); took > soon {
					t.Fatalf("%s cut after %d (%s): took %v", c.name, n, name, took)
				}
				// After an Update with unknown outcome, either version may be stored.
				version := (c.name == "Touch" || c.name == "Succeed") && errors.Is(err, driver.ErrConflict)
				if err != nil && !version && (!errors.Is(err, driver.ErrUnavailable) || errors.Is(err, driver.ErrNotFound)) {
					t.Fatalf("%s cut after %d (%s): %v", c.name, n, name, err)
				}
			}
			proxy.Heal()
		}
	}
}

// loads returns an error unless Load returns the record asked for.
func loads(ctx context.Context, s *Store, want *driver.Record) error {
	got, err := s.Load(ctx, want.ID)
	if err == nil && (got.ID != want.ID || string(got.Data) != string(want.Data)) {
		return fmt.Errorf("loaded %v %q, want %v %q", got.ID, got.Data, want.ID, want.Data)
	}
	return err
}
