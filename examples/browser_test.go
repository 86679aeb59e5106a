package examples_test

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// browser is a client with a cookie jar. The jar of net/http/cookiejar would keep the Secure
// cookie to itself on http://127.0.0.1, where browsers and curl do not.
type browser struct {
	t       *testing.T
	s       *server
	agent   string
	cookies map[string]*http.Cookie
	status  int
	header  http.Header // of the last response
	page    string
}

func newBrowser(t *testing.T, s *server, agent string) *browser {
	return &browser{t: t, s: s, agent: agent, cookies: map[string]*http.Cookie{}}
}

// SetCookies implements http.CookieJar.
func (b *browser) SetCookies(_ *url.URL, cookies []*http.Cookie) {
	for _, c := range cookies {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c
		}
	}
}

// Cookies implements http.CookieJar.
func (b *browser) Cookies(*url.URL) []*http.Cookie {
	var list []*http.Cookie
	for _, c := range b.cookies {
		list = append(list, c)
	}
	return list
}

// close drops what a browser forgets when it is closed.
func (b *browser) close() {
	for name, c := range b.cookies {
		if c.MaxAge == 0 {
			delete(b.cookies, name)
		}
	}
}

// session is the cookie, nil if there is none.
func (b *browser) session() *http.Cookie { return b.cookies["__Host-session"] }

func (b *browser) token() string {
	if c := b.session(); c != nil {
		return c.Value
	}
	return ""
}

// thief returns another browser with a copy of the cookies.
func (b *browser) thief() *browser {
	other := newBrowser(b.t, b.s, b.agent)
	for name, c := range b.cookies {
		other.cookies[name] = c
	}
	return other
}

func (b *browser) get(path string) *browser {
	b.t.Helper()
	return b.do(http.MethodGet, path, nil, nil)
}

// post sends a form, as pairs of name and value, and follows the redirect.
func (b *browser) post(path string, fields ...string) *browser {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.do(http.MethodPost, path, form, http.Header{"Sec-Fetch-Site": {"same-origin"}})
}

func (b *browser) do(method, path string, form url.Values, header http.Header) *browser {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", b.agent)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
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

func (b *browser) signIn(user, password string, more ...string) *browser {
	b.t.Helper()
	return b.signInAt("/sign-in", user, password, more...)
}

// signInAt posts the form of the sign-in page at this address, which is where browsers send it.
func (b *browser) signInAt(page, user, password string, more ...string) *browser {
	b.t.Helper()
	return b.post(page, append([]string{"name", user, "password", password}, more...)...)
}

func (b *browser) asAlice() *browser {
	b.t.Helper()
	b.signIn("alice", "looking-glass")
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

func (b *browser) visits() string  { return b.get("/").first(`<span id="visits">(\d+)</span>`) }
func (b *browser) inCart() string  { return b.first(`id="cart-count">(\d+)<`) }
func (b *browser) flash() string   { return strings.Join(b.find(`class="flash \w+">(.*?)</p>`), " | ") }
func (b *browser) ids() []string   { return b.find(`data-id="([0-9a-f]{64})"`) }
func (b *browser) user() string    { return b.first(`id="user">(\w+)<`) }
func (b *browser) current() string { return b.first(`device current" data-id="([0-9a-f]{64})"`) }

func (b *browser) want(what, got, want string) {
	b.t.Helper()
	if got != want {
		b.t.Errorf("%s: got %q, want %q (status %d)", what, got, want, b.status)
	}
}

// wantUser checks who the page that is shown takes the browser for.
func (b *browser) wantUser(name string) {
	b.t.Helper()
	b.want("signed in as", b.user(), name)
}
