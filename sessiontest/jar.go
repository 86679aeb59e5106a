package sessiontest

import (
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

// NewJar returns a cookie jar for the http.Client of a test. It keeps Secure cookies on http://127.0.0.1 and
// http://localhost, as Chromium and Firefox do: net/http/cookiejar does not return them there.
func NewJar() http.CookieJar {
	jar, _ := cookiejar.New(nil) // never fails without options
	return loopback{jar}
}

type loopback struct{ http.CookieJar }

func (j loopback) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.CookieJar.SetCookies(secure(u), cookies)
}

func (j loopback) Cookies(u *url.URL) []*http.Cookie { return j.CookieJar.Cookies(secure(u)) }

// secure returns u, with https if its host is this machine.
func secure(u *url.URL) *url.URL {
	host := u.Hostname()
	ip := net.ParseIP(host)
	if u.Scheme != "http" || host != "localhost" && !strings.HasSuffix(host, ".localhost") && (ip == nil || !ip.IsLoopback()) {
		return u
	}
	https := *u
	https.Scheme = "https"
	return &https
}
