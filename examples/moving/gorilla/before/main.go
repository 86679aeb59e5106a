// Command before is a small application on gorilla/sessions, with its sessions in files.
package main

import (
	"cmp"
	"encoding/gob"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/gorilla/sessions"
)

// Cart is what a visitor has chosen.
type Cart struct{ Items []string }

var store *sessions.FilesystemStore

func main() {
	gob.Register(Cart{})
	store = sessions.NewFilesystemStore(os.Getenv("SESSION_DIR"), []byte(os.Getenv("SESSION_SECRET")))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", home)
	mux.HandleFunc("GET /me", me)
	mux.HandleFunc("POST /add", add)
	mux.HandleFunc("POST /sign-in", signIn)
	mux.HandleFunc("POST /sign-out", signOut)
	log.Fatal(http.ListenAndServe(cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8080"), mux))
}

func home(w http.ResponseWriter, r *http.Request) {
	s, _ := store.Get(r, "session") // an error means a new session
	n, _ := s.Values["visits"].(int)
	user, _ := s.Values["user"].(string)
	cart, _ := s.Values["cart"].(Cart)
	messages := s.Flashes()
	s.Values["visits"] = n + 1
	if save(w, r, s) {
		_, _ = fmt.Fprintf(w, "visit %d of %q, cart %v, messages %v\n", n+1, user, cart.Items, messages)
	}
}

func me(w http.ResponseWriter, r *http.Request) {
	s, _ := store.Get(r, "session")
	user, _ := s.Values["user"].(string)
	_, _ = fmt.Fprintf(w, "you are %q\n", user)
}

func add(w http.ResponseWriter, r *http.Request) {
	s, _ := store.Get(r, "session")
	cart, _ := s.Values["cart"].(Cart)
	s.Values["cart"] = Cart{append(cart.Items, r.PostFormValue("item"))}
	if save(w, r, s) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

func signIn(w http.ResponseWriter, r *http.Request) { // a real one asks for a password
	s, _ := store.Get(r, "session")
	name := r.PostFormValue("name")
	s.Values["user"] = name
	s.AddFlash("Welcome, " + name)
	if save(w, r, s) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

func signOut(w http.ResponseWriter, r *http.Request) {
	s, _ := store.Get(r, "session")
	s.Options.MaxAge = -1
	if save(w, r, s) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

func save(w http.ResponseWriter, r *http.Request, s *sessions.Session) bool {
	err := s.Save(r, w)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
	return err == nil
}
