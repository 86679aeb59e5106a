package storetest

import (
	"bytes"
	"slices"
	"strings"
)

const immutable = "Data is immutable: once bytes have been handed over, in either direction, neither side writes to them, and both may keep them."

var sharingRules = []rule{{
	name: "DataGivenIsNotWritten",
	text: immutable,
	run: func(e *env) {
		rec := e.record(long)
		whole := append(random(1000), bytes.Repeat([]byte{0xAA}, 1000)...) // room behind Data, for a store that would append to it
		want := slices.Clone(whole)
		rec.Data = whole[:1000]
		e.ok(e.a.Create(e.ctx, rec), "Create")
		e.ok(e.a.Update(e.ctx, rec), "Update")
		next := *rec
		next.Data = []byte("other")
		e.ok(e.a.Update(e.ctx, &next), "Update with other data")
		e.load(e.a, rec.ID)
		next.Data = rec.Data
		e.ok(e.a.Update(e.ctx, &next), "Update with the first data")
		e.ok(e.a.Delete(e.ctx, rec.ID), "Delete")
		e.stored(e.a, long)
		if !bytes.Equal(whole, want) {
			e.Fatalf("the store wrote to the Data that it was given, or behind it")
		}
	},
}, {
	name: "DataLoadedStays",
	text: immutable,
	run: func(e *env) {
		rec := e.stored(e.a, long)
		want := slices.Clone(rec.Data)
		fromA, fromB := e.load(e.a, rec.ID), e.load(e.b, rec.ID)
		rec.Data = bytes.Repeat([]byte("x"), len(want)) // of the same length, for a store that would write in place
		e.ok(e.a.Update(e.ctx, rec), "Update")
		later := e.load(e.a, rec.ID)
		e.ok(e.b.Delete(e.ctx, rec.ID), "Delete")
		for range 20 { // and for one that would use the bytes again
			e.load(e.b, e.stored(e.a, long).ID)
		}
		if !bytes.Equal(fromA.Data, want) || !bytes.Equal(fromB.Data, want) || string(later.Data) != strings.Repeat("x", len(want)) {
			e.Fatalf("Data of an earlier Load changed")
		}
	},
}, {
	name: "LoadsDoNotShareRoom",
	text: immutable + " Two readers may each append to what they loaded.",
	run: func(e *env) {
		rec := e.record(long)
		rec.Data = append(make([]byte, 0, 100), "room behind"...)
		e.ok(e.a.Create(e.ctx, rec), "Create")
		one, two := e.load(e.a, rec.ID), e.load(e.a, rec.ID)
		one.Data = append(one.Data, '1')
		two.Data = append(two.Data, '2')
		if one.Data[len(one.Data)-1] != '1' {
			e.Fatalf("an append to one reader's Data reached the other's")
		}
		e.holds(rec)
	},
}}
