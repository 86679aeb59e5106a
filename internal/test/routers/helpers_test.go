package routers

import (
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

const visits core.Key[int] = "visits"

// site is a server, and a browser that keeps its cookie.
type site struct {
	t      *testing.T
	m      *core.Manager
	store  *storetest.Fault
	url    string
	client *http.Client
	cookie string // "name=token"
}

// start serves what build makes of a new manager.
func start(t *testing.T, build func(*core.Manager) http.Handler, http2 bool) *site {
	t.Helper()
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	m, err := core.New(core.Config{Store: fault.Store(), LoginURL: "/sign-in", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(build(m))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if server.EnableHTTP2 = http2; http2 {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(func() {
		server.Close()
		_ = m.Close()
	})
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &site{t, m, fault, server.URL, client, ""}
}

type answer struct {
	*http.Response
	body string
}

// do sends a request with the cookie. header is names and values; Host is the request's host.
func (s *site) do(method, path string, header ...string) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	if s.cookie != "" {
		r.Header.Set("Cookie", s.cookie)
	}
	res, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Errorf("%s %s: %v", method, path, err)
	}
	s.keep(res.Header)
	return answer{res, string(body)}
}

// keep keeps the cookie of a response.
func (s *site) keep(h http.Header) {
	for _, c := range (&http.Response{Header: h}).Cookies() {
		s.cookie = c.Name + "=" + c.Value
	}
}

// is checks the status and the body, without a line's end.
func (a answer) is(t *testing.T, status int, body string) answer {
	t.Helper()
	if got := strings.TrimSuffix(a.body, "\n"); a.StatusCode != status || got != body {
		t.Errorf("%s %s: %d %q, want %d %q", a.Request.Method, a.Request.URL.Path, a.StatusCode, got, status, body)
	}
	return a
}

// setsCookie checks whether the response has one cookie, or none.
func (a answer) setsCookie(t *testing.T, want bool) answer {
	t.Helper()
	if n := len(a.Header["Set-Cookie"]); n > 1 || n == 1 != want {
		t.Errorf("%s %s: %d cookies, want one: %t", a.Request.Method, a.Request.URL.Path, n, want)
	}
	return a
}

// calls checks the number of the store's calls since the last time.
func (s *site) calls(want int) {
	s.t.Helper()
	n := 0
	for _, of := range s.store.Calls() {
		n += of
	}
	if n != want {
		s.t.Errorf("calls of the store: %v, want %d", s.store.Calls(), want)
	}
	s.store.Reset()
}

// count answers with the number of visits of this session.
var count = httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
	_ = visits.Update(s, func(n int) int { return n + 1 })
	_, _ = fmt.Fprintf(w, "visit %d", visits.GetOr(s, 0))
})

// panics changes the session, which must not be stored.
var panics = httpsession.Handle(func(_ http.ResponseWriter, _ *http.Request, s *core.Session) {
	_ = visits.Set(s, 99)
	panic("a fault of the handler")
})

// slow changes the session and ends after its time limit.
var slow = httpsession.Handle(func(_ http.ResponseWriter, r *http.Request, s *core.Session) {
	_ = visits.Set(s, 99)
	<-r.Context().Done()
})

// missing is a page for unknown paths and methods that shows who asks.
func missing(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, err := httpsession.Get(r)
		if errors.Is(err, core.ErrNoSession) {
			http.Error(w, "no session", status)
			return
		}
		http.Error(w, fmt.Sprintf("visits %d", visits.GetOr(s, 0)), status)
	}
}

// outerLog is a logger outside all others: it notes the pattern after the handler, and after its panic.
type outerLog struct {
	mu       sync.Mutex
	patterns []string
}

func (l *outerLog) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.patterns = append(l.patterns, r.Pattern)
		}()
		next.ServeHTTP(w, r)
	})
}

func (l *outerLog) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.patterns) == 0 {
		return "no request"
	}
	return l.patterns[len(l.patterns)-1]
}

// lines is a buffer for a logger.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
