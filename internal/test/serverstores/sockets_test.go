package serverstores

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
	"github.com/coatcheck-go/coatcheck/stores/redisstore"
)

// openTelling opens a Redis store that tells of changes.
func openTelling(tb testing.TB, address, space string) driver.Store {
	s, err := redisstore.Open(rueidis.ClientOption{InitAddress: []string{address}}, redisstore.Config{Prefix: space + ":", CacheFor: time.Minute})
	must(tb, err)
	tb.Cleanup(func() { must(tb, s.Close()) })
	return s
}

// node is one server of an application whose pages are sockets that follow their session.
type node struct {
	m     *core.Manager
	url   string
	loads atomic.Int64
}

func newNode(t *testing.T, store driver.Store, every time.Duration) *node {
	n := &node{}
	m, err := core.New(core.Config{Store: store, StoreTimeout: patience, Observer: func(_ context.Context, e core.Event) {
		if e.Kind == core.EventLoad {
			n.loads.Add(1)
		}
	}})
	must(t, err)
	t.Cleanup(func() { must(t, m.Close()) })
	mux := http.NewServeMux()
	mux.Handle("/socket", httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
		done := s.Done(every)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n")
		gone := make(chan bool)
		go func() { _, _ = conn.Read(make([]byte, 1)); close(gone) }()
		select {
		case <-done:
		case <-gone:
		}
	}))
	mux.Handle("/logout", httpsession.Handle(func(_ http.ResponseWriter, _ *http.Request, s *core.Session) { _ = s.Logout() }))
	mux.Handle("/write", httpsession.Handle(func(_ http.ResponseWriter, _ *http.Request, s *core.Session) { _ = write(s) }))
	server := httptest.NewServer(httpsession.New(m)(mux))
	t.Cleanup(server.Close)
	n.m, n.url = m, server.URL
	return n
}

// signedIn returns the cookie of a new session.
func (n *node) signedIn(t *testing.T, user string) string {
	x := n.m.Adapter().Begin(t.Context(), nil)
	s, err := x.Session(t.Context())
	must(t, err)
	must(t, s.Login(user))
	out, err := x.Commit(t.Context(), 200)
	must(t, err)
	must(t, x.Finish(t.Context()))
	pair, _, _ := strings.Cut(out.Value, ";")
	return pair
}

// get asks for a page with a cookie.
func (n *node) get(t *testing.T, path, cookie string) {
	req, err := http.NewRequest("GET", n.url+path, nil)
	must(t, err)
	req.Header.Set("Cookie", cookie)
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	_ = res.Body.Close()
	if res.StatusCode != 200 {
		t.Errorf("%s: %s", path, res.Status)
	}
}

// dial opens a socket, and calls closed when the server has closed it.
func (n *node) dial(t *testing.T, cookie string, closed func()) (client net.Conn) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(n.url, "http://"))
	must(t, err)
	_, err = fmt.Fprintf(conn, "GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: test\r\nCookie: %s\r\n\r\n", cookie)
	must(t, err)
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	must(t, err)
	if res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(res.Status)
	}
	go func() {
		_, _ = r.ReadByte()
		closed()
	}()
	return conn
}

// TestThousandSockets: 1,000 sockets of 200 sessions on two servers. The logout of 50 users closes their 250 sockets and
// no others, within the interval. Until then each server reads each session once in an interval, at most.
func TestThousandSockets(t *testing.T) {
	const sessions, each, ending = 200, 5, 50
	every := 2 * time.Second
	if os.Getenv("TESTS_SOAK") != "" {
		every = 10 * time.Second
	}
	for _, c := range []struct {
		name    string
		storage storage
		every   time.Duration
	}{
		{"redisstore", storages[1], every},
		{"PostgreSQL", storages[3], every},
		{"redisstore that tells", storage{at: redisAt, open: openTelling}, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			open := c.storage.fresh(t)
			nodes := []*node{newNode(t, open(t), c.every), newNode(t, open(t), c.every)}
			var mu sync.Mutex
			closed := map[int]time.Time{} // by the number of the socket
			var cookies []string
			for i := range sessions {
				cookies = append(cookies, nodes[i%2].signedIn(t, fmt.Sprint("user", i)))
				for j := range each {
					conn := nodes[j%2].dial(t, cookies[i], func() {
						mu.Lock()
						defer mu.Unlock()
						closed[i*each+j] = time.Now()
					})
					defer conn.Close()
				}
			}
			time.Sleep(c.every % time.Hour) // for the first reads
			from, begun := []int64{nodes[0].loads.Load(), nodes[1].loads.Load()}, time.Now()
			time.Sleep(3 * (c.every % time.Hour))
			for i, n := range nodes {
				reads, intervals := n.loads.Load()-from[i], time.Since(begun).Seconds()/c.every.Seconds()
				t.Logf("server %d: %d reads of %d sessions in %.2f intervals", i, reads, sessions, intervals)
				if most := sessions * int64(intervals+1); reads > most {
					t.Errorf("more than %d", most)
				}
			}
			for i := range sessions { // a write ends nothing
				nodes[i%2].get(t, "/write", cookies[i])
			}
			ended := map[int]time.Time{} // by the number of the session
			for n := range ending {
				i := n * sessions / ending
				nodes[n%2].get(t, "/logout", cookies[i])
				ended[i] = time.Now()
			}
			patient := time.Now().Add(c.every%time.Hour + patience)
			for done := false; !done && time.Now().Before(patient); time.Sleep(10 * time.Millisecond) {
				mu.Lock()
				done = len(closed) >= ending*each
				mu.Unlock()
			}
			time.Sleep(c.every%time.Hour + 100*time.Millisecond) // for others, which must not close
			mu.Lock()
			defer mu.Unlock()
			var worst time.Duration
			for socket, at := range closed {
				end, ok := ended[socket/each]
				if !ok {
					t.Errorf("socket %d was closed, and its session lives", socket)
				}
				worst = max(worst, at.Sub(end))
			}
			t.Logf("%d sockets closed, the last one %v after its logout", len(closed), worst.Round(time.Millisecond))
			if len(closed) != ending*each {
				t.Errorf("want %d", ending*each)
			}
		})
	}
}

// TestTellingAfterALostConnection: when the connection that brings the notices ends, the sessions are read again.
func TestTellingAfterALostConnection(t *testing.T) {
	proxy := startserver.NewProxy(t, redis(t).Addr)
	space := newSpace()
	here, there := newNode(t, openTelling(t, proxy.Addr, space), time.Hour), newNode(t, openRedis(t, redis(t).Addr, space), time.Hour)
	cookie := here.signedIn(t, "alice")
	closed := make(chan bool)
	conn := here.dial(t, cookie, func() { close(closed) })
	defer conn.Close()
	time.Sleep(100 * time.Millisecond) // for the first read
	proxy.Hang()
	there.get(t, "/logout", cookie) // no notice gets through
	proxy.Reset()
	proxy.Heal()
	select {
	case <-closed:
	case <-time.After(patience):
		t.Error("the socket is open, for an hour")
	}
}
