// Command nethttp is the demo shop on net/http.
//
//	go run ./examples/nethttp
package main

import (
	"errors"
	"io"
	"log"
	"net/http"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/examples/internal/shop"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/sessionadmin"
)

func main() { shop.Main(run) }

// run gets the store of the flag -store: for example, what filestore.New("./sessions", filestore.Config{}) returned.
func run(f shop.Flags) (err error) {
	stats := sessionadmin.NewStats()
	m, err := core.New(core.Config{
		Store: f.Store, Cookie: f.Cookie, LoginURL: "/sign-in", Devices: &shop.Devices, Observer: stats.Observe,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	admin, err := shop.Admin(m, stats)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: routes(m, admin), ReadHeaderTimeout: 10 * time.Second}
	server.RegisterOnShutdown(m.CloseStreams)
	return shop.Serve(f.Addr, server.Serve, server.Shutdown)
}

const framework = "net/http"

type handler = func(w http.ResponseWriter, r *http.Request, s *core.Session)

func routes(m *core.Manager, admin http.Handler) http.Handler {
	mux := http.NewServeMux()
	session := func(pattern string, h handler) { mux.Handle(pattern, httpsession.Handle(h)) }
	session("GET /{$}", home)
	session("GET /cart", page("cart.html"))
	session("POST /cart/add", addToCart)
	session("POST /cart/set", setQuantity)
	session("GET /sign-in", signInPage)
	session("POST /sign-in", signIn)
	session("POST /sign-out", signOut)

	a := account{m}
	mine := func(pattern string, h handler) { mux.Handle(pattern, httpsession.RequireLogin(httpsession.Handle(h))) }
	mine("GET /devices", a.devices)
	mine("POST /devices/revoke", a.revoke)
	mine("POST /devices/revoke-others", a.revokeOthers)
	mine("GET /live", page("live.html"))
	mine("GET "+liveAt, socket)
	mux.Handle("/admin/", httpsession.RequireLogin(admin))

	// No session is loaded for these, since they do not ask for one.
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /style.css", shop.ServeCSS)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { problem(w, http.StatusNotFound) })
	return http.NewCrossOriginProtection().Handler(httpsession.New(m, httpsession.WithErrorHandler(fail))(mux))
}

func home(w http.ResponseWriter, r *http.Request, s *core.Session) {
	// You may ignore an error of Update or Set. The session is then not saved, and the client gets an error page in
	// place of this response.
	_ = shop.Visits.Update(s, func(n int) int { return n + 1 })
	shop.Visitor(s)
	show(w, r, s, http.StatusOK, "home.html", shop.Page{})
}

func addToCart(w http.ResponseWriter, r *http.Request, s *core.Session) {
	product, ok := shop.Find(r.PostFormValue("sku"))
	if !ok {
		problem(w, http.StatusNotFound)
		return
	}
	// If two tabs add at once, both count: Update runs again on top of what the other tab stored.
	_ = shop.Cart.Update(s, func(items shop.Items) shop.Items { return items.Add(product) })
	_ = s.AddFlash("success", product.Name+" is in your cart.")
	shop.Visitor(s)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func setQuantity(w http.ResponseWriter, r *http.Request, s *core.Session) {
	sku, n := r.PostFormValue("sku"), r.PostFormValue("quantity")
	_ = shop.Cart.Update(s, func(items shop.Items) shop.Items { return items.Set(sku, n) })
	shop.Visitor(s)
	http.Redirect(w, r, "/cart", http.StatusSeeOther)
}

func signInPage(w http.ResponseWriter, r *http.Request, s *core.Session) {
	show(w, r, s, http.StatusOK, "signin.html", shop.Page{Next: core.LocalPath(r.URL.Query().Get("next"), "")})
}

// signIn goes back to the page that RequireLogin was asked for. The way back comes from the client, so LocalPath looks at it.
func signIn(w http.ResponseWriter, r *http.Request, s *core.Session) {
	name, next := r.PostFormValue("name"), core.LocalPath(r.URL.Query().Get("next"), "")
	user, ok := shop.SignIn(name, r.PostFormValue("password"))
	if !ok {
		show(w, r, s, http.StatusUnprocessableEntity, "signin.html", shop.Page{Name: name, Next: next, Flashes: shop.WrongPassword})
		return
	}
	_ = s.LoginBy(user.Name, "password") // new session, new token; it takes over the cart
	if r.PostFormValue("remember") != "" {
		_ = s.ExpireIn(30 * 24 * time.Hour)
	} else {
		_ = s.ExpireAtBrowserClose()
	}
	_ = s.AddFlash("success", "Welcome, "+user.Name+".")
	http.Redirect(w, r, core.LocalPath(next, "/"), http.StatusSeeOther)
}

func signOut(w http.ResponseWriter, r *http.Request, s *core.Session) {
	_ = s.Logout()
	_ = s.AddFlash("info", "You are signed out.") // begins a new, anonymous session
	shop.Visitor(s)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// page makes the handler of a page that shows no more than every page shows.
func page(name string) handler {
	return func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		show(w, r, s, http.StatusOK, name, shop.Page{})
	}
}

func show(w http.ResponseWriter, r *http.Request, s *core.Session, status int, name string, page shop.Page) {
	page.Framework, page.Title, page.User, page.Live = framework, shop.Titles[name], s.Subject(), liveAt
	page.Visits, page.Cart = shop.Visits.GetOr(s, 0), shop.Cart.GetOr(s, nil)
	waiting, _ := s.Flashes(r.Context()) // each message once; with the cookie store, perhaps in two tabs
	page.Flashes = append(waiting, page.Flashes...)
	shop.Render(w, status, name, page)
}

// fail answers when the session could not be loaded or stored, and after other errors.
func fail(w http.ResponseWriter, _ *http.Request, err error) {
	log.Print(err)
	if after := core.RetryAfter(err); after != "" {
		w.Header().Set("Retry-After", after)
	}
	problem(w, core.HTTPStatus(err))
}

func problem(w http.ResponseWriter, status int) {
	shop.Render(w, status, "error.html", shop.ErrorPage(framework, status))
}
