package sessiontest_test

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

const wish core.Key[string] = "wish"

// routes is the application of the Examples. It mounts the middleware for the manager that it is given.
func routes(m *sessiontest.Manager) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /sign-in", httpsession.Handle(func(_ http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = s.Login(r.FormValue("user"))
	}))
	mux.Handle("GET /wish", httpsession.RequireLogin(httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
		_, _ = io.WriteString(w, wish.GetOr(s, "nothing"))
	})))
	mux.Handle("POST /wish", httpsession.RequireLogin(httpsession.Handle(saveWish)))
	mux.Handle("GET /healthz", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return httpsession.New(m.Manager)(mux)
}

func saveWish(_ http.ResponseWriter, r *http.Request, s *core.Session) {
	_ = wish.Set(s, r.FormValue("wish"))
	_ = s.AddFlash("success", "Noted.")
}

// A test of pages for signed-in users.
func Example() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{LoginURL: "/sign-in"})
	app := routes(m) // the application's own function

	alice := m.SignedIn("alice", sessiontest.With(wish, "a hat"))
	res := alice.Get(app, "/wish")
	body, _ := io.ReadAll(res.Body)
	fmt.Println(res.StatusCode, string(body))

	alice.Post(app, "/wish", "wish", "a coat")
	sessiontest.Want(alice, wish, "a coat") // what the handler has stored
	alice.WantFlashes("success: Noted.")
	alice.WantSignedIn("alice")
	// Output: 200 a hat
}

// A check that fails is an error of the test. An Example prints it.
func ExampleWant() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{})

	alice := m.SignedIn("alice", sessiontest.With(wish, "a hat"))
	sessiontest.Want(alice, wish, "a coat")
	sessiontest.WantNone(alice, wish)
	alice.WantSignedIn("bob")
	// Output:
	// the session's "wish" is a hat, want a coat
	// the session's "wish" is a hat, want none
	// signed in is "alice", want "bob"
}

// A visitor has no session until the application begins one.
func ExampleManager_Visitor() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{LoginURL: "/sign-in"})
	app := routes(m)

	stranger := m.Visitor()
	res := stranger.Get(app, "/wish")
	stranger.WantNoCookie(res)
	fmt.Println(res.StatusCode, res.Header.Get("Location"))

	cookie := stranger.WantCookie(stranger.Post(app, "/sign-in", "user", "bob"))
	fmt.Println(cookie.Name, cookie.HttpOnly, cookie.Secure)
	stranger.WantSignedIn("bob")
	// Output:
	// 303 /sign-in?next=%2Fwish
	// __Host-session true true
}

// Options give the session what the test needs. A function of the tests may add some that all of them need.
func ExampleManager_SignedIn() {
	customer := func(m *sessiontest.Manager, more ...sessiontest.Option) *sessiontest.Visitor {
		return m.SignedIn("alice", append(more, sessiontest.With(wish, "a hat"))...)
	}
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{})

	alice := customer(m,
		sessiontest.Flash("info", "Welcome back."),
		sessiontest.Change((*core.Session).ExpireAtBrowserClose), // or any other change
		sessiontest.Age(2*time.Hour),                             // signed in two hours ago
	)
	alice.WantFlashes("info: Welcome back.")
	s := alice.Session() // whatever no Want checks
	fmt.Println(s.Keys(), s.Expiry().Mode == core.ExpiryBrowserClose, m.Clock.Now().Sub(s.AuthTime()))
	// Output: [wish] true 2h0m0s
}

// Checks of your own take a TB: a *testing.T, a *testing.B, or an ExampleTB.
func ExampleTB() {
	wantStatus := func(t sessiontest.TB, res *http.Response, status int) {
		t.Helper()
		if res.StatusCode != status {
			t.Errorf("the response is %s, want %d", res.Status, status)
		}
	}
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{})

	wantStatus(t, m.SignedIn("alice").Get(routes(m), "/wish"), 200)
	wantStatus(t, m.Visitor().Get(routes(m), "/wish"), 200)
	// Output: the response is 401 Unauthorized, want 200
}
