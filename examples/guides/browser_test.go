package guides_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// memory returns a manager over a store in memory, for the Examples. An application checks the errors.
func memory(cfg core.Config) *core.Manager {
	if cfg.Store == nil {
		cfg.Store, _ = memstore.New(memstore.Config{})
	}
	m, err := core.New(cfg)
	if err != nil {
		panic(err)
	}
	return m
}

// site is an application that listens with TLS, as in production.
type site struct{ *httptest.Server }

func serve(h http.Handler) site { return site{httptest.NewTLSServer(h)} }

// browser is a client with a cookie jar. It follows no redirects.
type browser struct {
	site   site
	client *http.Client
}

func (s site) browser() *browser {
	jar, _ := cookiejar.New(nil)
	client := *s.Client()
	client.Jar = jar
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{s, &client}
}

// get and post return the answer in a line: "200 hello", or "303 to /sign-in".
func (b *browser) get(path string) string { return b.do("GET", path, "") }

// post sends a form, written as "name=alice&password=x".
func (b *browser) post(path, form string) string { return b.do("POST", path, form) }

func (b *browser) do(method, path, form string, header ...string) string {
	req, err := http.NewRequest(method, b.site.URL+path, strings.NewReader(form))
	if err != nil {
		return err.Error()
	}
	if method == "POST" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := b.client.Do(req)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	if to := res.Header.Get("Location"); to != "" {
		return fmt.Sprint(res.StatusCode, " to ", to)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(fmt.Sprint(res.StatusCode, " ", string(body)))
}

// cookie returns the value of a cookie that the browser would send to the site; "" if there is none.
func (b *browser) cookie(name string) string {
	at, _ := url.Parse(b.site.URL)
	for _, c := range b.client.Jar.Cookies(at) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}
