package adaptertest

import (
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/coatcheck-go/coatcheck/core"
)

// Checks of a response. Each reports a failure and goes on.

func (r *response) errorf(format string, args ...any) {
	r.b.Helper()
	r.b.Errorf(r.sent+": "+format, args...)
}

// is checks the status and the body.
func (r *response) is(status int, body string) *response {
	r.b.Helper()
	if r.StatusCode != status {
		r.errorf("status %d, want %d (body %.80q)", r.StatusCode, status, r.body)
	}
	if r.body != body || r.err != nil {
		r.errorf("body %.80q (%d bytes, error %v), want %.80q (%d bytes)", r.body, len(r.body), r.err, body, len(body))
	}
	return r
}

// status checks the status alone.
func (r *response) status(want int) *response {
	r.b.Helper()
	if r.StatusCode != want {
		r.errorf("status %d, want %d (body %.80q)", r.StatusCode, want, r.body)
	}
	return r
}

// sessionCookies returns the Set-Cookie lines for the session's cookie.
func (r *response) sessionCookies() []string {
	var lines []string
	for _, line := range r.Header["Set-Cookie"] {
		if strings.HasPrefix(line, cookieName(r.b.cfg)+"=") {
			lines = append(lines, line)
		}
	}
	return lines
}

// setsCookie checks that the response has exactly one Set-Cookie with a token, that no shared cache may store it, and
// that Vary names Cookie.
func (r *response) setsCookie() *response {
	r.b.Helper()
	lines := r.sessionCookies()
	if len(lines) != 1 || strings.HasPrefix(lines[0], cookieName(r.b.cfg)+"=;") {
		r.errorf("Set-Cookie %q, want one with a token", lines)
	}
	if cc := r.Header["Cache-Control"]; !hasMember(cc, "no-store") && !hasMember(cc, "private") {
		r.errorf("Cache-Control %q beside a token, want no-store", cc)
	}
	return r.varies()
}

// lasts checks the lifetime of the cookie, to the minute.
func (r *response) lasts(d time.Duration) *response {
	r.b.Helper()
	for _, c := range r.Cookies() {
		if c.Name == cookieName(r.b.cfg) && (time.Duration(c.MaxAge)*time.Second-d).Abs() > time.Minute {
			r.errorf("Max-Age %v, want %v", time.Duration(c.MaxAge)*time.Second, d)
		}
	}
	return r
}

// deletesCookie checks that the response has exactly one Set-Cookie, which deletes the session's cookie.
func (r *response) deletesCookie() *response {
	r.b.Helper()
	lines := r.sessionCookies()
	if len(lines) != 1 || !strings.HasPrefix(lines[0], cookieName(r.b.cfg)+"=;") || !strings.Contains(lines[0], "Max-Age=0") {
		r.errorf("Set-Cookie %q, want one deletion", lines)
	}
	return r.varies()
}

// leavesCookie checks that the response has no Set-Cookie for the session's cookie.
func (r *response) leavesCookie() *response {
	r.b.Helper()
	if lines := r.sessionCookies(); len(lines) > 0 {
		r.errorf("Set-Cookie %q, want none", lines)
	}
	return r
}

// varies checks that Vary names Cookie, once.
func (r *response) varies() *response {
	r.b.Helper()
	n := 0
	for _, member := range strings.Split(strings.Join(r.Header["Vary"], ","), ",") {
		if strings.EqualFold(strings.TrimSpace(member), "Cookie") {
			n++
		}
	}
	if n != 1 {
		r.errorf("Vary %q, want Cookie in it once", r.Header["Vary"])
	}
	return r
}

// wantHeader checks one header.
func (r *response) wantHeader(name, value string) *response {
	r.b.Helper()
	if got := r.Header.Get(name); got != value {
		r.errorf("%s %q, want %q", name, got, value)
	}
	return r
}

// secret is in every body and header that a handler makes and that must not reach the client if its session cannot be
// stored.
const secret = "of-the-handler"

// refused checks for a 503 with Retry-After and nothing from the handler.
func (r *response) refused() *response {
	r.b.Helper()
	return r.failed(http.StatusServiceUnavailable, core.RetryAfter(core.ErrUnavailable))
}

// ended checks for a 409 without Retry-After and nothing from the handler: the session has ended.
func (r *response) ended() *response {
	r.b.Helper()
	return r.failed(http.StatusConflict, "")
}

// late checks for a 409 with Retry-After and nothing from the handler: the client has a newer token by now.
func (r *response) late() *response {
	r.b.Helper()
	return r.failed(http.StatusConflict, "1")
}

// failed checks for a readable error page with this status and Retry-After, and nothing from the handler.
func (r *response) failed(status int, retry string) *response {
	r.b.Helper()
	r.status(status).leavesCookie()
	r.wantHeader("Retry-After", retry)
	if cc := r.Header["Cache-Control"]; !hasMember(cc, "no-store") {
		r.errorf("Cache-Control %q, want no-store", cc)
	}
	if strings.Contains(r.body, secret) || strings.ContainsFunc(r.body, unreadable) || r.err != nil {
		r.errorf("body %.80q, error %v, want a readable one with nothing from the handler", r.body, r.err)
	}
	for _, h := range []http.Header{r.Header, r.Trailer} {
		for name, values := range h {
			if strings.Contains(strings.Join(values, ","), secret) {
				r.errorf("the handler's header %s was sent: %q", name, values)
			}
		}
	}
	for _, text := range []string{"coatcheck", "injected", "storetest", "unavailable: ", "under way"} {
		if strings.Contains(r.body, text) {
			r.errorf("the body shows an internal error: %.200q", r.body)
		}
	}
	return r
}

// unreadable finds characters that are in a body of which only a part was compressed.
func unreadable(r rune) bool {
	return r == utf8.RuneError || unicode.IsControl(r) && !unicode.IsSpace(r)
}

// hasMember checks for a member of a header that is a list.
func (r *response) hasMember(name, member string) *response {
	r.b.Helper()
	if !hasMember(r.Header[name], member) {
		r.errorf("%s %q, want %s in it", name, r.Header[name], member)
	}
	return r
}

// wantError checks that err matches want. Handlers may call it.
func (e *env) wantError(err, want error, what string) {
	e.Helper()
	if !errors.Is(err, want) {
		e.Errorf("%s: %v, want %v", what, err, want)
	}
}

// hasMember reports whether a list of names, such as the lines of Vary, has the member, or "*".
func hasMember(lines []string, member string) bool {
	for m := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		if m = strings.TrimSpace(m); m == "*" || strings.EqualFold(m, member) {
			return true
		}
	}
	return false
}
