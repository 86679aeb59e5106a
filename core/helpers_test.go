package core_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

var ctx = context.Background()

const (
	count core.Key[int]    = "count"
	name  core.Key[string] = "name"
)

const other core.Key[int] = "other"

const channel core.Key[chan int] = "channel"

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func newManager(tb testing.TB, cfg core.Config) *core.Manager {
	tb.Helper()
	if cfg.Store == nil {
		cfg.Store = made.Of(memstore.New(memstore.Config{}))
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	m, err := core.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = m.Close() })
	return m
}

// browser is a client with a jar for our one cookie.
type browser struct {
	tb     testing.TB
	m      *core.Manager
	cookie string // name=value, "" if none
	line   string // the last Set-Cookie line, "" if the last response had none
}

func (b *browser) send() *request {
	b.tb.Helper()
	x := b.m.Adapter().Begin(ctx, b.header())
	s, err := x.Session(ctx)
	if err != nil {
		b.tb.Fatalf("session: %v", err)
	}
	return &request{b, x, s}
}

func (b *browser) header() http.Header {
	if b.cookie == "" {
		return nil
	}
	return http.Header{"Cookie": {b.cookie}}
}

// visit is a whole request that is answered with 200.
func (b *browser) visit(handler func(*core.Session)) core.Out {
	b.tb.Helper()
	r := b.send()
	if handler != nil {
		handler(r.s)
	}
	out, err := r.respond(200)
	if err != nil {
		b.tb.Fatalf("commit: %v", err)
	}
	return out
}

// value returns what key holds for a new request, and whether there is such a session at all.
func (b *browser) value(key core.Key[int]) (n int, live bool) {
	b.tb.Helper()
	r := b.send()
	n, _ = key.Get(r.s)
	live = !r.s.IsNew()
	r.x.Discard()
	return n, live
}

// copyOf is a second browser with the same cookie.
func (b *browser) copyOf() *browser { return &browser{tb: b.tb, m: b.m, cookie: b.cookie} }

func newBrowser(tb testing.TB, m *core.Manager) *browser { return &browser{tb: tb, m: m} }

// request is one under way: its session is loaded, its response is not sent.
type request struct {
	b *browser
	x *core.Exchange
	s *core.Session
}

// respond commits with a status and gives the browser what a response would.
func (r *request) respond(status int) (core.Out, error) {
	out, err := r.x.Commit(ctx, status)
	if ferr := r.x.Finish(ctx); err == nil {
		err = ferr
	}
	r.b.line = ""
	if out.Name == "Set-Cookie" {
		r.b.line = out.Value
		pair, _, _ := strings.Cut(out.Value, ";")
		r.b.cookie = pair
		if strings.HasSuffix(pair, "=") {
			r.b.cookie = ""
		}
	}
	return out, err
}

func countEvents(into map[core.EventKind]int) func(context.Context, core.Event) {
	var mu sync.Mutex
	return func(_ context.Context, e core.Event) {
		mu.Lock()
		defer mu.Unlock()
		into[e.Kind]++
	}
}

// logged returns a Logger for everything, and how many lines of a level hold a text.
func logged() (*slog.Logger, func(level, text string) int) {
	var log bytes.Buffer
	count := func(level, text string) (n int) {
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, "level="+level) && strings.Contains(line, text) {
				n++
			}
		}
		return n
	}
	return slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), count
}

func sessions(t *testing.T, m *core.Manager) (n int) {
	t.Helper()
	for _, err := range m.All(ctx) {
		must(t, err)
		n++
	}
	return n
}

// records counts what a store holds, markers and all.
func records(tb testing.TB, store driver.Lister) int {
	tb.Helper()
	n := 0
	for _, err := range store.All(ctx) {
		must(tb, err)
		n++
	}
	return n
}

func cut(cookie string) (name, token string, ok bool) { return strings.Cut(cookie, "=") }

// rounds is how many seeds are tried: a few, or as many as TESTS_ROUNDS says.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("TESTS_ROUNDS")); err == nil {
		return n
	}
	return 100
}

func read(s *core.Session) { _, _ = count.Get(s) }

func alive(t *testing.T, b *browser, want bool) {
	t.Helper()
	if _, live := b.value(count); live != want {
		t.Errorf("alive = %v, want %v", live, want)
	}
}

// timed runs a test in a bubble where time passes at once, with a manager and a
// browser whose session has count = 1.
func timed(t *testing.T, cfg core.Config, test func(t *testing.T, b *browser)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBrowser(t, newManager(t, cfg))
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		test(t, b)
	})
}

// two makes a browser that presents two live sessions, alice's with count 1 and bob's with count 2.
func two(t *testing.T, m *core.Manager) (b, alice, bob *browser) {
	t.Helper()
	alice, bob = newBrowser(t, m), newBrowser(t, m)
	alice.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
	bob.visit(func(s *core.Session) { must(t, s.Login("bob")); must(t, count.Set(s, 2)) })
	b = newBrowser(t, m)
	b.cookie = alice.cookie + "; " + bob.cookie
	return b, alice, bob
}

func ring(t *testing.T, primary keyring.Key, old ...keyring.Key) *keyring.Keyring {
	t.Helper()
	k, err := keyring.New(primary, old...)
	must(t, err)
	return k
}

func cookieManager(t *testing.T, mode cookiestore.Revocation, cfg core.Config) *core.Manager {
	t.Helper()
	store, err := cookiestore.New(ring(t, keyring.Generate("k1")), mode, cookiestore.Config{})
	must(t, err)
	cfg.Store = store
	return newManager(t, cfg)
}

func tokenManager(t *testing.T, keys *keyring.Keyring, revoked driver.Store, touch time.Duration) *core.Manager {
	store, err := cookiestore.New(keys, cookiestore.RevokeIn(revoked), cookiestore.Config{})
	must(t, err)
	return newManager(t, core.Config{Store: store, TouchInterval: touch})
}

// recordOf is the file of a session in a filestore.
func recordOf(dir string, id core.ID) string {
	text := id.String()
	return filepath.Join(dir, text[:2], text[2:])
}

// setFormat writes the format's number into a record of a filestore, as another release would.
func setFormat(t *testing.T, file string, number byte) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt([]byte{0, number}, 6)
	must(t, err)
	must(t, f.Close())
}

// inBytes is what BeginBytes gets of a request with this Cookie header.
func inBytes(cookie string) func(name string) ([]byte, bool) {
	return func(name string) ([]byte, bool) { return []byte(cookie), name == "Cookie" }
}

// cutLine splits a Set-Cookie line after the pair.
func cutLine(line string) (pair, rest string, ok bool) { return strings.Cut(line, ";") }
