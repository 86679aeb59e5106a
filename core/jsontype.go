package core

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Which types may hold something that JSON does not keep. jsonvalue.go checks their values.

// suspects remembers the results of suspect: reflect.Type -> bool.
var suspects sync.Map

// suspect reports whether values of type t may hold a struct of which JSON keeps nothing: the type has such a struct,
// or an interface that may hide one.
func suspect(t reflect.Type) bool {
	if isNumber(t) || t.Kind() == reflect.String {
		return false
	}
	if known, ok := suspects.Load(t); ok {
		return known.(bool)
	}
	found := suspectIn(t, map[reflect.Type]bool{})
	suspects.Store(t, found)
	return found
}

// suspectIn is suspect without its memory. seen are the types that were looked at, or are being looked at: types may
// be recursive.
func suspectIn(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] || marshals(t) {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return suspectIn(t.Elem(), seen)
	case reflect.Struct:
		if isOpaque(t) {
			return true
		}
		for i := range t.NumField() {
			f := t.Field(i)
			if role := roleOf(f); (role == fieldWritten || role == fieldEmbedded) && suspectIn(f.Type, seen) {
				return true
			}
		}
	}
	return false
}

// isOpaque reports whether t is a struct that holds something, but has no field for JSON. It does not look for
// methods.
func isOpaque(t reflect.Type) bool { return t.Size() > 0 && !hasFields(t, nil) }

// hasFields reports whether t has a field for JSON. It counts the fields of embedded structs, and those that the
// author leaves out. outer are the types around t.
func hasFields(t reflect.Type, outer []reflect.Type) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		switch roleOf(f) {
		case fieldWritten, fieldOmitted:
			return true
		case fieldEmbedded:
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if inner != t && !slices.Contains(outer, inner) && hasFields(inner, append(outer, t)) {
				return true
			}
		}
	}
	return false
}

// fieldRole is what encoding/json does with a field.
type fieldRole byte

const (
	fieldHidden   fieldRole = iota // not exported
	fieldOmitted                   // tagged "-"
	fieldWritten                   // under a name
	fieldEmbedded                  // a struct whose fields count as those of the outer one
)

func roleOf(f reflect.StructField) fieldRole {
	inner := f.Type
	if inner.Kind() == reflect.Pointer {
		inner = inner.Elem()
	}
	embedded := f.Anonymous && inner.Kind() == reflect.Struct // also where its type is not exported
	tag := f.Tag.Get("json")
	name, _, _ := strings.Cut(tag, ",")
	switch {
	case !f.IsExported() && !embedded:
		return fieldHidden
	case tag == "-":
		return fieldOmitted
	case embedded && name == "":
		return fieldEmbedded
	}
	return fieldWritten
}

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

func marshals(t reflect.Type) bool {
	return t.NumMethod() > 0 && (t.Implements(jsonMarshaler) || t.Implements(textMarshaler))
}

// isNumber reports whether JSON cannot spoil values of type t. That is so for numbers and booleans.
func isNumber(t reflect.Type) bool { return t.Kind() <= reflect.Complex128 }
