package adaptertest

import (
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// The table of overlapping requests: what requests of one session do to one another. rules_table_login.go has the lines
// about sign-ins, rules_table_end.go those about ends, and rules_table_store.go those about stores that fail. See
// meeting for the notation.

// tableRule makes a rule of meetings.
func tableRule(name, text string, meetings ...meeting) rule {
	return rule{name: "table: " + name, text: text, needs: []need{needRecords}, run: func(e *env) { e.runMeetings(meetings) }}
}

// withConfig changes the settings of a rule.
func (r rule) withConfig(set func(*core.Config)) rule {
	run := r.run
	r.run = func(e *env) { set(&e.cfg); run(e) }
	return r
}

func (e *env) runMeetings(meetings []meeting) {
	e.Helper()
	two := e.twoServers()
	for _, m := range meetings {
		for _, one := range m.variants() {
			two.run(one)
		}
	}
}

var tableRules = []rule{
	tableRule("changes meet changes",
		"Given a request that changes values, when others write values or Clear meanwhile, then its changes are applied on top, and no cookie is needed.",
		meet(each, "set", "note", served, noCookie, "each count:99 note:theirs flash:old"),
		meet(each, "add", "add", served, noCookie, "each count:21 flash:old"),
		meet(each, "add", "add; note", served, noCookie, "each count:21 note:theirs flash:old"),
		meet(each, "add", "add", served, noCookie, "each count:31 flash:old").conflictsWith("add"),
		meet(each, "set", "clear, note", served, noCookie, "each count:99 note:theirs"),
		meet(each, "flash", "flash", served, noCookie, "each count:1 flash:old flash:new flash:new"),
		meet(each, "clear, set", "note", served, noCookie, "each count:99"),
		meet(each, "set, save", "note", served, noCookie, "each count:99 note:theirs flash:old"),
		meet("alice", "clear", "note", served, noCookie, "alice"),
		meet("visitor", "clear", "note", served, cookieDeleted, noSession),
	),
	tableRule("changes meet a touch",
		"Given a request that changes values, when another one moves the deadline meanwhile, then the changes are stored, and the cookie is sent as usual, as this request moves it, too.",
		meet(each, "set", "read", served, newToken, "each count:99 flash:old"),
		meet(each, "set", "read; note", served, newToken, "each count:99 note:theirs flash:old"),
	).withConfig(func(c *core.Config) { c.TouchInterval = time.Microsecond }),
	tableRule("changes meet RotateID",
		"Given a request that changes values, when another one rotates the session meanwhile, then the changes are applied on top, and it sends no cookie, as the browser has the newer token.",
		meet(each, "set", "rotate", served, noCookie, "each count:99 flash:old"),
		meet(each, "add", "rotate", served, noCookie, "each count:11 flash:old"),
		meet(each, "flash", "rotate", served, noCookie, "each count:1 flash:old flash:new"),
		meet(each, "clear, set", "rotate", served, noCookie, "each count:99"),
		meet(each, "set, save", "rotate", served, noCookie, "each count:99 flash:old"),
		meet(each, "add", "rotate; rotate", served, noCookie, "each count:11 flash:old"),
		meet(each, "add", "add; rotate", served, noCookie, "each count:21 flash:old"),
		meet(each, "add", "rotate", served, noCookie, "each count:21 flash:old").conflictsWith("add"),
		meet(each, "add", "add", served, noCookie, "each count:21 flash:old").conflictsWith("rotate"),
		meet(each, "add", "rotate", served, noCookie, "each count:11 flash:old").conflictsWith("rotate"),
	),
	tableRule("changes meet an end",
		"Given a request that changes something, when another one signs in or out, an operator revokes the session or it expires meanwhile, then the changes are dropped, the answer is 409 without a cookie, and what came after is as it was.",
		meetsEnds("set", "add", "flash", "rotate", "set, rotate", "clear, set", "set, save|")...,
	),
	tableRule("a late change",
		"Given a token that another request's RotateID, Login or Logout has just replaced, when a request comes with it and changes something, then that is dropped, and the answer is 409, with Retry-After and without a cookie.",
		meet(each, "set", "rotate", late, noCookie, "each count:1 flash:old").comesLate(),
		meet(each, "add, save", "rotate", late, noCookie, "each count:1 flash:old").comesLate(),
		meet(each, "set", "rotate; rotate", late, noCookie, "each count:1 flash:old").comesLate(),
		meet("visitor", "flash", "login bob", late, noCookie, "bob count:1 flash:old").comesLate(),
		meet("alice", "set", "login bob", late, noCookie, "bob").comesLate(),
		meet("alice", "set", "login alice", late, noCookie, "alice count:1 flash:old").comesLate(),
		meet("alice", "set", "login alice; rotate", late, noCookie, "alice count:1 flash:old").comesLate(),
		meet(each, "set", "logout", late, noCookie, noSession).comesLate(),
		meet(each, "set", "logout, set", late, noCookie, "visitor count:99").comesLate(),
	),
	tableRule("a late request that changes nothing",
		"Given a token that another request has just replaced, when a request comes with it and only reads, or asks for something that an anonymous one has no need of, then the response is the handler's, for an anonymous request and without a cookie.",
		meet(each, "read", "rotate", served, noCookie, "each count:1 flash:old").comesLate(),
		meet(each, "flashes", "rotate", served, noCookie, "each count:1 flash:old").comesLate(),
		meet("alice", "rotate, clear, save", "login bob; read", served, noCookie, "bob").comesLate(),
		meet("visitor", "rotate, clear, save", "login bob", served, noCookie, "bob count:1 flash:old").comesLate(),
		meet(each, "read", "logout", served, noCookie, noSession).comesLate(),
	),
	tableRule("RotateID meets RotateID",
		"Given a request that rotates, when another one rotates meanwhile, then that counts as done: no cookie, and one session.",
		meet(each, "rotate", "rotate", served, noCookie, "each count:1 flash:old"),
		meet(each, "add, rotate", "rotate", served, noCookie, "each count:11 flash:old"),
		meet(each, "|rotate, save", "rotate", served, noCookie, "each count:1 flash:old"),
		meet(each, "rotate, save|", "rotate", served, newToken, "each count:1 flash:old"), // then the other one is late
		meet(each, "rotate", "note", served, noCookie, "each count:1 note:theirs flash:old").conflictsWith("rotate"),
	),
	tableRule("RotateID meets changes",
		"Given a request that rotates, when another one writes values meanwhile, then the session has them, and this request's response the new token.",
		meet(each, "rotate", "note", served, newToken, "each count:1 note:theirs flash:old"),
		meet(each, "add, rotate", "add", served, newToken, "each count:31 flash:old").conflictsWith("add"),
	),
	tableRule("Flashes meet changes",
		"Given messages, when a request asks for them and others ask for them, write or rotate meanwhile, then each message is seen once.",
		meet(each, "|flashes", "flashes", served, noCookie, "each count:1"),
		meet(each, "flashes|", "flashes", served, noCookie, "each count:1").seesMessages("old"),
		meet(each, "flashes", "note", served, noCookie, "each count:1 note:theirs").seesMessages("old"),
		meet(each, "flashes", "rotate", served, noCookie, "each count:1").seesMessages("old"),
		meet(each, "|flashes", "flash", served, noCookie, "each count:1").seesMessages("old new"),
		meet(each, "flashes|", "flash", served, noCookie, "each count:1 flash:new").seesMessages("old"),
		meet(each, "|flashes", "note", served, noCookie, "each count:1 note:theirs").conflictsWith("flashes"),
		meet(each, "|flashes, add", "flashes; rotate", served, noCookie, "each count:11"),
	),
	tableRule("Flashes meet an end",
		"Given messages, when a request asks for them while another one signs in or out, then it sees none, without an error, and a sign-in has them.",
		meet("visitor", "|flashes", "login bob", served, noCookie, "bob count:1 flash:old"),
		meet("visitor", "flashes|", "login bob", served, noCookie, "bob count:1").seesMessages("old"),
		meet("alice", "|flashes", "login alice", served, noCookie, "alice count:1 flash:old"),
		meet("alice", "|flashes", "login bob", served, noCookie, "bob"),
		meet(each, "|flashes", "logout", served, noCookie, noSession),
		meet(each, "|flashes", "operator", served, noCookie, noSession),
		meet(each, "|flashes", "note", served, noCookie, noSession).conflictsWith("logout"),
	),
	tableRule("a request that changes nothing",
		"Given a request that only reads, when others do anything meanwhile, then it is never refused, and sends no cookie.",
		meet(each, "read", "rotate", served, noCookie, "each count:1 flash:old"),
		meet("visitor", "read", "login bob", served, noCookie, "bob count:1 flash:old"),
		meet("alice", "read", "login bob; rotate", served, noCookie, "bob"),
		meet(each, "read", "logout", served, noCookie, noSession),
		meet(each, "read", "operator", served, noCookie, noSession),
		meet(each, "read", "expire", served, noCookie, noSession),
	).withConfig(func(c *core.Config) { c.TouchInterval = time.Microsecond }),
}
