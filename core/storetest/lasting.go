package storetest

import (
	"bytes"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var lastingRules = []rule{{
	name: "WhatWasReadStays",
	text: "Subject, Labels and Data that a store has returned stay as they are, whatever others write. So a store copies memory that belongs to a transaction, a mapped file (bbolt, LMDB) or a buffer that it uses again.",
	run: func(e *env) {
		const records, updates = 60, 240
		var recs []*driver.Record
		for i := range records {
			rec := e.newMarked()
			if i%2 == 0 {
				rec.Subject, rec.Labels = "alice", append(rec.Labels, "admin") // the walks find these
			}
			rec.Data = []byte("secret of user " + rec.ID.String()[:1+i%30])
			e.ok([]driver.Store{e.a, e.b}[i/2%2].Create(e.ctx, rec), "Create")
			recs = append(recs, rec)
		}
		var all []kept
		for _, s := range []driver.Store{e.a, e.b} {
			all = append(all, e.readAll(s, recs)...)
		}
		for i := range updates {
			rec := recs[i%records]
			rec.Data = bytes.Repeat([]byte("X"), 5+i*7%50+i%7*100)
			e.ok([]driver.Store{e.b, e.a}[i%2].Update(e.ctx, rec), "Update")
			if i%5 == 0 {
				_, err := e.a.Load(e.ctx, recs[(i+7)%records].ID)
				e.ok(err, "Load")
			}
		}
		for _, k := range all {
			if changed := k.changed(); changed != "" {
				e.Fatalf("what %s returned has changed after %d Updates of %d records: %s. Copy what you return", k.by, updates, records, changed)
			}
		}
	},
}}

// kept is a record as a call returned it, and a copy that the test made at once.
type kept struct {
	by       string
	rec, was driver.Record
}

func keep(by string, rec driver.Record) kept {
	was := rec
	was.Subject, was.Data = strings.Clone(rec.Subject), bytes.Clone(rec.Data)
	was.Labels = slices.Clone(rec.Labels)
	for i, label := range was.Labels {
		was.Labels[i] = strings.Clone(label)
	}
	return kept{by, rec, was}
}

// changed says what has become of the record, "" if it is as it was. Memory of a mapped file may be gone: to read it would
// end the process.
func (k kept) changed() (how string) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if v := recover(); v != nil {
			how = "its memory is gone"
		}
	}()
	return differs(k.rec, k.was)
}

// readAll reads the records in every way that s has.
func (e *env) readAll(s driver.Store, recs []*driver.Record) (all []kept) {
	e.Helper()
	can := abilitiesOf(s)
	read := func(by string, rec driver.Record, err error) {
		e.Helper()
		e.ok(err, by)
		all = append(all, keep(by, rec))
	}
	for i, rec := range recs {
		got, err := s.Load(e.ctx, rec.ID)
		read("Load", got, err)
		if i%10 != 0 {
			continue
		}
		if can.Reloader != nil {
			got, err := can.Reloader.Reload(e.ctx, rec.ID)
			read("Reload", got, err)
		}
		if can.CacheReporter != nil {
			got, _, err := can.CacheReporter.LoadReported(e.ctx, rec.ID)
			read("LoadReported", got, err)
		}
		if can.Watcher != nil {
			got, stop, err := can.Watcher.Watch(e.ctx, rec.ID, func() {})
			read("Watch", got, err)
			stop()
		}
	}
	for by, walk := range e.walks(s) {
		for got, err := range walk {
			read(by, got, err)
		}
	}
	return all
}
