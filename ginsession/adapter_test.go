package ginsession_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/adaptertest"
	"github.com/coatcheck-go/coatcheck/ginsession"
	"github.com/coatcheck-go/coatcheck/internal/test/embeddedstores"
)

func TestAdapter(t *testing.T) { embeddedstores.Run(t, adapter{}) }

func TestTwoProcesses(t *testing.T) { embeddedstores.RunProcesses(t, adapter{}) }

type adapter struct{}

func (adapter) Caps() adaptertest.Caps {
	return adaptertest.Caps{TimeLimit: true, NotFound: true, HTTP: true}
}

func (adapter) Serve(tb testing.TB, m *core.Manager, o adaptertest.Options, routes map[string]adaptertest.Handler) string {
	var opts []ginsession.Option
	if o.Skip {
		opts = append(opts, ginsession.WithSkip(func(*gin.Context) bool { return true }))
	}
	if o.Error != nil {
		opts = append(opts, ginsession.WithErrorHandler(func(c *gin.Context, err error) { _ = o.Error(ctx{c, nil}, err) }))
	}
	if o.Passive {
		opts = append(opts, ginsession.WithPassive(func(*gin.Context) bool { return true }))
	}
	if o.OnLogin != nil {
		opts = append(opts, ginsession.WithLoginHandler(func(c *gin.Context, ch core.Challenge) { _ = o.OnLogin(ctx{c, nil}, ch) }))
	}
	session := ginsession.New(m, opts...)
	r := gin.New()
	use := func(wanted bool, h gin.HandlerFunc) {
		if wanted {
			r.Use(h)
		}
	}
	use(o.RecoverOutside, gin.RecoveryWithWriter(io.Discard))
	use(o.GzipOutside, compress)
	use(!o.None, session)
	use(o.Twice, session)
	use(o.GzipInside, compress)
	use(o.RecoverInside, gin.RecoveryWithWriter(io.Discard))
	use(o.Login, ginsession.RequireLogin)
	if o.Fresh > 0 {
		r.Use(ginsession.RequireFresh(o.Fresh))
	}
	for path, h := range routes {
		r.Any(path, handler(o, h))
	}
	if o.NotFound != nil {
		r.NoRoute(handler(o, o.NotFound))
	}
	return adaptertest.Serve(tb, o, r)
}

func handler(o adaptertest.Options, h adaptertest.Handler) gin.HandlerFunc {
	serve := func(c ctx) {
		if err := h(c); err != nil {
			_ = c.c.AbortWithError(http.StatusInternalServerError, err)
		}
	}
	if o.Handle {
		return ginsession.Handle(func(c *gin.Context, s *core.Session) { serve(ctx{c, s}) })
	}
	return func(c *gin.Context) { serve(ctx{c, nil}) }
}

type ctx struct {
	c *gin.Context
	s *core.Session // from Handle
}

func (c ctx) Session() (*core.Session, error) {
	if c.s != nil {
		return c.s, nil
	}
	return ginsession.Get(c.c)
}

// sent is the error that Gin's methods, which return none, have left behind.
func (c ctx) sent() error {
	if last := c.c.Errors.Last(); last != nil {
		return last.Err
	}
	return nil
}

func (c ctx) HTTP() (http.ResponseWriter, *http.Request) { return c.c.Writer, c.c.Request }
func (c ctx) Context() context.Context                   { return c.c.Request.Context() }
func (c ctx) Header(name string) string                  { return c.c.GetHeader(name) }
func (c ctx) Path() string                               { return c.c.Request.URL.Path }
func (c ctx) SetHeader(name, value string)               { c.c.Header(name, value) }
func (c ctx) AddHeader(name, value string)               { c.c.Writer.Header().Add(name, value) }
func (c ctx) Info(int)                                   { panic("Gin has no informational responses") }
func (c ctx) String(status int, body string) error       { c.c.String(status, "%s", body); return c.sent() }
func (c ctx) NoContent(status int) error                 { c.c.Status(status); return nil }
func (c ctx) Redirect(status int, url string) error      { c.c.Redirect(status, url); return c.sent() }
func (c ctx) File(path string) error                     { c.c.File(path); return nil }
func (c ctx) Hijack(serve func(net.Conn)) error          { return adaptertest.Upgrade(c.c.Writer, serve) }

func (c ctx) Fail(status int) error {
	c.c.AbortWithStatusJSON(status, gin.H{"error": "failed"})
	return nil
}

func (c ctx) Stream(produce func(send func(chunk string) error)) error {
	return adaptertest.Stream(c.c.Writer, produce)
}

// compress is adaptertest.Gzip for Gin.
func compress(c *gin.Context) {
	adaptertest.Gzip(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		before := c.Writer
		defer func() { c.Writer = before }()
		c.Writer = &compressed{ResponseWriter: before, w: w}
		c.Next()
	})).ServeHTTP(c.Writer, c.Request)
}

// compressed tells w the status that Gin keeps to itself until the first byte.
type compressed struct {
	gin.ResponseWriter
	w       http.ResponseWriter
	started bool
}

func (c *compressed) start() {
	if !c.started {
		c.started = true
		c.w.WriteHeader(c.Status())
	}
}

func (c *compressed) Write(p []byte) (int, error)       { c.start(); return c.w.Write(p) }
func (c *compressed) WriteString(s string) (int, error) { return c.Write([]byte(s)) }
func (c *compressed) WriteHeaderNow()                   { c.start(); c.ResponseWriter.WriteHeaderNow() }
func (c *compressed) Flush()                            { _ = c.FlushError() }
func (c *compressed) FlushError() error                 { c.start(); return http.NewResponseController(c.w).Flush() }
