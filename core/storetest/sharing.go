package storetest

import (
	"bytes"
	"slices"
	"strings"
)

const immutableRule = "Data and Labels are immutable: after they were given to the store or returned by it, neither side writes to them, and both may keep them."

var sharingRules = []rule{{
	name: "DataGivenIsNotWritten",
	text: immutableRule,
	run: func(e *env) {
		rec := e.newRecord(long)
		whole := append(randomBytes(1000), bytes.Repeat([]byte{0xAA}, 1000)...) // free capacity after Data, which a wrong store would append to
		want := slices.Clone(whole)
		rec.Data = whole[:1000]
		names := []string{"sid", "admin", "room behind"}
		rec.Labels = names[:2]
		e.ok(e.a.Create(e.ctx, rec), "Create")
		e.ok(e.a.Update(e.ctx, rec), "Update")
		next := *rec
		next.Data = []byte("other")
		e.ok(e.a.Update(e.ctx, &next), "Update with other data")
		e.load(e.a, rec.ID)
		next.Data = rec.Data
		e.ok(e.a.Update(e.ctx, &next), "Update with the first data")
		e.ok(e.a.Delete(e.ctx, rec.ID), "Delete")
		e.create(e.a, long)
		if !bytes.Equal(whole, want) {
			e.Fatalf("the store wrote to the Data that it was given, or to the capacity after it")
		}
		if !slices.Equal(names, []string{"sid", "admin", "room behind"}) {
			e.Fatalf("the store wrote to the Labels that it was given, or to the capacity after them: %q", names)
		}
	},
}, {
	name: "DataLoadedStays",
	text: immutableRule,
	run: func(e *env) {
		rec := e.createLabelled(long, "sid", "admin")
		want := slices.Clone(rec.Data)
		fromA, fromB := e.load(e.a, rec.ID), e.load(e.b, rec.ID)
		rec.Data = bytes.Repeat([]byte("x"), len(want)) // of the same length: a wrong store would write in place
		e.ok(e.a.Update(e.ctx, rec), "Update")
		later := e.load(e.a, rec.ID)
		rec.Subject = ""
		e.ok(e.b.Update(e.ctx, rec), "Update that clears")
		e.ok(e.b.Delete(e.ctx, rec.ID), "Delete")
		for range 20 { // a wrong store would use the bytes again
			e.load(e.b, e.createLabelled(long, "other").ID)
		}
		if !bytes.Equal(fromA.Data, want) || !bytes.Equal(fromB.Data, want) || string(later.Data) != strings.Repeat("x", len(want)) {
			e.Fatalf("Data of an earlier Load changed")
		}
		for _, labels := range [][]string{fromA.Labels, fromB.Labels, later.Labels} {
			if !slices.Equal(labels, []string{"sid", "admin"}) {
				e.Fatalf("Labels of an earlier Load changed to %q", labels)
			}
		}
	},
}, {
	name: "LoadsDoNotShareRoom",
	text: immutableRule + " What a store returns has no spare capacity (slices.Clip), or is a copy: two readers may each append to what they loaded.",
	run: func(e *env) {
		rec := e.newRecord(long)
		rec.Data = append(make([]byte, 0, 100), "room behind"...)
		rec.Labels = append(make([]string, 0, 10), "sid", "admin")
		e.ok(e.a.Create(e.ctx, rec), "Create")
		one, two := e.load(e.a, rec.ID), e.load(e.a, rec.ID)
		one.Data = append(one.Data, '1')
		two.Data = append(two.Data, '2')
		one.Labels = append(one.Labels, "one")
		two.Labels = append(two.Labels, "two")
		if one.Data[len(one.Data)-1] != '1' || one.Labels[len(one.Labels)-1] != "one" {
			e.Fatalf("an append to what one reader loaded changed what the other one loaded: slices.Clip Data and Labels")
		}
		e.mustHold(rec)
	},
}}
