package core_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// What a save does to its own session ends nothing, also if another goroutine calls Done while it is under way.
func TestDoneCalledDuringASave(t *testing.T) {
	for how, test := range map[string]func(s *core.Session) error{
		"RotateID": (*core.Session).RotateID,
		"first":    func(s *core.Session) error { return count.Set(s, 1) },
		"Login":    func(s *core.Session) error { return s.Login("bob") },
		"Logout":   func(s *core.Session) error { return s.Logout() },
	} {
		for _, others := range []bool{false, true} {
			t.Run(fmt.Sprint(how, ", other streams: ", others), func(t *testing.T) {
				nodes(t, core.Config{}, func(t *testing.T, b *browser, there *core.Manager, fault *storetest.Fault) {
					if others {
						o := signedIn(t, b.m).stream()
						o.s.Done(every)
						defer o.x.Discard()
					}
					if how == "first" {
						b = newBrowser(t, b.m)
					}
					r := b.send()
					var done <-chan struct{}
					fault.Before(func(c storetest.Call) error {
						if done == nil && c.Method != "Load" {
							done = r.s.Done(every)
						}
						return nil
					})
					must(t, test(r.s))
					must(t, r.s.Save(ctx))
					fault.Before(nil)
					if done == nil {
						t.Fatal("no call")
					}
					out, err := r.x.Commit(ctx, 200)
					must(t, err)
					if over(done) != (how == "Logout") {
						t.Fatalf("over: %t, %v", over(done), r.s.Err())
					}
					if how == "Logout" {
						return
					}
					time.Sleep(3 * every)
					if over(done) {
						t.Fatalf("later over, %v", r.s.Err())
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
			})
		}
	}
}

// RotateID of another request comes after the write of the own save, and before the end of that save.
func TestDoneHearsOfARotationDuringASave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &afterUpdate{Store: made.Of(memstore.New(memstore.Config{}))}
		m := newManager(t, core.Config{Store: store})
		b := signedIn(t, m)
		r := b.copyOf().stream()
		done := r.s.Done(time.Hour)
		store.after = func(id driver.ID) {
			store.after = nil
			b.visit(func(s *core.Session) { must(t, s.RotateID()) })
		}
		must(t, count.Set(r.s, 2))
		must(t, r.s.Save(ctx))
		if !over(done) {
			t.Error("it goes on")
		}
		r.x.Discard()
	})
}

// A change from outside holds no token: a RotateID takes nothing from it.
func TestDoneAndRefreshInChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, core.Config{})
		b := signedIn(t, m)
		r := b.copyOf().send()
		id := r.s.ID()
		r.x.Discard()
		err := m.Change(ctx, id, func(s *core.Session) error {
			done := s.Done(every)
			if err := s.Refresh(ctx); err != nil {
				t.Errorf("Refresh: %v", err)
			}
			must(t, count.Set(s, 4))
			if err := s.Save(ctx); err != nil {
				t.Errorf("Save: %v", err)
			}
			if over(done) {
				t.Errorf("over after Save, %v", s.Err())
			}
			b.visit(func(s *core.Session) { must(t, s.RotateID()) })
			if over(done) {
				t.Errorf("over after RotateID, %v", s.Err())
			}
			if err := s.Refresh(ctx); err != nil {
				t.Errorf("Refresh: %v", err)
			}
			return count.Set(s, 5)
		})
		must(t, err)
	})
}

func TestDoneOfANewSessionAfterDestroy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, core.Config{})
		r := newBrowser(t, m).send()
		done := r.s.Done(every)
		must(t, r.s.Destroy())
		must(t, count.Set(r.s, 1))
		_, err := r.x.Commit(ctx, 200)
		must(t, err)
		if over(done) {
			t.Errorf("over: %v", r.s.Err())
		}
		r.x.Discard()
	})
}

// An anonymous session that its own request leaves empty is not stored any more. That is no end: the next value begins
// another one.
func TestDoneOfASessionThatIsEmptied(t *testing.T) {
	for how, empty := range map[string]func(s *core.Session) error{
		"Delete":  func(s *core.Session) error { return count.Delete(s) },
		"Clear":   (*core.Session).Clear,
		"Flashes": func(s *core.Session) error { _, err := s.Flashes(ctx); return err },
	} {
		t.Run(how, func(t *testing.T) {
			nodes(t, core.Config{}, func(t *testing.T, b *browser, there *core.Manager, _ *storetest.Fault) {
				b = newBrowser(t, b.m)
				b.visit(func(s *core.Session) {
					if how == "Flashes" {
						must(t, s.AddFlash("info", "hello"))
					} else {
						must(t, count.Set(s, 1))
					}
				})
				page, r := b.copyOf().send(), b.send()
				shown, done := page.s.Done(every), r.s.Done(every)
				must(t, empty(r.s))
				must(t, r.s.Save(ctx))
				time.Sleep(3 * every)
				if over(done) || !over(shown) || r.s.Err() != nil {
					t.Fatalf("over: %t, another request's: %t, %v", over(done), over(shown), r.s.Err())
				}
				must(t, other.Set(r.s, 1))
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
				page.x.Discard()
			})
		})
	}
}
