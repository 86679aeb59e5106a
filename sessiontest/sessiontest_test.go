package sessiontest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/sessiontest"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

const (
	cart core.Key[map[string]int] = "cart"
	note core.Key[string]         = "note"
)

func app(m *sessiontest.Manager) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /sign-in", httpsession.Handle(func(_ http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = s.Login(r.FormValue("name"))
		_ = s.AddFlash("success", "Welcome.")
	}))
	mux.Handle("POST /sign-out", httpsession.Handle(func(_ http.ResponseWriter, _ *http.Request, s *core.Session) { _ = s.Logout() }))
	mux.Handle("POST /note", httpsession.Handle(save))
	mux.Handle("GET /me", httpsession.RequireFresh(time.Hour)(httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
		_, _ = io.WriteString(w, s.Subject())
	})))
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	return httpsession.New(m.Manager)(mux)
}

func save(_ http.ResponseWriter, r *http.Request, s *core.Session) {
	_ = note.Set(s, r.FormValue("note"))
	_ = s.AddFlash("info", "Saved.")
}

func TestVisitor(t *testing.T) {
	for _, sources := range [][]core.Source{nil, {core.FromBearer}, {"X-Session-Token"}} {
		m := sessiontest.New(t, core.Config{Sources: sources})
		alice := m.SignedIn("alice", sessiontest.With(cart, map[string]int{"hat": 2}), sessiontest.Flash("info", "hello"),
			sessiontest.Change((*core.Session).ExpireAtBrowserClose))
		alice.WantSignedIn("alice")
		alice.WantFlashes("info: hello")
		sessiontest.Want(alice, cart, map[string]int{"hat": 2})
		sessiontest.WantNone(alice, note)
		if alice.Session().Expiry().Mode != core.ExpiryBrowserClose {
			t.Error("Change changed nothing")
		}
		if res := alice.Post(app(m), "/note", "note", "milk"); res.StatusCode != 200 {
			t.Errorf("got %s", res.Status)
		}
		sessiontest.Want(alice, note, "milk")
		alice.WantFlashes("info: hello", "info: Saved.")
		before := alice.Session().ID()
		alice.Post(app(m), "/sign-in", "name", "alice")
		alice.WantSignedIn("alice")
		if alice.Session().ID() == before {
			t.Error("the visitor kept the token from before the sign-in")
		}
		alice.Post(app(m), "/sign-out")
		alice.WantSignedIn("")
		if sources == nil && alice.Cookie() != nil {
			t.Error("the visitor kept the cookie of a session that has ended")
		}
	}
}

// An API client of a manager that serves browsers first.
func TestVia(t *testing.T) {
	m := sessiontest.New(t, core.Config{Sources: []core.Source{core.FromCookie, core.FromBearer, "X-Session-Token"}})
	for _, source := range []core.Source{core.FromCookie, core.FromBearer, "x-session-token"} {
		v := m.Visitor(sessiontest.Via(source))
		res := v.Post(app(m), "/sign-in", "name", "bob")
		if source != core.FromCookie {
			v.WantNoCookie(res)
		}
		v.WantSignedIn("bob")
		v.Post(app(m), "/note", "note", "milk")
		sessiontest.Want(v, note, "milk")
		v.Post(app(m), "/sign-out")
		v.WantSignedIn("")
		m.SignedIn("alice", sessiontest.Via(source)).WantSignedIn("alice")
	}
}

func TestStrangerSignsIn(t *testing.T) {
	m := sessiontest.New(t, core.Config{})
	v := m.Visitor()
	v.WantNoCookie(v.Get(app(m), "/healthz"))
	if len(m.Calls()) != 0 || v.Cookie() != nil {
		t.Errorf("calls %v", m.Calls())
	}
	c := v.WantCookie(v.Post(app(m), "/sign-in", "name", "bob"))
	if !c.Secure || !c.HttpOnly {
		t.Errorf("cookie %v", c)
	}
	v.WantSignedIn("bob")
	v.WantFlashes("success: Welcome.")
	if c := v.WantCookie(v.Post(app(m), "/sign-out")); c.MaxAge >= 0 {
		t.Errorf("cookie %v", c)
	}
}

// A handler without the middleware.
func TestContext(t *testing.T) {
	m := sessiontest.New(t, core.Config{})
	alice := m.SignedIn("alice")
	r := alice.Form("/note", "note", "milk")
	httpsession.Handle(save)(httptest.NewRecorder(), r.WithContext(alice.Context()))
	sessiontest.Want(alice, note, "milk")
	s, err := core.FromContext(alice.Context())
	if err != nil || s.Subject() != "alice" {
		t.Errorf("%v, %v", s, err)
	}
	if err := s.Login("bob"); err != nil {
		t.Error(err)
	}
	alice.WantSignedIn("bob")
}

// Whatever the test asks next, what a handler did with a context is stored by then.
func TestContextIsSettled(t *testing.T) {
	for name, ask := range map[string]func(m *sessiontest.Manager, v *sessiontest.Visitor) bool{
		"Cookie": func(_ *sessiontest.Manager, v *sessiontest.Visitor) bool { return v.Cookie() != nil },
		"Get": func(m *sessiontest.Manager, v *sessiontest.Visitor) bool {
			return v.Get(app(m), "/me").StatusCode == 200
		},
		"Request": func(m *sessiontest.Manager, v *sessiontest.Visitor) bool {
			return len(v.Request("GET", "/", nil).Cookies()) == 1
		},
		"Post": func(m *sessiontest.Manager, v *sessiontest.Visitor) bool {
			v.Post(app(m), "/sign-in", "name", "bob")
			return v.Session().Subject() == "bob"
		},
	} {
		m := sessiontest.New(t, core.Config{LoginURL: "/sign-in"})
		v := m.Visitor()
		s, err := core.FromContext(v.Context())
		if err != nil {
			t.Fatal(err)
		}
		_ = s.Login("alice")
		if !ask(m, v) {
			t.Errorf("%s: the sign-in of the context is not there", name)
		}
	}
	// At the latest, the end of the test says that it was not stored.
	f := &failing{}
	t.Run("", func(t *testing.T) {
		f.t = t
		v := sessiontest.New(f, core.Config{MaxSize: 128}).Visitor()
		s, _ := core.FromContext(v.Context())
		_ = note.Set(s, strings.Repeat("x", 500))
	})
	if len(f.errors) != 1 {
		t.Errorf("at the end: %q", f.errors)
	}
}

func TestAge(t *testing.T) {
	m := sessiontest.New(t, core.Config{LoginURL: "/sign-in"})
	for age, status := range map[time.Duration]int{0: 200, 59 * time.Minute: 200, 61 * time.Minute: 303, 60 * 24 * time.Hour: 303} {
		v := m.SignedIn("alice", sessiontest.Age(age))
		if got := m.Clock.Now().Sub(v.Session().AuthTime()); got != age {
			t.Errorf("age %v: signed in %v ago", age, got)
		}
		if res := v.Get(app(m), "/me"); res.StatusCode != status {
			t.Errorf("age %v: %s, want %d", age, res.Status, status)
		}
	}
	v := m.SignedIn("alice", sessiontest.Age(91*24*time.Hour)) // Lifetime is 90 days
	v.WantSignedIn("")
	v = m.SignedIn("alice")
	m.Clock.Advance(15 * 24 * time.Hour) // IdleTimeout is 14 days
	v.WantSignedIn("")
}

func TestFail(t *testing.T) {
	m := sessiontest.New(t, core.Config{})
	alice := m.SignedIn("alice")
	m.Heal()
	m.Fail("Update")
	if res := alice.Post(app(m), "/note", "note", "x"); res.StatusCode != 503 {
		t.Errorf("Update fails: %s", res.Status)
	}
	m.Fail()
	if res := alice.Get(app(m), "/me"); res.StatusCode != 503 {
		t.Errorf("an outage: %s", res.Status)
	}
	if n := m.Calls()["Load"]; n != 3 { // the second one asks whether the Update was lost
		t.Errorf("%d calls of Load, want 3", n)
	}
	m.Heal()
	sessiontest.WantNone(alice, note)
}

// A store of the application's own, with one clock, and a store of tokens.
func TestOwnStore(t *testing.T) {
	clock := sessiontest.NewClock()
	m := sessiontest.NewAt(t, clock, core.Config{Store: made.Of(memstore.New(memstore.Config{Now: clock.Now}))})
	m.SignedIn("alice", sessiontest.Age(time.Hour)).WantSignedIn("alice")

	keys := made.Of(keyring.New(keyring.Generate("k1")))
	m = sessiontest.New(t, core.Config{Store: made.Of(cookiestore.New(keys, cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), cookiestore.Config{}))})
	alice := m.SignedIn("alice", sessiontest.With(note, "milk"))
	sessiontest.Want(alice, note, "milk")
	alice.Post(app(m), "/note", "note", "tea")
	sessiontest.Want(alice, note, "tea")
}

// A clock of the test's own is the store's, too.
func TestOwnNow(t *testing.T) {
	now := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	m := sessiontest.New(t, core.Config{Now: func() time.Time { return now }})
	alice := m.SignedIn("alice")
	alice.WantSignedIn("alice")
	now = now.Add(15 * 24 * time.Hour)
	alice.WantSignedIn("")
}

func TestAddTo(t *testing.T) {
	m := sessiontest.New(t, core.Config{})
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: "theme", Value: "dark"})
	r.Header.Add("Cookie", `prefs={"a":1}`)
	m.SignedIn("bob").AddTo(r)
	alice := m.SignedIn("alice")
	alice.AddTo(r)
	if cookies := r.Cookies(); len(cookies) != 2 || cookies[0].Name != "theme" || cookies[1].Value != alice.Cookie().Value || !strings.Contains(r.Header.Get("Cookie"), `prefs={"a":1}`) {
		t.Errorf("cookies %v", cookies)
	}
}

func TestJar(t *testing.T) {
	for _, secure := range []bool{false, true} {
		m := sessiontest.New(t, core.Config{})
		start := httptest.NewServer
		if secure {
			start = httptest.NewTLSServer
		}
		srv := start(app(m))
		defer srv.Close()
		for _, url := range []string{srv.URL, strings.Replace(srv.URL, "127.0.0.1", "localhost", 1)} {
			if secure && url != srv.URL {
				continue // the certificate is for the address
			}
			client := srv.Client()
			client.Jar = sessiontest.NewJar()
			res, err := client.PostForm(url+"/sign-in", map[string][]string{"name": {"alice"}})
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res, err = client.Get(url + "/me"); err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if string(body) != "alice" {
				t.Errorf("%s: %q", url, body)
			}
		}
	}
}

// failing is a TB that collects errors.
type failing struct {
	errors []string
	t      *testing.T
}

func (f *failing) Helper()          {}
func (f *failing) Cleanup(c func()) { f.t.Cleanup(c) }
func (f *failing) Errorf(format string, args ...any) {
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}
func (f *failing) Fatalf(format string, args ...any) { f.Errorf(format, args...); panic(f) }

// Each check can fail, and says what it found.
func TestChecksFail(t *testing.T) {
	for name, c := range map[string]struct {
		check func(*sessiontest.Visitor)
		want  string
	}{
		"Want another": {func(v *sessiontest.Visitor) { sessiontest.Want(v, note, "tea") }, `"note" is milk, want tea`},
		"Want":         {func(v *sessiontest.Visitor) { sessiontest.Want(v, cart, nil) }, `no "cart"`},
		"WantNone":     {func(v *sessiontest.Visitor) { sessiontest.WantNone(v, note) }, `"note" is milk`},
		"WantSignedIn": {func(v *sessiontest.Visitor) { v.WantSignedIn("") }, `"alice"`},
		"WantFlashes":  {func(v *sessiontest.Visitor) { v.WantFlashes("info: Saved.") }, `[]`},
		"WantCookie":   {func(v *sessiontest.Visitor) { v.WantCookie(&http.Response{}) }, "0 times"},
		"WantNoCookie": {func(v *sessiontest.Visitor) {
			v.WantNoCookie(&http.Response{Header: http.Header{"Set-Cookie": {"__Host-session=x"}}})
		}, "sets"},
		"an outage": {func(v *sessiontest.Visitor) { outage(v); v.Session() }, "unavailable"},
		"a broken save": {func(v *sessiontest.Visitor) {
			ctx := v.Context()
			_, _ = core.FromContext(ctx)
			s, _ := core.FromContext(ctx)
			_ = note.Set(s, "\xff")
			v.WantSignedIn("alice")
		}, "not stored"},
	} {
		f := &failing{t: t}
		m := sessiontest.New(f, core.Config{})
		broken = m
		v := m.SignedIn("alice", sessiontest.With(note, "milk"))
		func() {
			defer func() {
				if p := recover(); p != nil && p != any(f) {
					panic(p)
				}
			}()
			c.check(v)
		}()
		if len(f.errors) != 1 || !strings.Contains(f.errors[0], c.want) {
			t.Errorf("%s: %q, want one with %q", name, f.errors, c.want)
		}
	}
	for name, use := range map[string]func(f *failing){
		"Config": func(f *failing) { sessiontest.New(f, core.Config{IdleTimeout: -1}) },
		"Age": func(f *failing) {
			sessiontest.New(f, core.Config{Now: time.Now, Store: made.Of(memstore.New(memstore.Config{}))}).Visitor(sessiontest.Age(1))
		},
		"Via":   func(f *failing) { sessiontest.New(f, core.Config{}).Visitor(sessiontest.Via(core.FromBearer)) },
		"From":  func(f *failing) { sessiontest.New(f, core.Config{}).Visitor(sessiontest.From("Firefox/150", "")) },
		"Fail":  func(f *failing) { sessiontest.New(f, core.Config{}).Fail("Updates") },
		"Login": func(f *failing) { sessiontest.New(f, core.Config{}).SignedIn("") },
	} {
		f := &failing{t: t}
		func() {
			defer func() { _ = recover() }()
			use(f)
			t.Errorf("%s: not fatal", name)
		}()
		if len(f.errors) != 1 {
			t.Errorf("%s: %q", name, f.errors)
		}
	}
}

var broken *sessiontest.Manager

func outage(*sessiontest.Visitor) { broken.Fail() }

// A page that says whether the application is ready says no while calls fail.
func TestFailIsSeenByReady(t *testing.T) {
	m := sessiontest.New(t, core.Config{})
	for _, want := range []int{200, 503} {
		if res := m.Visitor().Get(httpsession.Ready(m.Manager), "/"); res.StatusCode != want {
			t.Errorf("status %d, want %d", res.StatusCode, want)
		}
		m.Fail("Ping")
	}
}
