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
	h := newHasher("sid")
	token, _ := h.newToken()
	f.Add(token)
	f.Add(token[:42] + "\n")
	f.Add(strings.Repeat("A", 43))
	f.Add(strings.Repeat("A", 42) + "B") // unused bits set
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := h.parseToken(s)
		if !ok {
			return
		}
		if raw, err := base64.RawURLEncoding.DecodeString(s); err != nil || len(raw) != tokenBytes || strings.ContainsAny(s, "\r\n") {
			t.Fatalf("%q is no token", s)
		}
		last := byte('A')
		if s[42] == last {
			last = 'B'
		}
		if other, ok := h.parseToken(s[:42] + string(last)); !ok || other == id {
			t.Fatalf("%q has a second spelling", s)
		}
	})
}

func TestTokens(t *testing.T) {
	h, other := newHasher("sid"), newHasher("sid2")
	token, id := h.newToken()
	if got, ok := h.parseToken(token); !ok || got != id || len(token) != tokenLen {
		t.Errorf("parseToken: %v %v", got, ok)
	}
	if got, _ := other.parseToken(token); got == id {
		t.Error("the ID does not depend on the namespace")
	}
	for _, bad := range []string{"", token[:42], token + "A", "=" + token[1:], token[:20] + "\n" + token[21:], token[:42] + "+"} {
		if _, ok := h.parseToken(bad); ok {
			t.Errorf("%q is taken for a token", bad)
		}
	}
}
