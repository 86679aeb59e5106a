package adopttest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/adopt"
	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/ginsession"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	os.Exit(startserver.Main(m))
}

// options are what a test changes in the settings of the new application.
type options struct {
	keys    [][]byte     // nil: those of the old one
	taken   driver.Store // nil: one of its own
	maxSize int
	now     func() time.Time
}

// site is one host. The old application answers below /old/, and the new one everything else.
type site struct {
	t      *testing.T
	app    *app
	old    *adopt.Adopter
	log    *lockedBuffer
	server *httptest.Server
	gate   chan struct{} // held requests go on when it is closed
	held   chan struct{} // gets a value from each held request
}

func open(t *testing.T, k kind, o options) *site {
	t.Helper()
	s := &site{t: t, log: &lockedBuffer{}, gate: make(chan struct{}), held: make(chan struct{}, 9)}
	s.app = k.start(t, s.hold)
	fault := storetest.NewFault(newStore())
	if o.taken == nil {
		o.taken = fault.Store()
	}
	if s.app.records == nil {
		s.app.down, s.app.up = func() { fault.Before(storetest.Outage) }, func() { fault.Before(nil) }
	}
	s.old = made.Of(s.app.adopter(o))
	m := made.Of(core.New(core.Config{
		Store: newStore(), Adopt: s.old.Adopt, Logger: slog.New(slog.NewTextHandler(s.log, nil)),
	}))
	t.Cleanup(func() { _ = m.Close() })
	mux := http.NewServeMux()
	mux.Handle("/old/", s.app.handler)
	mux.Handle("/", s.newApp(m, k.gin))
	s.server = httptest.NewTLSServer(mux)
	t.Cleanup(s.server.Close)
	return s
}

func newStore() driver.Store { return made.Of(memstore.New(memstore.Config{})) }

// hold waits for the gate.
func (s *site) hold() {
	s.held <- struct{}{}
	<-s.gate
}

const (
	carts  = core.Key[[]string]("cart")
	visits = core.Key[int]("visits")
	since  = 1767323045
)

// cart is a type of the old application.
type cart struct{ Items []string }

// adoption is what the new application makes of the old values.
func adoption(get func(string) any) (*core.Adoption, error) {
	a := &core.Adoption{}
	a.Subject, _ = get("user").(string)
	if a.Subject == "" {
		return nil, nil
	}
	switch v := get("since").(type) {
	case int64:
		a.AuthTime = time.Unix(v, 0)
	case float64: // JSON
		a.AuthTime = time.Unix(int64(v), 0)
	}
	var items []string
	switch v := get("cart").(type) {
	case cart:
		items = v.Items
	case map[string]any: // JSON
		for _, item := range v["Items"].([]any) {
			items = append(items, item.(string))
		}
	}
	a.Values = map[string]any{"cart": items}
	return a, nil
}

var pages = []string{"/me", "/held", "/sign-out", "/visit"}

// newApp has the pages.
func (s *site) newApp(m *core.Manager, onGin bool) http.Handler {
	do := func(path string, c *core.Session, r *http.Request) string {
		switch path {
		case "/held":
			s.hold()
		case "/visit":
			_ = visits.Update(c, func(n int) int { return n + 1 })
		case "/sign-out":
			_ = c.Logout()
			return "bye"
		}
		return fmt.Sprintf("%s %v %d", c.Subject(), carts.GetOr(c, nil), c.AuthTime().Unix())
	}
	if onGin {
		r := gin.New()
		r.Use(ginsession.New(m))
		for _, path := range pages {
			r.Any(path, ginsession.Handle(func(c *gin.Context, s *core.Session) { c.String(200, do(path, s, c.Request)) }))
		}
		return r
	}
	return httpsession.New(m)(httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_, _ = io.WriteString(w, do(r.URL.Path, s, r))
	}))
}

// What /me says of a user who was taken over, and of a visitor.
const (
	alice  = "alice [hat] 1767323045"
	bob    = "bob [hat] 1767323045"
	nobody = " [] -62135596800"
)

// browser is a client with a cookie jar.
type browser struct {
	*site
	client *http.Client
}

func (s *site) browser() browser {
	c := *s.server.Client()
	c.Jar = made.Of(cookiejar.New(nil))
	return browser{s, &c}
}

// signedIn returns a browser that the old application has signed in, and the old cookie.
func (s *site) signedIn(user string) (browser, string) {
	s.t.Helper()
	b := s.browser()
	b.want("/old/sign-in?user="+user, 200, user)
	b.want("/old/me", 200, user)
	value := b.cookie(s.app.cookie)
	if value == "" {
		s.t.Fatal("the old application has set no cookie")
	}
	s.t.Cleanup(func() {
		if log := s.log.String(); strings.Contains(log, value) {
			s.t.Error("the old cookie is in the log: " + log)
		}
	})
	return b, value
}

// get returns the status and the body.
func (b browser) get(path string) (int, string) {
	r, err := b.client.Get(b.server.URL + path)
	if err != nil {
		return 0, err.Error()
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	return r.StatusCode, string(body)
}

func (b browser) want(path string, status int, body string) {
	b.t.Helper()
	if gotStatus, got := b.get(path); gotStatus != status || body != "" && got != body {
		b.t.Errorf("%s: %d %q, want %d %q", path, gotStatus, strings.TrimSpace(got), status, body)
	}
}

// cookie returns the value in the jar; "" if there is none.
func (b browser) cookie(name string) string {
	for _, c := range b.client.Jar.Cookies(made.Of(url.Parse(b.server.URL))) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// replay sends the old cookie alone, as a thief would, and wants this answer of /me.
func (s *site) replay(value string, status int, body string) {
	s.t.Helper()
	r := made.Of(http.NewRequestWithContext(context.Background(), "GET", s.server.URL+"/me", nil))
	r.Header.Set("Cookie", s.app.cookie+"="+value)
	answer, err := s.server.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	if got := string(made.Of(io.ReadAll(answer.Body))); answer.StatusCode != status || body != "" && got != body {
		s.t.Errorf("the old cookie alone: %d %q, want %d %q", answer.StatusCode, strings.TrimSpace(got), status, body)
	}
}

// visit sends a request that writes, with the old cookie alone.
func (s *site) visit(value string) (status int, cookies []*http.Cookie) {
	s.t.Helper()
	r := made.Of(http.NewRequestWithContext(context.Background(), "GET", s.server.URL+"/visit", nil))
	r.Header.Set("Cookie", s.app.cookie+"="+value)
	answer := made.Of(s.server.Client().Do(r))
	answer.Body.Close()
	return answer.StatusCode, answer.Cookies()
}

// lockedBuffer keeps what the new application logs.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// app is an old application, and how the new one takes over its sessions.
type app struct {
	cookie   string
	handler  http.Handler
	adopter  func(options) (*adopt.Adopter, error)
	keys     bool       // it signs its cookies
	renews   bool       // a request that is late there begins another session
	records  func() int // how many are stored; nil: the values are in the cookie
	down, up func()     // an outage of the old store; nil: it is in this process's memory
}
