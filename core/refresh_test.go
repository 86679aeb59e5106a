package core_test

import (
	"errors"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// stream is a request whose header has left.
func (b *browser) stream() *request {
	b.tb.Helper()
	r := b.send()
	_, err := r.x.Commit(ctx, 200)
	must(b.tb, err)
	return r
}

// on is a browser with the same cookie at another server.
func (b *browser) on(m *core.Manager) *browser { return &browser{tb: b.tb, m: m, cookie: b.cookie} }

// twoNodes are two managers over one store. The calls of the first go through fault.
func twoNodes(t *testing.T, cfg core.Config) (here, there *core.Manager, fault *storetest.Fault) {
	t.Helper()
	store := cfg.Store
	if store == nil {
		store = made.Of(memstore.New(memstore.Config{}))
	}
	fault = storetest.NewFault(store.(driver.Store))
	cfg.Store = fault.Store()
	here = newManager(t, cfg)
	cfg.Store = store
	return here, newManager(t, cfg), fault
}

// endOf are the ways in which a request with b's cookie, or an administrator, ends a session or takes away its token.
var endOf = map[string]func(t *testing.T, b *browser){
	"Logout":   func(t *testing.T, b *browser) { b.visit(func(s *core.Session) { must(t, s.Logout()) }) },
	"Login":    func(t *testing.T, b *browser) { b.visit(func(s *core.Session) { must(t, s.Login("alice")) }) },
	"RotateID": func(t *testing.T, b *browser) { b.visit(func(s *core.Session) { must(t, s.RotateID()) }) },
	"Revoke": func(t *testing.T, b *browser) {
		r := b.send()
		defer r.x.Discard()
		must(t, b.m.Revoke(ctx, r.s.ID()))
	},
	"RevokeSubject": func(t *testing.T, b *browser) {
		if n, err := b.m.RevokeSubject(ctx, "alice"); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	},
	"RevokeAll": func(t *testing.T, b *browser) {
		if n, err := b.m.RevokeAll(ctx, time.Now().Add(time.Second)); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	},
	"the deadline": func(*testing.T, *browser) { time.Sleep(2 * time.Hour) },
}

// signedIn is a browser of alice with count 1.
func signedIn(t *testing.T, m *core.Manager) *browser {
	t.Helper()
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
	return b
}

func TestRefreshReloads(t *testing.T) {
	here, there, _ := twoNodes(t, core.Config{})
	b := signedIn(t, here)
	r := b.stream()
	runs := 0
	must(t, other.Set(r.s, 5))
	must(t, count.Update(r.s, func(n int) int { runs++; return n + 10 }))
	b.on(there).visit(func(s *core.Session) { must(t, count.Set(s, 2)); must(t, name.Set(s, "theirs")) })
	must(t, r.s.Refresh(ctx))
	if n, who, o := count.GetOr(r.s, 0), name.GetOr(r.s, ""), other.GetOr(r.s, 0); n != 12 || who != "theirs" || o != 5 || runs != 2 {
		t.Errorf("count %d, name %q, other %d after %d runs", n, who, o, runs)
	}
	must(t, r.s.Refresh(ctx)) // nothing new
	if !r.s.Modified() || runs != 2 {
		t.Errorf("modified %t, %d runs", r.s.Modified(), runs)
	}
	must(t, r.x.Finish(ctx))
	if n, _ := b.value(count); n != 12 {
		t.Errorf("stored: count %d, want 12", n)
	}
}

func TestRefreshFindsTheEnd(t *testing.T) {
	for how, end := range endOf {
		timed(t, core.Config{Store: made.Of(memstore.New(memstore.Config{})), IdleTimeout: time.Hour}, func(t *testing.T, b *browser) {
			b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
			r, before := b.copyOf().stream(), b.copyOf().send()
			must(t, r.s.Refresh(ctx))
			must(t, before.s.Refresh(ctx))
			end(t, b.copyOf())
			for range 2 {
				if err := r.s.Refresh(ctx); !errors.Is(err, core.ErrEnded) || errors.Is(err, core.ErrUnavailable) {
					t.Errorf("%s: %v", how, err)
				}
			}
			if _, err := count.Get(r.s); !errors.Is(err, core.ErrEnded) {
				t.Errorf("%s: Get: %v", how, err)
			}
			if err := r.x.Finish(ctx); err != nil {
				t.Errorf("%s: Finish: %v", how, err)
			}
			if err := before.s.Refresh(ctx); !errors.Is(err, core.ErrEnded) {
				t.Errorf("%s: before the header: %v", how, err)
			}
			if out, err := before.respond(200); !errors.Is(err, core.ErrEnded) || out.Name != "" {
				t.Errorf("%s: the response: %v, %v", how, out, err)
			}
		})
	}
}

// What the request does itself, and what others store, ends nothing.
func TestRefreshGoesOn(t *testing.T) {
	b := signedIn(t, newManager(t, core.Config{TouchInterval: time.Nanosecond}))
	r := b.send()
	must(t, r.s.RotateID())
	must(t, r.s.Refresh(ctx))
	must(t, r.s.Save(ctx))
	must(t, r.s.Refresh(ctx))
	must(t, r.s.Login("bob"))
	must(t, r.s.Refresh(ctx))
	must(t, r.s.Save(ctx))
	must(t, r.s.Refresh(ctx))
	if out, err := r.respond(200); err != nil || out.Name == "" {
		t.Fatal(out, err)
	}
	r = b.copyOf().stream()
	b.visit(read) // a touch
	b.visit(func(s *core.Session) { must(t, count.Set(s, 7)) })
	must(t, r.s.Refresh(ctx))
	if n := count.GetOr(r.s, 0); n != 7 {
		t.Errorf("count %d", n)
	}
}

// A change on top of another request's RotateID is stored. Still the token that the request came with is no longer good.
func TestRefreshAfterAWriteOnTopOfARotation(t *testing.T) {
	b := signedIn(t, newManager(t, core.Config{}))
	r := b.copyOf().stream()
	b.visit(func(s *core.Session) { must(t, s.RotateID()) })
	must(t, count.Set(r.s, 2))
	must(t, r.s.Save(ctx))
	if err := r.s.Refresh(ctx); !errors.Is(err, core.ErrEnded) {
		t.Errorf("%v", err)
	}
	if n, _ := b.value(count); n != 2 {
		t.Errorf("count %d", n)
	}
}

func TestRefreshDropsNothingInSilence(t *testing.T) {
	events := map[core.EventKind]int{}
	logger, lines := logged()
	b := signedIn(t, newManager(t, core.Config{Observer: countEvents(events), Logger: logger}))
	r := b.copyOf().stream()
	must(t, count.Set(r.s, 2))
	b.visit(func(s *core.Session) { must(t, s.Logout()) })
	if err := r.s.Refresh(ctx); !errors.Is(err, core.ErrEnded) {
		t.Fatal(err)
	}
	if events[core.EventDropped] != 1 || lines("WARN", "not stored") != 1 {
		t.Errorf("%d events, %d lines", events[core.EventDropped], lines("WARN", "not stored"))
	}
}

// A stream is use, as far as the browser's cookie allows.
func TestRefreshWritesDownTheUse(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	cfg := core.Config{Store: fault.Store(), IdleTimeout: time.Hour, TouchInterval: 5 * time.Minute}
	timed(t, cfg, func(t *testing.T, b *browser) {
		r := b.stream()
		fault.Reset()
		for range 30 { // minutes: the browser's cookie has more than half of its time
			time.Sleep(time.Minute)
			must(t, r.s.Refresh(ctx))
		}
		early := fault.Calls()["Touch"]
		for range 150 {
			time.Sleep(time.Minute)
			must(t, r.s.Refresh(ctx))
		}
		if n := fault.Calls()["Touch"]; early > 1 || n < 3 || n > 8 {
			t.Errorf("%d touches in half an hour, %d in three hours", early, n)
		}
		must(t, r.x.Finish(ctx))
	})
	timed(t, cfg, func(t *testing.T, b *browser) {
		time.Sleep(50 * time.Minute)
		passive := b.m.Adapter().Begin(ctx, b.header())
		passive.Passive()
		s, err := passive.Session(ctx)
		must(t, err)
		_, err = passive.Commit(ctx, 200)
		must(t, err)
		fault.Reset()
		must(t, s.Refresh(ctx))
		if n := fault.Calls()["Touch"]; n != 0 {
			t.Errorf("a passive request made %d touches", n)
		}
		must(t, passive.Finish(ctx))
		r := b.send()
		must(t, r.s.Refresh(ctx)) // the response does it, and sends the cookie
		if n := fault.Calls()["Touch"]; n != 0 {
			t.Errorf("%d touches before the header", n)
		}
		if out, err := r.respond(200); err != nil || out.Name == "" || fault.Calls()["Touch"] != 1 {
			t.Errorf("%v, %v, %v", out, err, fault.Calls())
		}
	})
}

func TestRefreshInAnOutage(t *testing.T) {
	here, there, fault := twoNodes(t, core.Config{})
	b := signedIn(t, here)
	r := b.stream()
	fault.Before(storetest.Outage)
	if err := r.s.Refresh(ctx); !errors.Is(err, core.ErrUnavailable) || errors.Is(err, core.ErrEnded) {
		t.Errorf("%v", err)
	}
	if n, err := count.Get(r.s); n != 1 || err != nil {
		t.Errorf("count %d, %v", n, err)
	}
	fault.Before(nil)
	b.on(there).visit(func(s *core.Session) { must(t, count.Set(s, 2)) })
	must(t, r.s.Refresh(ctx))
	if n := count.GetOr(r.s, 0); n != 2 {
		t.Errorf("count %d", n)
	}
}

func TestRefreshOfADamagedRecord(t *testing.T) {
	dir := t.TempDir() + "/sessions"
	store := made.Of(filestore.New(dir, filestore.Config{}))
	t.Cleanup(func() { must(t, store.Close()) })
	b := signedIn(t, newManager(t, core.Config{Store: store}))
	r := b.stream()
	setFormat(t, recordOf(dir, r.s.ID()), 9)
	if err := r.s.Refresh(ctx); !errors.Is(err, core.ErrUnreadable) || errors.Is(err, core.ErrEnded) {
		t.Errorf("a newer record: %v", err)
	}
	setFormat(t, recordOf(dir, r.s.ID()), 0)
	if err := r.s.Refresh(ctx); !errors.Is(err, core.ErrEnded) {
		t.Errorf("no record: %v", err)
	}
}

func TestRefreshIsRefused(t *testing.T) {
	b := signedIn(t, newManager(t, core.Config{}))
	r := b.stream()
	short := errors.New("too little")
	must(t, count.TryUpdate(r.s, func(n int) (int, error) {
		if n < 1 {
			return n, short
		}
		return n - 1, nil
	}))
	b.copyOf().visit(func(s *core.Session) { must(t, count.Set(s, 0)) })
	if err := r.s.Refresh(ctx); !errors.Is(err, core.ErrRefused) || !errors.Is(err, short) {
		t.Errorf("%v", err)
	}
	if err := r.s.Save(ctx); !errors.Is(err, core.ErrRefused) {
		t.Errorf("Save: %v", err)
	}
}

func TestRefreshWithoutAStoredSession(t *testing.T) {
	m := newManager(t, core.Config{})
	r := newBrowser(t, m).send()
	must(t, count.Set(r.s, 1))
	must(t, r.s.Refresh(ctx))
	if n := count.GetOr(r.s, 0); n != 1 {
		t.Errorf("count %d", n)
	}
	_, err := r.respond(200)
	must(t, err)
	if err := r.s.Refresh(ctx); !errors.Is(err, core.ErrClosed) {
		t.Errorf("after the request: %v", err)
	}
	b := signedIn(t, m)
	old := b.copyOf()
	b.visit(func(s *core.Session) { must(t, s.RotateID()) })
	late := old.send()
	if err := late.s.Refresh(ctx); !errors.Is(err, core.ErrEnded) {
		t.Errorf("a late request: %v", err)
	}
	for s, err := range m.All(ctx) {
		must(t, err)
		if err := s.Refresh(ctx); !errors.Is(err, core.ErrReadOnly) {
			t.Errorf("a view: %v", err)
		}
	}
	_, err = core.FromContext(ctx)
	if s, _ := core.FromContext(ctx); !errors.Is(s.Refresh(ctx), err) {
		t.Error("no session")
	}
}

func TestRefreshWithACookieStore(t *testing.T) {
	m := cookieManager(t, cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), core.Config{})
	for _, how := range []string{"Logout", "Login", "RotateID", "Revoke"} {
		b := signedIn(t, m)
		r := b.copyOf().stream()
		must(t, r.s.Refresh(ctx))
		endOf[how](t, b)
		if err := r.s.Refresh(ctx); !errors.Is(err, core.ErrEnded) {
			t.Errorf("%s: %v", how, err)
		}
	}
	b := signedIn(t, cookieManager(t, cookiestore.NoRevocation(), core.Config{}))
	r := b.copyOf().stream()
	endOf["Logout"](t, b)
	must(t, r.s.Refresh(ctx)) // nobody can know
}

// A function given to Update panics when it runs again, and the handler recovers, as a socket does for each message.
// Nothing is stored then: what others have stored is not in the session's state.
func TestPanicOfAnUpdateThatRunsAgain(t *testing.T) {
	for how, call := range map[string]func(s *core.Session) error{
		"Refresh": func(s *core.Session) error { return s.Refresh(ctx) },
		"Save":    func(s *core.Session) error { return s.Save(ctx) },
	} {
		store := &afterUpdate{Store: made.Of(memstore.New(memstore.Config{}))}
		b := signedIn(t, newManager(t, core.Config{Store: store}))
		r := b.copyOf().stream()
		runs := 0
		update := func() error {
			return count.Update(r.s, func(n int) int {
				if runs++; runs == 2 {
					panic("a bug")
				}
				return n + 1
			})
		}
		b.visit(func(s *core.Session) { must(t, other.Set(s, 7)) })
		if how == "Refresh" {
			must(t, update())
		} else { // the update comes while the save is under way, which has to begin again
			must(t, name.Set(r.s, "mine"))
			store.after = func(driver.ID) { store.after = nil; must(t, update()) }
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", how)
				}
			}()
			_ = call(r.s)
		}()
		if err := r.s.Save(ctx); err == nil {
			t.Errorf("%s: a later Save returns nil", how)
		}
		_ = r.x.Finish(ctx)
		if n, _ := b.value(other); n != 7 {
			t.Errorf("%s: other is %d, another request had stored 7", how, n)
		}
	}
}
