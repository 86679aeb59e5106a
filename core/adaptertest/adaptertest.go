// Package adaptertest is what every adapter of coatcheck must do, as code. It is for
// people who write an adapter: one call of [Run] sends real requests over real
// connections to the adapter under test, and checks what comes back and what the store holds.
//
//	func TestAdapter(t *testing.T) {
//		adaptertest.Run(t, adaptertest.Harness{
//			Adapter: ginAdapter{},
//			New: func(tb testing.TB) func(testing.TB) driver.Store {
//				store, err := memstore.New(memstore.Config{})
//				if err != nil {
//					tb.Fatal(err)
//				}
//				return func(testing.TB) driver.Store { return store }
//			},
//		})
//	}
//
// Every storage is opened twice, and the rules about overlapping requests send them to two
// applications, as behind a load balancer; [RunProcesses] makes two processes of them.
// A failure prints the rule that was violated. No rule can be switched off: what a
// framework cannot do at all, its [Caps] say, and everything else holds for all. Run has all rules, and every
// adapter must pass it, with New and with Tokens. With more stores, [RunStore] saves time: it has the rules
// whose outcome can depend on the store.
//
//	func TestFiles(t *testing.T) {
//		adaptertest.RunStore(t, adaptertest.Harness{
//			Adapter: ginAdapter{},
//			New: func(tb testing.TB) func(testing.TB) driver.Store {
//				dir := filepath.Join(tb.TempDir(), "sessions") // filestore refuses a folder that others may enter
//				return func(tb testing.TB) driver.Store {
//					store, err := filestore.New(dir, filestore.Config{})
//					if err != nil {
//						tb.Fatal(err)
//					}
//					tb.Cleanup(func() { _ = store.Close() })
//					return store
//				}
//			},
//		})
//	}
//
// Each rule is a subtest with its name: -run 'TestFiles/overlapping_writes$'. Within this repository,
// internal/test/embeddedstores has these calls, and an adapter's test is embeddedstores.Run and embeddedstores.RunProcesses.
//
// Next to read: rules.go, the list of the rules; then [Adapter] and [Ctx], what there is to write: about 100 lines
// for a framework; httpsession/adapter_test.go is the shortest one.
package adaptertest

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Adapter puts an adapter under test: it makes applications of its framework.
type Adapter interface {
	// Caps says what the framework can do.
	Caps() Caps

	// Serve starts an application on a port of its own on 127.0.0.1, with the middleware
	// for m and what o says, and returns its URL without a slash at the end. Routes are
	// paths, each for all methods. The server stops with tb's Cleanup.
	Serve(tb testing.TB, m *core.Manager, o Options, routes map[string]Handler) (url string)
}

// Caps is what a framework can do. The zero value is what all can.
type Caps struct {
	// Buffered: nothing of a response is sent before the middleware has returned, so
	// no change comes after the header, and Ctx.Stream sends even later (Fiber).
	Buffered bool

	// Informational: Ctx.Info sends responses such as 103.
	Informational bool

	// TimeLimit: Options.TimeLimit is supported.
	TimeLimit bool

	// NotFound: middleware runs for paths without a route, so that
	// Options.NotFound has a session.
	NotFound bool

	// HTTP: a Ctx is an HTTP, too.
	HTTP bool
}

// Options is how the application of one test is built. Middleware stands, from the
// outside to the inside: TimeLimit, RecoverOutside, GzipOutside, the session's, GzipInside,
// RecoverInside.
type Options struct {
	None   bool // without the session middleware
	Twice  bool // the session middleware twice
	Skip   bool // with the adapter's option to skip, which skips every request
	Handle bool // handlers made by the adapter's Handle: Ctx.Session returns what that gave, and no error

	// Error is given to the adapter's option for an error handler: it answers in place of a handler whose
	// session could not be stored. nil: without the option.
	Error func(c Ctx, err error) error

	GzipOutside, GzipInside       bool // compress for clients that accept gzip
	RecoverOutside, RecoverInside bool // make a panic a 500

	TimeLimit time.Duration // 503 after this time, while the handler goes on; 0: none
	HTTP2     bool          // over TLS, with a certificate that nobody knows; only with Caps.HTTP
	NotFound  Handler       // the application's own page for unknown paths, nil: the framework's
}

// Handler is a handler of the application. An error that it returns is returned to the framework,
// or where that takes none, made a response as the framework's users do.
type Handler func(Ctx) error

// Ctx is one request as a handler of the application sees it.
type Ctx interface {
	// Session is the adapter's Get.
	Session() (*core.Session, error)

	// Context is the request's, for code that knows nothing of the framework.
	Context() context.Context

	// Header returns a header of the request, and Path its path; the result may share the request's memory.
	Header(name string) string
	Path() string

	// SetHeader and AddHeader change the header of the response.
	SetHeader(name, value string)
	AddHeader(name, value string)

	// String, NoContent (a status and nothing else), Redirect and File send a response in the
	// framework's own way.
	String(status int, body string) error
	NoContent(status int) error
	Redirect(status int, url string) error
	File(path string) error

	// Fail is the framework's own error with a status, as handlers return it.
	Fail(status int) error

	// Stream calls produce, which calls send for each chunk; every chunk is flushed, and an empty one is
	// a flush alone. With a framework that streams later, produce runs then, concurrently.
	Stream(produce func(send func(chunk string) error)) error

	// Hijack takes over the connection after a response of status 101 with the
	// header as it is then, and gives it to serve, which closes it.
	// See Upgrade.
	Hijack(serve func(net.Conn)) error

	// Info sends an informational response with the header as it is. Only with
	// Caps.Informational.
	Info(status int)
}

// HTTP is what a Ctx is too with Caps.HTTP: a request on net/http, with the
// response writer that handlers of the framework use.
type HTTP interface {
	HTTP() (http.ResponseWriter, *http.Request)
}

// Harness tells the suite what to test.
type Harness struct {
	// Adapter is the one under test. Required.
	Adapter Adapter

	// New makes an empty storage for one test and returns a function that opens a
	// handle on it, as storetest.Harness.New does. Required, but for Tokens.
	New func(tb testing.TB) (open func(tb testing.TB) driver.Store)

	// Tokens makes a store whose tokens carry the record, instead of New. Tokens can be
	// revoked. The rules about what a store holds are skipped.
	Tokens func(tb testing.TB) driver.TokenStore

	// Junk is how many requests with junk cookies are sent, in all.
	// Default: 10,000; with -short 1,000.
	Junk int

	// Timeout is how long one case may take before it counts as hanging.
	// Default: one minute.
	Timeout time.Duration
}
