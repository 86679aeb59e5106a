package core_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestSealedRecords(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	k1, k2 := keyring.Generate("k1"), keyring.Generate("k2")
	first := newManager(t, core.Config{Store: store, Keys: ring(t, k1)})
	b := newBrowser(t, first)
	b.visit(func(s *core.Session) { must(t, name.Set(s, "a secret")) })
	c := newBrowser(t, first)
	c.visit(func(s *core.Session) { must(t, name.Set(s, "another")) })
	id := func(b *browser) core.ID { r := b.send(); defer r.x.Discard(); return r.s.ID() }
	mine, theirs := id(b), id(c)
	rec, err := store.Load(ctx, mine)
	must(t, err)
	if bytes.Contains(rec.Data, []byte("secret")) || bytes.Contains(rec.Data, []byte("name")) {
		t.Error("the store sees the content")
	}

	// Old keys read, the primary writes.
	b.m = newManager(t, core.Config{Store: store, Keys: ring(t, k2, k1)})
	b.visit(func(s *core.Session) {
		if v, _ := name.Get(s); v != "a secret" {
			t.Errorf("with the old key: %q", v)
		}
		must(t, count.Set(s, 1))
	})
	b.m = newManager(t, core.Config{Store: store, Keys: ring(t, k2)})
	alive(t, b, true)

	// With another key of that name, or under another session: anonymous. Without any key: kept, and an outage.
	b.m = newManager(t, core.Config{Store: store, Keys: ring(t, keyring.Generate("k2"))})
	alive(t, b, false)
	if _, err := newManager(t, core.Config{Store: store}).Adapter().Begin(ctx, b.header()).Session(ctx); !errors.Is(err, core.ErrUnreadable) {
		t.Errorf("without Keys: %v", err)
	}
	b.m = newManager(t, core.Config{Store: store, Keys: ring(t, k2, k1)})
	swapped, err := store.Load(ctx, theirs)
	must(t, err)
	rec, err = store.Load(ctx, mine)
	must(t, err)
	rec.Data = swapped.Data
	must(t, store.Update(ctx, &rec))
	alive(t, b, false)

	// A plain record is not accepted where records are sealed.
	p := newBrowser(t, newManager(t, core.Config{Store: store}))
	p.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	p.m = b.m
	alive(t, p, false)
}

// A writer of the store cannot make a session outlive its ExpireAt where it is sealed.
func TestExpireAtIsSealed(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	clock := storetest.NewClock()
	m := newManager(t, core.Config{Store: store, Keys: ring(t, keyring.Generate("k1")), Now: clock.Now})
	b := newBrowser(t, m)
	var id core.ID
	b.visit(func(s *core.Session) {
		must(t, count.Set(s, 1))
		must(t, s.ExpireAt(clock.Now().Add(time.Hour)))
		id = s.ID()
	})
	rec, err := store.Load(ctx, id)
	must(t, err)
	must(t, store.Touch(ctx, id, rec.Version, rec.Used, rec.Expires.Add(24*time.Hour)))
	clock.Advance(59 * time.Minute)
	alive(t, b, true)
	clock.Advance(time.Minute)
	alive(t, b, false)
}

// With Keys, whoever writes the store can end a session and bring back an older state of it, and nothing else.
func TestStoreWriterWithKeys(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	m := newManager(t, core.Config{Store: store, Keys: ring(t, keyring.Generate("k1"))})
	alice, mallory := newBrowser(t, m), newBrowser(t, m)
	alice.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
	mallory.visit(func(s *core.Session) { must(t, s.Login("mallory")); must(t, count.Set(s, 2)) })
	id := func(b *browser) core.ID { r := b.send(); defer r.x.Discard(); return r.s.ID() }
	va, vm := id(alice), id(mallory)
	ra, err := store.Load(ctx, va)
	must(t, err)
	rm, err := store.Load(ctx, vm)
	must(t, err)
	put := func(id core.ID, subject string, data []byte) {
		t.Helper()
		must(t, store.Delete(ctx, id))
		rec := rm
		rec.ID, rec.Subject, rec.Data = id, subject, data
		must(t, store.Create(ctx, &rec))
	}
	join := func(block, seal []byte) []byte { return append(append([]byte(nil), block[:128]...), seal[128:]...) }
	who := func(b *browser) string {
		x := m.Adapter().Begin(ctx, b.header())
		s, _ := x.Session(ctx)
		defer x.Discard()
		return s.Subject()
	}
	flip := func(at int, v byte) []byte {
		d := append([]byte(nil), ra.Data...)
		d[at] = v
		return d
	}
	for what, c := range map[string]struct {
		id      core.ID
		subject string
		data    []byte
		by      *browser
	}{
		"alice's record under mallory's ID":     {vm, "alice", ra.Data, mallory},
		"mallory's block, alice's seal":         {vm, "alice", join(rm.Data, ra.Data), mallory},
		"mallory's block, alice's seal, her ID": {va, "alice", join(rm.Data, ra.Data), alice},
		"alice's subject":                       {vm, "alice", rm.Data, mallory},
		"no subject":                            {vm, "", rm.Data, mallory},
		"no seal":                               {vm, "alice", rm.Data[:128], mallory},
		"alice's kind flipped to ended":         {va, "alice", flip(1, 2), alice},
		"alice's kind unknown":                  {va, "alice", flip(1, 9), alice},
		"alice's format newer":                  {va, "alice", flip(0, 2), alice},
		"alice's format none":                   {va, "alice", flip(0, 0), alice},
		"alice's write mark":                    {va, "alice", flip(115, ra.Data[115]^1), alice},
		"alice's spare byte":                    {va, "alice", flip(127, 1), alice},
		"alice's key id":                        {va, "alice", flip(131, '2'), alice},
	} {
		put(c.id, c.subject, c.data)
		if got := who(c.by); got != "" {
			t.Errorf("%s: signed in as %q", what, got)
		}
		put(va, "alice", ra.Data)
		put(vm, "mallory", rm.Data)
		if who(alice) != "alice" || who(mallory) != "mallory" {
			t.Fatalf("%s: not restored", what)
		}
	}
}

// "remember me" sessions, when the operator turns encryption on.
func TestKeysTurnedOn(t *testing.T) {
	for what, set := range map[string]func(*core.Session) error{
		"default": func(s *core.Session) error { return nil },
		"in":      func(s *core.Session) error { return s.ExpireIn(time.Hour) },
		"at":      func(s *core.Session) error { return s.ExpireAt(time.Now().Add(time.Hour)) },
		"browser": (*core.Session).ExpireAtBrowserClose,
	} {
		store := made.Of(memstore.New(memstore.Config{}))
		b := newBrowser(t, newManager(t, core.Config{Store: store}))
		b.visit(func(s *core.Session) {
			must(t, s.Login("alice"))
			must(t, name.Set(s, strings.Repeat("x", 50)))
			must(t, set(s))
		})
		m := newManager(t, core.Config{Store: store, Keys: ring(t, keyring.Generate("k1"))})
		_, err := m.Adapter().Begin(ctx, b.header()).Session(ctx)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// strange answers with errors and records that no store should.
type strange struct {
	driver.Store
	err   error
	other *driver.Record
}

func (s *strange) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	if s.err != nil {
		return driver.Record{}, s.err
	}
	if s.other != nil {
		return *s.other, nil
	}
	return s.Store.Load(ctx, id)
}

func TestStoreThatAnswersNonsense(t *testing.T) {
	store := &strange{Store: plain{made.Of(memstore.New(memstore.Config{}))}}
	m := newManager(t, core.Config{Store: store})
	alice, bob := newBrowser(t, m), newBrowser(t, m)
	alice.visit(func(s *core.Session) { must(t, name.Set(s, "alice")) })
	bob.visit(func(s *core.Session) { must(t, name.Set(s, "bob")) })

	store.err = errors.New("some driver's own error")
	if _, err := m.Adapter().Begin(ctx, alice.header()).Session(ctx); !errors.Is(err, core.ErrUnavailable) || !errors.Is(err, store.err) {
		t.Errorf("an untyped error: %v", err)
	}
	store.err = nil

	r := bob.send()
	rec, err := store.Load(ctx, r.s.ID())
	must(t, err)
	store.other = &rec
	if s, err := m.Adapter().Begin(ctx, alice.header()).Session(ctx); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("another session's record: %v, %v", s, err)
	}
}

func TestTooLarge(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{MaxSize: 1000}))
	b.visit(func(s *core.Session) { must(t, name.Set(s, "small")) })
	r := b.send()
	must(t, name.Set(r.s, strings.Repeat("x", 1000)))
	out, err := r.respond(200)
	if !errors.Is(err, core.ErrTooLarge) || !strings.Contains(err.Error(), "1000") || out.Name != "" {
		t.Errorf("commit: %+v, %v", out, err)
	}
	b.visit(func(s *core.Session) {
		if v, _ := name.Get(s); v != "small" {
			t.Errorf("old state is gone: %q", v)
		}
	})
}
