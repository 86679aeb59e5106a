package gormtest

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

const count core.Key[int] = "count"

func newManager(tb testing.TB, store driver.Store) *core.Manager {
	tb.Helper()
	m, err := core.New(core.Config{Store: store, StoreTimeout: patience, Logger: slog.New(slog.DiscardHandler)})
	must(tb, err)
	tb.Cleanup(func() { _ = m.Close() })
	return m
}

// request is a request in flight, with its session loaded.
type request struct {
	x *core.Exchange
	s *core.Session
}

func begin(m *core.Manager, cookie string) (request, error) {
	var header http.Header
	if cookie != "" {
		header = http.Header{"Cookie": {cookie}}
	}
	x := m.Adapter().Begin(context.Background(), header)
	s, err := x.Session(context.Background())
	return request{x, s}, err
}

// respond ends the request with status 200. It returns the cookie that the response sets, if any.
func (r request) respond() (cookie string, err error) {
	out, err := r.x.Commit(context.Background(), 200)
	if ferr := r.x.Finish(context.Background()); err == nil {
		err = ferr
	}
	if out.Name == "Set-Cookie" {
		cookie, _, _ = strings.Cut(out.Value, ";")
	}
	return cookie, err
}

// visit makes a whole request.
func visit(tb testing.TB, m *core.Manager, cookie string, handler func(*core.Session)) (newCookie string) {
	tb.Helper()
	r, err := begin(m, cookie)
	must(tb, err)
	handler(r.s)
	newCookie, err = r.respond()
	must(tb, err)
	return newCookie
}
