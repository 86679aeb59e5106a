package ginsession_test

import (
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/ginsession"
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
	with := ginsession.New(m)
	handle := func(use func(*core.Session)) http.Handler {
		if use == nil {
			return engine(with, ok)
		}
		return engine(with, ginsession.Handle(func(c *gin.Context, s *core.Session) {
			use(s)
			ok(c)
		}))
	}
	return owncost.Adapter{
		Bare: func(cookie string) func() { return owncost.Request(engine(ok), cookie) },
		With: func(use func(*core.Session), cookie string) func() { return owncost.Request(handle(use), cookie) },
		Seed: func(fill func(*core.Session)) string { return owncost.Cookie(handle(fill)) },
	}
}

var body = []byte("hello")

func ok(c *gin.Context) { _, _ = c.Writer.Write(body) }
