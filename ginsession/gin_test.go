package ginsession_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/ginsession"
	"github.com/coatcheck-go/coatcheck/httpsession"
)

const count core.Key[int] = "count"

// These tests pin what Gin does around the adapter: where one fails after an update of Gin, the
// package's advice on placement may have to change.

func TestHandleContext(t *testing.T) {
	for _, managers := range []int{1, 2} {
		f, second := setUp(t), setUp(t)
		r := gin.New()
		r.Use(ginsession.New(f.Manager))
		if managers == 2 {
			r.Use(ginsession.New(second.Manager)) // one cookie name, so one of them wins in a browser
		}
		r.GET("/", func(c *gin.Context) {
			s, _ := f.FromContext(c.Request.Context())
			_ = count.Set(s, 1)
			c.Request.URL.Path = "/elsewhere"
			r.HandleContext(c)
		})
		r.GET("/elsewhere", func(c *gin.Context) {
			s, err := f.FromContext(c.Request.Context())
			if n, _ := count.Get(s); n != 1 || err != nil {
				t.Errorf("another session there: %v", err)
			}
			if managers == 2 {
				s, _ := ginsession.Get(c)
				_ = count.Set(s, 2)
			}
			c.Status(http.StatusNoContent) // sent past c.Writer
		})
		res := get(r)
		if res.StatusCode != 204 || len(res.Cookies()) != managers || f.store.Calls()["Create"] != 1 {
			t.Errorf("%d managers: got %d, cookies %v, calls %v", managers, res.StatusCode, res.Cookies(), f.store.Calls())
		}
	}
}

// The second route has no session middleware and sends the header past the first one's.
func TestHandleContextToARouteWithoutMiddleware(t *testing.T) {
	f := setUp(t)
	var errs []*gin.Error
	r := gin.New()
	r.Use(func(c *gin.Context) { defer func() { errs = c.Errors }(); c.Next() })
	r.GET("/", ginsession.New(f.Manager), ginsession.Handle(func(c *gin.Context, s *core.Session) {
		_ = count.Set(s, 1)
		c.Request.URL.Path = "/bare"
		r.HandleContext(c)
	}))
	r.GET("/bare", func(c *gin.Context) { c.String(200, "bare") })
	if !aborted(func() { get(r) }) || f.store.Calls()["Create"] != 0 {
		t.Errorf("the client takes for whole what is not stored: %v", f.store.Calls())
	}
	if len(errs) != 1 {
		t.Errorf("c.Errors %v, want one that says so", errs)
	}
}

// Mounted twice with a writer between: the inner one must not put its own writer before that.
func TestMountedTwiceAroundAnotherWriter(t *testing.T) {
	f := setUp(t)
	r := gin.New()
	r.Use(ginsession.New(f.Manager), func(c *gin.Context) {
		c.Writer = &shout{c.Writer}
		c.Next()
	}, ginsession.New(f.Manager))
	r.GET("/", ginsession.Handle(func(c *gin.Context, s *core.Session) {
		_ = count.Set(s, 1)
		c.String(200, "quiet")
	}))
	if res := get(r); text(t, res) != "QUIET" || len(res.Cookies()) != 1 {
		t.Errorf("cookies %v", res.Cookies())
	}
}

// shout has no Unwrap, as most writers of Gin middleware.
type shout struct{ gin.ResponseWriter }

func (s *shout) Write(p []byte) (int, error) {
	return s.ResponseWriter.Write([]byte(strings.ToUpper(string(p))))
}
func (s *shout) WriteString(p string) (int, error) { return s.Write([]byte(p)) }

// Mounted outside the session, a renderer of c.Errors speaks too late to keep it from being stored.
func TestErrorRenderer(t *testing.T) {
	render := func(c *gin.Context) {
		c.Next()
		if len(c.Errors) > 0 && !c.Writer.Written() {
			c.JSON(500, "sorry")
		}
	}
	fails := ginsession.Handle(func(c *gin.Context, s *core.Session) {
		_ = count.Set(s, 1)
		_ = c.Error(errors.New("no"))
	})
	for _, place := range []struct {
		name  string
		chain func(session gin.HandlerFunc) []gin.HandlerFunc
		saves int
	}{
		{"session outside", func(s gin.HandlerFunc) []gin.HandlerFunc { return []gin.HandlerFunc{s, render} }, 0},
		{"session inside, as documented", func(s gin.HandlerFunc) []gin.HandlerFunc { return []gin.HandlerFunc{render, s} }, 1},
	} {
		f := setUp(t)
		r := gin.New()
		r.Use(place.chain(ginsession.New(f.Manager))...)
		r.GET("/", fails)
		if res := get(r); res.StatusCode != 500 || f.store.Calls()["Create"] != place.saves {
			t.Errorf("%s: got %d, %v", place.name, res.StatusCode, f.store.Calls())
		}
	}
}

// A gzip middleware that, as gin-contrib/gzip, takes Vary from responses of 400 and more.
func TestVaryIsLostToAGzipOutside(t *testing.T) {
	strip := func(c *gin.Context) {
		c.Writer = &stripper{c.Writer}
		c.Next()
	}
	for name, vary := range map[string]int{"outside, as documented": 0, "inside": 1} {
		f := setUp(t)
		r := gin.New()
		if vary == 0 {
			r.Use(strip, ginsession.New(f.Manager))
		} else {
			r.Use(ginsession.New(f.Manager), strip)
		}
		r.GET("/", ginsession.Handle(func(c *gin.Context, s *core.Session) {
			_ = count.Set(s, 1)
			c.String(401, "no")
		}))
		if res := get(r); len(res.Header["Vary"]) != vary || len(res.Cookies()) != 1 {
			t.Errorf("%s: %v", name, res.Header)
		}
	}
}

type stripper struct{ gin.ResponseWriter }

func (s *stripper) Write(p []byte) (int, error) {
	if s.Status() >= 400 {
		s.Header().Del("Vary")
	}
	return s.ResponseWriter.Write(p)
}

// Gin redirects before any middleware runs.
func TestTrailingSlashRedirectHasNoSession(t *testing.T) {
	f := setUp(t)
	ran := false
	r := gin.New()
	r.Use(func(*gin.Context) { ran = true }, ginsession.New(f.Manager))
	r.GET("/page/", ginsession.Handle(func(*gin.Context, *core.Session) {}))
	if res := getPath(r, "/page"); res.StatusCode != 301 || ran {
		t.Errorf("got %d, middleware ran: %t", res.StatusCode, ran)
	}
}

// Stream insists on CloseNotify, which must survive the writer.
func TestStream(t *testing.T) {
	f := setUp(t)
	srv, client := serveReal(t, gin.New(), ginsession.New(f.Manager), ginsession.Handle(func(c *gin.Context, s *core.Session) {
		_ = count.Set(s, 1)
		n := 0
		c.Stream(func(w io.Writer) bool {
			c.SSEvent("tick", n)
			n++
			return n < 3
		})
	}))
	res, err := client.Get(srv)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := strings.Count(text(t, res), "event:tick"); got != 3 || len(res.Cookies()) != 1 {
		t.Errorf("%d events, cookies %v", got, res.Cookies())
	}
}

// Where a change comes too late, the application's own error handling hears of it.
func TestLateChangeGoesToErrors(t *testing.T) {
	f := setUp(t)
	var errs []*gin.Error
	r := gin.New()
	r.Use(func(c *gin.Context) { defer func() { errs = c.Errors }(); c.Next() }, ginsession.New(f.Manager))
	r.GET("/", ginsession.Handle(func(c *gin.Context, s *core.Session) {
		_ = count.Set(s, 1)
		c.Writer.Flush()
		_ = count.Set(s, 2)
	}))
	f.store.Before(storetest.On("Update"))
	if !aborted(func() { get(r) }) || len(errs) != 1 || !errors.Is(errs[0], core.ErrUnavailable) {
		t.Errorf("c.Errors %v", errs)
	}
}

// aborted reports whether f panics as what net/http takes for an end of the connection.
func aborted(f func()) (is bool) {
	defer func() { is = recover() == http.ErrAbortHandler }()
	f()
	return false
}

// Gin's render adds the error of a Write to c.Errors, and there it is already.
func TestFailedSaveIsInErrorsOnce(t *testing.T) {
	f := setUp(t)
	f.store.Before(storetest.On("Create"))
	var errs []*gin.Error
	r := gin.New()
	r.Use(func(c *gin.Context) { c.Next(); errs = c.Errors }, ginsession.New(f.Manager))
	r.GET("/", ginsession.Handle(func(c *gin.Context, s *core.Session) {
		_ = c.Error(errors.New("the handler's own"))
		_ = count.Set(s, 1)
		c.JSON(200, gin.H{"a": 1})
	}))
	get(r)
	if len(errs) != 2 || !errors.Is(errs[1], core.ErrUnavailable) {
		t.Errorf("c.Errors %v", errs)
	}
}

// Tests of handlers make contexts without a request.
func TestContextWithoutRequest(t *testing.T) {
	f := setUp(t)
	rec := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(rec)
	if s, err := ginsession.Get(c); !errors.Is(err, core.ErrNoSession) || s == nil {
		t.Errorf("Get: %v, %v", s, err)
	}
	ginsession.New(f.Manager)(c)
	ginsession.Handle(func(*gin.Context, *core.Session) { t.Error("the handler runs") })(c)
	if rec.Code != 500 {
		t.Errorf("status %d", rec.Code)
	}
}

func TestWriterIsGivenBack(t *testing.T) {
	f := setUp(t)
	r := gin.New()
	r.Use(func(c *gin.Context) {
		before := c.Writer
		c.Next()
		if c.Writer != before {
			t.Error("the middleware outside finds another writer than its own")
		}
	}, ginsession.New(f.Manager))
	get(r)
}

// A session of the server that an engine is a part of.
func TestBehindHTTPSession(t *testing.T) {
	f := setUp(t)
	r := gin.New()
	r.Use(ginsession.New(f.Manager))
	r.GET("/", ginsession.Handle(func(c *gin.Context, s *core.Session) {
		_ = count.Set(s, 1)
		c.Request.URL.Path = "/elsewhere"
		r.HandleContext(c)
	}))
	r.GET("/elsewhere", func(c *gin.Context) {
		c.Stream(func(w io.Writer) bool { _, _ = io.WriteString(w, "page"); return false })
	})
	srv := httptest.NewServer(httpsession.New(f.Manager)(r))
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text(t, res) != "page" || len(res.Cookies()) != 1 {
		t.Errorf("got %d, cookies %v", res.StatusCode, res.Cookies())
	}
}

// c.Copy keeps the context's values; the session in it must know that it is over.
func TestCopyAfterTheRequest(t *testing.T) {
	f := setUp(t)
	var kept *gin.Context
	r := gin.New()
	r.Use(ginsession.New(f.Manager))
	r.GET("/", func(c *gin.Context) { kept = c.Copy() })
	get(r)
	if _, err := ginsession.Get(kept); !errors.Is(err, core.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

// serveError would add its page to ours.
func TestDefault404AfterAFailure(t *testing.T) {
	f := setUp(t)
	f.store.Before(storetest.On("Create"))
	r := gin.New()
	r.Use(ginsession.New(f.Manager), func(c *gin.Context) {
		s, _ := ginsession.Get(c)
		_ = count.Set(s, 1)
	})
	if res := getPath(r, "/nowhere"); res.StatusCode != 503 || text(t, res) != "Service Unavailable" {
		t.Errorf("got %d", res.StatusCode)
	}
	f.store.Reset()
	if res := getPath(r, "/nowhere"); res.StatusCode != 404 || text(t, res) != "404 page not found" || len(res.Cookies()) != 1 {
		t.Errorf("got %d, cookies %v", res.StatusCode, res.Cookies())
	}
}
