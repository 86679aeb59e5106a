package peer

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

var bareEcho = App{Module: "github.com/labstack/echo/v4", Framework: "echo", New: func(Env) (*Running, error) {
	return onEcho(nothing[echo.Context](), aloneErr[echo.Context]), nil
}}

// onEcho serves the routes of l. open makes a handler of one that takes a session.
func onEcho[S any](l library[echo.Context, S], open func(func(echo.Context, S) error) func(echo.Context) error, middleware ...echo.MiddlewareFunc) *Running {
	e := echo.New()
	e.Use(middleware...)
	e.GET(Untouched, func(c echo.Context) error { return c.String(http.StatusOK, "hello") })
	for path, use := range l.uses(func(c echo.Context) string { return c.QueryParam("key") }) {
		answer := echoText
		if path == Stream {
			answer = echoStream
		}
		e.GET(path, open(func(c echo.Context, s S) error {
			text, err := use(c, s)
			if err != nil {
				return err
			}
			return answer(c, text)
		}))
	}
	return &Running{HTTP: e, Close: func() {}}
}

func echoText(c echo.Context, text string) error { return c.String(http.StatusOK, text) }

func echoStream(c echo.Context, text string) error {
	if err := c.String(http.StatusOK, text[:1]); err != nil {
		return err
	}
	c.Response().Flush()
	_, err := c.Response().Write([]byte(text[1:]))
	return err
}
