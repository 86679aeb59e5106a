package core

import (
	"encoding/base64"
	"strings"
	"testing"
)

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
