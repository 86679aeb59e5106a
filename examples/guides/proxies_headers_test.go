package guides_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
)

// proxiesRealAddr puts the client's address into r.RemoteAddr. It believes one proxy.
func proxiesRealAddr(proxy string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		if lines := r.Header.Values("X-Forwarded-For"); host == proxy && len(lines) > 0 {
			all := strings.Split(lines[len(lines)-1], ",")
			r.RemoteAddr = strings.TrimSpace(all[len(all)-1]) // the proxy has added this one; the client may have made up the others
		}
		next.ServeHTTP(w, r)
	})
}

// The network of a device is that of the client, and not of the proxy or of a made-up header.
func Example_proxiesAddress() {
	m := memory(core.Config{Devices: &core.Devices{}})
	defer m.Close()
	app := proxiesRealAddr("127.0.0.1", proxiesShop(m))
	front, end := proxiesFront(func(r *httputil.ProxyRequest) {
		r.Out.Header.Set("X-Forwarded-Proto", "https")
		r.Out.Header["X-Forwarded-For"] = append(r.In.Header["X-Forwarded-For"], "198.51.100.7") // the client's, as the proxy sees it
	}, app)
	defer end()

	alice := front.browser()
	alice.do("POST", "/sign-in", "name=alice", "X-Forwarded-For", "203.0.113.9")
	for s, err := range m.Sessions(context.Background(), "alice") {
		fmt.Println(s.Device().Network, err)
	}
	// Output:
	// 198.51.100.0/24 <nil>
}

// What caches are told.
func Example_proxiesCaches() {
	m := memory(core.Config{})
	defer m.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/logo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=3600")
	})
	mux.Handle("/read", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		fmt.Fprint(w, "visit ", visits.GetOr(s, 0))
	}))
	mux.Handle("/count", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		w.Header().Set("Cache-Control", "public, max-age=3600") // a mistake: the page depends on the session
		_ = visits.Update(s, func(n int) int { return n + 1 })
	}))
	site := serve(httpsession.New(m)(mux))
	defer site.Close()
	b := site.browser()
	for _, path := range []string{"/logo", "/count", "/read", "/count"} {
		res, err := b.client.Get(site.URL + path)
		if err != nil {
			fmt.Println(err)
			continue
		}
		res.Body.Close()
		fmt.Printf("%s: Set-Cookie %t, Vary %q, Cache-Control %q\n", path,
			len(res.Cookies()) > 0, res.Header.Get("Vary"), res.Header.Get("Cache-Control"))
	}
	// Output:
	// /logo: Set-Cookie false, Vary "", Cache-Control "public, max-age=3600"
	// /count: Set-Cookie true, Vary "Cookie", Cache-Control "no-store"
	// /read: Set-Cookie false, Vary "Cookie", Cache-Control ""
	// /count: Set-Cookie false, Vary "Cookie", Cache-Control "public, max-age=3600"
}

// A token of a store that keeps records has 43 bytes. With the cookie store the session itself is in the header.
func Example_proxiesHeaderSize() {
	const note core.Key[string] = "note"
	keys, _ := keyring.New(keyring.Generate("k1"))
	store, err := cookiestore.New(keys, cookiestore.NoRevocation(), cookiestore.Config{})
	if err != nil {
		panic(err)
	}
	for _, cfg := range []core.Config{{}, {Store: store, Logger: slog.New(slog.DiscardHandler)}} {
		m := memory(cfg)
		site := serve(httpsession.New(m)(httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
			_ = note.Set(s, strings.Repeat("x", int(r.ContentLength)))
		})))
		b := site.browser()
		for _, size := range []int{100, 2900, 3100} {
			answer := b.post("/", strings.Repeat("x", size))
			fmt.Println(size, "bytes:", answer, "- the cookie has", len("__Host-session=")+len(b.cookie("__Host-session")))
		}
		site.Close()
		m.Close()
	}
	// Output:
	// 100 bytes: 200 - the cookie has 58
	// 2900 bytes: 200 - the cookie has 58
	// 3100 bytes: 200 - the cookie has 58
	// 100 bytes: 200 - the cookie has 335
	// 2900 bytes: 200 - the cookie has 4070
	// 3100 bytes: 500 Internal Server Error - the cookie has 4070
}

// The load balancer asks each server whether it can reach the store.
func Example_proxiesReady() {
	parent, err := os.MkdirTemp("", "sessions")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(parent)
	dir := filepath.Join(parent, "sessions")
	store, err := filestore.New(dir, filestore.Config{})
	if err != nil {
		panic(err)
	}
	m := memory(core.Config{Store: store, Logger: slog.New(slog.DiscardHandler)})
	defer m.Close()
	mux := http.NewServeMux()
	mux.Handle("/readyz", httpsession.Ready(m)) // outside the session middleware
	mux.HandleFunc("/livez", func(http.ResponseWriter, *http.Request) {})
	site := serve(mux)
	defer site.Close()
	probe := site.browser()
	fmt.Println(probe.get("/readyz"), probe.get("/livez"))
	os.RemoveAll(dir) // the disk has gone
	fmt.Println(probe.get("/readyz"), probe.get("/livez"))
	// Output:
	// 200 ready 200
	// 503 unavailable 200
}

// HTTP/2 may split the cookies into several lines, and needs no setting.
func Example_proxiesHTTP2() {
	m := memory(core.Config{})
	defer m.Close()
	page := httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = visits.Update(s, func(n int) int { return n + 1 })
		fmt.Fprintln(w, r.Proto, "visit", visits.GetOr(s, 0))
	})
	server := httptest.NewUnstartedServer(httpsession.New(m)(page))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	b := site{server}.browser()
	fmt.Println(b.get("/"))
	fmt.Println(b.do("GET", "/", "", "Cookie", "theme=dark"))
	// Output:
	// 200 HTTP/2.0 visit 1
	// 200 HTTP/2.0 visit 2
}
