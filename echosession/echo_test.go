package echosession_test

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/echosession"
)

// These tests pin what Echo does around the adapter: where one fails after an update of Echo,
// the adapter or its advice may have to change.

// answers are the ways of an Echo handler to answer, and the status of each.
var answers = []struct {
	name   string
	status int
	answer func(c echo.Context) error
}{
	{"String", 200, page},
	{"NoContent", 204, func(c echo.Context) error { return c.NoContent(204) }},
	{"nothing", 200, func(echo.Context) error { return nil }},
	{"Redirect", 303, func(c echo.Context) error { return c.Redirect(303, "/login") }},
	{"HTTPError", 401, func(echo.Context) error { return echo.ErrUnauthorized }},
	{"not found", 404, echo.NotFoundHandler},
	{"Stream", 200, func(c echo.Context) error { return c.Stream(200, "text/plain", strings.NewReader("page")) }},
	{"Flush", 200, func(c echo.Context) error { c.Response().Flush(); return page(c) }},
	{"Unwrap", 200, func(c echo.Context) error { _, err := io.WriteString(c.Response().Unwrap(), "page"); return err }},
	{"ResponseController", 200, func(c echo.Context) error {
		_ = http.NewResponseController(c.Response()).Flush()
		return page(c)
	}},
	{"c.Error", 418, func(c echo.Context) error { c.Error(echo.NewHTTPError(418)); return nil }},
	{"WrapHandler", 200, echo.WrapHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "page") }))},
}

// around are middleware that replace the response's writer, on either side.
var around = []struct {
	name string
	use  func(session echo.MiddlewareFunc) []echo.MiddlewareFunc
}{
	{"alone", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc { return []echo.MiddlewareFunc{s} }},
	{"twice", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc { return []echo.MiddlewareFunc{s, s} }},
	{"Gzip outside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{middleware.Gzip(), s}
	}},
	{"Gzip inside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{s, middleware.Gzip()}
	}},
	{"Gzip of long pages inside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{s, middleware.GzipWithConfig(middleware.GzipConfig{MinLength: 1000})}
	}},
	{"BodyDump inside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{s, middleware.BodyDump(func(echo.Context, []byte, []byte) {})}
	}},
	{"Recover inside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{s, middleware.Recover()}
	}},
	{"Logger outside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{middleware.RequestLoggerWithConfig(middleware.RequestLoggerConfig{
			HandleError:   true, // has the error handler answer before the outer middleware
			LogValuesFunc: func(echo.Context, middleware.RequestLoggerValues) error { return nil },
		}), s}
	}},
}

func TestEveryAnswerThroughEveryMiddleware(t *testing.T) {
	for _, place := range around {
		for _, a := range answers {
			t.Run(place.name+"/"+a.name, func(t *testing.T) {
				f := setUp(t)
				srv := httptest.NewServer(server(sets(a.answer), place.use(echosession.New(f.Manager))...))
				defer srv.Close()
				status, header, _ := fetch(t, srv)
				if status != a.status || len(header["Set-Cookie"]) != 1 || f.store.Calls()["Create"] != 1 {
					t.Errorf("got %d %v, want %d with a cookie", status, header, a.status)
				}
				if !slices.Contains(header["Vary"], "Cookie") {
					t.Errorf("Vary %q", header["Vary"])
				}

				f.store.Before(storetest.On("Create"))
				status, header, body := fetch(t, srv)
				if status != 503 || body != unavailable || header["Set-Cookie"] != nil || header["Location"] != nil {
					t.Errorf("failed save: got %d %v %q", status, header, body)
				}
				f.store.Reset()
				if status, _, _ := fetch(t, srv); status != a.status {
					t.Errorf("afterwards: got %d, want %d", status, a.status)
				}
			})
		}
	}
}

// fetch asks for a compressed page and returns it readable, or fails.
func fetch(t *testing.T, srv *httptest.Server) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequest("GET", srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip")
	res, err := srv.Client().Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body := io.Reader(res.Body)
	if res.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(res.Body); err != nil {
			t.Fatal(err)
		}
	}
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(data)
}

// If a middleware outside drops an error, nobody ever says which status it was to be.
func TestErrorDroppedOutside(t *testing.T) {
	f := setUp(t)
	drop := func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error { _ = next(c); return nil }
	}
	res := get(server(sets(func(echo.Context) error { return echo.ErrUnauthorized }), drop, echosession.New(f.Manager)))
	if res.StatusCode != 200 || len(res.Cookies()) != 0 || f.store.Calls()["Create"] != 0 {
		t.Errorf("got %d, cookies %v", res.StatusCode, res.Cookies())
	}
}

// Echo takes 103 for the final status, so a 404 becomes a 200; the session is stored nevertheless.
func TestEarlyHints(t *testing.T) {
	for name, c := range map[string]struct {
		through func(c echo.Context) http.ResponseWriter
		status  int
	}{
		"Response, Echo's mistake": {func(c echo.Context) http.ResponseWriter { return c.Response() }, 200},
		"Writer, as documented":    {func(c echo.Context) http.ResponseWriter { return c.Response().Writer }, 404},
	} {
		f := setUp(t)
		srv := httptest.NewServer(server(sets(func(ec echo.Context) error {
			c.through(ec).WriteHeader(103)
			return ec.String(404, "gone")
		}), echosession.New(f.Manager)))
		status, header, body := fetch(t, srv)
		srv.Close()
		if status != c.status || len(header["Set-Cookie"]) != 1 || body != "gone" {
			t.Errorf("%s: got %d %v %q", name, status, header, body)
		}
	}
}

func TestHijack(t *testing.T) {
	f := setUp(t)
	srv := httptest.NewServer(server(sets(func(c echo.Context) error {
		conn, _, err := c.Response().Hijack()
		if err != nil {
			return err
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: "+c.Response().Header().Get("Set-Cookie")+"\r\n\r\n")
		return nil
	}), echosession.New(f.Manager)))
	defer srv.Close()
	if _, header, _ := fetch(t, srv); len(header["Set-Cookie"]) != 1 {
		t.Errorf("the upgrader found no cookie: %v", header)
	}
	f.store.Before(storetest.On("Create"))
	if status, _, body := fetch(t, srv); status != 503 || body != unavailable {
		t.Errorf("failed save: got %d %q", status, body)
	}
}

// With Gzip outside, an HTTPErrorHandler that flushes before it writes goes past the middleware: Gzip has taken its writer
// away, and Echo's Flush runs no hooks. The package's comment names it; echov5session has no such hole.
func TestErrorPageThatFlushes(t *testing.T) {
	for name, c := range map[string]struct {
		outside []echo.MiddlewareFunc
		cookies int
	}{
		"alone":            {nil, 1},
		"BodyDump outside": {[]echo.MiddlewareFunc{middleware.BodyDump(func(echo.Context, []byte, []byte) {})}, 1},
		"Gzip outside":     {[]echo.MiddlewareFunc{middleware.Gzip()}, 0},
	} {
		f := setUp(t)
		e := server(func(echo.Context) error { return echo.ErrUnauthorized }, append(c.outside, echosession.New(f.Manager))...)
		e.HTTPErrorHandler = func(_ error, c echo.Context) {
			s, _ := echosession.Get(c)
			_ = count.Set(s, 1)
			c.Response().Flush()
		}
		srv := httptest.NewServer(e)
		status, header, _ := fetch(t, srv)
		srv.Close()
		if len(header["Set-Cookie"]) != c.cookies {
			t.Errorf("%s: %d %v, want %d cookies", name, status, header, c.cookies)
		}
	}
}

// Before hooks run before the session is stored, so that they may use it.
func TestBeforeHooksUseTheSession(t *testing.T) {
	f := setUp(t)
	res := get(server(echosession.Handle(func(c echo.Context, s *core.Session) error {
		c.Response().Before(func() {
			if err := count.Set(s, 1); err != nil {
				t.Error(err)
			}
		})
		return page(c)
	}), echosession.New(f.Manager)))
	if len(res.Cookies()) != 1 {
		t.Error("not stored")
	}
}

func TestTwoManagersAndAnError(t *testing.T) {
	for _, failing := range []string{"", "outer", "inner"} {
		outer, inner := setUpNamed(t, "__Host-staff"), setUp(t)
		switch failing {
		case "outer":
			outer.store.Before(storetest.On("Create"))
		case "inner":
			inner.store.Before(storetest.On("Create"))
		}
		res := get(server(sets(func(c echo.Context) error {
			s, _ := outer.FromContext(c.Request().Context())
			_ = count.Set(s, 1)
			return echo.ErrUnauthorized
		}), echosession.New(outer.Manager), echosession.New(inner.Manager)))
		body := text(t, res)
		if failing == "" && (res.StatusCode != 401 || len(res.Cookies()) != 2) {
			t.Errorf("got %d, cookies %v", res.StatusCode, res.Cookies())
		}
		if failing != "" && (res.StatusCode != 503 || body != unavailable) {
			t.Errorf("%s fails: got %d %q", failing, res.StatusCode, body)
		}
	}
}

func TestPanicsPassUntouched(t *testing.T) {
	f := setUp(t)
	var s *core.Session
	e := server(echosession.Handle(func(_ echo.Context, got *core.Session) error {
		s = got
		_ = count.Set(s, 1)
		panic("no")
	}), middleware.Recover(), echosession.New(f.Manager))
	if res := get(e); res.StatusCode != 500 || len(res.Cookies()) != 0 || f.store.Calls()["Create"] != 0 {
		t.Errorf("got %d, cookies %v", res.StatusCode, res.Cookies())
	}
	if err := count.Set(s, 2); !errors.Is(err, core.ErrClosed) {
		t.Errorf("afterwards: %v, want ErrClosed", err)
	}
}

// Recover passes this one on, and nobody answers.
func TestAbortHandler(t *testing.T) {
	f := setUp(t)
	var s *core.Session
	e := server(echosession.Handle(func(_ echo.Context, got *core.Session) error {
		s = got
		_ = count.Set(s, 1)
		panic(http.ErrAbortHandler)
	}), echosession.New(f.Manager), middleware.Recover())
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("panic %v", p)
		}
		if err := count.Set(s, 2); !errors.Is(err, core.ErrClosed) {
			t.Errorf("afterwards: %v, want ErrClosed", err)
		}
	}()
	get(e)
}

// A failed save is answered by HTTPErrorHandler, once. A logger outside sees the response: an error would be answered again.
func TestFailedSaveIsAnsweredOnce(t *testing.T) {
	for name, answer := range map[string]echo.HandlerFunc{
		"page": page, "nothing": func(echo.Context) error { return nil }, "redirect": func(c echo.Context) error { return c.Redirect(303, "/") },
	} {
		f := setUp(t)
		f.store.Before(storetest.On("Create"))
		var outside error
		status, answers := 0, 0
		e := echo.New()
		e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c echo.Context) error { outside = next(c); status = c.Response().Status; return outside }
		}, echosession.New(f.Manager))
		e.HTTPErrorHandler = func(err error, c echo.Context) {
			answers++
			var he *echo.HTTPError
			if !errors.As(err, &he) || !errors.Is(err, core.ErrUnavailable) {
				t.Errorf("%s: HTTPErrorHandler got %v", name, err)
			}
			_ = c.String(he.Code, "sorry")
		}
		e.GET("/", sets(answer))
		res := get(e)
		if answers != 1 || res.StatusCode != 503 || text(t, res) != "sorry" || outside != nil || status != 503 {
			t.Errorf("%s: answered %d times, status %d, outside %v, %d", name, answers, res.StatusCode, outside, status)
		}
	}
}

// Echo's own proxy is httputil.ReverseProxy, which panics where it cannot write on.
func TestRefusedSaveInTheProxy(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("of the backend ", 10_000))
	}))
	defer backend.Close()
	target, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := setUp(t)
	f.store.Before(storetest.On("Create"))
	e := echo.New()
	e.Use(middleware.Recover(), echosession.New(f.Manager), func(next echo.HandlerFunc) echo.HandlerFunc {
		return echosession.Handle(func(c echo.Context, s *core.Session) error { _ = count.Set(s, 1); return next(c) })
	}, middleware.Proxy(middleware.NewRoundRobinBalancer([]*middleware.ProxyTarget{{URL: target}})))
	app := httptest.NewServer(e)
	defer app.Close()
	res, err := http.Get(app.URL)
	if err != nil {
		t.Fatal(err)
	}
	if body := text(t, res); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || strings.Contains(body, "backend") {
		t.Errorf("status %d, header %v, body %.80q", res.StatusCode, res.Header, body)
	}
}

// Tests of handlers make contexts without a request.
func TestContextWithoutRequest(t *testing.T) {
	f := setUp(t)
	c := echo.New().NewContext(nil, httptest.NewRecorder())
	if s, err := echosession.Get(c); !errors.Is(err, core.ErrNoSession) || s == nil {
		t.Errorf("Get: %v, %v", s, err)
	}
	err := echosession.New(f.Manager)(echosession.Handle(func(echo.Context, *core.Session) error { t.Error("the handler runs"); return nil }))(c)
	var he *echo.HTTPError
	if !errors.As(err, &he) || he.Code != 500 {
		t.Errorf("Handle: %v", err)
	}
}

func TestLateChanges(t *testing.T) {
	f := setUp(t)
	cookie := get(server(sets(page), echosession.New(f.Manager))).Cookies()[0]
	get(server(echosession.Handle(func(c echo.Context, s *core.Session) error {
		c.Response().Flush()
		return count.Set(s, 2)
	}), echosession.New(f.Manager)), "Cookie", cookie.Name+"="+cookie.Value)
	if f.store.Calls()["Update"] != 1 {
		t.Error("not stored")
	}
}
