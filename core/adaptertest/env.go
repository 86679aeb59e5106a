package adaptertest

import (
	"bytes"
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// The values that rules put into sessions.
const (
	count core.Key[int]    = "count"
	note  core.Key[string] = "note"
)

// env is what a rule works with: settings, a storage that can be made to fail, and helpers that many rules use.
type env struct {
	testing.TB
	h      Harness
	cfg    core.Config      // a rule may change it before it starts its first site
	fault  *storetest.Fault // around the store of the site that serve starts; unused with Tokens
	open   func(testing.TB) driver.Store
	tokens driver.TokenStore
	log    logBuffer

	dropped atomic.Int32 // events core.EventDropped since the last checkLog

	mu     sync.Mutex
	issued map[string]bool // every token that a client got

	once sync.Once
	path string // see file
}

func newEnv(tb testing.TB, h Harness) *env {
	e := &env{TB: tb, h: h, issued: map[string]bool{}}
	e.cfg.StoreTimeout = 30 * time.Second // for slow storages and machines; rules about a timeout set their own
	e.cfg.Logger = slog.New(slog.NewTextHandler(&e.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if h.New == nil {
		e.tokens = h.Tokens(tb)
		e.fault = storetest.NewFault(nil)
		return e
	}
	e.open = h.New(tb)
	e.fault = storetest.NewFault(e.open(tb))
	return e
}

// routes are the handlers of an application.
type routes = map[string]Handler

// site is an application under test, with a manager of its own.
type site struct {
	*env
	m          *core.Manager
	url        string
	savesEvery bool // SaveEveryRequest
}

// serve starts an application. Its calls to the store go through e.fault.
func (e *env) serve(o Options, r routes) *site {
	e.Helper()
	if e.tokens != nil {
		return e.start(e.tokens, o, r)
	}
	return e.start(e.fault.Store(), o, r)
}

// serveSecond starts another application on the same storage, as a second server would. Its calls do not go through
// e.fault.
func (e *env) serveSecond(o Options, r routes) *site {
	e.Helper()
	if e.tokens != nil {
		return e.start(e.tokens, o, r)
	}
	return e.start(e.open(e), o, r)
}

func (e *env) start(store driver.Backend, o Options, r routes) *site {
	e.Helper()
	cfg := e.cfg
	cfg.Store = store
	m, err := core.New(cfg)
	if err != nil {
		e.Fatal(err)
	}
	return &site{e, m, e.h.Adapter.Serve(e, m, o, r), cfg.SaveEveryRequest}
}

// page serves one handler under "/".
func (e *env) page(o Options, h Handler) *site {
	e.Helper()
	return e.serve(o, routes{"/": h})
}

// ok reports any error and goes on. Handlers may call it.
func (e *env) ok(err error, what string) {
	e.Helper()
	if err != nil {
		e.Errorf("%s: %v", what, err)
	}
}

// must ends the rule if there is an error. Handlers must not call it: it ends the calling goroutine.
func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// session returns Ctx.Session and reports any error.
func (e *env) session(c Ctx) *core.Session {
	e.Helper()
	s, err := c.Session()
	e.ok(err, "the session of a handler")
	return s
}

// wantCalls checks the calls to the store since the last Reset. want is methods and numbers: "Load", 1, "Update", 1. It
// allows no others.
func (e *env) wantCalls(want ...any) {
	e.Helper()
	if e.tokens != nil {
		return
	}
	got := e.fault.Calls()
	for i := 0; i < len(want); i += 2 {
		method, n := want[i].(string), want[i+1].(int)
		if got[method] != n {
			e.Errorf("%d calls of %s, want %d", got[method], method, n)
		}
		delete(got, method)
	}
	for method, n := range got {
		e.Errorf("%d calls of %s, want none", n, method)
	}
}

// sessions returns the number of live sessions in the storage.
func (s *site) sessions() int {
	s.Helper()
	n := 0
	for _, err := range s.m.All(context.Background()) {
		s.must(err)
		n++
	}
	return n
}

// eventually waits until f is true: for effects that may come after the response.
func (e *env) eventually(what string, f func() bool) {
	e.Helper()
	const patience = 30 * time.Second // for busy machines: only what never comes takes so long
	for end := time.Now().Add(patience); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			e.Errorf("%s: not within %v", what, patience)
			return
		}
	}
}

// logBuffer keeps what is logged.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
	seen int // bytes before the last startAnew
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// startAnew makes logLines count from here.
func (l *logBuffer) startAnew() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = l.text.Len()
}

// logLines counts the lines above debug level since the last startAnew.
func (e *env) logLines() (n int) {
	e.log.mu.Lock()
	defer e.log.mu.Unlock()
	for line := range strings.Lines(string(e.log.text.Bytes()[e.log.seen:])) {
		if !strings.Contains(line, "level=DEBUG") {
			n++
		}
	}
	return n
}

// mustNotLeak reports every token of this rule that is in the text.
func (e *env) mustNotLeak(where, text string) {
	e.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for token := range e.issued {
		if strings.Contains(text, token) {
			e.Errorf("%s shows a token: %.300q", where, text)
		}
	}
}

// lookForTokens is called at the end of every rule: no token may be in the log.
func (e *env) lookForTokens() {
	e.Helper()
	e.mustNotLeak("the log", e.log.String())
}

// fromContext returns the session as code that does not know the framework gets it.
func fromContext(e *env, c Ctx) *core.Session {
	e.Helper()
	s, err := core.FromContext(c.Context())
	e.ok(err, "FromContext")
	return s
}

func itoa(n int) string { return strconv.Itoa(n) }
