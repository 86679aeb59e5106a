package memcachestore

import (
	"crypto/rand"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// The second half of an ID is the same for all sessions of an application, and must not put them all into one slot or
// on one server.
func TestPlacesGoByTheFirstHalf(t *testing.T) {
	m := new(memory)
	ring := ringOf(t, names(3)...)
	used := map[any]bool{}
	for range 100 {
		var id, other driver.ID
		rand.Read(id[:])
		other = id
		rand.Read(other[16:])
		if m.slot(&id) != m.slot(&other) || ring.pick(&id) != ring.pick(&other) {
			t.Fatalf("%v and %v have different places", id, other)
		}
		clear(id[16:])
		used[m.slot(&id)] = true
	}
	if len(used) < 50 {
		t.Errorf("100 sessions have %d slots", len(used))
	}
}
