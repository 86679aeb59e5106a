package adaptertest

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// Lines of the table about stores that do not say what they did, are too busy, or hold what cannot be read.

var tableStoreRules = []rule{
	line("an Update whose answer is lost",
		"Given a request that changes its session, when the store does that and its answer is lost, then the request finds out, and is as made; when the store has not done it, then it is a 503, and nothing is stored.",
		meet(each, "add", "", made, unsent, "each count:11 flash:old").while(lost(1, "Update")),
		meet(each, "add", "note", refused, unsent, "each count:1 note:theirs flash:old").while(lost(1, "Update")), // it was a conflict
		meet(each, "rotate", "", made, own, "each count:1 flash:old").while(lost(1, "Update")),
		meet(each, "flashes", "", made, unsent, "each count:1").shows("old").while(lost(1, "Update")),
		meet(each, "add", "", refused, unsent, "each count:1 flash:old").while(broken(1, "Update")),
		meet(each, "rotate", "", refused, unsent, "each count:1 flash:old").while(broken(1, "Update")),
	),
	line("an end whose answer is lost",
		"Given a request that signs in or out, when the store does not say whether it ended the old session, then that is done once more or in another way; when it cannot be ended at all, then the answer is 503, and it lives on.",
		meet(each, "logout", "", made, deletion, nothing).while(lost(1, "Update")),
		meet(each, "logout", "", made, deletion, nothing).while(broken(1, "Update")),
		meet(each, "logout", "", refused, unsent, "each count:1 flash:old").while(broken(99, "Update", "Delete")),
		meet("visitor", "login alice", "", made, own, "alice count:1 flash:old").while(lost(1, "Update", "Succeed")),
		meet("visitor", "login alice", "", made, own, "alice count:1 flash:old").while(broken(1, "Update", "Succeed")),
		meet("alice", "login alice", "", made, own, "alice count:1 flash:old").while(lost(1, "Update", "Succeed")),
		meet("alice", "login bob", "note", made, own, "bob").while(broken(1, "Update", "Succeed")),
		meet("visitor", "login alice", "note", refused, unsent, "visitor count:1 note:theirs flash:old").while(unreloaded),
		meet("alice", "login bob", "note", refused, unsent, "alice count:1 note:theirs flash:old").while(unreloaded),
	),
	line("a Create whose answer is lost",
		"Given a new client, when a request begins a session and the store does not say whether it did, then that one is given up, and begun once more with another token; after a second time the answer is 503, and none is left.",
		meet("stranger", "set", "", made, own, "visitor count:99").while(lost(1, "Create")),
		meet("stranger", "set", "", made, own, "visitor count:99").while(broken(1, "Create")),
		meet("stranger", "set, login alice", "", made, own, "alice count:99").while(lost(1, "Create")),
		meet("stranger", "set", "", refused, unsent, nothing).while(lost(99, "Create")),
		meet("stranger", "login alice", "", refused, unsent, nothing).while(broken(99, "Create")),
	),
	line("a damaged record",
		"Given a session whose record is damaged, when a request reads, writes, signs in or signs out, then it is anonymous: only what it did is stored; a sign-in or a sign-out ends the record, whatever is in it.",
		meet(each, "read", "", made, unsent, nothing).while(damaged),
		meet(each, "set", "", made, own, "visitor count:99").while(damaged),
		meet(each, "set, login bob", "", made, own, "bob count:99").while(damaged),
		meet(each, "logout", "", made, deletion, nothing).while(damaged),
	),
	line("a record of a newer release",
		"Given a session whose record a newer release wrote, when a request signs in or out, then that works, and the record is ended.",
		meet(each, "login bob", "", made, own, "bob").while(newer),
		meet(each, "login bob, set", "", made, own, "bob count:99").while(newer),
		meet(each, "logout", "", made, deletion, nothing).while(newer),
	),
	{
		name:  "table: a record that cannot be read is ended",
		text:  "Given a record that is damaged or of a newer release, when a request only reads or writes, then it is kept; when one signs in or out, then it is over for those that can read it, too.",
		needs: []need{records},
		run:   unreadableEnds,
	},
}

// tableBusyRules: the store is in it as the source of conflicts alone.
var tableBusyRules = []rule{
	line("conflicts without end",
		"Given a session that others write to without pause, when a request changes or ends it and meets one conflict after the other, then it gives up after Config.StoreTimeout: 503, and nothing is stored.",
		meet(each, "set", "", refused, unsent, "each count:1 note:theirs flash:old").while(busy),
		meet("alice", "login bob", "", refused, unsent, "alice count:1 note:theirs flash:old").while(busy).orphan(),
		meet(each, "logout", "", refused, unsent, "each count:1 note:theirs flash:old").while(busy),
	).with(func(c *core.Config) { c.StoreTimeout = time.Second }),
}

// lost is a store that does the first n calls of these methods, and its answers do not arrive.
func lost(n int32, methods ...string) fault {
	return func(q *square, _ *browser) { q.fault.After(first(n, methods)) }
}

// broken is a store that does not do the first n calls of these methods.
func broken(n int32, methods ...string) fault {
	return func(q *square, _ *browser) { q.fault.Before(first(n, methods)) }
}

// unreloaded is a store that fails after the request has loaded its session, when it is to look what another
// one has made of it.
func unreloaded(q *square, _ *browser) {
	var seen atomic.Int32
	q.fault.Before(func(c storetest.Call) error {
		if loads := c.Method == "Load" || c.Method == "Reload"; loads && seen.Add(1) > 1 {
			return outage(c)
		}
		return nil
	})
}

func first(n int32, methods []string) func(storetest.Call) error {
	var seen atomic.Int32
	return func(c storetest.Call) error {
		if slices.Contains(methods, c.Method) && seen.Add(1) <= n {
			return outage(c)
		}
		return nil
	}
}

// busy is a session that another request has just written to, always.
func busy(q *square, others *browser) {
	q.fault.Before(func(c storetest.Call) error {
		if c.Method == "Update" || c.Method == "Succeed" {
			q.does(others, "note")
		}
		return nil
	})
}

func damaged(q *square, b *browser) {
	q.rewrite(b, func(data []byte) []byte { return append(slices.Clip(data[:blockSize]), secret...) })
}

func newer(q *square, b *browser) {
	q.rewrite(b, func(data []byte) []byte { data[0] = 200; return data })
}

// blockSize is the part of a record in the clear. Its first byte is the format, the second says whether
// the session is over.
const blockSize = 128

// rewrite changes what the storage holds for the browser's session, and returns its ID.
func (q *square) rewrite(b *browser, change func([]byte) []byte) (id core.ID) {
	q.Helper()
	b.peek(func(s *core.Session) { id = s.ID() })
	store, ctx := q.open(q), context.Background()
	rec, err := store.Load(ctx, id)
	q.must(err)
	rec.Data = change(slices.Clone(rec.Data))
	q.must(store.Update(ctx, &rec))
	return id
}

func unreadableEnds(e *env) {
	q := e.square()
	store := e.open(e)
	for what, spoil := range map[string]func([]byte) []byte{
		"damaged": func(data []byte) []byte { return append(slices.Clip(data[:blockSize]), secret...) },
		"newer":   func(data []byte) []byte { data[0] = 200; return data },
	} {
		for do, ends := range map[string]bool{"read": false, "set": false, "login bob": true, "logout": true} {
			b := q.begin(meeting{from: "alice"})
			id := q.rewrite(b, spoil)
			_ = b.get("/", "X-Do", do)
			rec, err := store.Load(context.Background(), id)
			over := errors.Is(err, driver.ErrNotFound) || err == nil && len(rec.Data) == blockSize && rec.Data[1] != 0
			if over != ends {
				e.Errorf("%s, %s: the record is over: %t (%v), want %t", what, do, over, err, ends)
			}
		}
	}
}
