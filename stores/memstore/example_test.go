package memstore_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func Example() {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	const visits core.Key[int] = "visits"
	cookie := ""
	for range 2 {
		cookie, err = request(m, cookie, func(s *core.Session) {
			_ = visits.Update(s, func(n int) int { return n + 1 })
			fmt.Println("visit", visits.GetOr(s, 0))
		})
		if err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// visit 1
	// visit 2
}

// A bound for the memory. When it is reached, new visitors get no session, and nobody who has one is signed out.
func ExampleConfig() {
	store, err := memstore.New(memstore.Config{
		MaxRecords: 2,
		MaxBytes:   64 << 20, // 64 MiB, whichever is reached first
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	for _, user := range []string{"alice", "bob", "carol"} {
		_, err := request(m, "", func(s *core.Session) { _ = s.Login(user) })
		switch {
		case errors.Is(err, memstore.ErrFull):
			fmt.Println(user, "has to wait:", core.HTTPStatus(err))
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println(user, "is signed in")
		}
	}
	// Output:
	// alice is signed in
	// bob is signed in
	// carol has to wait: 503
}

// Len is for a metric. It counts expired sessions until a sweep has removed them. The clock is that of a test.
func ExampleStore_Len() {
	now := time.Now()
	clock := func() time.Time { return now }
	store, err := memstore.New(memstore.Config{Now: clock})
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := core.New(core.Config{Store: store, Now: clock, IdleTimeout: time.Hour, SweepInterval: -1}) // no sweeps in the background
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	_, _ = request(m, "", func(s *core.Session) { _ = s.Login("alice") })
	now = now.Add(2 * time.Hour)
	fmt.Println("before the sweep:", store.Len())
	removed, err := m.Sweep(context.Background())
	fmt.Println("removed:", removed, err, "left:", store.Len())
	// Output:
	// before the sweep: 1
	// removed: 1 <nil> left: 0
}

// request does what an adapter does for a request, and returns the browser's cookie afterwards.
func request(m *core.Manager, cookie string, handler func(*core.Session)) (string, error) {
	ctx := context.Background()
	x := m.Adapter().Begin(ctx, http.Header{"Cookie": {cookie}})
	s, err := x.Session(ctx)
	if err != nil {
		return cookie, err
	}
	handler(s)
	out, err := x.Commit(ctx, http.StatusOK)
	if err != nil {
		return cookie, err
	}
	if out.Name != "" {
		cookie, _, _ = strings.Cut(out.Value, ";")
	}
	return cookie, x.Finish(ctx)
}
