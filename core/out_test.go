package core_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
)

func TestApplyLeavesHeadersToOthers(t *testing.T) {
	for _, cc := range []string{"", "max-age=1"} {
		for _, vary := range [][]string{nil, {}, {"Accept"}, make([]string, 0, 4)} {
			h := http.Header{}
			if vary != nil {
				h["Vary"] = vary
			}
			if cc != "" {
				h.Set("Cache-Control", cc)
			}
			core.Out{Name: "Set-Cookie", Value: "a=b", Vary: "Cookie"}.Apply(h)
			for range 3 {
				h.Add("Vary", "X")
				h.Add("Set-Cookie", "c=d")
				h.Add("Cache-Control", "private")
			}
			core.Out{Name: "Set-Cookie", Value: "e=f", Vary: "Cookie"}.Apply(h)
			if h.Values("Set-Cookie")[0] != "a=b" || h.Values("Cache-Control")[0] != "no-store" || !slices.Contains(h.Values("Vary"), "Cookie") || len(h.Values("Set-Cookie")) != 5 {
				t.Error(h)
			}
		}
	}
}

// TestApplyLeavesCachingToOthers: with net/http's header and with another framework's.
func TestApplyLeavesCachingToOthers(t *testing.T) {
	for line, want := range map[string]bool{
		"": false, "no-store": true, "public, No-Store": true, "private": true, "max-age=1,private": true,
		"*": false, "public, *": false, `private="X-Field"`: false, `no-cache="a, no-store, b"`: false, `no-cache="a", no-store`: true,
		`x="unclosed, no-store`: false, ",": false, "no-stores": false,
	} {
		h := http.Header{"Cache-Control": {"max-age=2", line}}
		for _, header := range []core.Header{h.Clone(), struct{ core.Header }{h.Clone()}} {
			core.Out{Name: "Set-Cookie", Value: "a=b", Vary: "Cookie"}.Apply(header)
			if got := header.Values("Cache-Control"); slices.Equal(got, h["Cache-Control"]) != want || !want && !slices.Equal(got, []string{"no-store"}) {
				t.Errorf("%T, %q: %q", header, line, got)
			}
			if !slices.Equal(header.Values("Set-Cookie"), []string{"a=b"}) || !slices.Equal(header.Values("Vary"), []string{"Cookie"}) {
				t.Errorf("%T: %v", header, header)
			}
		}
	}
}

func TestLinesOfOut(t *testing.T) {
	inner := core.Out{Name: "Set-Cookie", Value: "c=d", Vary: "Cookie"}
	out := core.Out{Name: "X-Token", Value: "a", Vary: "X-Token", More: []core.Out{inner, {Vary: "Cookie"}}}
	var lines []string
	for name, value := range out.Lines() {
		lines = append(lines, name+": "+value)
	}
	if want := []string{"X-Token: a", "Set-Cookie: c=d"}; !slices.Equal(lines, want) {
		t.Errorf("Lines: %q, want %q", lines, want)
	}
	for _, header := range []core.Header{http.Header{}, struct{ core.Header }{http.Header{}}} {
		out.Apply(header)
		if len(header.Values("Set-Cookie")) != 1 || len(header.Values("X-Token")) != 1 || !slices.Equal(header.Values("Vary"), []string{"X-Token", "Cookie"}) {
			t.Errorf("%T: %v", header, header)
		}
	}
}

// Nothing that core hands out shows a token when it is printed.
func TestOutShowsNoToken(t *testing.T) {
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	out := b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	_, token, _ := cut(b.cookie)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if strings.Contains(fmt.Sprintf(verb, out), token) || strings.Contains(fmt.Sprintf(verb, struct{ O core.Out }{out}), token) {
			t.Errorf("%s of Out shows a token", verb)
		}
	}
	if text, err := json.Marshal(out); err != nil || strings.Contains(string(text), token) {
		t.Errorf("JSON of Out shows a token: %s, %v", text, err)
	}
}
