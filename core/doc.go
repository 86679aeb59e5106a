// Package core is coatcheck's session management without a web framework: the settings, the session that a handler
// works with, and the rules of saving.
//
// An application makes one [Manager] with [New] and gives it to the adapter of its framework (httpsession, ginsession,
// echov5session, fiberv3session; echosession, fibersession for Echo v4 and Fiber v2). The adapter hands a [Session] to
// each handler. Typed keys read and write its values:
//
//	const visits core.Key[int] = "visits"
//
//	_ = visits.Update(s, func(n int) int { return n + 1 })
//
// # Saving
//
// A handler need not save. The first use of a session loads it. The handler's changes are stored before the first
// byte of the response leaves. If they cannot be stored, the client gets an error and not a page that claims success.
//
// A method that fails returns an error. If the handler then answers with a status below 400, a 500 replaces the
// response. If it answers with 400 or more, that answer stands. Either way, and after a 500, a 408 or a panic, nothing
// but a Logout is stored; what [Session.Save] has stored before stays. What the function of a [Key.TryUpdate] refuses is
// no failure: the request goes on. Once the response header has left, a change that needs a cookie fails with
// [ErrHeaderSent], and a failed save ends the connection.
//
// # Signing in and out
//
// [Session.Login] begins a new session that is bound to a user, and ends the one that the request came with. The new
// session takes over the visitor's values and messages. [Session.RotateID] changes only the token: [Session.ID] names
// a session for its whole life. [Session.Logout] ends the session on the server. [Manager.Sessions],
// [Manager.RevokeOwn] and [Manager.RevokeSubject] serve the list of a user's devices.
//
// # Requests that overlap
//
// A session keeps a request's changes as operations (set this key, add one to that counter). If another request
// stores first, the operations are applied again to what that one stored. So overlapping requests do not undo one
// another, even across a RotateID.
//
// A session that was ended stays ended, even if another request still uses it. A change to an ended session fails
// with [ErrEnded], which adapters answer with 409 through their error handler. A request may also come with a token that
// was replaced in the last 30 seconds. A change in it fails with ErrEnded, too. A request that only reads is never
// refused.
//
// # Beyond the request
//
// [Manager.Change] changes a session outside of its request, and [Manager.ChangeSubject] all sessions of a user, under the
// same rules. [Session.Device] and [Session.LastUsed] are for the list of a user's devices, and Config.MaxPerSubject limits
// it: docs/devices.md. A stream or socket ends with its session by [Session.Done]: docs/streams.md.
//
// # What the cookie store does not do
//
// With the cookie store, the last of two writes wins, RotateID changes the ID, too, and a session ends on the server
// only if the store was told to revoke: see package cookiestore and SECURITY.md.
//
// # Guides
//
// Each is a file of the repository. docs/README.md lists all:
//
//   - docs/start/: a first program with each framework
//   - docs/choosing-a-store.md: stores, and how they are set up
//   - docs/values.md: values and errors
//   - docs/signing-in.md: sign-in, sign-out, "remember me"
//   - docs/forms.md: forms and messages
//   - docs/csrf.md: requests from other sites
//   - docs/changing-values.md: values that the next release reads
//   - docs/keys.md: encrypted sessions, and how to replace a key
//   - docs/devices.md: a user's devices, and changes from outside of a request
//   - docs/settings.md: every setting
//   - docs/testing.md: tests of an application
//
// Authors of adapters read [Exchange] and docs/writing-an-adapter.md next, authors of stores package core/driver.
// SECURITY.md tells what each attacker can do. docs/limits.md tells what stays open.
package core
