package fiberv3stores

import (
	"bufio"
	"context"
	"errors"
	"net"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/compress"
	"github.com/gofiber/fiber/v3/middleware/recover"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/adaptertest"
	"github.com/coatcheck-go/coatcheck/fiberv3session"
)

type fiberAdapter struct{}

func (fiberAdapter) Caps() adaptertest.Caps {
	return adaptertest.Caps{Buffered: true, NotFound: true, Errors: true}
}

func (fiberAdapter) Serve(tb testing.TB, m *core.Manager, o adaptertest.Options, routes map[string]adaptertest.Handler) string {
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10, ErrorHandler: quiet})
	if o.RecoverOutside {
		app.Use(recover.New())
	}
	if o.GzipOutside {
		app.Use(compress.New())
	}
	var opts []fiberv3session.Option
	if o.Skip {
		opts = append(opts, fiberv3session.WithSkip(func(fiber.Ctx) bool { return true }))
	}
	if o.Error != nil {
		opts = append(opts, fiberv3session.WithErrorHandler(func(c fiber.Ctx, err error) error { return o.Error(&fiberCtx{c, nil}, err) }))
	}
	if o.Passive {
		opts = append(opts, fiberv3session.WithPassive(func(fiber.Ctx) bool { return true }))
	}
	if o.OnLogin != nil {
		opts = append(opts, fiberv3session.WithLoginHandler(func(c fiber.Ctx, ch core.Challenge) error { return o.OnLogin(&fiberCtx{c, nil}, ch) }))
	}
	mount := fiberv3session.New(m, opts...)
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
		app.Use(fiberv3session.RequireLogin)
	}
	if o.Fresh > 0 {
		app.Use(fiberv3session.RequireFresh(o.Fresh))
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
	go func() { _ = app.Listener(ln, fiber.ListenConfig{DisableStartupMessage: true}) }()
	tb.Cleanup(func() { _ = ln.Close() }) // Shutdown would wait for a tenth of a second
	return "http://" + ln.Addr().String()
}

// quiet shows nothing of a fiberCtx that fasthttp could not read: the text of its error has the client's header.
func quiet(c fiber.Ctx, err error) error {
	if e := (*fiber.Error)(nil); errors.As(err, &e) && e.Code == fiber.StatusBadRequest {
		err = fiber.ErrBadRequest
	}
	return fiber.DefaultErrorHandler(c, err)
}

func fiberHandler(h adaptertest.Handler, o adaptertest.Options) fiber.Handler {
	if o.Handle {
		return fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error { return h(&fiberCtx{c, s}) })
	}
	return func(c fiber.Ctx) error { return h(&fiberCtx{c, nil}) }
}

type fiberCtx struct {
	c     fiber.Ctx
	given *core.Session
}

func (r *fiberCtx) Session() (*core.Session, error) {
	if r.given != nil {
		return r.given, nil
	}
	return fiberv3session.Get(r.c)
}

func (r *fiberCtx) Context() context.Context             { return r.c.Context() }
func (r *fiberCtx) Header(name string) string            { return r.c.Get(name) }
func (r *fiberCtx) Path() string                         { return r.c.Path() }
func (r *fiberCtx) SetHeader(name, value string)         { r.c.Set(name, value) }
func (r *fiberCtx) AddHeader(name, value string)         { r.c.Response().Header.Add(name, value) }
func (r *fiberCtx) String(status int, body string) error { return r.c.Status(status).SendString(body) }
func (r *fiberCtx) NoContent(status int) error           { r.c.Status(status); return nil }
func (r *fiberCtx) Redirect(status int, url string) error {
	return r.c.Redirect().Status(status).To(url)
}
func (r *fiberCtx) File(path string) error { return r.c.SendFile(path) }
func (r *fiberCtx) Fail(status int) error  { return fiber.NewError(status) }
func (r *fiberCtx) Info(int)               {}

func (r *fiberCtx) Stream(produce func(send func(string) error)) error {
	r.c.Set(fiber.HeaderContentType, fiber.MIMETextPlain)
	r.c.RequestCtx().SetBodyStreamWriter(func(w *bufio.Writer) {
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
	r.c.RequestCtx().Hijack(serve)
	return nil
}
