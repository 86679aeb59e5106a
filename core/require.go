package core

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// What RequireLogin and RequireFresh of the adapters answer, and where the user goes after the sign-in.

// maxNext is the most bytes of a way back. Longer ones are junk, or do not fit into a request line everywhere.
const maxNext = 2048

// Fresh reports whether somebody is signed in, by a Login at most d ago. d = 0: however long ago.
func (s *Session) Fresh(d time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || s.cur.subject == "" {
		return false
	}
	return d == 0 || micros(s.now())-s.cur.auth <= d.Microseconds()
}

// Asked is what a [Challenge] depends on: the parts of a request that adapters find in the request of their framework.
type Asked struct {
	Method string                   // such as "GET"
	Target string                   // the path and query as the client sent them, such as "/devices?page=2"
	Host   string                   // as the client sent it, such as "shop.example:8080"
	Header func(name string) string // the first line of a request header; "" if there is none

	// MaxAge is how old the sign-in may be, for RequireFresh; 0: it may have any age.
	MaxAge time.Duration
}

// Challenge is the answer to a request that needs a sign-in, or a newer one. It sets no cookie and begins no session.
type Challenge struct {
	// Status is 303 for a browser that shows the response as a page. It is 401 for a script (Sec-Fetch-Mode is cors,
	// same-origin or websocket), for a client that prefers JSON, for one that sends a header of Config.Sources, valid or
	// not, for HTMX, and where Config.LoginURL is not set. Browsers send Sec-Fetch-Mode over https and to localhost only:
	// elsewhere, let scripts send "Accept: application/json".
	Status int

	// URL is Config.LoginURL with the way back in its parameter "next". With a 303 it is the Location. With a 401 it is
	// "", except for HTMX, which goes there by HX-Redirect.
	URL string

	// Next is the way back, "" if there is none: the request's own path and query with GET, else those of the page that
	// the form was on.
	Next string

	bearer string // WWW-Authenticate, "" if Authorization is not one of the sources
}

// Challenge returns the answer to a request of this session that needs a sign-in. It is for adapters, and for
// applications that write a middleware of their own.
func (s *Session) Challenge(r Asked) Challenge {
	ch := Challenge{Status: http.StatusUnauthorized, Next: strings.Clone(r.back())} // Fiber reuses the request's memory
	if s.x == nil {                                                                 // no middleware
		return ch
	}
	m, api := s.x.m, s.x.deciding().source != FromCookie
	for _, source := range m.cfg.Sources {
		switch {
		case source == FromBearer:
			ch.bearer = s.bearer(r)
			api = api || hasPrefixFold(r.Header("Authorization"), "Bearer")
		case source != FromCookie:
			api = api || r.Header(string(source)) != ""
		}
	}
	if m.cfg.LoginURL == "" || api {
		return ch
	}
	to := withNext(m.cfg.LoginURL, ch.Next)
	switch {
	case r.htmx():
		ch.URL = to
	case !r.script() && !prefersJSON(r.Header("Accept")):
		ch.Status, ch.URL = http.StatusSeeOther, to
	}
	return ch
}

// bearer is the challenge of RFC 6750, section 3. RFC 9470 has the error for a sign-in that is too old.
func (s *Session) bearer(r Asked) string {
	switch {
	case r.MaxAge > 0 && s.Subject() != "":
		return `Bearer error="insufficient_user_authentication", max_age=` + strconv.FormatInt(int64(r.MaxAge/time.Second), 10)
	case hasPrefixFold(r.Header("Authorization"), "Bearer") && s.IsNew():
		return `Bearer error="invalid_token"`
	}
	return "Bearer"
}

// Apply sets the header of the response: Location or HX-Redirect, WWW-Authenticate where FromBearer is a source, and
// Cache-Control.
func (c Challenge) Apply(h Header) {
	h.Set("Cache-Control", "no-store")
	switch {
	case c.Status == http.StatusSeeOther:
		h.Set("Location", c.URL)
		return
	case c.URL != "":
		h.Set("HX-Redirect", c.URL)
	}
	if c.bearer != "" {
		h.Set("WWW-Authenticate", c.bearer)
	}
}

// htmx reports whether HTMX sent the request. It also fetches with Sec-Fetch-Mode cors, and obeys HX-Redirect.
func (r *Asked) htmx() bool { return r.Header("HX-Request") == "true" }

// script reports whether a script, and no navigation, made the request: a script cannot show a page of redirects.
func (r *Asked) script() bool {
	switch strings.ToLower(r.Header("Sec-Fetch-Mode")) {
	case "cors", "same-origin", "websocket":
		return true
	}
	return strings.EqualFold(r.Header("Upgrade"), "websocket")
}

// back is the way back: to what the client asked for if it can ask again, else to the page it asked from.
func (r *Asked) back() string {
	page := ""
	switch {
	case r.htmx() && r.Header("HX-Boosted") != "true":
		page = r.Header("HX-Current-URL") // the target is a part of this page
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		return LocalPath(r.Target, "")
	default:
		page = r.Header("Referer")
	}
	u, err := url.Parse(page)
	if err != nil || len(page) > 2*maxNext || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
		return "" // of another origin, or none
	}
	return LocalPath(u.RequestURI(), "")
}

// LocalPath returns next if it is a path of this site, with or without a query, and else fallback. Use it on the
// parameter "next", which anybody can make up, before you redirect to it:
//
//	http.Redirect(w, r, core.LocalPath(r.URL.Query().Get("next"), "/"), http.StatusSeeOther)
//
// It refuses what browsers take for another site, or what is no path: a scheme, a host, "//" and "/\" at the
// beginning, backslashes and control characters anywhere, and more than 2 KiB. Django:
// url_has_allowed_host_and_scheme.
func LocalPath(next, fallback string) string {
	if len(next) > maxNext || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") {
		return fallback
	}
	escape := false
	for i := range len(next) {
		switch c := next[i]; {
		case c < ' ' || c == 0x7f || c == '\\':
			return fallback
		case c == ' ' || c > 0x7f: // as raw bytes in a header they are not the same everywhere
			escape = true
		}
	}
	if u, err := url.Parse(next); err != nil || u.Host != "" || u.Scheme != "" {
		return fallback
	}
	if !escape {
		return next
	}
	var b strings.Builder
	for i := range len(next) {
		if c := next[i]; c == ' ' || c > 0x7f {
			b.WriteString("%" + strings.ToUpper(strconv.FormatUint(uint64(c)|0x100, 16)[1:]))
		} else {
			b.WriteByte(c)
		}
	}
	if b.Len() > maxNext {
		return fallback
	}
	return b.String()
}

// withNext adds the parameter "next" to a URL that was checked.
func withNext(page, next string) string {
	if next == "" {
		return page
	}
	u, err := url.Parse(page)
	if err != nil {
		return page
	}
	parameter := "next=" + url.QueryEscape(next)
	if u.RawQuery != "" {
		parameter = u.RawQuery + "&" + parameter
	}
	u.RawQuery = parameter
	return u.String()
}

func validLoginURL(page string) bool {
	if page == "" || strings.HasPrefix(page, "/") {
		return page == LocalPath(page, "")
	}
	u, err := url.Parse(page)
	return err == nil && len(page) <= maxNext && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && LocalPath(u.RequestURI(), "") != ""
}

// prefersJSON reports whether an Accept header (RFC 9110, section 12.5.1) asks for JSON rather than for HTML. "*/*",
// which curl sends, does not.
func prefersJSON(accept string) bool {
	const absent = -1.0
	json, html := absent, absent
	for part := range strings.SplitSeq(accept, ",") {
		kind, parameters, _ := strings.Cut(part, ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
		switch {
		case kind == "application/json", strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json"):
			json = max(json, weight(parameters))
		case kind == "text/html", kind == "application/xhtml+xml":
			html = max(html, weight(parameters))
		}
	}
	return json > 0 && json > html
}

// weight is the parameter q of a member of Accept.
func weight(parameters string) float64 {
	for p := range strings.SplitSeq(parameters, ";") {
		if name, value, ok := strings.Cut(strings.TrimSpace(p), "="); ok && strings.EqualFold(name, "q") {
			if q, err := strconv.ParseFloat(value, 64); err == nil && q >= 0 && q <= 1 {
				return q
			}
			return 0
		}
	}
	return 1
}
