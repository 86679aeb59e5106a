// Package adopt takes over the sessions of gorilla/sessions, gin-contrib/sessions and alexedwards/scs, so that a change to
// coatcheck signs nobody out. [NewGorilla] and [NewSCS] make an [Adopter], whose method Adopt is for core.Config.Adopt.
//
// A session is taken over once, at the first request that comes with its cookie. It becomes a session of ours, with the
// user and the values that your function Read makes of the old ones. Then the old record is deleted, and so is the old
// cookie, with the same response that brings ours. Where the cookie has the values, its hash is kept in TakenIn until its
// deadline. So after our Logout a copy of that cookie signs nobody in.
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
// A request that is late on an old server writes its record and its cookie once more. Set TakenIn, also for records: it
// knows them. It does not know the cookie that a late request makes where the cookie has the values, nor the session
// that gin-contrib's GORM store makes then, nor that of a user who signs in on an old server. While there is a session
// of ours, that counts; after its Logout, the other one would be taken over. So end it in the sign-out handler, too, as
// the example of [Adopter.Adopt] does.
//
// # Limits
//
// An old application that keeps the values in the cookie writes another cookie with each change. TakenIn knows the one
// that was taken over. A copy of an earlier one is a session until its MaxAge is over, as it was before the change.
// Without a key for the encryption, two browsers that got the same values in the same second have the same cookie: the
// second one counts as taken over.
//
// Our lifetimes begin at the takeover. Requests of one browser that come at once may each begin a session of ours. The
// browser keeps the last one, even if an earlier one was signed out meanwhile. A file that the old application is just
// writing counts as none for that request.
//
// A genuine session whose values cannot be decoded is an error, and the answer a 503: a type is not registered, and to
// take it for nobody's would sign out all users. core logs the error. It has no cookie, no ID and no value.
package adopt
