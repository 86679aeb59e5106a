package core

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

func TestCandidates(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"", nil},
		{"sid=a", []string{"a"}},
		{"x=1; sid=a; y=2", []string{"a"}},
		{"x=1;sid=a;y=2", []string{"a"}},
		{" sid=a \t;", []string{"a"}},
		{"sid=a; sid=b", []string{"a", "b"}},
		{"sid=a; sid=a", []string{"a"}},
		{`sid=bad"; sid=good`, []string{`bad"`, "good"}},
		{"SID=a; xsid=b; sidx=c; sid", nil},
		{"sid=", nil},
		{"sid=a=b", []string{"a=b"}},
		{"sid=1; sid=2; sid=3; sid=4; sid=5; sid=6", []string{"1", "2", "3", "4", "5"}},
		{"; ; =; ;sid=a", []string{"a"}},
	} {
		if got := candidates(nil, c.line, "sid"); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.line, got, c.want)
		}
	}
}

func FuzzCandidates(f *testing.F) {
	f.Add("a=1; sid=abc; b")
	f.Add(`sid="x;y"; sid=`)
	f.Add(strings.Repeat("sid=x;", 100))
	f.Fuzz(func(t *testing.T, line string) {
		got := candidates(nil, line, "sid")
		if len(got) > maxCandidates+1 {
			t.Fatalf("%d candidates", len(got))
		}
		for i, v := range got {
			if v == "" || strings.Contains(v, ";") || !strings.Contains(line, "sid="+v) || slices.Contains(got[:i], v) {
				t.Fatalf("%q gives %q", line, got)
			}
		}
	})
}

func FuzzToken(f *testing.F) {
	n := newNamespace("sid")
	token := n.newToken().token
	f.Add(token)
	f.Add(token[:42] + "\n")
	f.Add(strings.Repeat("A", 43))
	f.Add(strings.Repeat("A", 42) + "B") // unused bits set
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := n.selected(s)
		if !ok {
			return
		}
		raw, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil || len(raw) != tokenSize || base64.RawURLEncoding.EncodeToString(raw) != s {
			t.Fatalf("%q is no token", s)
		}
		if id != n.id(raw[:selectorSize]) || !n.owns(id) {
			t.Fatalf("%q selects %v", s, id)
		}
	})
}

func TestTokens(t *testing.T) {
	n, other := newNamespace("sid"), newNamespace("sid2")
	first := n.newToken()
	token := first.token
	if id, ok := n.selected(token); !ok || id != first.id || len(token) != tokenLen {
		t.Errorf("selected: %v %v", id, ok)
	}
	if id, _ := other.selected(token); id == first.id || n.owns(id) || !other.owns(id) {
		t.Error("the ID does not depend on the namespace")
	}
	if n.hash(token) == other.hash(token) {
		t.Error("the hash does not depend on the namespace")
	}
	second := n.nextToken(first.id)
	if second.id != first.id || second.token == token || n.hash(second.token) == n.hash(token) {
		t.Error("the next token is not one of the same session")
	}
	for _, bad := range []string{"", token[:42], token + "A", "=" + token[1:], token[:20] + "\n" + token[21:], token[:42] + "+"} {
		if _, ok := n.selected(bad); ok {
			t.Errorf("%q is taken for a token", bad)
		}
	}
}
