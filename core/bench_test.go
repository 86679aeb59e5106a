package core_test

import (
	"context"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/p10"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// BenchmarkExchange is what a request costs without a framework.
func BenchmarkExchange(b *testing.B) {
	p10.Requests(b, exchanges(b, core.Config{Store: memstore.New(memstore.Config{})}))
}

// BenchmarkCookieStore is the same where the cookie carries the session.
func BenchmarkCookieStore(b *testing.B) {
	keys, err := keyring.New(keyring.Generate("k1"))
	if err != nil {
		b.Fatal(err)
	}
	store, err := cookiestore.New(keys, cookiestore.NoRevocation())
	if err != nil {
		b.Fatal(err)
	}
	p10.Requests(b, exchanges(b, core.Config{Store: store}))
}

func TestAllocationCeilings(t *testing.T) {
	p10.Ceilings(t, exchanges(t, core.Config{Store: memstore.New(memstore.Config{})}),
		map[string]float64{"A": 1, "B": 1, "C": 4, "D": 9, "E": 9})
}

// exchanges is core without a framework.
func exchanges(tb testing.TB, cfg core.Config) p10.Adapter {
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
	return p10.Adapter{
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
