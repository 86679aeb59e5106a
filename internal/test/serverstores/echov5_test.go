package serverstores

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/adaptertest"
	"github.com/coatcheck-go/coatcheck/echov5session"
)

type echov5Adapter struct{}

func (echov5Adapter) Caps() adaptertest.Caps {
	return adaptertest.Caps{Informational: true, TimeLimit: true, NotFound: true, HTTP: true, Errors: true}
}

func (echov5Adapter) Serve(tb testing.TB, m *core.Manager, o adaptertest.Options, routes map[string]adaptertest.Handler) string {
	var opts []echov5session.Option
	if o.Skip {
		opts = append(opts, echov5session.WithSkip(func(*echo.Context) bool { return true }))
	}
	if o.Error != nil {
		opts = append(opts, echov5session.WithErrorHandler(func(c *echo.Context, err error) error { return o.Error(echov5Ctx{c, nil}, err) }))
	}
	if o.Passive {
		opts = append(opts, echov5session.WithPassive(func(*echo.Context) bool { return true }))
	}
	if o.OnLogin != nil {
		opts = append(opts, echov5session.WithLoginHandler(func(c *echo.Context, ch core.Challenge) error { return o.OnLogin(echov5Ctx{c, nil}, ch) }))
	}
	session := echov5session.New(m, opts...)
	e := echo.New()
	e.Logger = slog.New(slog.DiscardHandler)
	use := func(wanted bool, mw echo.MiddlewareFunc) {
		if wanted {
			e.Use(mw)
		}
	}
	use(o.RecoverOutside, middleware.Recover())
	use(o.GzipOutside, middleware.Gzip())
	use(!o.None, session)
	use(o.Twice, session)
	use(o.GzipInside, middleware.Gzip())
	use(o.RecoverInside, middleware.Recover())
	use(o.Login, echov5session.RequireLogin)
	if o.Fresh > 0 {
		e.Use(echov5session.RequireFresh(o.Fresh))
	}
	for path, h := range routes {
		e.Any(path, echov5Handler(o, h))
	}
	if o.NotFound != nil {
		e.RouteNotFound("/*", echov5Handler(o, o.NotFound))
	}
	return adaptertest.Serve(tb, o, e)
}

func echov5Handler(o adaptertest.Options, h adaptertest.Handler) echo.HandlerFunc {
	if o.Handle {
		return echov5session.Handle(func(c *echo.Context, s *core.Session) error { return h(echov5Ctx{c, s}) })
	}
	return func(c *echo.Context) error { return h(echov5Ctx{c, nil}) }
}

type echov5Ctx struct {
	c *echo.Context
	s *core.Session // from Handle
}

func (c echov5Ctx) Session() (*core.Session, error) {
	if c.s != nil {
		return c.s, nil
	}
	return echov5session.Get(c.c)
}

func (c echov5Ctx) HTTP() (http.ResponseWriter, *http.Request) { return c.c.Response(), c.c.Request() }
func (c echov5Ctx) Context() context.Context                   { return c.c.Request().Context() }
func (c echov5Ctx) Header(name string) string                  { return c.c.Request().Header.Get(name) }
func (c echov5Ctx) Path() string                               { return c.c.Request().URL.Path }
func (c echov5Ctx) SetHeader(name, value string)               { c.c.Response().Header().Set(name, value) }
func (c echov5Ctx) AddHeader(name, value string)               { c.c.Response().Header().Add(name, value) }
func (c echov5Ctx) Info(status int)                            { c.c.Response().WriteHeader(status) }
func (c echov5Ctx) String(status int, body string) error       { return c.c.String(status, body) }
func (c echov5Ctx) NoContent(status int) error                 { return c.c.NoContent(status) }
func (c echov5Ctx) Redirect(status int, url string) error      { return c.c.Redirect(status, url) }
func (c echov5Ctx) Fail(status int) error                      { return echo.NewHTTPError(status, "") }
func (c echov5Ctx) Hijack(serve func(net.Conn)) error {
	return adaptertest.Upgrade(c.c.Response(), serve)
}

// File: Echo's own takes a path inside an fs.FS.
func (c echov5Ctx) File(path string) error {
	http.ServeFile(c.c.Response(), c.c.Request(), path)
	return nil
}

func (c echov5Ctx) Stream(produce func(send func(chunk string) error)) error {
	return adaptertest.Stream(c.c.Response(), produce)
}
