package core_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

var cart core.Key[[]int] = "cart"

// A panic of an Update function that runs again in Flashes is the handler's, and not the end of the process.
func TestPanicInAReplayIsRecoverable(t *testing.T) {
	if os.Getenv("COATCHECK_CHILD") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestPanicInAReplayIsRecoverable$", "-test.timeout=20s")
		cmd.Env = append(os.Environ(), "COATCHECK_CHILD=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("process died: %v\n%.600s", err, out)
		}
		return
	}
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, cart.Set(s, []int{1})); must(t, s.AddFlash("info", "x")) })
	other := b.copyOf()
	r := b.send()
	must(t, cart.Update(r.s, func(c []int) []int { c[0]++; return c }))
	other.visit(func(s *core.Session) { must(t, cart.Set(s, nil)) }) // the other tab empties the cart
	func() {
		defer func() { fmt.Println("recovered:", recover()) }()
		_, _ = r.s.Flashes(ctx)
	}()
	r.x.Discard()
}

// Update is not exact when a Save with a conflict runs meanwhile.
func TestUpdateIsExactOverASave(t *testing.T) {
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	r := b.send()
	must(t, name.Set(r.s, "x"))
	first := true
	must(t, count.Update(r.s, func(n int) int {
		if first {
			first = false
			done := make(chan error)
			go func() { // another goroutine of this request saves; another request was faster
				b.copyOf().visit(func(s *core.Session) { must(t, count.Set(s, 100)) })
				done <- r.s.Save(ctx)
			}()
			must(t, <-done)
		}
		return n + 1
	}))
	if _, err := r.respond(200); err != nil {
		t.Fatal(err)
	}
	if n, _ := b.value(count); n != 101 {
		t.Errorf("count = %d, want 101", n)
	}
}

// one damaged record keeps all sessions of a user alive.
func TestRevokeSubjectGoesPastADamagedRecord(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	store, err := filestore.New(dir, filestore.Config{})
	must(t, err)
	m := newManager(t, core.Config{Store: store, SweepInterval: -1})
	phone, laptop := newBrowser(t, m), newBrowser(t, m)
	var id core.ID
	phone.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	laptop.visit(func(s *core.Session) { must(t, s.Login("alice")); id = s.ID() })
	file := filepath.Join(dir, id.String()[:2], id.String()[2:])
	data, err := os.ReadFile(file)
	must(t, err)
	data[len(data)-1] ^= 1
	must(t, os.WriteFile(file, data, 0o600))
	n, err := m.RevokeSubject(ctx, "alice")
	phone.visit(func(s *core.Session) {
		if s.Subject() != "" {
			t.Errorf("phone is still %q after RevokeSubject = %d, %v", s.Subject(), n, err)
		}
	})
}

// sessions this node cannot open are passed over, with success.
func TestRevokeSubjectOfANewerFormat(t *testing.T) {
	store := made(memstore.New(memstore.Config{}))
	m := newManager(t, core.Config{Store: store})
	b := newBrowser(t, m)
	var id core.ID
	b.visit(func(s *core.Session) { must(t, s.Login("alice")); id = s.ID() })
	rec, err := store.Load(ctx, id)
	must(t, err)
	rec.Data = bytes.Clone(rec.Data)
	rec.Data[0] = 2 // what the next release, already running on another node, writes
	must(t, store.Update(ctx, &rec))
	n, err := m.RevokeSubject(ctx, "alice")
	if _, e := store.Load(ctx, id); e == nil {
		t.Errorf("RevokeSubject = %d, %v, and the session lives on", n, err)
	}
}
func TestRevokeSubjectWithoutTheKey(t *testing.T) {
	store := made(memstore.New(memstore.Config{}))
	k1, k2 := keyring.Generate("k1"), keyring.Generate("k2")
	r1, _ := keyring.New(k1)
	r2, _ := keyring.New(k2, k1)
	oldNode, newNode := newManager(t, core.Config{Store: store, Keys: r1}), newManager(t, core.Config{Store: store, Keys: r2})
	b := newBrowser(t, newNode)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	n, err := oldNode.RevokeSubject(ctx, "alice")
	b.visit(func(s *core.Session) {
		if s.Subject() != "" {
			t.Errorf("RevokeSubject = %d, %v, and the session lives on", n, err)
		}
	})
}

// change of password: rotate, then sign out everywhere else.
func TestRotateThenRevokeOthers(t *testing.T) {
	for _, how := range []string{"RotateID", "Login"} {
		m := newManager(t, core.Config{})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 7)) })
		r := b.send()
		c, s := r.x.Context(), r.s
		func() {
			if how == "RotateID" {
				must(t, s.RotateID())
			} else {
				must(t, s.Login("alice"))
			}
			n, err := m.RevokeSubject(c, s.Subject(), s.ID())
			t.Log(how, n, err)
		}()
		_, _ = r.respond(200)
		b.visit(func(s *core.Session) {
			if n, err := count.Get(s); s.Subject() != "alice" || n != 7 {
				t.Errorf("%s: subject %q, count %d, %v", how, s.Subject(), n, err)
			}
		})
	}
}

// a slog handler that adds the session's user deadlocks.
type userHandler struct{ slog.Handler }

func (h userHandler) Handle(ctx context.Context, r slog.Record) error {
	if s, err := core.FromContext(ctx); err == nil {
		r.AddAttrs(slog.String("user", s.Subject()))
	}
	return h.Handler.Handle(ctx, r)
}
func (h userHandler) Enabled(context.Context, slog.Level) bool { return true }

func TestLoggerMayAskForTheSession(t *testing.T) {
	within := func(what string, f func()) {
		done := make(chan struct{})
		go func() { f(); close(done) }()
		select {
		case <-done:
		case <-time.After(2 * time.Second):
			t.Errorf("%s: hangs", what)
		}
	}
	log := slog.New(userHandler{slog.DiscardHandler})
	fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
	m := newManager(t, core.Config{Store: fault.Store(), Logger: log})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	fault.Before(func(storetest.Call) error { return driver.ErrUnavailable })
	within("outage while loading", func() {
		x := m.Begin(ctx, b.header())
		_, _ = core.FromContext(x.Context())
	})
	fault.Before(func(storetest.Call) error { return nil })
	within("header sent", func() {
		x := m.Begin(ctx, nil)
		s, _ := x.Session(x.Context())
		_, _ = x.Commit(x.Context(), 200)
		_ = count.Set(s, 1)
		_ = x.Finish(x.Context())
	})
}

// ValueError "never holds the value itself".
func TestValueErrorShowsNoValue(t *testing.T) {
	var logged string
	m := newManager(t, core.Config{Observer: func(_ context.Context, e core.Event) {
		if e.Kind == core.EventDecode {
			logged = fmt.Sprint(e.Err)
		}
	}})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) {
		must(t, core.Key[string]("a").Set(s, "hunter2"))
		must(t, core.Key[int]("b").Set(s, 4111111111))
	})
	b.visit(func(s *core.Session) {
		_, err := core.Key[time.Time]("a").Get(s)
		if strings.Contains(err.Error(), "hunter2") || strings.Contains(logged, "hunter2") {
			t.Error(err)
		}
		if _, err := core.Key[int8]("b").Get(s); strings.Contains(err.Error(), "4111111111") {
			t.Error(err)
		}
	})
}

// StoreTimeout bounds each token's load, not the loading.
func TestStoreTimeoutIsForAllTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs, err := filestore.New(filepath.Join(t.TempDir(), "s"), filestore.Config{})
		must(t, err)
		fault := storetest.NewFault(fs)
		m := newManager(t, core.Config{Store: fault.Store(), StoreTimeout: 100 * time.Millisecond, SweepInterval: -1})
		fault.Before(func(storetest.Call) error { time.Sleep(80 * time.Millisecond); return nil })
		var line []string
		for i := range 4 {
			line = append(line, fmt.Sprintf("__Host-session=%sA", strings.Repeat(string(rune('B'+i)), 42)))
		}
		start := time.Now()
		_, err = m.Begin(ctx, []string{strings.Join(line, "; ")}).Session(ctx)
		if d := time.Since(start); d > 160*time.Millisecond || !errors.Is(err, core.ErrUnavailable) {
			t.Errorf("loading took %v with StoreTimeout 100ms (%v)", d, err)
		}
	})
}

func tokenManager(t *testing.T, keys *keyring.Keyring, revoked driver.Store, touch time.Duration) *core.Manager {
	store, err := cookiestore.New(keys, cookiestore.RevokeIn(revoked), cookiestore.Config{})
	must(t, err)
	return newManager(t, core.Config{Store: store, TouchInterval: touch})
}

// a full cookie, a key with a longer id: reading and logging out fail for good.
func TestFullCookieUnderALongerKey(t *testing.T) {
	k1, k2 := keyring.Generate("k1"), keyring.Generate("key2026")
	r1, _ := keyring.New(k1)
	r2, err := keyring.New(k2, k1)
	must(t, err)
	revoked := made(memstore.New(memstore.Config{}))
	m1, m2 := tokenManager(t, r1, revoked, time.Microsecond), tokenManager(t, r2, revoked, time.Microsecond)
	b := newBrowser(t, m1)
	for n := 2960; n > 2800; n-- {
		r := b.send()
		must(t, name.Set(r.s, strings.Repeat("x", n)))
		if _, err := r.respond(200); err == nil {
			break
		}
	}
	if b.cookie == "" {
		t.Fatal("not filled")
	}
	b.m = m2
	time.Sleep(2 * time.Millisecond)
	r := b.send()
	_, err = r.respond(200)
	if err != nil {
		t.Errorf("a request that only reads: %d %v", core.HTTPStatus(err), err)
	}
	r = b.send()
	must(t, r.s.Logout())
	if _, err = r.respond(200); err != nil {
		t.Errorf("logout: %d %v", core.HTTPStatus(err), err)
	}
}

// 128 touches of a full cookie, no change of keys.
func TestTouchesOfAFullCookie(t *testing.T) {
	r1, _ := keyring.New(keyring.Generate("k1"))
	m := tokenManager(t, r1, made(memstore.New(memstore.Config{})), time.Microsecond)
	b := newBrowser(t, m)
	for n := 2960; n > 2800; n-- {
		r := b.send()
		must(t, name.Set(r.s, strings.Repeat("x", n)))
		if _, err := r.respond(200); err == nil {
			break
		}
	}
	for i := range 300 {
		time.Sleep(10 * time.Microsecond)
		if _, err := b.send().respond(200); err != nil {
			t.Fatalf("read %d: %d %.90v", i, core.HTTPStatus(err), err)
		}
	}
}

// cookie store: deletion after the header is "stored".
func TestDeleteAfterTheHeaderOfAToken(t *testing.T) {
	r1, _ := keyring.New(keyring.Generate("k1"))
	m := tokenManager(t, r1, made(memstore.New(memstore.Config{})), 0)
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	x := m.Begin(ctx, b.header())
	s, _ := x.Session(ctx)
	_, _ = x.Commit(ctx, 200)
	if err := count.Delete(s); !errors.Is(err, core.ErrHeaderSent) {
		t.Errorf("Delete: %v", err)
	}
	must(t, x.Finish(ctx))
}

// cookie store: logout between the look and the rotation is undone.
type hooked struct {
	*memstore.Store
	create func()
}

func (h *hooked) Create(ctx context.Context, rec *driver.Record) error {
	if f := h.create; f != nil {
		h.create = nil
		f()
	}
	return h.Store.Create(ctx, rec)
}

func TestTokenIsNotRotatedAfterLogout(t *testing.T) {
	r1, _ := keyring.New(keyring.Generate("k1"))
	revoked := &hooked{Store: made(memstore.New(memstore.Config{}))}
	m := tokenManager(t, r1, revoked, 0)
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	tab := b.copyOf()
	r := b.send()
	must(t, r.s.RotateID())
	revoked.create = func() { tab.visit(func(s *core.Session) { must(t, s.Logout()) }) }
	_, err := r.respond(200)
	b.visit(func(s *core.Session) {
		if s.Subject() != "" {
			t.Errorf("logged out in between, and %q again (%v)", s.Subject(), err)
		}
	})
}

// Flashes takes a touch back.
func TestFlashesTakeNoTouchBack(t *testing.T) {
	clock := time.Now()
	now := func() time.Time { return clock }
	store := made(memstore.New(memstore.Config{Now: now}))
	m := newManager(t, core.Config{Store: store, Now: now, IdleTimeout: time.Hour, TouchInterval: time.Minute})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, s.AddFlash("", "x")) })
	clock = clock.Add(59 * time.Minute)
	r := b.send()
	b.copyOf().visit(nil) // touches
	_, err := r.s.Flashes(ctx)
	must(t, err)
	_, _ = r.respond(http.StatusInternalServerError)
	clock = clock.Add(2 * time.Minute)
	if _, live := b.value(count); !live {
		t.Error("used two minutes ago, IdleTimeout an hour, and gone")
	}
}

// Create landed, but said it had not: the next Save answers 500 for ever.
func TestCreateThatLandedAndFailed(t *testing.T) {
	fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
	m := newManager(t, core.Config{Store: fault.Store()})
	b := newBrowser(t, m)
	r := b.send()
	must(t, count.Set(r.s, 1))
	n := 0
	fault.After(func(c storetest.Call) error {
		if c.Method == "Create" && n == 0 {
			n++
			return driver.ErrUnavailable
		}
		return nil
	})
	t.Log(r.s.Save(ctx))
	if _, err := r.respond(200); err != nil {
		t.Errorf("%d %v", core.HTTPStatus(err), err)
	}
}

// a rotation whose outcome is unknown removes the new record.
func TestRotationOfUnknownOutcome(t *testing.T) {
	mem := made(memstore.New(memstore.Config{}))
	fault := storetest.NewFault(plain{mem})
	m := newManager(t, core.Config{Store: fault.Store()})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	r := b.send()
	must(t, r.s.RotateID())
	down := false
	fault.After(func(c storetest.Call) error {
		if c.Method == "Update" || down && c.Method == "Load" {
			down = !down
			return driver.ErrUnavailable
		}
		return nil
	})
	_, err := r.respond(200)
	fault.After(func(storetest.Call) error { return nil })
	n := 0
	for range mem.BySubject(ctx, "alice") {
		n++
	}
	if n == 0 {
		t.Errorf("neither the old session nor the new one is left (%v)", err)
	}
}

// Login after Flashes found the session ended.
func TestLoginAfterFlashesOfAnEndedSession(t *testing.T) {
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	var id core.ID
	b.visit(func(s *core.Session) { must(t, s.AddFlash("", "x")); id = s.ID() })
	r := b.send()
	must(t, m.Revoke(ctx, id))
	_, err := r.s.Flashes(ctx)
	lerr := r.s.Login("alice")
	_, cerr := r.respond(200)
	b.visit(func(s *core.Session) {
		if s.Subject() != "alice" && cerr == nil {
			t.Errorf("Flashes %v, Login %v, Commit %v, and nobody is signed in", err, lerr, cerr)
		}
	})
}

func TestLoginBeforeFlashesOfAnEndedSession(t *testing.T) {
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	var id core.ID
	b.visit(func(s *core.Session) { must(t, s.AddFlash("", "x")); id = s.ID() })
	r := b.send()
	lerr := r.s.Login("alice")
	must(t, m.Revoke(ctx, id))
	_, err := r.s.Flashes(ctx)
	_, cerr := r.respond(200)
	b.visit(func(s *core.Session) {
		if s.Subject() != "alice" {
			t.Errorf("Login %v, Flashes %v, Commit %v, and nobody is signed in", lerr, err, cerr)
		}
	})
}

// Failing observers stop nothing, and may ask for the session.
func TestObserverCanDoNoHarm(t *testing.T) {
	var asked bool
	m := newManager(t, core.Config{Observer: func(ctx context.Context, _ core.Event) {
		_, err := core.FromContext(ctx)
		asked = errors.Is(err, core.ErrNoSession)
		panic("observer")
	}, Logger: slog.New(slog.DiscardHandler)})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	tab := b.copyOf()
	b.visit(func(s *core.Session) { must(t, s.Logout()) })
	tab.visit(func(s *core.Session) {
		if s.Subject() != "" || !asked {
			t.Errorf("subject %q, asked %t", s.Subject(), asked)
		}
	})
}
