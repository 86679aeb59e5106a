package echov5session_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v5"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/echov5session"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

const count core.Key[int] = "count"

// fixture is a manager over a store that can be told to fail.
type fixture struct {
	*core.Manager
	store *storetest.Fault
}

func setUp(t *testing.T) fixture { return setUpNamed(t, "") }

func setUpNamed(t *testing.T, cookie string) fixture {
	t.Helper()
	f := fixture{store: storetest.NewFault(made.Of(memstore.New(memstore.Config{})))}
	var err error
	f.Manager, err = core.New(core.Config{
		Store: f.store.Store(), Cookie: core.Cookie{Name: cookie}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// get sends one request to h, without a server.
func get(h http.Handler, header ...string) *http.Response { return request(h, "GET", "/", header...) }

func request(h http.Handler, method, url string, header ...string) *http.Response {
	r := httptest.NewRequest(method, url, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Result()
}

func text(t *testing.T, res *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// server serves h at / behind the middleware, the first outermost.
func server(h echo.HandlerFunc, use ...echo.MiddlewareFunc) *echo.Echo {
	e := echo.New()
	e.Logger = slog.New(slog.DiscardHandler)
	e.Use(use...)
	e.GET("/", h)
	return e
}

// sets is a handler that changes the session and then does what answer does.
func sets(answer func(c *echo.Context) error) echo.HandlerFunc {
	return echov5session.Handle(func(c *echo.Context, s *core.Session) error {
		_ = count.Set(s, 1)
		return answer(c)
	})
}

func page(c *echo.Context) error { return c.String(200, "page") }

const unavailable = `{"message":"Service Unavailable"}` + "\n"

func TestNilManagerPanics(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "echov5session") {
			t.Errorf("panic %q does not say where", text)
		}
	}()
	echov5session.New(nil)
}

func TestOutageOnLoad(t *testing.T) {
	f := setUp(t)
	f.store.Before(storetest.Outage)
	for name, h := range map[string]echo.HandlerFunc{
		"Handle": echov5session.Handle(func(*echo.Context, *core.Session) error { t.Error("the handler ran"); return nil }),
		"Get": func(c *echo.Context) error {
			_, err := echov5session.Get(c)
			return err
		},
	} {
		res := get(server(h, echov5session.New(f.Manager)), "Cookie", "__Host-session="+strings.Repeat("A", 43))
		if res.StatusCode != 503 || res.Header["Set-Cookie"] != nil || text(t, res) != unavailable {
			t.Errorf("%s: got %d %v", name, res.StatusCode, res.Header)
		}
		if name == "Handle" && (res.Header.Get("Retry-After") != core.RetryAfter(core.ErrUnavailable) || res.Header.Get("Cache-Control") != "no-store") {
			t.Errorf("header %v", res.Header)
		}
	}
}

func TestWithoutMiddleware(t *testing.T) {
	res := get(server(sets(page)))
	if res.StatusCode != 500 || text(t, res) != `{"message":"Internal Server Error"}`+"\n" {
		t.Errorf("got %d, want a 500 that says nothing", res.StatusCode)
	}
	c := echo.New().NewContext(httptest.NewRequest("GET", "/", nil), httptest.NewRecorder())
	if s, err := echov5session.Get(c); !errors.Is(err, core.ErrNoSession) || s == nil {
		t.Errorf("Get: %v, %v", s, err)
	}
}

func TestSkip(t *testing.T) {
	f := setUp(t)
	skip := echov5session.WithSkip(func(c *echo.Context) bool { return c.Request().Header.Get("X-Skip") != "" })
	e := server(sets(page), echov5session.New(f.Manager, skip))
	if res := get(e, "X-Skip", "1"); res.StatusCode != 500 {
		t.Errorf("skipped: got %d, want 500", res.StatusCode)
	}
	if res := get(e); res.StatusCode != 200 {
		t.Errorf("not skipped: got %d", res.StatusCode)
	}
}

func TestErrorHandler(t *testing.T) {
	for name, handle := range map[string]func(*echo.Context, error) error{
		"returns": func(*echo.Context, error) error { return echo.NewHTTPError(http.StatusTeapot, "") },
		"sends":   func(c *echo.Context, _ error) error { return c.NoContent(http.StatusTeapot) },
	} {
		f := setUp(t)
		e := server(sets(page), echov5session.New(f.Manager, echov5session.WithErrorHandler(handle)))
		for _, method := range []string{"Load", "Create"} {
			f.store.Before(storetest.On(method))
			res := get(e, "Cookie", "__Host-session="+strings.Repeat("A", 43))
			if res.StatusCode != http.StatusTeapot || strings.Contains(text(t, res), "page") || res.Header.Get("Retry-After") == "" {
				t.Errorf("%s, %s: got %d %v", name, method, res.StatusCode, res.Header)
			}
		}
	}
}

// What an error handler outside of all middleware shows may depend on the session, too.
func TestErrorPageWithSession(t *testing.T) {
	f := setUp(t)
	var s *core.Session
	e := server(func(*echo.Context) error { return echo.ErrUnauthorized }, echov5session.New(f.Manager))
	e.HTTPErrorHandler = func(c *echo.Context, _ error) {
		s, _ = echov5session.Get(c)
		_ = count.Set(s, 1)
		_ = c.NoContent(401)
	}
	if res := get(e); res.StatusCode != 401 || len(res.Cookies()) != 1 {
		t.Errorf("got %d, cookies %v", res.StatusCode, res.Cookies())
	}
	if err := count.Set(s, 2); !errors.Is(err, core.ErrClosed) {
		t.Errorf("afterwards: %v, want ErrClosed", err)
	}
}
