package guides_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync/atomic"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// proxiesShop signs users in, and says who is signed in.
func proxiesShop(m *core.Manager) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /sign-in", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = s.Login(r.FormValue("name"))
		fmt.Fprint(w, "signed in")
	}))
	mux.Handle("POST /sign-out", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = s.Logout()
	}))
	mux.Handle("GET /", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		if s.Subject() == "" {
			fmt.Fprint(w, "a visitor")
			return
		}
		fmt.Fprint(w, "hello ", s.Subject())
	}))
	return httpsession.New(m)(mux)
}

// proxiesFront is a proxy that ends TLS in front of servers, which listen with plain HTTP and get requests in turn.
func proxiesFront(rewrite func(*httputil.ProxyRequest), servers ...http.Handler) (site, func()) {
	var targets []*httptest.Server
	for _, h := range servers {
		targets = append(targets, httptest.NewServer(h))
	}
	var n atomic.Int64
	front := serve(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		to, _ := url.Parse(targets[int(n.Add(1)-1)%len(targets)].URL)
		r.SetURL(to)
		rewrite(r)
	}})
	return front, func() {
		front.Close()
		for _, t := range targets {
			t.Close()
		}
	}
}

// proxiesBrowser is a browser for which every host name leads to s.
func proxiesBrowser(s site, origin string) *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{site{&httptest.Server{URL: origin}}, &http.Client{Jar: jar, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: "example.com"},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
		},
	}}}
}

// proxiesAt goes to another host with the same cookies.
func proxiesAt(b *browser, origin string) *browser {
	return &browser{site{&httptest.Server{URL: origin}}, b.client}
}

// The proxy has the certificate, and the application listens with plain HTTP.
func Example_proxiesTLS() {
	for _, forwards := range []bool{true, false} {
		var log bytes.Buffer
		m := memory(core.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}) // nothing to set for the proxy
		front, end := proxiesFront(func(r *httputil.ProxyRequest) {
			r.Out.Host = r.In.Host // the host that the browser asked for
			if forwards {
				r.SetXForwarded() // X-Forwarded-Proto: https
			}
		}, proxiesShop(m))
		alice := proxiesBrowser(front, "https://shop.example.com")
		alice.post("/sign-in", "name=alice")
		alice.post("/sign-in", "name=alice")
		fmt.Println(alice.get("/"), "warnings:", strings.Count(log.String(), "a Secure cookie was sent over plain http"))
		end()
		m.Close()
	}
	// Output:
	// 200 hello alice warnings: 0
	// 200 hello alice warnings: 1
}

// What the settings make of the cookie's name.
func Example_proxiesNames() {
	store, _ := memstore.New(memstore.Config{})
	for _, cookie := range []core.Cookie{
		{},                      // production
		{Domain: "example.com"}, // sub-domains share the session
		{Path: "/shop"},         // a part of the site
		{Insecure: true},        // development without TLS, on a phone, say
		{Name: "__Host-shop", Domain: "example.com"},
	} {
		m, err := core.New(core.Config{Store: store, Cookie: cookie})
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(m.Config().Cookie.Name)
		m.Close()
	}
	// Output:
	// __Host-session
	// __Secure-session
	// __Secure-session
	// session
	// coatcheck: Config.Cookie.Domain: "example.com": a cookie named __Host-shop belongs to one host; leave Domain empty or use the prefix __Secure-
}

// One session for login.example.com and shop.example.com, and what a sibling can do to it.
func Example_proxiesSubdomains() {
	m := memory(core.Config{
		Cookie:    core.Cookie{Domain: "example.com"}, // the name is __Secure-session then
		Namespace: "__Host-session",                   // as it was before: lists and RevokeSubject still find the old sessions
		Logger:    slog.New(slog.DiscardHandler),
	})
	defer m.Close()
	mux := http.NewServeMux()
	mux.Handle("/", proxiesShop(m))
	mux.HandleFunc("evil.example.com/", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "__Secure-session", Value: r.FormValue("token"),
			Domain: "example.com", Path: r.URL.Path, Secure: true})
	})
	front := serve(mux)
	defer front.Close()

	alice := proxiesBrowser(front, "https://login.example.com")
	alice.post("/sign-in", "name=alice")
	alice = proxiesAt(alice, "https://shop.example.com")
	fmt.Println(alice.get("/account"))

	mallory := proxiesBrowser(front, "https://login.example.com")
	mallory.post("/sign-in", "name=mallory")
	token := "?token=" + mallory.cookie("__Secure-session")
	proxiesAt(alice, "https://evil.example.com").get("/account" + token)
	fmt.Println(alice.get("/account"), "with two live sessions")

	proxiesAt(alice, "https://evil.example.com").get("/" + token)
	fmt.Println(alice.get("/"), "in the attacker's session")
	// Output:
	// 200 hello alice
	// 200 a visitor with two live sessions
	// 200 hello mallory in the attacker's session
}

// Two applications on one host: each has a cookie of its own, and so users and sessions of its own.
func Example_proxiesTwoApps() {
	store, _ := memstore.New(memstore.Config{}) // one store is enough
	shop := memory(core.Config{Store: store, Cookie: core.Cookie{Name: "__Host-shop"}})
	defer shop.Close()
	staff := memory(core.Config{Store: store, Cookie: core.Cookie{Name: "__Host-staff"}})
	defer staff.Close()
	mux := http.NewServeMux()
	mux.Handle("/shop/", http.StripPrefix("/shop", proxiesShop(shop)))
	mux.Handle("/staff/", http.StripPrefix("/staff", proxiesShop(staff)))
	front := serve(mux)
	defer front.Close()

	b := front.browser()
	b.post("/shop/sign-in", "name=42")
	b.post("/staff/sign-in", "name=42") // another person
	n, err := shop.RevokeSubject(context.Background(), "42")
	fmt.Println(n, err)
	fmt.Println(b.get("/shop/"), "/", b.get("/staff/"))
	// Output:
	// 1 <nil>
	// 200 a visitor / 200 hello 42
}

// The same two applications with one cookie name and a store each: a browser has one cookie for all ports of a host.
func Example_proxiesSameName() {
	shop, staff := memory(core.Config{}), memory(core.Config{})
	defer shop.Close()
	defer staff.Close()
	first, second := serve(proxiesShop(shop)), serve(proxiesShop(staff)) // two ports
	defer first.Close()
	defer second.Close()

	b := first.browser()
	b.post("/sign-in", "name=alice")
	proxiesAt(b, second.URL).post("/sign-in", "name=alice")
	fmt.Println(b.get("/"))
	// Output:
	// 200 a visitor
}

// Two servers behind a load balancer that sends requests to them in turn.
func Example_proxiesServers() {
	dir, err := os.MkdirTemp("", "sessions")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	var servers []http.Handler
	for range 2 {
		store, err := filestore.New(dir, filestore.Config{}) // in production a database, or Redis
		if err != nil {
			panic(err)
		}
		m := memory(core.Config{Store: store})
		defer m.Close()
		servers = append(servers, proxiesShop(m))
	}
	front, end := proxiesFront(func(r *httputil.ProxyRequest) { r.SetXForwarded() }, servers...)
	defer end()

	alice := front.browser()
	fmt.Println(alice.post("/sign-in", "name=alice"), "on the first")
	fmt.Println(alice.get("/"), "on the second")
	alice.post("/sign-out", "")
	fmt.Println(alice.get("/"), "on the second")
	// Output:
	// 200 signed in on the first
	// 200 hello alice on the second
	// 200 a visitor on the second
}
