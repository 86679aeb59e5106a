package guides_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// Four sign-ins of alice's, with each of three limits.
func Example_devicesLimits() {
	store, _ := memstore.New(memstore.Config{})
	plans := map[string]int{"alice": 2}

	oldest := core.Config{Store: store, MaxPerSubject: 3}                           // a fourth sign-in ends the first session
	refuse := core.Config{Store: store, MaxPerSubject: 3, WhenFull: core.RefuseNew} // or is refused
	plan := core.Config{Store: store, MaxPerSubjectFor: func(_ context.Context, user string) int { return plans[user] }}

	for name, cfg := range []core.Config{oldest, refuse, plan} {
		cfg.Namespace = fmt.Sprint("shop", name)
		m, err := core.New(cfg)
		if err != nil {
			fmt.Println(err)
			return
		}
		site := serve(httpsession.New(m)(devicesRoutes()))
		for range 4 {
			fmt.Print(site.browser().post("/sign-in", "name=alice"), "; ")
		}
		n, err := m.Count(context.Background())
		fmt.Println(n, err)
		site.Close()
		defer m.Close() // they share the store: none is closed before all have ended
	}
	// Output:
	// 200; 200; 200; 200; 3 <nil>
	// 200; 200; 200; 403 Forbidden; 3 <nil>
	// 200; 200; 200; 200; 2 <nil>
}

// devicesProof says that the password was right: the page on which a user ends another device asks for no second one.
type devicesProof struct {
	User string
	At   time.Time
}

const proved core.Key[devicesProof] = "proved"

// devicesSignIn shows a page of its own when the user has too many sessions.
func devicesSignIn(m *core.Manager) http.HandlerFunc {
	return httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		user, ctx := r.PostFormValue("name"), r.Context() // the password is right

		_ = proved.Set(s, devicesProof{user, time.Now()})
		_ = s.Save(ctx)
		_ = s.Login(user)
		_ = proved.Delete(s)
		err := s.Save(ctx)
		switch {
		case errors.Is(err, core.ErrTooManySessions):
			// A status of 400 or more. Until the request ends, s.Subject() is that of the refused sign-in; stored is what
			// was there before.
			w.WriteHeader(http.StatusForbidden)
			for other, err := range m.Sessions(ctx, user) {
				if err == nil {
					_, _ = fmt.Fprintln(w, "end", other.ID()) // a button of a form
				}
			}
		case err != nil:
			http.Error(w, "try again", core.HTTPStatus(err))
		}
	})
}

// devicesEnd is the form of that page.
func devicesEnd(m *core.Manager) http.HandlerFunc {
	return httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		p, err := proved.Get(s)
		if err != nil || time.Since(p.At) > 5*time.Minute {
			http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
			return
		}
		id, _ := core.ParseID(r.PostFormValue("id"))
		_ = m.RevokeOwn(r.Context(), p.User, id) // of another user: ErrNotFound, and the sign-in is refused again
		_ = s.Login(p.User)
		_ = proved.Delete(s)
	})
}

// A user with two devices signs in on a third one, and ends the first.
func Example_devicesRefuse() {
	m := memory(core.Config{MaxPerSubject: 2, WhenFull: core.RefuseNew})
	defer m.Close()
	mux := http.NewServeMux()
	mux.Handle("/who", devicesRoutes())
	mux.Handle("POST /sign-in", devicesSignIn(m))
	mux.Handle("POST /end", devicesEnd(m))
	site := serve(httpsession.New(m)(mux))
	defer site.Close()

	laptop, phone, library := site.browser(), site.browser(), site.browser()
	fmt.Println(laptop.post("/sign-in", "name=alice"), phone.post("/sign-in", "name=alice"))
	var status int
	var first, second string
	_, _ = fmt.Sscanf(library.post("/sign-in", "name=alice"), "%d end %s\nend %s", &status, &first, &second)
	fmt.Println(status, len(first), len(second), library.get("/who"))
	fmt.Println(library.post("/end", "id="+first), library.get("/who"))
	fmt.Println(laptop.get("/who") != phone.get("/who"))
	// Output:
	// 200 200
	// 403 64 64 401 Unauthorized
	// 200 200 alice
	// true
}
