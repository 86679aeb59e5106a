package crossingstore_test

import (
	"context"
	"fmt"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/crossingstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// Two sessions of the old store: one moves when it is used, the other one when a tool calls Move.
func Example() {
	ctx := context.Background()
	from, to := made.Of(memstore.New(memstore.Config{})), made.Of(memstore.New(memstore.Config{}))
	for n := range byte(2) {
		rec := driver.Record{ID: driver.ID{n + 1}, Created: time.Now(), Expires: time.Now().Add(time.Hour), Data: []byte("a session")}
		if err := from.Create(ctx, &rec); err != nil {
			fmt.Println(err)
		}
	}

	store, err := crossingstore.New(to, from, crossingstore.Config{})
	if err != nil {
		fmt.Println(err)
	}
	rec, err := store.Load(ctx, driver.ID{1})
	fmt.Printf("%s, %v; old store: %d, new store: %d\n", rec.Data, err, from.Len(), to.Len())

	progress, err := store.Move(ctx, crossingstore.MoveOptions{Verify: true})
	fmt.Printf("moved: %d, %v; old store: %d, new store: %d\n", progress.Moved, err, from.Len(), to.Len())
	// Output:
	// a session, <nil>; old store: 1, new store: 1
	// moved: 1, <nil>; old store: 0, new store: 2
}
