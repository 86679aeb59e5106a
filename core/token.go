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

// hasher turns tokens into IDs. Its 12 bytes stand for the cookie's name, so that
// two managers on one store never take each other's tokens, and leave room for a
// token in a single block of SHA-256. What is hashed are the characters: the few other
// spellings that base64 has for the same bytes are tokens of nothing.
type hasher [12]byte

func newHasher(namespace string) hasher {
	sum := sha256.Sum256([]byte("coatcheck/id/v1\x00" + namespace))
	return hasher(sum[:len(hasher{})])
}

func (h *hasher) id(token string) driver.ID {
	var block [len(h) + tokenLen]byte
	copy(block[:], h[:])
	copy(block[len(h):], token)
	return sha256.Sum256(block[:])
}

// newToken makes a token and its ID. crypto/rand ends the program rather than
// return fewer random bytes.
func (h *hasher) newToken() (string, driver.ID) {
	var raw [tokenBytes]byte
	var text [tokenLen]byte
	rand.Read(raw[:])
	base64.RawURLEncoding.Encode(text[:], raw[:])
	token := string(text[:])
	return token, h.id(token)
}

// parseToken returns the ID of what could be a token; junk is not worth a call to the store.
func (h *hasher) parseToken(token string) (driver.ID, bool) {
	if len(token) != tokenLen {
		return driver.ID{}, false
	}
	for i := range len(token) {
		if !inToken[token[i]] {
			return driver.ID{}, false
		}
	}
	return h.id(token), true
}

var inToken = func() (table [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		table[c] = true
	}
	return table
}()
