package guides_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// valuesNamed is a codec of an application.
type valuesNamed struct {
	core.JSON
	name string
}

func (c valuesNamed) Name() string { return c.name }

// Sessions keep the codec that they began with. A server without it answers 503 and keeps them.
func Example_valuesNewCodec() {
	store, _ := memstore.New(memstore.Config{})
	page := func(w io.Writer, r *http.Request, s *core.Session) {
		if r.Method == "POST" {
			_ = s.Login("alice") // a new session with the values of the old one, and its codec
		}
		_ = visits.Update(s, func(n int) int { return n + 1 })
		fmt.Fprint(w, "visit ", visits.GetOr(s, 0))
	}
	first, second := valuesCodec(store, nil, page), valuesCodec(store, valuesNamed{name: "packed"}, page)
	before, since := first.browser(), second.browser()
	fmt.Println(before.get("/"), "/", since.get("/"))
	before.site = second
	fmt.Println("new server:", before.post("/", ""), "/", since.post("/", ""))
	before.site, since.site = first, first
	fmt.Println("old server:", before.get("/"), "/", since.get("/"))
	since.site = second
	fmt.Println("new server:", since.get("/"))
	first = valuesCodec(store, nil, page, valuesNamed{name: "packed"}) // knows the new codec before anybody writes with it
	since.site = first
	fmt.Println("old server, prepared:", since.get("/"))
	third := valuesCodec(store, valuesNamed{name: "packed2"}, page, valuesNamed{name: "packed"})
	before.site, since.site = third, third
	fmt.Println("a third codec:", before.get("/"), "/", since.get("/"))
	// Output:
	// 200 visit 1 / 200 visit 1
	// new server: 200 visit 2 / 200 visit 2
	// old server: 200 visit 3 / 503 Service Unavailable
	// new server: 200 visit 3
	// old server, prepared: 200 visit 4
	// a third codec: 200 visit 4 / 200 visit 5
}

// A record of a later release of coatcheck: 503, and it is kept.
func Example_valuesNewerRecord() {
	ctx := context.Background()
	store, _ := memstore.New(memstore.Config{})
	var id core.ID
	site := valuesRelease(store, func(w io.Writer, r *http.Request, s *core.Session) {
		_ = visits.Update(s, func(n int) int { return n + 1 })
		fmt.Fprint(w, "visit ", visits.GetOr(s, 0))
		id = s.ID()
	})
	b := site.browser()
	fmt.Println(b.get("/"))
	format := func(n byte) {
		rec, err := store.Load(ctx, id)
		if err != nil {
			panic(err)
		}
		rec.Data = bytes.Clone(rec.Data)
		rec.Data[0] = n // core/block.go: the format
		if err := store.Update(ctx, &rec); err != nil {
			panic(err)
		}
	}
	format(200)
	fmt.Println(b.get("/"))
	format(1)
	fmt.Println(b.get("/"))
	// Output:
	// 200 visit 1
	// 503 Service Unavailable
	// 200 visit 2
}
