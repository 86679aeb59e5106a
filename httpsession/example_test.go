package httpsession_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func Example() {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	const visits core.Key[int] = "visits"
	mux := http.NewServeMux()
	mux.Handle("GET /", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = visits.Update(s, func(n int) int { return n + 1 })
		n, _ := visits.Get(s)
		fmt.Fprintf(w, "visit %d", n)
	}))

	browse(httpsession.New(m)(mux)) // yours: http.ListenAndServe(":8080", ...)
	// Output:
	// visit 1
	// visit 2
}

// Get is for the middle of a handler, or of another middleware: this one asks for a login.
func ExampleGet() {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	members := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := httpsession.Get(r)
			switch {
			case err != nil: // an outage must not look like a logout
				http.Error(w, "try again later", core.HTTPStatus(err))
			case s.Subject() == "":
				http.Error(w, "log in first", http.StatusUnauthorized)
			default:
				next.ServeHTTP(w, r)
			}
		})
	}
	page := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

	browse(httpsession.New(m)(members(page)))
	// Output:
	// log in first
	//
	// log in first
}

// Static files need no session.
func ExampleWithSkip() {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	static := func(r *http.Request) bool { return r.URL.Path == "/style.css" }
	h := httpsession.New(m, httpsession.WithSkip(static))(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := httpsession.Get(r)
		fmt.Println(r.URL.Path, err == nil)
	}))
	for _, path := range []string{"/", "/style.css"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	}
	// Output:
	// / true
	// /style.css false
}

func ExampleWithErrorHandler() {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store, MaxSize: 128})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	const note core.Key[string] = "note"
	sorry := httpsession.WithErrorHandler(func(w http.ResponseWriter, r *http.Request, err error) {
		http.Error(w, "Sorry, this could not be stored.", core.HTTPStatus(err))
	})
	h := httpsession.New(m, sorry)(httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = note.Set(s, fmt.Sprintf("%200d", 0))
		fmt.Fprint(w, "Stored.") // never gets out
	}))
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("POST", "/", nil))
	fmt.Print(rec.Code, " ", rec.Body)
	// Output: 500 Sorry, this could not be stored.
}

// browse visits h twice with one cookie jar and prints what it sees.
func browse(h http.Handler) {
	srv := httptest.NewTLSServer(h)
	defer srv.Close()
	client := srv.Client()
	client.Jar, _ = cookiejar.New(nil)
	for range 2 {
		res, err := client.Get(srv.URL)
		if err != nil {
			log.Fatal(err)
		}
		page, _ := io.ReadAll(res.Body)
		res.Body.Close()
		fmt.Println(string(page))
	}
}
