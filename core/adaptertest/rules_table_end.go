package adaptertest

// The lines of the table about sessions that end.

// meetsEnds returns the meetings of each of these changes with everything that ends a session.
func meetsEnds(changes ...string) (list []meeting) {
	for _, this := range changes {
		end := func(from, others, newest string) {
			m := meet(from, this, others, ended, noCookie, newest)
			if this == "set, save|" { // its Save succeeded before the end came, and that stays
				m.actions, m.answer = "set, save|add", ended
			}
			list = append(list, m)
		}
		end(each, "logout", noSession)
		end(each, "operator", noSession)
		end("alice", "closed alice", noSession)
		if this == "set" {
			end(each, "expire", noSession)
			end("alice", "rotate; login alice", "alice count:1 flash:old")
			end("visitor", "rotate; login bob", "bob count:1 flash:old")
			end("alice", "login bob; logout", noSession)
			list = append(list, meet(each, this, "note", ended, noCookie, noSession).conflictsWith("logout"))
			list = append(list, meet(each, this, "rotate", ended, noCookie, noSession).conflictsWith("operator"))
			list = append(list, meet("visitor", this, "note", ended, noCookie, "bob count:1 note:theirs flash:old").conflictsWith("login bob"))
		}
		if this != "set, save|" { // what was saved before the sign-in is in the new session
			end("visitor", "login bob", "bob count:1 flash:old")
			end("alice", "login alice", "alice count:1 flash:old")
			end("alice", "login bob", "bob")
		}
	}
	return list
}

var tableEndRules = []rule{
	tableRule("Logout meets changes",
		"Given a request that signs out, when others write, touch, or rotate the session meanwhile, then the session still ends, and the cookie is deleted.",
		meet(each, "logout", "note", served, cookieDeleted, noSession),
		meet(each, "logout", "read", served, cookieDeleted, noSession),
		meet(each, "logout", "rotate", served, cookieDeleted, noSession),
		meet(each, "logout", "rotate; rotate", served, cookieDeleted, noSession),
		meet(each, "logout", "rotate", served, cookieDeleted, noSession).conflictsWith("note"),
		meet(each, "logout", "note", served, cookieDeleted, noSession).conflictsWith("rotate"),
		meet(each, "logout|save", "rotate", served, cookieDeleted, noSession),
		meet(each, "set, logout", "flashes", served, cookieDeleted, noSession),
	),
	tableRule("Logout meets an end",
		"Given a request that signs out, when another one signs in meanwhile or the session is over already, then it does nothing: what came after stands, and no cookie is sent.",
		meet("visitor", "logout", "login bob", served, noCookie, "bob count:1 flash:old"),
		meet("alice", "logout", "login bob", served, noCookie, "bob"),
		meet("alice", "logout", "login alice; rotate", served, noCookie, "alice count:1 flash:old"),
		meet(each, "logout", "logout", served, noCookie, noSession),
		meet(each, "logout", "logout, set", served, noCookie, "visitor count:99"),
		meet(each, "logout", "operator", served, noCookie, noSession),
		meet("alice", "logout", "closed alice", served, noCookie, noSession),
		meet(each, "logout", "expire", served, noCookie, noSession),
		meet("alice", "logout", "note", served, noCookie, "bob").conflictsWith("login bob"),
		meet(each, "logout", "rotate", served, noCookie, noSession).conflictsWith("operator"),
	),
	tableRule("a late Logout after RotateID",
		"Given a token that RotateID has just replaced, when a request signs out with it, then the session ends, and the cookie is deleted; with a token from before the last one, nothing happens.",
		meet(each, "logout", "rotate", served, cookieDeleted, noSession).comesLate(),
		meet(each, "logout", "rotate; note", served, cookieDeleted, noSession).comesLate(),
		meet(each, "logout", "rotate; rotate", served, noCookie, "each count:1 flash:old").comesLate(),
	),
	tableRule("a late Logout after Login",
		"Given a token that a sign-in has just replaced, when a request signs out with it, then nothing happens: the sign-in stands, and no cookie is sent.",
		meet("visitor", "logout", "login bob", served, noCookie, "bob count:1 flash:old").comesLate(),
		meet("alice", "logout", "login bob", served, noCookie, "bob").comesLate(),
		meet("alice", "logout", "login alice", served, noCookie, "alice count:1 flash:old").comesLate(),
		meet("visitor", "logout", "login bob; rotate", served, noCookie, "bob count:1 flash:old").comesLate(),
		meet(each, "logout", "logout", served, noCookie, noSession).comesLate(),
	),
	tableRule("Destroy, then Set",
		"Given a request that ends its session and begins one with a value, when the old one is changed, rotated or ended meanwhile, then the new one stands; when another request signs in, then the new one is undone, and that is the browser's session.",
		meet(each, "logout, set", "note", served, newToken, "visitor count:99"),
		meet(each, "logout, set", "rotate", served, newToken, "visitor count:99"),
		meet(each, "logout, set", "logout", served, newToken, "visitor count:99"),
		meet(each, "logout, set", "operator", served, newToken, "visitor count:99"),
		meet(each, "logout, set", "note", served, newToken, "visitor count:99").conflictsWith("rotate"),
		meet("visitor", "logout, set", "login bob", served, noCookie, "bob count:1 flash:old"),
		meet("alice", "logout, set", "login bob", served, noCookie, "bob"),
		meet("alice", "logout, set", "note", served, noCookie, "bob").conflictsWith("login bob"),
	),
	tableRule("its own Revoke",
		"Given a request that revokes its own session, or all of its user's, with its context, then that is a Logout at that place of the handler: a Login before it falls, a Login or a value after it begins a session; what is excepted stands.",
		meet(each, "revoke", "", served, cookieDeleted, noSession),
		meet(each, "set, revoke", "", served, cookieDeleted, noSession),
		meet(each, "revoke, set", "", served, newToken, "visitor count:99"),
		meet(each, "revoke, login bob", "", served, newToken, "bob"),
		meet(each, "login bob, revoke", "", served, cookieDeleted, noSession),
		meet(each, "login bob, revoke, login carol, set", "", served, newToken, "carol count:99"),
		meet("alice", "revokeall alice", "", served, cookieDeleted, noSession),
		meet("alice", "revokeall alice, set", "", served, newToken, "visitor count:99"),
		meet("alice", "revokeall alice, login alice", "", served, newToken, "alice"),
		meet("visitor", "login alice, revokeall alice", "", served, cookieDeleted, noSession),
		meet("alice", "login alice, revokeall alice", "", served, cookieDeleted, noSession),
		meet("alice", "login alice, revokeothers alice", "", served, newToken, "alice count:1 flash:old"),
		meet("visitor", "login alice, revokeothers alice, set", "", served, newToken, "alice count:99 flash:old"),
		meet("alice", "revokeothers alice", "", served, noCookie, "alice count:1 flash:old"),
		meet("alice", "revokeall bob", "", served, noCookie, "alice count:1 flash:old"),
		meet(each, "logout, login bob", "", served, newToken, "bob"),
	),
}
