package core_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestSettingsSayWhoSetThem(t *testing.T) {
	t.Setenv("COATCHECK_STORE", "memory:")
	t.Setenv("SESSION_COOKIE_AGE", "3600")
	t.Setenv("COATCHECK_MAX_SIZE", "1000")
	t.Setenv("COATCHECK_SOURCES", "cookie,x-shop-session")
	cfg, err := core.ConfigFromEnv(ctx)
	must(t, err)
	cfg.MaxSize = 2000 // code after the environment
	cfg.Cookie.Path = "/shop"
	cfg.Observer = func(context.Context, core.Event) {}
	m, err := core.New(cfg)
	must(t, err)
	got := map[string]core.Setting{}
	for _, s := range m.Settings().List {
		got[s.Field] = s
	}
	for field, want := range map[string]core.Setting{
		"Store":         {Value: "memstore at memory:", From: "COATCHECK_STORE", Env: "COATCHECK_STORE", Django: "SESSION_ENGINE"},
		"IdleTimeout":   {Value: "1h0m0s", From: "SESSION_COOKIE_AGE", Env: "COATCHECK_IDLE_TIMEOUT", Django: "SESSION_COOKIE_AGE"},
		"MaxSize":       {Value: "2000", From: "code", Env: "COATCHECK_MAX_SIZE"},
		"Cookie.Path":   {Value: "/shop", From: "code", Env: "COATCHECK_COOKIE_PATH", Django: "SESSION_COOKIE_PATH"},
		"Cookie.Name":   {Value: "__Secure-session", From: "default", Env: "COATCHECK_COOKIE_NAME", Django: "SESSION_COOKIE_NAME"},
		"TouchInterval": {Value: "3m0s", From: "default", Env: "COATCHECK_TOUCH_INTERVAL"},
		"Observer":      {Value: "set", From: "code"},
		"Sources":       {Value: "cookie, X-Shop-Session", From: "COATCHECK_SOURCES", Env: "COATCHECK_SOURCES"},
	} {
		want.Field = field
		if got[field] != want {
			t.Errorf("got %+v, want %+v", got[field], want)
		}
	}
	other, err := core.New(core.Config{Store: mustStore(memstore.New(memstore.Config{}))})
	must(t, err)
	if s := other.Settings().List[0]; s.Value != "memstore" || s.From != "code" {
		t.Error(s)
	}
}

func mustStore[S any](s S, err error) S {
	if err != nil {
		panic(err)
	}
	return s
}

func TestSettingsWarn(t *testing.T) {
	keys := mustStore(keyring.New(keyring.Generate("k1")))
	mem := func() core.Config { return core.Config{Store: mustStore(memstore.New(memstore.Config{}))} }
	file := func() core.Config {
		return core.Config{Store: mustStore(filestore.New(filepath.Join(t.TempDir(), "s"), filestore.Config{})), Namespace: "shop", Keys: keys}
	}
	with := func(cfg core.Config, change func(*core.Config)) core.Config { change(&cfg); return cfg }
	for name, c := range map[string]struct {
		cfg  core.Config
		want []string
	}{
		"nothing":        {file(), nil},
		"memory":         {mem(), []string{"Namespace is not set", "they end with it"}},
		"another cookie": {with(file(), func(c *core.Config) { c.Namespace = "" }), []string{`it is the cookie's name, "__Host-session"`}},
		"a header":       {with(file(), func(c *core.Config) { c.Namespace, c.Sources = "", []core.Source{core.FromBearer} }), []string{`the name of the header "Session-Token"`}},
		"no keys":        {with(file(), func(c *core.Config) { c.Keys = nil }), []string{"whoever can write to the store"}},
		"insecure":       {with(file(), func(c *core.Config) { c.Cookie.Insecure = true }), []string{"plain http"}},
		"domain":         {with(file(), func(c *core.Config) { c.Cookie.Domain = "example.com" }), []string{"everything that runs under example.com"}},
		"no prefix":      {with(file(), func(c *core.Config) { c.Cookie.Name = "sid" }), []string{`"sid", without a prefix`}},
		"no sweeps":      {with(file(), func(c *core.Config) { c.SweepInterval = -1 }), []string{"nothing removes expired sessions"}},
		"no revocations": {core.Config{Namespace: "shop", Store: mustStore(cookiestore.New(keys, cookiestore.NoRevocation(), cookiestore.Config{}))}, []string{"even after a sign-out"}},
		"revocations here": {core.Config{Namespace: "shop", Store: mustStore(cookiestore.New(keys,
			cookiestore.RevokeIn(mustStore(memstore.New(memstore.Config{}))), cookiestore.Config{}))}, []string{"Revocations are in this process"}},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := core.New(c.cfg)
			must(t, err)
			defer m.Close()
			got := m.Settings()
			if len(got.Warnings) != len(c.want) {
				t.Fatalf("%q", got.Warnings)
			}
			for i, want := range c.want {
				if !strings.Contains(got.Warnings[i], want) || !strings.Contains(got.String(), "warning: "+got.Warnings[i]) {
					t.Errorf("no %q in %s", want, got)
				}
			}
		})
	}
}

// They are fit for a log and for JSON, and no key is in them.
func TestSettingsArePrinted(t *testing.T) {
	key := keyring.Generate("k1")
	keys := mustStore(keyring.New(key))
	m, err := core.New(core.Config{Store: mustStore(memstore.New(memstore.Config{})), Keys: keys, IdleTimeout: time.Hour})
	must(t, err)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("sessions", "settings", m.Settings())
	text, err := json.Marshal(m.Settings())
	must(t, err)
	for _, out := range []string{log.String(), string(text), m.Settings().String()} {
		if !strings.Contains(out, "1h0m0s") || strings.Contains(out, key.Reveal()[3:]) {
			t.Error(out)
		}
	}
}
