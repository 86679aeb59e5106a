// Command nethttp is the demo shop on net/http.
//
//	go run ./examples/nethttp
package main

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/examples/internal/shop"
	"github.com/coatcheck-go/coatcheck/httpsession"
)

func main() { shop.Main(run) }

// run gets the store of the flag -store: for example, what filestore.New("./sessions", filestore.Config{}) returned.
func run(addr string, store driver.Backend) (err error) {
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	server := &http.Server{Handler: routes(m), ReadHeaderTimeout: 10 * time.Second}
	return shop.Serve(addr, server.Serve, server.Shutdown)
}

type handler = func(w http.ResponseWriter, r *http.Request, s *core.Session)

func routes(m *core.Manager) http.Handler {
	mux := http.NewServeMux()
	session := func(pattern string, h handler) { mux.Handle(pattern, httpsession.Handle(h)) }
	session("GET /{$}", home)
	session("GET /cart", page("cart.html"))
	session("POST /cart/add", addToCart)
	session("POST /cart/set", setQuantity)
	session("GET /sign-in", page("signin.html"))
	session("POST /sign-in", signIn)
	session("POST /sign-out", signOut)

	a := account{m}
	session("GET /devices", signedIn(a.devices))
	session("POST /devices/revoke", signedIn(a.revoke))
	session("POST /devices/revoke-others", signedIn(a.revokeOthers))

	// No session is loaded for these, since they do not ask for one.
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /style.css", shop.ServeCSS)
	return http.NewCrossOriginProtection().Handler(httpsession.New(m, httpsession.WithErrorHandler(unsaved))(mux))
}

func home(w http.ResponseWriter, r *http.Request, s *core.Session) {
	// You may ignore an error of Update or Set. The session is then not saved, and the client gets an error page in
	// place of this response.
	_ = shop.Visits.Update(s, func(n int) int { return n + 1 })
	show(w, r, s, "home.html", shop.Page{})
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

func signIn(w http.ResponseWriter, r *http.Request, s *core.Session) {
	user, ok := shop.SignIn(r.PostFormValue("name"), r.PostFormValue("password"))
	if !ok {
		_ = s.AddFlash("error", "This name and password do not belong together.")
		http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
		return
	}
	_ = s.Login(user.Name) // new session, new token; it takes over the cart
	_ = shop.Agent.Set(s, shop.ShortAgent(r.UserAgent()))
	if r.PostFormValue("remember") != "" {
		_ = s.ExpireIn(30 * 24 * time.Hour)
	} else {
		_ = s.ExpireAtBrowserClose()
	}
	_ = s.AddFlash("success", "Welcome, "+user.Name+".")
	http.Redirect(w, r, "/", http.StatusSeeOther)
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

// page makes the handler of a page that shows no more than every page shows.
func page(name string) handler {
	return func(w http.ResponseWriter, r *http.Request, s *core.Session) { show(w, r, s, name, shop.Page{}) }
}

func show(w http.ResponseWriter, r *http.Request, s *core.Session, name string, page shop.Page) {
	page.Framework, page.User = "net/http", s.Subject()
	page.Visits, page.Cart = shop.Visits.GetOr(s, 0), shop.Cart.GetOr(s, nil)
	page.Flashes, _ = s.Flashes(r.Context()) // each message once; with the cookie store, perhaps in two tabs
	shop.Render(w, name, page)
}
