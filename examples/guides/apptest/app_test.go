package apptest

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/ginsession"
	"github.com/coatcheck-go/coatcheck/sessiontest"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestAccount(t *testing.T) {
	m := sessiontest.New(t, config())
	res := m.SignedIn("alice").Get(routes(m.Manager), "/account")
	if res.StatusCode != 200 {
		t.Error(res.Status)
	}
}

func TestAccountOnFiber(t *testing.T) {
	m := sessiontest.New(t, config())
	res, err := fiberRoutes(m.Manager).Test(m.SignedIn("alice").Request("GET", "/account", nil))
	if err != nil || res.StatusCode != 200 {
		t.Error(res, err)
	}
}

func TestCartOnFiber(t *testing.T) {
	m := sessiontest.New(t, config())
	alice := m.SignedIn("alice")
	res, err := fiberRoutes(m.Manager).Test(alice.Form("/cart/add", "sku", "hat"))
	if err != nil || res.StatusCode != 303 {
		t.Fatal(res, err)
	}
	alice.Keep(res) // the token that the response brings, if it brings one
	sessiontest.Want(alice, cart, Items{"hat": 1})
}

func TestDevices(t *testing.T) {
	m := sessiontest.New(t, config())
	laptop := m.SignedIn("alice", sessiontest.From("Firefox/150", "203.0.113.7"))
	m.SignedIn("alice", sessiontest.From("Safari/26", "198.51.100.9"))
	page, err := io.ReadAll(laptop.Get(routes(m.Manager), "/devices").Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"Firefox/150 203.0.113.0/24\n", "Safari/26 198.51.100.0/24\n"} {
		if !strings.Contains(string(page), line) {
			t.Errorf("the page is %q, without %q", page, line)
		}
	}
}

func TestAccountNeedsSignIn(t *testing.T) {
	m := sessiontest.New(t, config())
	res := m.Visitor().Get(routes(m.Manager), "/account")
	if res.StatusCode != 303 || res.Header.Get("Location") != "/sign-in?next=%2Faccount" {
		t.Error(res.Status, res.Header)
	}
}

// A handler without the middleware finds the session in the request's context.
func TestHandlerAlone(t *testing.T) {
	alice := sessiontest.New(t, config()).SignedIn("alice")
	w := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(w)
	c.Request = httptest.NewRequest("GET", "/account", nil).WithContext(alice.Context())
	ginsession.Handle(account)(c)
	if w.Body.String() != "hello alice" {
		t.Error(w.Code, w.Body)
	}
}

func TestCart(t *testing.T) {
	m := sessiontest.New(t, config())
	app := routes(m.Manager)

	alice := m.SignedIn("alice",
		sessiontest.With(cart, Items{"hat": 1}),    // a value
		sessiontest.Flash("info", "Welcome back."), // a message
		sessiontest.Age(2*time.Hour),               // signed in two hours ago
		sessiontest.Change((*core.Session).ExpireAtBrowserClose),
	)
	stranger := m.Visitor() // without a session

	alice.Post(app, "/cart/add", "sku", "hat")
	sessiontest.Want(alice, cart, Items{"hat": 2})
	alice.WantFlashes("info: Welcome back.", "success: Hat is in your cart.")
	alice.WantSignedIn("alice") // "": nobody
	sessiontest.WantNone(stranger, cart)
}

func TestIdleSessionEnds(t *testing.T) {
	m := sessiontest.New(t, config())
	alice := m.SignedIn("alice")
	m.Clock.Advance(15 * 24 * time.Hour) // longer than IdleTimeout
	alice.WantSignedIn("")
}

func TestOwnStore(t *testing.T) {
	clock := sessiontest.NewClock()
	store, err := memstore.New(memstore.Config{Now: clock.Now, MaxRecords: 1000}) // filestore and gormstore have Now, too
	if err != nil {
		t.Fatal(err)
	}
	m := sessiontest.NewAt(t, clock, core.Config{Store: store})
	alice := m.SignedIn("alice")
	clock.Advance(15 * 24 * time.Hour)
	alice.WantSignedIn("")
}

func TestOutage(t *testing.T) {
	m := sessiontest.New(t, config())
	app, alice := routes(m.Manager), m.SignedIn("alice")

	m.Fail("Update")                                  // or m.Fail(): every call
	res := alice.Post(app, "/cart/add", "sku", "hat") // 503, and nothing of the page
	m.Heal()
	sessiontest.WantNone(alice, cart)

	if res.StatusCode != 503 || res.Header.Get("Location") != "" {
		t.Error(res.Status, res.Header)
	}
}

func TestRealClient(t *testing.T) {
	m := sessiontest.New(t, config())
	app := routes(m.Manager)

	srv := httptest.NewServer(app)
	client := srv.Client()
	client.Jar = sessiontest.NewJar()

	defer srv.Close()
	for range 2 { // the second request has the cookie of the first one's response
		res, err := client.Post(srv.URL+"/cart/add?", "application/x-www-form-urlencoded", nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
	if n, err := m.Count(t.Context()); n != 1 || err != nil {
		t.Errorf("%d sessions: %v", n, err)
	}
}
