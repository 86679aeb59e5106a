package core_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// handle runs a handler as an adapter would, and returns the cookie for the next request.
func handle(m *core.Manager, cookie string, handler func(*core.Session)) string {
	ctx := context.Background()
	x := m.Adapter().Begin(ctx, http.Header{"Cookie": {cookie}})
	s, err := x.Session(ctx)
	if err != nil {
		fmt.Println(core.HTTPStatus(err))
		return cookie
	}
	handler(s)
	out, err := x.Commit(ctx, 200)
	if err != nil {
		fmt.Println(core.HTTPStatus(err))
	}
	_ = x.Finish(ctx)
	if out.Name == "" {
		return cookie
	}
	return out.Value[:len("__Host-session=")+43]
}

func Example() {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		panic(err)
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		panic(err)
	}
	defer m.Close()

	const visits core.Key[int] = "visits"
	cookie := ""
	for range 3 {
		cookie = handle(m, cookie, func(s *core.Session) {
			_ = visits.Update(s, func(n int) int { return n + 1 })
			n, _ := visits.Get(s)
			fmt.Println("visit", n)
		})
	}
	// Output:
	// visit 1
	// visit 2
	// visit 3
}

func ExampleKey() {
	m := open()
	defer m.Close()

	type item struct {
		Name string
		N    int
	}
	const cart core.Key[[]item] = "cart"
	handle(m, "", func(s *core.Session) {
		_, err := cart.Get(s)
		fmt.Println(err)
		_ = cart.Update(s, func(items []item) []item { return append(items, item{"hat", 1}) })
		items, _ := cart.Get(s)
		fmt.Println(items)
	})
	// Output:
	// coatcheck: no value under this key
	// [{hat 1}]
}

func ExampleSession_Login() {
	m := open()
	defer m.Close()

	const wish core.Key[string] = "wish"
	anonymous := handle(m, "", func(s *core.Session) { _ = wish.Set(s, "a hat") })
	alice := handle(m, anonymous, func(s *core.Session) {
		_ = s.Login("alice")
		_ = s.ExpireIn(30 * 24 * time.Hour) // remember me
		_ = s.AddFlash("info", "Welcome, alice")
	})
	fmt.Println("new token:", alice != anonymous)
	handle(m, alice, func(s *core.Session) {
		flashes, _ := s.Flashes(context.Background())
		fmt.Println(s.Subject(), "wants", wish.GetOr(s, "nothing"), flashes)
	})
	// Output:
	// new token: true
	// alice wants a hat [{info Welcome, alice}]
}

func ExampleManager_RevokeSubject() {
	m := open()
	defer m.Close()
	phone := handle(m, "", func(s *core.Session) { _ = s.Login("alice") })
	laptop := handle(m, "", func(s *core.Session) { _ = s.Login("alice") })

	ctx := context.Background()
	handle(m, laptop, func(s *core.Session) {
		n, err := m.RevokeSubject(ctx, s.Subject(), s.ID())
		fmt.Println("signed out elsewhere:", n, err)
	})
	handle(m, phone, func(s *core.Session) { fmt.Printf("phone: %q\n", s.Subject()) })
	// Output:
	// signed out elsewhere: 1 <nil>
	// phone: ""
}
