package guides_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/fibersession"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// Fiber makes the body after the handler has returned: the session stays open until the body ends.
func Example_streamsFiber() {
	m := memory(core.Config{})
	defer m.Close()
	news := make(chan string)
	subscribe := func(string) <-chan string { return news }

	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Use(fibersession.New(m))
	app.Get("/events", fibersession.RequireLogin, fibersession.Handle(func(c *fiber.Ctx, s *core.Session) error {
		c.Set("Content-Type", "text/event-stream")
		c.Set("Cache-Control", "no-store")
		done, tick := s.Done(10*time.Second), time.Tick(15*time.Second)
		news := subscribe(s.Subject())
		c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
			_, _ = fmt.Fprint(w, ": \n\n") // the header leaves with the first bytes
			for w.Flush() == nil {
				select {
				case <-done:
					if errors.Is(s.Err(), core.ErrEnded) {
						_, _ = fmt.Fprint(w, "event: over\ndata:\n\n")
					}
					return
				case text := <-news:
					_, _ = fmt.Fprintf(w, "data: %s\n\n", text)
				case <-tick:
					_, _ = fmt.Fprint(w, ": \n\n")
				}
			}
		})
		return nil
	}))
	app.Post("/sign-in", fibersession.Handle(func(_ *fiber.Ctx, s *core.Session) error { return s.Login("alice") }))
	app.Post("/sign-out", fibersession.Handle(func(_ *fiber.Ctx, s *core.Session) error { return s.Logout() }))

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() { _ = app.Listener(listener) }()
	defer listener.Close()
	at, alice := "http://"+listener.Addr().String(), &http.Client{Jar: sessiontest.NewJar()}
	post := func(path string) {
		if res, err := alice.Post(at+path, "", nil); err != nil || res.StatusCode != 200 {
			fmt.Println(res, err)
		}
	}
	post("/sign-in")
	page, err := alice.Get(at + "/events")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer page.Body.Close()
	news <- "hats are in"
	lines := bufio.NewScanner(page.Body)
	for lines.Scan() {
		fmt.Print(lines.Text(), ";")
		if lines.Text() == "data: hats are in" {
			post("/sign-out")
		}
	}
	fmt.Println(lines.Err())
	// Output: : ;;data: hats are in;;event: over;data:;;<nil>
}
