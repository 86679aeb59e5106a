package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// env is what a rule works with: two handles on one empty storage, a clock, and helpers that many rules use. A rule
// writes through one handle and reads through the other, so it also checks that two servers agree.
type env struct {
	testing.TB
	h    Harness
	ctx  context.Context
	a, b driver.Store // the handles
	open func(tb testing.TB) driver.Store

	last atomic.Pointer[string] // see note
}

func newEnv(tb testing.TB, h Harness) *env {
	open := h.New(tb)
	return &env{TB: tb, h: h, ctx: tb.Context(), a: open(tb), b: open(tb), open: open}
}

// long is a lifetime that no rule waits for.
const long = time.Hour

// short returns a lifetime that rules wait for. A slow storage can do something within it.
func (e *env) short() time.Duration { return 200 * time.Millisecond }

func (e *env) now() time.Time {
	if e.h.Clock != nil {
		return e.h.Clock.Now()
	}
	return time.Now()
}

// after returns the time d from now, to the microsecond, as stores keep it.
func (e *env) after(d time.Duration) time.Time { return e.now().Add(d).Truncate(time.Microsecond) }

// waitUntil returns at t or shortly after it.
func (e *env) waitUntil(t time.Time) {
	for d := t.Sub(e.now()); d > 0; d = t.Sub(e.now()) {
		if e.h.Clock != nil {
			e.h.Clock.Advance(d)
		} else {
			time.Sleep(d)
		}
	}
}

// inTime calls try, which creates a record with this life and does something with it before it expires. It returns the
// first deadline of the record. On a busy machine the record may expire too early. Then inTime tries again, with a
// longer life.
func (e *env) inTime(what string, try func(life time.Duration) (end time.Time, err error)) (end time.Time) {
	e.Helper()
	for life := 5 * e.short(); ; life *= 3 {
		end, err := try(life)
		if err == nil || e.now().Before(end) || life > time.Minute {
			e.ok(err, what)
			return end
		}
	}
}

// namespace is the second half of an ID, which all sessions of one application share.
var namespace = [16]byte([]byte("one application."))

// newID returns an ID as core makes them.
func newID() (id driver.ID) {
	rand.Read(id[:16])
	copy(id[16:], namespace[:])
	return id
}

// newRecord returns a record of alice's that is in no storage, with Data that no other record has.
func (e *env) newRecord(life time.Duration) *driver.Record {
	id := newID()
	return &driver.Record{ID: id, Subject: "alice", Created: e.after(0), Used: e.after(0), Expires: e.after(life), Data: []byte("data of " + id.String())}
}

// create creates a record and returns it.
func (e *env) create(s driver.Store, life time.Duration) *driver.Record {
	e.Helper()
	rec := e.newRecord(life)
	e.ok(s.Create(e.ctx, rec), "Create")
	return rec
}

// createExpired creates a record and waits until it has expired.
func (e *env) createExpired(s driver.Store) *driver.Record {
	e.Helper()
	rec := e.create(s, e.short())
	e.waitUntil(rec.Expires)
	return rec
}

// load returns the record under id. It fails if there is none.
func (e *env) load(s driver.Store, id driver.ID) driver.Record {
	e.Helper()
	rec, err := s.Load(e.ctx, id)
	e.ok(err, "Load"+e.afterLast())
	return rec
}

// mustBeAbsent fails unless Load answers ErrNotFound.
func (e *env) mustBeAbsent(s driver.Store, id driver.ID) {
	e.Helper()
	rec, err := s.Load(e.ctx, id)
	if err == nil && e.h.Clock != nil && !rec.Live(e.now()) {
		e.Fatalf("Load%s: found a record that has expired", e.afterLast())
	}
	e.mustFail(err, driver.ErrNotFound, "Load"+e.afterLast())
}

// mustHold fails unless both handles load the record as it is in want. Exact, which no store keeps, must be false.
func (e *env) mustHold(want *driver.Record) {
	e.Helper()
	kept := *want
	kept.Exact = false
	e.mustEqual(e.load(e.b, want.ID), kept, "Load through the second handle")
	e.mustEqual(e.load(e.a, want.ID), kept, "Load through the first handle")
}

func (e *env) mustEqual(got, want driver.Record, what string) {
	e.Helper()
	what += e.afterLast()
	if difference := differs(got, want); difference != "" {
		e.Fatalf("%s: %s", what, difference)
	}
}

// differs returns the first difference between two records, "" if there is none.
func differs(got, want driver.Record) string {
	switch {
	case got.ID != want.ID:
		return fmt.Sprintf("ID %v, want %v", got.ID, want.ID)
	case got.Subject != want.Subject:
		return fmt.Sprintf("Subject %.300q, want %.300q", got.Subject, want.Subject)
	case !slices.Equal(got.Labels, want.Labels):
		return fmt.Sprintf("Labels %.900q, want %.900q", got.Labels, want.Labels)
	case !got.Created.Equal(want.Created):
		return fmt.Sprintf("Created %v, want %v", got.Created, want.Created)
	case !got.Used.Equal(want.Used):
		return fmt.Sprintf("Used %v, want %v", got.Used, want.Used)
	case !got.Expires.Equal(want.Expires):
		return fmt.Sprintf("Expires %v, want %v", got.Expires, want.Expires)
	case got.Exact != want.Exact:
		return fmt.Sprintf("Exact is %v, want %v", got.Exact, want.Exact)
	case got.Version != want.Version:
		return fmt.Sprintf("Version %d, want %d", got.Version, want.Version)
	case !bytes.Equal(got.Data, want.Data):
		return fmt.Sprintf("%d bytes of Data %.100q, want %d bytes %.100q", len(got.Data), got.Data, len(want.Data), want.Data)
	}
	return ""
}

func (e *env) ok(err error, what string) {
	e.Helper()
	e.note(what)
	if err == nil {
		return
	}
	e.Fatalf("%s: error is %s, want nil", what, errorText(err))
}

// mustFail fails unless err matches want and no other error of the contract. If it matched two, some caller would take
// it for the wrong one.
func (e *env) mustFail(err, want error, what string) {
	e.Helper()
	e.note(what)
	if got := sentinelsOf(err); len(got) != 1 || !errors.Is(err, want) {
		e.Fatalf("%s: error is %s, want %s", what, errorText(err), strings.Join(sentinelsOf(want), ""))
	}
}

// note keeps the name of the last call that may have changed something. The failure of a look at the record names it.
func (e *env) note(what string) {
	for _, method := range []string{"Create", "CreateLimited", "Update", "Touch", "Delete", "Succeed", "Sweep"} {
		if strings.HasPrefix(what, method) {
			e.last.Store(&what)
		}
	}
}

// afterLast returns ", after Update" if that was the last call.
func (e *env) afterLast() string {
	if last := e.last.Load(); last != nil {
		return ", after " + *last
	}
	return ""
}

// together runs n workers that start at the same moment, half of them on each handle. It returns when all have ended,
// and ends the rule if one has failed.
func (e *env) together(n int, work func(i int, s driver.Store)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		s := e.a
		if i%2 == 1 {
			s = e.b
		}
		wg.Go(func() {
			<-start
			work(i, s)
		})
	}
	close(start)
	wg.Wait()
	if e.Failed() {
		e.FailNow()
	}
}

// await waits for what another goroutine of together does. On a busy machine, one may have done all its work before
// another begins.
func (e *env) await(done func() bool) {
	for !done() && !e.Failed() {
		time.Sleep(50 * time.Microsecond)
	}
}
