// Command after is the application of before, on coatcheck.
package main

import (
	"cmp"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"

	"github.com/labstack/echo/v4"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/echosession"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
)

// Cart is what a visitor has chosen.
type Cart struct{ Items []string }

const (
	visits core.Key[int]  = "visits"
	cart   core.Key[Cart] = "cart"
)

func main() {
	keys := must(keyring.Parse(os.Getenv("SESSION_KEYS")))
	// What remembers which cookies have been signed out.
	ended := must(filestore.New(filepath.Join(os.Getenv("SESSION_DIR"), "coatcheck"), filestore.Config{}))
	store := must(cookiestore.New(keys, cookiestore.RevokeIn(ended), cookiestore.Config{}))
	m := must(core.New(core.Config{Store: store, Adopt: takeOver(ended).Adopt}))
	e := echo.New()
	e.Use(echosession.New(m))
	e.GET("/", echosession.Handle(home))
	e.GET("/me", echosession.Handle(me))
	e.POST("/add", echosession.Handle(add))
	e.POST("/sign-in", echosession.Handle(signIn))
	e.POST("/sign-out", echosession.Handle(signOut))
	log.Fatal(http.ListenAndServe(cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8080"), e))
}

func home(c echo.Context, s *core.Session) error {
	_ = visits.Update(s, func(n int) int { return n + 1 })
	var messages []string
	waiting, _ := s.Flashes(c.Request().Context())
	for _, m := range waiting {
		messages = append(messages, m.Text)
	}
	return c.String(http.StatusOK, fmt.Sprintf("visit %d of %q, cart %v, messages %v\n",
		visits.GetOr(s, 0), s.Subject(), cart.GetOr(s, Cart{}).Items, messages))
}

func me(c echo.Context, s *core.Session) error {
	return c.String(http.StatusOK, fmt.Sprintf("you are %q\n", s.Subject()))
}

func add(c echo.Context, s *core.Session) error {
	item := c.FormValue("item")
	_ = cart.Update(s, func(in Cart) Cart { return Cart{append(in.Items, item)} })
	return c.Redirect(http.StatusSeeOther, "/")
}

func signIn(c echo.Context, s *core.Session) error { // a real one asks for a password
	name := c.FormValue("name")
	_ = s.Login(name)
	_ = s.AddFlash("info", "Welcome, "+name)
	return c.Redirect(http.StatusSeeOther, "/")
}

func signOut(c echo.Context, s *core.Session) error {
	_ = s.Logout()
	return c.Redirect(http.StatusSeeOther, "/")
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
