package core_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// all are three sources, and own is the name of the third.
var all = []core.Source{core.FromCookie, core.FromBearer, own}

const own core.Source = "X-Session-Token"

// sourced is a manager with all sources, and a session whose token was sent in a cookie.
func sourced(t *testing.T, cfg core.Config) (m *core.Manager, token string) {
	cfg.Sources = all
	m = newManager(t, cfg)
	return m, sessionWith(t, m, 7)
}

// sessionWith begins a session of m with this count and returns its token.
func sessionWith(t *testing.T, m *core.Manager, n int) string {
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, n)) })
	_, token, _ := cut(b.cookie)
	return token
}

func begins(m *core.Manager, h http.Header) []*core.Exchange {
	return []*core.Exchange{m.Adapter().Begin(ctx, h), m.Adapter().BeginBytes(ctx, func(name string) ([]byte, bool) {
		return []byte(strings.Join(h[name], ";")), len(h[name]) > 0
	})}
}

// The first source that holds a token decides, and the response answers there.
func TestSourceThatDecides(t *testing.T) {
	m, token := sourced(t, core.Config{})
	other := sessionWith(t, m, 8)
	unknown, junk, n := strings.Repeat("A", 43), "junk", 0
	cookie := func(token string) string { return "theme=dark; __Host-session=" + token }
	for _, c := range []struct {
		name   string
		header http.Header
		source core.Source
		answer string
		count  int // of the session that is found; 0: none
	}{
		{"nothing", nil, core.FromCookie, "Set-Cookie", 0},
		{"another cookie", http.Header{"Cookie": {"theme=dark"}}, core.FromCookie, "Set-Cookie", 0},
		{"a cookie", http.Header{"Cookie": {cookie(token)}}, core.FromCookie, "Set-Cookie", 7},
		{"bearer", http.Header{"Authorization": {"Bearer " + token}}, core.FromBearer, "Session-Token", 7},
		{"bearer, spelled otherwise", http.Header{"Authorization": {"bEARER " + token}}, core.FromBearer, "Session-Token", 7},
		{"own", http.Header{"X-Session-Token": {token}}, own, "X-Session-Token", 7},
		{"cookie before own", http.Header{"Cookie": {cookie(token)}, "X-Session-Token": {other}}, core.FromCookie, "Set-Cookie", 7},
		{"bearer before own", http.Header{"Authorization": {"Bearer " + token}, "X-Session-Token": {other}}, core.FromBearer, "Session-Token", 7},
		{"an unknown cookie decides", http.Header{"Cookie": {cookie(unknown)}, "X-Session-Token": {other}}, core.FromCookie, "Set-Cookie", 0},
		{"a cookie that is no token", http.Header{"Cookie": {cookie(junk)}, "X-Session-Token": {other}}, own, "X-Session-Token", 8},
		{"another bearer", http.Header{"Cookie": {cookie(token)}, "Authorization": {"Bearer eyJhbGciOiJIUzI1NiJ9.e30.x"}}, core.FromCookie, "Set-Cookie", 7},
		{"own is empty", http.Header{"X-Session-Token": {""}}, own, "X-Session-Token", 0},
		{"own is empty, with a cookie of others", http.Header{"Cookie": {"theme=dark"}, "X-Session-Token": {""}}, own, "X-Session-Token", 0},
		{"own is empty, with a cookie of ours", http.Header{"Cookie": {cookie(token)}, "X-Session-Token": {""}}, core.FromCookie, "Set-Cookie", 7},
		{"bearer asks", http.Header{"Session-Token": {""}}, core.FromBearer, "Session-Token", 0},
		{"bearer asks with a token", http.Header{"Session-Token": {token}}, core.FromCookie, "Set-Cookie", 0},
		{"own is junk", http.Header{"X-Session-Token": {junk}}, core.FromCookie, "Set-Cookie", 0},
	} {
		for _, x := range begins(m, c.header) {
			if got := core.SourceOf(x.Context()); got != c.source {
				t.Errorf("%s: SourceOf is %q, want %q", c.name, got, c.source)
			}
			s, err := x.Session(ctx)
			must(t, err)
			if got := count.GetOr(s, 0); got != c.count {
				t.Errorf("%s: found the session with %d, want %d", c.name, got, c.count)
			}
			must(t, count.Update(s, func(n int) int { return n }))
			must(t, s.ExpireIn(time.Hour+time.Duration(n)*time.Second)) // sends the token, old or new
			n++
			out, err := x.Commit(ctx, 200)
			must(t, err)
			if out.Name != c.answer || out.Vary != "Cookie, Authorization, X-Session-Token, Session-Token" {
				t.Errorf("%s: %s, Vary %q; want %s", c.name, out.Name, out.Vary, c.answer)
			}
			must(t, x.Finish(ctx))
		}
	}
}

// The sources that do not decide are neither loaded nor ended.
func TestOtherSourcesAreLeftAlone(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	m, token := sourced(t, core.Config{Store: fault.Store()})
	other := sessionWith(t, m, 8)
	fault.Reset()
	x := m.Adapter().Begin(ctx, http.Header{"Cookie": {"__Host-session=" + token}, "Authorization": {"Bearer " + other}})
	s, err := x.Session(ctx)
	must(t, err)
	must(t, s.Logout())
	_, err = x.Commit(ctx, 200)
	must(t, err)
	if calls := fault.Calls(); calls["Load"] != 1 {
		t.Errorf("calls %v, want one Load", calls)
	}
	s, err = m.Adapter().Begin(ctx, http.Header{"Authorization": {"Bearer " + other}}).Session(ctx)
	must(t, err)
	if count.GetOr(s, 0) != 8 {
		t.Error("the Logout of the cookie's session ended the bearer's")
	}
}

// Authorization belongs to others, too: what is not ours costs nothing.
func TestBearerJunk(t *testing.T) {
	for _, sources := range [][]core.Source{all, {core.FromBearer}} {
		var log bytes.Buffer
		fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
		m := newManager(t, core.Config{
			Store: fault.Store(), Sources: sources, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
		token := strings.Repeat("A", 43)
		for _, lines := range [][]string{
			{"Basic " + token}, {"Digest username=x"}, {"BearerX " + token}, {"Bearer"}, {"Bearer "}, {"Bearer   "}, {"Bearer  " + token},
			{"Bearer\t" + token}, {" Bearer " + token}, {token}, {"Bearer " + token + " x"}, {"Bearer " + token + "," + token}, {"Bearer " + token + "="},
			{"Bearer " + token, "Bearer " + token}, {"Bearer " + token, ""}, {"Bearer " + strings.Repeat("A", 8<<10)}, {"Bearer " + strings.Repeat("é", 22)}, {""},
		} {
			for _, x := range begins(m, http.Header{"Authorization": lines}) {
				s, err := x.Session(ctx)
				if err != nil || !s.IsNew() || s.Subject() != "" {
					t.Errorf("%.40q: %v, %v", lines, s, err)
				}
				if out, err := x.Commit(ctx, 200); err != nil || out.Name != "" {
					t.Errorf("%.40q: %v, %v", lines, out, err)
				}
				must(t, x.Finish(ctx))
			}
		}
		if calls := fault.Calls(); len(calls) != 0 || log.Len() > 0 {
			t.Errorf("calls %v, log %s", calls, log.String())
		}
	}
}

func TestSourcesOfConfig(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	for _, sources := range [][]core.Source{{"authorization "}, {"X Y"}, {""}, {own, "x-session-token"}, {core.FromCookie, core.FromCookie}, {"Set-Cookie"}, {"A", "B", "C", "D", "E", "F", "G", "H", "I"}} {
		if _, err := core.New(core.Config{Store: store, Sources: sources}); err == nil || !strings.Contains(err.Error(), "Config.Sources") {
			t.Errorf("%q: %v", sources, err)
		}
	}
	given := []core.Source{"x-session-token"}
	newManager(t, core.Config{Store: store, Sources: given})
	if given[0] != "x-session-token" {
		t.Error("New changed the caller's slice")
	}
	if core.SourceOf(ctx) != "" {
		t.Error("a source without a middleware")
	}
}

// A manager without the cookie has a namespace of its own, one with the cookie that of the cookie.
func TestNamespaceOfSources(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	plain := newManager(t, core.Config{Store: store})
	token := sessionWith(t, plain, 5)
	for _, c := range []struct {
		sources []core.Source
		found   bool
	}{{all, true}, {[]core.Source{own, core.FromCookie}, true}, {[]core.Source{own}, false}, {[]core.Source{core.FromBearer}, false}} {
		m := newManager(t, core.Config{Store: store, Sources: c.sources})
		h := http.Header{"Cookie": {"__Host-session=" + token}, "Authorization": {"Bearer " + token}, "X-Session-Token": {token}}
		s, err := m.Adapter().Begin(ctx, h).Session(ctx)
		must(t, err)
		if found := count.GetOr(s, 0) == 5; found != c.found {
			t.Errorf("%q: found the cookie's session: %t", c.sources, found)
		}
	}
}

// Too many cookies are too many, whatever other sources there are: nobody can hide ours behind junk and have the request
// count as one without a session.
func TestCrowdedWithSeveralSources(t *testing.T) {
	m, token := sourced(t, core.Config{})
	for _, x := range begins(m, http.Header{"Cookie": {strings.Repeat("__Host-session=x; ", 1) + "__Host-session=1; __Host-session=2; __Host-session=3; __Host-session=4; __Host-session=" + token}}) {
		s, err := x.Session(ctx)
		must(t, err)
		if core.SourceOf(x.Context()) != core.FromCookie {
			t.Error("the cookie does not decide")
		}
		_ = s.Login("alice")
		if _, err := x.Commit(ctx, 200); !errors.Is(err, core.ErrCrowded) {
			t.Errorf("Commit: %v, want ErrCrowded", err)
		}
	}
}
