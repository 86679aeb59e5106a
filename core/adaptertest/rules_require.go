package adaptertest

import (
	"net/http"
	"net/url"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// Rules about RequireLogin and RequireFresh.

var requireRules = []rule{
	{
		name: "RequireLogin, a browser",
		text: "Given RequireLogin, when nobody is signed in, then a browser is redirected to Config.LoginURL with the way back, the handler does not run, and no session begins; a form goes back to its page, if that is of the same origin; a signed-in user passes.",
		run: func(e *env) {
			b := e.guarded(Options{Login: true})
			b.get("/page?a=1&b=%2F", "Accept", "text/html").redirects("/sign-in?next=" + url.QueryEscape("/page?a=1&b=%2F"))
			b.get("/page", "Sec-Fetch-Mode", "navigate").redirects("/sign-in?next=%2Fpage")
			b.send("HEAD", "/page").redirects("/sign-in?next=%2Fpage")
			b.send("POST", "/page", "Referer", b.url+"/form?x=1").redirects("/sign-in?next=" + url.QueryEscape("/form?x=1"))
			b.send("POST", "/page", "Referer", "http://elsewhere.example/form").redirects("/sign-in")
			b.send("POST", "/page").redirects("/sign-in")
			e.wantCalls()
			b.site.withSession("").get("/page").redirects("/sign-in?next=%2Fpage") // a visitor with a session
			b.site.withSession("alice").get("/page").is(200, "alice")
			b.site.withSession("alice").send("POST", "/page").is(200, "alice")
		},
	},
	{
		name: "RequireLogin, a script",
		text: "Given RequireLogin, when nobody is signed in, then a script, a client that prefers JSON and one with a token in a header get a 401 without a redirect, and HTMX a 401 with HX-Redirect to the page.",
		run: func(e *env) {
			e.cfg.Sources = []core.Source{core.FromCookie, core.FromBearer}
			b := e.guarded(Options{Login: true})
			for _, header := range [][]string{
				{"Accept", "application/json"}, {"Accept", "application/json, text/plain, */*"}, {"Sec-Fetch-Mode", "cors"}, {"Sec-Fetch-Mode", "websocket"},
				{"Accept", "text/html", "Session-Token", ""},
			} {
				b.get("/page", header...).unauthorized("")
			}
			b.get("/page", "HX-Request", "true", "Sec-Fetch-Mode", "cors", "HX-Current-URL", b.url+"/list?x=1").unauthorized("/sign-in?next=" + url.QueryEscape("/list?x=1"))
			b.get("/page", "HX-Request", "true", "HX-Current-URL", "http://elsewhere.example/list").unauthorized("/sign-in")
			e.wantCalls()
		},
	},
	{
		name: "RequireLogin without a LoginURL",
		text: "Given RequireLogin and no Config.LoginURL, when nobody is signed in, then everybody gets a 401.",
		run: func(e *env) {
			b := e.serve(Options{Login: true}, routes{"/page": shown(e)}).browser()
			b.get("/page", "Accept", "text/html").unauthorized("")
		},
	},
	{
		name:  "RequireLogin in an outage",
		text:  "Given RequireLogin, when the store cannot answer, then the client gets a 503 with Retry-After, and is not asked to sign in.",
		needs: []need{needRecords},
		run: func(e *env) {
			b := e.guarded(Options{Login: true}).site.withSession("alice")
			e.fault.Before(storetest.Outage)
			b.get("/page", "Accept", "text/html").refused()
		},
	},
	{
		name: "RequireFresh",
		text: "Given RequireFresh, when the user signed in longer ago than that, then the request is answered as by RequireLogin; a recent sign-in passes.",
		run: func(e *env) {
			b := e.guarded(Options{Fresh: time.Hour})
			b.get("/page").redirects("/sign-in?next=%2Fpage")
			b.site.withSession("alice").get("/page").is(200, "alice")
			fresh := e.guarded(Options{Fresh: time.Nanosecond}).site.withSession("alice")
			time.Sleep(time.Millisecond)
			fresh.get("/page").redirects("/sign-in?next=%2Fpage")
			fresh.get("/page", "Accept", "application/json").unauthorized("")
		},
	},
	{
		name: "RequireLogin, answered otherwise",
		text: "Given the option that answers in place of RequireLogin, when nobody is signed in, then its response is sent, it knows the default one, and the handler does not run.",
		run: func(e *env) {
			b := e.guarded(Options{Login: true, OnLogin: func(c Ctx, ch core.Challenge) error {
				if ch.Status != 303 || ch.URL != "/sign-in?next=%2Fpage" || ch.Next != "/page" {
					e.Errorf("got %+v", ch)
				}
				return c.String(http.StatusForbidden, "members only")
			}})
			b.get("/page").is(403, "members only").leavesCookie()
			b.site.withSession("alice").get("/page").is(200, "alice")
		},
	},
}

// guarded starts an application whose page /page shows the signed-in user.
func (e *env) guarded(o Options) *browser {
	e.Helper()
	e.cfg.LoginURL = "/sign-in"
	return e.serve(o, routes{"/page": shown(e)}).browser()
}

func shown(e *env) Handler {
	return func(c Ctx) error {
		s := e.session(c)
		if s.Subject() == "" {
			e.Errorf("the handler ran for a visitor")
		}
		return c.String(200, s.Subject())
	}
}

// redirects checks a redirect to a sign-in page that begins no session.
func (r *response) redirects(to string) *response {
	r.b.Helper()
	return r.status(http.StatusSeeOther).wantHeader("Location", to).leavesCookie().varies().hasMember("Cache-Control", "no-store")
}

// unauthorized checks a 401. to is where HTMX shall go, "" if nowhere.
func (r *response) unauthorized(to string) *response {
	r.b.Helper()
	return r.status(http.StatusUnauthorized).wantHeader("Location", "").wantHeader("HX-Redirect", to).leavesCookie().hasMember("Cache-Control", "no-store")
}
