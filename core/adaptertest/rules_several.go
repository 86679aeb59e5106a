package adaptertest

import (
	"context"
	"net/http"
	"strings"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// Rules about several tokens, managers and sessions of one user.

var severalRules = []rule{
	{
		name: "two cookies, reading",
		text: "Given two live sessions in one request, when it only reads, then it is anonymous and sees nothing of either, and both stay as they are.",
		run: func(e *env) {
			d := e.twoCookies("")
			d.sends("read").is(200, secret+" ").leavesCookie()
			e.wantCalls("Load", 2)
			d.first.wantCount(1)
			d.second.wantCount(1)
		},
	},
	{
		name: "two cookies, writing",
		text: "Given two live sessions in one request, when it writes, then both are ended and one begins that has only what it wrote, and the next page has it, with the other cookie still there.",
		run:  func(e *env) { e.twoCookies("").wantNewSession("set", "visitor count:99") },
	},
	{
		name: "two cookies, signing in",
		text: "Given two live sessions in one request, of users or visitors, when it signs in, then both are ended, and the next page knows the user, with the other cookie still there.",
		run: func(e *env) {
			e.twoCookies("").wantNewSession("login bob", "bob")
			e.twoCookies("bob").wantNewSession("login bob, set", "bob count:99")
		},
	},
	{
		name: "two cookies, signing out",
		text: "Given two live sessions in one request, when it signs out, then both end, and the cookie is deleted.",
		run: func(e *env) {
			d := e.twoCookies("alice")
			d.sends("logout").is(200, secret+" ").deletesCookie()
			d.wantBothEnded()
		},
	},
	{
		name:  "two cookies, one of which cannot be ended",
		text:  "Given two live sessions in one request and a store that cannot end the second, when it signs in, then the answer is 503, without a cookie, and there is no new session.",
		needs: []need{needRecords},
		run: func(e *env) {
			d := e.twoCookies("")
			d.q.refuseToEnd(d.second)
			d.sends("login bob").refused()
			e.fault.Reset()
			d.second.wantCount(1)
			if n := d.q.there.sessionsOf("bob"); n != 0 {
				e.Errorf("%d sessions of the user who could not sign in", n)
			}
		},
	},
	{
		name:  "sign out everywhere else",
		text:  "Given a user with two older sessions, when a handler signs the user in and revokes all others with its context, then this sign-in is the only live session, also if the request came with one of the older ones.",
		needs: []need{needRecords},
		run:   signOutEverywhereElse,
	},
	{
		name: "Logout, then Login",
		text: "Given a session, when one handler signs out and signs in, then there is the new session, with nothing of the old one.",
		run: func(e *env) {
			two := e.twoServers()
			b := two.here.withSession("alice")
			old := b.copyOf()
			b.get("/", "X-Do", "logout, login bob").is(200, secret+" ").setsCookie()
			old.wantAnonymous()
			if got := b.state(); got != "bob" {
				e.Errorf("the session is %q, want %q", got, "bob")
			}
		},
	},
	{
		name: "cookie and header managers on one store",
		text: "Given a manager with a cookie and one with a header of its own on one store, then neither accepts the other's token, as a cookie or in the header, and neither ends the other's sessions of a user.",
		run:  cookieAndHeader,
	},
}

// twoCookies is a browser with two live cookies of the session's name, which happens with different Paths or Domains.
type twoCookies struct {
	q             *twoServers
	first, second *browser
}

func (e *env) twoCookies(subject string) *twoCookies {
	e.Helper()
	two := e.twoServers()
	d := &twoCookies{two, two.here.withSession(subject), two.here.withSession("alice")}
	return d
}

// sends sends a request with both cookies. words are its actions.
func (d *twoCookies) sends(words string) *response {
	d.q.Helper()
	both := d.q.here.browser()
	both.cookies = append(both.cookies, d.first.cookies[0], d.second.cookies[0])
	return both.get("/", "X-Do", words)
}

// wantBothEnded checks that both sessions have ended.
func (d *twoCookies) wantBothEnded() {
	d.q.Helper()
	d.first.wantAnonymous()
	d.second.wantAnonymous()
}

// wantNewSession checks that a request with these actions begins a session, and that the next page has it although the
// browser keeps the other cookie.
func (d *twoCookies) wantNewSession(words, state string) {
	d.q.Helper()
	r := d.sends(words).is(http.StatusOK, secret+" ").setsCookie()
	d.wantBothEnded()
	if lines := r.sessionCookies(); len(lines) == 1 {
		pair, _, _ := strings.Cut(lines[0], ";")
		next := d.q.here.browser()
		next.cookies = append(next.cookies, d.second.cookies[0], pair)
		if got := next.state(); got != state {
			d.q.Errorf("%s: the next page has %q, want %q", words, got, state)
		}
	}
}

// refuseToEnd makes the store fail all calls that would end b's session.
func (two *twoServers) refuseToEnd(b *browser) {
	var id core.ID
	b.peek(func(s *core.Session) { id = s.ID() })
	two.fault.Before(storetest.When(func(c storetest.Call) bool {
		return c.ID == id && (c.Method == "Update" || c.Method == "Delete")
	}))
}

func signOutEverywhereElse(e *env) {
	two := e.twoServers()
	for _, from := range []string{"stranger", "visitor", "alice"} {
		two.endAllSessions()
		older := []*browser{two.here.withSession("alice"), two.there.withSession("alice")}
		b := two.newBrowser(meeting{from: from})
		if from == "alice" {
			older[0] = b.copyOf()
		}
		b.get("/", "X-Do", "login alice, revokeothers alice", "X-Strict", "1").is(200, secret+" ").setsCookie()
		for _, o := range older {
			o.wantAnonymous()
		}
		if _, live := b.storedCount(); !live {
			e.Errorf("%s: the sign-in fell, too", from)
		}
		if n := two.here.sessions(); n != 1 {
			e.Errorf("%s: %d sessions are alive, want this sign-in", from, n)
		}
	}
}

func cookieAndHeader(e *env) {
	const header = "X-Session-Token"
	page := e.page(Options{}, countVisits(e))
	e.cfg.Sources = []core.Source{header}
	api := e.serveSecond(Options{}, routes{"/": countVisits(e)})
	b, client := page.withSession("alice"), api.browser()
	token := client.get("/").is(200, "visit 1").Header.Get(header)

	// the cookie's token at the API, as a cookie and in the header
	b.on(api).get("/").is(200, "visit 1")
	api.browser().get("/", header, b.token()).is(200, "visit 1")
	// the header's token at the site, in the header and as a cookie
	page.browser().get("/", header, token).is(200, "visit 1")
	page.browser().get("/", "Cookie", cookieName(e.cfg)+"="+token).is(200, "visit 1")

	b.get("/").is(200, "visit 2")
	if e.tokens == nil {
		client.get("/", header, token).is(200, "visit 2")
		_, err := api.m.RevokeSubject(context.Background(), "alice")
		e.ok(err, "RevokeSubject")
		b.get("/").is(200, "visit 3")
	}
}
