package core

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// A state under random changes, written and read again now and then, holds what a map holds.
func TestStateIsAMap(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		st, want := state{header: header{codec: JSON{}}}, map[string]string{}
		for i := range 60 {
			key := strconv.Itoa(rnd.IntN(8))
			switch rnd.IntN(4) {
			case 0:
				st.remove([]byte(key))
				delete(want, key)
			case 1:
				var back state
				if err := back.parse(encoded(&st), onlyJSON); err != nil {
					t.Fatal(err)
				}
				st = back
			default:
				want[key] = strconv.Itoa(i)[:rnd.IntN(2)]
				st.set([]byte(key), []byte(want[key]))
			}
			got := map[string]string{}
			var keys []string
			for _, e := range st.all() {
				got[string(e.key)] = string(e.value)
				keys = append(keys, string(e.key))
			}
			if !maps.Equal(got, want) || !slices.IsSorted(keys) || st.empty() != (len(want) == 0) {
				t.Fatalf("holds %v, want %v", got, want)
			}
			for k := range 8 {
				key := strconv.Itoa(k)
				value, ok := st.find(key)
				if w, present := want[key]; ok != present || string(value) != w {
					t.Fatalf("find %s: %q %t, want %q %t", key, value, ok, w, present)
				}
			}
		}
	}
}

func TestAnEmptyValueIsOne(t *testing.T) {
	st := state{header: header{codec: JSON{}}}
	st.set([]byte("k"), nil)
	if _, ok := st.find("k"); !ok || st.empty() {
		t.Error("taken for a removal")
	}
}
