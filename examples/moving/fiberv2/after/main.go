// Command after is the application of before, on coatcheck.
package main

import (
	"cmp"
	"fmt"
	"log"
	"os"

	"github.com/gofiber/fiber/v2"
	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/fibersession"
	"github.com/coatcheck-go/coatcheck/stores/redisstore"
)

// Cart is what a visitor has chosen.
type Cart struct{ Items []string }

const (
	visits core.Key[int]  = "visits"
	cart   core.Key[Cart] = "cart"
)

func main() {
	address := cmp.Or(os.Getenv("REDIS"), "127.0.0.1:6379")
	store, err := redisstore.Open(rueidis.ClientOption{InitAddress: []string{address}}, redisstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store, Adopt: takeOver(address)})
	if err != nil {
		log.Fatal(err)
	}
	app := fiber.New()
	app.Use(fibersession.New(m))
	app.Get("/", fibersession.Handle(home))
	app.Get("/me", fibersession.Handle(me))
	app.Post("/add", fibersession.Handle(add))
	app.Post("/sign-in", fibersession.Handle(signIn))
	app.Post("/sign-out", fibersession.Handle(signOut))
	log.Fatal(app.Listen(cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8080")))
}

func home(c *fiber.Ctx, s *core.Session) error {
	_ = visits.Update(s, func(n int) int { return n + 1 })
	var messages []string
	waiting, _ := s.Flashes(c.UserContext())
	for _, m := range waiting {
		messages = append(messages, m.Text)
	}
	return c.SendString(fmt.Sprintf("visit %d of %q, cart %v, messages %v\n",
		visits.GetOr(s, 0), s.Subject(), cart.GetOr(s, Cart{}).Items, messages))
}

func me(c *fiber.Ctx, s *core.Session) error {
	return c.SendString(fmt.Sprintf("you are %q\n", s.Subject()))
}

func add(c *fiber.Ctx, s *core.Session) error {
	item := c.FormValue("item")
	_ = cart.Update(s, func(in Cart) Cart { return Cart{append(in.Items, item)} })
	return c.Redirect("/", fiber.StatusSeeOther)
}

func signIn(c *fiber.Ctx, s *core.Session) error { // a real one asks for a password
	name := c.FormValue("name")
	_ = s.Login(name)
	_ = s.AddFlash("info", "Welcome, "+name)
	return c.Redirect("/", fiber.StatusSeeOther)
}

func signOut(c *fiber.Ctx, s *core.Session) error {
	_ = s.Logout()
	return c.Redirect("/", fiber.StatusSeeOther)
}
