package guides_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
)

// csrfProtect stands in front of the application. The page at app.example.com may send requests, too.
func csrfProtect(app http.Handler) (http.Handler, error) {
	protect := http.NewCrossOriginProtection()
	if err := protect.AddTrustedOrigin("https://app.example.com"); err != nil {
		return nil, err
	}
	protect.AddInsecureBypassPattern("POST /webhooks/") // they have a signature, and no cookie decides
	return protect.Handler(app), nil
}

// Which requests pass the protection of the standard library.
func Example_csrfProtection() {
	m := memory(core.Config{})
	defer m.Close()
	mux := http.NewServeMux()
	mux.Handle("/email", httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) { fmt.Fprint(w, "changed") }))
	mux.HandleFunc("POST /webhooks/pay", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "paid") })
	app, err := csrfProtect(httpsession.New(m)(mux))
	if err != nil {
		fmt.Println(err)
		return
	}
	site := serve(app)
	defer site.Close()
	short := func(answer string) string {
		status, text, _ := strings.Cut(answer, " ")
		return status + " " + text[:7]
	}

	alice := site.browser()
	fmt.Println("own page:     ", short(alice.do("POST", "/email", "", "Sec-Fetch-Site", "same-origin")))
	fmt.Println("another site: ", short(alice.do("POST", "/email", "", "Sec-Fetch-Site", "cross-site")))
	fmt.Println("sibling:      ", short(alice.do("POST", "/email", "", "Sec-Fetch-Site", "same-site", "Origin", "https://blog.example.com")))
	fmt.Println("trusted:      ", short(alice.do("POST", "/email", "", "Sec-Fetch-Site", "same-site", "Origin", "https://app.example.com")))
	fmt.Println("old, own page:", short(alice.do("POST", "/email", "", "Origin", site.URL)))
	fmt.Println("old, other:   ", short(alice.do("POST", "/email", "", "Origin", "https://evil.example")))
	fmt.Println("curl:         ", short(alice.do("POST", "/email", "")))
	fmt.Println("another's GET:", short(alice.do("GET", "/email", "", "Sec-Fetch-Site", "cross-site")))
	fmt.Println("a webhook:    ", alice.do("POST", "/webhooks/pay", "", "Sec-Fetch-Site", "cross-site"))
	// Output:
	// own page:      200 changed
	// another site:  403 cross-o
	// sibling:       403 cross-o
	// trusted:       200 changed
	// old, own page: 200 changed
	// old, other:    403 cross-o
	// curl:          200 changed
	// another's GET: 200 changed
	// a webhook:     200 paid
}

const csrfSecret core.Key[string] = "csrf"

// csrfToken returns the session's token, for a hidden field of each form. The first call makes it.
func csrfToken(ctx context.Context, s *core.Session) (string, error) {
	if token, err := csrfSecret.Get(s); err == nil {
		return token, nil
	}
	fresh := rand.Text()
	_ = csrfSecret.Update(s, func(other string) string { return cmp.Or(other, fresh) }) // another tab may be faster
	if err := s.Save(ctx); err != nil {
		return "", err
	}
	return csrfSecret.Get(s)
}

// csrfCheck refuses changes that a cookie decides and that bring no token. Mount it inside the session middleware.
func csrfCheck(next http.Handler) http.Handler {
	return httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
		if !safe && core.SourceOf(r.Context()) == core.FromCookie {
			want, err := csrfSecret.Get(s)
			sent := cmp.Or(r.Header.Get("X-CSRF-Token"), r.PostFormValue("csrf"))
			if err != nil || subtle.ConstantTimeCompare([]byte(want), []byte(sent)) != 1 {
				http.Error(w, "This form is too old. Load the page again.", http.StatusForbidden)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func csrfSignIn(w http.ResponseWriter, r *http.Request, s *core.Session) {
	_ = s.Login(r.PostFormValue("name"))
	_ = csrfSecret.Set(s, rand.Text()) // Login has taken over the old one, which somebody may know
	http.Redirect(w, r, "/form", http.StatusSeeOther)
}

func csrfApp(m *core.Manager) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /form", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		token, err := csrfToken(r.Context(), s)
		if err != nil {
			http.Error(w, http.StatusText(core.HTTPStatus(err)), core.HTTPStatus(err))
			return
		}
		fmt.Fprint(w, token)
	}))
	mux.Handle("POST /sign-in", httpsession.Handle(csrfSignIn))
	mux.Handle("POST /email", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		fmt.Fprint(w, "changed for ", s.Subject())
	}))
	return httpsession.New(m)(csrfCheck(mux))
}

// A token in the session. One that somebody planted before the sign-in is worth nothing after it.
func Example_csrfToken() {
	m := memory(core.Config{})
	defer m.Close()
	site := serve(csrfApp(m))
	defer site.Close()
	form := func(b *browser) string { return strings.TrimPrefix(b.get("/form"), "200 ") }

	mallory, alice := site.browser(), site.browser()
	planted := form(mallory)
	signinPlant(alice, mallory.cookie("__Host-session"))
	fmt.Println(alice.post("/sign-in", "name=alice"))
	fmt.Println(alice.post("/sign-in", "name=alice&csrf="+planted))
	fmt.Println(alice.post("/email", "csrf="+planted))
	fmt.Println(alice.post("/email", "csrf="+form(alice)))
	fmt.Println(alice.do("POST", "/email", "", "X-CSRF-Token", form(alice)))
	// Output:
	// 403 This form is too old. Load the page again.
	// 303 to /form
	// 403 This form is too old. Load the page again.
	// 200 changed for alice
	// 200 changed for alice
}

// A request that a header decides needs no token: no other site can make a browser send it.
func Example_csrfHeader() {
	m := memory(core.Config{Sources: []core.Source{core.FromCookie, core.FromBearer}})
	defer m.Close()
	site := serve(csrfApp(m))
	defer site.Close()

	req, _ := http.NewRequest("POST", site.URL+"/sign-in?name=app", strings.NewReader("name=app"))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Session-Token", "") // the client asks for a header
	res, err := site.browser().client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = res.Body.Close()
	app := site.browser()
	fmt.Println(app.do("POST", "/email", "", "Authorization", "Bearer "+res.Header.Get("Session-Token")))
	fmt.Println(app.do("POST", "/email", ""))
	// Output:
	// 200 changed for app
	// 403 This form is too old. Load the page again.
}

// CORS hides the answer from another site. It does not keep the request from being carried out.
func Example_csrfCORS() {
	m := memory(core.Config{})
	defer m.Close()
	var changes atomic.Int32
	page := httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		if r.Header.Get("Origin") == "https://app.example.com" {
			w.Header().Set("Access-Control-Allow-Origin", "https://app.example.com")
			w.Header().Set("Access-Control-Allow-Credentials", "true")
		}
		changes.Add(1)
	})
	for _, app := range []http.Handler{httpsession.New(m)(page), http.NewCrossOriginProtection().Handler(httpsession.New(m)(page))} {
		changes.Store(0)
		site := serve(app)
		alice := site.browser()
		alice.do("POST", "/email", "to=mallory", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
		fmt.Println(changes.Load(), "change")
		site.Close()
	}
	// Output:
	// 1 change
	// 0 change
}
