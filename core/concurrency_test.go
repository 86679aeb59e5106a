package core_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
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

func TestMergeKeepsDeletesAndClears(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, name.Set(s, "x")); must(t, count.Set(s, 1)) })

	// A removed value does not come back with a slower request that still saw it.
	slow := b.copyOf().send()
	must(t, count.Set(slow.s, 2))
	b.visit(func(s *core.Session) { must(t, name.Delete(s)) })
	if _, err := slow.respond(200); err != nil {
		t.Fatal(err)
	}
	b.visit(func(s *core.Session) {
		if s.Has("name") {
			t.Error("a removed value came back")
		}
		if n, _ := count.Get(s); n != 2 {
			t.Errorf("count = %d", n)
		}
	})

	// What comes after a Clear in the slower request stands; what came before it goes.
	slow = b.copyOf().send()
	must(t, slow.s.Clear())
	must(t, name.Set(slow.s, "new"))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 3)) })
	if _, err := slow.respond(200); err != nil {
		t.Fatal(err)
	}
	b.visit(func(s *core.Session) {
		if v, _ := name.Get(s); v != "new" || s.Has("count") {
			t.Errorf("after a replayed Clear: %q", s.Keys())
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

// expect is DESIGN's table for a request that loaded the session before another one ended it.
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

func (o outcome) check(t *testing.T, out core.Out, err error) {
	t.Helper()
	if !errors.Is(err, o.err) || (o.err == nil) != (err == nil) || (out.Name != "") != o.cookie || o.cookie && !strings.Contains(out.Value, "Max-Age=0") {
		t.Errorf("slow response: %+v, %v, want %+v", out, err, o)
	}
	if o.err != nil && core.HTTPStatus(err) != 409 {
		t.Errorf("status %d", core.HTTPStatus(err))
	}
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

func sessions(t *testing.T, m *core.Manager) (n int) {
	t.Helper()
	for _, err := range m.All(ctx) {
		must(t, err)
		n++
	}
	return n
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

func TestLateRequest(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	late := b.copyOf()
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })

	r := late.copyOf().send()
	must(t, count.Set(r.s, 7))
	out, err := r.respond(200)
	if out.Name != "" || !errors.Is(err, core.ErrEnded) || core.HTTPStatus(err) != 409 || core.RetryAfter(err) == "" {
		t.Errorf("a request with the old token got %q, %v", out.Value, err)
	}
	if n, _ := b.value(count); n != 1 {
		t.Errorf("count = %d", n)
	}
	if out := late.copyOf().visit(func(s *core.Session) { must(t, s.Logout()) }); out.Name != "" {
		t.Errorf("a late Logout got %q", out.Value)
	}
	if _, live := b.value(count); !live {
		t.Error("a late Logout ended what came after its session")
	}
	// Signing in is a new start, and the newest one.
	late.visit(func(s *core.Session) { must(t, name.Set(s, "x")); must(t, s.Login("bob")) })
	if _, live := late.value(count); !live {
		t.Error("Login with a token that was just replaced did not begin a session")
	}
}

func TestWriteAndRotationBothCount(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	login := b.send()
	must(t, login.s.Login("alice"))
	b.copyOf().visit(func(s *core.Session) { must(t, name.Set(s, "written meanwhile")) })
	if _, err := login.respond(200); err != nil {
		t.Fatal(err)
	}
	b.visit(func(s *core.Session) {
		if v, _ := name.Get(s); v != "written meanwhile" || s.Subject() != "alice" {
			t.Errorf("after the rotation: %q, subject %q", v, s.Subject())
		}
	})
}

func TestOneOfManyRotationsWins(t *testing.T) {
	store := made(memstore.New(memstore.Config{}))
	m := newManager(t, core.Config{Store: store})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	var wg sync.WaitGroup
	cookies := make(chan string, 32)
	for range 32 {
		r := b.copyOf().send()
		wg.Go(func() {
			must(t, r.s.RotateID())
			if out, err := r.respond(200); err != nil {
				t.Error(err)
			} else if out.Name != "" {
				cookies <- r.b.cookie
			}
		})
	}
	wg.Wait()
	if len(cookies) != 1 {
		t.Fatalf("%d rotations won", len(cookies))
	}
	if n := records(t, store); n != 1 {
		t.Errorf("%d records", n)
	}
}

func TestFlashIsSeenOnce(t *testing.T) {
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.AddFlash("info", "one")); must(t, s.AddFlash("error", "two")) })
	var mu sync.Mutex
	seen := map[string]int{}
	var wg sync.WaitGroup
	for range 32 {
		r := b.copyOf().send()
		wg.Go(func() {
			list, err := r.s.Flashes(ctx)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			for _, f := range list {
				seen[f.Text]++
			}
			mu.Unlock()
			if _, err := r.respond(200); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(seen) != 2 || seen["one"] != 1 || seen["two"] != 1 {
		t.Errorf("seen: %v", seen)
	}
}

func TestFlashOrderAndMix(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) {
		must(t, s.AddFlash("info", "1"))
		must(t, s.AddFlash("info", "2"))
		if len(s.Keys()) != 0 {
			t.Errorf("messages among the values: %q", s.Keys())
		}
	})
	b.visit(func(s *core.Session) {
		must(t, count.Set(s, 5))
		must(t, s.AddFlash("info", "3"))
		list, err := s.Flashes(ctx)
		if err != nil || fmt.Sprint(list) != "[{info 1} {info 2} {info 3}]" {
			t.Errorf("%v, %v", list, err)
		}
		must(t, s.AddFlash("info", "4"))
	})
	b.visit(func(s *core.Session) {
		if n, _ := count.Get(s); n != 5 {
			t.Errorf("count = %d", n)
		}
		must(t, s.Save(ctx))
		list, _ := s.Flashes(ctx)
		if fmt.Sprint(list) != "[{info 4}]" {
			t.Errorf("%v", list)
		}
	})
}

func TestOneRequestManyGoroutines(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	r := b.send()
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for range 20 {
				must(t, count.Update(r.s, func(n int) int { _ = r.s.Has("name"); return n + 1 }))
				must(t, core.Key[int](fmt.Sprint("k", i)).Set(r.s, i))
				_, _, _ = r.s.Keys(), r.s.ID(), r.s.ExpiresAt()
				if err := r.s.Save(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if _, err := r.respond(200); err != nil {
		t.Fatal(err)
	}
	if n, _ := b.value(count); n != 320 {
		t.Errorf("count = %d", n)
	}
}

func TestSaveInAStream(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	r := b.send()
	if _, err := r.x.Commit(ctx, 200); err != nil { // the header is out
		t.Fatal(err)
	}
	must(t, count.Set(r.s, 2))
	must(t, r.s.Save(ctx))
	if n, _ := b.value(count); n != 2 {
		t.Errorf("count = %d", n)
	}
	must(t, count.Set(r.s, 3))
	must(t, r.x.Finish(ctx)) // late, but without need for a cookie
	if n, _ := b.value(count); n != 3 {
		t.Errorf("count = %d", n)
	}
	// A late change that does need one is an error.
	r = b.send()
	_, _ = r.x.Commit(ctx, 200)
	if err := r.s.Login("alice"); !errors.Is(err, core.ErrHeaderSent) || r.s.Subject() != "" {
		t.Errorf("late Login: %v", err)
	}
	if err := r.s.RotateID(); !errors.Is(err, core.ErrHeaderSent) {
		t.Errorf("late RotateID: %v", err)
	}
	must(t, r.x.Finish(ctx))
	fresh := newBrowser(t, b.m).send()
	_, _ = fresh.x.Commit(ctx, 200)
	if err := count.Set(fresh.s, 1); !errors.Is(err, core.ErrHeaderSent) {
		t.Errorf("late first write: %v", err)
	}
	must(t, fresh.x.Finish(ctx)) // the handler was told
	// A late logout still ends the session.
	r = b.send()
	_, _ = r.x.Commit(ctx, 200)
	must(t, r.s.Logout())
	must(t, r.x.Finish(ctx))
	if _, live := b.value(count); live {
		t.Error("alive after a late logout")
	}
}

func TestLoginInFlightIsNotLost(t *testing.T) {
	cookies := func(t *testing.T) *core.Manager {
		return cookieManager(t, cookiestore.RevokeIn(made(memstore.New(memstore.Config{}))), core.Config{})
	}
	server := func(t *testing.T) *core.Manager { return newManager(t, core.Config{}) }
	for what, manager := range map[string]func(*testing.T) *core.Manager{"server": server, "cookie": cookies} {
		for _, end := range []string{"logout", "revoke", "rotate", "login"} {
			t.Run(what+"/"+end, func(t *testing.T) {
				b := newBrowser(t, manager(t))
				b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
				slow := b.copyOf()
				r := slow.send()
				ends[end](t, b)
				must(t, r.s.Login("carol"))
				must(t, name.Set(r.s, "carol's"))
				if _, err := r.respond(200); err != nil {
					t.Fatal(err)
				}
				slow.visit(func(s *core.Session) {
					if s.Subject() != "carol" || s.Has("count") || !s.Has("name") {
						t.Errorf("subject %q, keys %q", s.Subject(), s.Keys())
					}
				})
			})
		}
	}
}

// A sign-in over a session whose ExpireAt came meanwhile begins a session of its own.
func TestLoginOverASessionThatExpiresMeanwhile(t *testing.T) {
	clock := time.Now()
	b := newBrowser(t, newManager(t, core.Config{Now: func() time.Time { return clock }}))
	b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, s.ExpireAt(clock.Add(time.Hour))) })
	r := b.send()
	clock = clock.Add(2 * time.Hour)
	must(t, name.Set(r.s, "x"))
	must(t, r.s.Login("alice"))
	if _, err := r.respond(200); err != nil {
		t.Fatal(err)
	}
	b.visit(func(s *core.Session) {
		if s.Subject() != "alice" || !s.Has("name") || s.Age() < 24*time.Hour {
			t.Errorf("subject %q, keys %q, %v left", s.Subject(), s.Keys(), s.Age())
		}
	})
}

// What this request revokes is the stored session and the sign-in that was to replace it.
func TestRevokeSubjectAfterLogin(t *testing.T) {
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	r := b.send()
	must(t, r.s.Login("alice"))
	if _, err := m.RevokeSubject(r.x.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if out, err := r.respond(200); err != nil || !strings.Contains(out.Value, "Max-Age=0") {
		t.Errorf("%+v, %v, want a deletion", out, err)
	}
	if n := sessions(t, m); n != 0 {
		t.Errorf("%d sessions", n)
	}
}
