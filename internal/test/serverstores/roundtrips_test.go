package serverstores

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// roundTrips are the cases of TestRoundTrips, and the number of round trips of each, by kind of store.
var roundTrips = []struct {
	name    string
	given   func(*core.Session) error // the session that the request comes with; nil: none
	request func(*core.Session) error // nil: it does not ask for its session

	sql, redis, memcached int
}{
	{"untouched, without a cookie", nil, nil, 0, 0, 0},
	{"untouched", anonymous, nil, 0, 0, 0},
	{"read", anonymous, read, 1, 1, 1},
	{"written", anonymous, write, 2, 2, 2},
	{"new", nil, write, 1, 1, 1},
	{"new, and nothing in it", nil, read, 0, 0, 0},

	// A Login begins a session (Create) and ends the one before (Update). Redis does both in one step. The index costs
	// two more round trips in memcached, and none elsewhere.
	{"Login", anonymous, signIn, 3, 2, 5},
	{"Login without a session", nil, signIn, 1, 1, 3},
	{"Login again", signIn, signIn, 3, 2, 5},
	{"read by a user", signIn, read, 1, 1, 1},
	{"written by a user", signIn, write, 2, 2, 2},

	// Both are one Update.
	{"RotateID", signIn, (*core.Session).RotateID, 2, 2, 2},
	{"Logout", signIn, (*core.Session).Logout, 2, 2, 2},
}

func anonymous(s *core.Session) error { return count.Set(s, 1) }
func write(s *core.Session) error     { return count.Update(s, func(n int) int { return n + 1 }) }
func signIn(s *core.Session) error    { return errors.Join(s.Login("alice"), count.Set(s, 1)) }

func read(s *core.Session) error {
	_ = count.GetOr(s, 0)
	return nil
}

func TestRoundTrips(t *testing.T) {
	for _, c := range []struct {
		storage storage
		server  func(testing.TB) *startserver.Server
	}{
		{storages[0], memcached}, {storages[1], redis}, {storages[3], postgreSQL}, {storages[4], mariaDB},
	} {
		t.Run(c.storage.name, func(t *testing.T) {
			server := c.server(t)
			proxy := startserver.NewProxy(t, server.Addr)
			const space = "roundtrips"
			if c.storage.prepare != nil {
				c.storage.prepare(t, c.storage.at(t), space)
			}
			address := strings.Replace(c.storage.at(t), server.Addr, proxy.Addr, 1)
			m := newManager(t, c.storage.open(t, address, space))
			for _, trip := range roundTrips {
				want := trip.sql
				switch c.storage.name {
				case "memcachestore":
					want = trip.memcached
				case "redisstore":
					want = trip.redis
				}
				if got := fewestRoundTrips(t, proxy, m, trip.given, trip.request); got != want {
					t.Errorf("%s: %d round trips, want %d", trip.name, got, want)
				}
			}
		})
	}
}

// fewestRoundTrips sends a request a few times, each with a new session, and returns the fewest round trips. A client
// now and then needs more: it prepares statements, or checks whether its connection lives.
func fewestRoundTrips(t *testing.T, proxy *startserver.Proxy, m *core.Manager, given, request func(*core.Session) error) int {
	n := math.MaxInt
	for range 5 {
		cookie := ""
		if given != nil {
			var err error
			cookie, err = visit(m, "", given)
			must(t, err)
		}
		proxy.ResetStats()
		_, err := visit(m, cookie, request)
		must(t, err)
		n = min(n, proxy.Stats().RoundTrips)
	}
	return n
}

func newManager(t *testing.T, store driver.Store) *core.Manager {
	t.Helper()
	m, err := core.New(core.Config{Store: store, StoreTimeout: patience, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(func() { must(t, m.Close()) })
	return m
}

// visit handles a request with a cookie. It returns the cookie that the client has afterwards.
func visit(m *core.Manager, cookie string, handler func(*core.Session) error) (string, error) {
	ctx := context.Background()
	var lines http.Header
	if cookie != "" {
		lines = http.Header{"Cookie": {cookie}}
	}
	x := m.Adapter().Begin(ctx, lines)
	if handler != nil {
		s, err := x.Session(ctx)
		if err == nil {
			err = handler(s)
		}
		if err != nil {
			x.Discard()
			return cookie, fmt.Errorf("in the handler: %w", err)
		}
	}
	out, err := x.Commit(ctx, 200)
	if out.Name != "" {
		cookie, _, _ = strings.Cut(out.Value, ";")
	}
	return cookie, errors.Join(err, x.Finish(ctx))
}
