package adaptertest

import (
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// What requests of one session do to one another, line by line. rules_table_login.go has the lines
// about sign-ins, rules_table_end.go those about ends, rules_table_store.go those about a store that
// does not say what it did. See meeting for the words.

// line is a rule that consists of meetings.
func line(name, text string, meetings ...meeting) rule {
	return rule{name: "table: " + name, text: text, needs: []need{records}, run: func(e *env) { e.allOf(meetings) }}
}

// with is line with other settings.
func (r rule) with(set func(*core.Config)) rule {
	run := r.run
	r.run = func(e *env) { set(&e.cfg); run(e) }
	return r
}

func (e *env) allOf(meetings []meeting) {
	e.Helper()
	q := e.square()
	for _, m := range meetings {
		for _, one := range m.all() {
			q.run(one)
		}
	}
}

var tableRules = []rule{
	line("changes meet changes",
		"Given a request that changes values, when others write values or Clear meanwhile, then its changes are applied on top, and no cookie is needed.",
		meet(each, "set", "note", made, unsent, "each count:99 note:theirs flash:old"),
		meet(each, "add", "add", made, unsent, "each count:21 flash:old"),
		meet(each, "add", "add; note", made, unsent, "each count:21 note:theirs flash:old"),
		meet(each, "add", "add", made, unsent, "each count:31 flash:old").thenMeets("add"),
		meet(each, "set", "clear, note", made, unsent, "each count:99 note:theirs"),
		meet(each, "flash", "flash", made, unsent, "each count:1 flash:old flash:new flash:new"),
		meet(each, "clear, set", "note", made, unsent, "each count:99"),
		meet(each, "set, save", "note", made, unsent, "each count:99 note:theirs flash:old"),
		meet("alice", "clear", "note", made, unsent, "alice"),
		meet("visitor", "clear", "note", made, deletion, nothing),
	),
	line("changes meet a touch",
		"Given a request that changes values, when another one moves the deadline meanwhile, then the changes are stored, and the cookie is sent as usual, as this request moves it, too.",
		meet(each, "set", "read", made, own, "each count:99 flash:old"),
		meet(each, "set", "read; note", made, own, "each count:99 note:theirs flash:old"),
	).with(func(c *core.Config) { c.TouchInterval = time.Microsecond }),
	line("changes meet RotateID",
		"Given a request that changes values, when another one rotates the session meanwhile, then the changes are applied on top, and it sends no cookie, as the browser has the newer token.",
		meet(each, "set", "rotate", made, unsent, "each count:99 flash:old"),
		meet(each, "add", "rotate", made, unsent, "each count:11 flash:old"),
		meet(each, "flash", "rotate", made, unsent, "each count:1 flash:old flash:new"),
		meet(each, "clear, set", "rotate", made, unsent, "each count:99"),
		meet(each, "set, save", "rotate", made, unsent, "each count:99 flash:old"),
		meet(each, "add", "rotate; rotate", made, unsent, "each count:11 flash:old"),
		meet(each, "add", "add; rotate", made, unsent, "each count:21 flash:old"),
		meet(each, "add", "rotate", made, unsent, "each count:21 flash:old").thenMeets("add"),
		meet(each, "add", "add", made, unsent, "each count:21 flash:old").thenMeets("rotate"),
		meet(each, "add", "rotate", made, unsent, "each count:11 flash:old").thenMeets("rotate"),
	),
	line("changes meet an end",
		"Given a request that changes something, when another one signs in or out, an operator revokes the session or it expires meanwhile, then the changes are dropped, the answer is 409 without a cookie, and what came after is as it was.",
		meetsEnds("set", "add", "flash", "rotate", "set, rotate", "clear, set", "set, save|")...,
	),
	line("a late change",
		"Given a token that another request's RotateID, Login or Logout has just replaced, when a request comes with it and changes something, then that is dropped, and the answer is 409, with Retry-After and without a cookie.",
		meet(each, "set", "rotate", late, unsent, "each count:1 flash:old").comesLate(),
		meet(each, "add, save", "rotate", late, unsent, "each count:1 flash:old").comesLate(),
		meet(each, "set", "rotate; rotate", late, unsent, "each count:1 flash:old").comesLate(),
		meet("visitor", "flash", "login bob", late, unsent, "bob count:1 flash:old").comesLate(),
		meet("alice", "set", "login bob", late, unsent, "bob").comesLate(),
		meet("alice", "set", "login alice", late, unsent, "alice count:1 flash:old").comesLate(),
		meet("alice", "set", "login alice; rotate", late, unsent, "alice count:1 flash:old").comesLate(),
		meet(each, "set", "logout", late, unsent, nothing).comesLate(),
		meet(each, "set", "logout, set", late, unsent, "visitor count:99").comesLate(),
	),
	line("a late request that changes nothing",
		"Given a token that another request has just replaced, when a request comes with it and only reads, or asks for something that an anonymous one has no need of, then it is as made, anonymous and without a cookie.",
		meet(each, "read", "rotate", made, unsent, "each count:1 flash:old").comesLate(),
		meet(each, "flashes", "rotate", made, unsent, "each count:1 flash:old").comesLate(),
		meet("alice", "rotate, clear, save", "login bob; read", made, unsent, "bob").comesLate(),
		meet("visitor", "rotate, clear, save", "login bob", made, unsent, "bob count:1 flash:old").comesLate(),
		meet(each, "read", "logout", made, unsent, nothing).comesLate(),
	),
	line("RotateID meets RotateID",
		"Given a request that rotates, when another one rotates meanwhile, then that counts as done: no cookie, and one session.",
		meet(each, "rotate", "rotate", made, unsent, "each count:1 flash:old"),
		meet(each, "add, rotate", "rotate", made, unsent, "each count:11 flash:old"),
		meet(each, "|rotate, save", "rotate", made, unsent, "each count:1 flash:old"),
		meet(each, "rotate, save|", "rotate", made, own, "each count:1 flash:old"), // then the other one is late
		meet(each, "rotate", "note", made, unsent, "each count:1 note:theirs flash:old").thenMeets("rotate"),
	),
	line("RotateID meets changes",
		"Given a request that rotates, when another one writes values meanwhile, then the session has them, and this request's response the new token.",
		meet(each, "rotate", "note", made, own, "each count:1 note:theirs flash:old"),
		meet(each, "add, rotate", "add", made, own, "each count:31 flash:old").thenMeets("add"),
	),
	line("Flashes meet changes",
		"Given messages, when a request asks for them and others ask for them, write or rotate meanwhile, then each message is seen once.",
		meet(each, "|flashes", "flashes", made, unsent, "each count:1"),
		meet(each, "flashes|", "flashes", made, unsent, "each count:1").shows("old"),
		meet(each, "flashes", "note", made, unsent, "each count:1 note:theirs").shows("old"),
		meet(each, "flashes", "rotate", made, unsent, "each count:1").shows("old"),
		meet(each, "|flashes", "flash", made, unsent, "each count:1").shows("old new"),
		meet(each, "flashes|", "flash", made, unsent, "each count:1 flash:new").shows("old"),
		meet(each, "|flashes", "note", made, unsent, "each count:1 note:theirs").thenMeets("flashes"),
		meet(each, "|flashes, add", "flashes; rotate", made, unsent, "each count:11"),
	),
	line("Flashes meet an end",
		"Given messages, when a request asks for them while another one signs in or out, then it sees none, without an error, and a sign-in has them.",
		meet("visitor", "|flashes", "login bob", made, unsent, "bob count:1 flash:old"),
		meet("visitor", "flashes|", "login bob", made, unsent, "bob count:1").shows("old"),
		meet("alice", "|flashes", "login alice", made, unsent, "alice count:1 flash:old"),
		meet("alice", "|flashes", "login bob", made, unsent, "bob"),
		meet(each, "|flashes", "logout", made, unsent, nothing),
		meet(each, "|flashes", "operator", made, unsent, nothing),
		meet(each, "|flashes", "note", made, unsent, nothing).thenMeets("logout"),
	),
	line("a request that changes nothing",
		"Given a request that only reads, whatever others do meanwhile, then it is never refused, and sends no cookie.",
		meet(each, "read", "rotate", made, unsent, "each count:1 flash:old"),
		meet("visitor", "read", "login bob", made, unsent, "bob count:1 flash:old"),
		meet("alice", "read", "login bob; rotate", made, unsent, "bob"),
		meet(each, "read", "logout", made, unsent, nothing),
		meet(each, "read", "operator", made, unsent, nothing),
		meet(each, "read", "expire", made, unsent, nothing),
	).with(func(c *core.Config) { c.TouchInterval = time.Microsecond }),
}
