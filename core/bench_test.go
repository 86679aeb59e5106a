package core_test

import (
	"context"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/test/owncost"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// BenchmarkExchange is what a request costs without a framework.
func BenchmarkExchange(b *testing.B) {
	owncost.Requests(b, exchanges(b, core.Config{Store: made(memstore.New(memstore.Config{}))}))
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

func TestAllocationCeilings(t *testing.T) {
	owncost.Ceilings(t, exchanges(t, core.Config{Store: made(memstore.New(memstore.Config{}))}),
		map[string]float64{"A": 1, "B": 1, "C": 4, "D": 9, "E": 9})
}

// exchanges is core without a framework.
func exchanges(tb testing.TB, cfg core.Config) owncost.Adapter {
	tb.Helper()
	m, err := core.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = m.Close() })
	exchange := func(cookie []string, use func(*core.Session)) core.Out {
		ctx := context.Background()
		x := m.Begin(ctx, cookie)
		if use != nil {
			s, err := x.Session(ctx)
			if err != nil {
				panic(err)
			}
			use(s)
		}
		out, err := x.Commit(ctx, 200)
		if err != nil {
			panic(err)
		}
		_ = x.Finish(ctx)
		return out
	}
	return owncost.Adapter{
		Bare: func(string) func() { return func() {} },
		With: func(use func(*core.Session), cookie string) func() {
			lines := []string{cookie}
			if cookie == "" {
				lines = nil
			}
			return func() { exchange(lines, use) }
		},
		Seed: func(fill func(*core.Session)) string {
			cookie, _, _ := strings.Cut(exchange(nil, fill).Value, ";")
			return cookie
		},
	}
}

// BenchmarkSet is Key.Set by itself, for values that the codec writes without encoding/json, and for some that it does not.
func BenchmarkSet(b *testing.B) {
	type item struct {
		Name string
		N    int
	}
	m, err := core.New(core.Config{Store: made(memstore.New(memstore.Config{}))})
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
		s, err := m.Begin(context.Background(), nil).Session(context.Background())
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
