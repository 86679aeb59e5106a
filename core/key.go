package core

import (
	"errors"
	"fmt"
	"strings"
)

// Key is the name of a value together with its type:
//
//	const cart core.Key[[]Item] = "cart"
//
// Values are encoded when set and decoded when read, so what Get returns is the
// caller's own: changing it changes nothing in the session. A name is 1 to 255 bytes and does
// not begin with a zero byte.
type Key[T any] string

const maxKey = 255

// Get returns the value. ErrNoValue: there is none, which is not the same as a
// zero value. A *ValueError: there is one, but not of this type; the rest of the session
// is not affected. ErrClosed after the request.
func (k Key[T]) Get(s *Session) (T, error) {
	data, codec, err := s.raw(string(k))
	if err != nil {
		var zero T
		return zero, err
	}
	if codec == JSON {
		if v, ok := decodePlain[T](data); ok {
			return v, nil
		}
	}
	return k.decode(s, codec, data)
}

func (k Key[T]) decode(s *Session, codec Codec, data []byte) (T, error) {
	var v, zero T
	if err := codec.Decode(data, &v); err != nil {
		return zero, s.decodeError(string(k), typeName[T](), err)
	}
	return v, nil
}

// GetOr returns the value, or def where Get returns an error.
func (k Key[T]) GetOr(s *Session, def T) T {
	if v, err := k.Get(s); err == nil {
		return v
	}
	return def
}

// Set stores v. When requests overlap, the last Set of a key counts, and other keys are left
// alone. A *ValueError says that v cannot be encoded.
func (k Key[T]) Set(s *Session, v T) error {
	if err := k.check(s); err != nil {
		return err
	}
	s.mu.Lock()
	if err := s.writable(); err != nil {
		s.mu.Unlock()
		return err
	}
	codec := s.cur.codec
	s.mu.Unlock()

	data, err := k.encode(codec, v)
	if err != nil {
		return s.fail(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writable(); err != nil {
		return err
	}
	s.do(op{kind: opSet, key: string(k), value: data})
	return nil
}

// Update stores f of the value that is there, or f of the zero value. It is exact: if
// another request changes the session first, f runs again on what that one stored. So f
// may run several times and must have no effect but its result. A value that cannot be
// decoded is an error and is left as it is.
func (k Key[T]) Update(s *Session, f func(T) T) error {
	if err := k.check(s); err != nil {
		return err
	}
	update := func(codec Codec, old []byte, present bool) ([]byte, error) {
		var v T
		if present {
			var err error
			if v, err = k.decode(s, codec, old); err != nil {
				return nil, err
			}
		}
		return k.encode(codec, f(v))
	}
	for {
		s.mu.Lock()
		if err := s.writable(); err != nil {
			s.mu.Unlock()
			return err
		}
		s.edit()
		gen, codec := s.gen, s.cur.codec
		old, present := s.cur.find(string(k))
		s.mu.Unlock()

		// f runs without the lock: it may read the session.
		data, err := update(codec, old, present)
		if err != nil {
			var ve *ValueError
			if errors.As(err, &ve) && ve.Op == "encode" {
				return s.fail(err)
			}
			return err
		}
		s.mu.Lock()
		if s.gen == gen && s.err == nil {
			s.edit() // a save may have begun meanwhile
			s.cur.set(string(k), data)
			s.keep(op{kind: opUpdate, key: string(k), update: update})
			s.mu.Unlock()
			return nil
		}
		s.mu.Unlock()
	}
}

// Pop returns the value and removes it. Errors as Get.
func (k Key[T]) Pop(s *Session) (T, error) {
	v, err := k.Get(s)
	if err == nil {
		err = k.Delete(s)
	}
	return v, err
}

// Delete removes the value. That there was none is no error and changes nothing.
func (k Key[T]) Delete(s *Session) error {
	if err := k.check(s); err != nil {
		return err
	}
	return s.remove(string(k))
}

func (s *Session) remove(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writable(); err != nil {
		return err
	}
	if _, ok := s.cur.find(key); ok {
		s.do(op{kind: opDelete, key: key})
	}
	return nil
}

func (k Key[T]) check(s *Session) error {
	if err := checkKey(string(k)); err != nil {
		return s.fail(err)
	}
	return nil
}

func checkKey(name string) error {
	if len(name) == 0 || len(name) > maxKey || strings.HasPrefix(name, reserved) {
		return fmt.Errorf("coatcheck: key %.32q: a key has 1 to %d bytes and does not begin with a zero byte", name, maxKey)
	}
	return nil
}

func (k Key[T]) encode(codec Codec, v T) ([]byte, error) {
	data, err := codec.Encode(v)
	if err != nil {
		return nil, &ValueError{Key: string(k), Type: typeName[T](), Op: "encode", Err: err}
	}
	return data, nil
}

func typeName[T any]() string { return strings.TrimPrefix(fmt.Sprintf("%T", new(T)), "*") }
