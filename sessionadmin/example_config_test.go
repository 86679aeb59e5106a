package sessionadmin_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/sessionadmin"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// Another handler decides who may look: here, HTTP basic authentication. This one says so, for the log.
func ExampleWrappedBy() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{})
	admin, err := sessionadmin.New(sessionadmin.Config{
		Manager: m.Manager, Authorize: sessionadmin.WrappedBy("basic auth"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	guarded := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "root" || password != "secret" { // yours: compare a hash
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		admin.ServeHTTP(w, r)
	})

	operator := m.Visitor()
	fmt.Println(operator.Get(guarded, "/").StatusCode)
	r := operator.Request("GET", "/", nil)
	r.SetBasicAuth("root", "secret")
	fmt.Println(operator.Do(guarded, r).StatusCode)
	// Output:
	// 401
	// 200
}

// For the support team, which may look, see what is in the cart, and end nothing.
func ExampleConfig() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{})
	admin, err := sessionadmin.New(sessionadmin.Config{
		Manager:   m.Manager,
		Authorize: sessionadmin.WrappedBy("the network of the office"),
		Logger:    slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime})),
		ReadOnly:  true,
		Format: func(key string, raw []byte) string {
			if key != "cart" {
				return "" // hidden
			}
			return string(raw) // JSON, as the Manager's Codec wrote it
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	const cart core.Key[[]string] = "cart"
	alice := m.SignedIn("alice", sessiontest.With(cart, []string{"hat"}))
	page, _ := io.ReadAll(m.Visitor().Get(admin, "/session?id="+alice.Session().ID().String()).Body)
	fmt.Println(strings.Contains(string(page), "[&#34;hat&#34;]"))
	fmt.Println(m.Visitor().Post(admin, "/revoke?user=alice").Status)
	// Output:
	// true
	// level=INFO msg="sessionadmin: action" who="the network of the office" action=revoke_user outcome=refused ended=0 user=alice error="These pages are read-only: nothing can be ended here."
	// 403 Forbidden
}
