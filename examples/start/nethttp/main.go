package main

import (
	"cmp"
	"fmt"
	"html"
	"log"
	"net/http"
	"os"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
)

const (
	visits core.Key[int] = "visits"
	form                 = `<p>Who are you?</p><form method="post"><input name="name"><button>Sign in</button></form>` + "\n"
	hello                = `<p>Hello, %s.</p><form method="post" action="/sign-out"><button>Sign out</button></form>` + "\n"
)

func main() {
	store, err := filestore.New("./sessions", filestore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store, LoginURL: "/sign-in"})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(cmp.Or(os.Getenv("ADDR"), "localhost:8080"), routes(m)))
}

func routes(m *core.Manager) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
		_ = visits.Update(s, func(n int) int { return n + 1 })  // two tabs count to two
		_, _ = fmt.Fprintf(w, "visit %d\n", visits.GetOr(s, 0)) // saved before the first byte leaves
	}))
	mux.HandleFunc("GET /sign-in", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, form) })
	mux.Handle("POST /sign-in", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = s.Login(cmp.Or(r.PostFormValue("name"), "guest")) // your application checks a password or a passkey first
		http.Redirect(w, r, core.LocalPath(r.URL.Query().Get("next"), "/"), http.StatusSeeOther)
	}))
	mux.Handle("POST /sign-out", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = s.Logout()
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}))
	account := httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
		w.Header().Set("Cache-Control", "no-store") // the page is one user's
		_, _ = fmt.Fprintf(w, hello, html.EscapeString(s.Subject()))
	})
	mux.Handle("GET /account", httpsession.RequireLogin(account)) // others go to /sign-in, and come back from there

	return http.NewCrossOriginProtection().Handler(httpsession.New(m)(mux)) // forms of other sites get a 403
}
