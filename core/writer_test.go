package core_test

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// With Keys, whoever writes the store can end a session and bring back an older state of it, and nothing else.
func TestStoreWriterWithKeys(t *testing.T) {
	store := made(memstore.New(memstore.Config{}))
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
		x := m.Begin(ctx, b.header())
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
