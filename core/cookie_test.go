package core_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
)

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

func TestSentPlain(t *testing.T) {
	for _, c := range []struct {
		host, forwarded string
		insecure, warns bool
	}{
		{"shop.example:8080", "", false, true}, {"shop.example", "http", false, true}, {"10.0.0.7", "", false, true}, {"localhost.example", "", false, true},
		{"shop.example", "https", false, false}, {"shop.example", "for=1.2.3.4;proto=https", false, false}, {"shop.example", "", true, false},
		{"localhost", "", false, false}, {"shop.localhost:80", "", false, false}, {"127.0.0.1:8080", "", false, false}, {"[::1]:80", "", false, false}, {"[::1]", "", false, false},
	} {
		var log strings.Builder
		m := newManager(t, core.Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), Cookie: core.Cookie{Insecure: c.insecure}})
		m.Adapter().SentPlain(c.host, c.forwarded)
		m.Adapter().SentPlain(c.host, c.forwarded)
		if n := strings.Count(log.String(), "Config.Cookie.Insecure"); n > 1 || (n == 1) != c.warns {
			t.Errorf("%+v: %d warnings: %s", c, n, log.String())
		}
	}
}
