package cachedstore_test

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
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

const (
	count core.Key[int]    = "count"
	name  core.Key[string] = "name"
)

// request is a request that is under way at one of two application servers.
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

// respond returns the cookie that the response sets, "" if none.
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

// respondTo checks the response to a slow request that has made the named change, after another request has ended or
// rotated its session.
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

// dead fails where the session of the cookie is alive at one of the servers.
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

// holds fails unless the session of the cookie has this count at each server.
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

func managers(t *testing.T, stores ...driver.Store) (ms []*core.Manager) {
	for _, s := range stores {
		m, err := core.New(core.Config{Store: s, Logger: slog.New(slog.DiscardHandler), TouchInterval: time.Microsecond})
		must(t, err)
		t.Cleanup(func() { _ = m.Close() })
		ms = append(ms, m)
	}
	return ms
}

// states are the states of the servers' caches that the tests try.
var states = map[string]func(t *testing.T, p *pair){
	"healthy": func(*testing.T, *pair) {},
	"down":    func(_ *testing.T, p *pair) { p.a.cache.Before(storetest.Outage); p.b.cache.Before(storetest.Outage) },
	"fails at will": func(_ *testing.T, p *pair) {
		p.a.cache.Before(storetest.When(func(c storetest.Call) bool { return c.N%7 == 0 }))
	},
	"hangs": func(t *testing.T, p *pair) { hang(t, p.a.cache); hang(t, p.b.cache) },
}

// hang makes every call take 50 ms and fail, until the test ends.
func hang(t *testing.T, f *storetest.Fault) {
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	f.Before(func(c storetest.Call) error {
		select {
		case <-over:
			return nil
		case <-time.After(50 * time.Millisecond):
			return storetest.Outage(c)
		}
	})
}

func TestOverlappingRequestsLoseNothing(t *testing.T) {
	for state, set := range states {
		t.Run(state, func(t *testing.T) {
			p := newPair(t)
			ms := managers(t, p.a.Store, p.b.Store)
			first := send(t, ms[0], "")
			must(t, name.Set(first.s, "base"))
			cookie := first.respond()
			set(t, p)
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
			p.a.cache.Reset()
			for _, m := range ms {
				eventually(t, func() bool {
					r := send(t, m, cookie)
					n, _ := count.Get(r.s)
					if state == "healthy" && (n != 64 || r.s.Len() != 66) {
						t.Fatalf("64 increments made %d, %d keys of 66", n, r.s.Len())
					}
					r.x.Discard()
					return n == 64 && r.s.Len() == 66
				})
			}
		})
	}
}

// A session that was ended at one server stays ended at both. A request that is under way at the other server cannot
// bring it back. A session that was rotated keeps the changes of such a request.
func TestNoResurrection(t *testing.T) {
	ends := map[string]func(t *testing.T, m *core.Manager, cookie string) (newer string){
		"logout": func(t *testing.T, m *core.Manager, cookie string) string {
			r := send(t, m, cookie)
			must(t, r.s.Logout())
			return r.respond()
		},
		"rotate": func(t *testing.T, m *core.Manager, cookie string) string {
			r := send(t, m, cookie)
			must(t, r.s.RotateID())
			return r.respond()
		},
		"revoke": func(t *testing.T, m *core.Manager, cookie string) string {
			if n, err := m.RevokeSubject(context.Background(), "alice"); n != 1 || err != nil {
				t.Fatalf("RevokeSubject = %d, %v", n, err)
			}
			return ""
		},
	}
	changes := map[string]func(t *testing.T, s *core.Session){
		"read":   func(*testing.T, *core.Session) {}, // and touch
		"set":    func(t *testing.T, s *core.Session) { must(t, count.Set(s, 9)) },
		"rotate": func(t *testing.T, s *core.Session) { must(t, s.RotateID()) },
		"logout": func(t *testing.T, s *core.Session) { must(t, s.Logout()) },
	}
	for state, set := range map[string]func(*testing.T, *pair){"healthy": states["healthy"], "down": states["down"]} {
		for end, endIt := range ends {
			for change, changeIt := range changes {
				t.Run(state+"/"+end+"/"+change, func(t *testing.T) {
					p := newPair(t)
					ms := managers(t, p.a.Store, p.b.Store)
					first := send(t, ms[0], "")
					must(t, first.s.Login("alice"))
					must(t, count.Set(first.s, 1))
					cookie := first.respond()
					must(t, p.truth.Delete(t.Context(), p.rec.ID)) // alice has one session
					set(t, p)
					slow := send(t, ms[1], cookie)
					newer := endIt(t, ms[0], cookie)
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
}
