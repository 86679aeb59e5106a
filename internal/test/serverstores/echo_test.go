package serverstores

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/adaptertest"
	"github.com/coatcheck-go/coatcheck/echosession"
)

type echoAdapter struct{}

func (echoAdapter) Caps() adaptertest.Caps {
	return adaptertest.Caps{Informational: true, TimeLimit: true, NotFound: true, HTTP: true, Errors: true}
}

func (echoAdapter) Serve(tb testing.TB, m *core.Manager, o adaptertest.Options, routes map[string]adaptertest.Handler) string {
	var opts []echosession.Option
	if o.Skip {
		opts = append(opts, echosession.WithSkip(func(echo.Context) bool { return true }))
	}
	if o.Error != nil {
		opts = append(opts, echosession.WithErrorHandler(func(c echo.Context, err error) error { return o.Error(echoCtx{c, nil}, err) }))
	}
	if o.Passive {
		opts = append(opts, echosession.WithPassive(func(echo.Context) bool { return true }))
	}
	if o.OnLogin != nil {
		opts = append(opts, echosession.WithLoginHandler(func(c echo.Context, ch core.Challenge) error { return o.OnLogin(echoCtx{c, nil}, ch) }))
	}
	session := echosession.New(m, opts...)
	e := echo.New()
	e.Logger.SetOutput(io.Discard)
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
	use(o.Login, echosession.RequireLogin)
	if o.Fresh > 0 {
		e.Use(echosession.RequireFresh(o.Fresh))
	}
	for path, h := range routes {
		e.Any(path, echoHandler(o, h))
	}
	if o.NotFound != nil {
		e.RouteNotFound("/*", echoHandler(o, o.NotFound))
	}
	return adaptertest.Serve(tb, o, e)
}

func echoHandler(o adaptertest.Options, h adaptertest.Handler) echo.HandlerFunc {
	if o.Handle {
		return echosession.Handle(func(c echo.Context, s *core.Session) error { return h(echoCtx{c, s}) })
	}
	return func(c echo.Context) error { return h(echoCtx{c, nil}) }
}

type echoCtx struct {
	c echo.Context
	s *core.Session // from Handle
}

func (c echoCtx) Session() (*core.Session, error) {
	if c.s != nil {
		return c.s, nil
	}
	return echosession.Get(c.c)
}

func (c echoCtx) HTTP() (http.ResponseWriter, *http.Request) { return c.c.Response(), c.c.Request() }
func (c echoCtx) Context() context.Context                   { return c.c.Request().Context() }
func (c echoCtx) Header(name string) string                  { return c.c.Request().Header.Get(name) }
func (c echoCtx) Path() string                               { return c.c.Request().URL.Path }
func (c echoCtx) SetHeader(name, value string)               { c.c.Response().Header().Set(name, value) }
func (c echoCtx) AddHeader(name, value string)               { c.c.Response().Header().Add(name, value) }
func (c echoCtx) Info(status int)                            { c.c.Response().Writer.WriteHeader(status) }
func (c echoCtx) String(status int, body string) error       { return c.c.String(status, body) }
func (c echoCtx) NoContent(status int) error                 { return c.c.NoContent(status) }
func (c echoCtx) Redirect(status int, url string) error      { return c.c.Redirect(status, url) }
func (c echoCtx) File(path string) error                     { return c.c.File(path) }
func (c echoCtx) Fail(status int) error                      { return echo.NewHTTPError(status) }
func (c echoCtx) Hijack(serve func(net.Conn)) error {
	return adaptertest.Upgrade(c.c.Response(), serve)
}

func (c echoCtx) Stream(produce func(send func(chunk string) error)) error {
	return adaptertest.Stream(c.c.Response(), produce)
}
