package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"hash"
	"sync"
	"sync/atomic"
)

const info = "coatcheck/keyring/v1\x00"

const (
	// mostMessages of one subkey are sealed by a process. Nonces of 12 random bytes allow 2^32 (NIST SP 800-38D, 8.3).
	// The distance is for copies of the process: a machine that is restored from a snapshot, twice.
	mostMessages = 1 << 20

	// mostOpened subkeys are kept for Open, each about 1.3 KB. Every process that seals has one of its own.
	mostOpened = 256
)

// key is one key in use. Only functions reach its PRK and its subkeys: no printer that follows pointers finds them
// there.
type key struct {
	header  []byte // version, length, id
	scratch sync.Pool
	subkeys func() *subkeys
}

func newKey(k Key) (*key, error) {
	prk, err := hkdf.Extract(sha256.New, k.Secret, nil)
	if err != nil {
		return nil, fmt.Errorf("keyring: key %q: %w", k.ID, err)
	}
	derived := &key{header: append([]byte{version, byte(len(k.ID))}, k.ID...)}
	derived.scratch.New = func() any { return &scratch{mac: hmac.New(sha256.New, prk)} }
	subs := &subkeys{opened: map[salt]cipher.AEAD{}}
	derived.subkeys = func() *subkeys { return subs }
	return derived, nil
}

type salt = [saltSize]byte

// subkeys are those of one key that this process has derived. To derive one takes ten times as long as to open a
// session with it.
type subkeys struct {
	sealing atomic.Pointer[subkey]

	mu     sync.RWMutex
	opened map[salt]cipher.AEAD
}

// subkey is one that seals.
type subkey struct {
	salt salt
	aead cipher.AEAD
	left atomic.Int64 // messages
}

// toSeal returns the subkey for the next message.
func (sub *subkeys) toSeal(s *scratch) *subkey {
	if k := sub.sealing.Load(); k != nil && k.left.Add(-1) >= 0 {
		return k
	}
	k := &subkey{}
	rand.Read(k.salt[:])
	k.aead = s.derive(k.salt[:])
	k.left.Store(mostMessages - 1)
	sub.sealing.Store(k)
	sub.keep(k.salt, k.aead)
	return k
}

// open is the Open of the subkey with this salt. It keeps the subkey only if it opens the message: anybody can write a
// salt.
func (sub *subkeys) open(s *scratch, at salt, ciphertext, ad []byte) ([]byte, error) {
	sub.mu.RLock()
	aead, known := sub.opened[at]
	sub.mu.RUnlock()
	if !known {
		aead = s.derive(at[:])
	}
	plaintext, err := aead.Open(nil, nil, ciphertext, ad)
	if err == nil && !known {
		sub.keep(at, aead)
	}
	return plaintext, err
}

// keep keeps a subkey for open, in the place of any other where there are too many.
func (sub *subkeys) keep(at salt, aead cipher.AEAD) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	for other := range sub.opened {
		if len(sub.opened) < mostOpened {
			break
		}
		delete(sub.opened, other)
	}
	sub.opened[at] = aead
}

// scratch is the working memory of one Seal or Open. It never leaves this package.
type scratch struct {
	mac   hash.Hash
	block [len(info) + saltSize + 1]byte
	sum   [sha256.Size]byte
	ad    []byte
}

// derive makes the cipher of a subkey. For 32 bytes of output HKDF-Expand is HMAC(PRK, info || 0x01); a reused HMAC
// does that in a third of the time, because it remembers its padded key.
func (s *scratch) derive(salt []byte) cipher.AEAD {
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
