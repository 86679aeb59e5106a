package core_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// The inner manager adopts, and the outer one fails: the other system's session must not be over, since ours is
// taken back.
func TestAdoptUnderAnOuterManagerThatFails(t *testing.T) {
	for _, down := range []bool{true, false} {
		fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
		outer := newManager(t, core.Config{Store: fault.Store(), Cookie: core.Cookie{Name: "__Host-outer"}})
		taken := 0
		inner := newManager(t, core.Config{Adopt: func(context.Context, []*http.Cookie) (*core.Adoption, error) {
			return &core.Adoption{Subject: "alice", Taken: func(context.Context) error { taken++; return nil }}, nil
		}})
		if down {
			fault.Before(storetest.Outage)
		}
		ox := outer.Begin(ctx, nil)
		ix := inner.Begin(ox.Context(), []string{"old=1"})
		_, err := ix.Session(ctx)
		must(t, err)
		os, err := ox.Session(ctx)
		must(t, err)
		must(t, count.Set(os, 1))
		_, err = ix.Commit(ix.Context(), 200)
		if err == nil {
			_, err = ox.Commit(ox.Context(), 200)
		}
		_ = ix.Finish(ctx)
		_ = ox.Finish(ctx)
		if stands := sessions(t, inner); (err != nil) != down || stands != taken || down == (taken == 1) {
			t.Errorf("down %v: %v, taken %d times, and %d sessions stand", down, err, taken, stands)
		}
	}
}
