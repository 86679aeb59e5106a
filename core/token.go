package core

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// A token is 32 random bytes in base64url, 43 characters. Only its hash is ever
// given to a store.
const (
	tokenBytes = 32
	tokenLen   = 43
)

// Strict, so that the unused bits of the last character give one token one spelling.
var tokenEncoding = base64.RawURLEncoding.Strict()

// hasher turns tokens into IDs. Its 16 bytes stand for the cookie's name, so that
// two managers on one store never take each other's tokens, and leave room for a
// token in a single block of SHA-256.
type hasher [16]byte

func newHasher(namespace string) hasher {
	sum := sha256.Sum256([]byte("coatcheck/id/v1\x00" + namespace))
	return hasher(sum[:16])
}

func (h *hasher) id(raw *[tokenBytes]byte) driver.ID {
	var block [len(h) + tokenBytes]byte
	copy(block[:], h[:])
	copy(block[len(h):], raw[:])
	return sha256.Sum256(block[:])
}

// newToken makes a token and its ID. crypto/rand ends the program rather than
// return fewer random bytes.
func (h *hasher) newToken() (string, driver.ID) {
	var raw [tokenBytes]byte
	rand.Read(raw[:])
	return tokenEncoding.EncodeToString(raw[:]), h.id(&raw)
}

// parseToken returns the ID of a token in its one valid spelling.
func (h *hasher) parseToken(token string) (driver.ID, bool) {
	if len(token) != tokenLen {
		return driver.ID{}, false
	}
	var raw [tokenBytes]byte
	var text [tokenLen]byte
	copy(text[:], token)
	// The decoder skips line breaks, which would be a second spelling.
	if n, err := tokenEncoding.Decode(raw[:], text[:]); err != nil || n != tokenBytes {
		return driver.ID{}, false
	}
	return h.id(&raw), true
}
