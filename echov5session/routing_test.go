package echov5session_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v5"

	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/echov5session"
)

func TestGroup(t *testing.T) {
	f := setUp(t)
	e := server(sets(page))
	in := e.Group("/in", echov5session.New(f.Manager))
	in.GET("/page", sets(page))
	if res := request(e, "GET", "/in/page"); res.StatusCode != 200 || len(res.Cookies()) != 1 {
		t.Errorf("in the group: got %d, cookies %v", res.StatusCode, res.Cookies())
	}
	if res := request(e, "GET", "/"); res.StatusCode != 500 || len(res.Cookies()) != 0 {
		t.Errorf("outside: got %d, cookies %v", res.StatusCode, res.Cookies())
	}
	before := len(f.store.Calls())
	if res := request(e, "GET", "/in/nowhere"); res.StatusCode != 404 || len(f.store.Calls()) != before {
		t.Errorf("not found: got %d, %v", res.StatusCode, f.store.Calls())
	}
}

// Middleware of Pre runs before the route is known.
func TestPre(t *testing.T) {
	f := setUp(t)
	e := server(sets(page))
	e.Pre(echov5session.New(f.Manager))
	if res := request(e, "GET", "/"); res.StatusCode != 200 || len(res.Cookies()) != 1 {
		t.Errorf("got %d, cookies %v", res.StatusCode, res.Cookies())
	}
	e.RouteNotFound("/*", sets(func(*echo.Context) error { return echo.ErrNotFound }))
	if res := request(e, "GET", "/nowhere"); res.StatusCode != 404 || len(res.Cookies()) != 1 {
		t.Errorf("not found: got %d, cookies %v", res.StatusCode, res.Cookies())
	}
}

// The middleware of the Echo that NewVirtualHostHandler returns does not run for the hosts: mount one in each host.
func TestVirtualHosts(t *testing.T) {
	shop, staff := setUp(t), setUpNamed(t, "__Host-staff")
	e := echo.NewVirtualHostHandler(map[string]*echo.Echo{
		"shop":  server(sets(page), echov5session.New(shop.Manager)),
		"staff": server(sets(page), echov5session.New(staff.Manager)),
		"bare":  server(sets(page)),
	})
	e.Use(echov5session.New(shop.Manager))
	for host, cookie := range map[string]string{"shop": "__Host-session", "staff": "__Host-staff", "bare": ""} {
		res := request(e, "GET", "http://"+host+"/")
		if cookie == "" {
			if res.StatusCode != 500 {
				t.Errorf("%s: got %d", host, res.StatusCode)
			}
		} else if c := res.Cookies(); len(c) != 1 || c[0].Name != cookie {
			t.Errorf("%s: cookies %v", host, c)
		}
	}
}

// An Echo inside another one has the outer session. With the same manager its own middleware passes requests on.
func TestEchoInEcho(t *testing.T) {
	answers := map[string]struct {
		status int
		answer echo.HandlerFunc
	}{
		"page":  {200, page},
		"error": {401, func(*echo.Context) error { return echo.ErrUnauthorized }},
		"JSON":  {200, func(c *echo.Context) error { return c.JSON(200, "page") }},
	}
	for name, a := range answers {
		for _, twice := range []bool{false, true} {
			f := setUp(t)
			inner := server(sets(a.answer))
			if twice {
				inner.Use(echov5session.New(f.Manager))
			}
			e := server(page, echov5session.New(f.Manager))
			e.Any("/sub/*", echo.WrapHandler(http.StripPrefix("/sub", inner)))
			if res := request(e, "GET", "/sub/"); res.StatusCode != a.status || len(res.Cookies()) != 1 || f.store.Calls()["Create"] != 1 {
				t.Errorf("%s, %t: got %d, cookies %v", name, twice, res.StatusCode, res.Cookies())
			}
			f.store.Before(storetest.On("Create"))
			if res := request(e, "GET", "/sub/"); res.StatusCode != 503 || text(t, res) != unavailable || len(res.Cookies()) != 0 {
				t.Errorf("%s, %t: failed save: got %d", name, twice, res.StatusCode)
			}
		}
	}
}

// AutoHandleHEAD runs the handler of GET and keeps its body back.
func TestAutoHandleHEAD(t *testing.T) {
	for name, a := range map[string]struct {
		status int
		length string
		answer echo.HandlerFunc
	}{
		"page":    {200, "4", page},
		"JSON":    {200, "7", func(c *echo.Context) error { return c.JSON(200, "page") }},
		"nothing": {200, "", func(*echo.Context) error { return nil }},
		"flush":   {200, "4", func(c *echo.Context) error { flush(c); return page(c) }},
		"error":   {401, "", func(*echo.Context) error { return echo.ErrUnauthorized }},
		"no body": {204, "", func(c *echo.Context) error { return c.NoContent(204) }},
	} {
		f := setUp(t)
		e := echo.NewWithConfig(echo.Config{Router: echo.NewRouter(echo.RouterConfig{AutoHandleHEAD: true})})
		e.Use(echov5session.New(f.Manager))
		e.GET("/", sets(a.answer))
		res := request(e, "HEAD", "/")
		if res.StatusCode != a.status || len(res.Cookies()) != 1 || f.store.Calls()["Create"] != 1 || res.Header.Get("Content-Length") != a.length {
			t.Errorf("%s: got %d %v", name, res.StatusCode, res.Header)
		}
		f.store.Before(storetest.On("Create"))
		if res := request(e, "HEAD", "/"); res.StatusCode != 503 || len(res.Cookies()) != 0 || text(t, res) != "" {
			t.Errorf("%s: failed save: got %d %v", name, res.StatusCode, res.Header)
		}
	}
}

// What is written to Echo's response itself goes past the middleware: a new session has no cookie.
func TestWrittenPastTheMiddleware(t *testing.T) {
	f := setUp(t)
	res := get(server(sets(func(c *echo.Context) error {
		res, err := echo.UnwrapResponse(c.Response())
		if err != nil {
			return err
		}
		_, err = res.Write([]byte("page"))
		return err
	}), echov5session.New(f.Manager)))
	if res.StatusCode != 200 || len(res.Cookies()) != 0 {
		t.Errorf("got %d, cookies %v: the package comment says otherwise", res.StatusCode, res.Cookies())
	}
}

// An outer middleware may answer in place of HTTPErrorHandler, or try again.
func TestErrorsInOuterMiddleware(t *testing.T) {
	translates := func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			if err := next(c); err != nil {
				return c.JSON(418, err.Error())
			}
			return nil
		}
	}
	retries := func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			if err := next(c); err == nil {
				return nil
			}
			return next(c)
		}
	}
	for name, c := range map[string]struct {
		outer  echo.MiddlewareFunc
		status int
	}{"translates": {translates, 418}, "retries": {retries, 200}} {
		for _, place := range around {
			f := setUp(t)
			calls := 0
			srv := httptest.NewServer(server(sets(func(c *echo.Context) error {
				if calls++; calls == 1 {
					return errors.New("the first time")
				}
				return page(c)
			}), append([]echo.MiddlewareFunc{c.outer}, place.use(echov5session.New(f.Manager))...)...))
			want := c.status
			if place.name == "Logger outside" || place.name == "Logger in Gzip outside" || place.name == "Logger inside" || place.name == "a writer without Unwrap outside" {
				want = 500 // HTTPErrorHandler has answered before
			}
			status, header, body := fetch(t, srv)
			if status != want || want != 500 && (len(header["Set-Cookie"]) != 1 || f.store.Calls()["Create"] != 1) {
				t.Errorf("%s, %s: got %d %v %q", name, place.name, status, header, body)
			}
			calls = 0
			f.store.Before(storetest.On("Create"))
			if status, header, body := fetch(t, srv); want != 500 && (status != 503 || header["Set-Cookie"] != nil || body != unavailable) {
				t.Errorf("%s, %s: failed save: got %d %v %q", name, place.name, status, header, body)
			}
			srv.Close()
		}
	}
}

// HTTPErrorHandler has the session, whatever middleware took its writer back before.
func TestErrorPageWithSessionInEveryMiddleware(t *testing.T) {
	for name, first := range map[string]func(c *echo.Context){"page": func(*echo.Context) {}, "flush": flush} {
		for _, place := range around {
			f := setUp(t)
			e := server(func(*echo.Context) error { return echo.ErrUnauthorized }, place.use(echov5session.New(f.Manager))...)
			e.HTTPErrorHandler = func(c *echo.Context, err error) {
				if res, _ := echo.UnwrapResponse(c.Response()); res != nil && res.Committed {
					return // as a handler must, for RequestLogger
				}
				if s, err := echov5session.Get(c); err == nil {
					_ = count.Set(s, 1)
				}
				first(c)
				_ = c.String(echo.StatusCode(err), "sorry")
			}
			srv := httptest.NewServer(e)
			if _, header, _ := fetch(t, srv); len(header["Set-Cookie"]) != 1 || f.store.Calls()["Create"] != 1 {
				t.Errorf("%s, %s: %v %v", name, place.name, header, f.store.Calls())
			}
			f.store.Before(storetest.On("Create"))
			status, header, _ := fetch(t, srv)
			if header["Set-Cookie"] != nil || name == "page" && status != 503 {
				t.Errorf("%s, %s: failed save: got %d %v", name, place.name, status, header)
			}
			srv.Close()
		}
	}
}
