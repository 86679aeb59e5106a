package guides_test

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/sessiontest"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// passwordForm comes before changePassword, with less time: nobody fills in a form that is refused.
func (a *signinApp) passwordForm(w http.ResponseWriter, r *http.Request, s *core.Session) {
	fmt.Fprint(w, "a new password for ", s.Subject())
}

func (a *signinApp) changePassword(w http.ResponseWriter, r *http.Request, s *core.Session) {
	_ = s.RotateID() // a new token for this session
	if s.Save(r.Context()) != nil {
		return // the error handler answers, and nothing has changed
	}
	a.passwords.Store(s.Subject(), r.PostFormValue("password"))
	_, err := a.m.RevokeSubject(r.Context(), s.Subject(), s.ID()) // ends the user's other sessions
	if err != nil {
		fmt.Fprint(w, "Your password is new. Other devices may still be signed in. [Sign out everywhere else]")
		return
	}
	http.Redirect(w, r, "/account", http.StatusSeeOther)
}

// endOthers is the button "sign out everywhere else".
func (a *signinApp) endOthers(w http.ResponseWriter, r *http.Request, s *core.Session) {
	if _, err := a.m.RevokeSubject(r.Context(), s.Subject(), s.ID()); err != nil {
		a.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/account", http.StatusSeeOther)
}

func (a *signinApp) endDevice(w http.ResponseWriter, r *http.Request, s *core.Session) {
	id, _ := core.ParseID(r.PostFormValue("id")) // of junk, the zero ID, which names no session
	err := a.m.RevokeOwn(r.Context(), s.Subject(), id)
	if err != nil && !errors.Is(err, core.ErrNotFound) {
		a.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/account", http.StatusSeeOther)
}

// Step-up: the password is asked again, and the choice of "remember me" stays.
func Example_signinFresh() {
	clock := sessiontest.NewClock()
	store, _ := memstore.New(memstore.Config{Now: clock.Now})
	app := newSigninApp(core.Config{Store: store, Now: clock.Now})
	defer app.m.Close()
	site := serve(app.routes())
	defer site.Close()

	alice := site.browser()
	alice.post("/sign-in", "name=alice&password=looking-glass&remember=on")
	clock.Advance(6 * time.Minute)
	fmt.Println(alice.get("/password"))
	fmt.Println(alice.get("/sign-in?next=%2Fpassword"))
	fmt.Println(alice.post("/sign-in?next=%2Fpassword", "name=alice&password=looking-glass"))
	fmt.Println(alice.get("/password"))
	clock.Advance(6 * time.Minute) // in which the form is filled in
	fmt.Println(alice.post("/password", "password=new"))
	clock.Advance(6 * time.Minute)
	fmt.Println(alice.do("POST", "/password", "password=newer", "Referer", site.URL+"/password"))
	fmt.Println(alice.get("/account"))
	// Output:
	// 303 to /sign-in?next=%2Fpassword
	// 200 alice, please enter your password again (then: /password)
	// 303 to /password
	// 200 a new password for alice
	// 303 to /account
	// 303 to /sign-in?next=%2Fpassword
	// 200 alice, cart [], lifetime sliding
}

// A changed password signs out the user's other devices, and makes a stolen token of this one worthless.
func Example_signinEverywhere() {
	app := newSigninApp(core.Config{})
	defer app.m.Close()
	site := serve(app.routes())
	defer site.Close()

	laptop, phone, bob, thief := site.browser(), site.browser(), site.browser(), site.browser()
	laptop.post("/sign-in", "name=alice&password=looking-glass")
	phone.post("/sign-in", "name=alice&password=looking-glass")
	bob.post("/sign-in", "name=bob&password=build-it")
	signinPlant(thief, laptop.cookie("__Host-session"))

	laptop.post("/password", "password=new")
	for _, b := range []*browser{laptop, phone, thief, bob} {
		fmt.Println(b.get("/account"))
	}
	// Output:
	// 200 alice, cart [], lifetime browser_close
	// 303 to /sign-in?next=%2Faccount
	// 303 to /sign-in?next=%2Faccount
	// 200 bob, cart [], lifetime browser_close
}

// The other devices cannot be ended just now: the password is new, a stolen token is dead, and the user may try again.
func Example_signinListFails() {
	m := sessiontest.New(sessiontest.ExampleTB{}, core.Config{LoginURL: "/sign-in"})
	defer m.Close()
	app := signinUsers(m.Manager)
	site := serve(app.routes())
	defer site.Close()

	laptop, phone, thief := site.browser(), site.browser(), site.browser()
	laptop.post("/sign-in", "name=alice&password=looking-glass")
	phone.post("/sign-in", "name=alice&password=looking-glass")
	signinPlant(thief, laptop.cookie("__Host-session"))

	m.Fail("BySubject")
	fmt.Println(laptop.post("/password", "password=new"))
	fmt.Println("laptop:", laptop.get("/account"))
	fmt.Println("thief:", thief.get("/account"))
	fmt.Println("phone:", phone.get("/account"))
	m.Heal()
	fmt.Println(laptop.post("/devices/end-others", ""))
	fmt.Println("phone:", phone.get("/account"))
	fmt.Println(app.fits("alice", "new"))
	// Output:
	// 200 Your password is new. Other devices may still be signed in. [Sign out everywhere else]
	// laptop: 200 alice, cart [], lifetime browser_close
	// thief: 303 to /sign-in?next=%2Faccount
	// phone: 200 alice, cart [], lifetime browser_close
	// 303 to /account
	// phone: 303 to /sign-in?next=%2Faccount
	// true
}

// The session cannot be stored just now: nothing has changed, and the client may try again.
func Example_signinSaveFails() {
	m := sessiontest.New(sessiontest.ExampleTB{}, core.Config{LoginURL: "/sign-in"})
	defer m.Close()
	app := signinUsers(m.Manager)

	alice := m.SignedIn("alice")
	m.Fail("Update")
	res := alice.Post(app.routes(), "/password", "password", "new")
	fmt.Println(res.Status, "retry after", res.Header.Get("Retry-After"))
	m.Heal()
	alice.WantSignedIn("alice")
	fmt.Println(app.fits("alice", "new"))
	// Output:
	// 503 Service Unavailable retry after 5
	// false
}
