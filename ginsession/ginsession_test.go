package ginsession_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/ginsession"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func init() { gin.SetMode(gin.ReleaseMode) }

// fixture is a manager over a store that can be told to fail.
type fixture struct {
	*core.Manager
	store *storetest.Fault
}

func setUp(t *testing.T) fixture {
	t.Helper()
	f := fixture{store: storetest.NewFault(made.Of(memstore.New(memstore.Config{})))}
	var err error
	f.Manager, err = core.New(core.Config{Store: f.store.Store(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func get(h http.Handler, header ...string) *http.Response { return getPath(h, "/", header...) }

// getPath sends one request to h, without a server.
func getPath(h http.Handler, path string, header ...string) *http.Response {
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Result()
}

// serveReal serves one page over a connection, for what a recorder cannot do.
func serveReal(t *testing.T, r *gin.Engine, handlers ...gin.HandlerFunc) (string, *http.Client) {
	t.Helper()
	r.GET("/", handlers...)
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	return srv.URL, srv.Client()
}

func text(t *testing.T, res *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func engine(handlers ...gin.HandlerFunc) *gin.Engine {
	r := gin.New()
	r.GET("/", handlers...)
	return r
}

func TestNilManagerPanics(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "ginsession") {
			t.Errorf("panic %q does not say where", text)
		}
	}()
	ginsession.New(nil)
}

func TestOutageOnLoad(t *testing.T) {
	f := setUp(t)
	f.store.Before(storetest.Outage)
	later := false
	h := ginsession.Handle(func(*gin.Context, *core.Session) { t.Error("the handler ran") })
	r := engine(ginsession.New(f.Manager), h, func(*gin.Context) { later = true })
	res := get(r, "Cookie", "__Host-session="+strings.Repeat("A", 43))
	if res.StatusCode != 503 || res.Header.Get("Retry-After") != core.RetryAfter(core.ErrUnavailable) ||
		res.Header.Get("Cache-Control") != "no-store" || res.Header["Set-Cookie"] != nil {
		t.Errorf("got %d %v", res.StatusCode, res.Header)
	}
	if text(t, res) != "Service Unavailable" || later {
		t.Errorf("the chain went on: %t", later)
	}
}

func TestWithoutMiddleware(t *testing.T) {
	h := ginsession.Handle(func(*gin.Context, *core.Session) { t.Error("the handler ran") })
	if res := get(engine(h)); res.StatusCode != 500 || text(t, res) != "Internal Server Error" {
		t.Errorf("got %d, want a 500 that says nothing", res.StatusCode)
	}
}

func TestSkip(t *testing.T) {
	f := setUp(t)
	skip := ginsession.WithSkip(func(c *gin.Context) bool { return c.GetHeader("X-Skip") != "" })
	r := engine(ginsession.New(f.Manager, skip), func(c *gin.Context) {
		_, err := ginsession.Get(c)
		c.JSON(200, errors.Is(err, core.ErrNoSession))
	})
	if got := text(t, get(r, "X-Skip", "1")); got != "true" {
		t.Error("not skipped")
	}
	if got := text(t, get(r)); got != "false" {
		t.Error("skipped")
	}
}

func TestErrorHandler(t *testing.T) {
	f := setUp(t)
	later := 0
	teapot := ginsession.WithErrorHandler(func(c *gin.Context, err error) {
		if !errors.Is(err, core.ErrUnavailable) {
			t.Error(err)
		}
		c.Status(http.StatusTeapot) // sends nothing by itself
	})
	next := func(*gin.Context) { later++ }
	r := engine(ginsession.New(f.Manager, teapot), ginsession.Handle(func(c *gin.Context, s *core.Session) {
		_ = count.Set(s, 1)
		c.Header("Etag", "mine")
		c.String(200, "page")
		c.String(200, "more")
	}), next)
	for _, method := range []string{"Load", "Create"} {
		f.store.Before(storetest.On(method))
		res := get(r, "Cookie", "__Host-session="+strings.Repeat("A", 43))
		if res.StatusCode != http.StatusTeapot || text(t, res) != "" || res.Header.Get("Retry-After") == "" || res.Header.Get("Etag") != "" {
			t.Errorf("%s: got %d %v", method, res.StatusCode, res.Header)
		}
	}
	if later != 0 {
		t.Error("the chain went on")
	}
}

// The handler hears of a failed save from every method that sends, and nothing of its
// response gets out.
func TestFailedSave(t *testing.T) {
	for name, send := range map[string]func(c *gin.Context) error{
		"String":         func(c *gin.Context) error { c.String(200, "page"); return c.Errors.Last().Err },
		"Write":          func(c *gin.Context) error { _, err := c.Writer.Write([]byte("page")); return err },
		"WriteString":    func(c *gin.Context) error { _, err := c.Writer.WriteString("page"); return err },
		"Flush":          func(c *gin.Context) error { c.Writer.Flush(); return c.Errors.Last().Err },
		"FlushError":     func(c *gin.Context) error { return http.NewResponseController(c.Writer).Flush() },
		"WriteHeaderNow": func(c *gin.Context) error { c.Writer.WriteHeaderNow(); return c.Errors.Last().Err },
		"Abort":          func(c *gin.Context) error { c.AbortWithStatus(204); return c.Errors.Last().Err },
		"Redirect":       func(c *gin.Context) error { c.Redirect(303, "/login"); return c.Errors.Last().Err },
		"Hijack": func(c *gin.Context) error {
			conn, _, err := c.Writer.Hijack()
			if conn != nil {
				t.Error("a connection was handed out")
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := setUp(t)
			f.store.Before(storetest.On("Create"))
			res := get(engine(ginsession.New(f.Manager), ginsession.Handle(func(c *gin.Context, s *core.Session) {
				_ = count.Set(s, 1)
				c.Header("Etag", "mine")
				if err := send(c); !errors.Is(err, core.ErrUnavailable) {
					t.Errorf("the handler got %v", err)
				}
				c.String(200, "more")
			})))
			if res.StatusCode != 503 || text(t, res) != "Service Unavailable" {
				t.Errorf("got %d", res.StatusCode)
			}
			for _, name := range []string{"Set-Cookie", "Etag", "Location"} {
				if res.Header[name] != nil {
					t.Errorf("header %v", res.Header)
				}
			}
		})
	}
}

// Without a body Gin sends the header past c.Writer.
func TestStatusAlone(t *testing.T) {
	f := setUp(t)
	r := engine(ginsession.New(f.Manager), ginsession.Handle(func(c *gin.Context, s *core.Session) {
		_ = count.Set(s, 1)
		c.Status(204)
	}))
	if res := get(r); res.StatusCode != 204 || len(res.Cookies()) != 1 {
		t.Errorf("got %d, cookies %v", res.StatusCode, res.Cookies())
	}
	f.store.Before(storetest.On("Create"))
	if res := get(r); res.StatusCode != 503 || len(res.Cookies()) != 0 {
		t.Errorf("got %d, cookies %v", res.StatusCode, res.Cookies())
	}
}
