// Command before is a small application on Fiber v3's session middleware, with its sessions in Redis.
package main

import (
	"cmp"
	"encoding/gob"
	"fmt"
	"log"
	"os"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/session"
	"github.com/gofiber/storage/redis/v3"
)

// Cart is what a visitor has chosen.
type Cart struct{ Items []string }

func main() {
	gob.Register(Cart{})
	address := cmp.Or(os.Getenv("REDIS"), "127.0.0.1:6379")
	app := fiber.New()
	app.Use(session.New(session.Config{Storage: redis.New(redis.Config{Addrs: []string{address}})}))
	app.Get("/", home)
	app.Get("/me", me)
	app.Post("/add", add)
	app.Post("/sign-in", signIn)
	app.Post("/sign-out", signOut)
	log.Fatal(app.Listen(cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8080")))
}

func home(c fiber.Ctx) error {
	s := session.FromContext(c)
	n, _ := s.Get("visits").(int)
	user, _ := s.Get("user").(string)
	cart, _ := s.Get("cart").(Cart)
	messages, _ := s.Get("messages").([]string)
	s.Delete("messages")
	s.Set("visits", n+1)
	return c.SendString(fmt.Sprintf("visit %d of %q, cart %v, messages %v\n", n+1, user, cart.Items, messages))
}

func me(c fiber.Ctx) error {
	user, _ := session.FromContext(c).Get("user").(string)
	return c.SendString(fmt.Sprintf("you are %q\n", user))
}

func add(c fiber.Ctx) error {
	s := session.FromContext(c)
	cart, _ := s.Get("cart").(Cart)
	s.Set("cart", Cart{append(cart.Items, c.FormValue("item"))})
	return c.Redirect().Status(fiber.StatusSeeOther).To("/")
}

func signIn(c fiber.Ctx) error { // a real one asks for a password
	s := session.FromContext(c)
	if err := s.Regenerate(); err != nil {
		return err
	}
	s.Set("user", c.FormValue("name"))
	s.Set("messages", []string{"Welcome, " + c.FormValue("name")})
	return c.Redirect().Status(fiber.StatusSeeOther).To("/")
}

func signOut(c fiber.Ctx) error {
	if err := session.FromContext(c).Destroy(); err != nil {
		return err
	}
	return c.Redirect().Status(fiber.StatusSeeOther).To("/")
}
