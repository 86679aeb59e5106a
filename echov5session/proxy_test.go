package echov5session_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/echov5session"
)

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
		"WrapMiddleware inside, as documented": {[]echo.MiddlewareFunc{
			echov5session.New(f.Manager), echo.WrapMiddleware(http.NewCrossOriginProtection().Handler),
		}, unwrapped, 404},
		"Gzip outside": {[]echo.MiddlewareFunc{middleware.Gzip(), echov5session.New(f.Manager)}, (*echo.Context).Response, 404},
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

// After the hint of an outer middleware, Echo takes the response for sent.
func TestFailedSaveAfterAHintOutside(t *testing.T) {
	f := setUp(t)
	f.store.Before(storetest.On("Create"))
	srv := httptest.NewServer(server(sets(page), func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			c.Response().WriteHeader(103)
			return next(c)
		}
	}, echov5session.New(f.Manager)))
	defer srv.Close()
	if status, header, body := fetch(t, srv); status != 503 || body != unavailable {
		t.Errorf("got %d %v %q", status, header, body)
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
