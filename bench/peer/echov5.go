package peer

import (
	"net/http"

	gorilla "github.com/gorilla/sessions"
	"github.com/labstack/echo-contrib/v5/session"
	"github.com/labstack/echo/v5"
)

var bareEchoV5 = App{Module: "github.com/labstack/echo/v5", Framework: "echo v5", New: func(Env) (*Running, error) {
	return onEchoV5(nothing[*echo.Context](), aloneErr[*echo.Context]), nil
}}

// onEchoV5 serves the routes of l. open makes a handler of one that takes a session.
func onEchoV5[S any](l library[*echo.Context, S], open func(func(*echo.Context, S) error) func(*echo.Context) error, middleware ...echo.MiddlewareFunc) *Running {
	e := echo.New()
	e.Use(middleware...)
	e.GET(Untouched, func(c *echo.Context) error { return c.String(http.StatusOK, "hello") })
	for path, use := range l.uses(func(c *echo.Context) string { return c.QueryParam("key") }) {
		answer := func(c *echo.Context, text string) error { return c.String(http.StatusOK, text) }
		if path == Stream {
			answer = echoV5Stream
		}
		e.GET(path, open(func(c *echo.Context, s S) error {
			text, err := use(c, s)
			if err != nil {
				return err
			}
			return answer(c, text)
		}))
	}
	return &Running{HTTP: e, Close: func() {}}
}

func echoV5Stream(c *echo.Context, text string) error {
	if err := c.String(http.StatusOK, text[:1]); err != nil {
		return err
	}
	if err := http.NewResponseController(c.Response()).Flush(); err != nil {
		return err
	}
	_, err := c.Response().Write([]byte(text[1:]))
	return err
}

// echoContribV5App is echoContribApp for Echo v5.
func echoContribV5App(store string, open func(Env) (gorilla.Store, error)) App {
	return App{"echo-contrib/session", "github.com/labstack/echo-contrib/v5", "echo v5", store, func(env Env) (*Running, error) {
		backend, err := open(env)
		if err != nil {
			return nil, err
		}
		l := gorillaLibrary(func(c *echo.Context, s *gorilla.Session) error { return s.Save(c.Request(), c.Response()) })
		return onEchoV5(l, func(h func(*echo.Context, *gorilla.Session) error) func(*echo.Context) error {
			return func(c *echo.Context) error {
				s, err := session.Get("session", c)
				if err != nil {
					return err
				}
				return h(c, s)
			}
		}, session.Middleware(backend)), nil
	}}
}
