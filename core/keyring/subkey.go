package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
	"sync"
)

const info = "coatcheck/keyring/v1\x00"

// key is one key in use. Only the pool's function reaches the secret's PRK: no printer that follows pointers finds it
// there.
type key struct {
	header  []byte // version, length, id
	scratch sync.Pool
}

func newKey(k Key) (*key, error) {
	prk, err := hkdf.Extract(sha256.New, k.Secret, nil)
	if err != nil {
		return nil, fmt.Errorf("keyring: key %q: %w", k.ID, err)
	}
	derived := &key{header: append([]byte{version, byte(len(k.ID))}, k.ID...)}
	derived.scratch.New = func() any { return &scratch{mac: hmac.New(sha256.New, prk)} }
	return derived, nil
}

// scratch is the working memory of one Seal or Open. It never leaves this package.
type scratch struct {
	mac   hash.Hash
	block [len(info) + saltSize + 1]byte
	sum   [sha256.Size]byte
	ad    []byte
}

// aead returns the cipher of one message. For 32 bytes of output HKDF-Expand is
// HMAC(PRK, info || 0x01); a reused HMAC does that in a third of the time,
// because it remembers its padded key.
func (s *scratch) aead(salt []byte) cipher.AEAD {
	n := copy(s.block[:], info)
	copy(s.block[n:], salt)
	s.block[len(s.block)-1] = 1
	s.mac.Reset()
	s.mac.Write(s.block[:])
	s.mac.Sum(s.sum[:0])

	block, err := aes.NewCipher(s.sum[:])
	clear(s.sum[:])
	if err != nil {
		panic("keyring: " + err.Error()) // only for a wrong key length
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("keyring: " + err.Error()) // only for a block that is not AES
	}
	return aead
}

// bind returns the associated data. The header states its own length, so no two pairs of header and ad give the same
// bytes.
func (s *scratch) bind(header, ad []byte) []byte {
	s.ad = append(append(s.ad[:0], header...), ad...)
	return s.ad
}
