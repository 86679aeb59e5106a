package memstore_test

import (
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// TestSweepGivesMemoryBack checks that the tables shrink after a peak, when the records are gone.
func TestSweepGivesMemoryBack(t *testing.T) {
	clock := storetest.NewClock()
	s := made.Of(memstore.New(memstore.Config{Now: clock.Now}))
	heap := heapDuring(func() { fill(t, s, 200_000) })
	kept := record(-1, "alice", 10)
	kept.Expires = clock.Now().Add(24 * time.Hour)
	must(t, s.Create(t.Context(), kept))
	clock.Advance(2 * time.Hour)
	back := -heapDuring(func() {
		if n, _ := s.Sweep(t.Context(), 1_000_000); n != 200_000 {
			t.Errorf("swept %d", n)
		}
	})
	if back < heap*9/10 {
		t.Errorf("the records took %d bytes, the Sweep gave %d back", heap, back)
	}
	if _, err := s.Load(t.Context(), kept.ID); err != nil {
		t.Error(err)
	}
}
