package echov5session_test

import (
	"net/http"
	"testing"

	"github.com/labstack/echo/v5"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/echov5session"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/internal/test/owncost"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func BenchmarkRequest(b *testing.B) { owncost.Requests(b, measured(b)) }

func TestAllocationCeilings(t *testing.T) {
	owncost.Ceilings(t, measured(t), map[string]float64{"A": 2, "B": 2, "C": 5, "D": 11, "E": 11})
}

func measured(tb testing.TB) owncost.Adapter {
	m, err := core.New(core.Config{Store: made.Of(memstore.New(memstore.Config{}))})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = m.Close() })
	with := echov5session.New(m)
	handle := func(use func(*core.Session)) http.Handler {
		if use == nil {
			return server(ok, with)
		}
		return server(echov5session.Handle(func(c *echo.Context, s *core.Session) error {
			use(s)
			return ok(c)
		}), with)
	}
	return owncost.Adapter{
		Bare: func(cookie string) func() { return owncost.Request(server(ok), cookie) },
		With: func(use func(*core.Session), cookie string) func() { return owncost.Request(handle(use), cookie) },
		Seed: func(fill func(*core.Session)) string { return owncost.Cookie(handle(fill)) },
	}
}

var body = []byte("hello")

func ok(c *echo.Context) error {
	_, err := c.Response().Write(body)
	return err
}
