package crossingstore_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/crossingstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// Two users have signed in before the move. Both stay signed in: the session of one moves when it is used, that of the
// other when a tool calls Move.
func Example() {
	from, _ := memstore.New(memstore.Config{}) // yours: any two stores
	to, _ := memstore.New(memstore.Config{})
	before, err := core.New(core.Config{Store: from})
	if err != nil {
		fmt.Println(err)
		return
	}
	alice := request(before, "", func(s *core.Session) { _ = s.Login("alice") })
	bob := request(before, "", func(s *core.Session) { _ = s.Login("bob") })

	store, err := crossingstore.New(to, from, crossingstore.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := core.New(core.Config{Store: store}) // all other settings as before
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	request(m, alice, func(s *core.Session) { fmt.Println("hello", s.Subject()) })
	fmt.Printf("old store: %d, new store: %d\n", from.Len(), to.Len())

	progress, err := store.Move(context.Background(), crossingstore.MoveOptions{Verify: true})
	fmt.Printf("moved: %d, %v; old store: %d, new store: %d\n", progress.Moved, err, from.Len(), to.Len())
	request(m, bob, func(s *core.Session) { fmt.Println("hello", s.Subject()) })
	// Output:
	// hello alice
	// old store: 1, new store: 1
	// moved: 1, <nil>; old store: 0, new store: 2
	// hello bob
}

// A tool that moves all sessions while the servers go on, and shows how far it is. After an interruption, call it again.
func ExampleStore_Move() {
	from, _ := memstore.New(memstore.Config{}) // yours: any two stores
	to, _ := memstore.New(memstore.Config{})
	before, err := core.New(core.Config{Store: from})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		request(before, "", func(s *core.Session) { _ = s.Login("alice") })
	}
	store, err := crossingstore.New(to, from, crossingstore.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	total := from.Len()
	progress, err := store.Move(context.Background(), crossingstore.MoveOptions{
		Parallel: 2, // be gentle to a busy database
		Progress: func(p crossingstore.Progress) { fmt.Printf("%d of %d\n", p.Moved+p.Gone+p.Failed, total) },
	})
	fmt.Printf("moved %d, gone %d, failed %d, %v\n", progress.Moved, progress.Gone, progress.Failed, err)
	// Output:
	// 1 of 3
	// 2 of 3
	// 3 of 3
	// moved 3, gone 0, failed 0, <nil>
}

// request does what an adapter does for a request, and returns the browser's cookie afterwards.
func request(m *core.Manager, cookie string, handler func(*core.Session)) string {
	ctx := context.Background()
	x := m.Adapter().Begin(ctx, http.Header{"Cookie": {cookie}})
	s, err := x.Session(ctx)
	if err != nil {
		fmt.Println(err)
	}
	handler(s)
	out, err := x.Commit(ctx, http.StatusOK)
	if err != nil {
		fmt.Println(err)
	}
	_ = x.Finish(ctx)
	if out.Name != "" {
		cookie, _, _ = strings.Cut(out.Value, ";")
	}
	return cookie
}
