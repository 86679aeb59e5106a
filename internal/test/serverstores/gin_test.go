package serverstores

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
)

type ginAdapter struct{}

func (ginAdapter) Caps() adaptertest.Caps {
	return adaptertest.Caps{TimeLimit: true, NotFound: true, HTTP: true}
}

func (ginAdapter) Serve(tb testing.TB, m *core.Manager, o adaptertest.Options, routes map[string]adaptertest.Handler) string {
	var opts []ginsession.Option
	if o.Skip {
		opts = append(opts, ginsession.WithSkip(func(*gin.Context) bool { return true }))
	}
	if o.Error != nil {
		opts = append(opts, ginsession.WithErrorHandler(func(c *gin.Context, err error) { _ = o.Error(ginCtx{c, nil}, err) }))
	}
	if o.Passive {
		opts = append(opts, ginsession.WithPassive(func(*gin.Context) bool { return true }))
	}
	if o.OnLogin != nil {
		opts = append(opts, ginsession.WithLoginHandler(func(c *gin.Context, ch core.Challenge) { _ = o.OnLogin(ginCtx{c, nil}, ch) }))
	}
	session := ginsession.New(m, opts...)
	r := gin.New()
	use := func(wanted bool, h gin.HandlerFunc) {
		if wanted {
			r.Use(h)
		}
	}
	use(o.RecoverOutside, gin.RecoveryWithWriter(io.Discard))
	use(o.GzipOutside, ginCompress)
	use(!o.None, session)
	use(o.Twice, session)
	use(o.GzipInside, ginCompress)
	use(o.RecoverInside, gin.RecoveryWithWriter(io.Discard))
	use(o.Login, ginsession.RequireLogin)
	if o.Fresh > 0 {
		r.Use(ginsession.RequireFresh(o.Fresh))
	}
	for path, h := range routes {
		r.Any(path, ginHandler(o, h))
	}
	if o.NotFound != nil {
		r.NoRoute(ginHandler(o, o.NotFound))
	}
	return adaptertest.Serve(tb, o, r)
}

func ginHandler(o adaptertest.Options, h adaptertest.Handler) gin.HandlerFunc {
	serve := func(c ginCtx) {
		if err := h(c); err != nil {
			_ = c.c.AbortWithError(http.StatusInternalServerError, err)
		}
	}
	if o.Handle {
		return ginsession.Handle(func(c *gin.Context, s *core.Session) { serve(ginCtx{c, s}) })
	}
	return func(c *gin.Context) { serve(ginCtx{c, nil}) }
}

type ginCtx struct {
	c *gin.Context
	s *core.Session // from Handle
}

func (c ginCtx) Session() (*core.Session, error) {
	if c.s != nil {
		return c.s, nil
	}
	return ginsession.Get(c.c)
}

// sent is the error that Gin's methods, which return none, have left behind.
func (c ginCtx) sent() error {
	if last := c.c.Errors.Last(); last != nil {
		return last.Err
	}
	return nil
}

func (c ginCtx) HTTP() (http.ResponseWriter, *http.Request) { return c.c.Writer, c.c.Request }
func (c ginCtx) Context() context.Context                   { return c.c.Request.Context() }
func (c ginCtx) Header(name string) string                  { return c.c.GetHeader(name) }
func (c ginCtx) Path() string                               { return c.c.Request.URL.Path }
func (c ginCtx) SetHeader(name, value string)               { c.c.Header(name, value) }
func (c ginCtx) AddHeader(name, value string)               { c.c.Writer.Header().Add(name, value) }
func (c ginCtx) Info(int)                                   { panic("Gin has no informational responses") }
func (c ginCtx) String(status int, body string) error {
	c.c.String(status, "%s", body)
	return c.sent()
}
func (c ginCtx) NoContent(status int) error            { c.c.Status(status); return nil }
func (c ginCtx) Redirect(status int, url string) error { c.c.Redirect(status, url); return c.sent() }
func (c ginCtx) File(path string) error                { c.c.File(path); return nil }
func (c ginCtx) Hijack(serve func(net.Conn)) error     { return adaptertest.Upgrade(c.c.Writer, serve) }

func (c ginCtx) Fail(status int) error {
	c.c.AbortWithStatusJSON(status, gin.H{"error": "failed"})
	return nil
}

func (c ginCtx) Stream(produce func(send func(chunk string) error)) error {
	return adaptertest.Stream(c.c.Writer, produce)
}

// ginCompress is adaptertest.Gzip for Gin.
func ginCompress(c *gin.Context) {
	adaptertest.Gzip(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		before := c.Writer
		defer func() { c.Writer = before }()
		c.Writer = &ginCompressed{ResponseWriter: before, w: w}
		c.Next()
	})).ServeHTTP(c.Writer, c.Request)
}

// ginCompressed tells w the status that Gin keeps to itself until the first byte.
type ginCompressed struct {
	gin.ResponseWriter
	w       http.ResponseWriter
	started bool
}

func (c *ginCompressed) start() {
	if !c.started {
		c.started = true
		c.w.WriteHeader(c.Status())
	}
}

func (c *ginCompressed) Write(p []byte) (int, error)       { c.start(); return c.w.Write(p) }
func (c *ginCompressed) WriteString(s string) (int, error) { return c.Write([]byte(s)) }
func (c *ginCompressed) WriteHeaderNow()                   { c.start(); c.ResponseWriter.WriteHeaderNow() }
func (c *ginCompressed) Flush()                            { _ = c.FlushError() }
func (c *ginCompressed) FlushError() error                 { c.start(); return http.NewResponseController(c.w).Flush() }
