package adaptertest

import (
	"sync/atomic"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// Lines of the table about requests that sign in.

var tableLoginRules = []rule{
	line("Login meets changes",
		"Given a request that signs in, when others write values or rotate meanwhile, then the new session takes that over, the old one is ended, and the response has the new token.",
		meet("visitor", "login alice", "note", made, own, "alice count:1 note:theirs flash:old"),
		meet("visitor", "login alice", "rotate", made, own, "alice count:1 flash:old"),
		meet("visitor", "login alice", "rotate; note", made, own, "alice count:1 note:theirs flash:old"),
		meet("visitor", "login alice", "flash", made, own, "alice count:1 flash:old flash:new"),
		meet("visitor", "add, login alice", "add", made, own, "alice count:31 flash:old").thenMeets("add"),
		meet("visitor", "login alice, add", "rotate", made, own, "alice count:21 flash:old").thenMeets("add"),
		meet("visitor", "login alice", "add", made, own, "alice count:11 flash:old").thenMeets("rotate"),
		meet("visitor", "flashes, login alice", "note", made, own, "alice count:1 note:theirs").shows("old"),
		meet("alice", "login alice", "note", made, own, "alice count:1 note:theirs flash:old"),
		meet("alice", "login alice", "rotate", made, own, "alice count:1 flash:old"),
		meet("alice", "add, login alice", "add", made, own, "alice count:21 flash:old").thenMeets("rotate"),
	),
	line("Login meets Login",
		"Given a request that signs in, when another one signs in meanwhile, the same user or another one, then both stand: this one with what it loaded and did, without the messages, which are the other one's.",
		meet("visitor", "login alice", "login alice", made, own, "alice count:1").standsBeside("alice count:1 flash:old"),
		meet("visitor", "login alice", "login bob", made, own, "alice count:1").standsBeside("bob count:1 flash:old"),
		meet("visitor", "set, login alice", "login bob; rotate", made, own, "alice count:99").standsBeside("bob count:1 flash:old"),
		meet("visitor", "login alice", "note", made, own, "alice count:1 note:theirs").thenMeets("login bob").standsBeside("bob count:1 note:theirs flash:old"),
		meet("alice", "login alice", "login alice", made, own, "alice count:1").standsBeside("alice count:1 flash:old"),
		meet("alice", "login alice", "login bob", made, own, "alice count:1").standsBeside("bob"),
		meet("alice", "login bob", "login alice", made, own, "bob").standsBeside("alice count:1 flash:old"),
		meet("alice", "login bob, set", "login carol", made, own, "bob count:99").standsBeside("carol"),
		meet("visitor", "login alice", "login bob; logout", made, own, "alice count:1"),
	),
	line("Login over another user's session",
		"Given a session of another user, when a request signs in and others write to that, rotate or end it meanwhile, then it is ended, and the new one has what the request did after its Login, and nothing of the other user's.",
		meet("alice", "login bob", "note", made, own, "bob"),
		meet("alice", "set, login bob", "note", made, own, "bob"),
		meet("alice", "login bob, set", "note", made, own, "bob count:99"),
		meet("alice", "flash, login bob", "rotate", made, own, "bob"),
		meet("alice", "set, login bob, flash", "logout", made, own, "bob flash:new"),
		meet("alice", "set, login bob", "operator", made, own, "bob"),
		meet("alice", "login bob, set", "closed alice", made, own, "bob count:99"),
		meet("alice", "login bob, set", "expire", made, own, "bob count:99"),
		meet("alice", "login bob, set", "note", made, own, "bob count:99").thenMeets("logout"),
		meet("alice", "login bob, set", "rotate", made, own, "bob count:99").thenMeets("operator"),
	),
	line("Login over the same user's revoked session",
		"Given a user's session, when a request signs the same user in and the session is revoked meanwhile, then the sign-in falls with it: 409, no cookie, and no session is alive.",
		meet("alice", "login alice", "operator", ended, unsent, nothing),
		meet("alice", "set, login alice, flash", "closed alice", ended, unsent, nothing),
		meet("alice", "login alice", "rotate; closed alice", ended, unsent, nothing),
		meet("alice", "login alice", "note", ended, unsent, nothing).thenMeets("closed alice"),
		meet("alice", "login alice", "rotate", ended, unsent, nothing).thenMeets("operator"),
	),
	line("Login meets an end",
		"Given a request that signs in, when another one signs out, or the session is revoked or expires meanwhile, then there is a new session with only what this request did.",
		meet("visitor", "login alice", "logout", made, own, "alice"),
		meet("visitor", "set, login alice", "logout", made, own, "alice count:99"),
		meet("visitor", "login alice, flash", "operator", made, own, "alice flash:new"),
		meet("visitor", "set, login alice", "expire", made, own, "alice count:99"),
		meet("visitor", "login alice, set", "note", made, own, "alice count:99").thenMeets("logout"),
		meet("visitor", "login alice", "logout, set", made, own, "alice").standsBeside("visitor count:99"),
		meet("alice", "set, login alice", "logout", made, own, "alice count:99"),
		meet("alice", "login alice", "expire", made, own, "alice"),
	),
	line("a late Login",
		"Given a token that another request has just replaced, when a request signs in with it, then that begins a session with only what it did, and what the other one made stands beside it.",
		meet("visitor", "set, login carol", "rotate", made, own, "carol count:99").comesLate().standsBeside("visitor count:1 flash:old"),
		meet("visitor", "login carol", "login bob", made, own, "carol").comesLate().standsBeside("bob count:1 flash:old"),
		meet("alice", "login alice, set", "login alice", made, own, "alice count:99").comesLate().standsBeside("alice count:1 flash:old"),
		meet(each, "login carol", "logout", made, own, "carol").comesLate(),
	),
	{
		name:  "table: a Login whose new session is revoked while it is stored",
		text:  "Given a request that signs in, when another one changes the old session and an operator revokes all of that user's meanwhile, then the answer is 409, and no session is alive, or, where the new one was not there yet, it stands.",
		needs: []need{records},
		run:   revokedWhileStored,
	},
	line("a Login that is revoked before its answer",
		"Given a request that has signed in and saved, when that session is revoked or rotated away before the response, then its token is not sent; a change after it is refused.",
		meet("visitor", "login alice, save|", "closed alice", made, unsent, nothing),
		meet("visitor", "login alice, save|set", "closed alice", ended, unsent, nothing),
		meet("alice", "login alice, save|", "closed alice", made, unsent, nothing),
		meet("alice", "login alice, save|login alice", "closed alice", ended, unsent, nothing),
	),
}

func revokedWhileStored(e *env) {
	q := e.square()
	m := meet("visitor", "|login alice", "note", made, own, "alice count:1 note:theirs flash:old")
	b := q.begin(m)
	others := b.on(q.there)
	var id core.ID
	b.peek(func(s *core.Session) { id = s.ID() })
	q.fault.Reset()
	var loads atomic.Int32
	q.fault.Before(func(c storetest.Call) error {
		// The second look at the old session comes after the conflict.
		if c.ID == id && (c.Method == "Load" || c.Method == "Reload") && loads.Add(1) == 2 {
			q.does(others, "closed alice")
		}
		return nil
	})
	r := q.happens(m, b, others)
	if r == nil {
		return
	}
	q.fault.Reset()
	r.sent = m.String() + ", and then closed alice"
	switch {
	case r.StatusCode == 409:
		r.ended()
		if n := q.there.sessionsOf("alice"); n != 0 {
			e.Errorf("%d sessions of the user, want none", n)
		}
	case q.there.sessionsOf("alice") == 1:
		m.look(r)
	default:
		e.Errorf("status %d, %d sessions of the user", r.StatusCode, q.there.sessionsOf("alice"))
	}
}
