package guides_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/sessiontest"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// complianceApp is an application with a clock that the Example moves.
func complianceApp(cfg core.Config) (*core.Manager, *sessiontest.Clock, site) {
	clock := sessiontest.NewClock()
	if cfg.Store == nil {
		cfg.Store, _ = memstore.New(memstore.Config{Now: clock.Now})
	}
	cfg.Now, cfg.LoginURL = clock.Now, "/sign-in"
	m := memory(cfg)
	return m, clock, serve(complianceRoutes(m))
}

func complianceRoutes(m *core.Manager) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /sign-in", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = s.Login(r.FormValue("name"))
	}))
	account := httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		fmt.Fprint(w, s.Subject())
	})
	mux.Handle("GET /account", httpsession.RequireLogin(account))
	mux.Handle("GET /mail", httpsession.RequireFresh(5*time.Minute)(account)) // ASVS 7.5.1: sign in again first
	mux.Handle("POST /rotate", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = s.RotateID()
	}))
	mux.Handle("POST /remember", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = s.ExpireIn(30 * 24 * time.Hour)
	}))
	mux.Handle("GET /left", httpsession.RequireLogin(httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		fmt.Fprint(w, s.TimeLeft().Round(time.Minute))
	})))
	return httpsession.New(m, httpsession.WithPassive(func(r *http.Request) bool {
		return r.URL.Path == "/left" // a script of the page asks each minute: no use of the session
	}))(mux)
}

// A day at most, no remembered cookie, three devices.
func Example_compliance() {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		panic(err)
	}
	m, err := core.New(core.Config{
		Store:                store,
		AAL:                  2,    // NIST SP 800-63B-4: an hour without activity, a day in all
		ExpireAtBrowserClose: true, // browsers do not keep the cookie
		MaxPerSubject:        3,    // a fourth sign-in of a user ends the first session
	})
	if err != nil {
		panic(err)
	}
	defer m.Close()
	site := serve(complianceRoutes(m))
	defer site.Close()
	var devices []*browser
	for range 4 {
		b := site.browser()
		b.post("/sign-in", "name=alice")
		devices = append(devices, b)
	}
	fmt.Println(m.Config().IdleTimeout, m.Config().Lifetime)
	fmt.Println(devices[0].get("/account"), "/", devices[3].get("/account"))
	// Output:
	// 1h0m0s 24h0m0s
	// 401 Unauthorized / 200 alice
}

// Fifteen minutes without activity, twelve hours in all.
func Example_complianceDeadlines() {
	m, clock, site := complianceApp(core.Config{IdleTimeout: 15 * time.Minute, Lifetime: 12 * time.Hour})
	defer m.Close()
	defer site.Close()
	alice := site.browser()
	alice.post("/sign-in", "name=alice")
	begin := clock.Now()
	for strings.HasPrefix(alice.get("/account"), "200") {
		alice.post("/rotate", "") // moves no deadline
		clock.Advance(10 * time.Minute)
	}
	fmt.Println("in use all the time:", clock.Now().Sub(begin))

	alice.post("/sign-in", "name=alice")
	clock.Advance(14 * time.Minute)
	fmt.Println("after 14 minutes:", alice.get("/account"))
	clock.Advance(15 * time.Minute)
	fmt.Println("after 15 more:", alice.get("/account"))

	alice.post("/sign-in", "name=alice")
	for range 7 {
		clock.Advance(10 * time.Minute)
		alice.get("/account")
	}
	fmt.Println("a sensitive page:", alice.get("/mail"))
	alice.post("/sign-in", "name=alice") // both deadlines begin anew
	fmt.Println("a sensitive page:", alice.get("/mail"))
	// Output:
	// in use all the time: 12h0m0s
	// after 14 minutes: 200 alice
	// after 15 more: 303 to /sign-in?next=%2Faccount
	// a sensitive page: 303 to /sign-in?next=%2Fmail
	// a sensitive page: 200 alice
}

// A use of the session moves its deadline once in a TouchInterval, a twentieth of IdleTimeout.
func Example_complianceExact() {
	for _, every := range []bool{false, true} {
		m, clock, site := complianceApp(core.Config{IdleTimeout: 15 * time.Minute, SaveEveryRequest: every})
		alice := site.browser()
		alice.post("/sign-in", "name=alice")
		clock.Advance(44 * time.Second)
		alice.get("/account")
		clock.Advance(15*time.Minute - 44*time.Second)
		fmt.Println("15 minutes after the sign-in, 14:16 after the last page:", alice.get("/account"))
		site.Close()
		m.Close()
	}
	// Output:
	// 15 minutes after the sign-in, 14:16 after the last page: 303 to /sign-in?next=%2Faccount
	// 15 minutes after the sign-in, 14:16 after the last page: 200 alice
}

// A page that asks how much time is left does not keep the session alive.
func Example_complianceWarning() {
	m, clock, site := complianceApp(core.Config{AAL: 3})
	defer m.Close()
	defer site.Close()
	alice := site.browser()
	alice.post("/sign-in", "name=alice")
	for range 3 {
		clock.Advance(5 * time.Minute)
		fmt.Println(alice.get("/left"))
	}
	// Output:
	// 200 10m0s
	// 200 5m0s
	// 303 to /sign-in?next=%2Fleft
}

// The levels of NIST SP 800-63B-4, and what they refuse.
func Example_complianceAAL() {
	for aal := range 4 {
		m := memory(core.Config{AAL: aal})
		fmt.Println(aal, m.Config().IdleTimeout, m.Config().Lifetime)
		m.Close()
	}
	store, _ := memstore.New(memstore.Config{})
	_, err := core.New(core.Config{Store: store, AAL: 2, IdleTimeout: 2 * time.Hour})
	fmt.Println(err)

	m, _, site := complianceApp(core.Config{AAL: 2, Logger: slog.New(slog.DiscardHandler)})
	defer m.Close()
	defer site.Close()
	alice := site.browser()
	alice.post("/sign-in", "name=alice")
	fmt.Println(alice.post("/remember", ""))
	// Output:
	// 0 336h0m0s 2160h0m0s
	// 1 336h0m0s 720h0m0s
	// 2 1h0m0s 24h0m0s
	// 3 15m0s 12h0m0s
	// coatcheck: Config.IdleTimeout is 2h0m0s, at most 1h0m0s with AAL 2
	// 500 Internal Server Error
}

// The level is new: sessions from before it end by its limits, too.
func Example_complianceAALLater() {
	before, clock, first := complianceApp(core.Config{})
	defer before.Close()
	after := memory(core.Config{Store: before.Config().Store, Now: clock.Now, LoginURL: "/sign-in", AAL: 3})
	second := serve(complianceRoutes(after))
	defer first.Close()
	defer second.Close()
	alice := first.browser()
	alice.post("/sign-in", "name=alice")
	clock.Advance(20 * time.Minute)
	fmt.Println(alice.get("/account"))
	alice.site = second
	clock.Advance(20 * time.Minute)
	fmt.Println(alice.get("/account"))
	// Output:
	// 200 alice
	// 303 to /sign-in?next=%2Faccount
}

// The cookie as NIST SP 800-63B-4, section 5.1.1, and ASVS V3.3 want it.
func Example_complianceCookie() {
	for _, cfg := range []core.Config{
		{AAL: 2},
		{AAL: 2, ExpireAtBrowserClose: true}, // a restart of the browser ends it there
	} {
		m, _, site := complianceApp(cfg)
		res, err := site.Client().PostForm(site.URL+"/sign-in", map[string][]string{"name": {"alice"}})
		if err != nil {
			panic(err)
		}
		res.Body.Close()
		name, rest, _ := strings.Cut(res.Header.Get("Set-Cookie"), "=")
		token, attributes, _ := strings.Cut(rest, ";")
		fmt.Println(name, len(token), attributes)
		site.Close()
		m.Close()
	}
	// Output:
	// __Host-session 43  Max-Age=3600; Path=/; HttpOnly; Secure; SameSite=Lax
	// __Host-session 43  Path=/; HttpOnly; Secure; SameSite=Lax
}

// Who signed in, and out: an audit log. Neither it nor the log has a token.
func Example_complianceLog() {
	var log, audit bytes.Buffer
	m, _, site := complianceApp(core.Config{
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Observer: func(ctx context.Context, e core.Event) {
			switch e.Kind {
			case core.EventLogin, core.EventDestroy, core.EventReused:
				fmt.Fprintln(&audit, e.Kind, e.Subject, e.Outcome, len(e.ID.String()))
			}
		},
	})
	defer m.Close()
	defer site.Close()
	alice := site.browser()
	alice.post("/sign-in", "name=alice")
	token := alice.cookie("__Host-session")
	n, err := m.RevokeSubject(context.Background(), "alice") // ASVS 7.4.2: the account is disabled
	fmt.Println(n, err, alice.get("/account"))
	fmt.Print(audit.String())
	fmt.Println(strings.Contains(log.String()+audit.String(), token), strings.Contains(log.String()+audit.String(), token[22:]))
	// Output:
	// 1 <nil> 303 to /sign-in?next=%2Faccount
	// login alice done 64
	// destroy alice done 64
	// false false
}

// A copy of what the sessions of a user hold, and its erasure: GDPR, Articles 15 and 17.
func Example_complianceGDPR() {
	ctx := context.Background()
	m, _, site := complianceApp(core.Config{})
	defer m.Close()
	defer site.Close()
	alice := site.browser()
	alice.post("/sign-in", "name=alice")
	all, err := m.ExportSubject(ctx, "alice")
	fmt.Println(len(all), err)
	n, err := m.EraseSubject(ctx, "alice")
	fmt.Println(n, err, alice.get("/account"))
	// Output:
	// 1 <nil>
	// 1 <nil> 303 to /sign-in?next=%2Faccount
}
