package keyring

import (
	"bytes"
	"crypto/rand"
	"sync"
	"testing"
)

func newRing(t *testing.T) *Keyring {
	t.Helper()
	ring, err := New(Generate("k1"))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func saltOf(ring *Keyring, sealed []byte) []byte { return sealed[len(ring.primary.header):][:saltSize] }

// TestSubkeyEnds: no subkey seals more messages than it may, also not for many goroutines, and what the former one has
// sealed still opens.
func TestSubkeyEnds(t *testing.T) {
	ring := newRing(t)
	first := ring.Seal(nil, []byte("first"), nil)
	if second := ring.Seal(nil, []byte("second"), nil); !bytes.Equal(saltOf(ring, first), saltOf(ring, second)) {
		t.Error("the second message has a subkey of its own")
	}
	const left, workers, each = 100, 8, 50
	ring.primary.subkeys().sealing.Load().left.Store(left)
	var mu sync.Mutex
	uses := map[string]int{}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				sealed := ring.Seal(nil, []byte("later"), nil)
				if _, _, err := ring.Open(sealed, nil); err != nil {
					t.Error(err)
				}
				mu.Lock()
				uses[string(saltOf(ring, sealed))]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if n := uses[string(saltOf(ring, first))]; n != left {
		t.Errorf("the first subkey sealed %d more messages, want %d", n, left)
	}
	if len(uses) < 2 {
		t.Error("there is no second subkey")
	}
	if plain, _, err := ring.Open(first, nil); err != nil || string(plain) != "first" {
		t.Errorf("Open of what the former subkey has sealed: %q, %v", plain, err)
	}
}

// TestKeptSubkeys: Open keeps a bounded number of subkeys, and none for a salt that somebody made up.
func TestKeptSubkeys(t *testing.T) {
	secret := Generate("k1")
	ring, err := New(secret)
	if err != nil {
		t.Fatal(err)
	}
	kept := func() int { return len(ring.primary.subkeys().opened) }
	for range 100 {
		junk := append(bytes.Clone(ring.primary.header), make([]byte, 60)...)
		rand.Read(junk[len(ring.primary.header):])
		if _, _, err := ring.Open(junk, nil); err == nil {
			t.Fatal("junk opens")
		}
	}
	if n := kept(); n != 0 {
		t.Errorf("%d subkeys are kept for junk", n)
	}
	for range mostOpened + 50 {
		other, err := New(secret) // another process
		if err != nil {
			t.Fatal(err)
		}
		sealed := other.Seal(nil, []byte("x"), nil)
		for range 2 {
			if plain, _, err := ring.Open(sealed, nil); err != nil || string(plain) != "x" {
				t.Fatalf("Open: %q, %v", plain, err)
			}
		}
	}
	if n := kept(); n != mostOpened {
		t.Errorf("%d subkeys are kept, want %d", n, mostOpened)
	}
}
