package core

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"unicode/utf8"
)

// lossError says what JSON would not keep. A ValueError shows its text, so that holds types and no values.
type lossError string

func (e lossError) Error() string { return string(e) }

const (
	errNotUTF8 lossError = "it holds text that is not UTF-8, which JSON would change: keep that as []byte, or use another Codec"
	errNoType  lossError = "JSON does not keep which type an interface holds: make it a Key of that type, or of json.RawMessage"
)

// keepsNothing is the error about a struct that JSON writes as {}.
func keepsNothing(t reflect.Type) error {
	if marshals(reflect.PointerTo(t)) {
		return lossError(fmt.Sprintf("JSON keeps nothing of a %v, since only its pointer can be marshaled: make it a *%[1]v", t))
	}
	return lossError(fmt.Sprintf("JSON keeps nothing of a %v, which has no exported field: export some, or give it MarshalJSON and UnmarshalJSON", t))
}

// marshalKept is json.Marshal, but returns an error where that would lose something silently.
func marshalKept(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil || v == nil {
		return data, err
	}
	// In place of bad bytes, encoding/json writes the first of these, and its second version the other one. The value
	// itself may hold either.
	replaced := bytes.Contains(data, []byte(`\ufffd`)) || bytes.Contains(data, []byte("\ufffd"))
	if replaced || suspect(reflect.TypeOf(v)) {
		err = kept(reflect.ValueOf(v))
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

// kept returns what is lost of v, nil if nothing is. It looks where encoding/json looks. It runs after json.Marshal,
// which has refused values that contain themselves.
func kept(v reflect.Value) error {
	if own, err := marshaled(v); own {
		return err
	}
	switch t := v.Type(); t.Kind() {
	case reflect.String:
		return utf8Only(v.String())
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return kept(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		for i := 0; i < v.Len() && !isNumber(t.Elem()); i++ {
			if err := kept(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		return keptMap(v)
	case reflect.Struct:
		if isOpaque(t) {
			return keepsNothing(t)
		}
		return keptFields(v, nil)
	}
	return nil
}

func keptMap(v reflect.Value) error {
	for each := v.MapRange(); each.Next(); {
		key, err := each.Key(), error(nil)
		if key.Kind() == reflect.String {
			err = utf8Only(key.String()) // encoding/json does not call the MarshalText of such a key
		} else {
			err = kept(key)
		}
		if err == nil {
			err = kept(each.Value())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// keptFields is kept for the fields of v and of the structs embedded in it. outer are the types around v: a struct
// may embed itself.
func keptFields(v reflect.Value, outer []reflect.Type) error {
	for i := range v.NumField() {
		var err error
		f := v.Field(i)
		switch roleOf(v.Type().Field(i)) {
		case fieldWritten:
			err = kept(f)
		case fieldEmbedded:
			f = reflect.Indirect(f)
			if f.IsValid() && f.Type() != v.Type() && !slices.Contains(outer, f.Type()) {
				err = keptFields(f, append(outer, v.Type()))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// marshaled reports whether v's own methods make its JSON. What MarshalJSON does is its author's choice. What
// MarshalText returns must be UTF-8.
func marshaled(v reflect.Value) (own bool, err error) {
	if v.CanAddr() && v.Kind() != reflect.Pointer && marshals(reflect.PointerTo(v.Type())) {
		v = v.Addr()
	}
	if !marshals(v.Type()) {
		return false, nil
	}
	if k := v.Kind(); (k == reflect.Pointer || k == reflect.Interface) && v.IsNil() || !v.CanInterface() {
		return true, nil
	}
	switch m := v.Interface().(type) {
	case json.Marshaler:
	case encoding.TextMarshaler:
		var text []byte
		if text, err = m.MarshalText(); err == nil {
			err = utf8Only(string(text))
		}
	}
	return true, err
}

func utf8Only(s string) error {
	if !utf8.ValidString(s) {
		return errNotUTF8
	}
	return nil
}
