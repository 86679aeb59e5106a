// Package httpwriter is what the adapters for net/http, Gin and Echo share: the
// gate that stores a session before the header of the response leaves, and the
// http.ResponseWriter that has such a gate on every way out.
//
// Authors of adapters read [Gate] first, then [Writer].
package httpwriter

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/coatcheck-go/coatcheck/core"
)

// Gate is one request's passage from handler to client. Whoever is about to send the
// header calls Pass first. Its zero value is to be given to Begin; it must not be copied.
type Gate struct {
	unprinted
	x     core.Exchange
	m     *core.Manager
	r     *http.Request
	ctx   scope
	entry []field    // the response header as it was before the handler
	err   error      // set before state says failed
	mu    sync.Mutex // held while the session is stored
	state atomic.Uint32
	late  bool // FinishLater was called; Pass looks at it under mu
	ended bool // Finish was called
}

// What Gate.state says.
const (
	open   uint32 = iota
	passed        // the session is stored, the header may leave
	failed        // it is not, and nothing of the handler's may leave
)

// unprinted keeps the header, with its tokens, out of a printed writer, whatever the verb: with some, fmt follows pointers
// in unexported fields. Its method is on the value, since templates print what a pointer points to.
type unprinted struct{}

func (unprinted) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "coatcheck.ResponseWriter") }

type field struct {
	name   string
	values []string
}

// Owner is the adapter's struct for one request, of which the Gate is a part.
type Owner interface {
	// Fail answers the client in place of the handler: err is why the session was not stored.
	// The header is as it was before the handler, but for what Refuse put there.
	Fail(err error)
}

// Mounted returns m's Exchange in ctx if it is still in use: the middleware is
// mounted twice, or the framework routes the request once more.
func Mounted(m *core.Manager, ctx context.Context) *core.Exchange {
	if x := m.Adapter().Exchange(ctx); x != nil && !x.Closed() {
		return x
	}
	return nil
}

// Begin starts m's Exchange for r, and returns the request to give to the handler. h is
// the header of the response. It changes none of its arguments.
func (g *Gate) Begin(m *core.Manager, r *http.Request, h http.Header, owner Owner) *http.Request {
	g.m, g.r = m, r
	a := m.Adapter()
	a.BeginIn(&g.x, r.Context(), r.Header[a.Header()])
	g.ctx = scope{g.x.Context(), &g.x, owner}
	if len(h) > 0 {
		g.entry = make([]field, 0, len(h))
		for name, values := range h {
			g.entry = append(g.entry, field{name, values})
		}
	}
	return r.WithContext(&g.ctx)
}

// Pass stores the session, and puts into h, the header of a response with this
// status, what the client has to be told. After an error nothing of the handler's may
// be sent; fresh says that the caller has to send something else, and h is ready
// for that. Only the first call does anything; it may come from any goroutine.
func (g *Gate) Pass(h http.Header, status int) (fresh bool, err error) {
	switch g.state.Load() {
	case passed:
		return false, nil
	case failed:
		return false, g.err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state.Load() != open { // another goroutine was faster
		return false, g.err
	}
	out, err := g.x.Commit(g.ctx.Context, status)
	if err == nil && g.late {
		err = g.x.Finish(g.ctx.Context) // a goroutine of the handler may have come in between
	}
	if err == nil {
		g.apply(out, h)
		g.state.Store(passed)
		return false, nil
	}
	clear(h)
	for _, f := range g.entry {
		h[f.name] = f.values
	}
	Refuse(h, err)
	g.apply(out, h)
	g.err = err
	g.state.Store(failed)
	return true, err
}

// apply puts into h what the client has to be told.
func (g *Gate) apply(out core.Out, h http.Header) {
	out.Apply(h)
	if out.Name == "Set-Cookie" && g.r.TLS == nil {
		g.m.Adapter().SentPlain(g.r.Host, g.r.Header.Get("X-Forwarded-Proto")+g.r.Header.Get("Forwarded"))
	}
}

// Finish closes the session after the handler. The error says that changes were not stored of which nobody was told;
// core has logged it. Abort is for that.
func (g *Gate) Finish() error {
	g.ended = true
	return g.x.Finish(g.ctx.Context)
}

// FinishLater leaves the session open until Pass has stored it: the framework makes the
// response after the middleware.
func (g *Gate) FinishLater() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.late = true
}

// Leave is for defer, with what recover returns where Err is not nil. If the handler panicked, so that neither Finish nor
// FinishLater was called, it closes the session and stores nothing but a Logout; h, the header of the response,
// gets the deletion of the cookie if it is still to leave. All three are for the goroutine that called Begin.
//
// A handler that could not write on, because its session was not stored and the client has been told so, may panic
// with http.ErrAbortHandler: httputil.ReverseProxy does. That would take the answer away, so it ends here.
func (g *Gate) Leave(h http.Header, recovered any) {
	if !g.ended && !g.late {
		if out := g.x.Discard(); g.Open() {
			g.apply(out, h)
		}
	}
	if recovered != nil && recovered != http.ErrAbortHandler { //nolint:errorlint // it is panicked with as it is
		panic(recovered)
	}
}

// Err returns why the session could not be stored, nil while that is not known.
func (g *Gate) Err() error {
	if g.state.Load() == failed {
		return g.err
	}
	return nil
}

// Open reports whether the header is still to come.
func (g *Gate) Open() bool { return g.state.Load() == open }

// Bypass runs f, which answers the client after a failure, through the gate.
func (g *Gate) Bypass(f func()) {
	g.state.Store(passed)
	defer g.state.Store(failed)
	f()
}
