// Command before is a small application on echo-contrib/session for Echo v5, with its sessions in gorilla's cookie.
package main

import (
	"cmp"
	"encoding/gob"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/gorilla/sessions"
	"github.com/labstack/echo-contrib/v5/session"
	"github.com/labstack/echo/v5"
)

// Cart is what a visitor has chosen.
type Cart struct{ Items []string }

func main() {
	gob.Register(Cart{})
	e := echo.New()
	e.Use(session.Middleware(sessions.NewCookieStore([]byte(os.Getenv("SESSION_SECRET")))))
	e.GET("/", home)
	e.GET("/me", me)
	e.POST("/add", add)
	e.POST("/sign-in", signIn)
	e.POST("/sign-out", signOut)
	log.Fatal(http.ListenAndServe(cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8080"), e))
}

func home(c *echo.Context) error {
	s, err := session.Get("session", c)
	if err != nil {
		return err
	}
	n, _ := s.Values["visits"].(int)
	user, _ := s.Values["user"].(string)
	cart, _ := s.Values["cart"].(Cart)
	messages := s.Flashes()
	s.Values["visits"] = n + 1
	if err := s.Save(c.Request(), c.Response()); err != nil {
		return err
	}
	return c.String(http.StatusOK, fmt.Sprintf("visit %d of %q, cart %v, messages %v\n", n+1, user, cart.Items, messages))
}

func me(c *echo.Context) error {
	s, err := session.Get("session", c)
	if err != nil {
		return err
	}
	user, _ := s.Values["user"].(string)
	return c.String(http.StatusOK, fmt.Sprintf("you are %q\n", user))
}

func add(c *echo.Context) error {
	return change(c, func(s *sessions.Session) {
		cart, _ := s.Values["cart"].(Cart)
		s.Values["cart"] = Cart{append(cart.Items, c.FormValue("item"))}
	})
}

func signIn(c *echo.Context) error { // a real one asks for a password
	return change(c, func(s *sessions.Session) {
		s.Values["user"] = c.FormValue("name")
		s.AddFlash("Welcome, " + c.FormValue("name"))
	})
}

func signOut(c *echo.Context) error {
	return change(c, func(s *sessions.Session) { s.Options.MaxAge = -1 })
}

func change(c *echo.Context, f func(*sessions.Session)) error {
	s, err := session.Get("session", c)
	if err != nil {
		return err
	}
	f(s)
	if err := s.Save(c.Request(), c.Response()); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/")
}
