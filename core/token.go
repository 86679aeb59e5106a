package core

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// A token is 16 random bytes that select the session's record and 16 that verify who asks for it, in base64url: 43
// characters. The record keeps only a hash of the whole token. A session has one selector for its life, and a new
// verifier with each token.
const (
	selectorSize = 16
	tokenSize    = 32
	tokenLen     = 43
)

// tokenHash is what a record keeps of a token.
type tokenHash [sha256.Size]byte

// namespace separates managers that share a store: their IDs differ, and a token of one is worth nothing to the
// other. The salt has 12 bytes, so that salt and token fit into a single block of SHA-256.
type namespace struct {
	salt [12]byte
	half [16]byte // second half of each ID
}

func newNamespace(name string) namespace {
	salt := sha256.Sum256([]byte("coatcheck/token/v1\x00" + name))
	half := sha256.Sum256([]byte("coatcheck/namespace/v1\x00" + name))
	return namespace{[12]byte(salt[:12]), [16]byte(half[:16])}
}

// owns reports whether id is one of this namespace's.
func (n *namespace) owns(id driver.ID) bool { return [16]byte(id[selectorSize:]) == n.half }

func (n *namespace) id(selector []byte) (id driver.ID) {
	copy(id[:selectorSize], selector)
	copy(id[selectorSize:], n.half[:])
	return id
}

// hash takes the token's characters and not the bytes that they stand for: each token has one spelling, see selected.
func (n *namespace) hash(token string) tokenHash {
	var block [len(n.salt) + tokenLen]byte
	copy(block[:], n.salt[:])
	copy(block[len(n.salt):], token)
	return sha256.Sum256(block[:])
}

// selected returns the ID that token names; false for junk, which is not worth a call to the store. It decodes the
// selector. Of the rest it only checks that it is base64: each spelling of that has a hash of its own.
func (n *namespace) selected(token string) (id driver.ID, ok bool) {
	if len(token) != tokenLen {
		return id, false
	}
	bad := byte(0)
	for i := range tokenLen {
		bad |= digits[token[i]]
	}
	if bad > 63 || digits[token[tokenLen-1]]&3 != 0 { // the unused bits of the last character
		return id, false
	}
	for i := range selectorSize / 3 {
		a, b, c, d := digits[token[4*i]], digits[token[4*i+1]], digits[token[4*i+2]], digits[token[4*i+3]]
		id[3*i], id[3*i+1], id[3*i+2] = a<<2|b>>4, b<<4|c>>2, c<<6|d
	}
	id[selectorSize-1] = digits[token[20]]<<2 | digits[token[21]]>>4
	copy(id[selectorSize:], n.half[:])
	return id, true
}

// digits are the values of base64url's characters, 255 for all others.
var digits = func() (table [256]byte) {
	for i := range table {
		table[i] = 255
	}
	for i, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		table[c] = byte(i)
	}
	return table
}()

// issued is a token that no store knows yet, and the ID of its session.
type issued struct {
	token string
	id    driver.ID
}

// newToken makes the first token of a new session. crypto/rand ends the program rather than
// return fewer random bytes.
func (n *namespace) newToken() issued {
	var raw [tokenSize]byte
	rand.Read(raw[:])
	return n.spell(&raw)
}

// nextToken makes another token for the session with this ID.
func (n *namespace) nextToken(id driver.ID) issued {
	var raw [tokenSize]byte
	copy(raw[:selectorSize], id[:])
	rand.Read(raw[selectorSize:])
	return n.spell(&raw)
}

func (n *namespace) spell(raw *[tokenSize]byte) issued {
	var text [tokenLen]byte
	base64.RawURLEncoding.Encode(text[:], raw[:])
	return issued{string(text[:]), n.id(raw[:selectorSize])}
}

// newID makes an ID for a session whose token carries its record.
func (n *namespace) newID() driver.ID {
	var selector [selectorSize]byte
	rand.Read(selector[:])
	return n.id(selector[:])
}
