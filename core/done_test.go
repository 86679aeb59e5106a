package core_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

const every = 5 * time.Second

// over reports whether done is closed, once all goroutines of the bubble wait.
func over(done <-chan struct{}) bool {
	synctest.Wait()
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// nodes runs a test in a bubble, with two managers over one store and alice signed in at the first. Its calls go
// through fault.
func nodes(t *testing.T, cfg core.Config, test func(t *testing.T, b *browser, there *core.Manager, fault *storetest.Fault)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		here, there, fault := twoNodes(t, cfg)
		test(t, signedIn(t, here), there, fault)
	})
}

func TestDoneEverywhere(t *testing.T) {
	for how, end := range endOf {
		t.Run(how, func(t *testing.T) {
			nodes(t, core.Config{IdleTimeout: time.Hour, TouchInterval: time.Nanosecond}, func(t *testing.T, b *browser, there *core.Manager, _ *storetest.Fault) {
				streams := []*request{b.copyOf().stream(), b.copyOf().stream(), b.on(there).stream()}
				var done []<-chan struct{}
				for _, r := range streams {
					done = append(done, r.s.Done(every))
				}
				time.Sleep(3 * every)
				b.on(there).visit(read) // a touch
				b.visit(func(s *core.Session) { must(t, count.Set(s, 2)) })
				time.Sleep(3 * every)
				for i, d := range done {
					if over(d) {
						t.Fatalf("stream %d is over before the end", i)
					}
				}
				end(t, b.on(there))
				if how != "the deadline" && !over(done[2]) {
					t.Error("not over at once where it was ended")
				}
				time.Sleep(every)
				for i, d := range done {
					if !over(d) {
						t.Errorf("stream %d goes on", i)
					}
					if err := streams[i].s.Refresh(ctx); !errors.Is(err, core.ErrEnded) {
						t.Errorf("stream %d: %v", i, err)
					}
					must(t, streams[i].x.Finish(ctx))
				}
			})
		})
	}
}

func TestDoneEndsWithTheRequest(t *testing.T) {
	for how, end := range map[string]func(r *request){
		"Finish":  func(r *request) { must(t, r.x.Finish(ctx)) },
		"Discard": func(r *request) { r.x.Discard() },
		"a 500": func(r *request) {
			_, err := r.x.Commit(ctx, 500)
			must(t, err)
		},
	} {
		t.Run(how, func(t *testing.T) {
			nodes(t, core.Config{}, func(t *testing.T, b *browser, _ *core.Manager, _ *storetest.Fault) {
				stored, unstored := b.send(), newBrowser(t, b.m).send()
				for _, r := range []*request{stored, unstored} {
					done := r.s.Done(every)
					if again := r.s.Done(every); again != done {
						t.Error("another channel")
					}
					if over(done) {
						t.Error("over at once")
					}
					end(r)
					if !over(done) || !over(r.s.Done(every)) {
						t.Error("it goes on")
					}
					if errors.Is(r.s.Err(), core.ErrEnded) {
						t.Error("Err says that the session has ended")
					}
					r.x.Discard()
				}
			})
		})
	}
}

// Given streams of stored and of new sessions, when the server stops, then all of them end, and Err tells this from the
// end of their session. Requests go on.
func TestServerStops(t *testing.T) {
	for how, stop := range map[string]func(m *core.Manager){
		"CloseStreams": (*core.Manager).CloseStreams,
		"twice":        func(m *core.Manager) { go m.CloseStreams(); m.CloseStreams() },
		"Close":        func(m *core.Manager) { must(t, m.Close()) },
	} {
		t.Run(how, func(t *testing.T) {
			nodes(t, core.Config{}, func(t *testing.T, b *browser, _ *core.Manager, _ *storetest.Fault) {
				stored, unstored := b.send(), newBrowser(t, b.m).send()
				ended := newBrowser(t, b.m)
				ended.visit(func(s *core.Session) { must(t, s.Login("alice")) })
				signedOut := ended.send()
				was := signedOut.s.Done(every)
				ended.copyOf().visit(func(s *core.Session) { must(t, s.Logout()) })
				if !over(was) || !errors.Is(signedOut.s.Err(), core.ErrEnded) {
					t.Errorf("after the Logout: %v", signedOut.s.Err())
				}
				all := []<-chan struct{}{stored.s.Done(every), unstored.s.Done(every)}
				stop(b.m)
				for i, done := range append(all, b.send().s.Done(every)) {
					if !over(done) {
						t.Errorf("stream %d goes on", i)
					}
				}
				if err := stored.s.Err(); err != nil {
					t.Errorf("Err: %v", err)
				}
				if how == "CloseStreams" {
					must(t, count.Set(stored.s, 7))
					if _, err := stored.respond(200); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

// What the request does itself.
func TestDoneOfTheOwnDoing(t *testing.T) {
	for how, test := range map[string]struct {
		do   func(s *core.Session) error
		over bool
	}{
		"Set":          {func(s *core.Session) error { return count.Set(s, 9) }, false},
		"RotateID":     {(*core.Session).RotateID, false},
		"Login":        {func(s *core.Session) error { return s.Login("bob") }, false},
		"Logout":       {(*core.Session).Logout, true},
		"Destroy, Set": {func(s *core.Session) error { return errors.Join(s.Destroy(), count.Set(s, 1)) }, true},
	} {
		for _, save := range []bool{false, true} {
			t.Run(fmt.Sprint(how, save), func(t *testing.T) {
				nodes(t, core.Config{}, func(t *testing.T, b *browser, there *core.Manager, _ *storetest.Fault) {
					sibling := b.copyOf().stream()
					siblings := sibling.s.Done(every)
					r := b.send()
					done := r.s.Done(every)
					must(t, test.do(r.s))
					if save {
						must(t, r.s.Save(ctx))
						must(t, r.s.Save(ctx))
					}
					out, err := r.x.Commit(ctx, 200)
					must(t, err)
					if over(done) != test.over || over(siblings) != (how != "Set") {
						t.Fatalf("over: %t, the sibling's: %t", over(done), over(siblings))
					}
					time.Sleep(10 * every)
					if over(done) != test.over {
						t.Error("later it is over")
					}
					if !test.over && how != "Set" { // it follows the new session, or token
						twin := newBrowser(t, there)
						twin.cookie, _, _ = cutLine(out.Value)
						endOf["Logout"](t, twin)
						time.Sleep(every)
						if !over(done) {
							t.Error("the new session has ended, and it goes on")
						}
					}
					r.x.Discard()
					sibling.x.Discard()
				})
			})
		}
	}
}

// A session that is not stored yet is followed from its first save on.
func TestDoneOfANewSession(t *testing.T) {
	nodes(t, core.Config{}, func(t *testing.T, b *browser, there *core.Manager, _ *storetest.Fault) {
		fresh := newBrowser(t, b.m)
		r := fresh.send()
		done := r.s.Done(every)
		time.Sleep(time.Hour)
		must(t, count.Set(r.s, 1))
		out, err := r.x.Commit(ctx, 200)
		must(t, err)
		time.Sleep(3 * every)
		if over(done) {
			t.Error("over")
		}
		twin := newBrowser(t, there)
		twin.cookie, _, _ = cutLine(out.Value)
		endOf["Logout"](t, twin)
		time.Sleep(every)
		if !over(done) {
			t.Error("it goes on")
		}
		r.x.Discard()
	})
}

// A write on top of another request's RotateID is stored. The token that the request came with is dead all the same.
func TestDoneAfterAWriteOnTopOfARotation(t *testing.T) {
	nodes(t, core.Config{}, func(t *testing.T, b *browser, there *core.Manager, _ *storetest.Fault) {
		r := b.copyOf().stream()
		done := r.s.Done(time.Hour)
		endOf["RotateID"](t, b.on(there))
		must(t, count.Set(r.s, 5))
		must(t, r.s.Save(ctx))
		if !over(done) {
			t.Error("it goes on")
		}
		r.x.Discard()
	})
}

// Save and Refresh of the request itself find the end, too.
func TestDoneWhenSaveFindsTheEnd(t *testing.T) {
	for how, call := range map[string]func(s *core.Session) error{
		"Save":     func(s *core.Session) error { return s.Save(ctx) },
		"Refresh":  func(s *core.Session) error { return s.Refresh(ctx) },
		"a change": func(s *core.Session) error { return errors.Join(count.Set(s, 3), s.Save(ctx)) },
	} {
		nodes(t, core.Config{}, func(t *testing.T, b *browser, there *core.Manager, _ *storetest.Fault) {
			r := b.copyOf().stream()
			done := r.s.Done(time.Hour)
			endOf["Logout"](t, b.on(there))
			if err := call(r.s); !errors.Is(err, core.ErrEnded) || !over(done) {
				t.Errorf("%s: %v, over: %t", how, err, over(done))
			}
			r.x.Discard()
		})
	}
}

func TestDoneOfWhatCannotBeUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, core.Config{})
		b := signedIn(t, m)
		old := b.copyOf()
		endOf["RotateID"](t, b)
		late := old.send()
		missing, _ := core.FromContext(ctx)
		closed := b.send()
		closed.x.Discard()
		list := map[string]*core.Session{"late": late.s, "missing": missing, "closed": closed.s}
		for s, err := range m.All(ctx) {
			must(t, err)
			list["a view"] = s
		}
		for what, s := range list {
			if !over(s.Done(every)) {
				t.Errorf("%s goes on", what)
			}
		}
		late.x.Discard()
	})
}

func TestDoneWithACookieStore(t *testing.T) {
	for _, how := range []string{"Logout", "Login", "RotateID", "Revoke", "the deadline"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				keys, revoked := ring(t, keyring.Generate("k1")), made.Of(memstore.New(memstore.Config{}))
				here, there := tokenManager(t, keys, revoked, time.Minute), tokenManager(t, keys, revoked, time.Minute)
				b := newBrowser(t, here)
				b.visit(func(s *core.Session) {
					must(t, s.Login("alice"))
					if how == "the deadline" {
						must(t, s.ExpireIn(time.Hour))
					}
				})
				streams := []*request{b.copyOf().stream(), b.on(there).stream()}
				done := []<-chan struct{}{streams[0].s.Done(every), streams[1].s.Done(every)}
				time.Sleep(3 * every)
				b.copyOf().visit(func(s *core.Session) { must(t, count.Set(s, 2)) })
				time.Sleep(3 * every)
				if over(done[0]) || over(done[1]) {
					t.Fatal("over before the end")
				}
				endOf[how](t, b.on(there))
				if how != "the deadline" && !over(done[1]) {
					t.Error("not over at once where it was ended")
				}
				time.Sleep(every)
				for i, d := range done {
					if !over(d) {
						t.Errorf("stream %d goes on", i)
					}
					streams[i].x.Discard()
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // own doings
		m := cookieManager(t, cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), core.Config{})
		r := signedIn(t, m).send()
		done := r.s.Done(every)
		must(t, r.s.RotateID())
		must(t, r.s.Save(ctx))
		must(t, r.s.Login("bob"))
		_, err := r.x.Commit(ctx, 200)
		must(t, err)
		time.Sleep(3 * every)
		if over(done) {
			t.Error("its own RotateID and Login ended it")
		}
		r.x.Discard()
	})
}

// With the cookie store, each cookie has a deadline of its own.
func TestDoneAtTheOwnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := cookieManager(t, cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), core.Config{IdleTimeout: time.Hour})
		b := signedIn(t, m)
		early := b.copyOf().stream()
		time.Sleep(30 * time.Minute)
		b.visit(read)
		late := b.stream()
		first, second := early.s.Done(time.Second), late.s.Done(time.Second)
		time.Sleep(30*time.Minute + time.Second)
		if !over(first) || over(second) {
			t.Errorf("over: %t, %t", over(first), over(second))
		}
		early.x.Discard()
		late.x.Discard()
	})
}

// The stream's own response renews the cookie.
func TestDoneAtTheRenewedDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := cookieManager(t, cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), core.Config{IdleTimeout: time.Hour})
		b := signedIn(t, m)
		time.Sleep(30 * time.Minute)
		r := b.send()
		done := r.s.Done(time.Second)
		out, err := r.x.Commit(ctx, 200)
		must(t, err)
		if out.Name == "" {
			t.Fatal("no cookie")
		}
		time.Sleep(40 * time.Minute)
		if over(done) {
			t.Errorf("over: %v", r.s.Err())
		}
		time.Sleep(21 * time.Minute)
		if !over(done) {
			t.Errorf("goes on")
		}
		r.x.Discard()
	})
}

// The store does not say whose sessions it has ended, so they are read at once.
func TestDoneAtRevokeSubjectWithACookieStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := cookieManager(t, cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), core.Config{IdleTimeout: time.Hour})
		b := signedIn(t, m)
		r, kept := b.stream(), signedIn(t, m).stream()
		done, goesOn := r.s.Done(time.Hour), kept.s.Done(time.Hour)
		time.Sleep(time.Second)
		_, err := m.RevokeSubject(ctx, "alice", kept.s.ID())
		must(t, err)
		if !over(done) || over(goesOn) {
			t.Errorf("over: %t, %t", over(done), over(goesOn))
		}
		r.x.Discard()
		kept.x.Discard()
	})
}
