package storetest

import (
	"fmt"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var labelRules = []rule{{
	name: "LabelsAreKept",
	text: "Up to MaxLabels Labels of 1 to MaxSubject bytes each come back byte for byte and in their order.",
	run: func(e *env) {
		var longest []string
		for i := range driver.MaxLabels {
			longest = append(longest, strings.Repeat("x", driver.MaxSubject-1)+fmt.Sprint(i))
		}
		for _, labels := range append(labelSets(), longest) {
			rec := e.createLabelled(long, labels...)
			e.mustHold(rec)
			rec.Data = randomBytes(30)
			e.ok(e.b.Update(e.ctx, rec), "Update")
			rec.Used, rec.Expires = e.after(long), e.after(2*long)
			e.ok(e.a.Touch(e.ctx, rec.ID, rec.Version, rec.Used, rec.Expires), "Touch")
			e.mustHold(rec)
		}
	},
}, {
	name: "LargestNames",
	text: "A record takes the longest Subject, the most and longest Labels and the largest Data together.",
	run: func(e *env) {
		rec := e.newRecord(long)
		rec.Subject, rec.Data = strings.Repeat("s", driver.MaxSubject), e.largestData()
		for i := range driver.MaxLabels {
			rec.Labels = append(rec.Labels, strings.Repeat("l", driver.MaxSubject-1)+fmt.Sprint(i))
		}
		e.ok(e.a.Create(e.ctx, rec), "Create")
		e.mustHold(rec)
		e.ok(e.b.Update(e.ctx, rec), "Update")
		e.mustHold(rec)
	},
}, {
	name:  "ByLabelListsTheLiving",
	needs: "Indexer",
	text:  "ByLabel yields the live records that have the label at any place among their Labels, each once. It yields no deleted and no expired record.",
	run: func(e *env) {
		var admin, sid []*driver.Record
		for i := range 9 {
			rec := e.createLabelled(long, [][]string{{"admin"}, {"sid", "admin"}, {"other", "sid", "admin"}}[i%3]...)
			admin = append(admin, rec)
			if i%3 > 0 {
				sid = append(sid, rec)
			}
		}
		e.createMany(3, "alice")
		e.ok(e.b.Delete(e.ctx, e.createLabelled(long, "admin", "sid").ID), "Delete")
		short := e.createLabelled(e.short(), "sid", "admin")
		e.waitUntil(short.Expires)
		for _, s := range []driver.Store{e.a, e.b} {
			e.mustList(e.byLabel(s, "admin"), admin, "admin")
			e.mustList(e.byLabel(s, "sid"), sid, "sid")
			e.mustList(e.byLabel(s, "nobody"), nil, "a label that no record has")
		}
	},
}, {
	name:  "ByLabelIsExact",
	needs: "Indexer",
	text:  "Labels are equal only byte for byte: no separator, collation or pattern makes two of them equal.",
	run: func(e *env) {
		recs := map[string][]*driver.Record{}
		for _, labels := range labelSets() {
			rec := e.createLabelled(long, labels...)
			for _, label := range labels {
				recs[label] = append(recs[label], rec)
			}
		}
		for label, want := range recs {
			e.mustList(e.byLabel(e.b, label), want, label)
		}
		for _, other := range []string{"alic", "alicee", "aLICE", "1000", "xx", "%%"} {
			e.mustList(e.byLabel(e.b, other), nil, other)
		}
	},
}, {
	name:  "SubjectIsNoLabel",
	needs: "Indexer",
	text:  "A subject is not found as a label, and a label is not found as a subject, even if the texts are equal.",
	run: func(e *env) {
		alice := e.createLabelled(long, "bob")
		bob := e.newRecord(long)
		bob.Subject, bob.Labels = "bob", []string{"carol", "bob"} // a label may equal the record's Subject
		e.ok(e.b.Create(e.ctx, bob), "Create")
		for _, s := range []driver.Store{e.a, e.b} {
			e.mustList(e.bySubject(s, "alice"), []*driver.Record{alice}, "the subject alice")
			e.mustList(e.byLabel(s, "alice"), nil, "the label alice")
			e.mustList(e.bySubject(s, "bob"), []*driver.Record{bob}, "the subject bob")
			e.mustList(e.byLabel(s, "bob"), []*driver.Record{alice, bob}, "the label bob")
			e.mustList(e.bySubject(s, "carol"), nil, "the subject carol")
		}
	},
}, {
	name:  "ByLabelFollowsChanges",
	needs: "Indexer",
	text:  "A record is listed by its labels, with its present data and times, until an Update clears its Subject or a Delete removes it.",
	run: func(e *env) {
		rec, other := e.createLabelled(long, "admin", "sid"), e.createLabelled(long, "admin")
		change := *rec
		change.Labels, change.Data = []string{"sid", "more"}, randomBytes(30)
		e.ok(e.b.Update(e.ctx, &change), "Update")
		rec.Version, rec.Data = change.Version, change.Data
		rec.Used, rec.Expires = e.after(long), e.after(2*long)
		e.ok(e.b.Touch(e.ctx, rec.ID, rec.Version, rec.Used, rec.Expires), "Touch")
		e.mustList(e.byLabel(e.a, "admin"), []*driver.Record{rec, other}, "a label that it has")
		e.mustList(e.byLabel(e.a, "more"), nil, "a label that an Update named")

		rec.Subject = ""
		e.ok(e.a.Update(e.ctx, rec), "Update that clears")
		e.mustList(e.byLabel(e.b, "admin"), []*driver.Record{other}, "after an Update that clears")
		e.mustList(e.byLabel(e.b, "sid"), nil, "another label, after an Update that clears")
		rec.Subject = "alice"
		e.ok(e.a.Update(e.ctx, rec), "Update after that")
		e.mustList(e.byLabel(e.b, "sid"), nil, "after an Update that brings neither back")
		e.ok(e.b.Delete(e.ctx, other.ID), "Delete")
		e.mustList(e.byLabel(e.a, "admin"), nil, "after Delete")
	},
}}

// labelSets returns Labels for a number of records: all of subjects, which are as difficult as labels, and texts with
// what a storage may use to separate labels.
func labelSets() (sets [][]string) {
	sets = [][]string{
		{"a", "b", "c"}, {"a,b", "c"}, {"a b", "c"}, {"a|b", "c"}, {"a;b", "c"}, {"a\x00b", "c"}, {"a\nb", "c"}, {"a\x1fb", "c"}, {`a","b`, "c"},
		{"b", "a"}, {"c", "b", "a"}, {"\x00"}, {"\x00", "\x00\x00"},
	}
	rest := subjects[1:]
	for len(rest) > 0 {
		n := min(driver.MaxLabels, len(rest))
		sets = append(sets, rest[:n])
		rest = rest[n:]
	}
	return sets
}
