package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/sessionadmin"
)

func TestWatchPage(t *testing.T) {
	t.Setenv("ADMIN_SECRET", "let me in")
	t.Setenv("COATCHECK_STORE", "memory:")
	stats := sessionadmin.NewStats()
	cfg, err := core.ConfigFromEnv(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cfg.Observer = stats.Observe
	m, err := core.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	page, err := sessionadmin.New(sessionadmin.Config{Manager: m, Stats: stats, Prefix: "/admin",
		Authorize: func(r *http.Request) (string, bool) { return "ops", r.Header.Get("X-Admin") == "let me in" }})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(page)
	defer server.Close()
	s := &shop{T: t, m: m}
	s.signsIn("alice", 0)

	header := "--header=X-Admin=env:ADMIN_SECRET"
	r := s.runs("watch", server.URL+"/admin/", header, "--count", "2", "--every", "100ms")
	s.wants(r, exitDone, "sign-ins")
	if lines := strings.Split(strings.TrimSpace(r.out), "\n"); len(lines) != 3 || !strings.Contains(lines[1], "       1  ") {
		t.Errorf("%q", lines)
	}
	s.wants(s.runs("watch", server.URL+"/admin/", header, "--count", "1", "--json"), exitDone, `"logins":1`, `"store":"memstore"`)
	s.wants(s.runs("watch", server.URL+"/admin/", "--count", "1"), exitFailed, "Authorize")
	s.wants(s.runs("watch", server.URL+"/other/", header, "--count", "1"), exitFailed, "404")
	s.wants(s.runs("watch", server.URL+"/admin/", "--header=X-Admin=let me in"), exitUsage, "NAME=env:VARIABLE")
	s.wants(s.runs("watch", "admin"), exitUsage, "no URL of a page")
	s.wants(s.runs("watch", "--every", "1ms"), exitUsage)
	server.Close()
	s.wants(s.runs("watch", server.URL+"/admin/", header), exitUnavailable, "does not answer")
}

func TestWatchStore(t *testing.T) {
	s := newShop(t, "sqlite:"+filepath.Join(t.TempDir(), "s.db"))
	s.signsIn("alice", 0)
	s.wants(s.runs("watch", "--count", "2", "--every", "100ms"), exitDone, "1 sessions")
	s = newShop(t, "file:"+filepath.Join(t.TempDir(), "s"))
	s.wants(s.runs("watch"), exitUnsupported, "sessionadmin")
}

// The header goes to the page's own server only.
func TestWatchPageSendsHeaderNowhereElse(t *testing.T) {
	s := newShop(t, "memory:")
	t.Setenv("WATCH_HEADER", "hush")
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another server got %q", r.Header.Get("X-Admin"))
	}))
	t.Cleanup(other.Close)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/admin" {
			http.Redirect(w, r, "/admin/", http.StatusMovedPermanently)
			return
		}
		http.Redirect(w, r, other.URL, http.StatusFound)
	}))
	t.Cleanup(page.Close)
	s.wants(s.runs("watch", "--count", "1", "--header", "X-Admin=env:WATCH_HEADER", page.URL+"/admin"), exitFailed, "the page answers 302 Found")
}
