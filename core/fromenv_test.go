package core_test

import (
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
)

// everyVariable is a value for each setting that has a variable.
func everyVariable() map[string]string {
	return map[string]string{
		"COATCHECK_STORE": "memory:?max_records=10", "COATCHECK_COOKIE_NAME": "__Secure-shop", "COATCHECK_COOKIE_DOMAIN": "example.com",
		"COATCHECK_COOKIE_PATH": "/shop", "COATCHECK_COOKIE_SAME_SITE": "strict", "COATCHECK_COOKIE_INSECURE": "false",
		"COATCHECK_COOKIE_PARTITIONED": "true", "COATCHECK_NAMESPACE": "shop", "COATCHECK_SOURCES": "cookie, bearer,X-Session-Token",
		"COATCHECK_LOGIN_URL": "/sign-in", "COATCHECK_IDLE_TIMEOUT": "30m", "COATCHECK_LIFETIME": "11h", "COATCHECK_AAL": "2",
		"COATCHECK_TOUCH_INTERVAL": "2m", "COATCHECK_SAVE_EVERY_REQUEST": "true", "COATCHECK_EXPIRE_AT_BROWSER_CLOSE": "1",
		"COATCHECK_KEYS": keyring.Generate("k1").Reveal(), "COATCHECK_MAX_SIZE": "4096", "COATCHECK_STORE_TIMEOUT": "1s",
		"COATCHECK_SWEEP_INTERVAL": "1m", "COATCHECK_MAX_PER_SUBJECT": "3", "COATCHECK_WHEN_FULL": "refuse_new",
		"COATCHECK_REVOKE_ON_REUSE": "true", "COATCHECK_DEVICES": "true", "COATCHECK_DEVICES_IPV4_BITS": "16", "COATCHECK_DEVICES_IPV6_BITS": "32",
	}
}

func setenv(t *testing.T, variables map[string]string) {
	t.Helper()
	for name, value := range variables {
		t.Setenv(name, value)
	}
}

// Each variable sets its field, and each field of Config either has a variable or can be set by code only.
func TestConfigFromEnv(t *testing.T) {
	setenv(t, everyVariable())
	cfg, err := core.ConfigFromEnv(ctx)
	must(t, err)
	m, err := core.New(cfg)
	must(t, err)
	t.Cleanup(func() { m.Close() })
	got := m.Config()
	for what, is := range map[string]bool{
		"Cookie":    got.Cookie == core.Cookie{Name: "__Secure-shop", Domain: "example.com", Path: "/shop", SameSite: http.SameSiteStrictMode, Partitioned: true},
		"Namespace": got.Namespace == "shop", "LoginURL": got.LoginURL == "/sign-in", "AAL": got.AAL == 2,
		"Sources":  slices.Equal(got.Sources, []core.Source{core.FromCookie, core.FromBearer, "X-Session-Token"}),
		"timeouts": got.IdleTimeout == 30*time.Minute && got.Lifetime == 11*time.Hour && got.TouchInterval == 2*time.Minute,
		"bools":    got.SaveEveryRequest && got.ExpireAtBrowserClose && got.RevokeOnReuse,
		"store":    got.StoreTimeout == time.Second && got.SweepInterval == time.Minute && got.MaxSize == 4096 && m.Info().Name == "memstore",
		"Keys":     got.Keys != nil, "limit": got.MaxPerSubject == 3 && got.WhenFull == core.RefuseNew,
		"Devices": got.Devices.IPv4Bits == 16 && got.Devices.IPv6Bits == 32,
	} {
		if !is {
			t.Errorf("%s: %+v", what, got)
		}
	}

	shown := m.Settings()
	codeOnly := []string{"Codec", "OtherCodecs", "MaxPerSubjectFor", "Adopt", "Devices.Label", "Logger", "Observer", "Now"}
	for _, field := range fieldsOf(reflect.TypeFor[core.Config](), "") {
		i := slices.IndexFunc(shown.List, func(s core.Setting) bool { return s.Field == field })
		if i < 0 {
			t.Errorf("Settings does not know Config.%s", field)
			continue
		}
		s := shown.List[i]
		if _, set := everyVariable()[s.Env]; set == slices.Contains(codeOnly, field) || set && s.From != s.Env {
			t.Errorf("Config.%s: %+v", field, s)
		}
	}
	if text := shown.String(); strings.Contains(text, everyVariable()["COATCHECK_KEYS"][5:]) || !strings.Contains(text, "memstore at memory:?max_records=10") {
		t.Error(text)
	}
}

// fieldsOf returns the exported fields, "Cookie.Name".
func fieldsOf(typ reflect.Type, prefix string) (names []string) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case !f.IsExported():
		case inner == reflect.TypeFor[core.Cookie]() || inner == reflect.TypeFor[core.Devices]():
			names = append(names, fieldsOf(inner, f.Name+".")...)
		default:
			names = append(names, prefix+f.Name)
		}
	}
	return names
}

func TestDjangoNames(t *testing.T) {
	setenv(t, map[string]string{
		"SESSION_COOKIE_AGE": "3600", "SESSION_COOKIE_NAME": "sid", "SESSION_COOKIE_PATH": "/a", "SESSION_COOKIE_SAMESITE": "Strict",
		"SESSION_COOKIE_SECURE": " False\t", "SESSION_SAVE_EVERY_REQUEST": "True", "SESSION_EXPIRE_AT_BROWSER_CLOSE": "True",
		"LOGIN_URL": "/accounts/login/", "SESSION_COOKIE_HTTPONLY": "True", "SESSION_SERIALIZER": "django.contrib.sessions.serializers.JSONSerializer",
		"SESSION_ENGINE": "django.contrib.sessions.backends.db", "COATCHECK_STORE": "memory:", "COATCHECK_IDLE_TIMEOUT": "1h",
	})
	cfg, err := core.ConfigFromEnv(ctx)
	must(t, err)
	if cfg.IdleTimeout != time.Hour || cfg.Cookie != (core.Cookie{Name: "sid", Path: "/a", SameSite: http.SameSiteStrictMode, Insecure: true}) ||
		!cfg.SaveEveryRequest || !cfg.ExpireAtBrowserClose || cfg.LoginURL != "/accounts/login/" {
		t.Errorf("%+v", cfg)
	}
}

func TestNothingInTheEnvironment(t *testing.T) {
	t.Setenv("COATCHECK_STORE", " ")
	t.Setenv("COATCHECK_NOTHING", " ")
	cfg, err := core.ConfigFromEnv(ctx)
	must(t, err)
	if cfg.Store != nil {
		t.Error("a store from nowhere")
	}
	if _, err = core.New(cfg); err == nil || !strings.Contains(err.Error(), "COATCHECK_STORE") {
		t.Error(err)
	}
}

func TestWrongEnvironment(t *testing.T) {
	env := func(pairs ...string) map[string]string {
		variables := map[string]string{}
		for pair := range slices.Chunk(pairs, 2) {
			variables[pair[0]] = pair[1]
		}
		return variables
	}
	for name, c := range map[string]struct {
		variables map[string]string
		want      []string
	}{
		"unknown":       {env("COATCHECK_IDLE_TIMEOT", "1h"), []string{"COATCHECK_IDLE_TIMEOT is no setting; did you mean COATCHECK_IDLE_TIMEOUT?"}},
		"code only":     {env("COATCHECK_OBSERVER", "x"), []string{"COATCHECK_OBSERVER: Config.Observer is set in code only"}},
		"all at once":   {env("COATCHECK_LIFETIME", "30", "COATCHECK_AAL", "x", "SESSION_COOKIE_AGE", "1h"), []string{`COATCHECK_LIFETIME is "30": give a time with its unit`, `COATCHECK_AAL is "x": give a whole number`, `SESSION_COOKIE_AGE is "1h": give a whole number of seconds`}},
		"bool":          {env("COATCHECK_REVOKE_ON_REUSE", "maybe"), []string{`COATCHECK_REVOKE_ON_REUSE is "maybe": give true or false`}},
		"same site":     {env("SESSION_COOKIE_SAMESITE", "False"), []string{`SESSION_COOKIE_SAMESITE is "False": give Lax, Strict or None`}},
		"two names":     {env("COATCHECK_IDLE_TIMEOUT", "1h", "SESSION_COOKIE_AGE", "3601"), []string{"COATCHECK_IDLE_TIMEOUT and SESSION_COOKIE_AGE differ: leave one out"}},
		"keys":          {env("COATCHECK_KEYS", "k1:hush"), []string{"COATCHECK_KEYS has no keys"}},
		"key env":       {env("COATCHECK_KEYS", "env:"+strings.Repeat("hush", 10)+"Q4="), []string{"COATCHECK_KEYS env: needs the name of an environment variable"}},
		"devices":       {env("COATCHECK_DEVICES", "false", "COATCHECK_DEVICES_IPV6_BITS", "32"), []string{"COATCHECK_DEVICES_IPV6_BITS is set, but COATCHECK_DEVICES is false"}},
		"key file":      {env("COATCHECK_KEYS", "file:/no/such/file"), []string{"COATCHECK_KEYS open /no/such/file"}},
		"store":         {env("COATCHECK_STORE", "redis://shop:hush@host/0"), []string{"redis://shop:xxxxx@host/0: nothing is registered", "from COATCHECK_STORE"}},
		"engine":        {env("SESSION_ENGINE", "django.contrib.sessions.backends.cached_db"), []string{`SESSION_ENGINE is "django.contrib.sessions.backends.cached_db", a module of Django: set COATCHECK_STORE=postgres://USER:PASSWORD@HOST/NAME?cache=redis://HOST:6379/0`}},
		"engine file":   {env("SESSION_ENGINE", "django.contrib.sessions.backends.file", "SESSION_FILE_PATH", "/var/100%?"), []string{"set COATCHECK_STORE=file:/var/100%25%3F"}},
		"engine folder": {env("SESSION_ENGINE", "django.contrib.sessions.backends.file", "SESSION_FILE_PATH", "None"), []string{"set COATCHECK_STORE=file:FOLDER"}},
		"engine cookie": {env("SESSION_ENGINE", "django.contrib.sessions.backends.signed_cookies"), []string{"set COATCHECK_STORE=cookie:?keys=env:SESSION_KEYS&revocations=file:./ended"}},
		"engine URL":    {env("SESSION_ENGINE", "redis://:hush@host"), []string{"SESSION_ENGINE is a URL: give it to COATCHECK_STORE"}},
		"http only":     {env("SESSION_COOKIE_HTTPONLY", "False"), []string{"always HttpOnly"}},
		"serializer":    {env("SESSION_SERIALIZER", "shop.Pickle"), []string{"Config.Codec"}},
		"age 0":         {env("SESSION_COOKIE_AGE", "0"), []string{`SESSION_COOKIE_AGE is "0": give a whole number of seconds from 1 to 34560000 (400 days); for a cookie that ends with the browser, set SESSION_EXPIRE_AT_BROWSER_CLOSE=True`}},
		"age":           {env("SESSION_COOKIE_AGE", "9999999999"), []string{`SESSION_COOKIE_AGE is "9999999999": give a whole number of seconds from 1 to 34560000 (400 days)`}},
		"age -1":        {env("SESSION_COOKIE_AGE", "-1"), []string{`SESSION_COOKIE_AGE is "-1": give`}},
		"age 401 days":  {env("SESSION_COOKIE_AGE", "34560001"), []string{`SESSION_COOKIE_AGE is "34560001": give`}},
		"idle 0":        {env("COATCHECK_IDLE_TIMEOUT", "0"), []string{`COATCHECK_IDLE_TIMEOUT is "0": give a time with its unit, such as 336h, 10m or 2s, or leave it out for the default`}},
		"sweep 0":       {env("COATCHECK_SWEEP_INTERVAL", "0s"), []string{`COATCHECK_SWEEP_INTERVAL is "0s": give a time`}},
		"size 0":        {env("COATCHECK_MAX_SIZE", "0"), []string{`COATCHECK_MAX_SIZE is "0": give a whole number, at least 128`}},
		"bits 0":        {env("COATCHECK_DEVICES_IPV4_BITS", "0"), []string{`COATCHECK_DEVICES_IPV4_BITS is "0": give a number of bits, or -1 to keep no address`}},
		"cookie age":    {env("COATCHECK_COOKIE_AGE", "60"), []string{"COATCHECK_COOKIE_AGE is no setting; did you mean COATCHECK_IDLE_TIMEOUT or SESSION_COOKIE_AGE?"}},
		"both prefixes": {env("COATCHECK_SESSION_COOKIE_AGE", "60"), []string{"is no setting; did you mean COATCHECK_IDLE_TIMEOUT or SESSION_COOKIE_AGE?"}},
		"secure":        {env("COATCHECK_COOKIE_SECURE", "true"), []string{"did you mean COATCHECK_COOKIE_INSECURE or SESSION_COOKIE_SECURE?"}},
		"our http only": {env("COATCHECK_COOKIE_HTTPONLY", "true"), []string{"COATCHECK_COOKIE_HTTPONLY is no setting: the cookie is always HttpOnly"}},
		"secret key":    {env("COATCHECK_SECRET_KEY", "hush"), []string{`COATCHECK_SECRET_KEY is no setting: "coatcheck keys new k1" makes a key for COATCHECK_KEYS`}},
		"our engine":    {env("COATCHECK_ENGINE", "x"), []string{"COATCHECK_ENGINE is no setting: the store is a URL in COATCHECK_STORE"}},
		"prefix only":   {env("COATCHECK_", "x"), []string{"COATCHECK_ is no setting; did you mean COATCHECK_AAL?"}},
	} {
		t.Run(name, func(t *testing.T) {
			setenv(t, c.variables)
			_, err := core.ConfigFromEnv(ctx)
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hush") {
					t.Errorf("no %q in %v", want, err)
				}
			}
		})
	}
}

func TestOpenStore(t *testing.T) {
	store, err := core.OpenStore(ctx, "memory:")
	must(t, err)
	if store.Info().Name != "memstore" {
		t.Error(store.Info())
	}
	_, err = core.OpenStore(ctx, "file:"+t.TempDir()+"?create=false")
	if err == nil || errors.Is(err, core.ErrUnavailable) {
		t.Error(err)
	}
}
