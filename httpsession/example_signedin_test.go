package httpsession_test

import (
	"fmt"
	"io"
	"net/http"

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
