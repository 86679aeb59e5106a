package main

import (
	"cmp"
	"fmt"
	"html"
	"log"
	"os"

	"github.com/gofiber/fiber/v3"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/fiberv3session"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
)

const (
	visits core.Key[int] = "visits"
	form                 = `<p>Who are you?</p><form method="post"><input name="name"><button>Sign in</button></form>` + "\n"
	hello                = `<p>Hello, %s.</p><form method="post" action="/sign-out"><button>Sign out</button></form>` + "\n"
)

func main() {
	store, err := filestore.New("./sessions", filestore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store, LoginURL: "/sign-in"})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(routes(m).Listen(cmp.Or(os.Getenv("ADDR"), "localhost:8080")))
}

func routes(m *core.Manager) *fiber.App {
	app := fiber.New(fiber.Config{ErrorHandler: withoutHeader}) // guards.go
	app.Use(sameOrigin)
	app.Use(fiberv3session.New(m))
	app.Get("/", fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error {
		_ = visits.Update(s, func(n int) int { return n + 1 })             // two tabs count to two
		return c.SendString(fmt.Sprintf("visit %d\n", visits.GetOr(s, 0))) // saved before this is sent
	}))
	app.Get("/sign-in", func(c fiber.Ctx) error { return c.Type("html", "utf-8").SendString(form) })
	app.Post("/sign-in", fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error {
		_ = s.Login(c.FormValue("name", "guest")) // your application checks a password or a passkey first
		return c.Redirect().Status(fiber.StatusSeeOther).To(core.LocalPath(c.Query("next"), "/"))
	}))
	app.Post("/sign-out", fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error {
		_ = s.Logout()
		return c.Redirect().Status(fiber.StatusSeeOther).To("/")
	}))
	app.Get("/account", fiberv3session.RequireLogin, fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error {
		c.Set("Cache-Control", "no-store") // the page is one user's
		return c.Type("html", "utf-8").SendString(fmt.Sprintf(hello, html.EscapeString(s.Subject())))
	}))
	return app
}
