package echov5session_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/echov5session"
)

// The first event arrives, with the cookie, while the handler still runs. What comes later is stored at its end.
func TestEvents(t *testing.T) {
	for _, place := range around {
		f := setUp(t)
		goOn := make(chan struct{})
		srv := httptest.NewServer(server(echov5session.Handle(func(c *echo.Context, s *core.Session) error {
			_ = count.Set(s, 1)
			c.Response().Header().Set("Content-Type", "text/event-stream")
			for i, event := range []string{"data: one\n\n", "data: two\n\n"} {
				if _, err := io.WriteString(c.Response(), event); err != nil {
					return err
				}
				flush(c)
				if i == 0 {
					<-goOn
				}
			}
			return count.Set(s, 2)
		}), place.use(echov5session.New(f.Manager))...))
		res, err := http.Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		first, err := bufio.NewReader(res.Body).ReadString('\n')
		if first != "data: one\n" || err != nil || len(res.Cookies()) != 1 {
			t.Errorf("%s: %q, %v, cookies %v", place.name, first, err, res.Cookies())
		}
		close(goOn)
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		srv.Close()
		if calls := f.store.Calls(); calls["Create"] != 1 || calls["Update"] != 1 {
			t.Errorf("%s: %v", place.name, calls)
		}
	}
}

// A change inside, so that requests for files have a session, too.
func touches(next echo.HandlerFunc) echo.HandlerFunc {
	return echov5session.Handle(func(c *echo.Context, s *core.Session) error {
		_ = count.Set(s, 1)
		return next(c)
	})
}

func TestFilesAndRanges(t *testing.T) {
	files := fstest.MapFS{"page.txt": {Data: []byte("0123456789"), ModTime: time.Unix(1e9, 0)}}
	none := func(*echo.Context) error { return echo.ErrNotFound }
	for name, set := range map[string]func(e *echo.Echo){
		"c.File":   func(e *echo.Echo) { e.GET("/page.txt", func(c *echo.Context) error { return c.File("page.txt") }) },
		"StaticFS": func(e *echo.Echo) { e.StaticFS("/", files) },
		"FileFS":   func(e *echo.Echo) { e.FileFS("/page.txt", "page.txt", files) },
		"Attachment": func(e *echo.Echo) {
			e.GET("/page.txt", func(c *echo.Context) error { return c.Attachment("page.txt", "page.txt") })
		},
		"middleware": func(e *echo.Echo) {
			e.Use(middleware.StaticWithConfig(middleware.StaticConfig{Filesystem: files, Root: "."}))
			e.GET("/*", none)
		},
		"ServeContent": func(e *echo.Echo) {
			e.GET("/page.txt", func(c *echo.Context) error {
				http.ServeContent(c.Response(), c.Request(), "page.txt", time.Unix(1e9, 0), strings.NewReader("0123456789"))
				return nil
			})
		},
	} {
		f := setUp(t)
		e := echo.New()
		e.Filesystem = files
		e.Use(echov5session.New(f.Manager), touches)
		set(e)
		for _, c := range []struct {
			field, value, body string
			status             int
		}{
			{"Range", "bytes=2-4", "234", 206},
			{"Range", "bytes=90-", "invalid range: failed to overlap\n", 416},
			{"If-Modified-Since", time.Unix(1e9, 0).UTC().Format(http.TimeFormat), "", 304},
			{"Accept", "*/*", "0123456789", 200},
		} {
			f.store.Reset()
			res := request(e, "GET", "/page.txt", c.field, c.value)
			if body := text(t, res); res.StatusCode != c.status || body != c.body || len(res.Cookies()) != 1 {
				t.Errorf("%s, %s: got %d %q, cookies %v", name, c.value, res.StatusCode, body, res.Cookies())
			}
			f.store.Before(storetest.On("Create"))
			res = request(e, "GET", "/page.txt", c.field, c.value)
			if body := text(t, res); res.StatusCode != 503 || body != unavailable || res.Header.Get("Content-Range")+res.Header.Get("Last-Modified")+res.Header.Get("Content-Disposition") != "" {
				t.Errorf("%s, %s: failed save: got %d %q %v", name, c.value, res.StatusCode, body, res.Header)
			}
		}
	}
}

// On either side, the 503 of ContextTimeout stores nothing.
func TestContextTimeout(t *testing.T) {
	for _, inside := range []bool{false, true} {
		f := setUp(t)
		use := []echo.MiddlewareFunc{middleware.ContextTimeout(time.Millisecond), echov5session.New(f.Manager)}
		if inside {
			use[0], use[1] = use[1], use[0]
		}
		wait := func(c *echo.Context) error { <-c.Request().Context().Done(); return c.Request().Context().Err() }
		e := server(wait, use...)
		e.GET("/set", sets(wait))
		e.GET("/late", sets(func(c *echo.Context) error { _ = wait(c); return page(c) }))
		if res := request(e, "GET", "/set"); res.StatusCode != 503 || len(res.Cookies()) != 0 || f.store.Calls()["Create"] != 0 {
			t.Errorf("inside %t: got %d, cookies %v", inside, res.StatusCode, res.Cookies())
		}
		// A handler that answers nevertheless is refused if the limit is outside: the client may have its 503.
		want, created := 503, 0
		if inside {
			want, created = 200, 1
		}
		if res := request(e, "GET", "/late"); res.StatusCode != want || len(res.Cookies()) != created || f.store.Calls()["Create"] != created {
			t.Errorf("inside %t: a late page: got %d, cookies %v", inside, res.StatusCode, res.Cookies())
		}
	}
}

// http.TimeoutHandler goes around Echo. In WrapMiddleware it ends, with a 200, before Echo answers an error.
func TestTimeoutHandler(t *testing.T) {
	limit := func(h http.Handler) http.Handler { return http.TimeoutHandler(h, time.Minute, "late") }
	unauthorized := func(*echo.Context) error { return echo.ErrUnauthorized }
	for name, c := range map[string]struct {
		status int
		make   func(session echo.MiddlewareFunc) http.Handler
	}{
		"around": {401, func(s echo.MiddlewareFunc) http.Handler { return limit(server(sets(unauthorized), s)) }},
		"inside": {200, func(s echo.MiddlewareFunc) http.Handler {
			return server(sets(unauthorized), s, echo.WrapMiddleware(limit))
		}},
		"outside": {200, func(s echo.MiddlewareFunc) http.Handler {
			return server(sets(unauthorized), echo.WrapMiddleware(limit), s)
		}},
		"without a session": {200, func(echo.MiddlewareFunc) http.Handler { return server(unauthorized, echo.WrapMiddleware(limit)) }},
	} {
		f := setUp(t)
		srv := httptest.NewServer(c.make(echov5session.New(f.Manager)))
		status, header, body := fetch(t, srv)
		if status != c.status || c.status == 401 && len(header["Set-Cookie"]) != 1 {
			t.Errorf("%s: got %d %v %q", name, status, header, body)
		}
		srv.Close()
	}
}

func TestBodyLimit(t *testing.T) {
	for _, inside := range []bool{false, true} {
		f := setUp(t)
		use := []echo.MiddlewareFunc{middleware.BodyLimit(4), echov5session.New(f.Manager)}
		if inside {
			use = []echo.MiddlewareFunc{echov5session.New(f.Manager), touches, middleware.BodyLimit(4)}
		}
		e := server(page, use...)
		e.POST("/", sets(func(c *echo.Context) error {
			if _, err := io.ReadAll(c.Request().Body); err != nil {
				return err
			}
			return page(c)
		}))
		post := func(body string) *http.Response {
			r := httptest.NewRequestWithContext(context.Background(), "POST", "/", struct{ io.Reader }{strings.NewReader(body)})
			rec := httptest.NewRecorder()
			e.ServeHTTP(rec, r)
			return rec.Result()
		}
		if res := post("long body"); res.StatusCode != 413 || len(res.Cookies()) != 1 {
			t.Errorf("inside %t: too long: got %d, cookies %v", inside, res.StatusCode, res.Cookies())
		}
		if res := post("page"); res.StatusCode != 200 || len(res.Cookies()) != 1 {
			t.Errorf("inside %t: got %d, cookies %v", inside, res.StatusCode, res.Cookies())
		}
	}
}

// A panic after the first byte, with Recover on either side: nothing more is stored, and the response breaks off as it
// would without the middleware.
func TestPanicInAStream(t *testing.T) {
	for _, inside := range []bool{false, true} {
		f := setUp(t)
		use := []echo.MiddlewareFunc{middleware.Recover(), echov5session.New(f.Manager)}
		if inside {
			use[0], use[1] = use[1], use[0]
		}
		var s *core.Session
		e := server(echov5session.Handle(func(c *echo.Context, got *core.Session) error {
			s = got
			_ = count.Set(s, 1)
			_ = page(c)
			flush(c)
			_ = count.Set(s, 2)
			panic("no")
		}), use...)
		res := get(e)
		if body := text(t, res); res.StatusCode != 200 || !strings.HasPrefix(body, "page") {
			t.Errorf("inside %t: got %d %q", inside, res.StatusCode, body)
		}
		if err := count.Set(s, 3); !errors.Is(err, core.ErrClosed) {
			t.Errorf("inside %t: afterwards: %v, want ErrClosed", inside, err)
		}
		if updates := f.store.Calls()["Update"]; !inside && updates != 0 {
			t.Errorf("inside %t: %d updates", inside, updates)
		}
	}
}
