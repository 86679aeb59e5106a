// Package shop is what the four example applications share: the goods, the pages, the typed
// keys of the session, and starting and stopping. What they do with the session stands in their
// own main.go.
package shop

import (
	"crypto/subtle"

	"github.com/coatcheck-go/coatcheck/core"
)

// What a session holds. A key is a constant that knows its type: reading the cart as a number
// does not compile.
const (
	Visits core.Key[int]    = "visits"
	Cart   core.Key[Items]  = "cart"
	Agent  core.Key[string] = "agent" // User-Agent at sign-in, for the list of devices
)

// User is an account of the demo.
type User struct{ Name, Password string }

// Users are shown on the sign-in page. A real application keeps no passwords, but slow
// hashes of them (argon2id, bcrypt), and compares with the functions that come with those.
var Users = []User{
	{"alice", "looking-glass"},
	{"bob", "build-it"},
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
