// Package adopt takes over the sessions of gorilla/sessions, gin-contrib/sessions and alexedwards/scs, so that a change to
// coatcheck signs nobody out. [NewGorilla] and [NewSCS] make an [Adopter], whose method Adopt is for core.Config.Adopt.
//
// A session is taken over once, at the first request that comes with its cookie. It becomes a session of ours, with the
// user and the values that your function Read makes of the old ones. Then its hash is kept in TakenIn until its deadline,
// the old record is deleted, and so is the old cookie, with the same response that brings ours. So after our Logout
// nothing signs that browser in again: no copy of the cookie, and no slow request that began with it.
//
// # The change
//
//  1. Give our cookie another name than the old one.
//  2. Register the types of the old values with gob, under their old names: gob.Register uses the name of the package.
//     For a type that has moved, use gob.RegisterName("main.Cart", Cart{}).
//  3. Set Config.Adopt, with the old keys or the old store. Keep the keys as secret as before: they sign people in.
//  4. Try it with an old cookie of your own, on one server.
//  5. Switch all traffic to the new release at once, if you can (blue and green).
//  6. Remove Config.Adopt, the old keys and the old store when the last old session has expired: MaxAge, or scs's
//     Lifetime, after the last old server has stopped. What TakenIn has kept expires by itself.
//
// If you go back to the old release, users who were taken over sign in once more.
//
// # Old and new servers side by side
//
// An old server does not know our cookie. To a user who was taken over it shows the sign-in page, until the deployment
// is done. So let the load balancer send requests that carry our cookie to new servers only, or keep each client on its
// server.
//
// A request that is late on an old server writes its record and its cookie once more, and a user may sign in there
// again. While there is a session of ours, that counts. Its Logout ends the session of the old cookie, too.
//
// # Limits
//
// An old application that keeps the values in the cookie writes another cookie with each change. TakenIn knows the one
// that was taken over. A copy of an earlier one is a session until its MaxAge is over, as it was before the change.
// Without a key for the encryption, two browsers that got the same values in the same second have the same cookie: the
// second one counts as taken over.
//
// Our lifetimes begin at the takeover; Adoption.ExpireIn says how long a user was to be remembered. Of requests that come
// at once with one old cookie, one begins a session of ours. The others, and those of the next half minute, get their
// pages if they only read, some as visitors; a change there is a 409 (core.ErrEnded), and the browser has our cookie by
// the time it asks again. If that one answer is lost on its way, the user signs in once more. A file that the old
// application is just writing counts as none for that request.
//
// A genuine session whose values cannot be decoded is an error, and the answer a 503: a type is not registered, and to
// take it for nobody's would sign out all users. core logs the error. It has no cookie, no ID and no value.
//
// The guide is docs/moving/README.md, with a page for each library.
package adopt
