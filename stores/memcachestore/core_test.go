package memcachestore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

const count core.Key[int] = "count"

// request is a request in flight at one of two application servers.
type request struct {
	t *testing.T
	x *core.Exchange
	s *core.Session
}

func send(t *testing.T, m *core.Manager, cookie string) request {
	t.Helper()
	var lines http.Header
	if cookie != "" {
		lines = http.Header{"Cookie": {cookie}}
	}
	x := m.Adapter().Begin(context.Background(), lines)
	s, err := x.Session(context.Background())
	must(t, err)
	return request{t, x, s}
}

// respond ends the request and returns the cookie that the response sets, or "".
func (r request) respond() (cookie string) {
	r.t.Helper()
	cookie, err := r.tryRespond()
	must(r.t, err)
	return cookie
}

func (r request) tryRespond() (cookie string, err error) {
	out, err := r.x.Commit(context.Background(), 200)
	cookie, _, _ = strings.Cut(out.Value, ";")
	return cookie, errors.Join(err, r.x.Finish(context.Background()))
}

// respondTo ends a slow request that has made this change, and checks its response. Meanwhile another request has ended
// or rotated the session: end says how.
func (r request) respondTo(end, change string) {
	r.t.Helper()
	wantCookie, wantErr := "", error(nil)
	switch {
	case end == "rotate" && change == "logout":
		wantCookie = "__Host-session=" // deletes it
	case end != "rotate" && (change == "set" || change == "rotate"):
		wantErr = core.ErrEnded
	}
	if cookie, err := r.tryRespond(); cookie != wantCookie || !errors.Is(err, wantErr) || wantErr == nil && err != nil {
		r.t.Errorf("the slow response: cookie %q, error %v, want %q, %v", cookie, err, wantCookie, wantErr)
	}
}

// dead fails if the cookie's session is alive at one of the servers.
func dead(t *testing.T, ms []*core.Manager, cookie string) {
	t.Helper()
	for i, m := range ms {
		r := send(t, m, cookie)
		if n, err := count.Get(r.s); err == nil || !r.s.IsNew() {
			t.Errorf("server %d: the cookie is alive: count %d", i, n)
		}
		r.x.Discard()
	}
}

// holds fails unless the cookie's session has this count at each server.
func holds(t *testing.T, ms []*core.Manager, cookie string, n int) {
	t.Helper()
	for i, m := range ms {
		r := send(t, m, cookie)
		if got, err := count.Get(r.s); got != n {
			t.Errorf("server %d: count %d, want %d: %v", i, got, n, err)
		}
		r.x.Discard()
	}
}

func managers(t *testing.T, servers ...string) (ms []*core.Manager) {
	for range 2 {
		m, err := core.New(core.Config{Store: open(t, servers...), Logger: slog.New(slog.DiscardHandler), TouchInterval: time.Microsecond, StoreTimeout: patience})
		must(t, err)
		t.Cleanup(func() { must(t, m.Close()) })
		ms = append(ms, m)
	}
	return ms
}

func TestOverlappingRequestsLoseNothing(t *testing.T) {
	ms := managers(t, memcached(t).Addr)
	first := send(t, ms[0], "")
	must(t, count.Set(first.s, 0))
	cookie := first.respond()
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			r := send(t, ms[i%2], cookie)
			time.Sleep(5 * time.Millisecond)
			must(t, core.Key[int](fmt.Sprint("key", i)).Set(r.s, i))
			must(t, count.Update(r.s, func(n int) int { return n + 1 }))
			r.respond()
		})
	}
	wg.Wait()
	r := send(t, ms[0], cookie)
	if n, _ := count.Get(r.s); n != 64 || r.s.Len() != 65 {
		t.Errorf("64 increments made %d, %d keys of 65", n, r.s.Len())
	}
	r.x.Discard()
}

// A session that was ended at one server stays ended at both, whatever a request in flight at the other one does. A
// session that was rotated takes that request's change.
func TestNoResurrection(t *testing.T) {
	ms := managers(t, memcached(t).Addr, startserver.Memcached(t).Addr)
	for end, endIt := range map[string]func(t *testing.T, cookie, subject string) (newer string){
		"logout": func(t *testing.T, cookie, _ string) string {
			r := send(t, ms[0], cookie)
			must(t, r.s.Logout())
			return r.respond()
		},
		"rotate": func(t *testing.T, cookie, _ string) string {
			r := send(t, ms[0], cookie)
			must(t, r.s.RotateID())
			return r.respond()
		},
		"revoke": func(t *testing.T, _, subject string) string {
			if n, err := ms[0].RevokeSubject(context.Background(), subject); n != 1 || err != nil {
				t.Fatalf("RevokeSubject = %d, %v", n, err)
			}
			return ""
		},
	} {
		for change, changeIt := range map[string]func(t *testing.T, s *core.Session){
			"read":   func(*testing.T, *core.Session) {}, // this touches, too
			"set":    func(t *testing.T, s *core.Session) { must(t, count.Set(s, 9)) },
			"rotate": func(t *testing.T, s *core.Session) { must(t, s.RotateID()) },
			"logout": func(t *testing.T, s *core.Session) { must(t, s.Logout()) },
		} {
			t.Run(end+"/"+change, func(t *testing.T) {
				first := send(t, ms[0], "")
				must(t, first.s.Login(t.Name()))
				must(t, count.Set(first.s, 1))
				cookie := first.respond()
				slow := send(t, ms[1], cookie)
				newer := endIt(t, cookie, t.Name())
				changeIt(t, slow.s)
				slow.respondTo(end, change)
				dead(t, ms, cookie)
				switch {
				case end == "rotate" && change == "logout":
					dead(t, ms, newer)
				case end == "rotate" && change == "set":
					holds(t, ms, newer, 9)
				case end == "rotate":
					holds(t, ms, newer, 1)
				}
			})
		}
	}
}

// If the store is dead, requests that do not use the session succeed without asking it. Other requests fail, and are
// not taken for anonymous ones.
func TestManagerWithoutServer(t *testing.T) {
	srv := startserver.Memcached(t)
	proxy := startserver.NewProxy(t, srv.Addr)
	m := managers(t, proxy.Addr)[0]
	first := send(t, m, "")
	must(t, count.Set(first.s, 1))
	cookie := first.respond()
	srv.Kill()
	for range 100 {
		before := proxy.Stats()
		x := m.Adapter().Begin(context.Background(), http.Header{"Cookie": {cookie}})
		out, err := x.Commit(context.Background(), 200)
		after := proxy.Stats()
		if err != nil || out.Name != "" || after.Sent != before.Sent || after.Connections != before.Connections {
			t.Fatalf("a request that does not touch the session: %+v, %v, and the server was asked", out, err)
		}
		x = m.Adapter().Begin(context.Background(), http.Header{"Cookie": {cookie}})
		_, err = x.Session(context.Background())
		wants(t, err, core.ErrUnavailable)
	}
	if asked := proxy.Stats().Connections; asked < 2 {
		t.Errorf("the test shows nothing: %d connections", asked)
	}
}
