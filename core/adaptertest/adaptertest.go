// Package adaptertest tests an adapter of coatcheck. It is for people who write one. One call of [Run] sends real
// requests over real connections to the adapter, and checks the responses and what the store holds.
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
// A failure prints the rule that was violated. No rule can be switched off. A rule is skipped only where the
// framework cannot do what it needs, which [Caps] says, or where the store keeps no records.
//
// Every storage is opened twice. The rules about overlapping requests send them to two applications, as a load
// balancer does. [RunProcesses] does the same with two processes.
//
// Every adapter must pass Run twice: with Harness.New and with Harness.Tokens. For further stores [RunStore] saves
// time: it has only the rules whose outcome can depend on the store.
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
// Each rule is a subtest of its name: -run 'TestFiles/overlapping_writes$'. In this repository,
// internal/test/embeddedstores makes these calls: an adapter's test calls embeddedstores.Run and
// embeddedstores.RunProcesses.
//
// To write: an [Adapter] and a [Ctx] for your framework, about 100 lines. httpsession/adapter_test.go is the shortest
// one. Who tests a store takes a copy of it, without TestAdapter, TestTwoProcesses and the import of
// internal/test/embeddedstores, which only this repository has. The guide is docs/writing-an-adapter.md. To read next:
// rules.go, the list of the rules.
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

// Adapter makes applications of one framework, with the adapter under test in them.
type Adapter interface {
	// Caps says what the framework can do.
	Caps() Caps

	// Serve starts an application on a free port of 127.0.0.1 and returns its URL, without a slash at the end. The
	// application has the middleware for m and what o asks for. routes maps paths to handlers; each takes all
	// methods. The server stops with tb's Cleanup.
	Serve(tb testing.TB, m *core.Manager, o Options, routes map[string]Handler) (url string)
}

// Caps says what a framework can do beyond what all can. The zero value claims nothing.
type Caps struct {
	// Buffered: the framework sends nothing before the middleware has returned, as Fiber does. So a handler cannot
	// make a change after the header. Ctx.Stream produces its chunks even later.
	Buffered bool

	// Informational: Ctx.Info sends informational responses, such as 103.
	Informational bool

	// TimeLimit: Options.TimeLimit is supported.
	TimeLimit bool

	// NotFound: middleware also runs for paths without a route, so Options.NotFound has a session.
	NotFound bool

	// HTTP: each Ctx also implements HTTP.
	HTTP bool

	// Errors: handlers return their errors to the framework.
	Errors bool
}

// Options says how the application of one test is built. The middleware, from the outermost to the innermost, is:
// TimeLimit, RecoverOutside, GzipOutside, the session's, GzipInside, RecoverInside, RequireLogin, RequireFresh.
type Options struct {
	None    bool // without the session middleware
	Twice   bool // with the session middleware twice
	Skip    bool // with the adapter's option to skip; it skips every request
	Passive bool // with the adapter's option for passive requests; every request is
	Handle  bool // handlers are made by the adapter's Handle: Ctx.Session returns the session from it, and no error

	// Error is for the adapter's option for an error handler. It answers in place of a handler whose session could
	// not be stored. Default: nil, without the option.
	Error func(c Ctx, err error) error

	// Login puts the adapter's RequireLogin before every handler, and Fresh, if it is not 0, its RequireFresh.
	Login bool
	Fresh time.Duration

	// OnLogin is for the adapter's option that answers in place of RequireLogin. Default: nil, without the option.
	OnLogin func(c Ctx, ch core.Challenge) error

	GzipOutside, GzipInside       bool // compress for clients that accept gzip
	RecoverOutside, RecoverInside bool // answer a panic with a 500

	TimeLimit time.Duration // answer 503 after this time, while the handler goes on; 0: no limit
	HTTP2     bool          // serve HTTP/2 over TLS, with a self-signed certificate; only with Caps.HTTP
	NotFound  Handler       // the application's own page for unknown paths; nil: the framework's page
}

// Handler is a handler of the application. Its error is returned to the framework. Where the framework takes no
// error, it becomes a response, as the framework's users make one.
type Handler func(Ctx) error

// Ctx is one request as a handler of the application sees it.
type Ctx interface {
	// Session calls the adapter's Get.
	Session() (*core.Session, error)

	// Context returns the request's context, which code that does not know the framework gets.
	Context() context.Context

	// Header returns a header of the request, and Path returns its path. The strings may share the request's memory.
	Header(name string) string
	Path() string

	// SetHeader and AddHeader change the response's header.
	SetHeader(name, value string)
	AddHeader(name, value string)

	// String, NoContent, Redirect and File send a response in the framework's own way. NoContent sends a status and
	// no body.
	String(status int, body string) error
	NoContent(status int) error
	Redirect(status int, url string) error
	File(path string) error

	// Fail returns the framework's own error for a status, as handlers return it.
	Fail(status int) error

	// Stream calls produce, which calls send for each chunk. Every chunk is flushed; an empty chunk only flushes. If
	// the framework streams after the handler, produce runs then, concurrently.
	Stream(produce func(send func(chunk string) error)) error

	// Hijack takes over the connection. It sends a response of status 101 with the present header, and gives the
	// connection to serve, which closes it. See Upgrade.
	Hijack(serve func(net.Conn)) error

	// Info sends an informational response with the present header. It is called only with Caps.Informational.
	Info(status int)
}

// HTTP is implemented by each Ctx of a framework with Caps.HTTP. It gives the request of net/http and the response
// writer that handlers of the framework use.
type HTTP interface {
	HTTP() (http.ResponseWriter, *http.Request)
}

// Harness tells the suite what to test.
type Harness struct {
	// Adapter is the one under test. Required.
	Adapter Adapter

	// New makes an empty storage for one rule and returns a function that opens a handle on it, as
	// storetest.Harness.New does. The store must have driver.Lister and driver.Indexer, since rules list sessions. It
	// needs no other ability, and a wrapper in the test may add these. Either New or Tokens is required.
	New func(tb testing.TB) (open func(tb testing.TB) driver.Store)

	// Tokens makes a store whose tokens carry the record and can be revoked. The rules about records in a store are
	// skipped.
	Tokens func(tb testing.TB) driver.TokenStore

	// Junk is the number of requests with junk cookies that one rule sends.
	// Default: 10,000; with -short 1,000.
	Junk int

	// Timeout is how long one rule may take before it counts as hanging.
	// Default: one minute.
	Timeout time.Duration
}
