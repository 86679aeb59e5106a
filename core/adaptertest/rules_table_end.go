package adaptertest

// Lines of the table about sessions that end.

// meetsEnds are meetings of changes with everything that ends a session.
func meetsEnds(changes ...string) (list []meeting) {
	for _, this := range changes {
		end := func(from, others, newest string) {
			m := meet(from, this, others, ended, unsent, newest)
			if this == "set, save|" { // it was told of a success before the end came: that stands
				m.this, m.answer = "set, save|add", ended
			}
			list = append(list, m)
		}
		end(each, "logout", nothing)
		end(each, "operator", nothing)
		end("alice", "closed alice", nothing)
		if this == "set" {
			end(each, "expire", nothing)
			end("alice", "rotate; login alice", "alice count:1 flash:old")
			end("visitor", "rotate; login bob", "bob count:1 flash:old")
			end("alice", "login bob; logout", nothing)
			list = append(list, meet(each, this, "note", ended, unsent, nothing).thenMeets("logout"))
			list = append(list, meet(each, this, "rotate", ended, unsent, nothing).thenMeets("operator"))
			list = append(list, meet("visitor", this, "note", ended, unsent, "bob count:1 note:theirs flash:old").thenMeets("login bob"))
		}
		if this != "set, save|" { // what was saved before the sign-in has gone over to it
			end("visitor", "login bob", "bob count:1 flash:old")
			end("alice", "login alice", "alice count:1 flash:old")
			end("alice", "login bob", "bob")
		}
	}
	return list
}

var tableEndRules = []rule{
	line("Logout meets changes",
		"Given a request that signs out, when others write, touch, or rotate the session meanwhile, then it ends all the same, and the cookie is deleted.",
		meet(each, "logout", "note", made, deletion, nothing),
		meet(each, "logout", "read", made, deletion, nothing),
		meet(each, "logout", "rotate", made, deletion, nothing),
		meet(each, "logout", "rotate; rotate", made, deletion, nothing),
		meet(each, "logout", "rotate", made, deletion, nothing).thenMeets("note"),
		meet(each, "logout", "note", made, deletion, nothing).thenMeets("rotate"),
		meet(each, "logout|save", "rotate", made, deletion, nothing),
		meet(each, "set, logout", "flashes", made, deletion, nothing),
	),
	line("Logout meets an end",
		"Given a request that signs out, when another one signs in meanwhile or the session is over already, then it does nothing: what came after stands, and no cookie is sent.",
		meet("visitor", "logout", "login bob", made, unsent, "bob count:1 flash:old"),
		meet("alice", "logout", "login bob", made, unsent, "bob"),
		meet("alice", "logout", "login alice; rotate", made, unsent, "alice count:1 flash:old"),
		meet(each, "logout", "logout", made, unsent, nothing),
		meet(each, "logout", "logout, set", made, unsent, "visitor count:99"),
		meet(each, "logout", "operator", made, unsent, nothing),
		meet("alice", "logout", "closed alice", made, unsent, nothing),
		meet(each, "logout", "expire", made, unsent, nothing),
		meet("alice", "logout", "note", made, unsent, "bob").thenMeets("login bob"),
		meet(each, "logout", "rotate", made, unsent, nothing).thenMeets("operator"),
	),
	line("a late Logout after RotateID",
		"Given a token that RotateID has just replaced, when a request signs out with it, then the session ends, and the cookie is deleted; with a token from before the last one, nothing happens.",
		meet(each, "logout", "rotate", made, deletion, nothing).comesLate(),
		meet(each, "logout", "rotate; note", made, deletion, nothing).comesLate(),
		meet(each, "logout", "rotate; rotate", made, unsent, "each count:1 flash:old").comesLate(),
	),
	line("a late Logout after Login",
		"Given a token that a sign-in has just replaced, when a request signs out with it, then nothing happens: the sign-in stands, and no cookie is sent.",
		meet("visitor", "logout", "login bob", made, unsent, "bob count:1 flash:old").comesLate(),
		meet("alice", "logout", "login bob", made, unsent, "bob").comesLate(),
		meet("alice", "logout", "login alice", made, unsent, "alice count:1 flash:old").comesLate(),
		meet("visitor", "logout", "login bob; rotate", made, unsent, "bob count:1 flash:old").comesLate(),
		meet(each, "logout", "logout", made, unsent, nothing).comesLate(),
	),
	line("Destroy, then Set",
		"Given a request that ends its session and begins one with a value, when the old one is changed, rotated or ended meanwhile, then the new one stands; when another request signs in, then the new one is undone, and that is the browser's session.",
		meet(each, "logout, set", "note", made, own, "visitor count:99"),
		meet(each, "logout, set", "rotate", made, own, "visitor count:99"),
		meet(each, "logout, set", "logout", made, own, "visitor count:99"),
		meet(each, "logout, set", "operator", made, own, "visitor count:99"),
		meet(each, "logout, set", "note", made, own, "visitor count:99").thenMeets("rotate"),
		meet("visitor", "logout, set", "login bob", made, unsent, "bob count:1 flash:old"),
		meet("alice", "logout, set", "login bob", made, unsent, "bob"),
		meet("alice", "logout, set", "note", made, unsent, "bob").thenMeets("login bob"),
	),
	line("its own Revoke",
		"Given a request that revokes its own session, or all of its user's, with its context, then that is a Logout at that place of the handler: a Login before it falls, a Login or a value after it begins a session; what is excepted stands.",
		meet(each, "revoke", "", made, deletion, nothing),
		meet(each, "set, revoke", "", made, deletion, nothing),
		meet(each, "revoke, set", "", made, own, "visitor count:99"),
		meet(each, "revoke, login bob", "", made, own, "bob"),
		meet(each, "login bob, revoke", "", made, deletion, nothing),
		meet(each, "login bob, revoke, login carol, set", "", made, own, "carol count:99"),
		meet("alice", "revokeall alice", "", made, deletion, nothing),
		meet("alice", "revokeall alice, set", "", made, own, "visitor count:99"),
		meet("alice", "revokeall alice, login alice", "", made, own, "alice"),
		meet("visitor", "login alice, revokeall alice", "", made, deletion, nothing),
		meet("alice", "login alice, revokeall alice", "", made, deletion, nothing),
		meet("alice", "login alice, revokeothers alice", "", made, own, "alice count:1 flash:old"),
		meet("visitor", "login alice, revokeothers alice, set", "", made, own, "alice count:99 flash:old"),
		meet("alice", "revokeothers alice", "", made, unsent, "alice count:1 flash:old"),
		meet("alice", "revokeall bob", "", made, unsent, "alice count:1 flash:old"),
		meet(each, "logout, login bob", "", made, own, "bob"),
	),
}
