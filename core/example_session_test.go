package core_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// open returns a manager for an Example.
func open() *core.Manager {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		panic(err)
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		panic(err)
	}
	return m
}

// Two tabs cannot both have the last one: the function refuses, also when it runs again on what the other tab stored.
func ExampleKey_TryUpdate() {
	m := open()
	defer m.Close()

	const credit core.Key[int] = "credit"
	errCredit := errors.New("not enough credit")
	spend := func(n int) (int, error) {
		if n < 5 {
			return n, errCredit
		}
		return n - 5, nil
	}
	handle(m, "", func(s *core.Session) {
		_ = credit.Set(s, 7)
		fmt.Println(credit.TryUpdate(s, spend), credit.GetOr(s, 0))
		fmt.Println(credit.TryUpdate(s, spend), credit.GetOr(s, 0))
	})
	// Output:
	// <nil> 2
	// not enough credit 2
}

func ExampleKey_Pop() {
	m := open()
	defer m.Close()

	const next core.Key[string] = "next"
	handle(m, "", func(s *core.Session) {
		_ = next.Set(s, "/cart")
		fmt.Println(next.Pop(s))
		_, err := next.Get(s)
		fmt.Println(errors.Is(err, core.ErrNoValue), next.Delete(s))
	})
	// Output:
	// /cart <nil>
	// true <nil>
}

// Values whose keys or types are known only at run time: a debug page, an export of what is kept about a user.
func ExampleSession_Values() {
	m := open()
	defer m.Close()

	const visits core.Key[int] = "visits"
	handle(m, "", func(s *core.Session) {
		_ = visits.Set(s, 3)
		_ = core.Key[string]("name").Set(s, "Alice")
		for key, value := range s.Values() {
			fmt.Println(key, string(value))
		}
		raw, err := s.Raw("visits")
		fmt.Println(string(raw), err)
		var n int
		fmt.Println(s.Decode("visits", &n), n)
		fmt.Println(s.Keys(), s.Len(), s.Has("name"))
		_ = s.Clear()
		fmt.Println(s.Len())
	})
	// Output:
	// name "Alice"
	// visits 3
	// 3 <nil>
	// <nil> 3
	// [name visits] 2 true
	// 0
}

// Messages for the next page that the user sees.
func ExampleSession_Flashes() {
	m := open()
	defer m.Close()

	cookie := handle(m, "", func(s *core.Session) {
		_ = s.AddFlash("info", "The hat is in your cart.")
		_ = s.AddFlash("error", "There is only one left.")
	})
	handle(m, cookie, func(s *core.Session) {
		waiting, _ := s.PeekFlashes() // for a badge: they stay
		fmt.Println(len(waiting))
		urgent, err := s.Flashes(context.Background(), "error") // these go
		fmt.Println(urgent, err)
		rest, _ := s.Flashes(context.Background())
		for _, f := range rest {
			var flash core.Flash = f
			fmt.Println(flash.Level, flash.Text)
		}
	})
	// Output:
	// 2
	// [{error There is only one left.}] <nil>
	// info The hat is in your cart.
}

// "Remember me", and its opposite. After Login, which forgets what was set for a visitor.
func ExampleSession_ExpireIn() {
	m := open()
	defer m.Close()

	handle(m, "", func(s *core.Session) {
		_ = s.Login("alice")
		_ = s.ExpireIn(30 * 24 * time.Hour)
		var e core.Expiry = s.Expiry()
		var mode core.ExpiryMode = e.Mode
		fmt.Println(mode == core.ExpirySliding, e.In, s.TimeLeft().Round(time.Hour), time.Until(s.ExpiresAt()).Round(time.Hour))
		_ = s.ExpireAt(time.Now().Add(time.Hour))
		fmt.Println(s.Expiry().Mode == core.ExpiryAt, time.Until(s.Expiry().At).Round(time.Minute))
		_ = s.ExpireAtBrowserClose()
		fmt.Println(s.Expiry().Mode == core.ExpiryBrowserClose)
		_ = s.ExpireDefault()
		fmt.Println(s.Expiry().Mode == core.ExpiryDefault)
	})
	// Output:
	// true 720h0m0s 720h0m0s 720h0m0s
	// true 1h0m0s
	// true
	// true
}

// RotateID gives a session a new token: for a change of privilege that is no sign-in. Logout ends it on the server.
func ExampleSession_RotateID() {
	m := open()
	defer m.Close()

	var id core.ID
	first := handle(m, "", func(s *core.Session) {
		fmt.Println("new:", s.IsNew())
		_ = s.Login("alice")
		id = s.ID()
	})
	second := handle(m, first, func(s *core.Session) {
		_ = s.RotateID()
		fmt.Println("the same session:", s.ID() == id, "modified:", s.Modified(), "used:", s.Accessed())
		fmt.Println("since:", s.Created().Equal(s.AuthTime()), time.Since(s.AuthTime()) < time.Minute)
	})
	fmt.Println("the same token:", first == second)
	handle(m, second, func(s *core.Session) { _ = s.Logout() }) // Destroy is the same
	handle(m, second, func(s *core.Session) {
		_ = s.Destroy()
		fmt.Printf("user %q, %v\n", s.Subject(), s.Err())
	})
	// Output:
	// new: true
	// the same session: true modified: true used: true
	// since: true true
	// the same token: false
	// user "", <nil>
}

// A handler whose request lasts long after its header saves by itself.
func ExampleSession_Save() {
	m := open()
	defer m.Close()

	const seen core.Key[int] = "seen"
	cookie := handle(m, "", func(s *core.Session) { _ = seen.Set(s, 0) })
	handle(m, cookie, func(s *core.Session) {
		_ = seen.Set(s, 1)
		fmt.Println(s.Save(context.Background()))
	})
	// Output: <nil>
}

// A stream that goes on for hours reads what other requests have stored, and learns that its session is over.
func ExampleSession_Refresh() {
	m := open()
	defer m.Close()

	const theme core.Key[string] = "theme"
	ctx := context.Background()
	cookie := handle(m, "", func(s *core.Session) { _ = s.Login("alice"); _ = theme.Set(s, "light") })
	x := m.Adapter().Begin(ctx, http.Header{"Cookie": {cookie}}) // what the middleware does
	defer x.Discard()
	s, _ := x.Session(ctx)
	_, _ = x.Commit(ctx, 200) // the header has left

	handle(m, cookie, func(s *core.Session) { _ = theme.Set(s, "dark") })
	fmt.Println(theme.GetOr(s, ""), s.Refresh(ctx), theme.GetOr(s, ""))

	handle(m, cookie, func(s *core.Session) { _ = s.Logout() })
	fmt.Println(errors.Is(s.Refresh(ctx), core.ErrEnded))
	// Output:
	// light <nil> dark
	// true
}

// A socket ends when the user signs out in another tab, on this server or any other.
func ExampleSession_Done() {
	m := open()
	defer m.Close()

	ctx := context.Background()
	cookie := handle(m, "", func(s *core.Session) { _ = s.Login("alice") })
	x := m.Adapter().Begin(ctx, http.Header{"Cookie": {cookie}}) // what the middleware does
	defer x.Discard()
	s, _ := x.Session(ctx)
	_, _ = x.Commit(ctx, 101)

	go handle(m, cookie, func(s *core.Session) { _ = s.Logout() })
	messages := make(chan string)
	select {
	case <-s.Done(10 * time.Second):
		fmt.Println("signed out:", errors.Is(s.Err(), core.ErrEnded)) // false: the server stops, see CloseStreams
	case text := <-messages:
		fmt.Println(text)
	}
	m.CloseStreams() // in earnest: server.RegisterOnShutdown(m.CloseStreams)
	// Output: signed out: true
}

// Does the browser keep cookies at all? Set the mark on the sign-in page, and look for it when the form comes.
func ExampleSession_TestCookieWorked() {
	m := open()
	defer m.Close()

	cookie := handle(m, "", func(s *core.Session) { _ = s.SetTestCookie() })
	handle(m, cookie, func(s *core.Session) {
		fmt.Println(s.TestCookieWorked())
		_ = s.DeleteTestCookie()
		fmt.Println(s.TestCookieWorked())
	})
	// Output:
	// true
	// false
}

// Code that has only the request's context finds the session there.
func ExampleFromContext() {
	m := open()
	defer m.Close()

	ctx := context.Background() // no middleware
	_, err := core.FromContext(ctx)
	fmt.Println(errors.Is(err, core.ErrNoSession))

	x := m.Adapter().Begin(ctx, nil) // what the middleware does
	s, err := core.FromContext(x.Context())
	fmt.Println(s.IsNew(), err)
	same, _ := m.FromContext(x.Context()) // for one manager of several
	fmt.Println(same == s)
	// Output:
	// true
	// true <nil>
	// true
}
