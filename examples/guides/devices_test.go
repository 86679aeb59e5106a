package guides_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// A job that began with a request has finished: its result goes into the session, beside what its tabs do meanwhile.
func Example_devicesJob() {
	const report, role = core.Key[string]("report"), core.Key[string]("role")
	ids := make(chan core.ID, 1)
	m := memory(core.Config{})
	defer m.Close()
	mux := devicesRoutes()
	mux.Handle("POST /report", httpsession.Handle(func(_ http.ResponseWriter, _ *http.Request, s *core.Session) { ids <- s.ID() }))
	mux.Handle("GET /{$}", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		messages, _ := s.Flashes(r.Context())
		_, _ = fmt.Fprintln(w, messages, report.GetOr(s, "none"), role.GetOr(s, "reader"))
	}))
	site := serve(httpsession.New(m)(mux))
	defer site.Close()
	alice := site.browser()
	alice.post("/sign-in", "name=alice")
	alice.post("/report", "")

	ctx, id := context.Background(), <-ids
	err := m.Change(ctx, id, func(s *core.Session) error { // a job keeps the ID of the session that asked for it
		_ = s.AddFlash("info", "Your report is ready.")
		return report.Set(s, "/reports/7")
	})
	if errors.Is(err, core.ErrEnded) {
		fmt.Println("signed out meanwhile: nothing was created; tell the user otherwise, or drop it")
	}

	n, err := m.ChangeSubject(ctx, "alice", func(s *core.Session) error { return role.Set(s, "editor") })
	fmt.Println(n, err)
	fmt.Println(alice.get("/"))
	alice.post("/sign-out", "")
	err = m.Change(ctx, id, func(s *core.Session) error { return report.Set(s, "/reports/8") })
	fmt.Println(errors.Is(err, core.ErrEnded))
	// Output:
	// 1 <nil>
	// 200 [{info Your report is ready.}] /reports/7 editor
	// true
}

// The page on which users see where they are signed in. The proxy says where the client is.
func Example_devicesList() {
	store, _ := memstore.New(memstore.Config{})
	browserName := func(agent string) string { name, _, _ := strings.Cut(agent, "/"); return name } // a library knows better
	m, err := core.New(core.Config{Store: store, Devices: &core.Devices{Label: browserName}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	mux := devicesRoutes()
	mux.Handle("GET /devices", httpsession.RequireLogin(httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		all := []*core.Session{s} // this one first
		for other, err := range m.Sessions(r.Context(), s.Subject()) {
			if err != nil {
				if after := core.RetryAfter(err); after != "" {
					w.Header().Set("Retry-After", after)
				}
				http.Error(w, "no list", core.HTTPStatus(err))
				return
			}
			if other.ID() != s.ID() {
				all = append(all, other)
			}
		}
		for _, one := range all {
			used := time.Since(one.LastUsed()).Round(time.Minute).String() + " ago"
			if one == s {
				used = "now" // LastUsed is that of an earlier request: this one's use is stored when it ends
			}
			d := one.Device() // and one.Created(), one.ExpiresAt(); one.ID() for the button that ends it
			_, _ = fmt.Fprintf(w, "%s, %v, by %s, used %s\n", d.Label, d.Network, d.Method, used)
		}
	})))
	site := serve(realAddr("127.0.0.1", httpsession.New(m)(mux)))
	defer site.Close()

	laptop, phone := site.browser(), site.browser()
	laptop.do("POST", "/sign-in", "name=alice", "User-Agent", "Firefox/150", "X-Forwarded-For", "198.51.100.9, 203.0.113.7")
	phone.do("POST", "/sign-in", "name=alice", "User-Agent", "Chrome/150", "X-Forwarded-For", "192.0.2.1")
	fmt.Println(laptop.get("/devices"))
	fmt.Println(phone.get("/devices"))
	// Output:
	// 200 Firefox, 203.0.113.0/24, by passkey, used now
	// Chrome, 192.0.2.0/24, by passkey, used 0s ago
	// 200 Chrome, 192.0.2.0/24, by passkey, used now
	// Firefox, 203.0.113.0/24, by passkey, used 0s ago
}

// With the request's own context, Revoke of its own session works like Logout. A test that plays another tab takes a
// context of its own: then the request meets the end of its session, as it would meet another tab's.
func Example_devicesRevokeOneself() {
	m := memory(core.Config{})
	defer m.Close()
	for _, otherTab := range []bool{false, true} {
		mux := devicesRoutes()
		mux.Handle("POST /end", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
			ctx := r.Context()
			if otherTab {
				ctx = context.Background()
			}
			err := m.Revoke(ctx, s.ID())
			_ = s.AddFlash("info", "Done.")
			_, _ = fmt.Fprintf(w, "%q, %v", s.Subject(), err)
		}))
		site := serve(httpsession.New(m)(mux))
		alice := site.browser()
		alice.post("/sign-in", "name=alice")
		fmt.Println(alice.post("/end", ""), "then", alice.get("/who"))
		site.Close()
	}
	// Output:
	// 200 "", <nil> then 401 Unauthorized
	// 409 Conflict then 401 Unauthorized
}

// realAddr is for net/http and chi behind one proxy, which adds the client's address at the end of X-Forwarded-For.
func realAddr(proxy string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		if lines := r.Header.Values("X-Forwarded-For"); host == proxy && len(lines) > 0 {
			all := strings.Split(lines[len(lines)-1], ",")
			r.RemoteAddr = strings.TrimSpace(all[len(all)-1]) // the last one is the proxy's word, the others are the client's
		}
		next.ServeHTTP(w, r)
	})
}

// After a change of the password all other devices are out, with the cookie store, too.
func Example_devicesPassword() {
	keys, err := keyring.New(keyring.Generate("k1"))
	if err != nil {
		fmt.Println(err)
		return
	}
	revoked, _ := memstore.New(memstore.Config{})
	store, err := cookiestore.New(keys, cookiestore.RevokeIn(revoked), cookiestore.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	m := memory(core.Config{Store: store})
	defer m.Close()
	mux := devicesRoutes()
	mux.Handle("POST /password", httpsession.RequireLogin(httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = s.RotateID()
		if s.Save(r.Context()) != nil {
			return // the error handler answers; the new password comes after this
		}
		_, err := m.RevokeSubject(r.Context(), s.Subject(), s.ID()) // errors.ErrUnsupported with NoRevocation
		if err != nil {
			_, _ = fmt.Fprint(w, "the other devices are still signed in")
		}
	})))
	site := serve(httpsession.New(m)(mux))
	defer site.Close()

	laptop, phone := site.browser(), site.browser()
	laptop.post("/sign-in", "name=alice")
	phone.post("/sign-in", "name=alice")
	fmt.Println(laptop.post("/password", "new=x"))
	fmt.Println("laptop:", laptop.get("/who"))
	fmt.Println("phone:", phone.get("/who"))
	// Output:
	// 200
	// laptop: 200 alice
	// phone: 401 Unauthorized
}

// devicesRoutes has the pages that each Example here needs.
func devicesRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("POST /sign-in", httpsession.Handle(func(_ http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = s.LoginBy(r.PostFormValue("name"), "passkey") // or Login, if the way of signing in does not matter
	}))
	mux.Handle("POST /sign-out", httpsession.Handle(func(_ http.ResponseWriter, _ *http.Request, s *core.Session) { _ = s.Logout() }))
	mux.Handle("GET /who", httpsession.RequireLogin(httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
		_, _ = fmt.Fprint(w, s.Subject())
	})))
	return mux
}
