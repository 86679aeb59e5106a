package main

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// browser is a client that keeps the session's cookie. It is less of one than the other
// examples' tests have: those of another module cannot be imported.
type browser struct {
	t      *testing.T
	p      *process
	agent  string
	cookie *http.Cookie
	status int
	header http.Header // of the last response
	page   string
}

const cookieName = "__Host-session"

// Cookies implements http.CookieJar.
func (b *browser) Cookies(*url.URL) []*http.Cookie {
	if b.cookie == nil {
		return nil
	}
	return []*http.Cookie{b.cookie}
}

// SetCookies implements http.CookieJar. That of net/http would not send a Secure cookie to
// http://127.0.0.1, where browsers do.
func (b *browser) SetCookies(_ *url.URL, cookies []*http.Cookie) {
	for _, c := range cookies {
		if c.Name == cookieName && c.MaxAge >= 0 {
			b.cookie = c
		} else if c.Name == cookieName {
			b.cookie = nil
		}
	}
}

// thief returns another browser with a copy of the cookie.
func (b *browser) thief() *browser {
	return &browser{t: b.t, p: b.p, agent: b.agent, cookie: b.cookie}
}

func (b *browser) get(path string) *browser {
	b.t.Helper()
	return b.do(http.MethodGet, path, nil)
}

// post sends a form, as pairs of name and value, and follows the redirect.
func (b *browser) post(path string, fields ...string) *browser {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.do(http.MethodPost, path, form)
}

func (b *browser) do(method, path string, form url.Values) *browser {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.p.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("User-Agent", b.agent)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := &http.Client{Jar: b, Timeout: patience}
	res, err := client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.status, b.header, b.page = res.StatusCode, res.Header, string(body)
	return b
}

func (b *browser) asAlice() *browser {
	b.t.Helper()
	b.post("/sign-in", "name", "alice", "password", "looking-glass")
	b.wantUser("alice")
	return b
}

// find returns what the pattern's group matches in the page, every time.
func (b *browser) find(pattern string) []string {
	var found []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(b.page, -1) {
		found = append(found, html.UnescapeString(m[1]))
	}
	return found
}

func (b *browser) first(pattern string) string {
	if all := b.find(pattern); len(all) > 0 {
		return all[0]
	}
	return ""
}

func (b *browser) ids() []string   { return b.find(`data-id="([0-9a-f]{64})"`) }
func (b *browser) current() string { return b.first(`device current" data-id="([0-9a-f]{64})"`) }

func (b *browser) want(what, got, want string) {
	b.t.Helper()
	if got != want {
		b.t.Errorf("%s: got %q, want %q (status %d)", what, got, want, b.status)
	}
}

func (b *browser) wantFlash(text string) {
	b.t.Helper()
	b.want("message", strings.Join(b.find(`class="flash \w+">(.*?)</p>`), " | "), text)
}

func (b *browser) wantCart(count string) {
	b.t.Helper()
	b.want("things in the cart", b.first(`id="cart-count">(\d+)<`), count)
}

// wantUser checks who the page that is shown takes the browser for.
func (b *browser) wantUser(name string) {
	b.t.Helper()
	b.want("signed in as", b.first(`id="user">(\w+)<`), name)
}
