package sessionadmin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/sessionadmin"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

var ctx = context.Background()

const secret core.Key[string] = "secret"

// value is what each session of these tests holds. No page may show it.
const value = "opensesame"

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// site is a server with the handler, and all that has come out of it. When its test ends, no token and no value may be
// in there.
type site struct {
	t     testing.TB
	m     *core.Manager
	fault *storetest.Fault // nil for a store of tokens
	url   string           // of the overview
	shows bool             // Config.Format shows values

	mu      sync.Mutex
	out     bytes.Buffer
	log     bytes.Buffer
	secrets []string
}

func newSite(t testing.TB, cfg core.Config, admin sessionadmin.Config) *site {
	t.Helper()
	z := &site{t: t, shows: admin.Format != nil}
	if cfg.Store == nil {
		cfg.Store = made.Of(memstore.New(memstore.Config{Now: cfg.Now}))
	}
	if store, ok := cfg.Store.(driver.Store); ok {
		z.fault = storetest.NewFault(store)
		cfg.Store = z.fault.Store()
	}
	logger := slog.New(slog.NewTextHandler(locked{z}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg.Logger, cfg.SweepInterval = logger, -1
	m, err := core.New(cfg)
	must(t, err)
	t.Cleanup(func() { _ = m.Close() })
	z.m, admin.Manager, admin.Logger = m, m, logger
	if admin.Authorize == nil {
		admin.Authorize = sessionadmin.WrappedBy("olga")
	}
	h, err := sessionadmin.New(admin)
	must(t, err)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	t.Cleanup(z.keepsSecrets)
	z.url = server.URL + admin.Prefix + "/"
	return z
}

// locked is the log of a site.
type locked struct{ z *site }

func (l locked) Write(line []byte) (int, error) {
	l.z.mu.Lock()
	defer l.z.mu.Unlock()
	return l.z.log.Write(line)
}

func (z *site) logged() string {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.log.String()
}

func (z *site) keepsSecrets() {
	if z.shows {
		return
	}
	all := z.out.String() + z.logged()
	for _, s := range append(z.secrets, value) {
		if strings.Contains(all, s) {
			z.t.Errorf("a page or the log holds %q", s)
		}
	}
}

// signIn begins a session and returns its ID and its cookie.
func (z *site) signIn(user string) (core.ID, string) {
	z.t.Helper()
	x := z.m.Adapter().Begin(ctx, nil)
	s, err := x.Session(ctx)
	must(z.t, err)
	if user != "" {
		must(z.t, s.LoginBy(user, "passkey"))
	}
	must(z.t, secret.Set(s, value))
	id := s.ID()
	out, err := x.Commit(ctx, 200)
	must(z.t, err)
	must(z.t, x.Finish(ctx))
	cookie, _, _ := strings.Cut(out.Value, ";")
	_, token, _ := strings.Cut(cookie, "=")
	z.secrets = append(z.secrets, token)
	return id, cookie
}

func (z *site) alive(id core.ID) bool {
	z.t.Helper()
	_, err := z.m.Session(ctx, id)
	return err == nil
}

// page is a response.
type page struct {
	t      testing.TB
	status int
	header http.Header
	body   string
}

// send sends a request. headers are names and values in turn.
func (z *site) send(method, path string, headers ...string) page {
	z.t.Helper()
	r, err := http.NewRequest(method, z.url+path, nil)
	must(z.t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	must(z.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(z.t, err)
	z.out.Write(body)
	_ = res.Header.Write(&z.out)
	return page{z.t, res.StatusCode, res.Header, string(body)}
}

func (z *site) get(path string) page {
	z.t.Helper()
	return z.send("GET", path, "Accept", "text/html")
}

func (z *site) post(path string) page {
	z.t.Helper()
	return z.send("POST", path, "Accept", "text/html", "Sec-Fetch-Site", "same-origin")
}

func (p page) is(status int, texts ...string) page {
	p.t.Helper()
	if p.status != status {
		p.t.Errorf("status %d, want %d: %s", p.status, status, p.body)
	}
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			p.t.Errorf("the page lacks %q: %s", text, p.body)
		}
	}
	return p
}

func (p page) lacks(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		if strings.Contains(p.body, text) {
			p.t.Errorf("the page has %q: %s", text, p.body)
		}
	}
}

// decode is a JSON answer. It must have no field that the type lacks.
func decode[T any](z *site, status int, method, path string) (v T) {
	z.t.Helper()
	p := z.send(method, path, "Accept", "application/json").is(status)
	d := json.NewDecoder(strings.NewReader(p.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil || p.header.Get("Content-Type") != "application/json" {
		z.t.Errorf("%v, %s: %s", err, p.header.Get("Content-Type"), p.body)
	}
	return v
}

// onStores runs a test over stores that list sessions.
func onStores(t *testing.T, test func(t *testing.T, z *site)) {
	for name, open := range map[string]func(t *testing.T) driver.Store{
		"memstore": func(*testing.T) driver.Store { return made.Of(memstore.New(memstore.Config{})) },
		"filestore": func(t *testing.T) driver.Store {
			return made.Of(filestore.New(made.MemoryDir(t)+"/sessions", filestore.Config{}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			test(t, newSite(t, core.Config{Store: open(t)}, sessionadmin.Config{}))
		})
	}
}
