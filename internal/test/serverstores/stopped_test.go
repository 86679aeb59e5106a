package serverstores

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

const (
	count core.Key[int] = "count"

	// longest bounds a request. It is several times core's StoreTimeout, and much less than the client's timeout.
	longest = 15 * time.Second
)

// withDefaults is memcachestore with the timeout that applications get by default.
var withDefaults = storage{name: "memcachestore", open: func(tb testing.TB, address, space string) driver.Store {
	return openMemcachedWith(tb, address, space, 0)
}}

// TestServerStopped stops the server (SIGSTOP) under eight clients. Each request gets the right number or a 503. When
// the server is back, all clients are served again. No goroutine is left.
func TestServerStopped(t *testing.T) {
	servers := []struct {
		storage storage
		start   func(testing.TB) (*startserver.Server, string)
	}{
		{withDefaults, func(tb testing.TB) (*startserver.Server, string) { s := startserver.Memcached(tb); return s, s.Addr }},
		{storages[1], func(tb testing.TB) (*startserver.Server, string) { s := startserver.Redis(tb); return s, s.Addr }},
		{storages[3], func(tb testing.TB) (*startserver.Server, string) { s := postgreSQL(tb); return s, postgresOf(s) }},
		{storages[4], func(tb testing.TB) (*startserver.Server, string) { s := mariaDB(tb); return s, mariadbOf(s) }},
	}
	for _, s := range servers {
		t.Run(s.storage.name, func(t *testing.T) {
			server, address := s.start(t)
			if s.storage.prepare != nil {
				t.Run("prepare", func(t *testing.T) { s.storage.prepare(t, address, "stopped") })
			}
			before := runtime.NumGoroutine()
			t.Run("stop", func(t *testing.T) { stopUnderLoad(t, server, s.storage.open(t, address, "stopped")) })
			for end := time.Now().Add(patience); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("%d goroutines, there were %d", runtime.NumGoroutine(), before)
				}
			}
		})
	}
}

func stopUnderLoad(t *testing.T, server *startserver.Server, store driver.Store) {
	pause := 500 * time.Millisecond
	if soak {
		pause = 4 * longest
	}
	url := serveCount(t, store)
	var clients [8]*client
	for i := range clients {
		clients[i] = newClient(t, url)
	}
	warm := runtime.NumGoroutine()

	var again atomic.Bool // the server answers again
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			var back time.Time
			for inRow := 0; inRow < 50; time.Sleep(2 * time.Millisecond) {
				refused := c.refused
				c.visit()
				switch {
				case !again.Load():
				case back.IsZero():
					back = time.Now()
				case time.Since(back) > patience:
					t.Errorf("client %d: not served 50 times in a row within %v", i, patience)
					return
				case c.refused > refused:
					inRow = 0
				default:
					inRow++
				}
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	server.Pause()
	time.Sleep(pause)
	server.Resume()
	resumed := time.Now()
	again.Store(true)
	wg.Wait()

	var all client
	for _, c := range clients {
		all.right += c.right
		all.refused += c.refused
		all.slowest = max(all.slowest, c.slowest)
		all.back = max(all.back, c.lastRefused.Sub(resumed))
		c.http.CloseIdleConnections()
	}
	for end := time.Now().Add(patience); runtime.NumGoroutine() > warm+8*4; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) { // a connection has up to four goroutines
			t.Fatalf("%d goroutines with the store open, there were %d", runtime.NumGoroutine(), warm)
		}
	}
	t.Logf("stopped %v: %d right, %d refused, the slowest %v, the last refusal %v after the end",
		pause, all.right, all.refused, all.slowest.Round(time.Millisecond), all.back.Round(time.Millisecond))
}

// serveCount serves an application that counts the visits of each session.
func serveCount(t *testing.T, store driver.Store) string {
	m, err := core.New(core.Config{Store: store, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(func() { must(t, m.Close()) })
	srv := httptest.NewServer(httpsession.New(m)(httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
		_ = count.Update(s, func(n int) int { return n + 1 })
		fmt.Fprint(w, count.GetOr(s, -1))
	})))
	t.Cleanup(srv.Close)
	return srv.URL
}

// client is one visitor. It knows the last number that it got, and how many refused visits may have been counted.
type client struct {
	t      *testing.T
	http   *http.Client
	url    string
	cookie string

	told, maybe    int
	right, refused int
	slowest, back  time.Duration
	lastRefused    time.Time
}

func newClient(t *testing.T, url string) *client {
	c := &client{t: t, url: url, http: &http.Client{Transport: &http.Transport{}, Timeout: 4 * longest}}
	t.Cleanup(c.http.CloseIdleConnections)
	for end := time.Now().Add(patience); c.cookie == "" && time.Now().Before(end); {
		c.visit() // a busy machine may let the store's time pass
	}
	if c.cookie == "" {
		t.Fatal("no session")
	}
	return c
}

// visit sends a request and checks the answer.
func (c *client) visit() {
	req, err := http.NewRequest("GET", c.url, nil)
	if err != nil {
		c.t.Error(err)
		return
	}
	if c.cookie != "" {
		req.Header.Set("Cookie", c.cookie)
	}
	begun := time.Now()
	res, err := c.http.Do(req)
	if err != nil {
		c.t.Error(err)
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	took := time.Since(begun)
	if err != nil || took > longest {
		c.t.Errorf("answered %d after %v: %v", res.StatusCode, took, err)
	}
	c.slowest = max(c.slowest, took)
	token, _, _ := strings.Cut(res.Header.Get("Set-Cookie"), ";")
	if c.cookie == "" {
		c.cookie = token
	}
	switch {
	case res.StatusCode == http.StatusServiceUnavailable && token == "":
		c.refused++
		c.maybe++
		c.lastRefused = time.Now()
	case res.StatusCode == http.StatusOK && (token == "" || token == c.cookie):
		n, err := strconv.Atoi(string(body))
		if err != nil || n <= c.told || n > c.told+c.maybe+1 {
			c.t.Errorf("answered %q, want %d, or up to %d more", body, c.told+1, c.maybe)
		}
		c.told, c.maybe = n, 0
		c.right++
	default:
		c.t.Errorf("answered %d, with another token: %t", res.StatusCode, token != "")
	}
}
