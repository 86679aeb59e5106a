package echov5session_test

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
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

// Echo takes 103 for the final status, so a 404 becomes a 200. In the middleware it does not.
func TestEarlyHints(t *testing.T) {
	f := setUp(t)
	unwrapped := func(c *echo.Context) http.ResponseWriter {
		res, err := echo.UnwrapResponse(c.Response())
		if err != nil {
			t.Error(err)
		}
		return res.Unwrap()
	}
	for name, c := range map[string]struct {
		use     []echo.MiddlewareFunc
		through func(c *echo.Context) http.ResponseWriter
		status  int
	}{
		"without the middleware: Echo's mistake": {nil, (*echo.Context).Response, 200},
		"without it, as documented":              {nil, unwrapped, 404},
		"in the middleware":                      {[]echo.MiddlewareFunc{echov5session.New(f.Manager)}, (*echo.Context).Response, 404},
		"in it, as documented":                   {[]echo.MiddlewareFunc{echov5session.New(f.Manager)}, unwrapped, 404},
		"Gzip outside":                           {[]echo.MiddlewareFunc{middleware.Gzip(), echov5session.New(f.Manager)}, (*echo.Context).Response, 404},
	} {
		srv := httptest.NewServer(server(func(ec *echo.Context) error {
			if c.use != nil {
				s, _ := echov5session.Get(ec)
				_ = count.Set(s, 1)
			}
			ec.Response().Header().Set("Link", "</style.css>; rel=preload")
			c.through(ec).WriteHeader(103)
			return ec.String(404, "gone")
		}, c.use...))
		hints := 0
		r, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
				if code == 103 && h.Get("Link") != "" && h.Get("Set-Cookie") == "" {
					hints++
				}
				return nil
			},
		}), "GET", srv.URL, nil)
		res, err := srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body := text(t, res)
		_ = res.Body.Close()
		srv.Close()
		if res.StatusCode != c.status || hints != 1 || len(res.Header["Set-Cookie"]) != min(1, len(c.use)) || body != "gone" {
			t.Errorf("%s: got %d %v %q, %d hints", name, res.StatusCode, res.Header, body, hints)
		}
	}
}

// The backend sends 103 before its 404. Without the middleware Echo makes it a 200.
func TestReverseProxyWithHints(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(103)
		w.WriteHeader(404)
		_, _ = io.WriteString(w, "of the backend")
	}))
	defer backend.Close()
	target, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxies := map[string]echo.HandlerFunc{
		"httputil": echo.WrapHandler(httputil.NewSingleHostReverseProxy(target)),
		"Echo's": middleware.Proxy(middleware.NewRoundRobinBalancer([]*middleware.ProxyTarget{{URL: target}}))(
			func(*echo.Context) error { return errors.New("the proxy passes on") }),
	}
	for name, proxy := range proxies {
		for _, place := range around {
			if strings.Contains(place.name, "WrapMiddleware") || strings.Contains(place.name, "without Unwrap") {
				continue // another Response, or a writer that hides it, is in the way
			}
			f := setUp(t)
			srv := httptest.NewServer(server(sets(proxy), place.use(echov5session.New(f.Manager))...))
			status, header, body := fetch(t, srv)
			srv.Close()
			if status != 404 || len(header["Set-Cookie"]) != 1 || f.store.Calls()["Create"] != 1 || body != "of the backend" {
				t.Errorf("%s, %s: got %d %v %q", name, place.name, status, header, body)
			}
		}
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
	e.Use(middleware.Recover(), echov5session.New(f.Manager), func(next echo.HandlerFunc) echo.HandlerFunc {
		return echov5session.Handle(func(c *echo.Context, s *core.Session) error { _ = count.Set(s, 1); return next(c) })
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
