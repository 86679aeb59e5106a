package httpwriter_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
)

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
