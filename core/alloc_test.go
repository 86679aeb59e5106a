package core_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/internal/test/owncost"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestAllocationCeilings(t *testing.T) {
	owncost.Ceilings(t, exchanges(t, core.Config{Store: made.Of(memstore.New(memstore.Config{}))}),
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
		x := m.Adapter().Begin(ctx, http.Header{"Cookie": cookie})
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
