package sessionadmin_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/sessionadmin"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// inside is the handler inside the session middleware and behind RequireLogin, as an application mounts it.
func inside(t *testing.T) (z *site, clock *storetest.Clock) {
	clock = storetest.NewClock()
	store := made.Of(memstore.New(memstore.Config{Now: clock.Now}))
	z = newSite(t, core.Config{Store: store, Now: clock.Now, TouchInterval: time.Minute}, sessionadmin.Config{})
	h := made.Of(sessionadmin.New(sessionadmin.Config{
		Manager: z.m, Prefix: "/admin", Logger: slog.New(slog.NewTextHandler(locked{z}, nil)),
		Authorize: func(r *http.Request) (string, bool) {
			s, err := httpsession.Get(r)
			return s.Subject(), err == nil && s.Subject() == "root"
		},
	}))
	mux := http.NewServeMux()
	mux.Handle("/admin/", httpsession.RequireLogin(h))
	mux.Handle("/", httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) { _, _ = io.WriteString(w, s.Subject()) }))
	server := httptest.NewServer(httpsession.New(z.m)(mux))
	t.Cleanup(server.Close)
	z.url = server.URL + "/admin/"
	return z, clock
}

// Looking at the pages extends no session, not even one that RequireLogin has read before.
func TestPagesAreNoUse(t *testing.T) {
	z, clock := inside(t)
	id, cookie := z.signIn("root")
	used := func() (time.Time, time.Time) {
		s := made.Of(z.m.Session(ctx, id))
		return s.LastUsed(), s.ExpiresAt()
	}
	was, until := used()
	clock.Advance(time.Hour)
	for _, path := range []string{"", "sessions", "session?id=" + id.String(), "revoke?user=alice"} {
		if p := z.send("GET", path, "Cookie", cookie).is(200, "root"); p.header.Get("Set-Cookie") != "" {
			t.Errorf("%s sent a cookie", path)
		}
	}
	z.send("POST", "revoke?user=alice", "Cookie", cookie).is(200)
	if now, end := used(); !now.Equal(was) || !end.Equal(until) {
		t.Errorf("used at %v, then at %v; until %v, then %v", was, now, until, end)
	}
	r := made.Of(http.NewRequest("GET", strings.TrimSuffix(z.url, "admin/"), nil))
	r.Header.Set("Cookie", cookie)
	must(t, made.Of(http.DefaultClient.Do(r)).Body.Close())
	if now, _ := used(); !now.After(was) {
		t.Error("the other pages are no use either: this test shows nothing")
	}
}

// The same where the token carries the session: a new token would be a new deadline.
func TestPagesAreNoUseOfTokens(t *testing.T) {
	clock := storetest.NewClock()
	keys := made.Of(keyring.New(keyring.Generate("k1")))
	store := made.Of(cookiestore.New(keys, cookiestore.NoRevocation(), cookiestore.Config{Now: clock.Now}))
	z := newSite(t, core.Config{Store: store, Now: clock.Now, TouchInterval: time.Minute}, sessionadmin.Config{})
	_, cookie := z.signIn("root")
	h := made.Of(sessionadmin.New(sessionadmin.Config{Manager: z.m, Authorize: sessionadmin.WrappedBy("RequireLogin")}))
	for passive, handler := range map[bool]http.Handler{true: h, false: http.NotFoundHandler()} {
		clock.Advance(time.Hour)
		r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		r.Header.Set("Cookie", cookie)
		httpsession.New(z.m)(httpsession.RequireLogin(handler)).ServeHTTP(w, r)
		if sent := w.Header().Get("Set-Cookie") != ""; sent == passive {
			t.Errorf("passive %v: status %d, a cookie was sent: %v", passive, w.Code, sent)
		}
	}
}

// The operator's own session is marked, and ends like any other.
func TestOwnSession(t *testing.T) {
	z, clock := inside(t)
	id, cookie := z.signIn("root")
	z.signIn("alice")
	if p := z.send("GET", "sessions", "Cookie", cookie).is(200, "<b>yours</b>"); strings.Count(p.body, "yours") != 1 {
		t.Error(p.body)
	}
	z.send("GET", "session?id="+id.String(), "Cookie", cookie).is(200, "your own")
	_, alice := z.signIn("alice")
	z.send("GET", "", "Cookie", alice).is(403)
	z.send("GET", "").is(401)
	clock.Advance(time.Second)
	p := z.send("POST", "revoke?before=now", "Cookie", cookie).is(200, "<b>3</b> ended")
	if !strings.Contains(p.header.Get("Set-Cookie"), "Max-Age=0") || z.alive(id) || !strings.Contains(z.logged(), "who=root action=revoke_all_before outcome=done ended=3") {
		t.Errorf("Set-Cookie: %q, log: %s", p.header.Get("Set-Cookie"), z.logged())
	}
	z.send("GET", "", "Cookie", cookie).is(401)
}
