package guides_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// A page that writes leaves a record for each request without a session. When the store is full, nobody can sign in
// until they expire; who has a session keeps it.
func Example_floodOfVisitors() {
	clock := storetest.NewClock()
	store, err := memstore.New(memstore.Config{MaxRecords: 500, Now: clock.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	m := memory(core.Config{Store: store, Now: clock.Now, Logger: slog.New(slog.DiscardHandler)})
	defer m.Close()
	site := serve(httpsession.New(m)(floodPages()))
	defer site.Close()

	alice := site.browser()
	alice.post("/sign-in", "name=alice")
	for range 600 {
		site.browser().get("/read")
	}
	fmt.Println("sessions after 600 requests that read:", store.Len())
	for range 300 {
		site.browser().get("/write")
		site.browser().do("GET", "/write", "", "Cookie", "__Host-session="+strings.Repeat("A", 43)) // made up
	}
	fmt.Println("sessions after 600 requests that write:", store.Len())
	fmt.Println("bob signs in:", site.browser().post("/sign-in", "name=bob"))
	fmt.Println("alice:", alice.get("/read"), "|", alice.get("/write"), "|", alice.post("/sign-in", "name=alice"))

	clock.Advance(time.Hour + time.Minute)
	_, err = store.Sweep(context.Background(), 1000)
	fmt.Println("an hour later bob signs in:", site.browser().post("/sign-in", "name=bob"), err)
	fmt.Println("alice:", alice.get("/read"), "|", alice.post("/sign-out", ""))
	// Output:
	// sessions after 600 requests that read: 1
	// sessions after 600 requests that write: 500
	// bob signs in: 503 Service Unavailable
	// alice: 200 hello "alice" | 200 hello "alice" | 503 Service Unavailable
	// an hour later bob signs in: 200 <nil>
	// alice: 200 hello "alice" | 200
}

func floodPages() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /read", httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
		_, _ = fmt.Fprintf(w, "hello %q", s.Subject())
	}))
	mux.Handle("GET /write", httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
		_ = visits.Update(s, func(n int) int { return n + 1 })
		if s.Subject() == "" {
			_ = s.ExpireIn(time.Hour)
		}
		_, _ = fmt.Fprintf(w, "hello %q", s.Subject())
	}))
	mux.Handle("POST /sign-in", httpsession.Handle(func(_ http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = s.Login(r.PostFormValue("name"))
	}))
	mux.Handle("POST /sign-out", httpsession.Handle(func(_ http.ResponseWriter, _ *http.Request, s *core.Session) {
		_ = s.Logout()
	}))
	return mux
}
