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

// The lines of the table about stores that do not say what they did, that are too busy, or that have a record which
// cannot be read.

var tableStoreRules = []rule{
	tableRule("an Update whose answer is lost",
		"Given a request that changes its session, when the store does that and its answer is lost, then the request finds out, and the response is the handler's; when the store has not done it, then the answer is 503, and nothing is stored.",
		meet(each, "add", "", served, noCookie, "each count:11 flash:old").while(losesAnswers(1, "Update")),
		meet(each, "add", "note", refused, noCookie, "each count:1 note:theirs flash:old").while(losesAnswers(1, "Update")), // it was a conflict
		meet(each, "rotate", "", served, newToken, "each count:1 flash:old").while(losesAnswers(1, "Update")),
		meet(each, "flashes", "", served, noCookie, "each count:1").seesMessages("old").while(losesAnswers(1, "Update")),
		meet(each, "add", "", refused, noCookie, "each count:1 flash:old").while(refusesCalls(1, "Update")),
		meet(each, "rotate", "", refused, noCookie, "each count:1 flash:old").while(refusesCalls(1, "Update")),
	),
	tableRule("an end whose answer is lost",
		"Given a request that signs in or out, when the store does not say whether it ended the old session, then that is done once more or in another way; when it cannot be ended at all, then the answer is 503, and it lives on.",
		meet(each, "logout", "", served, cookieDeleted, noSession).while(losesAnswers(1, "Update")),
		meet(each, "logout", "", served, cookieDeleted, noSession).while(refusesCalls(1, "Update")),
		meet(each, "logout", "", refused, noCookie, "each count:1 flash:old").while(refusesCalls(99, "Update", "Delete")),
		meet("visitor", "login alice", "", served, newToken, "alice count:1 flash:old").while(losesAnswers(1, "Update", "Succeed")),
		meet("visitor", "login alice", "", served, newToken, "alice count:1 flash:old").while(refusesCalls(1, "Update", "Succeed")),
		meet("alice", "login alice", "", served, newToken, "alice count:1 flash:old").while(losesAnswers(1, "Update", "Succeed")),
		meet("alice", "login bob", "note", served, newToken, "bob").while(refusesCalls(1, "Update", "Succeed")),
		meet("visitor", "login alice", "note", refused, noCookie, "visitor count:1 note:theirs flash:old").while(failsSecondLoad),
		meet("alice", "login bob", "note", refused, noCookie, "alice count:1 note:theirs flash:old").while(failsSecondLoad),
	),
	tableRule("a Create whose answer is lost",
		"Given a new client, when a request begins a session and the store does not say whether it did, then that one is given up, and begun once more with another token; after a second time the answer is 503, and none is left.",
		meet("stranger", "set", "", served, newToken, "visitor count:99").while(losesAnswers(1, "Create")),
		meet("stranger", "set", "", served, newToken, "visitor count:99").while(refusesCalls(1, "Create")),
		meet("stranger", "set, login alice", "", served, newToken, "alice count:99").while(losesAnswers(1, "Create")),
		meet("stranger", "set", "", refused, noCookie, noSession).while(losesAnswers(99, "Create")),
		meet("stranger", "login alice", "", refused, noCookie, noSession).while(refusesCalls(99, "Create")),
	),
	tableRule("a damaged record",
		"Given a session whose record is damaged, when a request reads, writes, signs in or signs out, then it is anonymous: only what it did is stored; a sign-in or a sign-out ends the damaged record.",
		meet(each, "read", "", served, noCookie, noSession).while(damagedRecord),
		meet(each, "set", "", served, newToken, "visitor count:99").while(damagedRecord),
		meet(each, "set, login bob", "", served, newToken, "bob count:99").while(damagedRecord),
		meet(each, "logout", "", served, cookieDeleted, noSession).while(damagedRecord),
	),
	tableRule("a record of a newer release",
		"Given a session whose record a newer release wrote, when a request signs in or out, then that works, and the record is ended.",
		meet(each, "login bob", "", served, newToken, "bob").while(newerRecord),
		meet(each, "login bob, set", "", served, newToken, "bob count:99").while(newerRecord),
		meet(each, "logout", "", served, cookieDeleted, noSession).while(newerRecord),
	),
	{
		name:  "table: a record that cannot be read is ended",
		text:  "Given a record that is damaged or of a newer release, when a request only reads or writes, then it is kept; when one signs in or out, then it is over for those that can read it, too.",
		needs: []need{needRecords},
		run:   unreadableRecordEnds,
	},
}

// tableBusyRules are for any store: they need it only for conflicts.
var tableBusyRules = []rule{
	tableRule("conflicts without end",
		"Given a session that others write to without pause, when a request changes or ends it and meets one conflict after the other, then it gives up after Config.StoreTimeout with a 503, and nothing is stored.",
		meet(each, "set", "", refused, noCookie, "each count:1 note:theirs flash:old").while(conflictsAlways),
		meet("alice", "login bob", "", refused, noCookie, "alice count:1 note:theirs flash:old").while(conflictsAlways).mayLeaveOne(),
		meet(each, "logout", "", refused, noCookie, "each count:1 note:theirs flash:old").while(conflictsAlways),
	).withConfig(func(c *core.Config) { c.StoreTimeout = time.Second }),
}

// losesAnswers: the store does the first n calls of these methods, but the answers do not arrive.
func losesAnswers(n int32, methods ...string) fault {
	return func(two *twoServers, _ *browser) { two.fault.After(failFirst(n, methods)) }
}

// refusesCalls: the store does not do the first n calls of these methods, and says so.
func refusesCalls(n int32, methods ...string) fault {
	return func(two *twoServers, _ *browser) { two.fault.Before(failFirst(n, methods)) }
}

// failsSecondLoad: the store loads the session once, and fails when the request looks again after a conflict.
func failsSecondLoad(two *twoServers, _ *browser) {
	var seen atomic.Int32
	two.fault.Before(func(c storetest.Call) error {
		if loads := c.Method == "Load" || c.Method == "Reload"; loads && seen.Add(1) > 1 {
			return outage(c)
		}
		return nil
	})
}

func failFirst(n int32, methods []string) func(storetest.Call) error {
	var seen atomic.Int32
	return func(c storetest.Call) error {
		if slices.Contains(methods, c.Method) && seen.Add(1) <= n {
			return outage(c)
		}
		return nil
	}
}

// conflictsAlways: another request writes to the session before each Update of this one.
func conflictsAlways(two *twoServers, others *browser) {
	two.fault.Before(func(c storetest.Call) error {
		if c.Method == "Update" || c.Method == "Succeed" {
			two.otherRequest(others, "note")
		}
		return nil
	})
}

func damagedRecord(two *twoServers, b *browser) {
	two.rewriteRecord(b, func(data []byte) []byte { return append(slices.Clip(data[:blockSize]), secret...) })
}

func newerRecord(two *twoServers, b *browser) {
	two.rewriteRecord(b, func(data []byte) []byte { data[0] = 200; return data })
}

// blockSize is the length of the part of Record.Data that is in the clear. Its first byte is the format. The second
// says whether the session has ended.
const blockSize = 128

// rewriteRecord changes the Data in the storage of the browser's session, and returns the session's ID.
func (two *twoServers) rewriteRecord(b *browser, change func([]byte) []byte) (id core.ID) {
	two.Helper()
	b.peek(func(s *core.Session) { id = s.ID() })
	store, ctx := two.open(two), context.Background()
	rec, err := store.Load(ctx, id)
	two.must(err)
	rec.Data = change(slices.Clone(rec.Data))
	two.must(store.Update(ctx, &rec))
	return id
}

func unreadableRecordEnds(e *env) {
	two := e.twoServers()
	store := e.open(e)
	for what, spoil := range map[string]func([]byte) []byte{
		"damaged": func(data []byte) []byte { return append(slices.Clip(data[:blockSize]), secret...) },
		"newer":   func(data []byte) []byte { data[0] = 200; return data },
	} {
		for do, ends := range map[string]bool{"read": false, "set": false, "login bob": true, "logout": true} {
			b := two.newBrowser(meeting{from: "alice"})
			id := two.rewriteRecord(b, spoil)
			_ = b.get("/", "X-Do", do)
			rec, err := store.Load(context.Background(), id)
			over := errors.Is(err, driver.ErrNotFound) || err == nil && len(rec.Data) == blockSize && rec.Data[1] != 0
			if over != ends {
				e.Errorf("%s, %s: the record is over: %t (%v), want %t", what, do, over, err, ends)
			}
		}
	}
}
