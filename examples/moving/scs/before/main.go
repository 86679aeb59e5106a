// Command before is a small application on scs, with its sessions in Redis.
package main

import (
	"cmp"
	"encoding/gob"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/redis/go-redis/v9"
)

// Cart is what a visitor has chosen.
type Cart struct{ Items []string }

var m = scs.New()

func main() {
	gob.Register(Cart{})
	address := cmp.Or(os.Getenv("REDIS"), "127.0.0.1:6379")
	m.Store = goredisstore.New(redis.NewClient(&redis.Options{Addr: address}))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", home)
	mux.HandleFunc("GET /me", me)
	mux.HandleFunc("POST /add", add)
	mux.HandleFunc("POST /sign-in", signIn)
	mux.HandleFunc("POST /sign-out", signOut)
	log.Fatal(http.ListenAndServe(cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8080"), m.LoadAndSave(mux)))
}

func home(w http.ResponseWriter, r *http.Request) {
	n := m.GetInt(r.Context(), "visits")
	m.Put(r.Context(), "visits", n+1)
	cart, _ := m.Get(r.Context(), "cart").(Cart)
	messages := []string{}
	if message := m.PopString(r.Context(), "message"); message != "" {
		messages = append(messages, message)
	}
	_, _ = fmt.Fprintf(w, "visit %d of %q, cart %v, messages %v\n",
		n+1, m.GetString(r.Context(), "user"), cart.Items, messages)
}

func me(w http.ResponseWriter, r *http.Request) {
	_, _ = fmt.Fprintf(w, "you are %q\n", m.GetString(r.Context(), "user"))
}

func add(w http.ResponseWriter, r *http.Request) {
	cart, _ := m.Get(r.Context(), "cart").(Cart)
	m.Put(r.Context(), "cart", Cart{append(cart.Items, r.PostFormValue("item"))})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func signIn(w http.ResponseWriter, r *http.Request) { // a real one asks for a password
	if err := m.RenewToken(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	name := r.PostFormValue("name")
	m.Put(r.Context(), "user", name)
	m.Put(r.Context(), "message", "Welcome, "+name)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func signOut(w http.ResponseWriter, r *http.Request) {
	if err := m.Destroy(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
