package core_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
)

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
