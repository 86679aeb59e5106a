package core_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestDevicesOfAUser(t *testing.T) {
	m := newManager(t, core.Config{})
	device := core.Key[string]("device")
	signIn := func(user, dev string) *browser {
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.Login(user)); must(t, device.Set(s, dev)) })
		return b
	}
	phone, laptop, other := signIn("alice", "phone"), signIn("alice", "laptop"), signIn("bob", "tablet")
	newBrowser(t, m).visit(func(s *core.Session) { must(t, count.Set(s, 1)) }) // anonymous
	phone.visit(func(s *core.Session) { must(t, s.RotateID()) })               // leaves a marker

	list := func(user string) (names []string) {
		for s, err := range m.Sessions(ctx, user) {
			must(t, err)
			dev, err := device.Get(s)
			must(t, err)
			names = append(names, dev)
			if s.Subject() != user || s.ID().IsZero() || s.Created().IsZero() || time.Until(s.ExpiresAt()) < time.Hour {
				t.Errorf("view %v: subject %q, created %v, expires %v", s, s.Subject(), s.Created(), s.ExpiresAt())
			}
			for what, err := range map[string]error{
				"Set": device.Set(s, "x"), "Logout": s.Logout(), "Clear": s.Clear(), "Save": s.Save(ctx), "AddFlash": s.AddFlash("a", "b"),
			} {
				if !errors.Is(err, core.ErrReadOnly) {
					t.Errorf("%s on a view: %v", what, err)
				}
			}
		}
		slices.Sort(names)
		return names
	}
	if got := list("alice"); !slices.Equal(got, []string{"laptop", "phone"}) {
		t.Errorf("alice has %q", got)
	}
	if got := list(""); got != nil {
		t.Errorf("nobody has %q", got)
	}
	all := 0
	for _, err := range m.All(ctx) {
		must(t, err)
		all++
	}
	if all != 4 {
		t.Errorf("All yields %d of 4", all)
	}

	// Sign out everywhere else.
	var here core.ID
	laptop.visit(func(s *core.Session) { here = s.ID() })
	if n, err := m.RevokeSubject(ctx, "alice", here); n != 1 || err != nil {
		t.Errorf("RevokeSubject = %d, %v", n, err)
	}
	alive(t, phone, false)
	alive(t, laptop, true)
	alive(t, other, true)
	must(t, m.Revoke(ctx, here))
	must(t, m.Revoke(ctx, here)) // again is fine
	alive(t, laptop, false)
}

func TestIDs(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	var first core.ID
	b.visit(func(s *core.Session) {
		if !s.ID().IsZero() {
			t.Error("a session without content has an ID")
		}
		must(t, count.Set(s, 1))
		first = s.ID()
	})
	b.visit(func(s *core.Session) {
		if s.ID() != first || first.IsZero() {
			t.Errorf("ID before the save %v, after it %v", first, s.ID())
		}
		must(t, s.RotateID())
		if s.ID() != first {
			t.Error("RotateID changed the ID")
		}
	})
	b.visit(func(s *core.Session) {
		if s.ID() != first {
			t.Error("the ID changed with the token")
		}
		must(t, s.Login("alice"))
		if first = s.ID(); first.IsZero() {
			t.Error("no ID of the session to come")
		}
	})
	b.visit(func(s *core.Session) {
		if s.ID() != first {
			t.Error("the ID after the Login is not the one announced")
		}
		if back, err := core.ParseID(s.ID().String()); back != first || err != nil {
			t.Errorf("ParseID: %v, %v", back, err)
		}
		must(t, s.Logout())
		if !s.ID().IsZero() || !s.IsNew() || s.Len() != 0 {
			t.Error("something is left after Logout")
		}
	})
}

func TestLifecycle(t *testing.T) {
	store := made(memstore.New(memstore.Config{}))
	m := newManager(t, core.Config{Store: store})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, s.AddFlash("info", "planted")) })
	anonymous := b.copyOf()

	// Login keeps what the visitor did, and what a page was to show them.
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	b.visit(func(s *core.Session) {
		if n, _ := count.Get(s); n != 1 || s.Subject() != "alice" {
			t.Errorf("after Login: %d, %q", n, s.Subject())
		}
		if list, _ := s.Flashes(ctx); len(list) != 1 {
			t.Errorf("messages from before the Login: %v", list)
		}
	})
	if b.cookie == anonymous.cookie {
		t.Error("Login kept the token")
	}
	alive(t, anonymous, false)

	// The same user again: new token, same data. Another user: nothing is left.
	before := b.cookie
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	if n, _ := b.value(count); n != 1 || b.cookie == before {
		t.Errorf("second Login: count %d, token kept %v", n, b.cookie == before)
	}
	b.visit(func(s *core.Session) { must(t, s.Login("bob")); must(t, name.Set(s, "bob's")) })
	b.visit(func(s *core.Session) {
		if s.Has("count") || !s.Has("name") || s.Subject() != "bob" {
			t.Errorf("bob sees %q", s.Keys())
		}
	})

	// Logout, then something new in the same request.
	old := b.copyOf()
	b.visit(func(s *core.Session) { must(t, s.Logout()); must(t, s.AddFlash("info", "bye")) })
	alive(t, old, false)
	b.visit(func(s *core.Session) {
		list, _ := s.Flashes(ctx)
		if len(list) != 1 || s.Subject() != "" || s.Has("name") {
			t.Errorf("after Logout: %v, %q", list, s.Keys())
		}
	})
	b.visit(func(s *core.Session) { must(t, s.Logout()) })
	if b.cookie != "" {
		t.Error("the cookie was not deleted")
	}
	out := b.visit(func(s *core.Session) { must(t, s.Logout()) })
	if out.Name != "" {
		t.Errorf("an anonymous logout got %q", out.Value)
	}
}

func TestTestCookie(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) {
		if s.TestCookieWorked() {
			t.Error("worked before it was set")
		}
		must(t, s.SetTestCookie())
	})
	b.visit(func(s *core.Session) {
		if !s.TestCookieWorked() || s.Len() != 0 {
			t.Error("did not work")
		}
		must(t, s.DeleteTestCookie())
	})
	b.visit(func(s *core.Session) {
		if s.TestCookieWorked() {
			t.Error("still there")
		}
	})
}

func TestStoresWithoutAbilities(t *testing.T) {
	m := newManager(t, core.Config{Store: plain{made(memstore.New(memstore.Config{}))}})
	for _, err := range m.Sessions(ctx, "alice") {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Sessions: %v", err)
		}
	}
	if _, err := m.RevokeSubject(ctx, "alice"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("RevokeSubject: %v", err)
	}
	for _, err := range m.All(ctx) {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("All: %v", err)
		}
	}
	if n, err := m.Sweep(ctx); n != 0 || err != nil {
		t.Errorf("Sweep = %d, %v", n, err)
	}
	must(t, m.Ping(ctx))
}

// Given sessions of a user of which one is sealed with a key that is not here, when the user's devices are listed,
// then the list ends in ErrUnreadable after all others: it is not whole.
func TestListSaysThatItIsNotWhole(t *testing.T) {
	store := made(memstore.New(memstore.Config{}))
	one, two := keyring.Generate("k1"), keyring.Generate("k2")
	ring := func(keys ...keyring.Key) *keyring.Keyring {
		r, err := keyring.New(keys[0], keys[1:]...)
		must(t, err)
		return r
	}
	newer := newManager(t, core.Config{Store: store, Keys: ring(two, one)})
	log, lines := logged()
	events := map[core.EventKind]int{}
	older := newManager(t, core.Config{Store: store, Keys: ring(one), Logger: log, Observer: countEvents(events)})
	newBrowser(t, newer).visit(func(s *core.Session) { must(t, s.Login("alice")) })
	for range 2 {
		newBrowser(t, older).visit(func(s *core.Session) { must(t, s.Login("alice")) })
	}
	for what, walk := range map[string]func(func(*core.Session, error) bool){
		"Sessions": older.Sessions(ctx, "alice"), "All": older.All(ctx),
	} {
		n := 0
		var last error
		for _, err := range walk {
			if last = err; err == nil {
				n++
			}
		}
		if n != 2 || !errors.Is(last, core.ErrUnreadable) {
			t.Errorf("%s yields %d of 2, and %v", what, n, last)
		}
	}
	if events[core.EventUnreadable] != 2 || events[core.EventCorrupt] != 0 {
		t.Errorf("events: %v", events)
	}
	if n := lines("WARN", "unreadable") + lines("WARN", "list"); n != 1 {
		t.Errorf("%d lines in the log", n)
	}
	if n, err := older.RevokeSubject(ctx, "alice"); n != 3 || err != nil {
		t.Errorf("RevokeSubject = %d, %v", n, err)
	}
}

// Given a damaged record, when sessions are listed, then it is passed over, with an event and one line in the log.
func TestListPassesOverDamage(t *testing.T) {
	store := made(memstore.New(memstore.Config{}))
	log, lines := logged()
	events := map[core.EventKind]int{}
	m := newManager(t, core.Config{Store: store, Logger: log, Observer: countEvents(events)})
	newBrowser(t, m).visit(func(s *core.Session) { must(t, s.Login("alice")) })
	bad := newBrowser(t, m)
	var id core.ID
	bad.visit(func(s *core.Session) { must(t, s.Login("alice")); id = s.ID() })
	rec, err := store.Load(ctx, id)
	must(t, err)
	rec.Data = append(bytes.Clone(rec.Data), "no more"...)
	must(t, store.Update(ctx, &rec))
	n := 0
	for range 3 {
		for _, err := range m.Sessions(ctx, "alice") {
			must(t, err)
			n++
		}
	}
	if n != 3 || events[core.EventCorrupt] != 3 || lines("WARN", id.String()) != 1 {
		t.Errorf("%d views, %v, %d lines", n, events, lines("WARN", id.String()))
	}
}
