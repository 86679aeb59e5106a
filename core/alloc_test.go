package core_test

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// Allocations are stable where time is not, so a regression of the request path fails here.
func TestAllocationCeilings(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates; the run without it counts")
	}
	m, cookie := seeded(t, core.Config{Store: memstore.New(memstore.Config{})})
	defer m.Close()
	ceiling := map[string]float64{"A": 1, "B": 1, "C": 4, "D": 10, "E": 12}
	for _, c := range exchangeCases {
		if got := testing.AllocsPerRun(1000, func() { c.run(m, cookie) }); got > ceiling[c.name] {
			t.Errorf("%s: %v allocations, at most %v", c.name, got, ceiling[c.name])
		}
	}
}
