package redisstore

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

func numbered(n int) (id driver.ID) {
	binary.BigEndian.PutUint64(id[:], uint64(n))
	return id
}

func TestWindow(t *testing.T) {
	var w window
	for i := range 5 * windowSize {
		if !w.add(numbered(i)) {
			t.Fatalf("%d is not new", i)
		}
		if i >= windowSize && w.add(numbered(i-windowSize)) {
			t.Fatalf("%d, which came %d before, is new", i-windowSize, windowSize)
		}
		if n := len(w.newer) + len(w.older); n > 2*windowSize {
			t.Fatalf("%d IDs are remembered", n)
		}
	}
}

// When most keys go during a walk, Redis shrinks its table, and SCAN returns keys again. The walk does not, and misses
// none that stays.
func TestListWhileTheTableShrinks(t *testing.T) {
	t.Parallel()
	const all, stay = 30_000, 300
	server := startserver.Redis(t)
	s := openStore(t, nil, Config{}, server.Addr)
	add := func(n int) {
		rec := driver.Record{ID: numbered(n), Expires: time.Now().Add(time.Hour), Data: []byte("x")}
		if err := s.Create(t.Context(), &rec); err != nil {
			t.Fatal(err)
		}
	}
	for n := range all {
		add(n)
	}
	seen := map[driver.ID]int{}
	for rec, err := range s.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if seen[rec.ID]++; seen[rec.ID] > 1 {
			t.Errorf("%s came twice", rec.ID)
		}
		if len(seen) == all/2 {
			for n := stay; n < all; n++ {
				if err := s.Delete(t.Context(), numbered(n)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for n := range stay {
		if seen[numbered(n)] == 0 {
			t.Errorf("%d is missing", n)
		}
	}
}
