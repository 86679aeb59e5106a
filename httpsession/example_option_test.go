package httpsession_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/sessiontest"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
)

// A page asks for news every 25 minutes. That must not keep its session alive when its user has left.
func ExampleWithPassive() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{IdleTimeout: time.Hour})

	mux := http.NewServeMux()
	mux.Handle("GET /news", httpsession.RequireLogin(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "no news")
	})))
	app := httpsession.New(m.Manager, httpsession.WithPassive(func(r *http.Request) bool {
		return r.URL.Path == "/news"
	}))(mux)

	alice := m.SignedIn("alice")
	for range 3 {
		m.Clock.Advance(25 * time.Minute)
		fmt.Println(alice.Get(app, "/news").StatusCode)
	}
	// Output:
	// 200
	// 200
	// 401
}

// Customers and staff have a manager each, with a cookie of its own. Both middlewares share their options.
func ExampleOption() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	customers := sessiontest.New(t, core.Config{})
	staff := sessiontest.New(t, core.Config{Cookie: core.Cookie{Name: "__Host-staff"}, IdleTimeout: 15 * time.Minute})

	options := []httpsession.Option{
		httpsession.WithErrorHandler(func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "Please try again.", core.HTTPStatus(err))
		}),
		httpsession.WithPassive(func(r *http.Request) bool { return r.Header.Get("X-Poll") != "" }),
	}
	hello := httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
		_, _ = fmt.Fprintf(w, "hello %q", s.Subject())
	})
	mux := http.NewServeMux()
	mux.Handle("/", httpsession.New(customers.Manager, options...)(hello))
	mux.Handle("/admin/", httpsession.New(staff.Manager, options...)(hello))

	alice := customers.SignedIn("alice")
	for _, path := range []string{"/", "/admin/"} {
		body, _ := io.ReadAll(alice.Get(mux, path).Body)
		fmt.Println(path, string(body))
	}
	// Output:
	// / hello "alice"
	// /admin/ hello ""
}

// For a load balancer. It needs no session, so it stands outside the middleware.
func ExampleReady() {
	dir, err := os.MkdirTemp("", "sessions")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	store, err := filestore.New(dir, filestore.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{Store: store})
	defer m.Close()

	mux := http.NewServeMux()
	mux.Handle("GET /readyz", httpsession.Ready(m.Manager))
	mux.Handle("/", httpsession.New(m.Manager)(http.NotFoundHandler()))

	balancer := m.Visitor()
	fmt.Println(balancer.Get(mux, "/readyz").Status)
	m.Fail("Ping") // the store is away
	fmt.Println(balancer.Get(mux, "/readyz").Status)
	// Output:
	// 200 OK
	// 503 Service Unavailable
}

// Another tab signs out while a form is under way: a page gets the sign-in in place of a 409, a script the 409.
func ExampleWithErrorHandler_anotherTab() {
	app := func(m *core.Manager) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("POST /cart", httpsession.Handle(func(_ http.ResponseWriter, _ *http.Request, s *core.Session) {
			_ = m.Revoke(context.Background(), s.ID()) // meanwhile, in another tab
			_ = s.AddFlash("success", "It is in your cart.")
		}))
		return httpsession.New(m, httpsession.WithErrorHandler(func(w http.ResponseWriter, r *http.Request, err error) {
			if errors.Is(err, core.ErrEnded) && r.Header.Get("Sec-Fetch-Mode") == "navigate" {
				w.Header().Del("Retry-After")
				http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
				return
			}
			http.Error(w, http.StatusText(core.HTTPStatus(err)), core.HTTPStatus(err))
		}))(mux)
	}
	t := sessiontest.ExampleTB{} // in a test: its *testing.T

	m := sessiontest.New(t, core.Config{})
	for _, mode := range []string{"navigate", "cors"} {
		alice := m.SignedIn("alice")
		r := alice.Form("/cart", "sku", "hat")
		r.Header.Set("Sec-Fetch-Mode", mode)
		res := alice.Do(app(m.Manager), r)
		fmt.Println(res.StatusCode, res.Header["Location"])
	}
	// Output:
	// 303 [/sign-in]
	// 409 []
}
