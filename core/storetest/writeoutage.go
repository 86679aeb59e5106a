package storetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var writeOutageRules = []rule{{
	name: "WriteOutageLeavesNoHalf",
	text: "If the storage answers reads and fails writes (a full disk), a write that fails is ErrUnavailable. The record is then as before, or as the write would have left it. Reads go on.",
	run: func(e *env) {
		if len(e.h.WriteOutages) == 0 {
			e.Skip("no Harness.WriteOutages")
		}
		for _, name := range slices.Sorted(maps.Keys(e.h.WriteOutages)) {
			e.writeDuring(name)
		}
	},
}}

// writeDuring makes every write during an outage, and looks at the records after each.
func (e *env) writeDuring(name string) {
	rec, deleted, replaced := e.createMarked(), e.createMarked(), e.createMarked()
	e.load(e.b, rec.ID)
	end := e.h.WriteOutages[name](e.TB)
	write := func(method string, err error) error {
		e.Helper()
		e.note(method)
		if what := fmt.Sprintf("outage %q: %s", name, method); err != nil {
			e.mustFail(err, driver.ErrUnavailable, what)
			if wrong := wrongText(e.b, err, rec, deleted, replaced); wrong != "" {
				e.Fatalf("%s: %s", what, wrong)
			}
		}
		return err
	}

	larger := *rec
	larger.Data = e.largestData()
	if write("Update", e.b.Update(e.ctx, &larger)) == nil {
		e.Fatalf("outage %q: an Update to %d bytes of Data is acknowledged: nothing fails", name, len(larger.Data))
	}
	now, _ := e.mustHoldEither(name, rec, &larger)
	touched := now
	touched.Used, touched.Expires = now.Used.Add(long), now.Expires.Add(long)
	_ = write("Touch", e.b.Touch(e.ctx, now.ID, now.Version, touched.Used, touched.Expires))
	e.mustHoldEither(name, &now, &touched)
	created := e.newMarked()
	created.Data = e.largestData()
	_ = write("Create", e.b.Create(e.ctx, created))
	e.mustHoldEither(name, nil, created)
	_ = write("Delete", e.b.Delete(e.ctx, deleted.ID))
	e.mustHoldEither(name, deleted, nil)
	if can := abilitiesOf(e.b).Successor; can != nil {
		old, next := e.endedRecord(replaced), e.newMarked()
		_ = write("Succeed", can.Succeed(e.ctx, old, next))
		left := *old
		left.Labels = nil
		_, one := e.mustHoldEither(name, replaced, &left)
		_, other := e.mustHoldEither(name, nil, next)
		if one != other {
			e.Fatalf("outage %q: Succeed has replaced old: %t, and inserted next: %t", name, one, other)
		}
	}
	e.mustBeAbsent(e.b, newID())
	for what, walk := range e.walks(e.b) {
		e.ok(lastError(walk), fmt.Sprintf("outage %q: %s", name, what))
	}

	end()
	e.mustEnd(fmt.Sprintf("outage %q has ended, but Update", name), func() error {
		now, err := e.b.Load(e.ctx, rec.ID)
		if err == nil {
			now.Data = e.largestData()
			err = e.b.Update(e.ctx, &now)
		}
		return err
	})
}

// mustHoldEither fails unless both handles load the record as it was before a write, or as the write makes it, with any
// version. nil is absence. It returns the record, and whether the write was made.
func (e *env) mustHoldEither(name string, before, after *driver.Record) (got driver.Record, made bool) {
	e.Helper()
	id := before
	if id == nil {
		id = after
	}
	for _, s := range []driver.Store{e.b, e.a} {
		var err error
		got, err = s.Load(e.ctx, id.ID)
		absent := errors.Is(err, driver.ErrNotFound)
		isAs := func(want *driver.Record) bool {
			if want == nil || absent {
				return want == nil && absent
			}
			as := *want
			as.Exact, as.Version = false, got.Version
			return differs(got, as) == ""
		}
		if made = isAs(after); made || isAs(before) {
			continue
		}
		e.ok(err, fmt.Sprintf("outage %q: Load%s", name, e.afterLast()))
		e.Fatalf("outage %q: Load%s: the record is neither as before nor as after: version %d, Subject %.300q, Labels %.900q, Used %v, Expires %v, %d bytes of Data %.100q",
			name, e.afterLast(), got.Version, got.Subject, got.Labels, got.Used, got.Expires, len(got.Data), got.Data)
	}
	return got, made
}
