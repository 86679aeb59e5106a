package core

import (
	"crypto/subtle"
	"encoding/binary"
	"math/rand/v2"
)

// Record.Data begins with a block in the clear. It tells what the record is and which token it takes, before anything
// is unsealed. Its size and its places are the same in every format, later ones included. Integers are big-endian,
// times are microseconds since 1970.
//
//	  0   1 byte   format of what follows the block
//	  1   1 byte   kind: 0 session, 1 ended by a Login, 2 ended
//	  2  32 bytes  hash of the session's token
//	 34  32 bytes  hash of the token that a renewal has prepared, else 0
//	 66  16 bytes  that token's verifier, masked; only the holder of the present token can learn it
//	 82  16 bytes  first half of the hash of the former token
//	 98   8 bytes  when the token was replaced, or the session ended; 0: never
//	106   1 byte   what replaced it: 0 nothing, 1 RotateID, 2 renewal
//	107   4 bytes  how often RotateID replaced it
//	111   4 bytes  how often a renewal replaced it
//	115   8 bytes  write mark: random, new with each write but Touch
//	123   5 bytes  0
//
// Keys authenticates the block together with what it seals. Without Keys the block is as trustworthy as the store. No
// hash of a token gives access.
//
// An ended record is a block and nothing else. It stays for lateFor. So a request that is under way, or comes with
// the old token, is known to be late.
type block []byte

const (
	blockSize = 128

	atFormat    = 0
	atKind      = 1
	atCurrent   = 2
	atNext      = 34
	atMasked    = 66
	atPrevious  = 82
	atReplaced  = 98
	atBy        = 106
	atRotations = 107
	atRenewals  = 111
	atMark      = 115
	atSpare     = 123

	hashSize     = 32
	previousSize = 16
)

const (
	kindSession      = 0
	kindEndedByLogin = 1
	kindEnded        = 2
)

const byRotateID = 1

// blockOf returns the block of a record, false if the record is too short to have one.
func blockOf(data []byte) (block, bool) {
	if len(data) < blockSize {
		return nil, false
	}
	return block(data[:blockSize:blockSize]), true
}

func (b block) kind() byte        { return b[atKind] }
func (b block) rotations() uint32 { return binary.BigEndian.Uint32(b[atRotations:]) }
func (b block) renewals() uint32  { return binary.BigEndian.Uint32(b[atRenewals:]) }
func (b block) mark() uint64      { return binary.BigEndian.Uint64(b[atMark:]) }

// replaced is when the token was replaced or the session ended, in microseconds.
func (b block) replaced() int64 { return int64(binary.BigEndian.Uint64(b[atReplaced:])) }

// takes reports whether h is the hash of the session's token.
func (b block) takes(h *tokenHash) bool {
	return subtle.ConstantTimeCompare(b[atCurrent:atCurrent+hashSize], h[:]) == 1
}

// took reports whether h is the hash of the session's former token.
func (b block) took(h *tokenHash) bool {
	return b[atBy] != 0 && subtle.ConstantTimeCompare(b[atPrevious:atPrevious+previousSize], h[:previousSize]) == 1
}

// begin makes b the block of a new session.
func (b block) begin(h tokenHash) {
	b[atFormat] = envelopeFormat
	copy(b[atCurrent:], h[:])
}

// rotate gives the session another token. It drops a prepared one.
func (b block) rotate(h tokenHash, now int64) {
	copy(b[atPrevious:atPrevious+previousSize], b[atCurrent:])
	copy(b[atCurrent:], h[:])
	clear(b[atNext:atPrevious])
	binary.BigEndian.PutUint64(b[atReplaced:], uint64(now))
	b[atBy] = byRotateID
	binary.BigEndian.PutUint32(b[atRotations:], b.rotations()+1)
}

// end makes b the block of a session that is over.
func (b block) end(kind byte, now int64) {
	b[atFormat], b[atKind] = envelopeFormat, kind
	clear(b[atNext:atPrevious])
	binary.BigEndian.PutUint64(b[atReplaced:], uint64(now))
}

// sign puts in a new mark, by which a write that got no answer is found again. The mark is no secret.
func (b block) sign() (mark uint64) {
	mark = rand.Uint64()
	b.put(mark)
	return mark
}

func (b block) put(mark uint64) { binary.BigEndian.PutUint64(b[atMark:], mark) }
