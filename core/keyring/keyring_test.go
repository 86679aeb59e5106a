package keyring

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

func must(t testing.TB, primary Key, old ...Key) *Keyring {
	t.Helper()
	k, err := New(primary, old...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealOpen(t *testing.T) {
	k := must(t, Generate("k1"))
	for _, plain := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("coat"), 1000)} {
		ad := []byte("use\x00binding")
		sealed := k.Seal([]byte("prefix"), plain, ad)
		if !bytes.HasPrefix(sealed, []byte("prefix")) || len(sealed) != 6+k.Overhead()+len(plain) {
			t.Fatalf("%d bytes were sealed as %d with an overhead of %d", len(plain), len(sealed)-6, k.Overhead())
		}
		got, old, err := k.Open(sealed[6:], ad)
		if err != nil || old || !bytes.Equal(got, plain) {
			t.Fatalf("Open = %d bytes, %v, %v", len(got), old, err)
		}
		if other := k.Seal(nil, plain, ad); bytes.Equal(other, sealed[6:]) {
			t.Fatal("the same plaintext was sealed to the same bytes twice")
		}
	}
}

// The second implementation of the documented format, with the plain calls.
func TestFormatIsAsDocumented(t *testing.T) {
	key := Generate("k1")
	sealed := must(t, key).Seal(nil, []byte("plaintext"), []byte("ad"))
	header, rest := sealed[:4], sealed[4:]
	if string(header) != "\x01\x02k1" {
		t.Fatalf("header %q", header)
	}
	prk, err := hkdf.Extract(sha256.New, key.Secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	sub, err := hkdf.Expand(sha256.New, prk, "coatcheck/keyring/v1\x00"+string(rest[:16]), 32)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(sub)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block) // which reads the nonce in front
	if err != nil {
		t.Fatal(err)
	}
	got, err := gcm.Open(nil, nil, rest[16:], append(header[:4:4], "ad"...))
	if err != nil || string(got) != "plaintext" {
		t.Fatalf("Open = %q, %v", got, err)
	}
}

func TestEveryAlterationIsRefused(t *testing.T) {
	k := must(t, Generate("k1"), Generate("k2"))
	ad := []byte("ad")
	sealed := k.Seal(nil, []byte("some plaintext"), ad)
	refused := func(what string, sealed, ad []byte) {
		t.Helper()
		got, _, err := k.Open(sealed, ad)
		// Another version or key id may be a newer release's, or a key that is not here.
		foreign := err == ErrUnknownKey && !bytes.HasPrefix(sealed, []byte("\x01\x02k1")) && !bytes.HasPrefix(sealed, []byte("\x01\x02k2"))
		if got != nil || err != ErrOpen && !foreign || errors.Is(err, driver.ErrCorrupt) == foreign {
			t.Fatalf("%s: Open = %q, %v", what, got, err)
		}
	}
	for i := range sealed {
		for bit := range 8 {
			altered := bytes.Clone(sealed)
			altered[i] ^= 1 << bit
			refused("flipped bit", altered, ad)
		}
		refused("cut at the end", sealed[:i], ad)
		refused("cut at the front", sealed[i+1:], ad)
	}
	refused("longer", append(bytes.Clone(sealed), 0), ad)
	refused("other ad", sealed, []byte("aD"))
	refused("no ad", sealed, nil)
	refused("another key's id", append([]byte("\x01\x02k2"), sealed[4:]...), ad)
	refused("unknown key's id", append([]byte("\x01\x01k"), sealed[4:]...), ad)
	refused("nothing", nil, ad)
	if _, _, err := k.Open(sealed, ad); err != nil {
		t.Fatal("the original no longer opens:", err)
	}
}

func TestRotation(t *testing.T) {
	one, two := Generate("k1"), Generate("k2")
	sealed := must(t, one).Seal(nil, []byte("x"), nil)

	got, old, err := must(t, two, one).Open(sealed, nil)
	if err != nil || !old || string(got) != "x" {
		t.Fatalf("with the key as an old one: Open = %q, %v, %v", got, old, err)
	}
	resealed := must(t, two, one).Seal(nil, got, nil)
	if _, old, err := must(t, two).Open(resealed, nil); err != nil || old {
		t.Fatalf("sealed again with the primary: Open = %v, %v", old, err)
	}
	if _, _, err := must(t, two).Open(sealed, nil); err != ErrUnknownKey {
		t.Fatalf("with the key dropped: %v", err)
	}
	impostor := Generate("k1")
	if _, _, err := must(t, impostor).Open(sealed, nil); err != ErrOpen {
		t.Fatalf("with another secret under the id: %v", err)
	}
}

func TestNewKeepsNothingOfTheSecret(t *testing.T) {
	key := Generate("k1")
	k := must(t, Key{ID: "k1", Secret: key.Secret})
	sealed := k.Seal(nil, []byte("x"), nil)
	clear(key.Secret)
	if _, _, err := k.Open(sealed, nil); err != nil {
		t.Fatal(err)
	}
}

func TestConcurrentUse(t *testing.T) {
	k := must(t, Generate("k1"), Generate("k2"))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			plain := bytes.Repeat([]byte{byte(i)}, 100+i)
			ad := []byte(strings.Repeat("a", i))
			for range 200 {
				if got, _, err := k.Open(k.Seal(nil, plain, ad), ad); err != nil || !bytes.Equal(got, plain) {
					t.Errorf("Open = %x, %v", got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
