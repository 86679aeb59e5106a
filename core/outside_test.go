package core_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// userOf is a browser with a new session of the user.
func userOf(t *testing.T, m *core.Manager, user string) (b *browser, id core.ID) {
	t.Helper()
	b = newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login(user)) })
	b.visit(func(s *core.Session) { id = s.ID() })
	return b, id
}

func TestSessionByID(t *testing.T) {
	m := newManager(t, core.Config{})
	b, id := userOf(t, m, "alice")
	s, err := m.Session(ctx, id)
	must(t, err)
	if s.Subject() != "alice" || s.ID() != id || s.LastUsed().IsZero() {
		t.Errorf("view: subject %q, used %v", s.Subject(), s.LastUsed())
	}
	if err := count.Set(s, 1); !errors.Is(err, core.ErrReadOnly) {
		t.Errorf("Set on the view: %v", err)
	}
	b.visit(func(s *core.Session) { must(t, s.Logout()) })
	if _, err := m.Session(ctx, id); !errors.Is(err, core.ErrEnded) || !errors.Is(err, core.ErrNotFound) {
		t.Errorf("after the Logout: %v", err)
	}
	other := newManager(t, core.Config{Namespace: "staff"})
	if _, err := other.Session(ctx, id); !errors.Is(err, core.ErrNotFound) || errors.Is(err, core.ErrEnded) {
		t.Errorf("in another namespace: %v", err)
	}
	if _, err := cookieManager(t, cookiestore.NoRevocation(), core.Config{}).Session(ctx, id); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("with the cookie store: %v", err)
	}
}

// Given a session under way in a request, when Change changes it, then both are stored, however they overlap.
func TestChangeBesideARequest(t *testing.T) {
	m := newManager(t, core.Config{})
	b, id := userOf(t, m, "alice")
	r := b.send()
	must(t, count.Set(r.s, 1))
	must(t, m.Change(ctx, id, func(s *core.Session) error { return name.Set(s, "admin") }))
	if _, err := r.respond(200); err != nil {
		t.Fatal(err)
	}
	b.visit(func(s *core.Session) {
		if n, _ := count.Get(s); n != 1 {
			t.Errorf("the request's value: %d", n)
		}
		if role, _ := name.Get(s); role != "admin" {
			t.Errorf("the value of Change: %q", role)
		}
	})
}

func TestChangesAreExact(t *testing.T) {
	m := newManager(t, core.Config{})
	b, id := userOf(t, m, "alice")
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := m.Change(ctx, id, func(s *core.Session) error {
				return count.Update(s, func(n int) int { return n + 1 })
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n, _ := b.value(count); n != 20 {
		t.Errorf("20 changes count %d", n)
	}
}

// Given an ID whose session is over, when it is changed, then Change says so and creates nothing.
func TestChangeOfAnEndedSession(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	for name, end := range map[string]func(m *core.Manager, b *browser, id core.ID){
		"Logout": func(_ *core.Manager, b *browser, _ core.ID) { b.visit(func(s *core.Session) { must(t, s.Logout()) }) },
		"Login": func(_ *core.Manager, b *browser, _ core.ID) {
			b.visit(func(s *core.Session) { must(t, s.Login("bob")) })
		},
		"Revoke": func(m *core.Manager, _ *browser, id core.ID) { must(t, m.Revoke(ctx, id)) },
	} {
		m := newManager(t, core.Config{Store: store})
		b, id := userOf(t, m, "alice")
		end(m, b, id)
		before := records(t, store)
		ran := false
		err := m.Change(ctx, id, func(s *core.Session) error { ran = true; return count.Set(s, 1) })
		if !errors.Is(err, core.ErrEnded) || ran || records(t, store) != before {
			t.Errorf("after a %s: %v, ran %v, %d records of %d", name, err, ran, records(t, store), before)
		}
		// It ends while Change is under way.
		b, id = userOf(t, m, "carol")
		err = m.Change(ctx, id, func(s *core.Session) error { end(m, b, id); return count.Set(s, 1) })
		if !errors.Is(err, core.ErrEnded) {
			t.Errorf("a %s meanwhile: %v", name, err)
		}
		if _, err := m.Session(ctx, id); !errors.Is(err, core.ErrEnded) {
			t.Errorf("a %s meanwhile, the session afterwards: %v", name, err)
		}
	}
}

func TestChangeThatFails(t *testing.T) {
	m := newManager(t, core.Config{MaxSize: 200})
	b, id := userOf(t, m, "alice")
	mine := errors.New("mine")
	for what, test := range map[string]struct {
		change func(*core.Session) error
		want   error
	}{
		"its own error":         {func(*core.Session) error { return mine }, mine},
		"Login":                 {func(s *core.Session) error { _ = s.Login("bob"); return nil }, errors.ErrUnsupported},
		"RotateID":              {func(s *core.Session) error { _ = s.RotateID(); return nil }, errors.ErrUnsupported},
		"ExpireAtBrowserClose":  {func(s *core.Session) error { _ = s.ExpireAtBrowserClose(); return nil }, errors.ErrUnsupported},
		"Set after Destroy":     {func(s *core.Session) error { _ = s.Destroy(); _ = count.Set(s, 3); return nil }, errors.ErrUnsupported},
		"a value that is large": {func(s *core.Session) error { return name.Set(s, fmt.Sprintf("%300d", 1)) }, core.ErrTooLarge},
		"a value that is wrong": {func(s *core.Session) error { _ = channel.Set(s, nil); return nil }, nil},
		"too late":              {func(*core.Session) error { return nil }, context.Canceled},
	} {
		ctx := ctx
		if what == "too late" {
			over, cancel := context.WithCancel(ctx)
			cancel()
			ctx = over
		}
		err := m.Change(ctx, id, func(s *core.Session) error {
			must(t, count.Set(s, 7))
			return test.change(s)
		})
		if err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: %v", what, err)
		}
		if n, live := b.value(count); n != 0 || !live {
			t.Errorf("%s: stored %d, live %v", what, n, live)
		}
	}
	var kept *core.Session
	func() {
		defer func() {
			if p := recover(); p != "mine" {
				t.Errorf("recovered %v", p)
			}
		}()
		_ = m.Change(ctx, id, func(s *core.Session) error { kept = s; must(t, count.Set(s, 7)); panic("mine") })
	}()
	if n, _ := b.value(count); n != 0 {
		t.Errorf("after a panic: %d", n)
	}
	if err := count.Set(kept, 1); !errors.Is(err, core.ErrClosed) {
		t.Errorf("after Change: %v", err)
	}
}

func TestChangeEndsAndExtends(t *testing.T) {
	m := newManager(t, core.Config{})
	b, id := userOf(t, m, "alice")
	must(t, m.Change(ctx, id, func(s *core.Session) error { return s.ExpireIn(time.Hour) }))
	b.visit(func(s *core.Session) {
		if left := s.TimeLeft(); left > time.Hour {
			t.Errorf("ExpireIn(1h): %v left", left)
		}
	})
	must(t, m.Change(ctx, id, func(s *core.Session) error { return s.AddFlash("info", "goods are in") }))
	b.visit(func(s *core.Session) {
		if list, err := s.Flashes(ctx); err != nil || len(list) != 1 {
			t.Errorf("messages: %v, %v", list, err)
		}
	})
	must(t, m.Change(ctx, id, (*core.Session).Logout))
	alive(t, b, false)
}

// A change from outside is no use: the user did nothing.
func TestChangeIsNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, core.Config{IdleTimeout: time.Hour})
		b, id := userOf(t, m, "alice")
		began := time.Now()
		time.Sleep(50 * time.Minute)
		must(t, m.Change(ctx, id, func(s *core.Session) error { return count.Set(s, 1) }))
		v, err := m.Session(ctx, id)
		must(t, err)
		if !v.LastUsed().Equal(began) || v.TimeLeft() != 10*time.Minute {
			t.Errorf("used %v, %v left", v.LastUsed().Sub(began), v.TimeLeft())
		}
		time.Sleep(11 * time.Minute)
		alive(t, b, false)
	})
}

// LastUsed moves forward with the use, to within TouchInterval, and never back.
func TestLastUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, core.Config{IdleTimeout: time.Hour, TouchInterval: 3 * time.Minute})
		newBrowser(t, m).visit(func(s *core.Session) {
			if !s.LastUsed().IsZero() {
				t.Errorf("a new session was used %v", s.LastUsed())
			}
		})
		b, id := userOf(t, m, "alice")
		var last time.Time
		for minute := range 30 {
			time.Sleep(time.Minute)
			b.visit(func(s *core.Session) {
				if minute%4 == 0 {
					must(t, count.Set(s, minute))
				}
			})
			v, err := m.Session(ctx, id)
			must(t, err)
			if ago := time.Since(v.LastUsed()); ago > 3*time.Minute || v.LastUsed().Before(last) {
				t.Errorf("minute %d: used %v ago, before that %v", minute, ago, last)
			}
			last = v.LastUsed()
		}
	})
}

func TestChangeSubject(t *testing.T) {
	m := newManager(t, core.Config{})
	var all []*browser
	for range 3 {
		b, _ := userOf(t, m, "alice")
		all = append(all, b)
	}
	bob, _ := userOf(t, m, "bob")
	grant := func(s *core.Session) error { return name.Set(s, "admin") }
	n, err := m.ChangeSubject(ctx, "alice", grant)
	if n != 3 || err != nil {
		t.Errorf("ChangeSubject = %d, %v", n, err)
	}
	role := func(b *browser) (role string) {
		b.visit(func(s *core.Session) { role, _ = name.Get(s) })
		return role
	}
	for i, b := range all {
		if role(b) != "admin" {
			t.Errorf("session %d: %q", i, role(b))
		}
	}
	if role(bob) != "" {
		t.Errorf("bob is %q", role(bob))
	}
	if n, err := m.ChangeSubject(ctx, "", grant); n != 0 || err != nil {
		t.Errorf("nobody: %d, %v", n, err)
	}
	mine := errors.New("mine")
	if n, err := m.ChangeSubject(ctx, "alice", func(*core.Session) error { return mine }); n != 0 || !errors.Is(err, mine) {
		t.Errorf("an error of change: %d, %v", n, err)
	}
}

// Given a user who signs in again while ChangeSubject walks, when it has returned, then the new session has the change.
func TestChangeSubjectMeetsALogin(t *testing.T) {
	m := newManager(t, core.Config{})
	b, _ := userOf(t, m, "alice")
	other, _ := userOf(t, m, "alice")
	once := sync.OnceFunc(func() {
		b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
		other.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	})
	_, err := m.ChangeSubject(ctx, "alice", func(s *core.Session) error { once(); return name.Set(s, "admin") })
	must(t, err)
	for _, b := range []*browser{b, other} {
		b.visit(func(s *core.Session) {
			if role, _ := name.Get(s); role != "admin" {
				t.Errorf("the session of the Login is %q", role)
			}
		})
	}
}

// An error of change that looks like one of ours is no session that has ended, and is passed on.
func TestChangeSubjectPassesErrorsOn(t *testing.T) {
	m := newManager(t, core.Config{})
	userOf(t, m, "alice")
	_, gone := userOf(t, m, "bob")
	must(t, m.Revoke(ctx, gone))
	for what, change := range map[string]func(*core.Session) error{
		"another session":  func(*core.Session) error { return m.Change(ctx, gone, func(*core.Session) error { return nil }) },
		"a damaged record": func(*core.Session) error { return core.ErrCorrupt },
		"a newer record":   func(*core.Session) error { return core.ErrUnreadable },
	} {
		if n, err := m.ChangeSubject(ctx, "alice", change); n != 0 || err == nil {
			t.Errorf("%s: %d, %v", what, n, err)
		}
	}
	// A session that ends while change runs is skipped, also if change passes that on.
	_, id := userOf(t, m, "carol")
	n, err := m.ChangeSubject(ctx, "carol", func(s *core.Session) error {
		must(t, m.Revoke(ctx, id))
		must(t, count.Set(s, 1))
		return s.Save(ctx)
	})
	if n != 0 || err != nil {
		t.Errorf("a session that ended meanwhile: %d, %v", n, err)
	}
}

func TestChangeSubjectSaysWhatIsLeft(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	one, two := keyring.Generate("k1"), keyring.Generate("k2")
	newer := newManager(t, core.Config{Store: store, Keys: ring(t, two, one)})
	older := newManager(t, core.Config{Store: store, Keys: ring(t, one)})
	userOf(t, newer, "alice")
	userOf(t, older, "alice")
	n, err := older.ChangeSubject(ctx, "alice", func(s *core.Session) error { return count.Set(s, 1) })
	if n != 1 || !errors.Is(err, core.ErrUnreadable) {
		t.Errorf("ChangeSubject = %d, %v", n, err)
	}
	none := newManager(t, core.Config{Store: plain{made.Of(memstore.New(memstore.Config{}))}})
	if _, err := none.ChangeSubject(ctx, "alice", nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("without an index: %v", err)
	}
}

func TestExportAndErase(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	m := newManager(t, core.Config{Store: store, Devices: &core.Devices{}})
	b, _ := userOf(t, m, "alice")
	b.visit(func(s *core.Session) {
		must(t, name.Set(s, "Alice A."))
		must(t, s.AddFlash("info", "hello"))
	})
	b.visit(func(s *core.Session) { must(t, s.LoginBy("alice", "passkey")) })
	userOf(t, m, "bob")
	all, err := m.ExportSubject(ctx, "alice")
	must(t, err)
	if len(all) != 1 || string(all[0].Values["name"]) != `"Alice A."` || len(all[0].Messages) != 1 || all[0].Device.Method != "passkey" ||
		all[0].Subject != "alice" || all[0].Created.IsZero() || all[0].AuthTime.IsZero() || all[0].LastUsed.IsZero() || all[0].Expires.IsZero() {
		t.Errorf("export: %+v", all)
	}
	n, err := m.EraseSubject(ctx, "alice")
	if n != 1 || err != nil {
		t.Errorf("EraseSubject = %d, %v", n, err)
	}
	for rec, err := range store.All(ctx) {
		must(t, err)
		if rec.Subject == "alice" {
			t.Errorf("a record still names alice: %v", rec.ID)
		}
	}
	if records(t, store) == 0 {
		t.Error("bob's session has gone, too")
	}
}
