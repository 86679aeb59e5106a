package sessiontest_test

import (
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// A request that needs more than a path: Do sends it with the session's token, and keeps the token of the response.
func ExampleVisitor_Do() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{LoginURL: "/sign-in"})

	v := m.Visitor()
	r := v.Request("GET", "/wish", nil)
	r.Header.Set("Accept", "application/json")
	fmt.Println(v.Do(routes(m), r).Status)

	r = v.Form("/sign-in", "user", "alice")
	r.Header.Set("User-Agent", "Mozilla/5.0 ...")
	fmt.Println(v.Do(routes(m), r).Status)
	v.WantSignedIn("alice")
	// Output:
	// 401 Unauthorized
	// 200 OK
}

// A framework with a way of its own to test, such as app.Test of Fiber, takes a request and returns a response. Keep
// takes over the token of that.
func ExampleVisitor_Keep() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{})

	v := m.Visitor()
	rec := httptest.NewRecorder()
	routes(m).ServeHTTP(rec, v.Form("/sign-in", "user", "alice")) // Fiber: res, err := app.Test(v.Form(...))
	v.Keep(rec.Result())
	fmt.Println(v.Session().Subject(), len(v.Cookie().Value) > 20)
	// Output: alice true
}

// A request from elsewhere, such as one that was recorded, gets the session's token beside its other cookies.
func ExampleVisitor_AddTo() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{})

	r := httptest.NewRequest("GET", "https://shop.example/wish", nil)
	r.Header.Set("Cookie", "theme=dark")
	m.SignedIn("alice", sessiontest.With(wish, "a hat")).AddTo(r)

	rec := httptest.NewRecorder()
	routes(m).ServeHTTP(rec, r)
	fmt.Println(len(r.Cookies()), rec.Body)
	// Output: 2 a hat
}

// A handler alone, without the routes and the middleware.
func ExampleVisitor_Context() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{})

	alice := m.SignedIn("alice")
	r := alice.Form("/", "wish", "a hat").WithContext(alice.Context())
	httpsession.Handle(saveWish)(httptest.NewRecorder(), r)
	sessiontest.Want(alice, wish, "a hat")
	fmt.Println(alice.Session().Keys())
	// Output: [wish]
}

// An API client of an application that serves browsers, too.
func ExampleVia() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{Sources: []core.Source{core.FromCookie, core.FromBearer}})

	ci := m.SignedIn("ci", sessiontest.Via(core.FromBearer), sessiontest.With(wish, "a hat"))
	r := ci.Request("GET", "/wish", nil)
	fmt.Println(strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "), len(r.Cookies()))
	body, _ := io.ReadAll(ci.Do(routes(m), r).Body)
	fmt.Println(string(body))
	// Output:
	// true 0
	// a hat
}

// A list of devices, as the application's own settings make it.
func ExampleFrom() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{Devices: &core.Devices{}})

	laptop := m.SignedIn("alice", sessiontest.From("Firefox/150", "203.0.113.7"))
	m.SignedIn("alice", sessiontest.From("Safari/26", "2001:db8::7"))
	for s, err := range m.Sessions(context.Background(), "alice") {
		fmt.Println(s.Device().Label, s.Device().Network, s.ID() == laptop.Session().ID(), err)
	}
	// Unordered output:
	// Firefox/150 203.0.113.0/24 true <nil>
	// Safari/26 2001:db8::/48 false <nil>
}

// A client over a real connection. The jar of net/http would not return Secure cookies to a server without TLS.
func ExampleNewJar() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{})
	srv := httptest.NewServer(routes(m))
	defer srv.Close()

	client := srv.Client()
	client.Jar = sessiontest.NewJar()
	res, err := client.PostForm(srv.URL+"/sign-in", url.Values{"user": {"alice"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = res.Body.Close()
	res, err = client.Get(srv.URL + "/wish")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	fmt.Println(res.StatusCode, string(body))
	// Output: 200 nothing
}
