package moving_test

import (
	"bytes"
	"encoding/gob"
	"testing"

	"github.com/gorilla/securecookie"
)

type was struct {
	Count int
	Name  string
}

// A release changes a type while sessions have values of the one before.
func TestChangedTypes(t *testing.T) {
	type more struct {
		Count int
		Name  string
		Big   bool
	}
	type less struct{ Name string }
	type other struct {
		Number int
		Name   string
	}
	type wide struct {
		Count int64
		Name  string
	}
	type float struct {
		Count float64
		Name  string
	}
	type text struct{ Count, Name string }
	type dict map[string]any
	shown(t, []row{
		changed(t, "a field is added, or removed", "shop.n01", more{7, "coat", false}),
		changed(t, "a field is added, or removed", "shop.n02", less{"coat"}),
		changed(t, "a field gets another name", "shop.n03", other{7, "coat"}),
		changed(t, "an `int` becomes an `int64`", "shop.n04", wide{7, "coat"}),
		changed(t, "an `int` becomes a `float64`", "shop.n05", float{7, "coat"}),
		changed(t, "an `int` becomes a `string`", "shop.n06", text{"7", "coat"}),
		changed(t, "a struct becomes a map", "shop.n07", dict{"Count": 7.0, "Name": "coat"}),
		{"the type gets another name, or another package", renamedByGob(t, "shop.n08", was{}), byJSON(t, was{7, "coat"}, was{7, "coat"}, nil)},
	})
}

// changed stores a was, and reads it as what it has become.
func changed[T any](t *testing.T, value, name string, want T) row {
	t.Helper()
	gob.RegisterName(name, want)
	return row{value, renamedByGob(t, name, want), byJSON(t, was{7, "coat"}, want, zeroField)}
}

func zeroField[T any](T) string { return "that field is zero" }

// renamedByGob stores a was, and reads it as the type that is now registered under another name of the same length.
// This process still has the old type, so the stream gets the new name.
func renamedByGob[T any](t *testing.T, name string, want T) string {
	t.Helper()
	gob.RegisterName("shop.was", was{})
	data, err := securecookie.GobEncoder{}.Serialize(map[any]any{"key": was{7, "coat"}, "user": "alice"})
	if err != nil {
		t.Fatal(err)
	}
	values := map[any]any{}
	data = bytes.ReplaceAll(data, []byte("shop.was"), []byte(name))
	if err := (securecookie.GobEncoder{}).Deserialize(data, &values); err != nil {
		return wholeSession
	}
	got, ok := values["key"].(T)
	if !ok {
		t.Fatalf("a %T came back", values["key"])
	}
	return outcome(got, want, zeroField)
}
