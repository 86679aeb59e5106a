// Package core is coatcheck's session management without a web framework: the
// settings, the session that a handler works with, and the rules of saving.
//
// An application makes one [Manager] with [New] and gives it to the adapter of
// its framework (httpsession, ginsession, echosession, fibersession), which
// hands a [Session] to each handler. Values are read and written with typed
// keys:
//
//	const visits core.Key[int] = "visits"
//
//	visits.Update(s, func(n int) int { return n + 1 })
//
// # Saving
//
// Nothing is to be saved by hand. The first use of a session loads it. What the
// handler did is stored before the first byte of the response leaves. If it
// cannot be stored, the client gets an error and not a page that claims success.
//
// A method that cannot do what it says returns an error. A handler that ignores it
// has its response replaced by a 500; one that answers with a status of 400 or
// more stands by its answer. A 500 or a panic stores nothing but a Logout,
// and what [Session.Save] has stored before.
// After the header, a change that needs a cookie is [ErrHeaderSent], and a save
// that fails ends the connection.
//
// # Signing in and out
//
// [Session.Login] begins a new session that is bound to a user, and ends the one
// that the request came with. What the visitor gathered is taken over.
// [Session.RotateID] changes the token and nothing else: [Session.ID] names a
// session for its whole life. [Session.Logout] ends it on the server.
// [Manager.Sessions], [Manager.RevokeOwn] and [Manager.RevokeSubject] are for the
// list of a user's devices.
//
// # Requests that overlap
//
// What a request does to its session is kept as operations (set this key, add
// one to that counter). They are applied again when another request was faster,
// so requests that overlap do not undo one another, also across a RotateID.
//
// A session that was ended stays ended, whatever was still under way. A change
// that meets the end of its session is [ErrEnded], which adapters answer with 409
// through their error handler. So is a change that comes with a token which was
// replaced in the last 30 seconds. A request that only reads is never refused.
//
// With the cookie store the last of two writes wins, the ID is a new one after a
// RotateID, and a session ends on the server only if the store was told to revoke: see
// package cookiestore and SECURITY.md.
//
// Authors of adapters read [Exchange] next, authors of stores package
// core/driver, and everyone else the README. SECURITY.md tells what each attacker
// can do, docs/limits.md what stays open.
package core
