package core

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
)

// Codec turns one value into bytes and back. Its methods are called concurrently. What Encode returns is copied at
// once. Decode is given a copy.
type Codec interface {
	// Name is stored with each session: 1 to 16 bytes. A session keeps the codec that it began with. So an
	// application may change from JSON to another codec while sessions live.
	Name() string
	Encode(v any) ([]byte, error)
	Decode(data []byte, into any) error
}

// JSON is the default Codec: [encoding/json], with short cuts that give the same bytes for plain numbers, booleans
// and strings.
//
// It refuses what encoding/json would lose without an error: text that is not UTF-8; a struct that has fields, but no
// exported one, unless it has MarshalJSON or MarshalText; and a [Key] of an interface type.
//
// The rest is as in encoding/json. A number behind an any, also in a map[string]any or []any, comes back as a
// float64, which is not exact from 2^53 on. A struct behind an any comes back as a map[string]any. Other unexported
// fields, and those tagged json:"-", are not stored. Nor are two fields of one name, nor the fields beside an
// embedded type that has MarshalJSON, such as time.Time: give the fields different names, and the embedded type a
// name. If a type encodes but does not decode, Get is the first to report it.
type JSON struct{}

var _ Codec = JSON{}

// Name implements Codec: "json".
func (JSON) Name() string { return "json" }

// Encode implements Codec.
func (JSON) Encode(v any) ([]byte, error) {
	if data, ok := appendPlain("", v); ok {
		return data, nil
	}
	return marshalKept(v)
}

// appendPlain appends the JSON of the most common values to a copy of name, in one allocation.
func appendPlain(name string, v any) ([]byte, bool) {
	room := func(n int) []byte { return append(make([]byte, 0, len(name)+n), name...) }
	switch v := v.(type) {
	case int:
		return strconv.AppendInt(room(20), int64(v), 10), true
	case int64:
		return strconv.AppendInt(room(20), v, 10), true
	case bool:
		return strconv.AppendBool(room(5), v), true
	case string:
		if plain(v) {
			return append(append(append(room(len(v)+2), '"'), v...), '"'), true
		}
	}
	return nil, false
}

// decode gives the codec its own copy of the bytes: a record that a store keeps in memory belongs to that store.
func decode(codec Codec, data []byte, into any) error { return codec.Decode(bytes.Clone(data), into) }

// Decode implements Codec.
func (JSON) Decode(data []byte, into any) error { return json.Unmarshal(data, into) }

// decodePlain is Decode for the most common values, without the allocations that a pointer in an interface costs. It
// leaves all others to Decode.
func decodePlain[T any](data []byte) (v T, ok bool) {
	switch p := any(&v).(type) {
	case *int:
		n, isInt := parseInt(data)
		*p, ok = int(n), isInt && n >= math.MinInt && n <= math.MaxInt
	case *int64:
		*p, ok = parseInt(data)
	case *bool:
		*p = string(data) == "true"
		ok = *p || string(data) == "false"
	case *string:
		if n := len(data); n >= 2 && data[0] == '"' && data[n-1] == '"' && plain(data[1:n-1]) {
			*p, ok = string(data[1:n-1]), true
		}
	}
	return v, ok
}

// plain reports whether s stands in JSON unchanged. Characters that encoding/json escapes for HTML do not.
func plain[T string | []byte](s T) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < ' ', c >= 0x7f, c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}

// parseInt reads what AppendInt writes, up to 18 digits; all else is left to encoding/json.
func parseInt(b []byte) (n int64, ok bool) {
	digits := b
	if len(b) > 0 && b[0] == '-' {
		digits = b[1:]
	}
	if len(digits) == 0 || len(digits) > 18 || digits[0] == '0' && len(b) > 1 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if len(digits) < len(b) {
		n = -n
	}
	return n, true
}
