package core_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

func TestOverlappingRequestsLoseNothing(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, name.Set(s, "base")) })
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			r := b.copyOf().send()
			time.Sleep(5 * time.Millisecond)
			must(t, core.Key[int](fmt.Sprint("key", i)).Set(r.s, i))
			must(t, count.Update(r.s, func(n int) int { return n + 1 }))
			if _, err := r.respond(200); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	b.visit(func(s *core.Session) {
		if n, _ := count.Get(s); n != 64 {
			t.Errorf("64 increments made %d", n)
		}
		if s.Len() != 66 {
			t.Errorf("%d keys of 66", s.Len())
		}
	})
}

// changes are the ways in which a request can want its session written.
var changes = map[string]func(*testing.T, *core.Session){
	"nothing":    func(*testing.T, *core.Session) {},
	"set":        func(t *testing.T, s *core.Session) { must(t, count.Set(s, 99)) },
	"update":     func(t *testing.T, s *core.Session) { must(t, count.Update(s, func(n int) int { return n + 1 })) },
	"rotate":     func(t *testing.T, s *core.Session) { must(t, s.RotateID()) },
	"expire":     func(t *testing.T, s *core.Session) { must(t, s.ExpireIn(time.Hour)) },
	"flash":      func(t *testing.T, s *core.Session) { must(t, s.AddFlash("info", "hello")) },
	"flashes":    func(t *testing.T, s *core.Session) { _, err := s.Flashes(ctx); must(t, err) },
	"clear":      func(t *testing.T, s *core.Session) { must(t, s.Clear()) },
	"logout":     func(t *testing.T, s *core.Session) { must(t, s.Logout()) },
	"set+rotate": func(t *testing.T, s *core.Session) { must(t, count.Set(s, 99)); must(t, s.RotateID()) },
}

// ends are the ways in which another request, or an operator, ends or moves it meanwhile.
var ends = map[string]func(*testing.T, *browser){
	"logout": func(t *testing.T, b *browser) { b.visit(func(s *core.Session) { must(t, s.Logout()) }) },
	"revoke": func(t *testing.T, b *browser) {
		r := b.send()
		must(t, b.m.Revoke(ctx, r.s.ID()))
		r.x.Discard()
	},
	"revoke subject": func(t *testing.T, b *browser) {
		if n, err := b.m.RevokeSubject(ctx, "alice"); n != 1 || err != nil {
			t.Fatalf("RevokeSubject = %d, %v", n, err)
		}
	},
	"rotate": func(t *testing.T, b *browser) { b.visit(func(s *core.Session) { must(t, s.RotateID()) }) },
	"login":  func(t *testing.T, b *browser) { b.visit(func(s *core.Session) { must(t, s.Login("bob")) }) },
}

// outcome is what becomes of a slow request.
type outcome struct {
	err    error
	cookie bool // the deletion of one, here
}

func (o outcome) check(t *testing.T, out core.Out, err error) {
	t.Helper()
	if !errors.Is(err, o.err) || (o.err == nil) != (err == nil) || (out.Name != "") != o.cookie || o.cookie && !strings.Contains(out.Value, "Max-Age=0") {
		t.Errorf("slow response: %+v, %v, want %+v", out, err, o)
	}
	if o.err != nil && core.HTTPStatus(err) != 409 {
		t.Errorf("status %d", core.HTTPStatus(err))
	}
}

// expect is what becomes of a request that loaded the session before another one ended it.
func expect(end, change string) outcome {
	switch {
	case change == "nothing" || change == "flashes":
		return outcome{} // it shows what it loaded
	case change == "logout":
		return outcome{cookie: end == "rotate"}
	case end == "rotate":
		return outcome{} // applied on top
	}
	return outcome{err: core.ErrEnded}
}

func TestEndedSessionStaysEnded(t *testing.T) {
	for end, endIt := range ends {
		for change, changeIt := range changes {
			for _, every := range []bool{false, true} {
				t.Run(fmt.Sprint(end, "/", change, "/", every), func(t *testing.T) {
					// Given a session and a slow request that has loaded it,
					m := newManager(t, core.Config{SaveEveryRequest: every, TouchInterval: time.Microsecond})
					b := newBrowser(t, m)
					b.visit(func(s *core.Session) {
						must(t, s.Login("alice"))
						must(t, count.Set(s, 1))
						must(t, s.AddFlash("info", "x"))
					})
					old := b.copyOf()
					slow := old.copyOf().send()

					// when the session is ended or rotated, and only then the slow one goes on,
					endIt(t, b)
					newer := b.cookie
					changeIt(t, slow.s)
					out, err := slow.respond(200)

					// then its changes are refused or applied, it sends no token, the old token is
					// worth nothing, and a newer session is as it should be.
					expect(end, change).check(t, out, err)
					if n, live := old.value(count); live || n != 0 {
						t.Errorf("the old cookie is alive: count %d", n)
					}
					want := 0
					if newer != "" && newer != old.cookie && !(end == "rotate" && change == "logout") {
						want = 1
						if _, live := b.value(count); !live {
							t.Error("the newer session is gone")
						}
					}
					if n, _ := b.value(count); end == "rotate" && change == "set" && n != 99 {
						t.Errorf("count %d: the change was lost", n)
					}
					if n := sessions(t, m); n != want {
						t.Errorf("%d live sessions, want %d", n, want)
					}
				})
			}
		}
	}
}

// A save in the middle of the request leaves a cookie to be sent. If the session is ended
// before the response is, or gets another token, that cookie stays here.
func TestEndedAfterASaveInTheMiddle(t *testing.T) {
	middles := map[string]func(*testing.T, *core.Session){
		"save":    func(t *testing.T, s *core.Session) { must(t, count.Set(s, 5)); must(t, s.Save(ctx)) },
		"expire":  func(t *testing.T, s *core.Session) { must(t, s.ExpireIn(2*time.Hour)); must(t, s.Save(ctx)) },
		"flashes": func(t *testing.T, s *core.Session) { _, err := s.Flashes(ctx); must(t, err) },
	}
	for end, endIt := range ends {
		for middle, middleIt := range middles {
			for change, changeIt := range changes {
				t.Run(end+"/"+middle+"/"+change, func(t *testing.T) {
					b := newBrowser(t, newManager(t, core.Config{}))
					b.visit(func(s *core.Session) {
						must(t, s.Login("alice"))
						must(t, count.Set(s, 1))
						must(t, s.AddFlash("info", "x"))
					})
					old := b.copyOf()
					slow := old.copyOf().send()
					middleIt(t, slow.s)
					endIt(t, b)
					changeIt(t, slow.s)
					out, err := slow.respond(200)
					expect(end, change).check(t, out, err)
					alive(t, old, false)
				})
			}
		}
	}
}
