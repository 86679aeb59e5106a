package redisstore

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

const count core.Key[int] = "count"

// newManager returns the manager of one application server.
func newManager(tb testing.TB, config Config, addrs ...string) *core.Manager {
	tb.Helper()
	m, err := core.New(core.Config{Store: openStore(tb, nil, config, addrs...), Logger: slog.New(slog.DiscardHandler), TouchInterval: time.Microsecond, StoreTimeout: patience})
	ok(tb, err)
	tb.Cleanup(func() { _ = m.Close() })
	return m
}

// visit makes a request with a cookie, runs handler and answers with status 200. It returns the cookie that the client
// has afterwards.
func visit(m *core.Manager, cookie string, handler func(*core.Session) error) (string, error) {
	ctx := background
	var header http.Header
	if cookie != "" {
		header = http.Header{"Cookie": {cookie}}
	}
	x := m.Adapter().Begin(ctx, header)
	s, err := x.Session(ctx)
	if err == nil {
		err = handler(s)
	}
	if err != nil {
		x.Discard()
		return cookie, err
	}
	out, err := x.Commit(ctx, 200)
	err = errors.Join(err, x.Finish(ctx))
	if out.Name == "Set-Cookie" {
		cookie, _, _ = strings.Cut(out.Value, ";")
	}
	return cookie, err
}

func increment(s *core.Session) error {
	return count.Update(s, func(n int) int { return n + 1 })
}

// Of 64 requests to two application servers, each key and each increment is kept.
func TestConcurrentRequestsLoseNothing(t *testing.T) {
	for name, addrs := range servers(t) {
		t.Run(name, func(t *testing.T) {
			a, b := newManager(t, Config{}, addrs...), newManager(t, Config{}, addrs...)
			cookie, err := visit(a, "", increment)
			ok(t, err)
			var wg sync.WaitGroup
			for i := range 63 {
				m := []*core.Manager{a, b}[i%2]
				wg.Go(func() {
					_, err := visit(m, cookie, func(s *core.Session) error {
						time.Sleep(5 * time.Millisecond)
						return errors.Join(core.Key[int](fmt.Sprint("key", i)).Set(s, i), increment(s))
					})
					okErr(t, err)
				})
			}
			wg.Wait()
			_, err = visit(b, cookie, func(s *core.Session) error {
				if n, _ := count.Get(s); n != 64 || s.Len() != 64 {
					t.Errorf("%d increments of 64, %d keys of 64", n, s.Len())
				}
				return nil
			})
			ok(t, err)
		})
	}
}

// A logout at one server ends the session, whatever requests are in flight at the other.
func TestNoResurrection(t *testing.T) {
	for name, addrs := range servers(t) {
		t.Run(name, func(t *testing.T) {
			a, b := newManager(t, Config{}, addrs...), newManager(t, Config{}, addrs...)
			for range 10 {
				cookie, err := visit(a, "", func(s *core.Session) error { return errors.Join(s.Login("alice"), increment(s)) })
				ok(t, err)
				late, err := visit(b, cookie, func(s *core.Session) error {
					_, err := visit(a, cookie, func(s *core.Session) error { return s.Logout() })
					return errors.Join(err, increment(s))
				})
				if !errors.Is(err, core.ErrEnded) {
					t.Errorf("the late response: %v", err)
				}
				if late != cookie {
					t.Errorf("the late response set a cookie: %q", late)
				}
				_, err = visit(a, cookie, func(s *core.Session) error {
					if !s.IsNew() {
						t.Error("the session is back")
					}
					return nil
				})
				ok(t, err)
			}
		})
	}
}

// A logout works while Redis is full.
func TestLogoutWhenFull(t *testing.T) {
	server := startserver.Redis(t, "--maxmemory-policy", "noeviction")
	m := newManager(t, Config{}, server.Addr)
	cookie, err := visit(m, "", func(s *core.Session) error { return errors.Join(s.Login("alice"), increment(s)) })
	ok(t, err)
	command(t, server, "CONFIG", "SET", "maxmemory", "1")
	if _, err := visit(m, cookie, increment); !errors.Is(err, driver.ErrUnavailable) {
		t.Errorf("a write: %v", err)
	}
	_, err = visit(m, cookie, func(s *core.Session) error { return s.Logout() })
	ok(t, err)
	if n := command(t, server, "DBSIZE"); n != "1" { // the index, until it expires
		t.Errorf("%s keys are left", n)
	}
}

// A flood of anonymous requests creates no keys.
func TestFloodCreatesNothing(t *testing.T) {
	server := startserver.Redis(t)
	m := newManager(t, Config{}, server.Addr)
	for i := range 200 {
		cookie := ""
		if i%2 == 0 {
			cookie = "__Host-session=" + strings.Repeat("A", 43)
		}
		_, err := visit(m, cookie, func(s *core.Session) error { _, err := count.Get(s); return err })
		if err != nil && !errors.Is(err, core.ErrNoValue) {
			t.Fatal(err)
		}
	}
	if n := command(t, server, "DBSIZE"); n != "0" {
		t.Errorf("%s keys", n)
	}
}

// After a failover under Sentinel, calls go to the new master.
func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	master, replica, sentinel := startserver.RedisSentinel(t)
	s, err := openSentinel(sentinel.Addr)
	ok(t, err)
	defer s.Close()
	rec := create(t, s, "alice", "data")
	for command(t, replica, "DBSIZE") != "2" { // the record and the index
		time.Sleep(time.Millisecond)
	}
	master.Kill()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		err := loads(t.Context(), s, rec)
		if err == nil {
			if err = s.Update(t.Context(), rec); err == nil {
				return
			}
		}
		if !errors.Is(err, driver.ErrUnavailable) {
			t.Fatalf("during the failover: %v", err)
		}
		if time.Now().After(deadline) {
			t.Fatalf("no failover: %v", err)
		}
	}
}
