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
// [Handle] loads the session before the handler runs. [Get] loads it in the middle of a handler. core.FromContext is
// for code that has only c.Request.Context(). The middleware stores the session and sets the cookie before the first
// byte of the response leaves. If the session cannot be stored, the client gets an error page and nothing of the
// handler's response.
//
// # Placement
//
// Mount the middleware inside gin.Recovery, gin.Logger and request IDs. Mount inside it:
//
//   - what needs the session: CSRF protection, authentication
//   - what turns c.Errors into a response: outside, the session would be stored before the 500 is known
//   - gzip: gin-contrib/gzip removes Vary from responses of 400 and more, and outside it would remove ours
//
// After a panic, or with a status of 408 or of 500 and more, nothing is stored but a Logout. What Save stored before
// stays. Gin redirects for a trailing slash before any middleware runs, so that response has no session.
//
// When a handler panics, gin.Recovery may write the request's header into the log, the cookie included: docs/start/gin.md
// has another one.
//
// # Goroutines, streams and sockets
//
// Gin reuses *gin.Context: give a goroutine the session, not c. After the request the session returns core.ErrClosed.
//
// Changes after the first byte are stored when the handler returns, or at once by Session.Save. A change that needs a
// cookie returns core.ErrHeaderSent. If a change cannot be stored and no call has returned an error for it, the
// connection ends, so that the client does not take the response for complete. The error is in c.Errors. If caches may
// keep a page, read the session before its first byte: later, Vary cannot be set.
//
// For a GET, c.Redirect sends the header at once. For a POST it does not, so the session may still change.
//
// Session.Done ends a stream or socket when its user signs out elsewhere: see docs/streams.md.
//
// Set the values that a socket needs before the upgrade. Pass the response's header, which carries the cookie, to the
// function that upgrades: Upgrade(c.Writer, c.Request, c.Writer.Header()).
//
// The guide is docs/start/gin.md. Read package core next.
package ginsession

import (
	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
)

type middleware struct {
	m       *core.Manager
	devices bool // Config.Devices is set
	skip    func(*gin.Context) bool
	passive func(*gin.Context) bool
	onError func(*gin.Context, error)
	onLogin func(*gin.Context, core.Challenge) // nil: the default
}

// New returns a middleware that gives each request m's session. Until a handler uses the session, it calls no store and
// sets no header, unless Config.SaveEveryRequest is set. If it is mounted twice with one manager, the inner one passes
// requests on. With several managers a request has several sessions. New panics if m is nil.
func New(m *core.Manager, opts ...Option) gin.HandlerFunc {
	if m == nil {
		panic("ginsession: New: the manager is nil")
	}
	mw := &middleware{m: m, devices: m.Adapter().Devices(), onError: abort}
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
		return // a test made this context without a request
	}
	if x := httpwriter.Mounted(mw.m, c.Request.Context()); x != nil {
		if w, ok := httpwriter.OwnerOf[*writer](c.Request.Context(), x); ok && w.lost() {
			w.again()
		}
		return
	}
	w := &writer{ResponseWriter: c.Writer, mw: mw, c: c}
	c.Request = w.gate.Begin(mw.m, c.Request, c.Writer.Header(), w)
	if mw.devices {
		w.gate.Client(c.ClientIP)
	}
	if mw.passive != nil && mw.passive(c) {
		w.gate.Passive()
	}
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
