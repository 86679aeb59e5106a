package httpsession_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

const (
	user  core.Key[string] = "user"
	count core.Key[int]    = "count"
)

// fixture is a manager over a store that can be told to fail.
type fixture struct {
	*core.Manager
	store *storetest.Fault
	log   *bytes.Buffer
}

func setUp(t *testing.T, cfg core.Config) fixture {
	t.Helper()
	f := fixture{store: storetest.NewFault(made.Of(memstore.New(memstore.Config{}))), log: &bytes.Buffer{}}
	cfg.Store = f.store.Store()
	cfg.Logger = slog.New(slog.NewTextHandler(f.log, nil))
	var err error
	if f.Manager, err = core.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// get sends one request to h, without a server.
func get(h http.Handler, header ...string) *http.Response {
	r := httptest.NewRequest("GET", "/", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Result()
}

func text(t *testing.T, res *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// counted answers with the number of visits so far.
var counted = httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
	_ = count.Update(s, func(n int) int { return n + 1 })
	w.WriteHeader(http.StatusOK)
})

func TestNilManagerPanics(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "httpsession") {
			t.Errorf("panic %q does not say where", text)
		}
	}()
	httpsession.New(nil)
}

func TestOutageOnLoad(t *testing.T) {
	f := setUp(t, core.Config{})
	f.store.Before(storetest.Outage)
	ran := false
	h := httpsession.Handle(func(http.ResponseWriter, *http.Request, *core.Session) { ran = true })
	res := get(httpsession.New(f.Manager)(h), "Cookie", "__Host-session="+strings.Repeat("A", 43))
	if ran {
		t.Error("the handler ran")
	}
	if res.StatusCode != 503 || res.Header.Get("Retry-After") != core.RetryAfter(core.ErrUnavailable) ||
		res.Header.Get("Cache-Control") != "no-store" || res.Header["Set-Cookie"] != nil {
		t.Errorf("got %d %v", res.StatusCode, res.Header)
	}
	if got := text(t, res); got != "Service Unavailable\n" {
		t.Errorf("body %q", got)
	}
}

func TestWithoutMiddleware(t *testing.T) {
	res := get(counted)
	if res.StatusCode != 500 || strings.Contains(text(t, res), "coatcheck") {
		t.Errorf("got %d, want a 500 that says nothing", res.StatusCode)
	}
	if s, err := httpsession.Get(httptest.NewRequest("GET", "/", nil)); !errors.Is(err, core.ErrNoSession) || s == nil {
		t.Errorf("Get: %v, %v", s, err)
	}
}

func TestSkip(t *testing.T) {
	f := setUp(t, core.Config{})
	skip := httpsession.WithSkip(func(r *http.Request) bool { return r.Header.Get("X-Skip") != "" })
	h := httpsession.New(f.Manager, skip)(counted)
	if res := get(h, "X-Skip", "1"); res.StatusCode != 500 {
		t.Errorf("skipped: got %d, want 500", res.StatusCode)
	}
	if res := get(h); res.StatusCode != 200 {
		t.Errorf("not skipped: got %d", res.StatusCode)
	}
}

func TestErrorHandler(t *testing.T) {
	f := setUp(t, core.Config{})
	var saw error
	teapot := httpsession.WithErrorHandler(func(w http.ResponseWriter, r *http.Request, err error) {
		saw = err
		if _, err := httpsession.Get(r); errors.Is(err, core.ErrNoSession) {
			t.Error("the request is not the handler's")
		}
		w.WriteHeader(http.StatusTeapot)
	})
	h := httpsession.New(f.Manager, teapot)(counted)
	for _, method := range []string{"Load", "Create"} {
		f.store.Before(storetest.On(method))
		res := get(h, "Cookie", "__Host-session="+strings.Repeat("A", 43))
		if res.StatusCode != http.StatusTeapot || !errors.Is(saw, core.ErrUnavailable) || res.Header.Get("Retry-After") == "" {
			t.Errorf("%s: got %d %v, handler saw %v", method, res.StatusCode, res.Header, saw)
		}
	}
}

// A staff cookie and a customer cookie in one application.
func TestTwoManagers(t *testing.T) {
	staff := setUp(t, core.Config{Cookie: core.Cookie{Name: "__Host-staff"}})
	guest := setUp(t, core.Config{})
	h := httpsession.New(staff.Manager)(httpsession.New(guest.Manager)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner, _ := httpsession.Get(r)
		outer, err := staff.FromContext(r.Context())
		if err != nil || inner == outer {
			t.Error("the sessions are one", err)
		}
		_ = user.Set(inner, "guest")
		_ = user.Set(outer, "staff")
	})))
	res := get(h)
	if cookies := res.Cookies(); len(cookies) != 2 || cookies[0].Name == cookies[1].Name {
		t.Errorf("cookies %v, want one of each", cookies)
	}
	if got := res.Header["Vary"]; len(got) != 1 {
		t.Errorf("Vary %q", got)
	}
}

// A logger outside reads the pattern from the request that it passed on.
func TestPatternIsSeenOutside(t *testing.T) {
	f := setUp(t, core.Config{})
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", counted)
	mux.Handle("GET /panic", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a fault") }))
	for path, pattern := range map[string]string{"/": "GET /{$}", "/panic": "GET /panic"} {
		r := httptest.NewRequest("GET", path, nil)
		func() {
			defer func() { _ = recover() }()
			httpsession.New(f.Manager)(mux).ServeHTTP(httptest.NewRecorder(), r)
		}()
		if r.Pattern != pattern {
			t.Errorf("%s: pattern %q", path, r.Pattern)
		}
	}
}

func TestPanicsPassUntouched(t *testing.T) {
	f := setUp(t, core.Config{})
	var s *core.Session
	h := httpsession.New(f.Manager)(httpsession.Handle(func(_ http.ResponseWriter, _ *http.Request, got *core.Session) {
		s = got
		_ = count.Set(s, 1)
		panic(http.ErrAbortHandler)
	}))
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("panic %v", p)
		}
		if err := count.Set(s, 2); !errors.Is(err, core.ErrClosed) {
			t.Errorf("afterwards: %v, want ErrClosed", err)
		}
		if n := f.store.Calls()["Create"]; n != 0 {
			t.Error("stored")
		}
	}()
	get(h)
}

// The client has its 503; storing what the slow handler did would be a lie.
func TestTimeoutHandlerOutside(t *testing.T) {
	f := setUp(t, core.Config{})
	returned := make(chan struct{})
	h := http.TimeoutHandler(httpsession.New(f.Manager)(httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		defer close(returned)
		_ = count.Set(s, 1)
		<-r.Context().Done()
		_, _ = io.WriteString(w, "late")
	})), 10*time.Millisecond, "too slow")
	if res := get(h); res.StatusCode != 503 || text(t, res) != "too slow" {
		t.Errorf("got %d", res.StatusCode)
	}
	<-returned
	if n := f.store.Calls()["Create"]; n != 0 {
		t.Error("stored after the 503")
	}
}

// It replaces whole header lines, so Vary must come after it.
func TestTimeoutHandlerInside(t *testing.T) {
	f := setUp(t, core.Config{})
	h := httpsession.New(f.Manager)(http.TimeoutHandler(httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
		_ = count.Set(s, 1)
		w.Header().Set("Vary", "Accept")
	}), time.Minute, ""))
	res := get(h)
	if got := strings.Join(res.Header["Vary"], ","); got != "Accept,Cookie" || len(res.Cookies()) != 1 {
		t.Errorf("Vary %q, cookies %v", got, res.Cookies())
	}
}

// The proxy empties the header after each 103.
func TestReverseProxyWithEarlyHints(t *testing.T) {
	f := setUp(t, core.Config{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		_, _ = io.WriteString(w, "page")
	}))
	defer backend.Close()
	target, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	front := httptest.NewServer(httpsession.New(f.Manager)(httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = count.Set(s, 1)
		proxy.ServeHTTP(w, r)
	})))
	defer front.Close()
	res, err := http.Get(front.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text(t, res) != "page" || len(res.Cookies()) != 1 {
		t.Errorf("cookies %v", res.Cookies())
	}
}

// Changes after the first byte are stored where the client need not be told, and
// reported where it need be.
func TestLateChanges(t *testing.T) {
	f := setUp(t, core.Config{})
	h := httpsession.New(f.Manager)(httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
		_ = http.NewResponseController(w).Flush()
		_ = count.Update(s, func(n int) int { return n + 1 })
	}))
	res := get(h)
	if len(res.Cookies()) != 0 || f.store.Calls()["Create"] != 0 || !strings.Contains(f.log.String(), "header was sent") {
		t.Errorf("new session: cookies %v, log %s", res.Cookies(), f.log)
	}
	cookie := get(httpsession.New(f.Manager)(counted)).Cookies()[0]
	get(h, "Cookie", cookie.Name+"="+cookie.Value)
	if f.store.Calls()["Update"] != 1 {
		t.Error("live session: not stored")
	}
}

// A goroutine of the handler may outlive the request.
func TestClosedAfterTheRequest(t *testing.T) {
	f := setUp(t, core.Config{})
	var s *core.Session
	var ctx context.Context
	get(httpsession.New(f.Manager)(httpsession.Handle(func(_ http.ResponseWriter, r *http.Request, got *core.Session) {
		s, ctx = got, r.Context()
	})))
	if err := count.Set(s, 1); !errors.Is(err, core.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	if _, err := core.FromContext(ctx); !errors.Is(err, core.ErrClosed) {
		t.Errorf("by the context: %v, want ErrClosed", err)
	}
}
