package serverstores

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// TestServerThatTakesNoWrites has a full Redis and a read-only PostgreSQL. Pages that only read are answered, although
// a Touch is due; that the Touch failed is an event. A page that writes is a 503.
func TestServerThatTakesNoWrites(t *testing.T) {
	for _, c := range []struct {
		name    string
		storage storage
		start   func(testing.TB) (address string, refuse func())
	}{
		{"full Redis", storages[1], fullRedis},
		{"read-only PostgreSQL", storages[3], readOnlyPostgres},
	} {
		t.Run(c.name, func(t *testing.T) {
			address, refuse := c.start(t)
			const space = "refused"
			if c.storage.prepare != nil {
				c.storage.prepare(t, address, space)
			}
			var dropped atomic.Int32
			m, err := core.New(core.Config{
				Store: c.storage.open(t, address, space), TouchInterval: time.Microsecond, StoreTimeout: patience,
				Logger: slog.New(slog.DiscardHandler),
				Observer: func(_ context.Context, e core.Event) {
					if e.Kind == core.EventDropped {
						dropped.Add(1)
					}
				},
			})
			must(t, err)
			t.Cleanup(func() { must(t, m.Close()) })
			cookie, err := request(t, m, nil, signIn)
			must(t, err)
			refuse()
			for range 5 {
				line, err := request(t, m, cookie, func(s *core.Session) error {
					if s.Subject() != "alice" {
						t.Errorf("subject %q", s.Subject())
					}
					return nil
				})
				if err != nil || line != nil {
					t.Errorf("a page that reads: %v, %v", line, err)
				}
			}
			if n := dropped.Load(); n != 5 {
				t.Errorf("%d events, want 5", n)
			}
			if _, err := request(t, m, cookie, write); core.HTTPStatus(err) != 503 {
				t.Errorf("a page that writes: %v", err)
			}
		})
	}
}

// request handles one whole request and returns the cookie of its response.
func request(t *testing.T, m *core.Manager, cookie []string, handle func(*core.Session) error) ([]string, error) {
	t.Helper()
	x := m.Adapter().Begin(t.Context(), http.Header{"Cookie": cookie})
	s, err := x.Session(t.Context())
	must(t, err)
	must(t, handle(s))
	out, err := x.Commit(t.Context(), 200)
	_ = x.Finish(t.Context())
	if out.Name == "" {
		return nil, err
	}
	pair, _, _ := strings.Cut(out.Value, ";")
	return []string{pair}, err
}

func fullRedis(tb testing.TB) (address string, refuse func()) {
	server := startserver.Redis(tb)
	return server.Addr, func() {
		client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{server.Addr}, DisableCache: true})
		must(tb, err)
		defer client.Close()
		must(tb, client.Do(tb.Context(), client.B().Arbitrary("CONFIG", "SET").Args("maxmemory", "1").Build()).Error())
	}
}

func readOnlyPostgres(tb testing.TB) (address string, refuse func()) {
	server := startserver.Postgres(tb)
	address = postgresOf(server)
	return address, func() {
		db := openDB(tb, address)
		must(tb, db.Exec("ALTER SYSTEM SET default_transaction_read_only = on").Error)
		must(tb, db.Exec("SELECT pg_reload_conf()").Error)
		for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
			var on string
			must(tb, openDB(tb, address).Raw("SHOW default_transaction_read_only").Scan(&on).Error)
			if on == "on" {
				return
			}
			if time.Now().After(end) {
				tb.Fatal("not read-only")
			}
		}
	}
}
