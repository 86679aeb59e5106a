package storetest

import (
	"slices"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var inspectRules = []rule{{
	name:  "InspectTellsOfTheStorage",
	needs: "Inspector",
	text:  "Inspect tells of the storage, and changes no record. Each finding has a name and a value. The names are the same at each call, and no two are equal.",
	run: func(e *env) {
		rec := e.create(e.a, long)
		before, after := e.inspect(e.a), e.inspect(e.a)
		if !slices.EqualFunc(before, after, func(a, b driver.Finding) bool { return a.Name == b.Name }) {
			e.Fatalf("Inspect found %v and then %v", before, after)
		}
		seen := map[string]bool{}
		for _, f := range after {
			if f.Name == "" || f.Value == "" || seen[f.Name] {
				e.Fatalf("Inspect: name %q, value %q, found before: %t", f.Name, f.Value, seen[f.Name])
			}
			seen[f.Name] = true
		}
		e.mustHold(rec)
	},
}, {
	name:  "InspectShowsNoRecord",
	needs: "Inspector",
	text:  "No finding of Inspect has anything in it that a record holds.",
	run: func(e *env) {
		rec := e.newRecord(long)
		rec.Subject, rec.Labels, rec.Data = "subject-"+rec.ID.String(), []string{"label-" + rec.ID.String()}, []byte("data-"+rec.ID.String())
		e.ok(e.a.Create(e.ctx, rec), "Create")
		for _, s := range []driver.Store{e.a, e.b} {
			for _, f := range e.inspect(s) {
				// All that the record holds has its ID in it. The first half is its own.
				if all := f.Name + " " + f.Value + " " + f.Warning; strings.Contains(all, rec.ID.String()[:32]) {
					e.Fatalf("Inspect shows a record: %q", all)
				}
			}
		}
	},
}}

func (e *env) inspect(s driver.Store) []driver.Finding {
	e.Helper()
	found, err := abilitiesOf(s).Inspector.Inspect(e.ctx)
	e.ok(err, "Inspect")
	if len(found) == 0 {
		e.Fatalf("Inspect has found nothing")
	}
	return found
}
