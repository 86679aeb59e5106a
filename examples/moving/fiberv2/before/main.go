// Command before is a small application on Fiber v2's session middleware, with its sessions in Redis.
package main

import (
	"cmp"
	"encoding/gob"
	"fmt"
	"log"
	"os"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/session"
	"github.com/gofiber/storage/redis/v3"
)

// Cart is what a visitor has chosen.
type Cart struct{ Items []string }

var store *session.Store

func main() {
	gob.Register(Cart{})
	address := cmp.Or(os.Getenv("REDIS"), "127.0.0.1:6379")
	store = session.New(session.Config{Storage: redis.New(redis.Config{Addrs: []string{address}})})
	app := fiber.New()
	app.Get("/", home)
	app.Get("/me", me)
	app.Post("/add", add)
	app.Post("/sign-in", signIn)
	app.Post("/sign-out", signOut)
	log.Fatal(app.Listen(cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8080")))
}

func home(c *fiber.Ctx) error {
	s, err := store.Get(c)
	if err != nil {
		return err
	}
	n, _ := s.Get("visits").(int)
	user, _ := s.Get("user").(string)
	cart, _ := s.Get("cart").(Cart)
	messages, _ := s.Get("messages").([]string)
	s.Delete("messages")
	s.Set("visits", n+1)
	if err := s.Save(); err != nil {
		return err
	}
	return c.SendString(fmt.Sprintf("visit %d of %q, cart %v, messages %v\n", n+1, user, cart.Items, messages))
}

func me(c *fiber.Ctx) error {
	s, err := store.Get(c)
	if err != nil {
		return err
	}
	user, _ := s.Get("user").(string)
	return c.SendString(fmt.Sprintf("you are %q\n", user))
}

func add(c *fiber.Ctx) error {
	return change(c, func(s *session.Session) error {
		cart, _ := s.Get("cart").(Cart)
		s.Set("cart", Cart{append(cart.Items, c.FormValue("item"))})
		return s.Save()
	})
}

func signIn(c *fiber.Ctx) error { // a real one asks for a password
	return change(c, func(s *session.Session) error {
		if err := s.Regenerate(); err != nil {
			return err
		}
		s.Set("user", c.FormValue("name"))
		s.Set("messages", []string{"Welcome, " + c.FormValue("name")})
		return s.Save()
	})
}

func signOut(c *fiber.Ctx) error { return change(c, (*session.Session).Destroy) }

func change(c *fiber.Ctx, f func(*session.Session) error) error {
	s, err := store.Get(c)
	if err != nil {
		return err
	}
	if err := f(s); err != nil {
		return err
	}
	return c.Redirect("/", fiber.StatusSeeOther)
}
