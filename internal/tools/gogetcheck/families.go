package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// families are what a user asks for by choosing an adapter or a store. Nobody
// gets one that they did not ask for.
var families = map[string][]string{
	"gin":       {"github.com/gin-gonic/", "github.com/gin-contrib/"},
	"echo":      {"github.com/labstack/echo/v4", "github.com/labstack/echo-contrib", "github.com/labstack/gommon"},
	"echov5":    {"github.com/labstack/echo/v5"},
	"fiber v2":  {"github.com/gofiber/fiber/v2"},
	"fiber v3":  {"github.com/gofiber/fiber/v3", "github.com/gofiber/utils/v2", "github.com/gofiber/schema"},
	"fiber":     {"github.com/gofiber/", "github.com/valyala/fasthttp"},
	"gorm":      {"gorm.io/", "github.com/jinzhu/"},
	"sql":       {"github.com/jackc/", "github.com/lib/pq", "github.com/go-sql-driver/", "github.com/mattn/go-sqlite3", "github.com/glebarez/", "github.com/ncruces/", "modernc.org/"},
	"memcache":  {"github.com/bradfitz/gomemcache"},
	"redis":     {"github.com/redis/", "github.com/gomodule/redigo", "github.com/rueian/", "github.com/alicebob/miniredis"},
	"signing":   {"github.com/gorilla/securecookie"},
	"sessions":  {"github.com/gorilla/sessions", "github.com/gorilla/context", "github.com/boj/", "github.com/alexedwards/"},
	"otel":      {"go.opentelemetry.io/"},
	"otel sdk":  {"go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/otel/exporters", "github.com/prometheus/"},
	"browser":   {"github.com/chromedp/", "github.com/go-rod/", "github.com/playwright-community/"},
	"terminal":  {"github.com/spf13/", "github.com/schollz/"},
	"assertion": {"github.com/onsi/", "gotest.tools/"},
}

// asked says which families belong to a module. A module that is not named
// here fails the check, so that nobody forgets to decide.
var asked = map[string][]string{
	"root":                 nil,
	"adopt":                {"signing"}, // and none of the libraries whose sessions it takes over
	"ginsession":           {"gin"},
	"echosession":          {"echo"},
	"echov5session":        {"echov5"},
	"fibersession":         {"fiber", "fiber v2"},
	"fiberv3session":       {"fiber", "fiber v3"},
	"stores/gormstore":     {"gorm"},
	"stores/memcachestore": {"memcache"},
	// The client's own go.mod names the library that its tests use, so that the
	// checksum of a go.mod of that is in go.sum. It is not built.
	"stores/redisstore": {"redis", "assertion"},
	"cmd/coatcheck":     {"gorm", "sql", "memcache", "redis", "terminal"},
	"otelsession":       {"otel"}, // the API, and never the SDK: that is the application's
}

// clean modules bring no dependency at all but the root.
var clean = []string{"root"}

// ownFamilies returns the prefixes that the module may bring.
func ownFamilies(name string) ([]string, error) {
	own, known := asked[name]
	if !known {
		return nil, fmt.Errorf("module %s is new: say in families.go what it may bring", name)
	}
	return own, nil
}

// view is one place where a dependency shows, as text.
type view struct{ name, text string }

// uninvited returns an error for each dependency that m must not bring.
func (v view) uninvited(m module, own []string) []error {
	words := strings.Fields(v.text)
	slices.Sort(words)
	var errs []error
	for _, word := range slices.Compact(words) {
		if family := uninvitedFamily(m, own, word); family != "" {
			errs = append(errs, fmt.Errorf("%s has %s (%s)", v.name, word, family))
		}
	}
	return errs
}

// uninvitedFamily names the family of a word that has no business here.
func uninvitedFamily(m module, own []string, word string) string {
	if slices.Contains(clean, m.Name()) && isThirdParty(m.root, word) {
		return "no dependency is allowed"
	}
	for family, prefixes := range families {
		if slices.Contains(own, family) {
			continue
		}
		for _, prefix := range prefixes {
			if strings.HasPrefix(word, prefix) {
				return family
			}
		}
	}
	return ""
}

// hostname ends in letters: golang.org, and not v0.1.0 of a go.sum line.
var hostname = regexp.MustCompile(`^[a-z0-9.-]+\.[a-z]+$`)

// isThirdParty tells an import path by its first element, a host name.
func isThirdParty(root, word string) bool {
	host, _, found := strings.Cut(word, "/")
	if !found || !hostname.MatchString(host) {
		return false
	}
	return word != root && !strings.HasPrefix(word, root+"/") && !strings.HasPrefix(word, "example.com/")
}

// modules counts the dependencies that the binary lists.
func (v view) modules() int { return strings.Count(v.text, "\n\tdep\t") }
