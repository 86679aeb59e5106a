package core_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// Given sessions that an old key has sealed, when they are resealed while requests write, then the old key can go, and
// nothing is lost.
func TestReseal(t *testing.T) {
	first, second := keyring.Generate("k1"), keyring.Generate("k2")
	store := made.Of(memstore.New(memstore.Config{}))
	with := func(keys *keyring.Keyring) *core.Manager { return newManager(t, core.Config{Store: store, Keys: keys}) }
	before := with(made.Of(keyring.New(first)))
	both := with(made.Of(keyring.New(second, first)))
	after := with(made.Of(keyring.New(second)))

	b := newBrowser(t, before)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, name.Set(s, "wool")) })
	var id core.ID
	b.m = both
	b.visit(func(s *core.Session) { id = s.ID() })
	was := made.Of(both.Session(ctx, id))

	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			must(t, both.Change(ctx, id, func(s *core.Session) error { return count.Update(s, func(n int) int { return n + 1 }) }))
		})
	}
	_, err := both.Reseal(ctx, id)
	wg.Wait()
	must(t, err)
	if done, err := both.Reseal(ctx, id); done || err != nil {
		t.Error("resealed twice", err)
	}
	now := made.Of(after.Session(ctx, id))
	if count.GetOr(now, 0) != 20 || name.GetOr(now, "") != "wool" || now.Subject() != "alice" ||
		!now.ExpiresAt().Equal(was.ExpiresAt()) || !now.LastUsed().Equal(was.LastUsed()) {
		t.Errorf("%+v", now.Export())
	}
	b.m = after
	b.visit(func(s *core.Session) {
		if s.Subject() != "alice" {
			t.Error("signed out")
		}
	})
}

func TestResealOfWhatIsNot(t *testing.T) {
	keys := made.Of(keyring.New(keyring.Generate("k2"), keyring.Generate("k1")))
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	m := newManager(t, core.Config{Store: fault.Store(), Keys: keys})
	b := newBrowser(t, m)
	var id core.ID
	b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, s.Save(ctx)); id = s.ID() })
	if done, err := m.Reseal(ctx, id); done || err != nil {
		t.Error(done, err)
	}
	must(t, m.Revoke(ctx, id))
	if done, err := m.Reseal(ctx, id); done || !errors.Is(err, core.ErrEnded) {
		t.Error(done, err)
	}
	if done, err := m.Reseal(ctx, core.ID{}); done || !errors.Is(err, core.ErrNotFound) {
		t.Error(done, err)
	}
	fault.Before(storetest.Outage)
	if done, err := m.Reseal(ctx, id); done || !errors.Is(err, core.ErrUnavailable) {
		t.Error(done, err)
	}
	plain := newManager(t, core.Config{})
	if done, err := plain.Reseal(ctx, id); done || !errors.Is(err, errors.ErrUnsupported) {
		t.Error(done, err)
	}
}
