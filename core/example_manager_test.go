package core_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// The devices page: where a user is signed in, and a button for each session.
func ExampleManager_Sessions() {
	m := open()
	defer m.Close()
	ctx := context.Background()

	const agent core.Key[string] = "agent"
	for _, name := range []string{"laptop", "phone", "library"} {
		handle(m, "", func(s *core.Session) {
			_ = s.Login("alice")
			_ = agent.Set(s, name)
		})
	}
	var library core.ID
	n := 0
	for s, err := range m.Sessions(ctx, "alice") {
		if err != nil {
			fmt.Println(err)
			return
		}
		n++
		if agent.GetOr(s, "") == "library" {
			library = s.ID()
		}
	}
	fmt.Println("sessions:", n)

	id, err := core.ParseID(library.String()) // from the form
	fmt.Println("revoked:", m.RevokeOwn(ctx, "alice", id), err)
	others, err := m.RevokeSubject(ctx, "alice") // from the request's context, it keeps its own session if that is named
	fmt.Println("signed out everywhere:", others, err)
	// Output:
	// sessions: 3
	// revoked: <nil> <nil>
	// signed out everywhere: 2 <nil>
}

// For operators: all sessions, one of them, those from before an incident, and those that have expired.
func ExampleManager_All() {
	m := open()
	defer m.Close()
	ctx := context.Background()

	for range 3 {
		handle(m, "", func(s *core.Session) { _ = s.Login("alice") })
	}
	for s, err := range m.All(ctx) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("revoked:", s.Subject(), m.Revoke(ctx, s.ID()))
		break
	}
	ended, err := m.RevokeAll(ctx, time.Now().Add(time.Second))
	fmt.Println("revoked:", ended, err)
	_, err = m.Sweep(ctx) // New sweeps in the background, too: Config.SweepInterval
	fmt.Println("swept:", err)
	// Output:
	// revoked: alice <nil>
	// revoked: 2 <nil>
	// swept: <nil>
}

// For a readiness check: a part of the storage that is refused is no outage if the rest can do without it.
func ExampleManager_Breakers() {
	cache, _ := memstore.New(memstore.Config{})
	truth, _ := memstore.New(memstore.Config{})
	store, _ := cachedstore.New(cache, truth, cachedstore.Config{})
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	for part, refused := range m.Breakers() {
		fmt.Println(part, "is refused:", refused)
	}
	// Output: cache is refused: false
}

// A middleware of the application's own, where RequireLogin of the adapter does not fit. The sign-in handler then
// redirects to LocalPath(next, "/").
func ExampleSession_Challenge() {
	store, _ := memstore.New(memstore.Config{})
	m, err := core.New(core.Config{Store: store, LoginURL: "/sign-in"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	admin := func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		if s.Fresh(10*time.Minute) && s.Subject() == "root" { // signed in at most ten minutes ago
			return
		}
		var ch core.Challenge = s.Challenge(core.Asked{Method: r.Method, Target: r.RequestURI, Host: r.Host, Header: r.Header.Get, MaxAge: 10 * time.Minute})
		ch.Apply(w.Header())
		w.WriteHeader(ch.Status)
		fmt.Println(ch.Status, ch.URL, "back to", core.LocalPath(ch.Next, "/"))
	}
	for _, accept := range []string{"text/html", "application/json"} {
		r := httptest.NewRequest("GET", "/admin?page=2", nil)
		r.Header.Set("Accept", accept)
		x := m.Adapter().Begin(r.Context(), r.Header) // what the middleware does
		s, _ := x.Session(r.Context())
		admin(httptest.NewRecorder(), r, s)
		x.Discard()
	}
	fmt.Println(core.LocalPath("//evil.example/", "/"))
	// Output:
	// 303 /sign-in?next=%2Fadmin%3Fpage%3D2 back to /admin?page=2
	// 401  back to /admin?page=2
	// /
}

// A deployment chooses the store and the settings. The application imports the stores that it offers:
//
//	import _ "github.com/coatcheck-go/coatcheck/stores/redisstore"
func ExampleConfigFromEnv() {
	for name, value := range map[string]string{
		"COATCHECK_STORE":     "memory:?max_records=100000",
		"COATCHECK_NAMESPACE": "shop",
		"SESSION_COOKIE_AGE":  "3600", // Django's name, in Django's unit
	} {
		_ = os.Setenv(name, value)
		defer os.Unsetenv(name)
	}
	cfg, err := core.ConfigFromEnv(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg.LoginURL = "/sign-in" // what the code knows better
	m, err := core.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	var settings core.Settings = m.Settings()
	for _, s := range settings.List {
		if s.From != "default" {
			fmt.Printf("%s = %s (%s)\n", s.Field, s.Value, s.From)
		}
	}
	var first core.Setting = settings.List[0]
	fmt.Println("in the environment:", first.Env, "in Django:", first.Django)
	fmt.Println("warning:", settings.Warnings[0])
	// Output:
	// Store = memstore at memory:?max_records=100000 (COATCHECK_STORE)
	// Namespace = shop (COATCHECK_NAMESPACE)
	// LoginURL = /sign-in (code)
	// IdleTimeout = 1h0m0s (SESSION_COOKIE_AGE)
	// in the environment: COATCHECK_STORE in Django: SESSION_ENGINE
	// warning: The sessions are in this process: they end with it, and other processes do not know them.
}

// The store of a URL, with a cache in front of it. A missing import is an error that names it.
func ExampleOpenStore() {
	store, err := core.OpenStore(context.Background(), "memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close() // closes the store, too
	_, err = core.OpenStore(context.Background(), "mongo://shop:secret@localhost/shop")
	fmt.Println(err)
	// Output:
	// coatcheck: open the store mongo://shop:xxxxx@localhost/shop: there is no scheme "mongo"; there are cookie, file, mariadb, memcache, memory, mysql, postgres, postgresql, redis, rediss, sqlite
}
