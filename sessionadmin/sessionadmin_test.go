package sessionadmin_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/sessionadmin"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestNewNamesTheFieldThatIsWrong(t *testing.T) {
	m := made.Of(core.New(core.Config{Store: made.Of(memstore.New(memstore.Config{}))}))
	defer m.Close()
	all := sessionadmin.WrappedBy("a test")
	for want, cfg := range map[string]sessionadmin.Config{
		"Config.Manager ":   {Authorize: all},
		"Config.Authorize ": {Manager: m},
		"Config.Prefix ":    {Manager: m, Authorize: all, Prefix: "admin"},
		`"/admin/../x"`:     {Manager: m, Authorize: all, Prefix: "/admin/../x"},
	} {
		if _, err := sessionadmin.New(cfg); err == nil || !strings.HasPrefix(err.Error(), "sessionadmin: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want one that names %s", err, want)
		}
	}
}

// Whoever Authorize turns away sees nothing, not even which pages there are.
func TestAuthorize(t *testing.T) {
	z := newSite(t, core.Config{}, sessionadmin.Config{Authorize: func(r *http.Request) (string, bool) {
		return "olga", r.Header.Get("Authorization") == "yes"
	}})
	id, _ := z.signIn("alice")
	for _, path := range []string{"", "sessions", "style.css", "nothing", "revoke?user=alice"} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			if p := z.send(method, path, "Accept", "text/html").is(403); p.body != "Forbidden\n" || p.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s: %q", method, path, p.body)
			}
		}
	}
	if log := z.logged(); !z.alive(id) || strings.Contains(log, "INFO") || !strings.Contains(log, `level=DEBUG msg="sessionadmin: request refused by Authorize" who=olga`) {
		t.Errorf("alive %v, log: %s", z.alive(id), log)
	}
	z.send("GET", "", "Authorization", "yes").is(200, "olga")
}

func TestHeaders(t *testing.T) {
	z := newSite(t, core.Config{}, sessionadmin.Config{})
	for _, path := range []string{"", "sessions", "style.css", "nothing", "session?id=x"} {
		h := z.get(path).header
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: %q lacks %s", path, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "same-origin" {
			t.Errorf("%s: %v", path, h)
		}
	}
	z.get("").lacks("<script", "style=", "onclick")
	if p := z.get("style.css").is(200, "prefers-color-scheme"); p.header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Error(p.header)
	}
}

func TestMethods(t *testing.T) {
	z := newSite(t, core.Config{}, sessionadmin.Config{})
	for path, allow := range map[string]string{"": "GET, HEAD", "sessions": "GET, HEAD", "session": "GET, HEAD", "style.css": "GET, HEAD", "revoke": "GET, HEAD, POST"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
			if method == "POST" && path == "revoke" {
				continue
			}
			if p := z.send(method, path).is(405); p.header.Get("Allow") != allow {
				t.Errorf("%s %q: Allow: %s", method, path, p.header.Get("Allow"))
			}
		}
	}
	if p := z.send("HEAD", "").is(200); p.body != "" {
		t.Error(p.body)
	}
}

// mounted is a mux with the handler in several places.
func mounted(t *testing.T) (*site, *httptest.Server) {
	z := newSite(t, core.Config{}, sessionadmin.Config{})
	at := func(prefix string) http.Handler {
		return made.Of(sessionadmin.New(sessionadmin.Config{Manager: z.m, Authorize: sessionadmin.WrappedBy("a test"), Prefix: prefix}))
	}
	mux := http.NewServeMux()
	mux.Handle("/admin/", at("/admin"))
	mux.Handle("/ops/all/sessions/", at("/ops/all/sessions/"))
	mux.Handle("/ops/all/sessions", at("/ops/all/sessions")) // some routers pass this on
	mux.Handle("/bare/", http.StripPrefix("/bare", at("")))
	mux.Handle("/bare", http.StripPrefix("/bare", at("")))
	mux.Handle("/ops:all", http.StripPrefix("/ops:all", at("")))
	mux.Handle("/ops:all/", http.StripPrefix("/ops:all", at("")))
	mux.Handle("/both/", http.StripPrefix("/both", at("/both")))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return z, server
}

// Each link of each page leads to a page, wherever the handler is mounted.
func TestPrefixes(t *testing.T) {
	z, server := mounted(t)
	id, _ := z.signIn("alice & bob")
	for _, prefix := range []string{"/admin", "/ops/all/sessions", "/bare", "/both"} {
		z.url = server.URL + prefix + "/"
		seen := map[string]bool{}
		todo := []string{"./", "session?id=" + id.String()}
		for len(todo) > 0 {
			link := todo[0]
			todo = todo[1:]
			if seen[link] || strings.HasPrefix(link, "/") || strings.Contains(link, ":") {
				continue
			}
			seen[link] = true
			p := z.get(strings.TrimPrefix(link, "./")).is(200)
			for _, part := range strings.Split(p.body, `href="`)[1:] {
				link, _, _ := strings.Cut(part, `"`)
				todo = append(todo, html.UnescapeString(link))
			}
		}
		if len(seen) < 8 || !seen["sessions?user=alice+%26+bob"] || !seen["style.css"] {
			t.Errorf("%s: %d links: %v", prefix, len(seen), seen)
		}
	}
}

// Relative links need the slash at the end of the prefix.
func TestPrefixWithoutSlash(t *testing.T) {
	z, server := mounted(t)
	for _, prefix := range []string{"/admin", "/ops/all/sessions", "/bare", "/ops:all"} {
		z.url = server.URL + prefix
		res, err := http.Get(z.url)
		must(t, err)
		_ = res.Body.Close()
		if got := res.Request.URL.Path; got != prefix+"/" || res.StatusCode != 200 {
			t.Errorf("%s led to %s, %s", prefix, got, res.Status)
		}
	}
}

func TestUnknownPaths(t *testing.T) {
	z := newSite(t, core.Config{}, sessionadmin.Config{Prefix: "/admin"})
	root := strings.TrimSuffix(z.url, "admin/")
	for _, path := range []string{"admin/nothing", "admin/sessions/", "admin/page.html", "admin//", "administrator/sessions", "x/admin/", "admin/..%2fsessions"} {
		z.url = root
		z.get(path).is(404, "There is no page here")
	}
}
