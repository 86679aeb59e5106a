// Command after is the application of before, on coatcheck.
package main

import (
	"cmp"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/stores/redisstore"
)

// Cart is what a visitor has chosen.
type Cart struct{ Items []string }

const (
	visits core.Key[int]  = "visits"
	cart   core.Key[Cart] = "cart"
)

func main() {
	address := cmp.Or(os.Getenv("REDIS"), "127.0.0.1:6379")
	store, err := redisstore.Open(rueidis.ClientOption{InitAddress: []string{address}}, redisstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store, Adopt: takeOver(address, store).Adopt})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", httpsession.Handle(home))
	mux.Handle("GET /me", httpsession.Handle(me))
	mux.Handle("POST /add", httpsession.Handle(add))
	mux.Handle("POST /sign-in", httpsession.Handle(signIn))
	mux.Handle("POST /sign-out", httpsession.Handle(signOut))
	log.Fatal(http.ListenAndServe(cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8080"), httpsession.New(m)(mux)))
}

func home(w http.ResponseWriter, r *http.Request, s *core.Session) {
	_ = visits.Update(s, func(n int) int { return n + 1 })
	var messages []string
	waiting, _ := s.Flashes(r.Context())
	for _, m := range waiting {
		messages = append(messages, m.Text)
	}
	_, _ = fmt.Fprintf(w, "visit %d of %q, cart %v, messages %v\n",
		visits.GetOr(s, 0), s.Subject(), cart.GetOr(s, Cart{}).Items, messages)
}

func me(w http.ResponseWriter, r *http.Request, s *core.Session) {
	_, _ = fmt.Fprintf(w, "you are %q\n", s.Subject())
}

func add(w http.ResponseWriter, r *http.Request, s *core.Session) {
	item := r.PostFormValue("item")
	_ = cart.Update(s, func(in Cart) Cart { return Cart{append(in.Items, item)} })
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func signIn(w http.ResponseWriter, r *http.Request, s *core.Session) { // a real one asks for a password
	name := r.PostFormValue("name")
	_ = s.Login(name)
	_ = s.AddFlash("info", "Welcome, "+name)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func signOut(w http.ResponseWriter, r *http.Request, s *core.Session) {
	_ = s.Logout()
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
