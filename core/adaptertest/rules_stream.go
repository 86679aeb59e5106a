package adaptertest

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about responses that go on for long after their header.

var streamRules = []rule{
	{
		name: "flush first",
		text: "Given a handler that writes to the session and flushes before its first byte, when the header leaves, then the cookie is in it.",
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				e.ok(count.Set(e.session(c), 1), "Set")
				return c.Stream(func(send func(string) error) {
					e.ok(send(""), "flush")
					e.ok(send("done"), "send")
				})
			}).browser()
			b.get("/").is(200, "done").setsCookie()
			b.has(1)
		},
	},
	{
		name: "change after the header",
		text: "Given a stored session, when a stream changes it after its first chunk, then that is stored, as it needs no cookie.",
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				s := e.session(c)
				return c.Stream(func(send func(string) error) {
					_ = send("one")
					e.ok(count.Set(s, 2), "Set")
					_ = send("two")
				})
			}).seeded("")
			b.get("/").is(200, "onetwo").leavesCookie()
			e.eventually("saved", func() bool { n, _ := b.holds(); return n == 2 })
		},
		needs: []need{records},
	},
	{
		name:  "first write after the header",
		text:  "Given a new client, when a handler first writes to the session after the header has left, then nothing is stored, no cookie is sent, and the log says so, once.",
		needs: []need{streams},
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				s := e.session(c)
				return c.Stream(func(send func(string) error) {
					_ = send("one")
					e.ok(count.Set(s, 2), "Set")
					_ = send("two")
				})
			}).browser()
			b.get("/").is(200, "onetwo").leavesCookie()
			e.calls()
			if n := strings.Count(e.log.String(), "header was sent"); n != 1 {
				e.Errorf("logged %d times: %s", n, e.log.String())
			}
		},
	},
	{
		name:  "Save in a stream",
		text:  "Given a stored session, when a stream calls Save between two chunks, then the change is stored there and then.",
		needs: []need{records},
		run:   saveInStream,
	},
}

func saveInStream(e *env) {
	var b *browser
	b = e.page(Options{}, func(c Ctx) error {
		s := e.session(c)
		return c.Stream(func(send func(string) error) {
			_ = send("one")
			time.Sleep(20 * time.Millisecond) // whatever comes after the handler has come
			for i := range 3 {
				e.ok(count.Set(s, 2+i), "Set")
				e.ok(s.Save(context.Background()), "Save")
				b.has(2 + i)
			}
			_ = send("two")
		})
	}).seeded("")
	b.get("/").is(200, "onetwo").leavesCookie()
	b.has(4)
}

var socketRules = []rule{
	{
		name: "hijack",
		text: "Given a handler that writes to the session and takes over the connection, when the upgrade is answered, then the cookie is in the answer, the session is stored, and the socket may go on saving.",
		run:  socket,
	},
	{
		name:  "hijack refused",
		text:  "Given a store that does not answer, when a handler writes to the session and takes over the connection, then the client gets a 503 and the handler no connection.",
		needs: []need{records},
		run: func(e *env) {
			s := e.page(Options{}, func(c Ctx) error {
				e.ok(count.Set(e.session(c), 1), "Set")
				_ = c.Hijack(func(conn net.Conn) {
					e.Errorf("the handler got the connection")
					_ = conn.Close()
				})
				return nil
			})
			e.fault.Before(outage)
			s.dial().get("/", "Connection: Upgrade", "Upgrade: echo").refused()
		},
	},
}

func socket(e *env) {
	served := make(chan bool)
	s := e.page(Options{}, func(c Ctx) error {
		s := e.session(c)
		e.ok(count.Set(s, 1), "Set")
		return c.Hijack(func(conn net.Conn) {
			defer close(served)
			defer conn.Close()
			_, _ = io.WriteString(conn, "hello")
			if e.tokens == nil {
				e.ok(count.Set(s, 2), "Set in the socket")
				e.ok(s.Save(context.Background()), "Save in the socket")
			}
		})
	})
	w := s.dial()
	e.must(w.write("/", "Connection: Upgrade", "Upgrade: echo"))
	res, err := http.ReadResponse(w.r, nil)
	e.must(err)
	hello := make([]byte, 5)
	_, err = io.ReadFull(w.r, hello)
	r := &response{Response: res, b: s.browser(), body: string(hello), err: err, sent: "the upgrade"}
	r.look()
	r.is(101, "hello").setsCookie()
	<-served
	if e.tokens == nil {
		r.b.has(2)
	} else {
		r.b.has(1)
	}
}

var httpRules = []rule{
	{
		name:  "early hints",
		text:  "Given a handler that sends a 103 between two changes, when the final response comes, then the hint had no cookie, and both changes are stored.",
		needs: []need{informational},
		run:   earlyHints,
	},
	{
		name:  "reverse proxy with early hints",
		text:  "Given a handler that writes to the session and passes the request to a backend which sends a 103, when the final response comes, then the cookie is in it.",
		needs: []need{overHTTP, informational},
		run:   proxied,
	},
	{
		name:  "response controller",
		text:  "Given the response writer of a handler, then http.Flusher, http.Hijacker and the deadlines of http.ResponseController are within reach.",
		needs: []need{overHTTP},
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				w, _ := c.(HTTP).HTTP()
				if _, ok := w.(http.Flusher); !ok {
					e.Errorf("no http.Flusher")
				}
				if _, ok := w.(http.Hijacker); !ok {
					e.Errorf("no http.Hijacker")
				}
				soon := time.Now().Add(time.Minute)
				e.ok(http.NewResponseController(w).SetReadDeadline(soon), "SetReadDeadline")
				e.ok(http.NewResponseController(w).SetWriteDeadline(soon), "SetWriteDeadline")
				e.ok(count.Set(e.session(c), 1), "Set")
				e.ok(http.NewResponseController(w).Flush(), "Flush")
				return nil
			}).browser()
			b.get("/").is(200, "").setsCookie()
		},
	},
}

func earlyHints(e *env) {
	s := e.page(Options{}, func(c Ctx) error {
		s := e.session(c)
		e.ok(count.Set(s, 1), "Set")
		c.SetHeader("Link", "</style.css>")
		c.Info(103)
		e.ok(note.Set(s, "two"), "Set")
		return c.String(200, "done")
	})
	hint := http.Header{}
	trace := &httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
		hint = http.Header(h).Clone()
		return nil
	}}
	b := s.browser()
	r := b.traced(trace).is(200, "done").setsCookie()
	if hint.Get("Link") == "" || len(hint["Set-Cookie"]) > 0 {
		r.errorf("the hint's header is %v", hint)
	}
	b.has(1)
	b.peek(func(s *core.Session) {
		if v := note.GetOr(s, ""); v != "two" {
			e.Errorf("the second change: %q", v)
		}
	})
}

// traced is get("/") with a trace.
func (b *browser) traced(trace *httptrace.ClientTrace) *response {
	b.Helper()
	was := b.client.Transport
	defer func() { b.client.Transport = was }()
	b.client.Transport = tracing{was, trace}
	return b.get("/")
}

type tracing struct {
	http.RoundTripper
	trace *httptrace.ClientTrace
}

func (t tracing) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.RoundTripper.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), t.trace)))
}

func proxied(e *env) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		_, _ = io.WriteString(w, "of the backend")
	}))
	e.Cleanup(backend.Close)
	target, err := url.Parse(backend.URL)
	e.must(err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	b := e.page(Options{}, func(c Ctx) error {
		e.ok(count.Set(e.session(c), 1), "Set")
		w, r := c.(HTTP).HTTP()
		proxy.ServeHTTP(w, r)
		return nil
	}).browser()
	b.get("/").is(200, "of the backend").setsCookie()
	b.has(1)
}
