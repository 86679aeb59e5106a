package fiberv3session_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"
	"github.com/gofiber/fiber/v3/middleware/cache"
	"github.com/gofiber/fiber/v3/middleware/compress"
	"github.com/gofiber/fiber/v3/middleware/encryptcookie"
	"github.com/gofiber/fiber/v3/middleware/proxy"
	"github.com/gofiber/fiber/v3/middleware/sse"
	"github.com/gofiber/fiber/v3/middleware/static"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/fiberv3session"
	"github.com/coatcheck-go/coatcheck/httpsession"
)

// Corners of Fiber v3 that Fiber v2 does not have.

// increment counts in the session of every request that reaches it.
func increment(c fiber.Ctx) error {
	s, err := fiberv3session.Get(c)
	if err == nil {
		err = count.Update(s, func(n int) int { return n + 1 })
	}
	return errors.Join(err, c.Next())
}

// Fiber's own flash messages have a cookie of their own.
func TestFlashOfFiber(t *testing.T) {
	f := setUp(t, core.Config{})
	app := fiber.New()
	app.Use(fiberv3session.New(f.Manager), increment)
	app.Get("/", func(c fiber.Ctx) error {
		if c.Get("X-Go") != "" {
			return c.Redirect().Status(303).With("note", "hello").To("/")
		}
		s, err := fiberv3session.Get(c)
		return errors.Join(err, c.SendString(fmt.Sprint(c.Redirect().Message("note").Value, count.GetOr(s, 0))))
	})
	res, _ := get(t, app, "X-Go", "1")
	if res.StatusCode != 303 || res.Header.Get("Location") != "/" || len(res.Cookies()) != 2 {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	var both []string
	for _, c := range res.Cookies() {
		both = append(both, c.Name+"="+c.Value)
	}
	res, body := get(t, app, "Cookie", strings.Join(both, "; "))
	if body != "hello2" || len(res.Cookies()) != 1 || res.Cookies()[0].Name != fiber.FlashCookieName {
		t.Errorf("%q %v", body, res.Header)
	}
	f.store.Before(storetest.On("Update"))
	if res, _ = get(t, app, "Cookie", strings.Join(both, "; "), "X-Go", "1"); res.StatusCode != 503 || res.Header.Get("Location") != "" {
		t.Errorf("refused: %d %v", res.StatusCode, res.Header)
	}
}

// Package sse hands c to the stream, whose goroutine runs beside the end of the middleware.
func TestServerSentEvents(t *testing.T) {
	f := setUp(t, core.Config{})
	app := fiber.New()
	app.Use(fiberv3session.New(f.Manager))
	app.Get("/", visit)
	app.Get("/events", func(c fiber.Ctx) error {
		c.Locals("tab", "7")
		if c.Get("X-Early") != "" {
			_ = increment(c) // the next handler is not found
			c.Status(200)
		}
		return sse.New(sse.Config{Handler: func(c fiber.Ctx, stream *sse.Stream) error {
			s, err := fiberv3session.Get(c)
			other, _ := core.FromContext(stream.Context())
			for range 3 {
				if c.Locals("tab") != "7" || other != s {
					err = errors.New("a value of c is lost")
				}
				err = errors.Join(err, count.Update(s, func(n int) int { return n + 1 }), s.Save(stream.Context()))
				_ = stream.Event(sse.Event{Data: fmt.Sprint(count.GetOr(s, 0), err)})
			}
			return nil
		}})(c)
	})
	url := listen(t, app)
	first, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	first.Body.Close()
	for i := range 20 {
		req, _ := http.NewRequest(http.MethodGet, url+"/events", nil)
		req.Header.Set("Cookie", cookie(first))
		if i%2 == 1 {
			req.Header.Set("X-Early", "1")
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if n := 3*i + i/2 + i%2; err != nil || !strings.Contains(string(body), fmt.Sprint("data: ", n+4, " <nil>\n")) || strings.Count(string(body), "<nil>") != 3 {
			t.Fatalf("%d: %q %v", i, body, err)
		}
	}
}

// Handlers of net/http, mounted as they are or through package adaptor, have the session.
func TestNetHTTPHandlers(t *testing.T) {
	f := setUp(t, core.Config{})
	h := httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
		_ = count.Update(s, func(n int) int { return n + 1 })
		_, _ = fmt.Fprint(w, count.GetOr(s, 0))
	})
	for name, handler := range map[string]any{
		"as it is": h, "function": h.ServeHTTP, "adaptor": adaptor.HTTPHandler(h), "with context": adaptor.HTTPHandlerWithContext(h),
	} {
		app := fiber.New()
		app.Use(fiberv3session.New(f.Manager))
		app.Use(adaptor.HTTPMiddleware(func(next http.Handler) http.Handler { return next }))
		app.Get("/", handler)
		res, body := get(t, app)
		if res.StatusCode != 200 || body != "1" || len(res.Cookies()) != 1 {
			t.Errorf("%s: %d %q %v", name, res.StatusCode, body, res.Header)
		}
		if _, body = get(t, app, "Cookie", cookie(res)); body != "2" {
			t.Errorf("%s: second time: %q", name, body)
		}
	}
}

// A fiber.Ctx is a context.Context itself. It has the session, too.
func TestCtxIsAContext(t *testing.T) {
	f := setUp(t, core.Config{})
	for name, app := range map[string]*fiber.App{"ours": fiber.New(), "custom": newCustom()} {
		app.Use(fiberv3session.New(f.Manager))
		app.Get("/", fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error {
			for _, ctx := range []context.Context{c, c.Context(), c.RequestCtx()} {
				if other, err := core.FromContext(ctx); err != nil || other != s {
					t.Errorf("%s: %T: %v", name, ctx, err)
				}
			}
			if _, ok := c.(*custom); ok != (name == "custom") {
				t.Errorf("%s: handlers get a %T", name, c)
			}
			return visit(c)
		}))
		if res, body := get(t, app); body != "visited" || cookie(res) == "" {
			t.Errorf("%s: %d %q", name, res.StatusCode, body)
		}
	}
}

// Files, whole and in part, compressed and not, with a change of the session and without.
func TestStaticFiles(t *testing.T) {
	dir := t.TempDir()
	text := strings.Repeat("all work and no play ", 10_000)
	if err := os.WriteFile(filepath.Join(dir, "page.txt"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f := setUp(t, core.Config{})
	for _, used := range []bool{false, true} {
		app := fiber.New()
		app.Use(fiberv3session.New(f.Manager))
		if used {
			app.Use(increment)
		}
		app.Use("/zipped", compress.New())
		app.Get("/zipped/sent", func(c fiber.Ctx) error {
			return c.SendFile(filepath.Join(dir, "page.txt"), fiber.SendFile{ByteRange: true})
		})
		app.Get("/sent", func(c fiber.Ctx) error {
			return c.SendFile(filepath.Join(dir, "page.txt"), fiber.SendFile{ByteRange: true})
		})
		app.Use("/static", static.New(dir, static.Config{ByteRange: true}))
		url := listen(t, app)
		for _, path := range []string{"/sent", "/static/page.txt", "/zipped/sent"} {
			for _, part := range []string{"", "bytes=9-19"} {
				req, _ := http.NewRequest(http.MethodGet, url+path, nil)
				want, status := text, 200
				if part != "" {
					req.Header.Set("Range", part)
					want, status = text[9:20], 206
				}
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || res.StatusCode != status || string(body) != want || used != (cookie(res) != "") {
					t.Errorf("%s %q, used: %t: %d, %d bytes, %v, %v", path, part, used, res.StatusCode, len(body), res.Header, err)
				}
			}
		}
	}
}

// What a proxy brings from another server leaves our cookie alone.
func TestProxy(t *testing.T) {
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "theirs", Value: "1"})
		w.Header().Set("Vary", "Accept")
		_, _ = io.WriteString(w, "from afar")
	}))
	defer inner.Close()
	f := setUp(t, core.Config{})
	policy := proxy.DefaultSecurityPolicy()
	policy.AllowPrivateIPs = true
	app := fiber.New()
	app.Use(fiberv3session.New(f.Manager), increment)
	app.Get("/", proxy.Balancer(proxy.Config{Servers: []string{inner.URL}, SecurityPolicy: &policy}))
	res, body := get(t, app)
	if vary := strings.Join(res.Header["Vary"], ", "); body != "from afar" || len(res.Cookies()) != 2 || vary != "Accept, Cookie" {
		t.Errorf("%d %q %v", res.StatusCode, body, res.Header)
	}
}

// A mounted application may have its own middleware, error handler and prefix.
func TestMountedWithPrefix(t *testing.T) {
	f := setUp(t, core.Config{})
	shop := fiber.New(fiber.Config{ErrorHandler: func(c fiber.Ctx, err error) error {
		return c.Status(fiber.StatusTeapot).SendString("shop's: " + err.Error())
	}})
	shop.Use(fiberv3session.New(f.Manager))
	shop.Get("/cart", visit)
	shop.Group("/more").Get("/fails", fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error {
		_ = count.Set(s, 1)
		return errors.New("no more")
	}))
	app := fiber.New()
	app.Use("/shop", shop)
	app.Get("/", func(c fiber.Ctx) error {
		if _, err := fiberv3session.Get(c); !errors.Is(err, core.ErrNoSession) {
			t.Errorf("outside of the shop: %v", err)
		}
		return nil
	})
	get(t, app)
	for path, want := range map[string]string{"/shop/cart": "200 visited", "/shop/more/fails": "418 shop's: no more", "/shop/none": "418 shop's: Not Found"} {
		res, err := app.Test(httptest.NewRequest(http.MethodGet, path, nil), fiber.TestConfig{Timeout: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		if got := fmt.Sprint(res.StatusCode, " ", string(body)); got != want || (cookie(res) != "") != !strings.HasSuffix(path, "none") {
			t.Errorf("%s: %s %v", path, got, res.Header)
		}
	}
}

// Package encryptcookie, outside, takes our cookie for one of the application's.
func TestEncryptedCookie(t *testing.T) {
	f := setUp(t, core.Config{})
	app := fiber.New()
	app.Use(encryptcookie.New(encryptcookie.Config{Key: encryptcookie.GenerateKey(32)}))
	app.Use(fiberv3session.New(f.Manager))
	app.Get("/", visit)
	res, _ := get(t, app)
	c := res.Cookies()
	if len(c) != 1 || !c[0].HttpOnly || !c[0].Secure || c[0].SameSite != http.SameSiteLaxMode || c[0].MaxAge <= 0 && c[0].Expires.IsZero() {
		t.Fatalf("%v", res.Header)
	}
	get(t, app, "Cookie", cookie(res))
	if n := f.store.Calls()["Update"]; n != 1 {
		t.Errorf("the session was not found: %v", f.store.Calls())
	}
}

// Package cache, which knows Vary in Fiber v3, keeps users apart outside of the middleware. Inside, where it does not
// see Vary, it mixes them up: the package's comment says so.
func TestCache(t *testing.T) {
	for _, outside := range []bool{true, false} {
		f := setUp(t, core.Config{})
		app := fiber.New()
		if outside {
			app.Use(cache.New())
		}
		app.Use(fiberv3session.New(f.Manager))
		app.Get("/in", fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error { return user.Set(s, c.Get("X-Name")) }))
		if !outside {
			app.Use(cache.New())
		}
		app.Get("/", fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error {
			return c.SendString(user.GetOr(s, "nobody"))
		}))
		url := listen(t, app)
		cookies := map[string]string{"nobody": unknown}
		for _, name := range []string{"alice", "bob"} {
			res, _ := raw(t, url, "GET /in HTTP/1.1\r\nHost: localhost\r\nX-Name: "+name+"\r\n\r\n")
			cookies[name] = cookie(res)
		}
		wrong, hits := 0, 0
		for range 3 {
			for name, c := range cookies {
				res, body := get(t, app, "Cookie", c)
				if body != name {
					wrong++
				}
				if res.Header.Get("X-Cache") == "hit" {
					hits++
				}
			}
		}
		if (wrong == 0) != outside || hits < 6 {
			t.Errorf("outside: %t: %d wrong pages, %d hits", outside, wrong, hits)
		}
	}
}

// For a request that it cannot read, Fiber calls middleware, and then its ErrorHandler. Without a header there is no
// cookie: nobody may get a new session in place of their own. Fiber's own page then shows the header, HttpOnly cookies
// included.
func TestUnreadableRequest(t *testing.T) {
	f := setUp(t, core.Config{})
	for name, cfg := range map[string]fiber.Config{
		"default": {BodyLimit: 1000}, "quiet": {BodyLimit: 1000, ErrorHandler: quiet},
	} {
		app := fiber.New(cfg)
		app.Use(fiberv3session.New(f.Manager), increment)
		app.Post("/", visit)
		url := listen(t, app)
		first, err := http.Post(url, "text/plain", nil)
		if err != nil {
			t.Fatal(err)
		}
		first.Body.Close()
		created := f.store.Calls()["Create"]
		for status, lines := range map[int]string{
			413: "Host: localhost\r\nContent-Length: 2000\r\n\r\n" + strings.Repeat("x", 2000),
			431: "Host: localhost\r\nX-Long: " + strings.Repeat("x", 5000) + "\r\n\r\n",
			400: "Host: localhost\r\nX-Byte: \x01\r\n\r\n",
		} {
			res, body := raw(t, url, "POST / HTTP/1.1\r\nCookie: "+cookie(first)+"\r\n"+lines)
			if res.StatusCode != status || cookie(res) != "" {
				t.Errorf("%s: %d %v, want %d", name, res.StatusCode, res.Header, status)
			}
			if shown := strings.Contains(body, cookie(first)); shown != (name == "default" && status == 400) {
				t.Errorf("%s: %d shows %q", name, status, body)
			}
		}
		if n := f.store.Calls()["Create"]; n != created {
			t.Errorf("%s: %d new sessions", name, n-created)
		}
		if res, _ := raw(t, url, "POST / HTTP/1.0\r\n\r\n"); res.StatusCode != 200 || cookie(res) == "" {
			t.Errorf("%s: HTTP/1.0: %d %v", name, res.StatusCode, res.Header)
		}
	}
}

// raw sends a request as it is.
func raw(t *testing.T, url, request string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, request)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	return res, string(body)
}
