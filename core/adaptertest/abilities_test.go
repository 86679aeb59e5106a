package adaptertest

import (
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// only has one more ability than none, or none.
type only struct {
	driver.Store
	can driver.Abilities
}

func (s only) Abilities() driver.Abilities { return s.can }

// A store without the abilities that the rules use is refused once, in one sentence, before any rule.
func TestAbilitiesAreAskedForFirst(t *testing.T) {
	has := driver.AbilitiesOf(made.Of(memstore.New(memstore.Config{})))
	for want, can := range map[string]driver.Abilities{
		"driver.Lister and driver.Indexer": {},
		"not driver.Lister":                {Indexer: has.Indexer, Sweeper: has.Sweeper},
		"not driver.Indexer":               {Lister: has.Lister},
		"":                                 {Lister: has.Lister, Indexer: has.Indexer},
	} {
		h := Harness{Adapter: netHTTP{}, New: func(tb testing.TB) func(testing.TB) driver.Store {
			open := memory(tb)
			return func(tb testing.TB) driver.Store { return only{open(tb), can} }
		}}
		if got := h.problem(t); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("problem %q, want %q", got, want)
		}
	}
	if got := (Harness{Adapter: netHTTP{}, Tokens: tokens}).problem(t); got != "" {
		t.Errorf("a token store: problem %q", got)
	}
}
