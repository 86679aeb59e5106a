package guides_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/sessiontest"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

const spaSeen core.Key[map[string]bool] = "seen"

// spaTogether makes a page's handler wait until n requests are under way.
func spaTogether(n int, page func(http.ResponseWriter, *http.Request, *core.Session)) http.Handler {
	var all sync.WaitGroup
	all.Add(n)
	return httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		all.Done()
		all.Wait()
		page(w, r, s)
	})
}

// Ten requests of one page at once: nothing is lost, and there is one session if the page itself has begun it.
func Example_spaParallel() {
	seen := func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		what := r.PathValue("what")
		_ = spaSeen.Update(s, func(all map[string]bool) map[string]bool {
			if all == nil {
				all = map[string]bool{}
			}
			all[what] = true
			return all
		})
	}
	for _, pageFirst := range []bool{true, false} {
		m := memory(core.Config{})
		mux := http.NewServeMux()
		mux.Handle("GET /", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
			_ = visits.Update(s, func(n int) int { return n + 1 })
			fmt.Fprint(w, len(spaSeen.GetOr(s, nil)), " seen")
		}))
		mux.Handle("POST /api/seen/{what}", spaTogether(10, seen))
		site := serve(httpsession.New(m)(mux))

		alice := site.browser()
		if pageFirst {
			alice.get("/")
		}
		var done sync.WaitGroup
		for i := range 10 {
			done.Go(func() { alice.post(fmt.Sprint("/api/seen/", i), "") })
		}
		done.Wait()
		sessions := 0
		for range m.All(context.Background()) {
			sessions++
		}
		fmt.Println(alice.get("/"), "in", sessions, "session(s)")
		site.Close()
		m.Close()
	}
	// Output:
	// 200 10 seen in 1 session(s)
	// 200 1 seen in 10 session(s)
}

// spaAsk sends a request, and returns its status and some header fields of the response.
func spaAsk(b *browser, method, path string, header []string, show ...string) string {
	req, err := http.NewRequest(method, b.site.URL+path, nil)
	if err != nil {
		return err.Error()
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := b.client.Do(req)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	line := fmt.Sprint(res.StatusCode)
	for _, name := range show {
		if value := res.Header.Get(name); value != "" {
			line += ", " + name + ": " + value
		}
	}
	return line
}

// Who is redirected to the sign-in, and who gets a 401.
func Example_spaChallenge() {
	m := memory(core.Config{LoginURL: "/sign-in"})
	defer m.Close()
	cart := httpsession.RequireLogin(http.NotFoundHandler())
	site := serve(httpsession.New(m)(cart))
	defer site.Close()
	ask := func(header ...string) {
		fmt.Println(header[0]+":", spaAsk(site.browser(), "GET", "/cart", header, "Location", "HX-Redirect"))
	}
	ask("a link")
	ask("Sec-Fetch-Mode", "navigate")
	ask("Sec-Fetch-Mode", "cors")
	ask("Accept", "application/json")
	ask("Upgrade", "websocket")
	ask("HX-Request", "true", "HX-Current-URL", site.URL+"/shop?page=2")
	ask("HX-Request", "true", "HX-Boosted", "true")
	// Output:
	// a link: 303, Location: /sign-in?next=%2Fcart
	// Sec-Fetch-Mode: 303, Location: /sign-in?next=%2Fcart
	// Sec-Fetch-Mode: 401
	// Accept: 401
	// Upgrade: 401
	// HX-Request: 401, HX-Redirect: /sign-in?next=%2Fshop%3Fpage%3D2
	// HX-Request: 401, HX-Redirect: /sign-in?next=%2Fcart
}

// spaNeedsUser answers requests that RequireLogin stops.
func spaNeedsUser(w http.ResponseWriter, r *http.Request, ch core.Challenge) {
	if r.Header.Get("HX-Request") == "true" {
		w.Header().Set("HX-Trigger", "sign-in") // the page listens, and opens a dialog
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	ch.Apply(w.Header()) // Location or WWW-Authenticate, and Cache-Control
	w.WriteHeader(ch.Status)
}

// A dialog in place of the sign-in page.
func Example_spaDialog() {
	m := memory(core.Config{LoginURL: "/sign-in"})
	defer m.Close()
	site := serve(httpsession.New(m, httpsession.WithLoginHandler(spaNeedsUser))(httpsession.RequireLogin(http.NotFoundHandler())))
	defer site.Close()
	fmt.Println(spaAsk(site.browser(), "GET", "/cart", []string{"HX-Request", "true"}, "HX-Trigger", "Location"))
	fmt.Println(spaAsk(site.browser(), "GET", "/cart", nil, "HX-Trigger", "Location"))
	// Output:
	// 401, HX-Trigger: sign-in
	// 303, Location: /sign-in?next=%2Fcart
}

const spaPage = "https://app.example.com"

// spaCORS lets the page of another origin call the application with the cookie. It stands outside the session middleware.
func spaCORS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		if r.Header.Get("Origin") != spaPage {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Origin", spaPage) // with cookies, "*" is refused by browsers
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Expose-Headers", "Retry-After") // else the script cannot read it
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
			h.Set("Access-Control-Allow-Headers", "Content-Type")
			w.WriteHeader(http.StatusNoContent) // the preflight has no cookie, and needs no session
			return
		}
		next.ServeHTTP(w, r)
	})
}

// The page at app.example.com and the API at api.example.com: two origins, one site.
func Example_spaOrigins() {
	m := memory(core.Config{})
	defer m.Close()
	protect := http.NewCrossOriginProtection()
	_ = protect.AddTrustedOrigin(spaPage)
	page := httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = visits.Update(s, func(n int) int { return n + 1 })
		if r.URL.Path == "/sign-in" {
			_ = s.Login("alice")
		}
	})
	site := serve(spaCORS(protect.Handler(httpsession.New(m)(page))))
	defer site.Close()

	alice := site.browser()
	own := []string{"Origin", spaPage, "Sec-Fetch-Site", "same-site"}
	other := []string{"Origin", "https://blog.example.com", "Sec-Fetch-Site", "same-site"}
	preflight := append([]string{"Access-Control-Request-Method", "PUT"}, own...)
	fmt.Println(spaAsk(alice, "OPTIONS", "/cart", preflight, "Access-Control-Allow-Origin", "Access-Control-Allow-Methods"))
	fmt.Println(spaAsk(alice, "POST", "/sign-in", own, "Access-Control-Allow-Origin"))
	fmt.Println(spaAsk(alice, "PUT", "/cart", other, "Access-Control-Allow-Origin"))

	// An error page of coatcheck has the header, too. Otherwise the script would see a network error.
	former := site.browser()
	signinPlant(former, alice.cookie("__Host-session"))
	spaAsk(alice, "POST", "/sign-in", own)
	fmt.Println(spaAsk(former, "PUT", "/cart", own, "Access-Control-Allow-Origin", "Retry-After"))
	// Output:
	// 204, Access-Control-Allow-Origin: https://app.example.com, Access-Control-Allow-Methods: GET, POST, PUT, DELETE
	// 200, Access-Control-Allow-Origin: https://app.example.com
	// 403
	// 409, Access-Control-Allow-Origin: https://app.example.com, Retry-After: 1
}

// A page that other sites show in a frame has a cookie for each of these sites.
func Example_spaFrame() {
	m := memory(core.Config{
		Cookie: core.Cookie{Name: "__Host-embed", SameSite: http.SameSiteNoneMode, Partitioned: true},
	})
	defer m.Close()
	page := httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		w.Header().Set("Content-Security-Policy", "frame-ancestors https://customer.example") // and nobody else
		_ = visits.Update(s, func(n int) int { return n + 1 })
	})
	site := serve(httpsession.New(m)(page))
	defer site.Close()
	b := site.browser()
	line := spaAsk(b, "GET", "/", nil, "Set-Cookie")
	fmt.Println(strings.Replace(line, b.cookie("__Host-embed"), "…", 1))
	// Output:
	// 200, Set-Cookie: __Host-embed=…; Max-Age=1209600; Path=/; HttpOnly; Secure; SameSite=None; Partitioned
}

// A page polls, and must not keep its session alive by that.
func Example_spaPoll() {
	clock := sessiontest.NewClock()
	store, _ := memstore.New(memstore.Config{Now: clock.Now})
	m := memory(core.Config{Store: store, Now: clock.Now, IdleTimeout: 30 * time.Minute})
	defer m.Close()
	mux := http.NewServeMux()
	mux.Handle("POST /sign-in", httpsession.Handle(func(_ http.ResponseWriter, _ *http.Request, s *core.Session) { _ = s.Login("alice") }))
	mux.Handle("GET /", httpsession.RequireLogin(httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
		fmt.Fprint(w, s.TimeLeft(), " left") // before this request counts
	})))
	polls := httpsession.WithPassive(func(r *http.Request) bool { return r.URL.Path == "/unread" })
	site := serve(httpsession.New(m, polls)(mux))
	defer site.Close()

	alice := site.browser()
	alice.post("/sign-in", "")
	for _, path := range []string{"/unread", "/cart", "/unread", "/unread", "/unread"} {
		clock.Advance(10 * time.Minute)
		fmt.Println(path, alice.do("GET", path, "", "Sec-Fetch-Mode", "cors"))
	}
	// Output:
	// /unread 200 20m0s left
	// /cart 200 10m0s left
	// /unread 200 20m0s left
	// /unread 200 10m0s left
	// /unread 401 Unauthorized
}
