package serverstores

import (
	"bufio"
	"context"
	"net"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/compress"
	"github.com/gofiber/fiber/v2/middleware/recover"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/adaptertest"
	"github.com/coatcheck-go/coatcheck/fibersession"
)

type fiberAdapter struct{}

func (fiberAdapter) Caps() adaptertest.Caps {
	return adaptertest.Caps{Buffered: true, NotFound: true, Errors: true}
}

func (fiberAdapter) Serve(tb testing.TB, m *core.Manager, o adaptertest.Options, routes map[string]adaptertest.Handler) string {
	app := fiber.New(fiber.Config{DisableStartupMessage: true, ReadBufferSize: 16 << 10})
	if o.RecoverOutside {
		app.Use(recover.New())
	}
	if o.GzipOutside {
		app.Use(compress.New())
	}
	var opts []fibersession.Option
	if o.Skip {
		opts = append(opts, fibersession.WithSkip(func(*fiber.Ctx) bool { return true }))
	}
	if o.Error != nil {
		opts = append(opts, fibersession.WithErrorHandler(func(c *fiber.Ctx, err error) error { return o.Error(&fiberCtx{c, nil}, err) }))
	}
	if o.Passive {
		opts = append(opts, fibersession.WithPassive(func(*fiber.Ctx) bool { return true }))
	}
	if o.OnLogin != nil {
		opts = append(opts, fibersession.WithLoginHandler(func(c *fiber.Ctx, ch core.Challenge) error { return o.OnLogin(&fiberCtx{c, nil}, ch) }))
	}
	mount := fibersession.New(m, opts...)
	if !o.None {
		app.Use(mount)
	}
	if o.Twice {
		app.Use(mount)
	}
	if o.GzipInside {
		app.Use(compress.New())
	}
	if o.RecoverInside {
		app.Use(recover.New())
	}
	if o.Login {
		app.Use(fibersession.RequireLogin)
	}
	if o.Fresh > 0 {
		app.Use(fibersession.RequireFresh(o.Fresh))
	}
	for path, h := range routes {
		app.All(path, fiberHandler(h, o))
	}
	if o.NotFound != nil {
		app.Use(fiberHandler(o.NotFound, o))
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	go func() { _ = app.Listener(ln) }()
	tb.Cleanup(func() { _ = ln.Close() }) // Shutdown would wait for a tenth of a second
	return "http://" + ln.Addr().String()
}

func fiberHandler(h adaptertest.Handler, o adaptertest.Options) fiber.Handler {
	if o.Handle {
		return fibersession.Handle(func(c *fiber.Ctx, s *core.Session) error { return h(&fiberCtx{c, s}) })
	}
	return func(c *fiber.Ctx) error { return h(&fiberCtx{c, nil}) }
}

type fiberCtx struct {
	c     *fiber.Ctx
	given *core.Session
}

func (r *fiberCtx) Session() (*core.Session, error) {
	if r.given != nil {
		return r.given, nil
	}
	return fibersession.Get(r.c)
}

func (r *fiberCtx) Context() context.Context              { return r.c.UserContext() }
func (r *fiberCtx) Header(name string) string             { return r.c.Get(name) }
func (r *fiberCtx) Path() string                          { return r.c.Path() }
func (r *fiberCtx) SetHeader(name, value string)          { r.c.Set(name, value) }
func (r *fiberCtx) AddHeader(name, value string)          { r.c.Response().Header.Add(name, value) }
func (r *fiberCtx) String(status int, body string) error  { return r.c.Status(status).SendString(body) }
func (r *fiberCtx) NoContent(status int) error            { r.c.Status(status); return nil }
func (r *fiberCtx) Redirect(status int, url string) error { return r.c.Redirect(url, status) }
func (r *fiberCtx) File(path string) error                { return r.c.SendFile(path) }
func (r *fiberCtx) Fail(status int) error                 { return fiber.NewError(status) }
func (r *fiberCtx) Info(int)                              {}

func (r *fiberCtx) Stream(produce func(send func(string) error)) error {
	r.c.Set(fiber.HeaderContentType, fiber.MIMETextPlain)
	r.c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		produce(func(chunk string) error {
			_, _ = w.WriteString(chunk)
			return w.Flush()
		})
	})
	return nil
}

func (r *fiberCtx) Hijack(serve func(net.Conn)) error {
	r.c.Status(fiber.StatusSwitchingProtocols)
	r.c.Set(fiber.HeaderConnection, "Upgrade")
	r.c.Set(fiber.HeaderUpgrade, "echo")
	r.c.Context().Hijack(serve)
	return nil
}
