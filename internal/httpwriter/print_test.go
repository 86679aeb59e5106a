package httpwriter_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"text/template"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// An adapter's writer holds the Exchange by value, where fmt asks no method: neither the token that came nor the new
// one may be in a field of it.
func TestPrintedWriterShowsNoToken(t *testing.T) {
	m, err := core.New(core.Config{Store: made(memstore.New(memstore.Config{})), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r := httptest.NewRequest("GET", "/", nil)
	var tokens []string
	for range 2 {
		rec := httptest.NewRecorder()
		o := &owner{}
		s, err := core.FromContext(o.Begin(m, r, rec, o).Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Login("qq-subject"); err != nil {
			t.Fatal(err)
		}
		var shown strings.Builder
		show := func() {
			for _, v := range []any{o, reflect.ValueOf(o).Elem().Interface(), &o.Writer, &o.Gate, map[string]any{"w": o}} {
				for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
					fmt.Fprintf(&shown, verb+"\n", v)
				}
				_ = template.Must(template.New("").Parse("{{.}}")).Execute(&shown, v)
				_ = json.NewEncoder(&shown).Encode(v)
			}
		}
		show()
		if err := o.End(); err != nil {
			t.Fatal(err)
		}
		show()
		cookie, _, _ := strings.Cut(rec.Header().Get("Set-Cookie"), ";")
		_, token, _ := strings.Cut(cookie, "=")
		for _, secret := range append(tokens, token, "qq-subject") {
			if token == "" || strings.Contains(shown.String(), secret) || strings.Contains(shown.String(), strings.Trim(fmt.Sprint([]byte(secret)), "[]")) {
				t.Errorf("%q is shown: %.3000s", secret, shown.String())
			}
		}
		r.Header.Set("Cookie", cookie)
		tokens = append(tokens, token)
	}
}
