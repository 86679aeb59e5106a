package peer

import (
	"bufio"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/session"
)

var bareFiberV2 = App{Module: "github.com/gofiber/fiber/v2", Framework: "fiber v2", New: func(Env) (*Running, error) {
	return onFiberV2(nothing[*fiber.Ctx](), aloneErr[*fiber.Ctx]), nil
}}

func init() {
	All = append(All, fiberV2App("memory", func(Env) (fiber.Storage, error) { return nil, nil }))
}

// fiberV2App is Fiber v2's session over a storage; a nil one is Fiber's own in memory.
func fiberV2App(store string, open func(Env) (fiber.Storage, error)) App {
	return App{"fiber v2 session", "github.com/gofiber/fiber/v2", "fiber v2", store, func(env Env) (*Running, error) {
		storage, err := open(env)
		if err != nil {
			return nil, err
		}
		sessions := session.New(session.Config{Storage: storage})
		running := onFiberV2(library[*fiber.Ctx, *session.Session]{
			get: func(s *session.Session, key any) int {
				n, _ := s.Get(key.(string)).(int)
				return n
			},
			set:  func(s *session.Session, key any, n int) { s.Set(key.(string), n) },
			fill: func(s *session.Session, key string, value any) { s.Set(key, value) },
			save: func(_ *fiber.Ctx, s *session.Session) error { return s.Save() },
			end:  func(_ *fiber.Ctx, s *session.Session) error { return s.Destroy() },
		}, func(h func(*fiber.Ctx, *session.Session) error) func(*fiber.Ctx) error {
			return func(c *fiber.Ctx) error {
				s, err := sessions.Get(c)
				if err != nil {
					return err
				}
				return h(c, s)
			}
		})
		running.Close = func() { _ = sessions.Storage.Close() }
		return running, nil
	}}
}

// onFiberV2 serves the routes of l. open makes a handler of one that takes a session.
func onFiberV2[S any](l library[*fiber.Ctx, S], open func(func(*fiber.Ctx, S) error) func(*fiber.Ctx) error, middleware ...fiber.Handler) *Running {
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10, DisableStartupMessage: true}) // a cookie store's header may be large
	for _, m := range middleware {
		app.Use(m)
	}
	app.Get(Untouched, func(c *fiber.Ctx) error { return c.SendString("hello") })
	for path, use := range l.uses(func(c *fiber.Ctx) string { return string([]byte(c.Query("key"))) }) { // Fiber reuses its memory
		answer := func(c *fiber.Ctx, text string) error { return c.SendString(text) }
		if path == Stream {
			answer = fiberV2Stream
		}
		app.Get(path, open(func(c *fiber.Ctx, s S) error {
			text, err := use(c, s)
			if err != nil {
				return err
			}
			return answer(c, text)
		}))
	}
	return &Running{Fast: app.Handler(), Close: func() {}}
}

func fiberV2Stream(c *fiber.Ctx, text string) error {
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		_, _ = w.WriteString(text[:1])
		_ = w.Flush()
		_, _ = w.WriteString(text[1:])
	})
	return nil
}
