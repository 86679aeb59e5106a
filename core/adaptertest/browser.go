package adaptertest

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/coatcheck-go/coatcheck/core"
)

// browser is a client with a connection and cookies of its own. It keeps Secure cookies
// that came over plain HTTP, as browsers do on localhost, and does not follow redirects.
type browser struct {
	*site
	client  *http.Client
	cookies []string // name=value
}

func (s *site) browser() *browser {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true} // see Options.HTTP2
	s.Cleanup(transport.CloseIdleConnections)
	return &browser{site: s, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// copyOf returns another browser with the same cookies, on the same site.
func (b *browser) copyOf() *browser { return b.on(b.site) }

// on returns another browser with the same cookies, on another site.
func (b *browser) on(s *site) *browser {
	twin := s.browser()
	twin.cookies = slices.Clone(b.cookies)
	return twin
}

// token returns the value of the session's cookie, "" if there is none.
func (b *browser) token() string {
	for _, c := range b.cookies {
		if name, value, _ := strings.Cut(c, "="); name == cookieName(b.cfg) {
			return value
		}
	}
	return ""
}

func cookieName(cfg core.Config) string {
	if cfg.Cookie.Name != "" {
		return cfg.Cookie.Name
	}
	return "__Host-session"
}

// withSession returns a browser that has a session with count 1, and with a subject if that is not "". It makes the
// session without the adapter. more may change it before it is stored.
func (s *site) withSession(subject string, more ...func(*core.Session)) *browser {
	s.Helper()
	b := s.browser()
	ctx := context.Background()
	x := s.m.Adapter().Begin(ctx, nil)
	session, err := x.Session(ctx)
	s.must(err)
	if subject != "" {
		s.must(session.Login(subject))
	}
	s.must(count.Set(session, 1))
	for _, f := range more {
		f(session)
	}
	out, err := x.Commit(ctx, http.StatusOK)
	s.must(err)
	s.must(x.Finish(ctx))
	b.keepCookie(out.Value)
	s.fault.Reset()
	return b
}

// keepCookie keeps the cookie of a Set-Cookie line.
func (b *browser) keepCookie(line string) {
	pair, _, _ := strings.Cut(line, ";")
	name, value, _ := strings.Cut(pair, "=")
	b.cookies = slices.DeleteFunc(b.cookies, func(c string) bool { return strings.HasPrefix(c, name+"=") })
	if value != "" {
		b.cookies = append(b.cookies, pair)
	}
	if name == cookieName(b.cfg) && len(value) > 20 {
		b.mu.Lock()
		b.issued[value] = true
		b.mu.Unlock()
	}
}

// storedCount returns the count in the session of the browser's cookie, and whether there is such a session. It does
// not use the adapter.
func (b *browser) storedCount() (n int, live bool) {
	b.Helper()
	b.peek(func(s *core.Session) {
		n, _ = count.Get(s)
		live = !s.IsNew()
	})
	return n, live
}

// peek calls f with the session of the browser's cookie and stores nothing.
func (b *browser) peek(f func(*core.Session)) {
	b.Helper()
	ctx := context.Background()
	x := b.m.Adapter().Begin(ctx, http.Header{"Cookie": {strings.Join(b.cookies, "; ")}})
	defer x.Discard()
	s, err := x.Session(ctx)
	b.must(err)
	f(s)
}

// change stores what f does to the session of the browser's cookie. It does not use the adapter.
func (b *browser) change(f func(*core.Session)) {
	b.Helper()
	ctx := context.Background()
	x := b.m.Adapter().Begin(ctx, http.Header{"Cookie": {strings.Join(b.cookies, "; ")}})
	s, err := x.Session(ctx)
	b.must(err)
	f(s)
	out, err := x.Commit(ctx, http.StatusOK)
	b.must(err)
	b.must(x.Finish(ctx))
	if out.Name == "Set-Cookie" {
		b.keepCookie(out.Value)
	}
}

// wantCount checks the count in the stored session.
func (b *browser) wantCount(want int) {
	b.Helper()
	if n, live := b.storedCount(); n != want || !live {
		b.Errorf("the session has count %d (live: %t), want %d", n, live, want)
	}
}

// wantAnonymous checks that there is no session for the browser's cookie.
func (b *browser) wantAnonymous() {
	b.Helper()
	if n, live := b.storedCount(); live {
		b.Errorf("the cookie still has a session, with count %d", n)
	}
}

// response is a response, read to its end.
type response struct {
	*http.Response
	b    *browser
	body string
	err  error  // of reading the body
	sent string // the request, for failures
}

// get sends a GET request. header is names and values, in turn.
func (b *browser) get(path string, header ...string) *response {
	b.Helper()
	return b.send("GET", path, header...)
}

func (b *browser) send(method, path string, header ...string) *response {
	b.Helper()
	r, err := b.try(method, path, header...)
	if err != nil {
		b.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

// try is send for the goroutines of a rule: it returns the error that makes send end the rule.
func (b *browser) try(method, path string, header ...string) (*response, error) {
	req, err := http.NewRequest(method, b.url+path, nil)
	if err != nil {
		return nil, err
	}
	if len(b.cookies) > 0 {
		req.Header.Set("Cookie", strings.Join(b.cookies, "; "))
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	res, err := b.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	r := &response{Response: res, b: b, body: string(body), err: err, sent: method + " " + path}
	if len(header) > 0 {
		r.sent += fmt.Sprint(" ", header)
	}
	r.inspect()
	return r, nil
}

// inspect keeps the response's cookies, and checks that no token is anywhere else in it.
func (r *response) inspect() {
	for _, line := range r.Header["Set-Cookie"] {
		r.b.keepCookie(line)
	}
	rest := r.Header.Clone()
	delete(rest, "Set-Cookie")
	for _, s := range append(r.b.cfg.Sources, "Session-Token") { // which answers FromBearer
		delete(rest, string(s))
	}
	r.b.mustNotLeak("a header of "+r.sent, fmt.Sprint(rest))
	r.b.mustNotLeak("the body of "+r.sent, r.body)
}
