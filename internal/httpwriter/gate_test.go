package httpwriter_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

var quiet = slog.New(slog.DiscardHandler)

// Two goroutines may send the first byte at the same time.
func TestOneOfManyPasses(t *testing.T) {
	for _, cfg := range []core.Config{works(), slowlyRefuses()} {
		req := begin(t, cfg, httptest.NewRecorder())
		var fresh atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				first, err := req.Pass(req.Header(), 200)
				if first {
					fresh.Add(1)
				}
				if !errors.Is(err, req.Err()) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if failed := req.Err() != nil; failed != (fresh.Load() == 1) {
			t.Errorf("failed: %t, told to %d callers", failed, fresh.Load())
		}
	}
}

// slowlyRefuses leaves time for others to come to the gate.
func slowlyRefuses() core.Config {
	fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
	refuse := storetest.On("Create")
	fault.Before(func(c storetest.Call) error {
		time.Sleep(20 * time.Millisecond)
		return refuse(c)
	})
	return core.Config{Store: fault.Store()}
}

func TestDiscard(t *testing.T) {
	req := begin(t, works(), httptest.NewRecorder())
	req.Leave(req.Header(), nil)
	if err := visits.Set(req.s, 2); !errors.Is(err, core.ErrClosed) {
		t.Errorf("after a panic: %v, want ErrClosed", err)
	}
	if err := req.End(); err != nil || req.Header()["Set-Cookie"] != nil {
		t.Errorf("the 500 of whoever recovers: %v %v", err, req.Header())
	}
}

func TestFinishLater(t *testing.T) {
	req := begin(t, works(), httptest.NewRecorder())
	req.FinishLater()
	req.Leave(req.Header(), nil) // deferred by the adapter
	if err := visits.Set(req.s, 2); err != nil {
		t.Fatal("the error handler has no session:", err)
	}
	req.WriteHeader(404)
	if len(req.Header()["Set-Cookie"]) != 1 {
		t.Error("no cookie")
	}
	if err := visits.Set(req.s, 3); !errors.Is(err, core.ErrClosed) {
		t.Errorf("afterwards: %v, want ErrClosed", err)
	}
}

type other struct{ owner }

func TestOwnersInTheContext(t *testing.T) {
	req := begin(t, works(), httptest.NewRecorder())
	ctx := req.r.Context()
	x := httpwriter.Mounted(req.m, ctx)
	if x == nil {
		t.Fatal("not mounted")
	}
	if o, ok := httpwriter.OwnerOf[*owner](ctx, x); !ok || o != req.owner {
		t.Error("not the owner")
	}
	inner := begin(t, works(), httptest.NewRecorder())
	r := inner.Begin(inner.m, req.r, httptest.NewRecorder(), &other{})
	if _, ok := httpwriter.InnermostOwner[*owner](r.Context()); ok {
		t.Error("another adapter's request taken for one's own")
	}
	if o, ok := httpwriter.OwnerOf[*owner](r.Context(), x); !ok || o != req.owner {
		t.Error("hidden by another manager")
	}
	if httpwriter.Mounted(req.m, r.Context()) != x {
		t.Error("the outer manager is hidden")
	}
	_ = req.Finish()
	if httpwriter.Mounted(req.m, ctx) != nil {
		t.Error("mounted, though the session is closed")
	}
}

// A context ends up in logs.
func TestContextShowsNothing(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	token := strings.Repeat("A", 43)
	r.Header.Set("Cookie", "__Host-session="+token)
	req := begin(t, works(), httptest.NewRecorder())
	ctx, cancel := context.WithCancel(req.Begin(req.m, r, httptest.NewRecorder(), req.owner).Context())
	defer cancel()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, ctx); strings.Contains(text, token) {
			t.Errorf("%s shows the token: %s", verb, text)
		}
	}
}

var _ http.ResponseWriter = (*owner)(nil)
