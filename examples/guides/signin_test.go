package guides_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
)

// signinApp is an application whose users sign in with a password.
type signinApp struct {
	m         *core.Manager
	passwords sync.Map // a real application keeps slow hashes: argon2id, bcrypt
}

func newSigninApp(cfg core.Config) *signinApp {
	cfg.LoginURL = "/sign-in"
	return signinUsers(memory(cfg))
}

func signinUsers(m *core.Manager) *signinApp {
	a := &signinApp{m: m}
	a.passwords.Store("alice", "looking-glass")
	a.passwords.Store("bob", "build-it")
	return a
}

func (a *signinApp) fits(name, password string) bool {
	want, known := a.passwords.Load(name)
	return known && want == password
}

func (a *signinApp) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /sign-in", httpsession.Handle(a.form))
	mux.Handle("POST /sign-in", httpsession.Handle(a.check))
	mux.Handle("POST /sign-out", httpsession.Handle(a.signOut))
	mux.Handle("POST /cart", httpsession.Handle(a.addToCart))
	mux.Handle("GET /account", httpsession.RequireLogin(httpsession.Handle(a.account)))
	mux.Handle("POST /devices/end", httpsession.RequireLogin(httpsession.Handle(a.endDevice)))
	mux.Handle("POST /devices/end-others", httpsession.RequireLogin(httpsession.Handle(a.endOthers)))

	mux.Handle("GET /password", httpsession.RequireFresh(5*time.Minute)(httpsession.Handle(a.passwordForm)))
	mux.Handle("POST /password", httpsession.RequireFresh(10*time.Minute)(httpsession.Handle(a.changePassword)))
	return httpsession.New(a.m, httpsession.WithErrorHandler(a.fail))(mux)
}

// form asks for the name and the password. Without an action, it is posted to its own address, with the way back in it.
func (a *signinApp) form(w http.ResponseWriter, r *http.Request, s *core.Session) {
	text := "Sign in"
	if s.Subject() != "" { // RequireFresh sent this user here
		text = s.Subject() + ", please enter your password again"
	}
	fmt.Fprintf(w, "%s (then: %s)", text, core.LocalPath(r.URL.Query().Get("next"), "/account"))
}

func (a *signinApp) check(w http.ResponseWriter, r *http.Request, s *core.Session) {
	name := r.PostFormValue("name")
	if !a.fits(name, r.PostFormValue("password")) {
		http.Error(w, "wrong name or password", http.StatusUnprocessableEntity)
		return
	}
	again := s.Subject() == name // RequireFresh sent this user here: the lifetime stays as it was chosen
	_ = s.Login(name)            // a new session, and a new token
	if r.PostFormValue("remember") != "" {
		_ = s.ExpireIn(30 * 24 * time.Hour)
	} else if !again {
		_ = s.ExpireAtBrowserClose()
	}
	http.Redirect(w, r, core.LocalPath(r.URL.Query().Get("next"), "/account"), http.StatusSeeOther)
}

func (a *signinApp) signOut(w http.ResponseWriter, r *http.Request, s *core.Session) {
	_ = s.Logout()
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}

const signinCart core.Key[[]string] = "cart"

func (a *signinApp) addToCart(w http.ResponseWriter, r *http.Request, s *core.Session) {
	item := r.PostFormValue("item")
	_ = signinCart.Update(s, func(cart []string) []string { return append(cart, item) })
	fmt.Fprint(w, "added ", item)
}

func (a *signinApp) account(w http.ResponseWriter, r *http.Request, s *core.Session) {
	w.Header().Set("Cache-Control", "no-store") // after the sign-out, "back" must not show it
	fmt.Fprintf(w, "%s, cart %v, lifetime %s", s.Subject(), signinCart.GetOr(s, nil), s.Expiry().Mode)
}

// fail answers a request whose session could not be loaded or stored, or whose call of the manager failed.
func (a *signinApp) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, core.ErrEnded) && r.Header.Get("Sec-Fetch-Mode") == "navigate" { // another tab was faster
		w.Header().Del("Retry-After")
		http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
		return
	}
	if after := core.RetryAfter(err); after != "" {
		w.Header().Set("Retry-After", after)
	}
	http.Error(w, http.StatusText(core.HTTPStatus(err)), core.HTTPStatus(err))
}

// The way back: RequireLogin notes it, and the sign-in goes there.
func Example_signinNext() {
	app := newSigninApp(core.Config{})
	defer app.m.Close()
	site := serve(app.routes())
	defer site.Close()

	alice := site.browser()
	fmt.Println(alice.get("/account"))
	fmt.Println(alice.get("/sign-in?next=%2Faccount"))
	fmt.Println(alice.post("/sign-in?next=%2Faccount", "name=alice&password=x"))
	fmt.Println(alice.post("/sign-in?next=%2Faccount", "name=alice&password=looking-glass&remember=on"))
	fmt.Println(alice.get("/account"))
	fmt.Println(alice.post("/sign-in?next=https://evil.example", "name=alice&password=looking-glass"))
	for _, next := range []string{"/cart?page=2", "//evil.example", `/\evil.example`, "https://evil.example", "javascript:alert(1)"} {
		fmt.Println(next, "→", core.LocalPath(next, "/"))
	}
	// Output:
	// 303 to /sign-in?next=%2Faccount
	// 200 Sign in (then: /account)
	// 422 wrong name or password
	// 303 to /account
	// 200 alice, cart [], lifetime sliding
	// 303 to /account
	// /cart?page=2 → /cart?page=2
	// //evil.example → /
	// /\evil.example → /
	// https://evil.example → /
	// javascript:alert(1) → /
}

// signinPlant gives a browser the cookie of another one.
func signinPlant(b *browser, token string) {
	at, _ := url.Parse(b.site.URL)
	b.client.Jar.SetCookies(at, []*http.Cookie{{Name: "__Host-session", Value: token, Path: "/", Secure: true}})
}

// A token that somebody planted is worth nothing after the sign-in.
func Example_signinFixation() {
	app := newSigninApp(core.Config{})
	defer app.m.Close()
	site := serve(app.routes())
	defer site.Close()

	mallory, alice := site.browser(), site.browser()
	mallory.post("/cart", "item=a")
	signinPlant(alice, mallory.cookie("__Host-session")) // a sibling domain, or a shared computer
	alice.post("/cart", "item=b")                        // both use one anonymous session
	fmt.Println(alice.post("/sign-in", "name=alice&password=looking-glass"))
	fmt.Println(alice.get("/account"))
	fmt.Println(mallory.get("/account"))
	// Output:
	// 303 to /account
	// 200 alice, cart [a b], lifetime browser_close
	// 303 to /sign-in?next=%2Faccount
}

// Somebody else who signs in in the same browser sees nothing of the one before.
func Example_signinSomebodyElse() {
	app := newSigninApp(core.Config{})
	defer app.m.Close()
	site := serve(app.routes())
	defer site.Close()

	shared := site.browser()
	shared.post("/sign-in", "name=alice&password=looking-glass")
	shared.post("/cart", "item=hat")
	fmt.Println(shared.get("/account"))
	shared.post("/sign-in", "name=bob&password=build-it")
	fmt.Println(shared.get("/account"))
	// Output:
	// 200 alice, cart [hat], lifetime browser_close
	// 200 bob, cart [], lifetime browser_close
}

// Another tab signs out while a request is under way.
func Example_signinAnotherTab() {
	app := newSigninApp(core.Config{})
	defer app.m.Close()
	begun, goOn := make(chan bool), make(chan bool)
	slow := httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		begun <- true
		<-goOn
		_ = signinCart.Set(s, []string{"hat"})
		fmt.Fprint(w, "done")
	})
	mux := http.NewServeMux()
	mux.Handle("/", app.routes())
	mux.Handle("POST /slow", httpsession.New(app.m, httpsession.WithErrorHandler(app.fail))(slow))
	site := serve(mux)
	defer site.Close()

	alice := site.browser()
	for _, mode := range []string{"navigate", "cors"} {
		alice.post("/sign-in", "name=alice&password=looking-glass")
		answer := make(chan string)
		go func() { answer <- alice.do("POST", "/slow", "", "Sec-Fetch-Mode", mode) }()
		<-begun
		alice.post("/sign-out", "")
		goOn <- true
		fmt.Println(mode, strings.TrimSpace(<-answer))
	}
	// Output:
	// navigate 303 to /sign-in
	// cors 409 Conflict
}
