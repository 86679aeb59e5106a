package guides_test

import (
	"fmt"
	"net/http"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// signinHalf says who has given the password, and not yet the code.
type signinHalf struct {
	User string
	At   time.Time
}

const signinWaiting core.Key[signinHalf] = "waiting for the code"

func signinPassword(w http.ResponseWriter, r *http.Request, s *core.Session) {
	name := r.PostFormValue("name")
	if r.PostFormValue("password") != "looking-glass" {
		http.Error(w, "wrong name or password", http.StatusUnprocessableEntity)
		return
	}
	_ = signinWaiting.Set(s, signinHalf{User: name, At: time.Now()})
	_ = s.RotateID() // a token that somebody planted does not get as far as this
	http.Redirect(w, r, "/sign-in/code", http.StatusSeeOther)
}

func signinCode(w http.ResponseWriter, r *http.Request, s *core.Session) {
	half, err := signinWaiting.Get(s)
	if err != nil || time.Since(half.At) > 5*time.Minute {
		http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
		return
	}
	if r.PostFormValue("code") != "123456" { // count the failures with the user, in your database
		http.Error(w, "wrong code", http.StatusUnprocessableEntity)
		return
	}
	_ = s.LoginBy(half.User, "pwd+otp")
	_ = signinWaiting.Delete(s) // Login has taken it over
	http.Redirect(w, r, "/account", http.StatusSeeOther)
}

// Two factors: Login comes after both.
func Example_signinTwoFactors() {
	m := memory(core.Config{LoginURL: "/sign-in"})
	defer m.Close()
	mux := http.NewServeMux()
	mux.Handle("POST /sign-in", httpsession.Handle(signinPassword))
	mux.Handle("POST /sign-in/code", httpsession.Handle(signinCode))
	mux.Handle("GET /account", httpsession.RequireLogin(httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		fmt.Fprint(w, s.Subject(), " by ", s.Device().Method, ", waiting: ", signinWaiting.GetOr(s, signinHalf{}).User != "")
	})))
	mux.Handle("GET /hello", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = s.AddFlash("info", "hello")
	}))
	site := serve(httpsession.New(m)(mux))
	defer site.Close()

	alice, mallory := site.browser(), site.browser()
	mallory.get("/hello")
	signinPlant(alice, mallory.cookie("__Host-session"))
	fmt.Println(alice.post("/sign-in/code", "code=123456"))
	fmt.Println(alice.post("/sign-in", "name=alice&password=looking-glass"))
	fmt.Println(alice.get("/account"))
	fmt.Println(mallory.post("/sign-in/code", "code=123456"))
	fmt.Println(alice.post("/sign-in/code", "code=000000"))
	fmt.Println(alice.post("/sign-in/code", "code=123456"))
	fmt.Println(alice.get("/account"))
	// Output:
	// 303 to /sign-in
	// 303 to /sign-in/code
	// 303 to /sign-in?next=%2Faccount
	// 303 to /sign-in
	// 422 wrong code
	// 303 to /account
	// 200 alice by pwd+otp, waiting: false
}

const signinRole core.Key[string] = "role"

// A role in the session: other requests and devices of the user get it from outside.
func Example_signinRoles() {
	m := memory(core.Config{})
	defer m.Close()
	mux := http.NewServeMux()
	mux.Handle("POST /sign-in", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = s.Login(r.PostFormValue("name"))
	}))
	mux.Handle("POST /promote", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		n, err := m.ChangeSubject(r.Context(), r.PostFormValue("user"), func(s *core.Session) error {
			return signinRole.Set(s, "editor")
		})
		fmt.Fprint(w, n, " sessions, ", err)
	}))
	mux.Handle("POST /edit", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = signinRole.Set(s, "editor") // the request itself raises what the session may do
		_ = s.RotateID()
	}))
	mux.Handle("GET /role", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		fmt.Fprint(w, s.Subject(), ": ", signinRole.GetOr(s, "reader"))
	}))
	site := serve(httpsession.New(m)(mux))
	defer site.Close()

	laptop, phone, bob := site.browser(), site.browser(), site.browser()
	laptop.post("/sign-in", "name=alice")
	phone.post("/sign-in", "name=alice")
	bob.post("/sign-in", "name=bob")
	fmt.Println(bob.post("/promote", "user=alice"))
	fmt.Println(laptop.get("/role"), "and", phone.get("/role"))

	before := bob.cookie("__Host-session")
	bob.post("/edit", "")
	fmt.Println(bob.get("/role"), "with another token:", bob.cookie("__Host-session") != before)
	// Output:
	// 200 2 sessions, <nil>
	// 200 alice: editor and 200 alice: editor
	// 200 bob: editor with another token: true
}

// Two managers are two sessions in one browser: staff and customers.
func Example_signinTwoAtOnce() {
	store, _ := memstore.New(memstore.Config{})
	customers := memory(core.Config{Store: store})
	staff := memory(core.Config{Store: store, Cookie: core.Cookie{Name: "__Host-staff"}})
	defer customers.Close() // it closes the store of both
	signIn := func(w http.ResponseWriter, r *http.Request, s *core.Session) { _ = s.Login(r.PostFormValue("name")) }
	who := func(w http.ResponseWriter, r *http.Request, s *core.Session) { fmt.Fprint(w, s.Subject()) }

	mux := http.NewServeMux()
	for prefix, m := range map[string]*core.Manager{"/shop": customers, "/staff": staff} {
		mux.Handle("POST "+prefix+"/sign-in", httpsession.New(m)(httpsession.Handle(signIn)))
		mux.Handle("GET "+prefix+"/who", httpsession.New(m)(httpsession.Handle(who)))
	}
	site := serve(mux)
	defer site.Close()

	b := site.browser()
	b.post("/shop/sign-in", "name=alice")
	b.post("/staff/sign-in", "name=42")
	fmt.Println(b.get("/shop/who"), "and", b.get("/staff/who"))
	// Output:
	// 200 alice and 200 42
}
