package core

import (
	"bytes"
	"fmt"
	"iter"
	"strings"
)

// Access to values whose keys, or types, are known only at run time. [Key] is for all others.

// Keys returns the names of all values, sorted.
func (s *Session) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, e := range s.cur.all() {
		if !hasPrefix(e.key, reserved) {
			names = append(names, string(e.key))
		}
	}
	return names
}

// Values returns the names of all values, sorted, each with a copy of its encoded value. Decode reads one. The loop
// shows the session as it was when it began, so its body may change the session.
func (s *Session) Values() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		s.mu.Lock()
		all := s.cur.all()
		s.mu.Unlock()
		for _, e := range all {
			if !hasPrefix(e.key, reserved) && !yield(string(e.key), bytes.Clone(e.value)) {
				return
			}
		}
	}
}

// Len is the number of values.
func (s *Session) Len() int { return len(s.Keys()) }

// Has reports whether there is a value under key.
func (s *Session) Has(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.cur.find(key)
	return ok
}

// Raw returns a copy of the encoded value under key, or ErrNoValue.
func (s *Session) Raw(key string) ([]byte, error) {
	value, _, err := s.raw(key)
	return append([]byte(nil), value...), err
}

// raw returns the stored bytes themselves: do not write to them.
func (s *Session) raw(key string) ([]byte, Codec, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, nil, s.err
	}
	value, ok := s.cur.find(key)
	if !ok {
		return nil, nil, ErrNoValue
	}
	return value, s.cur.codec, nil
}

// Decode reads the value under key into a pointer, for keys that are known only at run time. Its errors are those of
// Key.Get.
func (s *Session) Decode(key string, into any) error {
	value, codec, err := s.raw(key)
	if err != nil {
		return err
	}
	if err := decode(codec, value, into); err != nil {
		return s.decodeError(key, strings.TrimPrefix(fmt.Sprintf("%T", into), "*"), err)
	}
	return nil
}

func (s *Session) decodeError(key, typ string, err error) error {
	err = &ValueError{Key: strings.Clone(key), Type: typ, Op: "decode", Err: err}
	if s.x != nil {
		s.x.m.observe(s.x.Context(), Event{Kind: EventDecode, ID: s.ID(), Err: err})
	}
	return err
}

// Clear removes all values and keeps the session: its ID, its subject and its expiry.
func (s *Session) Clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writable(); err != nil || s.repeats() {
		return err
	}
	if len(s.cur.all()) > 0 {
		if err := s.changeable(); err != nil {
			return err
		}
		s.do(op{kind: opClear})
	}
	s.mend(nil)
	return nil
}
