package core_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// In Django, None is the default of SESSION_COOKIE_DOMAIN and says "this host", but of SESSION_COOKIE_SAMESITE it is a value.
func TestDjangoNone(t *testing.T) {
	setenv(t, map[string]string{"SESSION_COOKIE_DOMAIN": " None ", "SESSION_COOKIE_SAMESITE": "None", "SESSION_FILE_PATH": "None", "COATCHECK_STORE": "memory:"})
	cfg, err := core.ConfigFromEnv(ctx)
	must(t, err)
	m, err := core.New(cfg)
	must(t, err)
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	if line := b.line; strings.Contains(line, "Domain") || !strings.Contains(line, "SameSite=None") || len(m.Settings().Warnings) != 2 {
		t.Error(line, m.Settings().Warnings)
	}
	t.Setenv("COATCHECK_COOKIE_DOMAIN", "example.com")
	cfg, err = core.ConfigFromEnv(ctx)
	must(t, err)
	if cfg.Cookie.Domain != "example.com" {
		t.Error(cfg.Cookie)
	}
}

// A setting that nobody reads is not passed over in silence.
func TestDjangoSettingsThatAreNotRead(t *testing.T) {
	warnings := func(change func(*core.Config)) string {
		cfg, err := core.ConfigFromEnv(ctx)
		must(t, err)
		change(&cfg)
		m, err := core.New(cfg)
		must(t, err)
		return strings.Join(m.Settings().Warnings, "\n")
	}
	nothing := func(*core.Config) {}
	setenv(t, map[string]string{"COATCHECK_STORE": "memory:", "SESSION_COOKIE_HTTPONLY": "True", "SESSION_SERIALIZER": "django.contrib.sessions.serializers.JSONSerializer"})
	if text := warnings(nothing); strings.Contains(text, "not read") {
		t.Error(text)
	}
	setenv(t, map[string]string{"SESSION_ENGINE": "django.contrib.sessions.backends.file", "SESSION_FILE_PATH": "/var/s", "SESSION_CACHE_ALIAS": "default",
		"SECRET_KEY": "django-insecure-hush", "SECRET_KEY_FALLBACKS": "hush"})
	text := warnings(nothing)
	for _, want := range []string{"SESSION_ENGINE is not read: ", "SESSION_FILE_PATH is not read: the folder stands in COATCHECK_STORE=file:FOLDER.",
		"SESSION_CACHE_ALIAS is not read: ", `SECRET_KEY is not read: "coatcheck keys new k1" makes a key for COATCHECK_KEYS.`, "SECRET_KEY_FALLBACKS is not read: "} {
		if !strings.Contains(text, want) || strings.Contains(text, "hush") {
			t.Errorf("no %q in %s", want, text)
		}
	}
	keys := mustStore(keyring.New(keyring.Generate("k1")))
	for what, set := range map[string]func(*core.Config){
		"Keys": func(c *core.Config) { c.Keys = keys },
		"cookie store": func(c *core.Config) {
			c.Store = mustStore(cookiestore.New(keys, cookiestore.NoRevocation(), cookiestore.Config{}))
		},
	} {
		if text := warnings(set); strings.Contains(text, "SECRET_KEY") {
			t.Errorf("%s: %s", what, text)
		}
	}
}

// An error of New names the variable that set the field, and the way out.
func TestNewNamesTheVariable(t *testing.T) {
	for name, c := range map[string]struct {
		variables map[string]string
		want      string
	}{
		"age":       {map[string]string{"COATCHECK_IDLE_TIMEOUT": "9601h"}, "Config.IdleTimeout is 9601h0m0s, at most 400 days: browsers keep no cookie longer (from COATCHECK_IDLE_TIMEOUT)"},
		"url":       {map[string]string{"SESSION_COOKIE_DOMAIN": "https://example.com"}, `Config.Cookie.Domain: "https://example.com" is no domain: write it like example.com, without scheme, port and path, or leave it empty for this host only (from SESSION_COOKIE_DOMAIN)`},
		"none":      {map[string]string{"COATCHECK_COOKIE_DOMAIN": "None"}, `Config.Cookie.Domain: "None" is no domain`},
		"dot":       {map[string]string{"SESSION_COOKIE_DOMAIN": ".com."}, `Config.Cookie.Domain: ".com." is no domain`},
		"name":      {map[string]string{"SESSION_COOKIE_NAME": "my session"}, `Config.Cookie.Name: "my session": use letters, digits, - and _ (from SESSION_COOKIE_NAME)`},
		"path":      {map[string]string{"SESSION_COOKIE_PATH": "shop"}, `Config.Cookie.Path: "shop" must begin with /`},
		"path;":     {map[string]string{"SESSION_COOKIE_PATH": "/a;b"}, `Config.Cookie.Path: "/a;b"`},
		"login":     {map[string]string{"LOGIN_URL": "login"}, `Config.LoginURL "login" must be a path such as /sign-in, or a URL with https:// or http://, of at most 2048 bytes (from LOGIN_URL)`},
		"two":       {map[string]string{"SESSION_COOKIE_AGE": "7200", "COATCHECK_LIFETIME": "1h"}, "(from COATCHECK_LIFETIME and SESSION_COOKIE_AGE)"},
		"level":     {map[string]string{"SESSION_COOKIE_AGE": "7200", "COATCHECK_AAL": "2"}, "Config.IdleTimeout is 2h0m0s, at most 1h0m0s with AAL 2 (from SESSION_COOKIE_AGE and COATCHECK_AAL)"},
		"same site": {map[string]string{"SESSION_COOKIE_SAMESITE": "None", "SESSION_COOKIE_SECURE": "False"}, "(from SESSION_COOKIE_SAMESITE and SESSION_COOKIE_SECURE)"},
		"full":      {map[string]string{"COATCHECK_WHEN_FULL": "EndOldest"}, `Config.WhenFull is "EndOldest": core.EndOldest ("end_oldest") or core.RefuseNew ("refuse_new") (from COATCHECK_WHEN_FULL)`},
	} {
		t.Run(name, func(t *testing.T) {
			setenv(t, c.variables)
			cfg, err := core.ConfigFromEnv(ctx)
			must(t, err)
			cfg.Store = mustStore(memstore.New(memstore.Config{}))
			if _, err := core.New(cfg); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("no %q in %v", c.want, err)
			}
		})
	}
	t.Setenv("COATCHECK_IDLE_TIMEOUT", "3h")
	cfg, err := core.ConfigFromEnv(ctx)
	must(t, err)
	cfg.Store, cfg.IdleTimeout = mustStore(memstore.New(memstore.Config{})), time.Millisecond
	if _, err := core.New(cfg); err == nil || strings.Contains(err.Error(), "COATCHECK") {
		t.Errorf("code set it: %v", err)
	}
	newManager(t, core.Config{Cookie: core.Cookie{Domain: "localhost"}})
	newManager(t, core.Config{Cookie: core.Cookie{Domain: ".example.com"}})
}

// What docs/settings.md says of Django's variables is so: what is read sets its field, what is refused is an error, and of
// what is not read a warning tells.
func TestSettingsPageIsTrue(t *testing.T) {
	values := map[string]string{"SESSION_COOKIE_NAME": "sid", "SESSION_COOKIE_DOMAIN": "example.com", "SESSION_COOKIE_PATH": "/a", "SESSION_COOKIE_SECURE": "False",
		"SESSION_COOKIE_HTTPONLY": "False", "SESSION_COOKIE_SAMESITE": "Strict", "SESSION_COOKIE_AGE": "60", "SESSION_SAVE_EVERY_REQUEST": "True",
		"SESSION_EXPIRE_AT_BROWSER_CLOSE": "True", "SESSION_SERIALIZER": "shop.Pickle", "LOGIN_URL": "/in", "SESSION_ENGINE": "django.contrib.sessions.backends.db",
		"SECRET_KEY": "s", "SECRET_KEY_FALLBACKS": "s", "SESSION_FILE_PATH": "/s", "SESSION_CACHE_ALIAS": "default"}
	row := regexp.MustCompile(`(?m)^\| ([A-Z_, ]+) \| (read|refused|not read)\b`)
	seen := map[string]bool{}
	for _, found := range row.FindAllStringSubmatch(settingsPage(t), -1) {
		for name := range strings.SplitSeq(found[1], ", ") {
			seen[name] = true
			t.Run(name, func(t *testing.T) {
				t.Setenv("COATCHECK_STORE", "memory:")
				t.Setenv(name, values[name])
				cfg, err := core.ConfigFromEnv(ctx)
				if refused := err != nil; refused != (found[2] == "refused") || refused && !strings.Contains(err.Error(), name) {
					t.Fatalf("%s, but %v", found[2], err)
				} else if refused {
					return
				}
				m, err := core.New(cfg)
				must(t, err)
				all := m.Settings()
				set := slices.ContainsFunc(all.List, func(s core.Setting) bool { return s.From == name })
				if warned := strings.Contains(all.String(), name+" is not read"); set == warned || set != (found[2] == "read") {
					t.Errorf("%s, but %s", found[2], all)
				}
			})
		}
	}
	for name := range values {
		if !seen[name] {
			t.Errorf("docs/settings.md has no row for %s", name)
		}
	}
}

func settingsPage(t *testing.T) string {
	page, err := os.ReadFile(filepath.Join("..", "docs", "settings.md"))
	must(t, err)
	return string(page)
}

// The environment that docs/settings.md shows is taken as it stands.
func TestEnvironmentOfTheSettingsPage(t *testing.T) {
	_, block, ok := strings.Cut(settingsPage(t), "```sh .env\n")
	block, _, end := strings.Cut(block, "```")
	if !ok || !end || !strings.HasPrefix(block, "COATCHECK_NAMESPACE=") {
		t.Fatalf("no .env in docs/settings.md: %q", block)
	}
	t.Chdir(t.TempDir())
	must(t, os.WriteFile("session-keys", []byte(keyring.Generate("k1").Reveal()+"\n"), 0o600))
	var names []string
	for line := range strings.Lines(block) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			name, value, _ := strings.Cut(line, "=")
			names = append(names, name)
			t.Setenv(name, value)
		}
	}
	cfg, err := core.ConfigFromEnv(ctx)
	must(t, err)
	m, err := core.New(cfg)
	must(t, err)
	t.Cleanup(func() { must(t, m.Close()) })
	all := m.Settings()
	for _, name := range names {
		if !slices.ContainsFunc(all.List, func(s core.Setting) bool { return s.From == name }) {
			t.Errorf("%s sets nothing: %s", name, all)
		}
	}
	if len(names) < 8 || len(all.Warnings) > 0 {
		t.Error(names, all.Warnings)
	}
}
