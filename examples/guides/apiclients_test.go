package guides_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// A browser and an API client use the same manager. The client asks for its token in a header, and sends it in one.
func Example_apiClients() {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := core.New(core.Config{
		Store:   store,
		Sources: []core.Source{core.FromCookie, core.FromBearer, "X-Session-Token"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	mux := http.NewServeMux()
	mux.Handle("POST /sign-in", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = s.Login(r.PostFormValue("name"))
		if core.SourceOf(r.Context()) == core.FromCookie {
			http.Redirect(w, r, "/", http.StatusSeeOther)
		}
	}))
	mux.Handle("GET /{$}", httpsession.RequireLogin(httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
		_ = visits.Update(s, func(n int) int { return n + 1 })
		_, _ = fmt.Fprintf(w, "visit %d of %s", visits.GetOr(s, 0), s.Subject())
	})))
	mux.Handle("POST /sign-out", httpsession.Handle(func(_ http.ResponseWriter, _ *http.Request, s *core.Session) { _ = s.Logout() }))
	site := serve(httpsession.New(m)(mux))
	defer site.Close()

	browser := site.browser()
	fmt.Println(browser.post("/sign-in", "name=bob"), browser.get("/"))

	signedIn := apiCall(site, "POST", "/sign-in", "name=alice", "Session-Token", "")
	token := signedIn.Header.Get("Session-Token")
	fmt.Println(signedIn.StatusCode, len(token), signedIn.Header["Set-Cookie"])
	for range 2 {
		res := apiCall(site, "GET", "/", "", "Authorization", "Bearer "+token)
		body, _ := io.ReadAll(res.Body)
		fmt.Println(string(body), res.Header["Session-Token"]) // none: the token stays
	}
	res := apiCall(site, "POST", "/sign-out", "", "Authorization", "Bearer "+token)
	fmt.Printf("%d %q\n", res.StatusCode, res.Header["Session-Token"]) // forget it
	res = apiCall(site, "GET", "/", "", "Authorization", "Bearer "+token)
	fmt.Println(res.StatusCode, res.Header.Get("WWW-Authenticate"))
	// Output:
	// 303 to / 200 visit 1 of bob
	// 200 43 []
	// visit 1 of alice []
	// visit 2 of alice []
	// 200 [""]
	// 401 Bearer error="invalid_token"
}

// apiCall is a client without cookies.
func apiCall(site site, method, path, form, header, value string) *http.Response {
	req, err := http.NewRequest(method, site.URL+path, strings.NewReader(form))
	if err != nil {
		panic(err)
	}
	req.Header.Set(header, value)
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := site.Client().Do(req)
	if err != nil {
		panic(err)
	}
	return res
}
