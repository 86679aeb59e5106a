package moving_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// browser is a client with a cookie jar, which follows no redirects. Like browsers, it sends Secure cookies to
// 127.0.0.1 over plain http; the jar of net/http/cookiejar would not.
type browser struct {
	t       *testing.T
	url     string
	cookies map[string]string
	lines   []string // the Set-Cookie lines of the last response
}

func newBrowser(t *testing.T, url string) *browser {
	return &browser{t: t, url: url, cookies: map[string]string{}}
}

// copy is another browser with the same cookies, as of a thief.
func (b *browser) copy() *browser {
	return &browser{t: b.t, url: b.url, cookies: maps.Clone(b.cookies)}
}

var client = &http.Client{
	Timeout:       patience,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (b *browser) get(path string) string                  { return b.do("GET", path, nil) }
func (b *browser) post(path string, form ...string) string { return b.do("POST", path, form) }

// do returns the answer in a line: "200 hello", or "303 to /".
func (b *browser) do(method, path string, form []string) string {
	b.t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	req, err := http.NewRequest(method, b.url+path, strings.NewReader(values.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == "POST" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range b.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	res, err := client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	b.lines = res.Header.Values("Set-Cookie")
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 || !c.Expires.IsZero() && c.Expires.Before(time.Now()) {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	if to := res.Header.Get("Location"); to != "" {
		return fmt.Sprint(res.StatusCode, " to ", to)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.TrimSpace(fmt.Sprint(res.StatusCode, " ", string(body)))
}
