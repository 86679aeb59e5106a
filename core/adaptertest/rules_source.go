package adaptertest

import (
	"strings"

	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about Config.Sources: one manager for cookies and headers.

var sourceRules = []rule{
	{
		name: "a token in a header",
		text: "Given one header of its own as Config.Sources, when a handler writes to the session, then the token comes and goes in that header, Vary names it, and no cookie is set or read.",
		run:  ownHeader,
	},
	{
		name: "cookie, bearer and header",
		text: "Given all three kinds of Config.Sources, when a request holds a token in several, then the first one decides and is answered in kind, SourceOf tells which, and the others are neither loaded nor ended.",
		run:  severalSources,
	},
	{
		name: "junk as bearer",
		text: "Given FromBearer, when a request has another scheme, several Authorization lines, spaces or 8 KiB of junk, then it is anonymous, and the store is not called.",
		run: func(e *env) {
			e.cfg.Sources = []core.Source{core.FromBearer}
			b := e.page(Options{}, func(c Ctx) error { return c.String(200, "subject "+e.session(c).Subject()) }).browser()
			token := strings.Repeat("A", 43)
			e.log.startAnew()
			for _, line := range []string{
				"Basic " + token, "BearerX " + token, "Bearer", "Bearer   ", "Bearer  " + token, token, "Bearer " + token + " x", "Bearer " + token + "," + token,
				"Bearer " + strings.Repeat("A", 8<<10),
			} {
				b.get("/", "Authorization", line).is(200, "subject ")
			}
			b.get("/", "Authorization", "Bearer "+token, "Authorization", "Bearer "+token).is(200, "subject ")
			e.wantCalls()
			if n := e.logLines(); n > 0 {
				e.Errorf("%d lines in the log", n)
			}
		},
	},
}

func ownHeader(e *env) {
	e.cfg.Sources = []core.Source{"X-Session-Token"}
	b := e.page(Options{}, countVisits(e)).browser()
	r := b.get("/").is(200, "visit 1").leavesCookie().hasMember("Vary", "X-Session-Token").hasMember("Cache-Control", "no-store")
	token := r.Header.Get("X-Session-Token")
	if token == "" {
		r.errorf("no token in the header")
	}
	b.get("/", "X-Session-Token", token).is(200, "visit 2")
	b.get("/", "Cookie", "__Host-session="+token).is(200, "visit 1")
}

func severalSources(e *env) {
	const own = "X-Session-Token"
	e.cfg.Sources = []core.Source{core.FromCookie, core.FromBearer, own}
	site := e.page(Options{}, func(c Ctx) error {
		s := e.session(c)
		if c.Header("X-End") != "" {
			e.ok(s.Logout(), "Logout")
		} else {
			e.ok(count.Update(s, func(n int) int { return n + 1 }), "Update")
		}
		return c.String(200, string(core.SourceOf(c.Context()))+" "+itoa(count.GetOr(s, 0)))
	})
	b := site.browser()
	b.get("/").is(200, "Cookie 1").setsCookie().varies().hasMember("Vary", "Authorization").hasMember("Vary", own)

	// An API client asks with an empty header.
	api := site.browser()
	r := api.get("/", own, "").is(200, own+" 1").leavesCookie()
	mine := r.Header.Get(own)
	r = api.get("/", "Session-Token", "").is(200, "Authorization 1").leavesCookie()
	bearer := r.Header.Get("Session-Token")
	if mine == "" || bearer == "" {
		r.errorf("no token in %s (%q) or Session-Token (%q)", own, mine, bearer)
	}
	if e.tokens != nil {
		return // a token that carries its session is old after each write
	}
	api.get("/", "Authorization", "bearer "+bearer).is(200, "Authorization 2")
	api.get("/", own, mine).is(200, own+" 2")
	api.get("/", "Authorization", "Bearer "+bearer, own, mine).is(200, "Authorization 3")
	api.get("/", "Authorization", "Basic YTpi", own, mine).is(200, own+" 3")
	b.get("/", own, mine).is(200, "Cookie 2")
	b.get("/", "Authorization", "Bearer "+bearer, "X-End", "1").is(200, "Cookie 0").deletesCookie()
	api.get("/", "Authorization", "Bearer "+bearer, "X-End", "1").is(200, "Authorization 0").leavesCookie().wantHeader("Session-Token", "")
	api.get("/", own, mine).is(200, own+" 4")
}
