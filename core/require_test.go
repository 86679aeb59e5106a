package core_test

import (
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

// LocalPath is given what anybody can put into a link.
func TestLocalPath(t *testing.T) {
	for _, next := range []string{
		"/", "/devices", "/a/b?c=d&e=%2F", "/a#b", "/search?q=a:b//c", "/%5Cevil.example", "/a//b", "/" + strings.Repeat("a", 2047),
	} {
		if got := core.LocalPath(next, "/home"); got != next {
			t.Errorf("%.60q: got %q", next, got)
		}
	}
	for _, next := range []string{
		"", "devices", "https://evil.example/", "HTTPS://evil.example", "//evil.example", "///evil.example", `/\evil.example`, `\/evil.example`, `/a\b`,
		"/\t/evil.example", "/\n/evil.example", "\n//evil.example", " //evil.example", " /a", "/a\r\nSet-Cookie: a=b", "/a\x00", "/a\x7f", "javascript:alert(1)",
		"/%zz", "?a", "#a", "./a", "/" + strings.Repeat("a", 2048),
	} {
		if got := core.LocalPath(next, "/home"); got != "/home" {
			t.Errorf("%.60q: got %q, want the fallback", next, got)
		}
	}
	if got := core.LocalPath("/"+strings.Repeat("ä", 500), "/home"); got != "/home" { // 3001 bytes when escaped
		t.Errorf("got %d bytes, want the fallback", len(got))
	}
	if got := core.LocalPath("/ä b", ""); got != "/%C3%A4%20b" {
		t.Errorf("got %q", got)
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, next := range []string{"/", "//a", `/\a`, "/\t/a", "/a?b=//c", "/%2F", "/ä"} {
		f.Add(next)
	}
	base, err := http.NewRequest("GET", "https://shop.example/sign-in", nil)
	must(f, err)
	f.Fuzz(func(t *testing.T, next string) {
		got := core.LocalPath(next, "")
		if got == "" {
			return
		}
		if strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }) {
			t.Errorf("%q has bytes that no Location may have", got)
		}
		u, err := base.URL.Parse(got)
		if err != nil || u.Host != "shop.example" || u.Scheme != "https" || strings.HasPrefix(got, "//") {
			t.Errorf("%q leads to %v, %v", got, u, err)
		}
		if len(got) == len(next) && core.LocalPath(got, "") != got {
			t.Errorf("%q: not kept", got)
		}
	})
}

func TestChallenge(t *testing.T) {
	m := newManager(t, core.Config{LoginURL: "/sign-in", Sources: all})
	token := sessionWith(t, m, 1)
	const html = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	type request struct{ method, target, header string }
	for _, c := range []struct {
		name   string
		r      request
		status int
		url    string
	}{
		{"a browser", request{"GET", "/devices?page=2", "Accept: " + html}, 303, "/sign-in?next=%2Fdevices%3Fpage%3D2"},
		{"HEAD", request{"HEAD", "/devices", "Accept: " + html}, 303, "/sign-in?next=%2Fdevices"},
		{"curl", request{"GET", "/devices", "Accept: */*"}, 303, "/sign-in?next=%2Fdevices"},
		{"no header", request{"GET", "/devices", ""}, 303, "/sign-in?next=%2Fdevices"},
		{"a path that leads away", request{"GET", "//evil.example", ""}, 303, "/sign-in"},
		{"a long path", request{"GET", "/" + strings.Repeat("a", 2048), ""}, 303, "/sign-in"},
		{"a form", request{"POST", "/devices/revoke", "Referer: http://shop.example/devices?a=b#c"}, 303, "/sign-in?next=%2Fdevices%3Fa%3Db"},
		{"a form of another site", request{"POST", "/devices/revoke", "Referer: http://evil.example/devices"}, 303, "/sign-in"},
		{"a form of another port", request{"POST", "/devices/revoke", "Referer: http://shop.example:81/devices"}, 303, "/sign-in"},
		{"a form without a Referer", request{"POST", "/devices/revoke", ""}, 303, "/sign-in"},
		{"junk as Referer", request{"POST", "/devices/revoke", "Referer: http://shop.example/%zz"}, 303, "/sign-in"},
		{"JSON", request{"GET", "/devices", "Accept: application/json"}, 401, ""},
		{"axios", request{"GET", "/devices", "Accept: application/json, text/plain, */*"}, 401, ""},
		{"problem+json", request{"GET", "/devices", "Accept: application/problem+json"}, 401, ""},
		{"JSON rather", request{"GET", "/devices", "Accept: text/html;q=0.5, application/json;q=0.9"}, 401, ""},
		{"HTML rather", request{"GET", "/devices", "Accept: text/html, application/json;q=0.9"}, 303, "/sign-in?next=%2Fdevices"},
		{"no JSON", request{"GET", "/devices", "Accept: application/json;q=0"}, 303, "/sign-in?next=%2Fdevices"},
		{"fetch", request{"GET", "/devices", "Sec-Fetch-Mode: cors\nAccept: */*"}, 401, ""},
		{"fetch of the same origin", request{"GET", "/devices", "Sec-Fetch-Mode: same-origin"}, 401, ""},
		{"a socket", request{"GET", "/live", "Sec-Fetch-Mode: websocket"}, 401, ""},
		{"a socket without Sec-Fetch", request{"GET", "/live", "Upgrade: WebSocket"}, 401, ""},
		{"navigation", request{"GET", "/devices", "Sec-Fetch-Mode: navigate"}, 303, "/sign-in?next=%2Fdevices"},
		{"HTMX", request{"GET", "/part", "HX-Request: true\nSec-Fetch-Mode: cors\nHX-Current-URL: http://shop.example/devices"}, 401, "/sign-in?next=%2Fdevices"},
		{"HTMX, boosted", request{"GET", "/devices", "HX-Request: true\nHX-Boosted: true\nHX-Current-URL: http://shop.example/"}, 401, "/sign-in?next=%2Fdevices"},
		{"HTMX of another site", request{"GET", "/part", "HX-Request: true\nHX-Current-URL: http://evil.example/devices"}, 401, "/sign-in"},
		{"bearer", request{"GET", "/devices", "Accept: " + html + "\nAuthorization: Bearer " + token}, 401, ""},
		{"own header", request{"GET", "/devices", "X-Session-Token: " + token}, 401, ""},
		{"junk as bearer", request{"GET", "/devices", "Accept: " + html + "\nAuthorization: Bearer junk"}, 401, ""},
		{"junk in an own header", request{"GET", "/devices", "X-Session-Token: junk"}, 401, ""},
		{"Basic", request{"GET", "/devices", "Accept: " + html + "\nAuthorization: Basic YTpi"}, 303, "/sign-in?next=%2Fdevices"},
	} {
		header := http.Header{}
		for line := range strings.SplitSeq(c.r.header, "\n") {
			if name, value, ok := strings.Cut(line, ": "); ok {
				header.Set(name, value)
			}
		}
		x := m.Adapter().Begin(ctx, header)
		s, err := x.Session(ctx)
		must(t, err)
		ch := s.Challenge(core.Asked{Method: c.r.method, Target: c.r.target, Host: "shop.example", Header: header.Get})
		if ch.Status != c.status || ch.URL != c.url {
			t.Errorf("%s: %d %q, want %d %q", c.name, ch.Status, ch.URL, c.status, c.url)
		}
		h := http.Header{}
		ch.Apply(h)
		if h.Get("Cache-Control") != "no-store" || (ch.Status == 401) != strings.HasPrefix(h.Get("Www-Authenticate"), "Bearer") || h.Get("Location")+h.Get("Hx-Redirect") != c.url {
			t.Errorf("%s: header %v", c.name, h)
		}
		if out, err := x.Commit(ctx, ch.Status); err != nil || out.Name != "" || s.Modified() {
			t.Errorf("%s: a visitor got a session: %v, %v", c.name, out, err)
		}
	}
}

func TestLoginURL(t *testing.T) {
	for page, want := range map[string]string{
		"/sign-in": "/sign-in?next=%2Fa", "/sign-in?x=1": "/sign-in?x=1&next=%2Fa", "https://sso.example/in?x=1#y": "https://sso.example/in?x=1&next=%2Fa#y", "": "",
	} {
		s, err := newManager(t, core.Config{LoginURL: page}).Adapter().Begin(ctx, nil).Session(ctx)
		must(t, err)
		ch := s.Challenge(core.Asked{Method: "GET", Target: "/a", Header: http.Header{}.Get})
		if ch.URL != want || (ch.Status == 401) != (page == "") {
			t.Errorf("%q: %+v, want %q", page, ch, want)
		}
	}
	for _, page := range []string{"sign-in", "//evil.example", "ftp://a/b", "https://", "javascript:x", "/a\n", `/\a`, "https://a/\x00", "/" + strings.Repeat("a", 2048)} {
		if _, err := core.New(core.Config{Store: made.Of(memstore.New(memstore.Config{})), LoginURL: page}); err == nil || !strings.Contains(err.Error(), "Config.LoginURL") {
			t.Errorf("%.40q: %v", page, err)
		}
	}
}

func TestFresh(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	m := newManager(t, core.Config{Now: clock, Store: made.Of(memstore.New(memstore.Config{Now: clock}))})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) {
		must(t, count.Set(s, 1))
		if s.Fresh(0) || s.Fresh(time.Hour) {
			t.Error("a visitor is signed in")
		}
		must(t, s.Login("alice"))
	})
	for age, want := range map[time.Duration]bool{0: true, 10 * time.Minute: true, 10*time.Minute + time.Microsecond: false} {
		now = now.Add(age)
		b.visit(func(s *core.Session) {
			if !s.Fresh(0) || s.Fresh(10*time.Minute) != want {
				t.Errorf("after %v: %t, want %t", age, s.Fresh(10*time.Minute), want)
			}
		})
		now = now.Add(-age)
	}
}

// A passive request extends nothing, whatever it does.
func TestPassive(t *testing.T) {
	for _, every := range []bool{false, true} {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		clock := func() time.Time { return now }
		m := newManager(t, core.Config{Now: clock, Store: made.Of(memstore.New(memstore.Config{Now: clock})), SaveEveryRequest: every})
		b := newBrowser(t, m)
		var began time.Time
		b.visit(func(s *core.Session) { must(t, s.Login("alice")); began = s.ExpiresAt() })
		now = now.Add(48 * time.Hour)
		for name, use := range map[string]func(*core.Session){
			"nothing": nil,
			"read":    func(s *core.Session) { _ = s.Subject() },
			"write":   func(s *core.Session) { must(t, count.Update(s, func(n int) int { return n + 1 })) },
			"save": func(s *core.Session) {
				must(t, count.Update(s, func(n int) int { return n + 1 }))
				must(t, s.Save(ctx))
			},
			"flash": func(s *core.Session) { must(t, s.AddFlash("info", "x")); _, err := s.Flashes(ctx); must(t, err) },
		} {
			x := m.Adapter().Begin(ctx, b.header())
			x.Passive()
			if use != nil {
				s, err := x.Session(ctx)
				must(t, err)
				use(s)
			}
			out, err := x.Commit(ctx, 200)
			must(t, err)
			if must(t, x.Finish(ctx)); out.Name != "" {
				t.Errorf("every %t, %s: sent a cookie", every, name)
			}
			x = m.Adapter().Begin(ctx, b.header())
			s, err := x.Session(ctx)
			must(t, err)
			if at := s.ExpiresAt(); !at.Equal(began) {
				t.Errorf("every %t, %s: the deadline moved by %v", every, name, at.Sub(began))
			}
			x.Discard()
		}
		x := m.Adapter().Begin(ctx, b.header())
		x.Passive()
		s, err := x.Session(ctx)
		must(t, err)
		if n := count.GetOr(s, 0); n != 2 {
			t.Errorf("count %d: what a passive request wrote is lost", n)
		}
		must(t, s.ExpireIn(time.Hour)) // asked for
		if out, err := x.Commit(ctx, 200); err != nil || out.Name == "" || s.TimeLeft() != time.Hour {
			t.Errorf("ExpireIn: %v, %v, %v left", out, err, s.TimeLeft())
		}
	}
}

// What a Bearer client is told: RFC 6750, section 3, and RFC 9470.
func TestBearerChallenge(t *testing.T) {
	m := newManager(t, core.Config{Sources: all})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	_, token, _ := cut(b.cookie)
	for line, want := range map[string]string{
		"": "Bearer", "Bearer junk": `Bearer error="invalid_token"`, "Bearer " + strings.Repeat("A", 43): `Bearer error="invalid_token"`,
		"Bearer " + token: `Bearer error="insufficient_user_authentication", max_age=600`,
	} {
		h := http.Header{"Authorization": {line}}
		s, err := m.Adapter().Begin(ctx, h).Session(ctx)
		must(t, err)
		answer := http.Header{}
		s.Challenge(core.Asked{Method: "GET", Target: "/", Header: h.Get, MaxAge: 10 * time.Minute}).Apply(answer)
		if got := answer.Get("WWW-Authenticate"); got != want {
			t.Errorf("%.20q: %q, want %q", line, got, want)
		}
	}
}

// With a store of tokens, a new token is a new record: a passive RotateID must not make it younger.
func TestPassiveRotate(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	for name, store := range map[string]driver.Backend{
		"memstore": made.Of(memstore.New(memstore.Config{Now: clock})),
		"cookiestore": made.Of(cookiestore.New(made.Of(keyring.New(keyring.Generate("k"))), cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{Now: clock}))),
			cookiestore.Config{Now: clock})),
	} {
		m := newManager(t, core.Config{Now: clock, Store: store})
		b := newBrowser(t, m)
		var until time.Time
		b.visit(func(s *core.Session) { must(t, s.Login("alice")); until = s.ExpiresAt() })
		now = now.Add(48 * time.Hour)
		x := m.Adapter().Begin(ctx, b.header())
		x.Passive()
		s, err := x.Session(ctx)
		must(t, err)
		must(t, s.RotateID())
		out, err := x.Commit(ctx, 200)
		must(t, err)
		must(t, x.Finish(ctx))
		b.cookie = strings.Split(out.Value, ";")[0]
		x = m.Adapter().Begin(ctx, b.header())
		if s, err = x.Session(ctx); err != nil || s.Subject() != "alice" || !s.ExpiresAt().Equal(until) {
			t.Errorf("%s: %v, %q, the deadline moved by %v", name, err, s.Subject(), s.ExpiresAt().Sub(until))
		}
		x.Discard()
	}
}
