package peer

import (
	"bufio"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/session"
)

var bareFiberV3 = App{Module: "github.com/gofiber/fiber/v3", Framework: "fiber v3", New: func(Env) (*Running, error) {
	return onFiberV3(nothing[fiber.Ctx](), aloneErr[fiber.Ctx]), nil
}}

func init() {
	All = append(All, fiberV3App("memory", func(Env) (fiber.Storage, error) { return nil, nil }))
}

// fiberV3App is Fiber v3's session over a storage; a nil one is Fiber's own in memory.
func fiberV3App(store string, open func(Env) (fiber.Storage, error)) App {
	return App{"fiber v3 session", "github.com/gofiber/fiber/v3", "fiber v3", store, func(env Env) (*Running, error) {
		storage, err := open(env)
		if err != nil {
			return nil, err
		}
		middleware, sessions := session.NewWithStore(session.Config{Storage: storage})
		running := onFiberV3(library[fiber.Ctx, *session.Middleware]{
			get: func(s *session.Middleware, key any) int {
				n, _ := s.Get(key).(int)
				return n
			},
			set:  func(s *session.Middleware, key any, n int) { s.Set(key, n) },
			fill: func(s *session.Middleware, key string, value any) { s.Set(key, value) },
			end:  func(_ fiber.Ctx, s *session.Middleware) error { return s.Reset() },
		}, func(h func(fiber.Ctx, *session.Middleware) error) func(fiber.Ctx) error {
			return func(c fiber.Ctx) error { return h(c, session.FromContext(c)) }
		}, middleware)
		running.Close = func() { _ = sessions.Storage.Close() }
		return running, nil
	}}
}

// onFiberV3 serves the routes of l. open makes a handler of one that takes a session.
func onFiberV3[S any](l library[fiber.Ctx, S], open func(func(fiber.Ctx, S) error) func(fiber.Ctx) error, middleware ...fiber.Handler) *Running {
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	for _, m := range middleware {
		app.Use(m)
	}
	app.Get(Untouched, func(c fiber.Ctx) error { return c.SendString("hello") })
	for path, use := range l.uses(func(c fiber.Ctx) string { return string([]byte(c.Query("key"))) }) { // Fiber reuses its memory
		answer := func(c fiber.Ctx, text string) error { return c.SendString(text) }
		if path == Stream {
			answer = fiberV3Stream
		}
		app.Get(path, open(func(c fiber.Ctx, s S) error {
			text, err := use(c, s)
			if err != nil {
				return err
			}
			return answer(c, text)
		}))
	}
	return &Running{Fast: app.Handler(), Close: func() {}}
}

func fiberV3Stream(c fiber.Ctx, text string) error {
	return c.SendStreamWriter(func(w *bufio.Writer) {
		_, _ = w.WriteString(text[:1])
		_ = w.Flush()
		_, _ = w.WriteString(text[1:])
	})
}
