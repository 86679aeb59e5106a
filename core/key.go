package core

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Key is the name of a value together with its type:
//
//	const cart core.Key[[]Item] = "cart"
//
// Values are encoded when set and decoded when read. So what Get returns is the caller's own: changing it does not
// change the session. A name has 1 to 255 bytes and does not begin with a zero byte.
type Key[T any] string

const maxKey = 255

// Get returns the value. ErrNoValue: there is none, which is not the same as a zero value. A *ValueError: there is
// one, but not of this type; the rest of the session is not affected. ErrClosed: the request is over.
func (k Key[T]) Get(s *Session) (T, error) {
	data, codec, err := s.raw(string(k))
	if err != nil {
		var zero T
		return zero, err
	}
	return decoded[T](s, codec, string(k), data)
}

func decoded[T any](s *Session, codec Codec, key string, data []byte) (T, error) {
	if codec == (JSON{}) {
		if v, ok := decodePlain[T](data); ok {
			return v, nil
		}
	}
	var v, zero T
	if err := decode(codec, data, &v); err != nil {
		return zero, s.decodeError(key, typeName[T](), err)
	}
	return v, nil
}

// GetOr returns the value, or def if Get returns an error.
func (k Key[T]) GetOr(s *Session, def T) T {
	if v, err := k.Get(s); err == nil {
		return v
	}
	return def
}

// Set stores v. When requests overlap, the last Set of a key wins. It does not affect other keys. A *ValueError: v
// cannot be encoded, or the codec would not keep it, see [JSON].
func (k Key[T]) Set(s *Session, v T) error {
	if err := k.check(s); err != nil {
		return err
	}
	s.mu.Lock()
	if err := s.settable(string(k)); err != nil {
		s.mu.Unlock()
		return err
	}
	codec := s.cur.codec
	s.mu.Unlock()

	e, err := k.entry(codec, string(k), v)
	if err != nil {
		return s.fail(string(k), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.changeable(); err != nil || s.repeats() {
		return err
	}
	s.do(op{kind: opSet, key: e.key, value: e.value})
	s.mend(e.key)
	return nil
}

// Update stores f of the present value, or f of the zero value if there is none. It is exact: if another request
// changes the session first, f runs again on what that one stored. So f may run several times and must have no effect
// but its result. What f does to the session itself is done once. A change of the same key in f is an error. A value
// that cannot be decoded is an error, and stays as it is.
func (k Key[T]) Update(s *Session, f func(T) T) error { return k.update(s, f, nil) }

// TryUpdate is Update with a function that may refuse by an error: too little stock, say. Then the value does not
// change, TryUpdate returns that error, and the request goes on as if it had not asked: its other changes, and what f
// has done to the session itself, are stored as ever. f may agree first, and refuse when it runs again on what another
// request has stored. Then nothing of this request is stored, and the response is a 409 through the error handler. Its
// error matches ErrRefused and what f returned. A Save that ends so may be answered with a status of 400 or
// more, or made good by a Set or Delete of the key; with any other answer the response is that 409.
func (k Key[T]) TryUpdate(s *Session, f func(T) (T, error)) error { return k.update(s, nil, f) }

// update is Update with f, or TryUpdate with try.
func (k Key[T]) update(s *Session, f func(T) T, try func(T) (T, error)) error {
	if err := k.check(s); err != nil {
		return err
	}
	return s.compute(string(k), func(codec Codec, key string, old []byte, present bool) (e entry, err error) {
		var v T
		if present {
			if v, err = decoded[T](s, codec, key, old); err != nil {
				return e, err
			}
		}
		if try == nil {
			return k.entry(codec, key, f(v))
		}
		if v, err = try(v); err != nil {
			return e, &refusal{key: strings.Clone(key), err: err}
		}
		return k.entry(codec, key, v)
	})
}

// Pop returns the value and removes it. ErrNoValue is as for Get. A value that cannot be decoded stays, and if the
// handler ignores the error, the request fails.
func (k Key[T]) Pop(s *Session) (T, error) {
	v, err := k.Get(s)
	var undecoded *ValueError
	switch {
	case err == nil:
		err = k.Delete(s)
	case errors.As(err, &undecoded):
		err = s.fail(string(k), err)
	}
	return v, err
}

// Delete removes the value. A missing value is no error, and nothing changes.
func (k Key[T]) Delete(s *Session) error {
	if err := k.check(s); err != nil {
		return err
	}
	return s.remove(string(k))
}

func (s *Session) remove(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writable(); err != nil || s.repeats() {
		return err
	}
	owned := []byte(key)
	if _, ok := s.cur.find(key); ok {
		if err := s.settable(key); err != nil {
			return err
		}
		s.do(op{kind: opDelete, key: owned})
	}
	s.mend(owned)
	return nil
}

func (k Key[T]) check(s *Session) error {
	if err := checkKey(string(k)); err != nil {
		return s.fail(aboutName, err)
	}
	return nil
}

func checkKey(name string) error {
	if len(name) == 0 || len(name) > maxKey || strings.HasPrefix(name, reserved) {
		return fmt.Errorf("coatcheck: key %.32q: a key has 1 to %d bytes and does not begin with a zero byte", name, maxKey)
	}
	return nil
}

// entry encodes v. A framework may reuse the memory of name, and a codec that of its result. So the entry has memory
// of its own: one piece for both.
func (Key[T]) entry(codec Codec, name string, v T) (entry, error) {
	if codec == (JSON{}) {
		if reflect.TypeFor[T]().Kind() == reflect.Interface {
			return entry{}, unencoded[T](name, errNoType)
		}
		if buf, ok := appendPlain(name, v); ok {
			return split(buf, len(name)), nil
		}
	}
	data, err := codec.Encode(v)
	if err != nil {
		return entry{}, unencoded[T](name, err)
	}
	buf := make([]byte, 0, len(name)+len(data))
	return split(append(append(buf, name...), data...), len(name)), nil
}

// split makes an entry of buf, which holds a key and then its value.
func split(buf []byte, key int) entry { return entry{buf[:key:key], buf[key:]} }

func unencoded[T any](name string, err error) error {
	return &ValueError{Key: strings.Clone(name), Type: typeName[T](), Op: "encode", Err: err}
}

func typeName[T any]() string { return strings.TrimPrefix(fmt.Sprintf("%T", new(T)), "*") }
