package memcachestore

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// An item's value is, integers little-endian:
//
//	 1 byte   format
//	32 bytes  ID
//	 8 bytes  Version
//	 8 bytes  Created, microseconds
//	 8 bytes  Expires, microseconds
//	 8 bytes  nonce: tells apart two writes that are the same otherwise
//	 1 byte   length of Subject, then Subject, then Data
const (
	format = 1
	head   = 1 + 32 + 4*8 + 1

	atID      = 1
	atVersion = atID + 32
	atCreated = atVersion + 8
	atExpires = atCreated + 8
	atNonce   = atExpires + 8
	atSubject = atNonce + 8
)

func encode(rec *driver.Record, version, nonce uint64) []byte {
	b := make([]byte, 0, head+len(rec.Subject)+len(rec.Data))
	b = append(b, format)
	b = append(b, rec.ID[:]...)
	b = binary.LittleEndian.AppendUint64(b, version)
	b = binary.LittleEndian.AppendUint64(b, uint64(rec.Created.UnixMicro()))
	b = binary.LittleEndian.AppendUint64(b, uint64(rec.Expires.UnixMicro()))
	b = binary.LittleEndian.AppendUint64(b, nonce)
	b = append(b, byte(len(rec.Subject)))
	b = append(b, rec.Subject...)
	return append(b, rec.Data...)
}

// decode reads what is kept under id.
func decode(id driver.ID, b []byte) (rec driver.Record, err error) {
	switch {
	case len(b) < head || b[0] != format || len(b) < head+int(b[atSubject]):
		return rec, driver.Corrupt("memcachestore: the item is no record")
	case driver.ID(b[atID:atVersion]) != id:
		// Somebody else's record is no answer at all.
		return rec, unavailable("load", errors.New("the server answered with another session's record"))
	}
	end := head + int(b[atSubject])
	return driver.Record{
		ID: id, Version: binary.LittleEndian.Uint64(b[atVersion:]),
		Created: micro(b[atCreated:]), Expires: micro(b[atExpires:]),
		Subject: string(b[head:end]), Data: b[end:len(b):len(b)],
	}, nil
}

func micro(b []byte) time.Time { return time.UnixMicro(int64(binary.LittleEndian.Uint64(b))) }

func nonceOf(b []byte) uint64 { return binary.LittleEndian.Uint64(b[atNonce:]) }

// nonces are different in every process and for every write.
type nonces struct{ next *atomic.Uint64 }

func newNonces() nonces {
	n := nonces{new(atomic.Uint64)}
	n.next.Store(rand.Uint64())
	return n
}

func (n nonces) take() uint64 { return n.next.Add(1) }

// nextVersion follows the clock, so that it also grows where a record was there before
// and nobody knows its version any more.
func nextVersion(last uint64, now time.Time) uint64 { return max(last+1, uint64(now.UnixMicro())) }

const month = 30 * 24 * time.Hour // up to which memcached takes a number for a lifetime

// expiration is a deadline in memcached's terms, never before it. The server's clock ticks in
// seconds and may be one behind; an absolute time is read by a clock that may
// be ahead of ours.
func expiration(expires, now time.Time) int32 {
	left := expires.Sub(now)
	if left <= 0 {
		return -1 // gone at once
	}
	if left <= month-2*time.Second {
		return int32(left/time.Second) + 2
	}
	if unix := expires.Unix() + 60; unix == int64(int32(unix)) {
		return int32(unix)
	}
	return 0 // without end
}
