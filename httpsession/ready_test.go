package httpsession_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// asked sends a probe.
func asked(t *testing.T, m *core.Manager) (status int, text string) {
	t.Helper()
	w := httptest.NewRecorder()
	httpsession.Ready(m).ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
	if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("%v", w.Header())
	}
	return w.Code, strings.TrimSpace(w.Body.String())
}

// pinged is a store whose Ping the test decides.
type pinged struct {
	driver.Store
	ping func(context.Context) error
}

func (p pinged) Ping(ctx context.Context) error { return p.ping(ctx) }

func TestReady(t *testing.T) {
	var answer error
	hangs := false
	f := setUp(t, core.Config{})
	m := made.Of(core.New(core.Config{Logger: f.Config().Logger, Store: pinged{f.store.Store(), func(ctx context.Context) error {
		if hangs {
			<-ctx.Done()
			return ctx.Err()
		}
		return answer
	}}}))
	if status, text := asked(t, m); status != http.StatusOK || text != "ready" {
		t.Error(status, text)
	}
	answer = errors.New("dial 10.0.0.7: refused")
	if status, text := asked(t, m); status != http.StatusServiceUnavailable || text != "unavailable" {
		t.Error(status, text)
	}
	if !strings.Contains(f.log.String(), "the store fails") || !strings.Contains(f.log.String(), "dial 10.0.0.7: refused") {
		t.Errorf("the log does not say why: %s", f.log)
	}
	hangs = true
	began := time.Now()
	if status, _ := asked(t, m); status != http.StatusServiceUnavailable || time.Since(began) > 30*time.Second {
		t.Error(status, time.Since(began))
	}
}

// The cache is out, and the truth answers.
func TestReadyWithoutItsCache(t *testing.T) {
	cache := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	truth := made.Of(filestore.New(filepath.Join(t.TempDir(), "s"), filestore.Config{}))
	store := made.Of(cachedstore.New(cache.Store(), truth, cachedstore.Config{Report: func(driver.ID, error) {}}))
	m := made.Of(core.New(core.Config{Store: store}))
	t.Cleanup(func() { m.Close() })
	if status, text := asked(t, m); status != http.StatusOK || text != "ready" {
		t.Error(status, text)
	}
	cache.Before(storetest.Outage)
	h := httpsession.New(m)(httpsession.Handle(func(_ http.ResponseWriter, _ *http.Request, s *core.Session) { _ = count.Set(s, 1) }))
	for range 100 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}
	if status, text := asked(t, m); status != http.StatusOK || text != "degraded" {
		t.Error(status, text)
	}
}
