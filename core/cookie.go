package core

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Cookie says how the session's cookie looks. It always is HttpOnly.
type Cookie struct {
	// Name of the cookie. The prefixes __Host- and __Secure- are honoured and
	// checked. It also is Config.Namespace unless that is set. Django: SESSION_COOKIE_NAME.
	// Default: "__Host-session"; with a Domain or a Path of its own
	// "__Secure-session"; with Insecure "session".
	Name string

	// Domain sends the cookie to subdomains as well: everything that runs there gets it, too. It has a dot inside, or is
	// localhost. Django: SESSION_COOKIE_DOMAIN. Default: "", this host only.
	Domain string

	// Path limits the cookie to a part of the site. It is no security boundary. Mount the middleware only below it: a
	// page elsewhere does not get the cookie, and begins another session, which replaces this one. Django:
	// SESSION_COOKIE_PATH. Default: "/".
	Path string

	// SameSite says whether browsers send the cookie with requests from other sites. None needs a secure cookie.
	// Django: SESSION_COOKIE_SAMESITE. Default: Lax.
	SameSite http.SameSite

	// Insecure allows the cookie over plain HTTP, for networks without TLS. Chromium, Firefox and curl keep secure
	// cookies on http://localhost. Safari does not: set Insecure there for development. Django:
	// SESSION_COOKIE_SECURE, reversed. Default: false.
	Insecure bool

	// Partitioned keeps one cookie for each site that embeds this one (CHIPS).
	// It needs a secure cookie. Default: false.
	Partitioned bool
}

const (
	// Browsers ignore a cookie whose name and value together are longer than maxCookie bytes, and attribute values
	// longer than maxAttribute bytes (RFC 6265bis, section 5.6).
	maxCookie    = 4096
	maxAttribute = 1024

	// Browsers keep no cookie longer than 400 days (RFC 6265bis, section 5.5).
	maxCookieAge = 400 * 24 * time.Hour

	// A request that carries more values of the cookie's name is junk.
	maxCandidates = 4
)

func (c *Cookie) validate() error {
	if c.Path == "" {
		c.Path = "/"
	}
	if c.SameSite == 0 {
		c.SameSite = http.SameSiteLaxMode
	}
	if c.Name == "" {
		switch {
		case c.Insecure:
			c.Name = "session"
		case c.Domain != "" || c.Path != "/":
			c.Name = "__Secure-session"
		default:
			c.Name = "__Host-session"
		}
	}
	wrong := func(field, format string, args ...any) error {
		return fmt.Errorf("coatcheck: Config.Cookie."+field+": "+format, args...)
	}
	valid := func(probe http.Cookie) bool {
		probe.Value = "x"
		return probe.Valid() == nil
	}
	// Browsers ignore the case of the prefixes (RFC 6265bis, section 4.1.3).
	host := hasPrefixFold(c.Name, "__Host-")
	secure := host || hasPrefixFold(c.Name, "__Secure-")
	inside := strings.Contains(strings.Trim(c.Domain, "."), ".") // browsers drop a cookie for all of com, or for None
	switch {
	case len(c.Name) > 64:
		return wrong("Name", "is %d bytes long, at most 64", len(c.Name))
	case !valid(http.Cookie{Name: c.Name}):
		return wrong("Name", "%q: use letters, digits, - and _", c.Name)
	case host && !strings.HasPrefix(c.Name, "__Host-"), secure && !host && !strings.HasPrefix(c.Name, "__Secure-"):
		return wrong("Name", "%q: write the prefix as __Host- or __Secure-", c.Name)
	case secure && c.Insecure:
		return wrong("Insecure", "a cookie named %s needs a secure connection; choose a name without the prefix", c.Name)
	case host && c.Domain != "":
		return wrong("Domain", "%q: a cookie named %s belongs to one host; leave Domain empty or use the prefix __Secure-", c.Domain, c.Name)
	case host && c.Path != "/":
		return wrong("Path", "%q: a cookie named %s has the path /; use the prefix __Secure-", c.Path, c.Name)
	case c.Path[0] != '/' || len(c.Path) > maxAttribute || !valid(http.Cookie{Name: "x", Path: c.Path}):
		return wrong("Path", "%.80q must begin with /, and have at most %d printable characters of ASCII and no ;", c.Path, maxAttribute)
	case c.Domain != "" && !inside && !strings.EqualFold(c.Domain, "localhost") || !valid(http.Cookie{Name: "x", Domain: c.Domain}):
		return wrong("Domain", "%.80q is no domain: write it like example.com, without scheme, port and path, or leave it empty for this host only", c.Domain)
	case c.SameSite == http.SameSiteNoneMode && c.Insecure:
		return wrong("SameSite", "None needs a secure cookie, or browsers drop it; do not set Cookie.Insecure")
	case c.SameSite < http.SameSiteLaxMode || c.SameSite > http.SameSiteNoneMode:
		return wrong("SameSite", "use http.SameSiteLaxMode, StrictMode or NoneMode")
	case c.Partitioned && c.Insecure:
		return wrong("Partitioned", "needs a secure cookie; do not set Cookie.Insecure")
	}
	return nil
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// attributes is the part of the line after the value, without Max-Age. The deletion of a cookie must carry the same
// attributes, or browsers keep a __Host- or partitioned cookie.
func (c *Cookie) attributes() string {
	line := (&http.Cookie{
		Name: c.Name, Value: "x", Domain: c.Domain, Path: c.Path, SameSite: c.SameSite,
		Secure: !c.Insecure, HttpOnly: true, Partitioned: c.Partitioned,
	}).String()
	return strings.TrimPrefix(line, c.Name+"=x")
}

// setCookie returns the line that gives the client token. left < 0: the cookie ends with the browser.
func (m *Manager) setCookie(token string, left time.Duration) string {
	if left < 0 {
		return m.cookiePrefix + token + m.cookieSuffix
	}
	if left == m.cfg.IdleTimeout {
		return m.cookiePrefix + token + m.idleSuffix
	}
	return m.cookiePrefix + token + maxAge(left) + m.cookieSuffix
}

// maxAge rounds up: a cookie that ends a moment after its session harms nobody.
func maxAge(left time.Duration) string {
	left = min(left, maxCookieAge)
	return "; Max-Age=" + strconv.FormatInt(int64((left+time.Second-1)/time.Second), 10)
}

// candidates appends to dst the different values that the Cookie header line holds under name. It does not check
// them: the caller refuses values that a browser could not have from us. It stops after maxCandidates+1 values, which
// are too many.
func candidates(dst []string, line, name string) []string {
	for line != "" && len(dst) <= maxCandidates {
		var pair string
		pair, line, _ = strings.Cut(line, ";")
		for pair != "" && blank(pair[0]) {
			pair = pair[1:]
		}
		for pair != "" && blank(pair[len(pair)-1]) {
			pair = pair[:len(pair)-1]
		}
		if len(pair) <= len(name) || pair[len(name)] != '=' || pair[:len(name)] != name {
			continue
		}
		value := pair[len(name)+1:]
		if value != "" && !slices.Contains(dst, value) {
			dst = append(dst, value)
		}
	}
	return dst
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// local reports whether a host is the client's own machine, where most browsers treat http as secure.
func local(host string) bool {
	if end := strings.LastIndexByte(host, ':'); end >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:end] // the port
	}
	if len(host) >= 9 && strings.EqualFold(host[len(host)-9:], "localhost") {
		return len(host) == 9 || host[len(host)-10] == '.'
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}
