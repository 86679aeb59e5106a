package sessionadmin_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/sessionadmin"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// An application with the pages at /admin/sessions, for the user root. A program signs alice out everywhere.
func Example() {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	stats := sessionadmin.NewStats()
	m, err := core.New(core.Config{Store: store, Observer: stats.Observe})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	admin, err := sessionadmin.New(sessionadmin.Config{
		Manager: m, Stats: stats, Prefix: "/admin/sessions",
		Authorize: func(r *http.Request) (who string, ok bool) {
			s, err := httpsession.Get(r)
			return s.Subject(), err == nil && s.Subject() == "root"
		},
		Logger: slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime})),
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/admin/sessions/", admin)
	mux.Handle("POST /sign-in", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = s.Login(r.FormValue("user")) // after the password was checked
	}))
	app := httpsession.New(m)(mux)

	send(app, "POST", "/sign-in?user=alice", nil)
	root := send(app, "POST", "/sign-in?user=root", nil)
	send(app, "POST", "/admin/sessions/revoke?user=alice", root.Cookies())
	fmt.Println("sign-ins:", stats.Report().Total.Logins, "ended:", stats.Report().Total.Ends)
	// Output:
	// level=INFO msg="sessionadmin: action" who=root action=revoke_user outcome=done ended=1 user=alice
	// sign-ins: 2 ended: 1
}

// send is a client.
func send(app http.Handler, method, path string, cookies []*http.Cookie) *http.Response {
	r := httptest.NewRequestWithContext(context.Background(), method, path, nil)
	r.Header.Set("Accept", "application/json")
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	return w.Result()
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}
