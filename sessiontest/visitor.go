package sessiontest

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// Visitor is one client of the application, with the token of its session. It is not safe for concurrent use. Its
// methods report errors of the session as errors of the test.
type Visitor struct {
	m     *Manager
	from  core.Source      // where the token is sent
	dev   device           // where it comes from
	token string           // "" while there is no session
	begun []*core.Exchange // by Context
}

// Option is something that a visitor's session has.
type Option struct {
	change func(*core.Session) error
	age    time.Duration
	from   core.Source
	device device
}

// Via makes the visitor a client that sends its token in this one of Config.Sources: an API client of a manager that
// also serves browsers, say. While it has no token, it asks for one there. Without Via, it is the first of the sources.
func Via(source core.Source) Option { return Option{from: source} }

// With puts a value into the session.
func With[T any](key core.Key[T], value T) Option {
	return Option{change: func(s *core.Session) error { return key.Set(s, value) }}
}

// Flash puts a message into the session.
func Flash(level, text string) Option {
	return Option{change: func(s *core.Session) error { return s.AddFlash(level, text) }}
}

// Change does anything to the session: ExpireAtBrowserClose, say.
func Change(f func(*core.Session) error) Option { return Option{change: f} }

// Age makes the session, and its sign-in, that old. It has been used ever since: to let a session expire for want of
// use, advance the Clock. Age needs the Manager's Clock.
func Age(d time.Duration) Option { return Option{age: d} }

// SignedIn returns a visitor who is signed in as this user.
func (m *Manager) SignedIn(user string, options ...Option) *Visitor {
	m.t.Helper()
	login := Change(func(s *core.Session) error { return s.Login(user) })
	return m.Visitor(append([]Option{login}, options...)...)
}

// Visitor returns a visitor whom nobody knows. Without options it has no session.
func (m *Manager) Visitor(options ...Option) *Visitor {
	m.t.Helper()
	sources := m.Config().Sources
	v := &Visitor{m: m, from: sources[0]}
	m.t.Cleanup(v.settle) // at the latest
	var age time.Duration
	for _, o := range options {
		age = max(age, o.age)
		if o.device != (device{}) {
			if v.dev = o.device; m.Config().Devices == nil {
				m.t.Fatalf("sessiontest: From: the manager keeps no devices: set Config.Devices")
			}
		}
		if o.from == "" {
			continue
		}
		if v.from = core.Source(http.CanonicalHeaderKey(string(o.from))); !slices.Contains(sources, v.from) {
			m.t.Fatalf("sessiontest: Via(%q): the manager's Sources are %q", o.from, sources)
		}
	}
	if age > 0 {
		if m.Clock == nil {
			m.t.Fatalf("sessiontest: Age needs a clock: use New without Config.Store and Config.Now, or NewAt")
		}
		m.Clock.Advance(-age)
	}
	v.request(func(s *core.Session) {
		for _, o := range options {
			if o.change == nil {
				continue
			}
			if err := o.change(s); err != nil {
				m.t.Fatalf("sessiontest: the session of a visitor: %v", err)
			}
		}
	})
	for age > 0 {
		step := age
		v.request(func(s *core.Session) { step = min(step, s.TimeLeft()/2) })
		if step <= 0 {
			step = age // the session has ended
		}
		m.Clock.Advance(step)
		age -= step
	}
	if v.token != "" {
		v.request(func(*core.Session) {}) // it is used now
	}
	return v
}

// request is a whole request of the visitor that changes the session.
func (v *Visitor) request(change func(*core.Session)) {
	v.m.t.Helper()
	x := v.begin()
	s, err := x.Session(context.Background())
	if err != nil {
		v.m.t.Fatalf("sessiontest: the session of a visitor: %v", err)
	}
	change(s)
	v.end(x)
}

func (v *Visitor) begin() *core.Exchange {
	h := http.Header{}
	v.set(h)
	x := v.m.Adapter().Begin(context.Background(), h)
	v.dev.at(x)
	return x
}

// end answers a request of the visitor with 200.
func (v *Visitor) end(x *core.Exchange) {
	v.m.t.Helper()
	out, err := x.Commit(context.Background(), http.StatusOK)
	if err == nil {
		err = x.Finish(context.Background())
	}
	if err != nil {
		v.m.t.Errorf("sessiontest: the session of a visitor was not stored: %v", err)
	}
	h := http.Header{}
	out.Apply(h)
	v.keep(h)
}

// set puts the token into the header of a request.
func (v *Visitor) set(h http.Header) {
	cfg := v.m.Config()
	switch first := v.from == cfg.Sources[0]; v.from {
	case core.FromCookie:
		var pairs []string
		for pair := range strings.SplitSeq(strings.Join(h["Cookie"], ";"), ";") {
			if pair = strings.TrimSpace(pair); pair != "" && !strings.HasPrefix(pair, cfg.Cookie.Name+"=") {
				pairs = append(pairs, pair)
			}
		}
		if v.token != "" {
			pairs = append(pairs, cfg.Cookie.Name+"="+v.token)
		}
		h.Del("Cookie")
		if len(pairs) > 0 {
			h.Set("Cookie", strings.Join(pairs, "; "))
		}
	case core.FromBearer:
		h.Del("Authorization")
		if v.token != "" {
			h.Set("Authorization", "Bearer "+v.token)
		} else if !first {
			h.Set("Session-Token", "") // asks for a token
		}
	default:
		h.Del(string(v.from))
		if v.token != "" || !first {
			h.Set(string(v.from), v.token)
		}
	}
}

// keep takes over the token that the header of a response brings.
func (v *Visitor) keep(h http.Header) {
	name := string(v.from)
	switch v.from {
	case core.FromCookie:
		if c := v.cookieIn(h); c != nil {
			v.token = c.Value
		}
		return
	case core.FromBearer:
		name = "Session-Token"
	}
	if lines := h.Values(name); len(lines) > 0 {
		v.token = lines[0]
	}
}

// cookieIn returns the session's cookie in the header of a response, nil if there is none.
func (v *Visitor) cookieIn(h http.Header) *http.Cookie {
	for _, c := range (&http.Response{Header: h}).Cookies() {
		if c.Name == v.m.Config().Cookie.Name {
			return c
		}
	}
	return nil
}

// Cookie returns the cookie with the session's token. It is nil if there is no session, or if the token is sent in a
// header.
func (v *Visitor) Cookie() *http.Cookie {
	v.m.t.Helper()
	v.settle()
	if v.token == "" || v.from != core.FromCookie {
		return nil
	}
	return &http.Cookie{Name: v.m.Config().Cookie.Name, Value: v.token}
}

// Request returns a request with the session's token, as httptest.NewRequest makes it, over TLS: for a handler, and for
// Fiber's app.Test.
func (v *Visitor) Request(method, target string, body io.Reader) *http.Request {
	v.m.t.Helper()
	v.settle()
	r := httptest.NewRequest(method, target, body)
	r.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true}
	r.Header.Set("X-Forwarded-Proto", "https") // app.Test of Fiber knows no TLS
	v.set(r.Header)
	v.dev.send(r)
	return r
}

// AddTo puts the session's token into r, in place of another one.
func (v *Visitor) AddTo(r *http.Request) {
	v.m.t.Helper()
	v.settle()
	v.set(r.Header)
}

// Form returns a request that posts a form: names and values, in turn.
func (v *Visitor) Form(target string, fields ...string) *http.Request {
	values := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		values.Add(fields[i], fields[i+1])
	}
	r := v.Request(http.MethodPost, target, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// Do has app answer r with the session's token, keeps the token that the response brings, and returns the response.
func (v *Visitor) Do(app http.Handler, r *http.Request) *http.Response {
	v.m.t.Helper()
	v.AddTo(r)
	rec := httptest.NewRecorder()
	app.ServeHTTP(rec, r)
	res := rec.Result()
	v.Keep(res)
	return res
}

// Get is Do with a GET request.
func (v *Visitor) Get(app http.Handler, target string) *http.Response {
	return v.Do(app, v.Request(http.MethodGet, target, nil))
}

// Post is Do with a form: names and values, in turn.
func (v *Visitor) Post(app http.Handler, target string, fields ...string) *http.Response {
	return v.Do(app, v.Form(target, fields...))
}

// Keep takes over the token that a response brings: after a sign-in, say.
func (v *Visitor) Keep(res *http.Response) {
	v.m.t.Helper()
	v.settle()
	v.keep(res.Header)
}

// Context returns a context with the session, for a handler that is called without the middleware. Every adapter finds
// it: httpsession and ginsession in the request's context (r.WithContext), Echo's in c.SetRequest(r.WithContext(ctx)),
// Fiber v2's by c.SetUserContext, Fiber v3's by c.SetContext. What the handler changes is stored when the test next asks
// this visitor for something, or when it ends.
func (v *Visitor) Context() context.Context {
	v.m.t.Helper()
	v.settle()
	x := v.begin()
	v.begun = append(v.begun, x)
	return x.Context()
}

// settle stores what handlers did with the contexts of Context.
func (v *Visitor) settle() {
	v.m.t.Helper()
	for _, x := range v.begun {
		v.end(x)
	}
	v.begun = nil
}
