//go:build !race

package keyring

import "testing"

// The race detector makes the pool of working memory forget some of it.
func TestAllocationCeilings(t *testing.T) {
	ring := newRing(t)
	plain, dst := make([]byte, 300), make([]byte, 0, 400)
	sealed := ring.Seal(nil, plain, nil)
	if n := testing.AllocsPerRun(1000, func() { ring.Seal(dst, plain, nil) }); n >= 1 {
		t.Errorf("Seal: %v allocations, want none", n)
	}
	if n := testing.AllocsPerRun(1000, func() { _, _, _ = ring.Open(sealed, nil) }); n >= 2 {
		t.Errorf("Open: %v allocations, want 1, the plaintext", n)
	}
}
