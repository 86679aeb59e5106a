// Package ginsession is the Gin adapter of coatcheck.
//
//	store, err := memstore.New(memstore.Config{})
//	m, err := core.New(core.Config{Store: store})
//	r := gin.Default()
//	r.Use(ginsession.New(m))
//	r.GET("/", ginsession.Handle(func(c *gin.Context, s *core.Session) {
//		...
//	}))
//
// [Handle] loads the session before the handler; [Get] is for the middle of one, and
// core.FromContext for code that has only c.Request.Context(). The session is stored, and the
// cookie set, before the first byte of the response leaves. If it cannot be stored,
// the client gets an error page and nothing of the handler's response.
//
// # Placement
//
// Mount it inside of gin.Recovery, gin.Logger and request IDs. Mount inside of it what needs
// the session (CSRF protection, authentication), what turns c.Errors into a response (outside, the
// session would be stored before the 500 is known), and gzip: gin-contrib/gzip removes
// Vary from responses of 400 and more, and outside it would remove ours.
//
// A panic, a status of 500 and more, or 408 stores nothing but a Logout and what Save has stored before. Gin redirects for a trailing slash
// before any middleware runs; there is no session then.
//
// # Goroutines, streams and sockets
//
// Gin reuses *gin.Context: give a goroutine the session, not c. After the request the session answers
// core.ErrClosed.
//
// Changes after the first byte are stored when the handler returns, or at once by Session.Save. One that needs a
// cookie returns core.ErrHeaderSent. If the store does not take what no call has refused, the connection ends: the client
// must not take the response for whole. The error is in c.Errors. Read the session before the first byte of a page that caches may keep: after it
// there is no Vary any more.
//
// c.Redirect sends the header to a GET, and not to a POST: there the session may still change.
//
// Set what a socket needs before the upgrade, and give the response's header to
// whatever upgrades: Upgrade(c.Writer, c.Request, c.Writer.Header()).
//
// Read package core next.
package ginsession

import (
	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
)

type middleware struct {
	m       *core.Manager
	skip    func(*gin.Context) bool
	onError func(*gin.Context, error)
}

// New returns a middleware that gives each request m's session. It does nothing until a
// handler uses the session: no store call, no header. Mounted twice with one manager,
// the inner one passes requests on; several managers give a request several sessions. New
// panics if m is nil.
func New(m *core.Manager, opts ...Option) gin.HandlerFunc {
	if m == nil {
		panic("ginsession: New: the manager is nil")
	}
	mw := &middleware{m: m, onError: abort}
	for _, opt := range opts {
		opt(mw)
	}
	return mw.serve
}

func (mw *middleware) serve(c *gin.Context) {
	if mw.skip != nil && mw.skip(c) {
		return // Gin calls the next handler
	}
	if c.Request == nil {
		return // a context that a test has made
	}
	if x := httpwriter.Mounted(mw.m, c.Request.Context()); x != nil {
		if w, ok := httpwriter.OwnerOf[*writer](c.Request.Context(), x); ok && w.lost() {
			w.again()
		}
		return
	}
	w := &writer{ResponseWriter: c.Writer, mw: mw, c: c}
	c.Request = w.gate.Begin(mw.m, c.Request, c.Writer.Header(), w)
	c.Writer = w
	defer w.leave()
	c.Next()
	w.end()
	if err := w.gate.Finish(); err != nil {
		_ = c.Error(err)
		if !w.hijacked {
			httpwriter.Abort(behind(w.ResponseWriter))
		}
	}
	w.once()
}
