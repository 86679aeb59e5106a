package ownadapter_test

import (
	"bufio"
	"context"
	"net"
	"path/filepath"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/adaptertest"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/examples/guides/ownadapter"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestRecords(t *testing.T) {
	adaptertest.Run(t, adaptertest.Harness{Adapter: adapter{}, New: memory, Junk: 1000})
}

func TestTokens(t *testing.T) {
	adaptertest.Run(t, adaptertest.Harness{Adapter: adapter{}, Tokens: tokens, Junk: 1000})
}

func TestTwoProcesses(t *testing.T) { adaptertest.RunProcesses(t, adapter{}, files) }

// adapter builds applications of fasthttp, as adaptertest asks for.
type adapter struct{}

func (adapter) Caps() adaptertest.Caps { return adaptertest.Caps{Buffered: true, NotFound: true} }

func (adapter) Serve(tb testing.TB, m *core.Manager, o adaptertest.Options, routes map[string]adaptertest.Handler) string {
	var opts []ownadapter.Option
	if o.Skip {
		opts = append(opts, ownadapter.WithSkip(func(*fasthttp.RequestCtx) bool { return true }))
	}
	if o.Passive {
		opts = append(opts, ownadapter.WithPassive(func(*fasthttp.RequestCtx) bool { return true }))
	}
	if o.Error != nil {
		opts = append(opts, ownadapter.WithErrorHandler(func(c *fasthttp.RequestCtx, err error) { _ = o.Error(&request{c, nil}, err) }))
	}
	if o.OnLogin != nil {
		opts = append(opts, ownadapter.WithLoginHandler(func(c *fasthttp.RequestCtx, ch core.Challenge) { _ = o.OnLogin(&request{c, nil}, ch) }))
	}
	h := router(routes, o)
	wrap := func(wanted bool, middleware func(fasthttp.RequestHandler) fasthttp.RequestHandler) {
		if wanted {
			h = middleware(h)
		}
	}
	session := ownadapter.New(m, opts...)
	if o.Fresh > 0 {
		h = ownadapter.RequireFresh(o.Fresh)(h)
	}
	wrap(o.Login, ownadapter.RequireLogin)
	wrap(o.RecoverInside, recovered)
	wrap(o.GzipInside, fasthttp.CompressHandler)
	wrap(o.Twice, session)
	wrap(!o.None, session)
	wrap(o.GzipOutside, fasthttp.CompressHandler)
	wrap(o.RecoverOutside, recovered)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	server := &fasthttp.Server{Handler: h, ReadBufferSize: 16 << 10, Logger: silent{}}
	go func() { _ = server.Serve(ln) }()
	tb.Cleanup(func() { _ = ln.Close() })
	return "http://" + ln.Addr().String()
}

// router is the application: its handlers by path.
func router(routes map[string]adaptertest.Handler, o adaptertest.Options) fasthttp.RequestHandler {
	pages := map[string]fasthttp.RequestHandler{}
	for path, h := range routes {
		pages[path] = handler(h, o)
	}
	notFound := func(c *fasthttp.RequestCtx) { c.SetStatusCode(fasthttp.StatusNotFound) }
	if o.NotFound != nil {
		notFound = handler(o.NotFound, o)
	}
	return func(c *fasthttp.RequestCtx) {
		if page := pages[string(c.Path())]; page != nil {
			page(c)
		} else {
			notFound(c)
		}
	}
}

func handler(h adaptertest.Handler, o adaptertest.Options) fasthttp.RequestHandler {
	serve := func(c *fasthttp.RequestCtx, s *core.Session) {
		if h(&request{c, s}) != nil {
			c.Error("internal error", fasthttp.StatusInternalServerError)
		}
	}
	if o.Handle {
		return ownadapter.Handle(serve)
	}
	return func(c *fasthttp.RequestCtx) { serve(c, nil) }
}

// recovered is a typical recovery middleware.
func recovered(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(c *fasthttp.RequestCtx) {
		defer func() {
			if recover() != nil {
				c.SetStatusCode(fasthttp.StatusInternalServerError)
				c.SetBodyString("internal error")
			}
		}()
		next(c)
	}
}

type silent struct{}

func (silent) Printf(string, ...any) {}

// request is one request as the suite's handlers see it.
type request struct {
	c *fasthttp.RequestCtx
	s *core.Session // from Handle
}

func (r *request) Session() (*core.Session, error) {
	if r.s != nil {
		return r.s, nil
	}
	return ownadapter.Get(r.c)
}

func (r *request) Context() context.Context     { return ownadapter.Context(r.c) }
func (r *request) Header(name string) string    { return string(r.c.Request.Header.Peek(name)) }
func (r *request) Path() string                 { return string(r.c.Path()) }
func (r *request) SetHeader(name, value string) { r.c.Response.Header.Set(name, value) }
func (r *request) AddHeader(name, value string) { r.c.Response.Header.Add(name, value) }
func (r *request) NoContent(status int) error   { r.c.SetStatusCode(status); return nil }
func (r *request) File(path string) error       { fasthttp.ServeFileUncompressed(r.c, path); return nil }
func (r *request) Fail(status int) error        { r.c.Error("failed", status); return nil }
func (r *request) Info(int)                     {}

func (r *request) String(status int, body string) error {
	r.c.SetStatusCode(status)
	r.c.SetBodyString(body)
	return nil
}

func (r *request) Redirect(status int, url string) error {
	r.c.SetStatusCode(status)
	r.c.Response.Header.Set("Location", url) // c.Redirect makes it absolute
	return nil
}

func (r *request) Stream(produce func(send func(chunk string) error)) error {
	r.c.SetContentType("text/plain")
	r.c.SetBodyStreamWriter(func(w *bufio.Writer) {
		produce(func(chunk string) error {
			_, _ = w.WriteString(chunk)
			return w.Flush()
		})
	})
	return nil
}

func (r *request) Hijack(serve func(net.Conn)) error {
	r.c.SetStatusCode(fasthttp.StatusSwitchingProtocols)
	r.c.Response.Header.Set("Connection", "Upgrade")
	r.c.Response.Header.Set("Upgrade", "echo")
	r.c.Hijack(serve)
	return nil
}

// The stores that the suite runs over: one that keeps records, one whose tokens carry them, one for two processes.

func memory(tb testing.TB) func(testing.TB) driver.Store {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	return func(testing.TB) driver.Store { return store }
}

func tokens(tb testing.TB) driver.TokenStore {
	revoked, err := memstore.New(memstore.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	keys, err := keyring.New(keyring.Generate("k1"))
	if err != nil {
		tb.Fatal(err)
	}
	store, err := cookiestore.New(keys, cookiestore.RevokeIn(revoked), cookiestore.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	return store
}

func files(tb testing.TB, dir string) driver.Store {
	store, err := filestore.New(filepath.Join(dir, "sessions"), filestore.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = store.Close() })
	return store
}
