package memstore_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// A full store refuses a new session, although the limit would end another one.
func TestLimitInAFullStore(t *testing.T) {
	s := made.Of(memstore.New(memstore.Config{MaxRecords: 2}))
	for n := range 2 {
		must(t, s.Create(t.Context(), record(n, "alice", 10)))
	}
	removed, err := s.CreateLimited(t.Context(), record(2, "alice", 10), driver.Limit{Most: 2})
	if len(removed) > 0 || !errors.Is(err, memstore.ErrFull) || s.Len() != 2 {
		t.Errorf("removed %v, %v, %d left", removed, err, s.Len())
	}
}

func BenchmarkLimit(b *testing.B) {
	s := made.Of(memstore.New(memstore.Config{}))
	populate(b, s, time.Now(), 100_000, loggedIn)
	for n := 100_000; b.Loop(); n++ {
		_, err := s.CreateLimited(b.Context(), record(n, "alice", 261), driver.Limit{Most: 5})
		must(b, err)
	}
}

func BenchmarkCount(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			clock := storetest.NewClock()
			s := made.Of(memstore.New(memstore.Config{Now: clock.Now}))
			populate(b, s, clock.Now(), n, loggedIn)
			for b.Loop() {
				if got, err := s.Count(b.Context(), [16]byte{}); err != nil || got != n {
					b.Fatal(got, err)
				}
			}
		})
	}
}
