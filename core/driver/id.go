package driver

import (
	"encoding/hex"
	"errors"
)

// ID names a session for its whole life, however often its token changes. The first 16 bytes are random, and the
// other 16 name the application's namespace. It gives no access and cannot be turned into a token, so it may stand in
// a log, a form or a URL.
type ID [32]byte

// String returns 64 lower-case hexadecimal digits: safe as a file name, a
// memcached key, and under a collation that ignores case.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether id is the zero ID, which no session has.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText returns the digits of String.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote and nothing else.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err == nil {
		*id = parsed
	}
	return err
}

var errID = errors.New("coatcheck: a session's ID is 64 lower-case hexadecimal digits")

// ParseID reads what String wrote. Upper case is refused: one ID has one spelling.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 2*len(id) {
		return ID{}, errID
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil || id.String() != s {
		return ID{}, errID
	}
	return id, nil
}
