package moving_test

import (
	"context"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// Given an old session with a value that JSON refuses, when Read gives it on, then the request is a 500, and the old
// session stays: docs/moving/README.md says to convert it.
func TestTakeOverOfARefusedValue(t *testing.T) {
	m := sessiontest.New(t, core.Config{Adopt: func(context.Context, []*http.Cookie) (*core.Adoption, error) {
		return &core.Adoption{
			Subject: "alice", Values: map[string]any{"limit": math.Inf(1)},
			Taken: func(context.Context) error { t.Error("the old session was ended"); return nil },
		}, nil
	}})
	page := httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, _ *core.Session) { w.WriteHeader(http.StatusOK) })
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: "session", Value: "1"})
	w := httptest.NewRecorder()
	httpsession.New(m.Manager)(page).ServeHTTP(w, r)
	if w.Code != http.StatusInternalServerError {
		t.Errorf("status %d", w.Code)
	}
}
