package oteltest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
)

// visit makes a request without an adapter, and returns its new cookie, or the one that it had.
func visit(tb testing.TB, m *core.Manager, cookie string, use func(*core.Session)) string {
	tb.Helper()
	x := m.Adapter().Begin(tb.Context(), http.Header{"Cookie": {cookie}})
	s, err := x.Session(tb.Context())
	must(tb, err)
	use(s)
	out, err := x.Commit(tb.Context(), 200)
	must(tb, err)
	_ = x.Finish(tb.Context())
	if out.Name == "" {
		return cookie
	}
	now, _, _ := strings.Cut(out.Value, ";")
	return now
}
