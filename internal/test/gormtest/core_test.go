package gormtest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/rounds"
)

// twoManagers are two application servers on one table.
func twoManagers(t *testing.T, e engine) [2]*core.Manager {
	p := e.database(t)
	config := p.fresh(t)
	return [2]*core.Manager{newManager(t, newStore(t, p.open(t), config)), newManager(t, newStore(t, p.open(t), config))}
}

func TestOverlappingRequestsLoseNothing(t *testing.T) {
	rounds.OnlyFull(t, "TestHTTP in internal/test/serverstores has the same rule on the same databases")
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			m := twoManagers(t, e)
			cookie := visit(t, m[0], "", func(s *core.Session) { must(t, count.Set(s, 0)) })
			var wg sync.WaitGroup
			for i := range 64 {
				wg.Go(func() {
					r, err := begin(m[i%2], cookie)
					if err != nil {
						t.Error(err)
						return
					}
					time.Sleep(5 * time.Millisecond)
					_ = core.Key[int](fmt.Sprint("key", i)).Set(r.s, i)
					_ = count.Update(r.s, func(n int) int { return n + 1 })
					if _, err := r.respond(); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			visit(t, m[0], cookie, func(s *core.Session) {
				if n, _ := count.Get(s); n != 64 || s.Len() != 65 {
					t.Errorf("64 increments made %d, %d keys of 65", n, s.Len())
				}
			})
		})
	}
}

// TestNoResurrection: requests in flight do not bring back a session that was logged out, and their late responses set
// no cookie.
func TestNoResurrection(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			m := twoManagers(t, e)
			for range 5 {
				old := visit(t, m[0], "", func(s *core.Session) { must(t, s.Login("alice")) })
				var slow []request
				for i := range 8 {
					r, err := begin(m[i%2], old)
					must(t, err)
					must(t, count.Set(r.s, i))
					slow = append(slow, r)
				}
				var wg sync.WaitGroup
				wg.Go(func() { visit(t, m[1], old, func(s *core.Session) { must(t, s.Logout()) }) })
				wg.Wait()
				for _, r := range slow {
					wg.Go(func() {
						if cookie, err := r.respond(); !errors.Is(err, core.ErrEnded) || cookie != "" {
							t.Errorf("late response: cookie %q, %v", cookie, err)
						}
					})
				}
				wg.Wait()
				visit(t, m[0], old, func(s *core.Session) {
					if !s.IsNew() {
						t.Error("the session came back")
					}
				})
				sessions := 0
				for _, err := range m[0].Sessions(t.Context(), "alice") {
					must(t, err)
					sessions++
				}
				if sessions != 0 {
					t.Errorf("%d sessions left", sessions)
				}
			}
		})
	}
}

// TestEveryCallMayFail: whichever call of the store fails, the request either succeeds and its change is kept, or it
// fails and the session is as it was before or as the change would have made it.
func TestEveryCallMayFail(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			p := e.database(t)
			config := p.fresh(t)
			fault := storetest.NewFault(newStore(t, p.open(t), config))
			m := newManager(t, fault.Store())
			for n := 1; n <= 6; n++ {
				fault.Reset()
				cookie := visit(t, m, "", func(s *core.Session) { must(t, count.Set(s, 1)) })
				fault.Before(storetest.Nth(n + 1))
				r, err := begin(m, cookie)
				if err == nil {
					_ = count.Set(r.s, 2)
					_ = r.s.Login("alice")
					var next string
					if next, err = r.respond(); err == nil {
						cookie = next
					}
				}
				fault.Reset()
				want := 1
				if err == nil {
					want = 2
				}
				visit(t, m, cookie, func(s *core.Session) {
					if got, _ := count.Get(s); s.IsNew() || got != want {
						t.Errorf("call %d failed, request said %v: count is %d, new %t", n, err, got, s.IsNew())
					}
				})
			}
		})
	}
}
