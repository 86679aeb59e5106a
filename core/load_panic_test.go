package core_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// panics runs f, which must panic.
func panics(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	f()
}

type panicStore struct{ driver.Store }

func (panicStore) Load(context.Context, driver.ID) (driver.Record, error) {
	panic("a bug in the store")
}

// What panics while a session is loaded must not hang the request's clean-up.
func TestPanicWhileLoading(t *testing.T) {
	store := made(memstore.New(memstore.Config{}))
	b := newBrowser(t, newManager(t, core.Config{Store: store}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	for what, m := range map[string]*core.Manager{
		"store": newManager(t, core.Config{Store: panicStore{store}}),
		"Adopt": newManager(t, core.Config{Adopt: func(context.Context, []*http.Cookie) (*core.Adoption, error) { panic("a bug") }}),
	} {
		x := m.Begin(ctx, []string{b.cookie + "; old=1"})
		panics(t, func() { _, _ = x.Session(ctx) })
		done := make(chan struct{})
		go func() { x.Discard(); close(done) }()
		select {
		case <-done:
		case <-time.After(time.Second):
			t.Errorf("%s: Discard hangs", what)
		}
	}
}
