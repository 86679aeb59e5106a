package core

import (
	"bytes"
	"encoding/json"
	"testing"
	"testing/quick"
)

// The short cuts of the JSON codec write and read what encoding/json does.
func TestJSONShortcuts(t *testing.T) {
	check := func(v any) {
		t.Helper()
		got, err := JSON{}.Encode(v)
		want, werr := json.Marshal(v)
		if err != nil || werr != nil || !bytes.Equal(got, want) {
			t.Errorf("%T %v: %s, encoding/json %s", v, v, got, want)
		}
	}
	must := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	must(quick.Check(func(s string, n int, l int64, b bool) bool {
		check(s)
		check(n)
		check(l)
		check(b)
		return !t.Failed()
	}, nil))
	for _, s := range []string{"", "a\"b", `\`, "<&>", "\x7f", "\u2028", "\ufffd", "é", "tab\t"} {
		check(s)
	}
}

func FuzzJSONDecode(f *testing.F) {
	for _, s := range []string{"0", "-0", "01", "12", "-9223372036854775808", "9223372036854775808", `"a"`, `"\u0041"`, `"a`, "true", "false", "null", " 1", "1.0", "1e2", `"é"`, "-"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		compare[int](t, data)
		compare[int64](t, data)
		compare[string](t, data)
		compare[bool](t, data)
	})
}

func compare[T comparable](t *testing.T, data []byte) {
	t.Helper()
	var want T
	got, ok := decodePlain[T](data)
	if err := json.Unmarshal(data, &want); ok && (err != nil || got != want) {
		t.Fatalf("%q: %v; encoding/json: %v, %v", data, got, want, err)
	}
}
