package core_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// Two managers in one application: the inner one commits first.
func TestOuterManagerFails(t *testing.T) {
	type handler func(inner, outer *core.Session)
	for what, test := range map[string]struct {
		down   bool // the outer one's store
		handle handler
	}{
		"foreseen":         {false, func(_, outer *core.Session) { _ = core.Key[chan int]("x").Set(outer, make(chan int)) }},
		"in the store":     {true, func(_, outer *core.Session) { must(t, count.Set(outer, 5)) }},
		"too large":        {false, func(_, outer *core.Session) { must(t, name.Set(outer, string(make([]byte, 70_000)))) }},
		"inner is rotated": {true, func(inner, outer *core.Session) { must(t, count.Set(outer, 5)); must(t, inner.RotateID()) }},
	} {
		for _, seeded := range []bool{true, false} {
			fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
			outer := newManager(t, core.Config{Store: fault.Store(), Cookie: core.Cookie{Name: "__Host-outer"}})
			inner := newManager(t, core.Config{})
			b := newBrowser(t, inner)
			if seeded {
				b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
			}
			if test.down {
				fault.Before(storetest.Outage)
			}
			ox := outer.Adapter().Begin(ctx, nil)
			ix := inner.Adapter().Begin(ox.Context(), b.header())
			is, err := ix.Session(ctx)
			must(t, err)
			os, err := ox.Session(ctx)
			must(t, err)
			must(t, count.Update(is, func(n int) int { return n + 1 }))
			test.handle(is, os)
			_, err = ix.Commit(ix.Context(), 200)
			if err == nil {
				_, err = ox.Commit(ox.Context(), 200)
			}
			if err == nil {
				t.Fatalf("%s: no failure", what)
			}
			_ = ix.Finish(ctx)
			_ = ox.Finish(ctx)
			want := 0
			if seeded {
				want = 1
			}
			if n, live := b.value(count); n != want || live != seeded || sessions(t, inner) != want {
				t.Errorf("%s: the client was told of a failure, and count is %d, %d sessions", what, n, sessions(t, inner))
			}
		}
	}
}

// Another request has built on what was stored: that stays.
func TestOuterManagerFailsTooLate(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	outer := newManager(t, core.Config{Store: fault.Store(), Cookie: core.Cookie{Name: "__Host-outer"}})
	inner := newManager(t, core.Config{})
	b := newBrowser(t, inner)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	ox := outer.Adapter().Begin(ctx, nil)
	ix := inner.Adapter().Begin(ox.Context(), b.header())
	is, err := ix.Session(ctx)
	must(t, err)
	os, err := ox.Session(ctx)
	must(t, err)
	must(t, count.Set(is, 2))
	must(t, count.Set(os, 2))
	_, err = ix.Commit(ix.Context(), 200)
	must(t, err)
	b.copyOf().visit(func(s *core.Session) { must(t, count.Update(s, func(n int) int { return n + 1 })) })
	fault.Before(storetest.Outage)
	if _, err := ox.Commit(ox.Context(), 200); core.HTTPStatus(err) != 503 {
		t.Errorf("%v", err)
	}
	if n, _ := b.value(count); n != 3 {
		t.Errorf("count = %d", n)
	}
}

// A Login of the inner manager stays where the outer one fails, so the client must learn of its new session.
func TestInnerLoginIsToldWithTheOutersFailure(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	outer := newManager(t, core.Config{Store: fault.Store(), Cookie: core.Cookie{Name: "outer"}})
	inner := newManager(t, core.Config{Cookie: core.Cookie{Name: "inner"}})
	for what, do := range map[string]func(*core.Session) error{
		"login": func(s *core.Session) error { return s.Login("bob") }, "logout": (*core.Session).Logout, "set": func(s *core.Session) error { return count.Set(s, 2) },
	} {
		b := newBrowser(t, inner)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		x := outer.Adapter().Begin(ctx, nil)
		y := inner.Adapter().Begin(x.Context(), b.header())
		of, err := x.Session(ctx)
		must(t, err)
		s, err := y.Session(ctx)
		must(t, err)
		must(t, count.Set(of, 1))
		must(t, do(s))
		_, err = y.Commit(ctx, 200)
		must(t, err)
		fault.Before(storetest.On("Create"))
		out, err := x.Commit(ctx, 200)
		fault.Reset()
		if !errors.Is(err, core.ErrUnavailable) || len(out.More) != map[string]int{"login": 1, "logout": 1}[what] {
			t.Fatalf("%s: %+v, %v", what, out.More, err)
		}
		if what == "set" {
			if n, _ := b.value(count); n != 1 {
				t.Errorf("count %d", n)
			}
			continue
		}
		h := http.Header{}
		out.Apply(h)
		if line := h.Get("Set-Cookie"); !strings.HasPrefix(line, "inner=") || strings.HasPrefix(line, "inner=;") != (what == "logout") {
			t.Errorf("%s: %q", what, line)
		}
	}
}
