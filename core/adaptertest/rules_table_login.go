package adaptertest

import (
	"sync/atomic"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// The lines of the table about requests that sign in.

var tableLoginRules = []rule{
	tableRule("Login meets changes",
		"Given a request that signs in, when others write values or rotate meanwhile, then the new session takes that over, the old one is ended, and the response has the new token.",
		meet("visitor", "login alice", "note", served, newToken, "alice count:1 note:theirs flash:old"),
		meet("visitor", "login alice", "rotate", served, newToken, "alice count:1 flash:old"),
		meet("visitor", "login alice", "rotate; note", served, newToken, "alice count:1 note:theirs flash:old"),
		meet("visitor", "login alice", "flash", served, newToken, "alice count:1 flash:old flash:new"),
		meet("visitor", "add, login alice", "add", served, newToken, "alice count:31 flash:old").conflictsWith("add"),
		meet("visitor", "login alice, add", "rotate", served, newToken, "alice count:21 flash:old").conflictsWith("add"),
		meet("visitor", "login alice", "add", served, newToken, "alice count:11 flash:old").conflictsWith("rotate"),
		meet("visitor", "flashes, login alice", "note", served, newToken, "alice count:1 note:theirs").seesMessages("old"),
		meet("alice", "login alice", "note", served, newToken, "alice count:1 note:theirs flash:old"),
		meet("alice", "login alice", "rotate", served, newToken, "alice count:1 flash:old"),
		meet("alice", "add, login alice", "add", served, newToken, "alice count:21 flash:old").conflictsWith("rotate"),
	),
	tableRule("Login meets Login",
		"Given a request that signs in, when another one signs in meanwhile, the same user or another one, then both stand: this one with what it loaded and did, without the messages, which are the other one's.",
		meet("visitor", "login alice", "login alice", served, newToken, "alice count:1").othersHave("alice count:1 flash:old"),
		meet("visitor", "login alice", "login bob", served, newToken, "alice count:1").othersHave("bob count:1 flash:old"),
		meet("visitor", "set, login alice", "login bob; rotate", served, newToken, "alice count:99").othersHave("bob count:1 flash:old"),
		meet("visitor", "login alice", "note", served, newToken, "alice count:1 note:theirs").conflictsWith("login bob").othersHave("bob count:1 note:theirs flash:old"),
		meet("alice", "login alice", "login alice", served, newToken, "alice count:1").othersHave("alice count:1 flash:old"),
		meet("alice", "login alice", "login bob", served, newToken, "alice count:1").othersHave("bob"),
		meet("alice", "login bob", "login alice", served, newToken, "bob").othersHave("alice count:1 flash:old"),
		meet("alice", "login bob, set", "login carol", served, newToken, "bob count:99").othersHave("carol"),
		meet("visitor", "login alice", "login bob; logout", served, newToken, "alice count:1"),
	),
	tableRule("Login over another user's session",
		"Given a session of another user, when a request signs in and others write to that session, rotate or end it meanwhile, then it is ended, and the new one has what the request did after its Login, and nothing of the other user's.",
		meet("alice", "login bob", "note", served, newToken, "bob"),
		meet("alice", "set, login bob", "note", served, newToken, "bob"),
		meet("alice", "login bob, set", "note", served, newToken, "bob count:99"),
		meet("alice", "flash, login bob", "rotate", served, newToken, "bob"),
		meet("alice", "set, login bob, flash", "logout", served, newToken, "bob flash:new"),
		meet("alice", "set, login bob", "operator", served, newToken, "bob"),
		meet("alice", "login bob, set", "closed alice", served, newToken, "bob count:99"),
		meet("alice", "login bob, set", "expire", served, newToken, "bob count:99"),
		meet("alice", "login bob, set", "note", served, newToken, "bob count:99").conflictsWith("logout"),
		meet("alice", "login bob, set", "rotate", served, newToken, "bob count:99").conflictsWith("operator"),
	),
	tableRule("Login over the same user's revoked session",
		"Given a user's session, when a request signs the same user in and the session is revoked meanwhile, then the sign-in is undone, too: 409, no cookie, and no session is alive.",
		meet("alice", "login alice", "operator", ended, noCookie, noSession),
		meet("alice", "set, login alice, flash", "closed alice", ended, noCookie, noSession),
		meet("alice", "login alice", "rotate; closed alice", ended, noCookie, noSession),
		meet("alice", "login alice", "note", ended, noCookie, noSession).conflictsWith("closed alice"),
		meet("alice", "login alice", "rotate", ended, noCookie, noSession).conflictsWith("operator"),
	),
	tableRule("Login meets an end",
		"Given a request that signs in, when another one signs out, or the session is revoked or expires meanwhile, then there is a new session with only what this request did.",
		meet("visitor", "login alice", "logout", served, newToken, "alice"),
		meet("visitor", "set, login alice", "logout", served, newToken, "alice count:99"),
		meet("visitor", "login alice, flash", "operator", served, newToken, "alice flash:new"),
		meet("visitor", "set, login alice", "expire", served, newToken, "alice count:99"),
		meet("visitor", "login alice, set", "note", served, newToken, "alice count:99").conflictsWith("logout"),
		meet("visitor", "login alice", "logout, set", served, newToken, "alice").othersHave("visitor count:99"),
		meet("alice", "set, login alice", "logout", served, newToken, "alice count:99"),
		meet("alice", "login alice", "expire", served, newToken, "alice"),
	),
	tableRule("a late Login",
		"Given a token that another request has just replaced, when a request signs in with it, then that begins a session with only what this request did, and the other request's session stays beside it.",
		meet("visitor", "set, login carol", "rotate", served, newToken, "carol count:99").comesLate().othersHave("visitor count:1 flash:old"),
		meet("visitor", "login carol", "login bob", served, newToken, "carol").comesLate().othersHave("bob count:1 flash:old"),
		meet("alice", "login alice, set", "login alice", served, newToken, "alice count:99").comesLate().othersHave("alice count:1 flash:old"),
		meet(each, "login carol", "logout", served, newToken, "carol").comesLate(),
	),
	{
		name:  "table: a Login whose new session is revoked while it is stored",
		text:  "Given a request that signs in, when another one changes the old session and an operator revokes all of that user's meanwhile, then the answer is 409, and no session is alive, or, where the new one was not there yet, it stands.",
		needs: []need{needRecords},
		run:   revokedWhileStored,
	},
	tableRule("a Login that is revoked before its answer",
		"Given a request that has signed in and saved, when that session is revoked or rotated away before the response, then its token is not sent; a change after it is refused.",
		meet("visitor", "login alice, save|", "closed alice", served, noCookie, noSession),
		meet("visitor", "login alice, save|set", "closed alice", ended, noCookie, noSession),
		meet("alice", "login alice, save|", "closed alice", served, noCookie, noSession),
		meet("alice", "login alice, save|login alice", "closed alice", ended, noCookie, noSession),
	),
}

func revokedWhileStored(e *env) {
	two := e.twoServers()
	m := meet("visitor", "|login alice", "note", served, newToken, "alice count:1 note:theirs flash:old")
	b := two.newBrowser(m)
	others := b.on(two.there)
	var id core.ID
	b.peek(func(s *core.Session) { id = s.ID() })
	two.fault.Reset()
	var loads atomic.Int32
	two.fault.Before(func(c storetest.Call) error {
		// The second look at the old session comes after the conflict.
		if c.ID == id && (c.Method == "Load" || c.Method == "Reload") && loads.Add(1) == 2 {
			two.otherRequest(others, "closed alice")
		}
		return nil
	})
	r := two.sendAll(m, b, others)
	if r == nil {
		return
	}
	two.fault.Reset()
	r.sent = m.String() + ", and then closed alice"
	switch {
	case r.StatusCode == 409:
		r.ended()
		if n := two.there.sessionsOf("alice"); n != 0 {
			e.Errorf("%d sessions of the user, want none", n)
		}
	case two.there.sessionsOf("alice") == 1:
		m.checkResponse(r)
	default:
		e.Errorf("status %d, %d sessions of the user", r.StatusCode, two.there.sessionsOf("alice"))
	}
}
