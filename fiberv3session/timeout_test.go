package fiberv3session_test

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/logger"
	"github.com/gofiber/fiber/v3/middleware/timeout"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/fiberv3session"
)

// custom is an application's own context, which package timeout treats in another way.
type custom struct{ *fiber.DefaultCtx }

func newCustom(cfg ...fiber.Config) *fiber.App {
	return fiber.NewWithCustomCtx(func(app *fiber.App) fiber.CustomCtx { return &custom{fiber.NewDefaultCtx(app)} }, cfg...)
}

// Package timeout answers 408 for its handler, which goes on in another goroutine with half of its work done.
func TestTimeoutStoresNothing(t *testing.T) {
	limits := map[string]timeout.Config{
		"408": {Timeout: 20 * time.Millisecond},
		"own answer": {Timeout: 20 * time.Millisecond, OnTimeout: func(c fiber.Ctx) error {
			return c.Status(fiber.StatusServiceUnavailable).SendString("late")
		}},
	}
	for what, limit := range limits {
		for where, inside := range map[string]bool{"around the handler": true, "outside": false} {
			for name, app := range map[string]*fiber.App{"ours": fiber.New(), "custom": newCustom()} {
				f := setUp(t, core.Config{})
				ended, goOn := make(chan error, 1), make(chan bool)
				slow := fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error {
					_ = count.Set(s, 1)
					<-c.Context().Done()
					<-goOn
					err := count.Set(s, 2)
					if inside {
						ended <- err
					}
					return err
				})
				if inside {
					app.Use(fiberv3session.New(f.Manager))
					app.Get("/", timeout.New(slow, limit))
				} else {
					app.Use(timeout.New(func(c fiber.Ctx) error {
						defer func() { ended <- nil }()
						return c.Next()
					}, limit))
					app.Use(fiberv3session.New(f.Manager))
					app.Get("/", slow)
				}
				res, body := get(t, app)
				close(goOn)
				if err := <-ended; inside && !errors.Is(err, core.ErrClosed) {
					t.Errorf("%s, %s, %s: a change after the answer: %v", what, where, name, err)
				}
				if res.StatusCode == 200 || body == "" || cookie(res) != "" || f.store.Calls()["Create"] != 0 {
					t.Errorf("%s, %s, %s: %d %q %v %v", what, where, name, res.StatusCode, body, res.Header, f.store.Calls())
				}
			}
		}
	}
}

// A Logout counts even then, and the client is told.
func TestTimeoutAfterLogout(t *testing.T) {
	f := setUp(t, core.Config{})
	app := fiber.New()
	app.Use(fiberv3session.New(f.Manager))
	app.Get("/", timeout.New(fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error {
		if c.Get("X-Out") == "" {
			return count.Set(s, 1)
		}
		_ = s.Logout()
		<-c.Context().Done()
		return nil
	}), timeout.Config{Timeout: 300 * time.Millisecond}))
	in, _ := get(t, app)
	out, _ := get(t, app, "Cookie", cookie(in), "X-Out", "1")
	if in.StatusCode != 200 || out.StatusCode != 408 && out.StatusCode != 200 || len(out.Cookies()) != 1 || out.Cookies()[0].MaxAge >= 0 {
		t.Errorf("%d %v, then %d %v", in.StatusCode, in.Header, out.StatusCode, out.Header)
	}
	if calls := f.store.Calls(); calls["Update"] != 1 {
		t.Errorf("the session is there: %v", calls)
	}
}

// Handlers that went on leave nothing behind for the requests that follow on their connections.
func TestTimeoutUnderLoad(t *testing.T) {
	f := setUp(t, core.Config{})
	app := fiber.New()
	app.Use(logger.New(logger.Config{Stream: io.Discard}))
	app.Use(fiberv3session.New(f.Manager))
	app.Get("/:n", timeout.New(fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error {
		_ = count.Update(s, func(n int) int { return n + 1 })
		if c.Params("n") == "slow" {
			<-c.Context().Done()
			for range 20 {
				_ = count.Update(s, func(n int) int { return n + 1 })
				_ = c.Context().Value(exchange)
				time.Sleep(time.Millisecond)
			}
		}
		return c.SendString("done")
	}), timeout.Config{Timeout: 20 * time.Millisecond}))
	url := listen(t, app)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 20 {
				path := []string{"/fast", "/slow"}[i%2]
				res, err := http.Get(url + path)
				if err != nil {
					t.Error(err)
					return
				}
				res.Body.Close()
				if late := res.StatusCode == 408; late == (cookie(res) != "") || path == "/slow" && !late {
					t.Errorf("%s: %d %v", path, res.StatusCode, res.Header)
				}
			}
		})
	}
	all.Wait()
}
