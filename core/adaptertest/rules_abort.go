package adaptertest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// Rules about responses that have begun when a change cannot be stored. The client must not take such a response for a
// whole one.

// applications are the builds of an application in which such a response must not seem whole.
var applications = []struct {
	name    string
	options Options
}{
	{"plain", Options{}},
	{"gzip outside", Options{GzipOutside: true}},
	{"gzip inside", Options{GzipInside: true}},
	{"recovered outside", Options{RecoverOutside: true}},
	{"recovered inside", Options{RecoverInside: true}},
	{"recovered and gzip outside", Options{RecoverOutside: true, GzipOutside: true}},
}

var abortRules = func() (list []rule) {
	for _, b := range applications {
		list = append(list, rule{
			name:  "a save fails after the first byte, " + b.name,
			text:  "Given a response that has begun, when a change of its session cannot be stored and no call has returned that error to the handler, then the client does not get a whole response.",
			needs: []need{needRecords},
			run:   func(e *env) { failsAfterFirstByte(e, b.options) },
		})
	}
	return append(list,
		rule{
			name:  "a save fails after the first byte, over HTTP/2",
			text:  "Given a response over HTTP/2 that has begun, when a change of its session cannot be stored, then the client does not get a whole response.",
			needs: []need{needRecords, needHTTP},
			run:   func(e *env) { failsAfterFirstByte(e, Options{HTTP2: true}) },
		},
		rule{
			name:  "a refused save in a reverse proxy",
			text:  "Given a store that does not answer, when a handler writes to the session and passes the request to a backend with httputil.ReverseProxy, then the client gets a 503 with Retry-After.",
			needs: []need{needRecords, needHTTP},
			run:   func(e *env) { refusedProxy(e, Options{}); refusedProxy(e, Options{RecoverOutside: true}) },
		},
		rule{
			name:  "a refused save in a reverse proxy, over HTTP/2",
			text:  "Given a store that does not answer, when a handler writes to the session and passes a request over HTTP/2 to a backend, then the client gets a 503 with Retry-After.",
			needs: []need{needRecords, needHTTP},
			run:   func(e *env) { refusedProxy(e, Options{HTTP2: true}) },
		},
		rule{
			name:  "trailers of a refused save",
			text:  "Given a store that does not answer, when a handler writes to the session and to the response, and then sets a trailer as gRPC does, then the client gets a 503 without that trailer.",
			needs: []need{needRecords, needHTTP},
			run:   func(e *env) { refusedTrailer(e, Options{}); refusedTrailer(e, Options{HTTP2: true}) },
		},
		rule{
			name:  "an abort of the handler's own",
			text:  "Given a handler that begins a response and panics with http.ErrAbortHandler, then the client does not get a whole response, as without a session.",
			needs: []need{needHTTP},
			run: func(e *env) {
				b := e.page(Options{}, func(c Ctx) error {
					e.ok(count.Set(e.session(c), 2), "Set")
					w, _ := c.(HTTP).HTTP()
					_, _ = w.Write([]byte("one"))
					_ = http.NewResponseController(w).Flush()
					panic(http.ErrAbortHandler)
				}).withSession("")
				if r, err := b.try("GET", "/"); err == nil && r.err == nil {
					r.errorf("a whole response: %q", r.body)
				}
			},
		},
		rule{
			name:  "strings of the request",
			text:  "Given a handler that takes keys, values, messages and a user's name from strings of its request, when its stream still uses the session after other requests have come, then all of them are unchanged.",
			needs: []need{needRecords},
			run:   requestStrings,
		},
	)
}()

func failsAfterFirstByte(e *env, o Options) {
	s := e.page(o, func(c Ctx) error {
		s, fails := e.session(c), c.Header("X-Fail") != ""
		return c.Stream(func(send func(string) error) {
			_ = send("one")
			if e.h.Adapter.Caps().Buffered {
				time.Sleep(50 * time.Millisecond) // the header leaves while the stream runs
			}
			e.ok(count.Set(s, 2), "Set")
			if fails {
				e.fault.Before(storetest.On("Update"))
			}
			_ = send("two")
		})
	})
	b := s.withSession("")
	b.get("/").is(200, "onetwo")
	e.eventually("saved", func() bool { n, _ := b.storedCount(); return n == 2 })
	b = s.withSession("")
	r, err := b.try("GET", "/", "X-Fail", "1")
	if err == nil && r.err == nil {
		r.errorf("the client read a whole response of status %d: %.80q", r.StatusCode, r.body)
	}
	e.fault.Reset()
	b.wantCount(1)
	s.withSession("").get("/").is(200, "onetwo") // the server goes on
}

func refusedTrailer(e *env, o Options) {
	b := e.page(o, func(c Ctx) error {
		e.ok(count.Set(e.session(c), 2), "Set")
		w, _ := c.(HTTP).HTTP()
		_, _ = w.Write([]byte(longBody))
		_ = http.NewResponseController(w).Flush()
		w.Header().Set(http.TrailerPrefix+"X-Note", secret)
		return nil
	}).withSession("")
	e.fault.Before(storetest.On("Update"))
	b.get("/").refused()
	e.fault.Reset()
	if r := b.get("/").is(200, longBody); r.Trailer.Get("X-Note") != secret {
		r.errorf("trailers %v", r.Trailer)
	}
}

func refusedProxy(e *env, o Options) {
	large := strings.Repeat("of the backend ", 10_000)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Etag", secret)
		_, _ = w.Write([]byte(large))
	}))
	e.Cleanup(backend.Close)
	target, err := url.Parse(backend.URL)
	e.must(err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	b := e.page(o, func(c Ctx) error {
		e.ok(count.Set(e.session(c), 1), "Set")
		w, r := c.(HTTP).HTTP()
		proxy.ServeHTTP(w, r)
		return nil
	}).browser()
	e.fault.Before(storetest.On("Create"))
	b.get("/").refused()
	e.fault.Reset()
	b.get("/").is(200, large).setsCookie()
	b.wantCount(1)
}

func requestStrings(e *env) {
	begun, goOn := make(chan bool, 1), make(chan bool)
	pages := routes{}
	keep := func(c Ctx) error {
		s := e.session(c)
		e.ok(s.Login(c.Header("X-User")), "Login")
		e.ok(core.Key[string](c.Path()).Set(s, c.Header("X-Value")), "Set")
		e.ok(core.Key[[]string](c.Header("X-Key")).Update(s, func([]string) []string { return []string{c.Header("X-Value")} }), "Update")
		e.ok(s.AddFlash("info", c.Header("X-Value")), "AddFlash")
		return c.Stream(func(send func(string) error) {
			_ = send("one")
			begun <- true
			<-goOn
			e.ok(count.Set(s, 5), "Set")
			e.ok(s.Save(context.Background()), "Save")
			_ = send("two")
		})
	}
	for _, path := range []string{"/the-path-of-alice", "/another-path-of-bob"} {
		pages[path] = keep
	}
	pages["/"] = func(c Ctx) error { _ = c.Path(); return c.NoContent(204) }
	s := e.serve(Options{}, pages)
	b := s.browser()
	var done sync.WaitGroup
	done.Go(func() {
		r, err := b.try("GET", "/the-path-of-alice", "X-User", "alice", "X-Key", "key-of-alice", "X-Value", "value-of-alice")
		e.ok(err, "the stream")
		if r != nil {
			r.is(200, "onetwo").setsCookie()
		}
	})
	<-begun
	for range 20 {
		other := s.browser()
		for _, path := range []string{"/", "/nothing-is-here-at-all", "/"} {
			other.get(path, "X-User", "mallory", "X-Key", "KEY-of-bob--", "X-Value", "VALUE-of-bob--")
		}
	}
	goOn <- true
	done.Wait()
	b.peek(func(session *core.Session) {
		messages, err := session.Flashes(context.Background())
		e.ok(err, "Flashes")
		key := core.Key[[]string]("key-of-alice").GetOr(session, nil)
		if v := core.Key[string]("/the-path-of-alice").GetOr(session, ""); v != "value-of-alice" || session.Subject() != "alice" ||
			len(key) != 1 || key[0] != "value-of-alice" || len(messages) != 1 || messages[0].Text != "value-of-alice" || session.Len() != 3 {
			e.Errorf("the session of %q holds %q, messages %q, %q, %q", session.Subject(), session.Keys(), messages, v, key)
		}
	})
}
