package fibersession_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/gofiber/fiber/v2/middleware/compress"
	"github.com/gofiber/fiber/v2/middleware/etag"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/fibersession"
	"github.com/coatcheck-go/coatcheck/httpsession"
)

const (
	user  core.Key[string] = "user"
	count core.Key[int]    = "count"
)

// fasthttp parses the Cookie header when it is first asked for one, and throws the header away.
func TestCookiesReadByOuterMiddleware(t *testing.T) {
	f := setUp(t, core.Config{})
	app := fiber.New()
	app.Use(func(c *fiber.Ctx) error {
		_ = c.Cookies("other")
		return c.Next()
	})
	app.Use(fibersession.New(f.Manager))
	app.Get("/", visit)
	res, _ := get(t, app)
	mine := cookie(res)
	get(t, app, "Cookie", "other=1; "+mine)
	get(t, app, "Cookie", "other=1", "Cookie", mine)
	if n := f.store.Calls()["Update"]; n != 2 {
		t.Errorf("%d of 2 requests found their session", n)
	}
}

func TestRestartRouting(t *testing.T) {
	f := setUp(t, core.Config{})
	app := fiber.New()
	app.Use(fibersession.New(f.Manager))
	app.Get("/", fibersession.Handle(func(c *fiber.Ctx, s *core.Session) error {
		_ = count.Set(s, 1)
		c.Path("/next")
		return c.RestartRouting()
	}))
	app.Get("/next", visit)
	res, body := get(t, app)
	if body != "visited" || len(res.Header["Set-Cookie"]) != 1 || f.store.Calls()["Create"] != 1 {
		t.Errorf("%q %v %v", body, res.Header, f.store.Calls())
	}
}

// Fiber's limit is on the header as a whole; the package's comment says what to do.
func TestLongHeaderIsRefusedByFiber(t *testing.T) {
	f := setUp(t, core.Config{})
	for size, want := range map[int]int{0: 431, 16 << 10: 200} {
		app := fiber.New(fiber.Config{DisableStartupMessage: true, ReadBufferSize: size})
		app.Use(fibersession.New(f.Manager))
		app.Get("/", visit)
		req, err := http.NewRequest(http.MethodGet, listen(t, app), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Cookie", "a="+strings.Repeat("x", 5000))
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("ReadBufferSize %d: %d, want %d", size, res.StatusCode, want)
		}
	}
}

// A stream keeps its session until it ends, whether the client reads it to the end or goes away.
func TestStreamEnds(t *testing.T) {
	f := setUp(t, core.Config{})
	leaked := make(chan *core.Session, 1)
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Use(fibersession.New(f.Manager))
	app.Get("/", fibersession.Handle(func(c *fiber.Ctx, s *core.Session) error {
		leaked <- s
		endless := c.Query("endless") != ""
		c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
			for first := true; first || endless; first = false {
				_, _ = w.WriteString("chunk")
				if w.Flush() != nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
		})
		return nil
	}))
	url := listen(t, app)
	for _, query := range []string{"", "?endless=1"} {
		res, err := http.Get(url + "/" + query)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.ReadFull(res.Body, make([]byte, 5))
		s := <-leaked
		if query != "" && s.Err() != nil {
			t.Errorf("%s: closed while the stream goes on: %v", query, s.Err())
		}
		res.Body.Close()
		for end := time.Now().Add(5 * time.Second); !errors.Is(s.Err(), core.ErrClosed); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%q: still open", query)
			}
		}
	}
}

// Package websocket of gofiber/contrib hands the values with string keys to the socket.
func TestStringLocalsReachTheSocket(t *testing.T) {
	f := setUp(t, core.Config{})
	app := fiber.New()
	app.Use(fibersession.New(f.Manager))
	app.Get("/", func(c *fiber.Ctx) error {
		s, err := fibersession.Get(c)
		c.Locals("session", s)
		names := map[string]bool{}
		c.Context().VisitUserValues(func(name []byte, _ any) { names[string(name)] = true })
		if !names["session"] {
			t.Error("lost")
		}
		return err
	})
	get(t, app)
}

// A handler of net/http behind Fiber's adaptor has the session, and so has code that has only c.Context().
func TestNetHTTPBehindTheAdaptor(t *testing.T) {
	f := setUp(t, core.Config{})
	app := fiber.New()
	app.Use(fibersession.New(f.Manager))
	app.Get("/", adaptor.HTTPHandler(httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
		_ = count.Update(s, func(n int) int { return n + 1 })
		_, _ = fmt.Fprint(w, count.GetOr(s, 0))
	})))
	res, body := get(t, app)
	if res.StatusCode != 200 || body != "1" || len(res.Cookies()) != 1 {
		t.Fatalf("status %d, body %q, cookies %v", res.StatusCode, body, res.Cookies())
	}
	cookie := res.Cookies()[0]
	if res, body = get(t, app, "Cookie", cookie.Name+"="+cookie.Value); body != "2" {
		t.Errorf("status %d, body %q", res.StatusCode, body)
	}
	f.store.Before(storetest.On("Update"))
	if res, body = get(t, app, "Cookie", cookie.Name+"="+cookie.Value); res.StatusCode != 503 || strings.Contains(body, "3") {
		t.Errorf("refused: status %d, body %q", res.StatusCode, body)
	}
	app = fiber.New()
	app.Use(fibersession.New(f.Manager))
	app.Get("/", func(c *fiber.Ctx) error {
		s, err := f.Manager.FromContext(c.Context())
		if other, _ := core.FromContext(c.Context()); err != nil || other != s || s == nil {
			t.Errorf("c.Context(): %v, %v", other, err)
		}
		return nil
	})
	get(t, app)
}

// A body of known length ends like one of unknown length: with what its reader has done to the session.
func TestStreamOfKnownLength(t *testing.T) {
	for _, length := range []int{-1, 8} {
		for _, fails := range []bool{false, true} {
			f := setUp(t, core.Config{})
			app := fiber.New(fiber.Config{DisableStartupMessage: true})
			app.Use(fibersession.New(f.Manager))
			app.Get("/", fibersession.Handle(func(c *fiber.Ctx, s *core.Session) error {
				_ = count.Set(s, 1)
				return c.SendStream(&changing{s, fails, f.store, 2}, length)
			}))
			res, err := http.Get(listen(t, app))
			var body []byte
			if err == nil {
				body, err = io.ReadAll(res.Body)
				res.Body.Close()
			}
			if fails == (err == nil) || !fails && string(body) != "partpart" {
				t.Errorf("length %d, the store fails: %t: %q, %v", length, fails, body, err)
			}
		}
	}
}

// changing is a body whose reader changes the session.
type changing struct {
	s     *core.Session
	fails bool
	store *storetest.Fault
	left  int
}

func (c *changing) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	c.left--
	if c.fails {
		c.store.Before(storetest.On("Update"))
	}
	_ = count.Set(c.s, 10-c.left)
	return copy(p, "part"), nil
}

// What stands outside, and a time limit for writing, must not make a whole response of one that ended early.
func TestEndedEarlyThroughMiddleware(t *testing.T) {
	for name, outside := range map[string]fiber.Handler{
		"none": func(c *fiber.Ctx) error { return c.Next() }, "etag": etag.New(), "compress": compress.New(),
		"slow compress": func(c *fiber.Ctx) error {
			err := compress.New()(c)
			time.Sleep(50 * time.Millisecond)
			return err
		},
	} {
		f := setUp(t, core.Config{})
		cookie := func() string {
			app := fiber.New()
			app.Use(fibersession.New(f.Manager))
			app.Get("/", visit)
			res, _ := get(t, app)
			return res.Header.Get("Set-Cookie")
		}()
		app := fiber.New(fiber.Config{DisableStartupMessage: true, WriteTimeout: 5 * time.Second})
		app.Use(outside, fibersession.New(f.Manager))
		app.Get("/", fibersession.Handle(func(c *fiber.Ctx, s *core.Session) error {
			c.Set("Content-Type", "text/plain")
			c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
				time.Sleep(20 * time.Millisecond)
				_ = count.Set(s, 7)
				f.store.Before(storetest.On("Update"))
				_, _ = w.WriteString("hello, it is stored")
			})
			return nil
		}))
		req, err := http.NewRequest(http.MethodGet, listen(t, app), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Cookie", strings.Split(cookie, ";")[0])
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			continue
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err == nil || strings.Contains(string(body), "store") && !strings.Contains(string(body), "hello") {
			t.Errorf("%s: status %d, %q, %v", name, res.StatusCode, body, err)
		}
	}
}

// A stream begins beside the end of the middleware, and its context may be fasthttp's.
func TestStreamReadsValues(t *testing.T) {
	f := setUp(t, core.Config{})
	app := fiber.New()
	app.Use(fibersession.New(f.Manager))
	app.Get("/", fibersession.Handle(func(c *fiber.Ctx, s *core.Session) error {
		_ = count.Set(s, 1)
		ctx := c.Context()
		ctx.SetBodyStreamWriter(func(w *bufio.Writer) {
			other, err := core.FromContext(ctx)
			if err != nil || other != s {
				t.Error(err)
			}
			fmt.Fprint(w, s.Save(ctx))
		})
		return nil
	}))
	for range 50 {
		if _, body := get(t, app); body != "<nil>" {
			t.Error(body)
		}
	}
}
