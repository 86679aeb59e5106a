package httpsession_test

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// A page for signed-in users, and a test of it with a signed-in session.
func ExampleRequireLogin() {
	app := func(m *core.Manager) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("GET /account", httpsession.RequireLogin(httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
			_, _ = io.WriteString(w, "hello "+s.Subject())
		})))
		return httpsession.New(m)(mux)
	}
	t := sessiontest.ExampleTB{} // in a test: its *testing.T

	m := sessiontest.New(t, core.Config{LoginURL: "/sign-in"})
	res := m.SignedIn("alice").Get(app(m.Manager), "/account")
	body, _ := io.ReadAll(res.Body)
	fmt.Println(res.StatusCode, string(body))

	res = m.Visitor().Get(app(m.Manager), "/account")
	fmt.Println(res.StatusCode, res.Header.Get("Location"))
	// Output:
	// 200 hello alice
	// 303 /sign-in?next=%2Faccount
}

// A new password needs a sign-in of the last ten minutes. Save comes first: if it fails, nothing has changed.
func ExampleRequireFresh() {
	app := func(m *core.Manager) http.Handler {
		mux := http.NewServeMux()
		fresh := httpsession.RequireFresh(10 * time.Minute)
		mux.Handle("POST /password", fresh(httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
			_ = s.RotateID() // a new token for this session
			if s.Save(r.Context()) != nil {
				return // the error handler answers
			}
			// Here the new password is stored.
			if _, err := m.RevokeSubject(r.Context(), s.Subject(), s.ID()); err != nil { // all other devices
				_, _ = io.WriteString(w, "Your password is new. Other devices may still be signed in.")
			}
		})))
		return httpsession.New(m)(mux)
	}
	t := sessiontest.ExampleTB{} // in a test: its *testing.T

	m := sessiontest.New(t, core.Config{LoginURL: "/sign-in"})
	alice := m.SignedIn("alice")
	fmt.Println(alice.Post(app(m.Manager), "/password", "new", "secret").StatusCode)

	m.Clock.Advance(time.Hour)
	res := alice.Post(app(m.Manager), "/password", "new", "secret")
	fmt.Println(res.StatusCode, res.Header.Get("Location"))
	// Output:
	// 200
	// 303 /sign-in
}

// Scripts get a 401 in the application's own form. Browsers are still sent to the sign-in page.
func ExampleWithLoginHandler() {
	app := func(m *core.Manager) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("GET /orders", httpsession.RequireLogin(http.NotFoundHandler()))
		return httpsession.New(m, httpsession.WithLoginHandler(func(w http.ResponseWriter, _ *http.Request, ch core.Challenge) {
			ch.Apply(w.Header())
			if ch.Status != http.StatusUnauthorized {
				w.WriteHeader(ch.Status)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(ch.Status)
			_, _ = io.WriteString(w, `{"error":"sign in first"}`)
		}))(mux)
	}
	t := sessiontest.ExampleTB{} // in a test: its *testing.T

	m := sessiontest.New(t, core.Config{LoginURL: "/sign-in"})
	for _, accept := range []string{"application/json", "text/html"} {
		r := m.Visitor().Request("GET", "/orders", nil)
		r.Header.Set("Accept", accept)
		res := m.Visitor().Do(app(m.Manager), r)
		body, _ := io.ReadAll(res.Body)
		fmt.Println(res.StatusCode, res.Header.Get("Location")+string(body))
	}
	// Output:
	// 401 {"error":"sign in first"}
	// 303 /sign-in?next=%2Forders
}
