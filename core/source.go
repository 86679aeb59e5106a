package core

import (
	"context"
	"strings"
)

// Source is a place where requests carry tokens. It is the name of the request header. Beside FromCookie and
// FromBearer, it is the name of a header of your own, such as "X-Session-Token", which carries nothing but the token,
// in the request and in the response.
type Source string

const (
	// FromCookie is the cookie that Config.Cookie describes.
	FromCookie Source = "Cookie"

	// FromBearer is the header "Authorization: Bearer TOKEN" (RFC 6750). The response carries a new token in its header
	// Session-Token. A script of another origin can read that only if Access-Control-Expose-Headers names it.
	FromBearer Source = "Authorization"
)

// sessionToken is the response header that answers FromBearer.
const sessionToken = "Session-Token"

// carrier is a request header that a manager looks at.
type carrier struct {
	source Source
	header string // of the request
	answer string // of the response
	own    bool   // it carries nothing but a token; if it is empty, the client asks to be answered there
	asks   bool   // it carries no token: clients only ask with it
}

// carriersOf returns what to look at, in the order of the sources.
func carriersOf(sources []Source) (list []carrier) {
	bearer, named := false, false
	for i, s := range sources {
		switch s {
		case FromCookie:
			list = append(list, carrier{source: s, header: string(s), answer: "Set-Cookie"})
		case FromBearer:
			list = append(list, carrier{source: s, header: string(s), answer: sessionToken})
			bearer = i > 0
		default:
			list = append(list, carrier{source: s, header: string(s), answer: string(s), own: true})
			named = named || s == sessionToken
		}
	}
	if bearer && !named {
		list = append(list, carrier{source: FromBearer, header: sessionToken, answer: sessionToken, own: true, asks: true})
	}
	return list
}

// vary is the list of headers on which a response depends that used the session.
func vary(list []carrier) string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].header
	}
	return strings.Join(names, ", ")
}

// carried is what a request has in one of the manager's carriers.
type carried struct {
	at   int // in Manager.carriers
	line string
}

// carry notes a line of the request.
func (x *Exchange) carry(at int, line string) {
	if x.line == nil && x.raw == nil {
		x.line, x.at = &line, uint8(at)
		return
	}
	e := x.extras()
	e.more = append(e.more, carried{at, line})
}

// decide returns which carrier decides, and appends its tokens to dst, well-formed or not. The first one that holds a
// token decides. If none does, it is the one with which the client asks for a token, or else the first.
func (x *Exchange) decide(dst []string) (at int, tokens []string) {
	m := x.m
	if len(m.carriers) == 1 {
		return 0, m.tokensIn(dst, 0, x.header())
	}
	asked := -1
	look := func(at int, line string) bool {
		if m.carriers[at].own && line == "" && asked < 0 {
			asked = at
		}
		tokens = m.tokensIn(dst, at, line)
		if len(tokens) > maxCandidates {
			return true // crowded: ours may be behind them
		}
		for _, token := range tokens {
			if m.wellFormed(token) {
				return true
			}
		}
		return false
	}
	if x.line != nil || x.raw != nil {
		if look(int(x.at), x.header()) {
			return int(x.at), tokens
		}
	}
	if x.extra != nil {
		for _, c := range x.extra.more {
			if look(c.at, c.line) {
				return c.at, tokens
			}
		}
	}
	return max(asked, 0), dst
}

// tokensIn appends to dst the tokens that a line of a carrier holds.
func (m *Manager) tokensIn(dst []string, at int, line string) []string {
	switch c := &m.carriers[at]; {
	case c.source == FromCookie:
		return candidates(dst, line, m.cfg.Cookie.Name)
	case c.asks:
		return dst
	case c.source == FromBearer:
		const scheme = "Bearer "
		if !hasPrefixFold(line, scheme) {
			return dst
		}
		if line = line[len(scheme):]; !m.wellFormed(line) {
			return dst // other systems use this header, too
		}
	}
	if line != "" {
		dst = append(dst, line)
	}
	return dst
}

// wellFormed reports whether a token looks like one of ours. It does not ask the store.
func (m *Manager) wellFormed(token string) bool {
	if m.tokens == nil {
		_, ok := m.space.selected(token)
		return ok
	}
	if len(token) > maxCookie {
		return false
	}
	for i := range len(token) {
		// b64token of RFC 6750; the sealed tokens of a cookie store are base64url.
		if c := token[i]; digits[c] > 63 && !strings.ContainsRune("._~+/=", rune(c)) {
			return false
		}
	}
	return true
}

// deciding returns which carrier decides.
func (x *Exchange) deciding() *carrier {
	at := 0
	if len(x.m.carriers) > 1 {
		at, _ = x.decide(nil)
	}
	return &x.m.carriers[at]
}

// cookies returns the request's Cookie header if a cookie decides; else "".
func (x *Exchange) cookies() string {
	if x.deciding().source != FromCookie {
		return ""
	}
	if x.m.carriers[x.at].source == FromCookie {
		return x.header()
	}
	if x.extra != nil {
		for _, c := range x.extra.more {
			if x.m.carriers[c.at].source == FromCookie {
				return c.line
			}
		}
	}
	return ""
}

// SourceOf returns the source that decides for the request of ctx: the first of Config.Sources that holds a token, or
// the one in which a new token would be sent. It calls no store. A request for which it is FromCookie needs protection
// against cross-site request forgery, because browsers send cookies with requests that other sites make. A request for
// which it is a header does not. With several managers it is about the innermost one; see Manager.SourceOf. "" if there
// is no middleware, or if it was skipped.
func SourceOf(ctx context.Context) Source {
	x, _ := ctx.Value(exchangeKey{}).(*Exchange)
	return x.source()
}

// SourceOf is the function of this name for one of several managers.
func (m *Manager) SourceOf(ctx context.Context) Source { return m.exchange(ctx).source() }

func (x *Exchange) source() Source {
	if x == nil {
		return ""
	}
	return x.deciding().source
}
