package startguide

import (
	"reflect"
	"testing"
)

func TestConsoleBlocks(t *testing.T) {
	const page = "```sh\n$ go run .\n```\n```console\n$ a b\none\n\ntwo\n$ c\n```\n$ d\n```console\n$ e\nthree\n```\n"
	want := [][]command{{{"a b", "one\n\ntwo\n"}, {"c", ""}}, {{"e", "three\n"}}}
	if got := consoleBlocks(page); !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestPrinted(t *testing.T) {
	for _, c := range []struct {
		page, got string
		want      bool
	}{
		{"a.b\n", "a.b\n", true},
		{"a.b\n", "a.b\r\n", true},
		{"a.b\n", "acb\n", false},
		{"a.b\n", "a.b\nc\n", false},
		{"id=…; b\n", "id=x7; b\n", true},
		{"id=…; b\n", "id=; b\n", false},
		{"id=…\n", "id=x\ny\n", false},
		{"", "", true},
		{"", "a\n", false},
	} {
		if got := (command{output: c.page}).printed(c.got); got != c.want {
			t.Errorf("%q for %q: %v", c.got, c.page, got)
		}
	}
}
