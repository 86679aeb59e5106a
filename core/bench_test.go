package core_test

import (
	"context"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/internal/test/owncost"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// BenchmarkExchange is what a request costs without a framework.
func BenchmarkExchange(b *testing.B) {
	owncost.Requests(b, exchanges(b, core.Config{Store: made.Of(memstore.New(memstore.Config{}))}))
}

// BenchmarkCookieStore is the same where the cookie carries the session.
func BenchmarkCookieStore(b *testing.B) {
	keys, err := keyring.New(keyring.Generate("k1"))
	if err != nil {
		b.Fatal(err)
	}
	store, err := cookiestore.New(keys, cookiestore.NoRevocation(), cookiestore.Config{})
	if err != nil {
		b.Fatal(err)
	}
	owncost.Requests(b, exchanges(b, core.Config{Store: store}))
}

// BenchmarkSet is Key.Set by itself, for values that the codec writes without encoding/json, and for some that it does not.
func BenchmarkSet(b *testing.B) {
	type item struct {
		Name string
		N    int
	}
	m, err := core.New(core.Config{Store: made.Of(memstore.New(memstore.Config{}))})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = m.Close() })
	set(b, m, "int", 42)
	set(b, m, "bool", true)
	set(b, m, "string", "user-0123456789")
	set(b, m, "text", "Zoë <b> & \"you\"")
	set(b, m, "struct", []item{{"a", 1}, {"b", 2}})
	set(b, m, "map", map[string]any{"a": 1, "b": "two"})
}

func set[T any](b *testing.B, m *core.Manager, name string, v T) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		s, err := m.Adapter().Begin(context.Background(), nil).Session(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if err := core.Key[T](name).Set(s, v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
