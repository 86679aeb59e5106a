package adaptertest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about what only adapters on net/http can offer.

var httpRules = []rule{
	{
		name:  "early hints",
		text:  "Given a handler that sends a 103 between two changes, when the final response comes, then the hint had no cookie, and both changes are stored.",
		needs: []need{needInformational},
		run:   earlyHints,
	},
	{
		name:  "reverse proxy with early hints",
		text:  "Given a handler that writes to the session and passes the request to a backend which sends a 103, when the final response comes, then the cookie is in it.",
		needs: []need{needHTTP, needInformational},
		run:   proxied,
	},
	{
		name:  "response controller",
		text:  "Given the response writer of a handler, then http.Flusher, http.Hijacker and the deadlines of http.ResponseController work.",
		needs: []need{needHTTP},
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
	b.wantCount(1)
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
	b.wantCount(1)
}
