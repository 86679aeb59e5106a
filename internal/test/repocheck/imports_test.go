package repocheck

import (
	"slices"
	"strings"
	"testing"
)

// arrow says which packages of ours a folder may import, itself or through
// another one. "x/..." is x and all below it.
type arrow struct {
	dir   string
	code  []string
	tests []string // in _test files, on top of code
}

// arrows is the direction of all imports: applications -> adapters, stores ->
// core -> core/driver. The longest dir that fits a folder is its rule; a folder
// that none fits fails the test, so that a new one is decided on.
var arrows = []arrow{
	{"core/driver", []string{"internal/nearest"}, []string{"core/...", "internal/test/urltest"}},
	{"core/keyring", []string{"core/driver", "internal/nearest"}, []string{"core/..."}},
	{"core", leaves(), []string{"core/...", "stores/...", "internal/..."}},
	{"core/internal", nil, nil}, // what the two suites share; it imports testing, so core may not have it
	{"core/storetest", leaves("core/internal/..."), []string{"core/...", "stores/...", "internal/..."}},
	{"core/adaptertest", leaves("core", "core/storetest", "core/internal/..."), []string{"core/...", "stores/...", "httpsession", "internal/..."}},

	// A store never sees a token, a cookie or a request: it stops at the contract.
	{"stores", leaves("internal/breaker", "internal/inspect"), []string{"core/...", "stores/...", "internal/..."}},

	// An adapter never sees a store: which one is the application's choice.
	{"httpsession", leaves("core", "internal/httpwriter"), adapterTests},
	{"ginsession", leaves("core", "internal/httpwriter"), adapterTests},
	{"echosession", leaves("core", "internal/httpwriter"), adapterTests},
	{"echov5session", leaves("core", "internal/httpwriter"), adapterTests},
	{"fibersession", leaves("core", "internal/httpwriter"), adapterTests},
	{"fiberv3session", leaves("core", "internal/httpwriter"), adapterTests},

	// It reads what other libraries wrote, and knows none of them.
	{"adopt", leaves("core"), []string{"core/...", "stores/...", "httpsession", "internal/..."}},

	// For operators of applications.
	{"sessionadmin", leaves("core"), []string{"core/...", "stores/...", "httpsession", "sessiontest", "internal/..."}},
	// It sees what core tells of: events.
	{"otelsession", leaves("core"), []string{"core/...", "stores/...", "httpsession", "internal/..."}},

	// For the tests of applications.
	{"sessiontest", leaves("core", "core/storetest", "core/internal/...", "stores/memstore", "internal/inspect"), []string{"core/...", "stores/...", "httpsession", "internal/..."}},

	// What ships and is shared, then the workshops for tests, which nothing that ships imports.
	{"internal/nearest", nil, nil},
	{"internal/breaker", leaves(), []string{"..."}},
	{"internal/inspect", leaves(), []string{"..."}},
	{"internal/httpwriter", leaves("core"), []string{"..."}},
	{"internal/test", leaves("core", "internal/test/..."), []string{"..."}},
	{"internal/test/embeddedstores", leaves("core", "core/adaptertest", "core/storetest", "core/internal/...", "stores/...", "internal/inspect", "internal/test/..."), nil},
	{"internal/test/cookiehttp", leaves("core", "httpsession", "internal/httpwriter", "stores/cookiestore", "internal/test/..."), []string{"..."}},
	{"internal/tools", nil, nil},
	{"examples", []string{"..."}, nil},
	{"bench", []string{"..."}, nil},
	{"cmd", []string{"..."}, nil},
}

var adapterTests = []string{"core/...", "stores/...", "httpsession", "sessiontest", "internal/..."}

// leaves are the packages that everybody may import, and more.
func leaves(more ...string) []string {
	return append([]string{"core/driver", "core/keyring", "internal/nearest"}, more...)
}

func arrowOf(dir string) (arrow, bool) {
	best, found := arrow{}, false
	for _, a := range arrows {
		if within(dir, a.dir) && len(a.dir) >= len(best.dir) {
			best, found = a, true
		}
	}
	return best, found
}

// allows reports whether the rule lets a folder below it import another one.
// What lies below the same rule's folder belongs together, stores excepted: one
// store never leans on another.
func (a arrow) allows(from, to string, test bool) bool {
	rules := a.code
	if test {
		rules = slices.Concat(a.code, a.tests)
	}
	for _, rule := range rules {
		if prefix, all := strings.CutSuffix(rule, "..."); all && strings.HasPrefix(to+"/", prefix) || rule == to {
			return true
		}
	}
	if a.dir == "stores" {
		return within(to, firstTwo(from))
	}
	other, _ := arrowOf(to)
	return other.dir == a.dir
}

func firstTwo(dir string) string {
	parts := strings.SplitN(dir, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// own returns the folder of an import of ours.
func own(importPath string) (string, bool) {
	if importPath == rootModule {
		return ".", true
	}
	return strings.CutPrefix(importPath, rootModule+"/")
}

func imports(f file) []string {
	var paths []string
	for _, spec := range f.ast.Imports {
		paths = append(paths, strings.Trim(spec.Path.Value, "`\""))
	}
	return paths
}

func TestImportArrows(t *testing.T) {
	r := open(t)
	direct := map[string][]string{} // code only
	for _, f := range r.files {
		if f.ast == nil {
			continue
		}
		for _, p := range imports(f) {
			to, ours := own(p)
			if !ours {
				continue
			}
			if !f.isTest() {
				direct[f.dir()] = append(direct[f.dir()], to)
			} else if rule, _ := arrowOf(f.dir()); !rule.allows(f.dir(), to, true) {
				t.Errorf("%s: a test in %s must not import %s", f.path, rule.dir, to)
			}
		}
	}
	for _, f := range r.files {
		if f.ast == nil {
			continue
		}
		if _, known := arrowOf(f.dir()); !known {
			t.Errorf("%s: no rule for this folder: add it to arrows", f.path)
		}
	}
	for from := range direct {
		rule, _ := arrowOf(from)
		for to, via := range reachable(direct, from) {
			if !rule.allows(from, to, false) {
				t.Errorf("%s must not import %s (%s)", from, to, via)
			}
		}
	}
}

// reachable returns every folder that code in from imports, with the way there.
func reachable(direct map[string][]string, from string) map[string]string {
	ways := map[string]string{}
	var walk func(dir, way string)
	walk = func(dir, way string) {
		for _, to := range direct[dir] {
			if _, seen := ways[to]; !seen {
				ways[to] = way + " -> " + to
				walk(to, ways[to])
			}
		}
	}
	walk(from, from)
	return ways
}

// In a workspace the compiler finds every module of it, so it would let the root
// import a framework, or one adapter another, until a user's build fails.
func TestModulesStayApart(t *testing.T) {
	r := open(t)
	for _, f := range r.files {
		if f.ast == nil {
			continue
		}
		module := r.moduleOf(f.dir())
		for _, p := range imports(f) {
			to, ours := own(p)
			switch {
			case !ours && module == "." && isThirdParty(p):
				t.Errorf("%s: the root module uses the standard library only, not %s", f.path, p)
			case ours && published(module) && r.moduleOf(to) != module && r.moduleOf(to) != ".":
				t.Errorf("%s: module %s must not import module %s", f.path, module, r.moduleOf(to))
			}
		}
	}
}

// Package testing registers flags and costs start-up time: no place for it in a
// server. The suites and our own helpers are for tests.
func TestTestingStaysInTests(t *testing.T) {
	r := open(t)
	suites := []string{"core/storetest", "core/adaptertest", "sessiontest", "core/internal", "internal/test", "internal/tools", "bench"}
	for _, f := range r.files {
		if f.ast == nil || f.isTest() || slices.ContainsFunc(suites, func(s string) bool { return within(f.dir(), s) }) {
			continue
		}
		for _, p := range imports(f) {
			if p == "testing" || strings.HasPrefix(p, "testing/") || p == "net/http/httptest" {
				t.Errorf("%s: %s belongs in tests", f.path, p)
			}
		}
	}
}

func isThirdParty(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return strings.Contains(first, ".")
}

func TestArrowsThemselves(t *testing.T) {
	cases := []struct {
		from, to string
		test     bool
		want     bool
	}{
		{"core", "core/driver", false, true},
		{"core", "stores/memstore", false, false},
		{"core", "core/internal/recorder", false, false},
		{"core/storetest", "core/internal/recorder", false, true},
		{"core/adaptertest", "core/internal/recorder", false, true},
		{"core/internal/recorder", "core/driver", false, false},
		{"stores/memstore", "core/internal/recorder", false, false},
		{"core", "stores/memstore", true, true},
		{"core/driver", "core", false, false},
		{"stores/memstore", "core/driver", false, true},
		{"stores/memstore", "core", false, false},
		{"stores/memstore", "core/storetest", false, false},
		{"stores/memstore", "core/storetest", true, true},
		{"stores/cachedstore", "stores/memstore", false, false},
		{"stores/redisstore", "stores/redisstore/lua", false, true},
		{"ginsession", "core", false, true},
		{"ginsession", "core/adaptertest", false, false},
		{"ginsession", "core/adaptertest", true, true},
		{"ginsession", "stores/memstore", false, false},
		{"ginsession", "echosession", true, false},
		{"echov5session", "echosession", true, false},
		{"examples/gin", "ginsession", false, true},
		{"stores/gormstore", "internal/breaker", false, true},
		{"stores/gormstore", "internal/test/startserver", false, false},
		{"stores/gormstore", "internal/test/startserver", true, true},
		{"internal/tools/gogetcheck", "core", false, false},
	}
	for _, c := range cases {
		rule, ok := arrowOf(c.from)
		if got := ok && rule.allows(c.from, c.to, c.test); got != c.want {
			t.Errorf("%s -> %s, test=%t: got %t, want %t", c.from, c.to, c.test, got, c.want)
		}
	}
	if _, known := arrowOf("elsewhere"); known {
		t.Error("a folder without a rule got one")
	}
	way := reachable(map[string][]string{"a": {"b"}, "b": {"c", "a"}}, "a")["c"]
	if want := "a -> b -> c"; way != want {
		t.Errorf("got %q, want %q", way, want)
	}
}
