package httpsession_test

import (
	"net/http"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
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
	with := httpsession.New(m)
	handle := func(use func(*core.Session)) http.Handler {
		if use == nil {
			return with(http.HandlerFunc(ok))
		}
		return with(httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
			use(s)
			ok(w, r)
		}))
	}
	return owncost.Adapter{
		Bare: func(cookie string) func() { return owncost.Request(http.HandlerFunc(ok), cookie) },
		With: func(use func(*core.Session), cookie string) func() { return owncost.Request(handle(use), cookie) },
		Seed: func(fill func(*core.Session)) string { return owncost.Cookie(handle(fill)) },
	}
}

var body = []byte("hello")

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }
