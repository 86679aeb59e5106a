// Package shop is what the example applications share: the products, the pages, the typed keys of the session, and the
// start and stop of the server. What each does with the session is in its own main.go.
package shop

import (
	"crypto/subtle"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// The values of a session. A key is a constant with the type of its value: code that reads the cart as a number does
// not compile.
const (
	Visits core.Key[int]   = "visits"
	Cart   core.Key[Items] = "cart"
)

// Visitor makes the session of somebody who is not signed in a short one: most of them are robots, and each leaves a
// record. Login resets that.
func Visitor(s *core.Session) {
	if s.Subject() == "" {
		_ = s.ExpireIn(time.Hour)
	}
}

// User is an account of the demo.
type User struct{ Name, Password string }

// Users are shown on the sign-in page. A real application does not store passwords. It stores slow hashes of them
// (argon2id, bcrypt) and compares with the functions of those packages.
var Users = []User{
	{"alice", "looking-glass"},
	{"bob", "build-it"},
	{administrator, "cloakroom"},
}

// SignIn returns the user with this name and password.
func SignIn(name, password string) (User, bool) {
	for _, u := range Users {
		if u.Name == name && subtle.ConstantTimeCompare([]byte(u.Password), []byte(password)) == 1 {
			return u, true
		}
	}
	return User{}, false
}

// WrongPassword is what the sign-in page says to a wrong name or password. It does not say which one is wrong.
var WrongPassword = []core.Flash{{Level: "error", Text: "This name and password do not belong together."}}
