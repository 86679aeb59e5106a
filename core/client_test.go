package core_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

const (
	count core.Key[int]    = "count"
	name  core.Key[string] = "name"
)

var ctx = context.Background()

func newManager(tb testing.TB, cfg core.Config) *core.Manager {
	tb.Helper()
	if cfg.Store == nil {
		cfg.Store = made(memstore.New(memstore.Config{}))
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

func newBrowser(tb testing.TB, m *core.Manager) *browser { return &browser{tb: tb, m: m} }

// request is one under way: its session is loaded, its response is not sent.
type request struct {
	b *browser
	x *core.Exchange
	s *core.Session
}

func (b *browser) send() *request {
	b.tb.Helper()
	x := b.m.Begin(ctx, b.header())
	s, err := x.Session(ctx)
	if err != nil {
		b.tb.Fatalf("session: %v", err)
	}
	return &request{b, x, s}
}

func (b *browser) header() []string {
	if b.cookie == "" {
		return nil
	}
	return []string{b.cookie}
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

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
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

func made[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
