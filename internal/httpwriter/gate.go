// Package httpwriter is shared by the adapters for net/http, Gin and Echo. [Gate] stores a session before the header of
// the response leaves. [Writer] is an http.ResponseWriter with a Gate on every way out. Read Gate first.
package httpwriter

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// Gate stands between the handler of one request and the client. Whoever is about to send the header calls Pass first.
// Begin makes the zero value ready. A Gate must not be copied.
type Gate struct {
	unprinted
	x            core.Exchange
	m            *core.Manager
	r            *http.Request
	ctx          handlerContext
	headerBefore []headerField // the response's header as it was before the handler
	err          error         // set before state becomes failed
	answer       http.Header   // after Answered: the header of the answer to err
	mu           sync.Mutex    // held while the session is stored
	state        atomic.Uint32
	finishInPass bool        // FinishLater was called; under mu
	unwatch      func() bool // stops the watch of FinishLater; under mu
	finished     bool        // Finish was called
}

// The values of Gate.state.
const (
	open   uint32 = iota
	passed        // the session is stored; the header may leave
	failed        // it is not; nothing from the handler may leave
)

// unprinted keeps the header, with its tokens, out of a printed writer. It needs Format because fmt, with some verbs,
// follows pointers in unexported fields. The method is on the value, because templates print what a pointer points to.
type unprinted struct{}

func (unprinted) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "coatcheck.ResponseWriter") }

type headerField struct {
	name   string
	values []string
}

// Owner is the adapter's struct for one request. The Gate is a part of it.
type Owner interface {
	// Fail answers the client in place of the handler. err says why the session was not stored. The header is as it
	// was before the handler, with what Refuse sets.
	Fail(err error)
}

// Mounted returns m's Exchange in ctx if that is still in use, else nil. It is in use if the middleware is mounted
// twice, or if the framework routes the request once more.
func Mounted(m *core.Manager, ctx context.Context) *core.Exchange {
	if x := m.Adapter().Exchange(ctx); x != nil && !x.Closed() {
		return x
	}
	return nil
}

// Begin starts m's Exchange for r and returns the request for the handler. h is the header of the response. Begin
// changes none of its arguments.
func (g *Gate) Begin(m *core.Manager, r *http.Request, h http.Header, owner Owner) *http.Request {
	g.m, g.r = m, r
	a := m.Adapter()
	a.BeginIn(&g.x, r.Context(), r.Header)
	g.ctx = handlerContext{g.x.Context(), &g.x, owner}
	if len(h) > 0 {
		g.headerBefore = make([]headerField, 0, len(h))
		for name, values := range h {
			g.headerBefore = append(g.headerBefore, headerField{name, values})
		}
	}
	return r.WithContext(&g.ctx)
}

// Client tells core where a Login comes from: see core.Exchange. address is the client's, as the framework sees it.
func (g *Gate) Client(address func() string) {
	g.x.Client(func() (string, string) { return g.r.UserAgent(), address() })
}

// Passive makes the request one that extends nothing: see core.Exchange.
func (g *Gate) Passive() { g.x.Passive() }

// Pass stores the session. h is the header of the response, which has this status; Pass adds the cookie to it. Only
// the first call does anything. It may come from any goroutine.
//
// After an error nothing from the handler may be sent. If fresh is true, this call found the error: the caller has to
// send another answer, and h is ready for that.
func (g *Gate) Pass(h http.Header, status int) (fresh bool, err error) {
	switch g.state.Load() {
	case passed:
		return false, nil
	case failed:
		return false, g.err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state.Load() != open { // another goroutine came first
		return false, g.err
	}
	if g.unwatch != nil {
		g.unwatch()
	}
	out, err := g.x.Commit(g.ctx.Context, status)
	if err == nil && g.finishInPass {
		err = g.x.Finish(g.ctx.Context) // stores what a goroutine of the handler changed since Commit
	}
	if err == nil {
		g.apply(out, h)
		g.state.Store(passed)
		return false, nil
	}
	clear(h)
	for _, f := range g.headerBefore {
		h[f.name] = f.values
	}
	Refuse(h, err)
	g.apply(out, h)
	g.err = err
	g.state.Store(failed)
	return true, err
}

// apply sets the headers that out has for the client.
func (g *Gate) apply(out core.Out, h http.Header) {
	out.Apply(h)
	if out.Name == "Set-Cookie" && g.r.TLS == nil {
		g.m.Adapter().SentPlain(g.r.Host, g.r.Header.Get("X-Forwarded-Proto")+g.r.Header.Get("Forwarded"))
	}
}

// Answered keeps the header h, as Owner.Fail has left it. Leave restores it, so that no trailer of the handler follows.
func (g *Gate) Answered(h http.Header) { g.answer = maps.Clone(h) }

// Finish closes the session after the handler. An error says that changes were not stored and that neither the handler
// nor the client knows. core has logged it. The caller should call Abort then.
func (g *Gate) Finish() error {
	g.finished = true
	return g.x.Finish(g.ctx.Context)
}

// FinishLater leaves the session open until Pass has stored it, for a framework that makes the response after the
// middleware. If the response goes another way, or none is made, Pass is never called: then, some seconds after the
// server has ended the request's context, the session is closed, a Logout is carried out, and other changes are logged.
func (g *Gate) FinishLater() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.finishInPass = true
	if g.x.Used() {
		g.unwatch = context.AfterFunc(g.ctx.Context, func() {
			time.AfterFunc(passedBy, g.abandon) // the client may have gone before the response is made
		})
	}
}

// passedBy is longer than an error handler takes: the context may also end with a time limit outside, before the response
// is made.
const passedBy = 10 * time.Second

func (g *Gate) abandon() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state.Load() == open {
		_ = g.x.Finish(context.WithoutCancel(g.ctx.Context)) // logs what it drops
	}
}

// Leave is deferred by the adapter. recovered is the result of recover if Err is not nil, else nil. If the handler
// panicked, neither Finish nor FinishLater was called. Then Leave closes the session and stores nothing but a Logout.
// If the header h has not left, it gets the deletion of the cookie. Finish, FinishLater and Leave must be called by the
// goroutine that called Begin.
//
// A handler whose session was not stored, and whose client has the answer to that, cannot write any more. It may panic
// with http.ErrAbortHandler, as httputil.ReverseProxy does. That panic would destroy the answer, so Leave swallows it.
func (g *Gate) Leave(h http.Header, recovered any) {
	if g.answer != nil {
		clear(h)
		maps.Copy(h, g.answer)
	}
	if !g.finished && !g.finishInPass {
		if out := g.x.Discard(); g.Open() {
			g.apply(out, h)
		}
	}
	if recovered != nil && recovered != http.ErrAbortHandler { //nolint:errorlint // it is panicked with as it is
		panic(recovered)
	}
}

// Err returns why the session could not be stored. It is nil before Pass and after a Pass that succeeded.
func (g *Gate) Err() error {
	if g.state.Load() == failed {
		return g.err
	}
	return nil
}

// Open reports whether the header has not left yet.
func (g *Gate) Open() bool { return g.state.Load() == open }

// Bypass runs f, which answers the client after a failure, with the gate open.
func (g *Gate) Bypass(f func()) {
	g.state.Store(passed)
	defer g.state.Store(failed)
	f()
}
