package fiberv3session_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/fiberv3session"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// The suite has the rules that hold for all adapters; here is what is Fiber's own.

// fasthttp closes the values of a request that it can close.
var exchange any = (*core.Exchange)(nil)

func TestExchangeIsNoCloser(t *testing.T) {
	if _, ok := exchange.(io.Closer); ok {
		t.Error("an Exchange that is kept in Locals would be closed by fasthttp")
	}
}

// fixture is a manager over a store that can be told to fail.
type fixture struct {
	*core.Manager
	store *storetest.Fault
}

func setUp(t *testing.T, cfg core.Config) fixture {
	t.Helper()
	f := fixture{store: storetest.NewFault(made.Of(memstore.New(memstore.Config{})))}
	cfg.Store = f.store.Store()
	cfg.Logger = slog.New(slog.DiscardHandler)
	var err error
	if f.Manager, err = core.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// get sends one request to app and returns the response and its body.
func get(t *testing.T, app *fiber.App, header ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	res, err := app.Test(r, fiber.TestConfig{Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// cookie is the name=value that a response sets.
func cookie(res *http.Response) string {
	pair, _, _ := strings.Cut(res.Header.Get("Set-Cookie"), ";")
	return pair
}

var visit = fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error {
	_ = count.Update(s, func(n int) int { return n + 1 })
	return c.SendString("visited")
})

var unknown = "__Host-session=" + strings.Repeat("A", 43)

func TestNilPanics(t *testing.T) {
	for what, f := range map[string]func(){
		"manager": func() { fiberv3session.New(nil) },
		"handler": func() { fiberv3session.Handle(nil) },
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.Contains(text, "fiberv3session") || !strings.Contains(text, what) {
					t.Errorf("panic %q does not say where and what", text)
				}
			}()
			f()
		}()
	}
}

func TestNext(t *testing.T) {
	f := setUp(t, core.Config{})
	app := fiber.New()
	app.Use(fiberv3session.New(f.Manager, fiberv3session.WithSkip(func(c fiber.Ctx) bool { return c.Get("X-Skip") != "" })))
	app.Get("/", visit)
	if res, body := get(t, app, "X-Skip", "1"); res.StatusCode != 500 || strings.Contains(body, "coatcheck") {
		t.Errorf("skipped: %d %q, want a 500 that says nothing", res.StatusCode, body)
	}
	if res, _ := get(t, app); res.StatusCode != 200 || cookie(res) == "" {
		t.Errorf("not skipped: %d", res.StatusCode)
	}
}

// A staff cookie and a customer cookie in one application.
func TestTwoManagers(t *testing.T) {
	staff := setUp(t, core.Config{Cookie: core.Cookie{Name: "__Host-staff"}})
	guest := setUp(t, core.Config{})
	app := fiber.New()
	app.Use(fiberv3session.New(staff.Manager), fiberv3session.New(guest.Manager))
	app.Get("/", func(c fiber.Ctx) error {
		inner, _ := fiberv3session.Get(c)
		outer, err := staff.FromContext(c.Context())
		if err != nil || inner == outer {
			t.Error("the sessions are one", err)
		}
		_ = user.Set(inner, "guest")
		return user.Set(outer, "staff")
	})
	res, _ := get(t, app)
	if cookies := res.Cookies(); len(cookies) != 2 || cookies[0].Name == cookies[1].Name || len(res.Header["Vary"]) != 1 {
		t.Errorf("cookies %v, Vary %q", cookies, res.Header["Vary"])
	}
}

// listen starts app and returns its URL.
func listen(t *testing.T, app *fiber.App) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = app.Listener(ln, fiber.ListenConfig{DisableStartupMessage: true}) }()
	t.Cleanup(func() { _ = ln.Close() })
	return "http://" + ln.Addr().String()
}

func TestPreforkWarning(t *testing.T) {
	for _, prefork := range []bool{false, true} {
		var log bytes.Buffer
		m, err := core.New(core.Config{Store: made.Of(memstore.New(memstore.Config{})), Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		t.Setenv("FASTHTTP_PREFORK_CHILD", map[bool]string{true: "1"}[prefork])
		app := fiber.New()
		app.Use(fiberv3session.New(m))
		app.Get("/", visit)
		for range 3 {
			app.Handler()(&fasthttp.RequestCtx{})
		}
		want := 0
		if prefork {
			want = 1
		}
		if n := strings.Count(log.String(), "Prefork"); n != want {
			t.Errorf("prefork %t: %d warnings: %s", prefork, n, log.String())
		}
	}
}
