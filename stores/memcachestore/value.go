package memcachestore

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// An item's value is, integers little-endian:
//
//	 1 byte   format
//	 4 bytes  CRC-32C of all other bytes
//	32 bytes  ID
//	 8 bytes  Version
//	 8 bytes  Created, microseconds
//	 8 bytes  Used, microseconds
//	 8 bytes  Expires, microseconds
//	 8 bytes  nonce: distinguishes writes that are equal otherwise
//	 1 byte   length of Subject, then Subject
//	 1 byte   number of Labels; for each label 1 byte length, then the label
//	          Data
//
// The first byte keeps its place in every later format. A greater number is the format of a newer release, and this
// release leaves the item as it is. 0 is no format.
const (
	format   = 1
	headSize = atNonce + 8 // the part whose length is the same in every item

	atSum     = 1
	atID      = atSum + 4
	atVersion = atID + 32
	atCreated = atVersion + 8
	atUsed    = atCreated + 8
	atExpires = atUsed + 8
	atNonce   = atExpires + 8
)

// size returns the length of what encode returns.
func size(rec *driver.Record) int {
	n := headSize + 1 + len(rec.Subject) + 1 + len(rec.Data)
	for _, label := range rec.Labels {
		n += 1 + len(label)
	}
	return n
}

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)

	errNoRecord = driver.Corrupt("memcachestore: the item is no record")
	errNewer    = driver.Unreadable("memcachestore: an item of a newer format")
)

func encode(rec *driver.Record, version, nonce uint64) []byte {
	b := make([]byte, 0, size(rec))
	b = append(b, format, 0, 0, 0, 0)
	b = append(b, rec.ID[:]...)
	b = binary.LittleEndian.AppendUint64(b, version)
	b = binary.LittleEndian.AppendUint64(b, uint64(rec.Created.UnixMicro()))
	b = binary.LittleEndian.AppendUint64(b, uint64(rec.Used.UnixMicro()))
	b = binary.LittleEndian.AppendUint64(b, uint64(rec.Expires.UnixMicro()))
	b = binary.LittleEndian.AppendUint64(b, nonce)
	b = appendText(b, rec.Subject)
	b = append(b, byte(len(rec.Labels)))
	for _, label := range rec.Labels {
		b = appendText(b, label)
	}
	b = append(b, rec.Data...)
	binary.LittleEndian.PutUint32(b[atSum:], sum(b))
	return b
}

// sum returns the checksum of an item: of all bytes but the checksum itself.
func sum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:atSum], castagnoli), castagnoli, b[atID:])
}

func appendText(b []byte, text string) []byte { return append(append(b, byte(len(text))), text...) }

// cutText is the opposite of appendText.
func cutText(b []byte) (text string, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return "", nil, false
	}
	end := 1 + int(b[0])
	return string(b[1:end]), b[end:], true
}

// decode reads the value that is stored under id.
func decode(id driver.ID, b []byte) (rec driver.Record, err error) {
	switch {
	case len(b) > 0 && b[0] > format:
		return rec, errNewer
	case len(b) < headSize || b[0] != format, binary.LittleEndian.Uint32(b[atSum:]) != sum(b):
		return rec, errNoRecord
	}
	if driver.ID(b[atID:atVersion]) != id {
		// Another session's record says nothing about this one.
		return rec, unavailable("load", errors.New("the server answered with another session's record"))
	}
	subject, rest, ok := cutText(b[headSize:])
	if !ok {
		return rec, errNoRecord
	}
	labels, rest, ok := cutLabels(rest)
	if !ok {
		return rec, errNoRecord
	}
	return driver.Record{
		ID: id, Version: binary.LittleEndian.Uint64(b[atVersion:]),
		Created: micro(b[atCreated:]), Used: micro(b[atUsed:]), Expires: micro(b[atExpires:]),
		Subject: subject, Labels: labels, Data: rest[:len(rest):len(rest)],
	}, nil
}

// cutLabels reads the labels. It returns nil if there are none.
func cutLabels(b []byte) (labels []string, rest []byte, ok bool) {
	if len(b) == 0 {
		return nil, nil, false
	}
	n, rest := int(b[0]), b[1:]
	for range n {
		var label string
		if label, rest, ok = cutText(rest); !ok {
			return nil, nil, false
		}
		labels = append(labels, label)
	}
	return labels, rest, true
}

func micro(b []byte) time.Time { return time.UnixMicro(int64(binary.LittleEndian.Uint64(b))) }

func nonceOf(b []byte) uint64 { return binary.LittleEndian.Uint64(b[atNonce:]) }

// nonces gives each write of each process a different number.
type nonces struct{ next *atomic.Uint64 }

func newNonces() nonces {
	n := nonces{new(atomic.Uint64)}
	n.next.Store(rand.Uint64())
	return n
}

func (n nonces) take() uint64 { return n.next.Add(1) }

// nextVersion follows the clock, so that versions also grow if an earlier record under the ID is gone and its version
// is not known any more.
func nextVersion(last uint64, now time.Time) uint64 { return max(last+1, uint64(now.UnixMicro())) }

// month is the longest time that memcached takes for a lifetime. It takes a greater number for an absolute time.
const month = 30 * 24 * time.Hour

// expiration returns a deadline in memcached's terms, never an earlier one. The server's clock ticks in seconds and may
// be a second behind, so a lifetime gets two seconds more. An absolute time gets a minute more, because the server's
// clock may be ahead of ours.
func expiration(expires, now time.Time) int32 {
	remaining := expires.Sub(now)
	if remaining <= 0 {
		return -1 // expires at once
	}
	if remaining <= month-2*time.Second {
		return int32(remaining/time.Second) + 2
	}
	if unix := expires.Unix() + 60; unix == int64(int32(unix)) {
		return int32(unix)
	}
	return 0 // never expires
}
