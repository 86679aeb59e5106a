package echov5session_test

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/echov5session"
)

// These tests pin what Echo does around the adapter: where one fails after an update of Echo,
// the adapter or its advice may have to change.

// answers are the ways of an Echo handler to answer, and the status of each.
var answers = []struct {
	name   string
	status int
	answer func(c *echo.Context) error
}{
	{"String", 200, page},
	{"NoContent", 204, func(c *echo.Context) error { return c.NoContent(204) }},
	{"nothing", 200, func(*echo.Context) error { return nil }},
	{"Redirect", 303, func(c *echo.Context) error { return c.Redirect(303, "/login") }},
	{"HTTPError", 401, func(*echo.Context) error { return echo.ErrUnauthorized }},
	{"not found", 404, func(*echo.Context) error { return echo.ErrNotFound }},
	{"JSON", 200, func(c *echo.Context) error { return c.JSON(200, "page") }},
	{"JSONP", 200, func(c *echo.Context) error { return c.JSONP(200, "f", "page") }},
	{"XML", 200, func(c *echo.Context) error { return c.XML(200, "page") }},
	{"Stream", 200, func(c *echo.Context) error { return c.Stream(200, "text/plain", strings.NewReader("page")) }},
	{"Flush", 200, func(c *echo.Context) error { flush(c); return page(c) }},
	{"ResponseController", 200, func(c *echo.Context) error {
		_ = http.NewResponseController(c.Response()).Flush()
		return page(c)
	}},
	{"HTTPErrorHandler", 418, func(c *echo.Context) error {
		c.Echo().HTTPErrorHandler(c, echo.NewHTTPError(418, ""))
		return nil
	}},
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
	{"Gzip and WrapMiddleware outside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{middleware.Gzip(), echo.WrapMiddleware(http.NewCrossOriginProtection().Handler), s}
	}},
	{"BodyDump and WrapMiddleware outside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{
			middleware.BodyDump(func(*echo.Context, []byte, []byte, error) {}), echo.WrapMiddleware(http.NewCrossOriginProtection().Handler), s,
		}
	}},
	{"Gzip inside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{s, middleware.Gzip()}
	}},
	{"Gzip of long pages inside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{s, middleware.GzipWithConfig(middleware.GzipConfig{MinLength: 1000})}
	}},
	{"BodyDump outside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{middleware.BodyDump(func(*echo.Context, []byte, []byte, error) {}), s}
	}},
	{"BodyDump inside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{s, middleware.BodyDump(func(*echo.Context, []byte, []byte, error) {})}
	}},
	{"Recover inside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{s, middleware.Recover()}
	}},
	{"Logger outside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{middleware.RequestLoggerWithConfig(middleware.RequestLoggerConfig{
			HandleError:   true, // has the error handler answer before the outer middleware
			LogValuesFunc: func(*echo.Context, middleware.RequestLoggerValues) error { return nil },
		}), s}
	}},
	{"Logger in Gzip outside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{middleware.Gzip(), middleware.RequestLogger(), s}
	}},
	{"Logger inside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{s, middleware.RequestLogger()}
	}},
	{"ContextTimeout outside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{middleware.ContextTimeout(time.Minute), s}
	}},
	{"ContextTimeout inside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{s, middleware.ContextTimeout(time.Minute)}
	}},
	{"WrapMiddleware outside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{echo.WrapMiddleware(http.NewCrossOriginProtection().Handler), s}
	}},
	{"WrapMiddleware inside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{s, echo.WrapMiddleware(http.NewCrossOriginProtection().Handler)}
	}},
	{"a writer without Unwrap outside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{hides, s}
	}},
	{"a writer without Unwrap inside", func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{s, hides}
	}},
}

// hides is a middleware with a writer that lacks Unwrap, which Echo asks for.
func hides(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		outer := c.Response()
		defer c.SetResponse(outer)
		c.SetResponse(struct {
			http.ResponseWriter
			http.Flusher
		}{outer, outer.(http.Flusher)})
		return next(c)
	}
}

func flush(c *echo.Context) { _ = http.NewResponseController(c.Response()).Flush() }

func TestEveryAnswerThroughEveryMiddleware(t *testing.T) {
	for _, place := range around {
		for _, a := range answers {
			t.Run(place.name+"/"+a.name, func(t *testing.T) {
				f := setUp(t)
				srv := httptest.NewServer(server(sets(a.answer), place.use(echov5session.New(f.Manager))...))
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
		return func(c *echo.Context) error { _ = next(c); return nil }
	}
	res := get(server(sets(func(*echo.Context) error { return echo.ErrUnauthorized }), drop, echov5session.New(f.Manager)))
	if res.StatusCode != 200 || len(res.Cookies()) != 0 || f.store.Calls()["Create"] != 0 {
		t.Errorf("got %d, cookies %v", res.StatusCode, res.Cookies())
	}
}

func TestHijack(t *testing.T) {
	f := setUp(t)
	srv := httptest.NewServer(server(sets(func(c *echo.Context) error {
		conn, _, err := http.NewResponseController(c.Response()).Hijack()
		if err != nil {
			return err
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: "+c.Response().Header().Get("Set-Cookie")+"\r\n\r\n")
		return nil
	}), echov5session.New(f.Manager)))
	defer srv.Close()
	if _, header, _ := fetch(t, srv); len(header["Set-Cookie"]) != 1 {
		t.Errorf("the upgrader found no cookie: %v", header)
	}
	f.store.Before(storetest.On("Create"))
	if status, _, body := fetch(t, srv); status != 503 || body != unavailable {
		t.Errorf("failed save: got %d %q", status, body)
	}
}

// Before hooks of Echo v5 run when the session is stored. Those of Echo v4 run before that.
func TestBeforeHooksRunTooLate(t *testing.T) {
	f := setUp(t)
	hooked := func(hook func(s *core.Session)) http.Handler {
		return server(echov5session.Handle(func(c *echo.Context, s *core.Session) error {
			res, err := echo.UnwrapResponse(c.Response())
			if err != nil {
				return err
			}
			res.Before(func() { hook(s) })
			return page(c)
		}), echov5session.New(f.Manager))
	}
	res := get(hooked(func(s *core.Session) {
		if err := count.Set(s, 1); !errors.Is(err, core.ErrHeaderSent) {
			t.Errorf("a new session: %v, want ErrHeaderSent", err)
		}
	}))
	if len(res.Cookies()) != 0 {
		t.Error("the hook's session has a cookie")
	}
	cookie := get(server(sets(page), echov5session.New(f.Manager))).Cookies()[0]
	get(hooked(func(s *core.Session) {
		if err := count.Set(s, 2); err != nil {
			t.Error("a session that is there:", err)
		}
	}), "Cookie", cookie.Name+"="+cookie.Value)
	if f.store.Calls()["Update"] != 1 {
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
		res := get(server(sets(func(c *echo.Context) error {
			s, _ := outer.FromContext(c.Request().Context())
			_ = count.Set(s, 1)
			return echo.ErrUnauthorized
		}), echov5session.New(outer.Manager), echov5session.New(inner.Manager)))
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
	e := server(echov5session.Handle(func(_ *echo.Context, got *core.Session) error {
		s = got
		_ = count.Set(s, 1)
		panic("no")
	}), middleware.Recover(), echov5session.New(f.Manager))
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
	e := server(echov5session.Handle(func(_ *echo.Context, got *core.Session) error {
		s = got
		_ = count.Set(s, 1)
		panic(http.ErrAbortHandler)
	}), echov5session.New(f.Manager), middleware.Recover())
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
		"page": page, "nothing": func(*echo.Context) error { return nil }, "redirect": func(c *echo.Context) error { return c.Redirect(303, "/") },
	} {
		f := setUp(t)
		f.store.Before(storetest.On("Create"))
		var outside error
		status, answers := 0, 0
		e := echo.New()
		e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c *echo.Context) error {
				outside = next(c)
				_, status = echo.ResolveResponseStatus(c.Response(), outside)
				return outside
			}
		}, echov5session.New(f.Manager))
		e.HTTPErrorHandler = func(c *echo.Context, err error) {
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

// A logger outside logs the status that the client gets.
func TestLoggedStatus(t *testing.T) {
	for name, a := range map[string]struct {
		status int
		answer echo.HandlerFunc
	}{"page": {200, page}, "error": {401, func(*echo.Context) error { return echo.ErrUnauthorized }}} {
		f := setUp(t)
		logged := 0
		e := server(sets(a.answer), middleware.RequestLoggerWithConfig(middleware.RequestLoggerConfig{
			LogStatus: true, HandleError: true,
			LogValuesFunc: func(_ *echo.Context, v middleware.RequestLoggerValues) error { logged = v.Status; return nil },
		}), echov5session.New(f.Manager))
		if get(e); logged != a.status {
			t.Errorf("%s: logged %d", name, logged)
		}
		f.store.Before(storetest.On("Create"))
		if get(e); logged != 503 {
			t.Errorf("%s: failed save: logged %d", name, logged)
		}
	}
}

// Tests of handlers make contexts without a request.
func TestContextWithoutRequest(t *testing.T) {
	f := setUp(t)
	c := echo.New().NewContext(nil, httptest.NewRecorder())
	if s, err := echov5session.Get(c); !errors.Is(err, core.ErrNoSession) || s == nil {
		t.Errorf("Get: %v, %v", s, err)
	}
	err := echov5session.New(f.Manager)(echov5session.Handle(func(*echo.Context, *core.Session) error { t.Error("the handler runs"); return nil }))(c)
	var he *echo.HTTPError
	if !errors.As(err, &he) || he.Code != 500 {
		t.Errorf("Handle: %v", err)
	}
}

func TestLateChanges(t *testing.T) {
	f := setUp(t)
	cookie := get(server(sets(page), echov5session.New(f.Manager))).Cookies()[0]
	get(server(echov5session.Handle(func(c *echo.Context, s *core.Session) error {
		flush(c)
		return count.Set(s, 2)
	}), echov5session.New(f.Manager)), "Cookie", cookie.Name+"="+cookie.Value)
	if f.store.Calls()["Update"] != 1 {
		t.Error("not stored")
	}
}
