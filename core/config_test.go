package core_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

type onlyInfo struct{}

func (onlyInfo) Info() driver.Info { return driver.Info{Name: "onlyinfo"} }

type namedCodec struct{ core.Codec }

func (namedCodec) Name() string { return "" }

// bothStores is what nobody can mean.
type bothStores struct {
	driver.Store
	driver.TokenStore
}

func (bothStores) Info() driver.Info { return driver.Info{Name: "both"} }

func TestNewNamesTheFieldThatIsWrong(t *testing.T) {
	cookie := func(c core.Cookie) core.Config { return core.Config{Cookie: c} }
	for _, c := range []struct {
		want string // in the error
		cfg  core.Config
	}{
		{"Config.Store ", core.Config{}},
		{"Config.Store:", core.Config{Store: onlyInfo{}}},
		{"Config.IdleTimeout", core.Config{IdleTimeout: time.Millisecond}},
		{"Config.IdleTimeout", core.Config{IdleTimeout: -time.Hour}},
		{"Config.Lifetime", core.Config{IdleTimeout: 2 * time.Hour, Lifetime: time.Hour}},
		{"Config.Lifetime", core.Config{Lifetime: 401 * 24 * time.Hour}},
		{"Config.TouchInterval", core.Config{IdleTimeout: time.Hour, TouchInterval: time.Hour}},
		{"Config.TouchInterval", core.Config{TouchInterval: -1}},
		{"Config.MaxSize", core.Config{MaxSize: 10}},
		{"Config.MaxSize", core.Config{MaxSize: -1}},
		{"Config.StoreTimeout", core.Config{StoreTimeout: -1}},
		{"Config.Codec", core.Config{Codec: namedCodec{}}},
		{"Config.TokenHeader", core.Config{TokenHeader: "Set-Cookie"}},
		{"Config.TokenHeader", core.Config{TokenHeader: "X Token"}},
		{"Config.Store: core_test.bothStores is both", core.Config{Store: bothStores{}}},
		{"Config.Store is a nil *memstore.Store", core.Config{Store: (*memstore.Store)(nil)}},
		{"Config.Codec is a nil *core_test.namedCodec", core.Config{Codec: (*namedCodec)(nil)}},
		{"Config.Keys", core.Config{Keys: &keyring.Keyring{}}},
		{"Config.Keys", core.Config{Keys: new(keyring.Keyring), Namespace: "n"}},
		{"Config.Logger", core.Config{Logger: &slog.Logger{}}},
		{"Config.SweepInterval is 1ns, at least 1s", core.Config{SweepInterval: 1}},
		{"Config.SweepInterval", core.Config{SweepInterval: time.Second - 1}},
		{"Config.Cookie.Domain", cookie(core.Cookie{Name: "__Host-id", Domain: "example.org"})},
		{"Config.Cookie.Path", cookie(core.Cookie{Name: "__Host-id", Path: "/app"})},
		{"Config.Cookie.Path", cookie(core.Cookie{Path: "app"})},
		{"Config.Cookie.Path", cookie(core.Cookie{Path: "/" + strings.Repeat("x", 1024)})},
		{"Config.Cookie.Name", cookie(core.Cookie{Name: "__host-id"})},
		{"Config.Cookie.Name", cookie(core.Cookie{Name: strings.Repeat("n", 65)})},
		{"Config.Cookie", cookie(core.Cookie{Name: "a b"})},
		{"Config.Cookie", cookie(core.Cookie{Name: "sid;"})},
		{"Config.Cookie", cookie(core.Cookie{Domain: "exa mple"})},
		{"Config.Cookie.Insecure", cookie(core.Cookie{Name: "__Secure-id", Insecure: true})},
		{"Config.Cookie.SameSite", cookie(core.Cookie{SameSite: http.SameSiteNoneMode, Insecure: true})},
		{"Config.Cookie.SameSite", cookie(core.Cookie{SameSite: 9})},
		{"Config.Cookie.Partitioned", cookie(core.Cookie{Partitioned: true, Insecure: true})},
	} {
		if c.cfg.Store == nil && c.want != "Config.Store " {
			c.cfg.Store = made(memstore.New(memstore.Config{}))
		}
		m, err := core.New(c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want an error about %s, got %v, %v", c.want, m, err)
		}
	}
}

// A header that means something to a browser, a proxy or a server carries no token, however it is spelled.
func TestTokenHeaderOfOthers(t *testing.T) {
	store := made(memstore.New(memstore.Config{}))
	for header := range strings.FieldsSeq(`Accept accept-encoding Access-Control-Allow-Origin Age ALLOW Alt-Svc authorization
		Cache-Control Clear-Site-Data Connection Content-Security-Policy Content-Type Cookie Cross-Origin-Opener-Policy Date DNT
		ETag Expect Expires Forwarded From Host If-None-Match Keep-Alive Last-Modified Link Location Max-Forwards Origin
		Permissions-Policy Pragma Priority Proxy-Authorization Range Referer Referrer-Policy Refresh Retry-After Sec-Fetch-Site
		Server Server-Timing Set-Cookie Strict-Transport-Security TE Trailer Transfer-Encoding Upgrade Upgrade-Insecure-Requests
		User-Agent Vary Via Warning WWW-Authenticate X-Accel-Redirect X-Content-Type-Options X-Forwarded-For X-Frame-Options
		X-HTTP-Method-Override X-Real-IP X-Request-ID X-Requested-With traceparent`) {
		if _, err := core.New(core.Config{Store: store, TokenHeader: header}); err == nil || !strings.Contains(err.Error(), "Config.TokenHeader") {
			t.Errorf("%s: %v", header, err)
		}
	}
	for header := range strings.FieldsSeq("X-Session-Token Session X-Auth-Token Authorization-Token X-Session Hostess Api-Token Dated") {
		if m := newManager(t, core.Config{Store: store, TokenHeader: header}); m.Header() != header {
			t.Errorf("%s: Header is %q", header, m.Header())
		}
	}
}

// What is next to a limit is taken.
func TestNewTakesTheLimits(t *testing.T) {
	for _, cfg := range []core.Config{{SweepInterval: time.Second}, {SweepInterval: -1}, {Logger: slog.Default()}, {Keys: nil}, {Codec: renamed{core.JSON}}} {
		newManager(t, cfg)
	}
}

func TestCookieLines(t *testing.T) {
	for _, c := range []struct {
		cookie core.Cookie
		want   string // with T for the token
	}{
		{core.Cookie{}, "__Host-session=T; Max-Age=1209600; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{core.Cookie{Insecure: true}, "session=T; Max-Age=1209600; Path=/; HttpOnly; SameSite=Lax"},
		{core.Cookie{Domain: "example.org"}, "__Secure-session=T; Max-Age=1209600; Path=/; Domain=example.org; HttpOnly; Secure; SameSite=Lax"},
		{core.Cookie{Path: "/app", SameSite: http.SameSiteStrictMode}, "__Secure-session=T; Max-Age=1209600; Path=/app; HttpOnly; Secure; SameSite=Strict"},
		{core.Cookie{SameSite: http.SameSiteNoneMode, Partitioned: true}, "__Host-session=T; Max-Age=1209600; Path=/; HttpOnly; Secure; SameSite=None; Partitioned"},
	} {
		b := newBrowser(t, newManager(t, core.Config{Cookie: c.cookie}))
		out := b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		_, token, _ := strings.Cut(b.cookie, "=")
		if got := strings.Replace(out.Value, token, "T", 1); got != c.want || len(token) != 43 {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
		if _, err := http.ParseSetCookie(out.Value); err != nil {
			t.Error(err)
		}
		out = b.visit(func(s *core.Session) { must(t, s.Logout()) })
		want := strings.Replace(strings.Replace(c.want, "=T", "=", 1), "Max-Age=1209600", "Max-Age=0", 1)
		if out.Value != want {
			t.Errorf("deletion\ngot  %s\nwant %s", out.Value, want)
		}
	}
}

func TestPresets(t *testing.T) {
	for name, cfg := range map[string]core.Config{"1": core.Config{}.AAL1(), "2": core.Config{}.AAL2(), "3": core.Config{}.AAL3()} {
		b := newBrowser(t, newManager(t, cfg))
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		b.visit(func(s *core.Session) {
			if d := s.Age() - cfg.IdleTimeout; d > 0 || d < -time.Minute {
				t.Errorf("AAL%s: Age %v, want %v", name, s.Age(), cfg.IdleTimeout)
			}
		})
	}
}

func TestTokenHeader(t *testing.T) {
	m := newManager(t, core.Config{TokenHeader: "x-session-token"})
	if m.Header() != "X-Session-Token" {
		t.Fatalf("Header = %q", m.Header())
	}
	x := m.Begin(ctx, nil)
	s, _ := x.Session(ctx)
	must(t, count.Set(s, 4))
	out, err := x.Commit(ctx, 200)
	if err != nil || out.Name != "X-Session-Token" || len(out.Value) != 43 || out.Vary != "X-Session-Token" {
		t.Fatalf("%+v, %v", out, err)
	}
	x = m.Begin(ctx, []string{out.Value})
	s, _ = x.Session(ctx)
	if n, err := count.Get(s); n != 4 {
		t.Errorf("count = %d, %v", n, err)
	}
}

func TestTwoManagersOnOneStore(t *testing.T) {
	store := made(memstore.New(memstore.Config{}))
	staff := newManager(t, core.Config{Store: store, Cookie: core.Cookie{Name: "staff"}})
	shop := newManager(t, core.Config{Store: store, Cookie: core.Cookie{Name: "shop"}})
	a := newBrowser(t, staff)
	a.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	b := newBrowser(t, shop)
	b.cookie = strings.Replace(a.cookie, "staff=", "shop=", 1)
	if _, live := b.value(count); live {
		t.Error("one manager's token is good for the other")
	}
	// Both in one request: the context tells them apart.
	xs := staff.Begin(context.Background(), []string{a.cookie})
	xb := shop.Begin(xs.Context(), nil)
	inner := xb.Context()
	if staff.Exchange(inner) != xs || shop.Exchange(inner) != xb {
		t.Error("the context mixes them up")
	}
	s, err := staff.FromContext(inner)
	must(t, err)
	if n, _ := count.Get(s); n != 1 {
		t.Errorf("count = %d", n)
	}
	if s, _ := core.FromContext(inner); !s.IsNew() {
		t.Error("FromContext is not the innermost manager's")
	}
}
