package guides_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// The bytes decide. Update runs again on what another request has stored, so nothing is lost.
func Example_valuesRaw() {
	store, _ := memstore.New(memstore.Config{})
	const before core.Key[string] = "tags"
	const raw core.Key[json.RawMessage] = "tags"
	const after core.Key[[]string] = "tags"
	first := valuesRelease(store, func(w io.Writer, r *http.Request, s *core.Session) { _ = before.Set(s, "warm") })
	second := valuesRelease(store, func(w io.Writer, r *http.Request, s *core.Session) {
		if s.Has("tags") {
			_ = raw.Update(s, func(old json.RawMessage) json.RawMessage {
				if bytes.HasPrefix(old, []byte(`"`)) {
					return json.RawMessage("[" + string(old) + "]")
				}
				return old
			})
		}
		_ = after.Update(s, func(tags []string) []string { return append(tags, "long") })
		fmt.Fprint(w, after.GetOr(s, nil))
	})
	b := first.browser()
	b.get("/")
	b.site = second
	fmt.Println(b.get("/"))
	fmt.Println(b.get("/"))
	// Output:
	// 200 [warm long]
	// 200 [warm long long]
}

// All sessions at once, when no server of the release before is left.
func Example_valuesAll() {
	ctx := context.Background()
	store, _ := memstore.New(memstore.Config{})
	const before core.Key[string] = "tags"
	const after core.Key[[]string] = "tags"
	first := valuesRelease(store, func(w io.Writer, r *http.Request, s *core.Session) { _ = before.Set(s, "warm") })
	second := valuesRelease(store, func(w io.Writer, r *http.Request, s *core.Session) {
		tags, err := after.Get(s)
		fmt.Fprint(w, tags, err)
	})
	alice, bob := first.browser(), first.browser()
	alice.get("/")
	bob.get("/")

	migrate := func(s *core.Session) error {
		old, err := before.Get(s)
		if err != nil {
			return nil // there is none, or it is in the new form
		}
		return after.Set(s, []string{old})
	}
	m := memory(core.Config{Store: store})
	defer m.Close()
	for s, err := range m.All(ctx) {
		if err != nil {
			panic(err) // try again later: what was migrated stays so
		}
		if err := m.Change(ctx, s.ID(), migrate); err != nil && !errors.Is(err, core.ErrEnded) { // ErrEnded: meanwhile
			panic(err)
		}
	}
	for _, b := range []*browser{alice, bob} {
		b.site = second
		fmt.Println(b.get("/"))
	}
	// Output:
	// 200 [warm] <nil>
	// 200 [warm] <nil>
}

// What encoding/json makes of a value of another type. Set and Get are of two requests.
func Example_valuesTypes() {
	store, _ := memstore.New(memstore.Config{})
	b := valuesRelease(store, func(w io.Writer, r *http.Request, s *core.Session) {
		switch r.URL.Path {
		case "/int":
			_ = core.Key[int].Set("n", s, 12)
		case "/float":
			_ = core.Key[float64].Set("n", s, 12.5)
		case "/text":
			_ = core.Key[string].Set("n", s, "12")
		}
		if r.Method == "GET" {
			_, asInt := core.Key[int].Get("n", s)
			_, asInt64 := core.Key[int64].Get("n", s)
			_, asFloat := core.Key[float64].Get("n", s)
			_, another := core.Key[int].Get("m", s)
			fmt.Fprint(w, asInt == nil, asInt64 == nil, asFloat == nil, another == core.ErrNoValue)
		}
	}).browser()
	for _, was := range []string{"/int", "/float", "/text"} {
		b.post(was, "")
		fmt.Println("was", was, "is int, int64, float64, another name:", b.get("/"))
	}
	// Output:
	// was /int is int, int64, float64, another name: 200 true true true true
	// was /float is int, int64, float64, another name: 200 false false true true
	// was /text is int, int64, float64, another name: 200 false false false true
}
