package core_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
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
		{"Config.OtherCodecs[0] is named", core.Config{OtherCodecs: []core.Codec{namedCodec{}}}},
		{"Config.OtherCodecs[0] is a nil", core.Config{OtherCodecs: []core.Codec{nil}}},
		{"like another one", core.Config{OtherCodecs: []core.Codec{core.JSON{}}}},
		{"at most 8", core.Config{OtherCodecs: make([]core.Codec, 9)}},
		{"Config.Sources", core.Config{Sources: []core.Source{"Set-Cookie"}}},
		{"Config.Sources", core.Config{Sources: []core.Source{"X Token"}}},
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
			c.cfg.Store = made.Of(memstore.New(memstore.Config{}))
		}
		m, err := core.New(c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want an error about %s, got %v, %v", c.want, m, err)
		}
	}
}

// What is next to a limit is taken.
func TestNewTakesTheLimits(t *testing.T) {
	for _, cfg := range []core.Config{{SweepInterval: time.Second}, {SweepInterval: -1}, {Logger: slog.Default()}, {Keys: nil}, {Codec: renamed{core.JSON{}}}} {
		newManager(t, cfg)
	}
}

func TestCookieStoreTakesNoKeys(t *testing.T) {
	store, err := cookiestore.New(ring(t, keyring.Generate("k1")), cookiestore.NoRevocation(), cookiestore.Config{})
	must(t, err)
	if _, err := core.New(core.Config{Store: store, Keys: ring(t, keyring.Generate("k2"))}); err == nil || !strings.Contains(err.Error(), "Config.Keys") {
		t.Errorf("New: %v", err)
	}
}

// TestAssuranceLevels: the limits of NIST SP 800-63B-4 are defaults, and bounds.
func TestAssuranceLevels(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		aal        int
		idle, life time.Duration
		idleBound  bool
	}{{1, 14 * day, 30 * day, false}, {2, time.Hour, day, true}, {3, 15 * time.Minute, 12 * time.Hour, true}} {
		b := newBrowser(t, newManager(t, core.Config{AAL: c.aal}))
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		b.visit(func(s *core.Session) {
			if d := s.TimeLeft() - c.idle; d > 0 || d < -time.Minute {
				t.Errorf("AAL %d: TimeLeft %v, want %v", c.aal, s.TimeLeft(), c.idle)
			}
		})
		b.visit(func(s *core.Session) {
			must(t, s.ExpireIn(c.idle))
			in, at := s.ExpireIn(c.idle+time.Second), s.ExpireAt(time.Now().Add(c.idle+time.Minute))
			if (in != nil) != c.idleBound || (at != nil) != c.idleBound {
				t.Errorf("AAL %d: past its limit, ExpireIn = %v, ExpireAt = %v", c.aal, in, at)
			}
			must(t, s.ExpireIn(c.life/100)) // makes it good
		})
		store := made.Of(memstore.New(memstore.Config{}))
		for field, cfg := range map[string]core.Config{
			"Config.Lifetime":    {Store: store, AAL: c.aal, Lifetime: c.life + 1},
			"Config.IdleTimeout": {Store: store, AAL: c.aal, IdleTimeout: c.idle + 1},
		} {
			if m, err := core.New(cfg); field == "Config.Lifetime" || c.idleBound {
				if m != nil || err == nil || !strings.Contains(err.Error(), field) || !strings.Contains(err.Error(), "AAL") {
					t.Errorf("AAL %d: New = %v, want an error about %s", c.aal, err, field)
				}
			} else if err != nil {
				t.Errorf("AAL %d: New = %v", c.aal, err)
			}
		}
		if _, err := core.New(core.Config{Store: store, AAL: c.aal, IdleTimeout: c.idle / 2, Lifetime: c.life / 2}); err != nil {
			t.Errorf("AAL %d: shorter lifetimes: %v", c.aal, err)
		}
	}
	for _, aal := range []int{-1, 4} {
		if _, err := core.New(core.Config{Store: made.Of(memstore.New(memstore.Config{})), AAL: aal}); err == nil || !strings.Contains(err.Error(), "Config.AAL") {
			t.Errorf("AAL %d: %v", aal, err)
		}
	}
}

// Sessions from before AAL was set.
func TestSessionsFromBeforeTheLimits(t *testing.T) {
	for _, what := range []string{"ExpireIn", "ExpireAt", "default", "browser"} {
		now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
		clock := func() time.Time { return now }
		store := made.Of(memstore.New(memstore.Config{Now: clock}))
		before := newManager(t, core.Config{Store: store, Now: clock})
		after := newManager(t, core.Config{Store: store, Now: clock, AAL: 3})
		b := newBrowser(t, before)
		b.visit(func(s *core.Session) {
			must(t, s.Login("alice"))
			must(t, count.Set(s, 1))
			switch what {
			case "ExpireIn":
				must(t, s.ExpireIn(10*time.Hour))
			case "ExpireAt":
				must(t, s.ExpireAt(now.Add(10*time.Hour)))
			}
		})
		b.m = after
		now = now.Add(time.Minute)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 2)) })
		now = now.Add(2 * time.Hour) // idle, with AAL 3: 15 minutes
		if _, live := b.value(count); live {
			t.Errorf("%s: lives after 2h without activity under AAL 3 (a request under AAL 3 came between)", what)
		}
	}
}
