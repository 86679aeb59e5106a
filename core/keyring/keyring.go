// Package keyring seals session records and cookies with keys that can be replaced while sessions live on.
// Applications make a [Keyring] once, at start, and give it to Config.Keys of package core or to cookiestore.New.
// Only authors of stores and codecs call Seal and Open themselves.
//
// To replace a key, first add the new one as an old key on every server. Then make it the primary. Drop the former
// key when the longest session from before has ended. What an old key sealed is sealed with the primary when it is
// next written.
//
// Sealing is AES-256-GCM under a subkey: HKDF-SHA256 of the key over a random salt of 16 bytes. A process makes a
// subkey with its first message, and another after each 2^20. So a key seals practically any number of messages (plain
// GCM with random nonces ends at 2^32), and everything here works under GODEBUG=fips140=only. The salt stands in the
// open, so whoever sees two messages may see that one process has sealed both.
//
// The binary form, version 1, which stays readable for ever:
//
//	version     1 byte, 1
//	n           1 byte, the length of the key id, 1 to 16
//	key id      n bytes of a-z 0-9
//	salt        16 bytes
//	nonce       12 bytes
//	ciphertext  as long as the plaintext
//	tag         16 bytes
//
//	PRK             = HKDF-Extract(SHA-256, secret, no salt), once per key
//	subkey          = HKDF-Expand(PRK, "coatcheck/keyring/v1" 0x00 salt, 32)
//	associated data = version n key-id || the caller's own
//
// The key id picks exactly one key. No other key is tried, and nothing is ever taken for plaintext: GCM does not
// commit to its key, and trying keys in turn would tell an attacker which of them fits.
//
// The guide is docs/keys.md.
package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

const (
	version   = 1
	saltSize  = 16
	nonceSize = 12
	tagSize   = 16
)

// ErrOpen: Open refuses the data. It is cut short, altered, or sealed for other associated data; Open does not say
// which. It matches driver.ErrCorrupt.
var ErrOpen = driver.Corrupt("keyring: not sealed by one of these keys for this use")

// ErrUnknownKey: the data names a key that is not in the ring, or a newer version of the binary form. It may be
// sound, and another process may be able to open it. ErrUnknownKey does not match ErrOpen.
var ErrUnknownKey = errors.New("keyring: sealed by a key that is not in this ring")

// Keyring seals with its primary key and opens with all of its keys. Make one with New or Parse. It never changes and
// may be used concurrently. It prints the ids of its keys and never a secret.
type Keyring struct {
	// The keys are behind a pointer: in a copy that stands in someone's unexported field, fmt prints the fields
	// without calling our Format.
	*keys
}

type keys struct {
	primary *key
	byID    map[string]*key
}

// New makes a keyring. It does not keep the Secret slices.
func New(primary Key, old ...Key) (*Keyring, error) {
	all := slices.Concat([]Key{primary}, old)
	ks := &keys{byID: make(map[string]*key, len(all))}
	for i, k := range all {
		if err := k.check(); err != nil {
			return nil, err
		}
		for _, other := range all[:i] {
			if other.ID == k.ID {
				return nil, fmt.Errorf("keyring: two keys have the id %q", k.ID)
			}
			if bytes.Equal(other.Secret, k.Secret) {
				return nil, fmt.Errorf("keyring: keys %q and %q have the same secret", other.ID, k.ID)
			}
		}
		derived, err := newKey(k)
		if err != nil {
			return nil, err
		}
		ks.byID[k.ID] = derived
	}
	ks.primary = ks.byID[primary.ID]
	return &Keyring{ks}, nil
}

// Overhead is the number of bytes by which Seal's output is longer than the plaintext: 46 plus the length of the
// primary key's id.
func (k *Keyring) Overhead() int {
	return len(k.primary.header) + saltSize + nonceSize + tagSize
}

// Seal appends the sealed plaintext to dst; plaintext and ad must not overlap dst's spare capacity. Open returns the
// plaintext only for the same ad. Let ad begin with the name of the use: then what was sealed for one use is refused
// by another.
func (k *Keyring) Seal(dst, plaintext, ad []byte) []byte {
	p := k.primary
	s := p.scratch.Get().(*scratch)
	defer p.scratch.Put(s)
	sub := p.subkeys().toSeal(s)
	dst = append(slices.Grow(dst, k.Overhead()+len(plaintext)), p.header...)
	dst = append(dst, sub.salt[:]...)
	return sub.aead.Seal(dst, nil, plaintext, s.bind(p.header, ad))
}

// Open returns what Seal was given, in memory of its own. old says that a key other than the primary sealed it. The
// errors are ErrOpen and ErrUnknownKey. The latter is not authenticated: anybody can write the name of a key.
func (k *Keyring) Open(sealed, ad []byte) (plaintext []byte, old bool, err error) {
	p, rest := k.split(sealed)
	if p == nil && byOthers(sealed) {
		return nil, false, ErrUnknownKey
	}
	if p == nil || len(rest) < saltSize+nonceSize+tagSize {
		return nil, false, ErrOpen
	}
	s := p.scratch.Get().(*scratch)
	defer p.scratch.Put(s)
	plaintext, err = p.subkeys().open(s, salt(rest), rest[saltSize:], s.bind(p.header, ad))
	if err != nil {
		return nil, false, ErrOpen
	}
	return plaintext, p != k.primary, nil
}

// SealedBy returns the id of the key that data names, in the present version of the binary form. Other data may begin
// this way by chance.
func SealedBy(data []byte) (id string, ok bool) {
	if len(data) < 2 || data[0] != version {
		return "", false
	}
	n := int(data[1])
	if n < 1 || n > maxID || len(data) < 2+n+saltSize+nonceSize+tagSize || checkID(string(data[2:2+n])) != nil {
		return "", false
	}
	return string(data[2 : 2+n]), true
}

// byOthers reports whether sealed begins like the output of a Keyring with other keys, or of a later release.
func byOthers(sealed []byte) bool {
	_, ok := SealedBy(sealed)
	return ok || len(sealed) > 1 && sealed[0] > version
}

// split returns the key that the header names, nil if there is none, and what follows the header.
func (k *Keyring) split(sealed []byte) (*key, []byte) {
	if bytes.HasPrefix(sealed, k.primary.header) {
		return k.primary, sealed[len(k.primary.header):]
	}
	if len(sealed) < 2 || sealed[0] != version || len(sealed)-2 < int(sealed[1]) {
		return nil, nil
	}
	n := 2 + int(sealed[1])
	return k.byID[string(sealed[2:n])], sealed[n:]
}
