// Command chi is the demo shop on chi.
//
//	go run ./examples/chi
package main

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/examples/internal/shop"
	"github.com/coatcheck-go/coatcheck/httpsession"
)

// next is where the visitor wanted to go before RequireLogin asked for a sign-in.
const next core.Key[string] = "next"

func main() { shop.Main(run) }

// run gets the store of the flag -store: for example, what filestore.New("./sessions", filestore.Config{}) returned.
func run(addr string, store driver.Backend) (err error) {
	m, err := core.New(core.Config{Store: store, LoginURL: "/sign-in"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	server := &http.Server{Handler: routes(m), ReadHeaderTimeout: 10 * time.Second}
	return shop.Serve(addr, server.Serve, server.Shutdown)
}

func routes(m *core.Manager) http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.Recoverer, http.NewCrossOriginProtection().Handler)
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	r.Get("/style.css", shop.ServeCSS)

	r.Group(func(r chi.Router) {
		r.Use(httpsession.New(m, httpsession.WithErrorHandler(unsaved)))
		r.Get("/", httpsession.Handle(home))
		r.Get("/cart", httpsession.Handle(cart))
		r.Post("/cart/add", httpsession.Handle(addToCart))
		r.Post("/cart/set", httpsession.Handle(setQuantity))
		r.Get("/sign-in", httpsession.Handle(signInPage))
		r.Post("/sign-in", httpsession.Handle(signIn))
		r.Post("/sign-out", httpsession.Handle(signOut))

		r.Route("/devices", func(r chi.Router) {
			r.Use(httpsession.RequireLogin)
			a := account{m}
			r.Get("/", httpsession.Handle(a.devices))
			r.Post("/revoke", httpsession.Handle(a.revoke))
			r.Post("/revoke-others", httpsession.Handle(a.revokeOthers))
		})
	})
	return r
}

func home(w http.ResponseWriter, r *http.Request, s *core.Session) {
	// You may ignore an error of Update or Set. The session is then not saved, and the client gets an error page in
	// place of this response.
	_ = shop.Visits.Update(s, func(n int) int { return n + 1 })
	show(w, r, s, "home.html", shop.Page{})
}

func cart(w http.ResponseWriter, r *http.Request, s *core.Session) {
	show(w, r, s, "cart.html", shop.Page{})
}

func addToCart(w http.ResponseWriter, r *http.Request, s *core.Session) {
	product, ok := shop.Find(r.PostFormValue("sku"))
	if !ok {
		http.Error(w, "We do not sell this.", http.StatusNotFound)
		return
	}
	// If two tabs add at once, both count: Update runs again on top of what the other tab stored.
	_ = shop.Cart.Update(s, func(items shop.Items) shop.Items { return items.Add(product) })
	_ = s.AddFlash("success", product.Name+" is in your cart.")
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func setQuantity(w http.ResponseWriter, r *http.Request, s *core.Session) {
	sku, n := r.PostFormValue("sku"), r.PostFormValue("quantity")
	_ = shop.Cart.Update(s, func(items shop.Items) shop.Items { return items.Set(sku, n) })
	http.Redirect(w, r, "/cart", http.StatusSeeOther)
}

// signInPage keeps the way back, which anybody can put into a link: LocalPath refuses other sites.
func signInPage(w http.ResponseWriter, r *http.Request, s *core.Session) {
	if to := core.LocalPath(r.FormValue("next"), ""); to != "" {
		_ = next.Set(s, to)
	} else {
		_ = next.Delete(s)
	}
	show(w, r, s, "signin.html", shop.Page{})
}

func signIn(w http.ResponseWriter, r *http.Request, s *core.Session) {
	user, ok := shop.SignIn(r.PostFormValue("name"), r.PostFormValue("password"))
	if !ok {
		_ = s.AddFlash("error", "This name and password do not belong together.")
		http.Redirect(w, r, "/sign-in?next="+url.QueryEscape(next.GetOr(s, "")), http.StatusSeeOther)
		return
	}
	_ = s.Login(user.Name) // new session, new token; it takes over the cart and the way back
	_ = shop.Agent.Set(s, shop.ShortAgent(r.UserAgent()))
	if r.PostFormValue("remember") != "" {
		_ = s.ExpireIn(30 * 24 * time.Hour)
	} else {
		_ = s.ExpireAtBrowserClose()
	}
	_ = s.AddFlash("success", "Welcome, "+user.Name+".")
	to := next.GetOr(s, "/")
	_ = next.Delete(s)
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func signOut(w http.ResponseWriter, r *http.Request, s *core.Session) {
	_ = s.Logout()
	_ = s.AddFlash("info", "You are signed out.") // begins a new, anonymous session
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// unsaved answers when the session could not be loaded or stored.
func unsaved(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, core.ErrEnded) {
		// Another tab has just signed in or out. The browser has the new cookie, or will get it. The cart page only
		// reads its session, so it is never refused.
		http.Redirect(w, r, "/cart", http.StatusSeeOther)
		return
	}
	fail(w, err)
}

func show(w http.ResponseWriter, r *http.Request, s *core.Session, name string, page shop.Page) {
	page.Framework, page.User = "chi", s.Subject()
	page.Visits, page.Cart = shop.Visits.GetOr(s, 0), shop.Cart.GetOr(s, nil)
	page.Flashes, _ = s.Flashes(r.Context()) // each message once; with the cookie store, perhaps in two tabs
	shop.Render(w, name, page)
}
