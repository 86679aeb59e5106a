package storetest

import (
	"bytes"
	"crypto/rand"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// subjects are users' names that a storage may confuse: with one another, with a pattern, with SQL, with the end of a
// text.
var subjects = []string{
	"", "alice", "Alice", "ALICE", "alice ", " alice", "alicé", "alice\u0301", "alic\u00e9\u0301",
	"0", "00", "1e3", "null", "NULL", "*", "%", "_", "a%", "a_ice", `a'; DROP TABLE sessions; --`, `"quoted"`, `back\slash`,
	"a:b", "a/b", "../../etc/passwd", "new\nline", "tab\t", "\r\n", "nul\x00byte", "nul\x00", "\xff\xfe not UTF-8",
	"日本語", "👩‍👩‍👧", "mail+tag@example.org", "{\"json\": true}",
	strings.Repeat("x", driver.MaxSubject), strings.Repeat("x", driver.MaxSubject-1) + "y", strings.Repeat("é", driver.MaxSubject/2),
}

var valueRules = []rule{{
	name: "SubjectIsBytes",
	text: "Subject may be any string of up to MaxSubject bytes, and comes back byte for byte.",
	run: func(e *env) {
		for _, subject := range subjects {
			rec := e.newRecord(long)
			rec.Subject = subject
			e.ok(e.a.Create(e.ctx, rec), "Create")
			e.mustHold(rec)
			rec.Data = randomBytes(30)
			e.ok(e.b.Update(e.ctx, rec), "Update")
			e.mustHold(rec)
		}
	},
}, {
	name: "DataIsOpaque",
	text: "Data is opaque: all byte values and all lengths up to the limit come back as they were. No Data comes back as length 0.",
	run: func(e *env) {
		every := make([]byte, 256)
		for i := range every {
			every[i] = byte(i)
		}
		rec := e.create(e.a, long)
		for _, data := range [][]byte{
			nil, {}, {0}, {'\n'}, []byte("\r\n"), every, bytes.Repeat(every, 20), randomBytes(4095), randomBytes(4097), randomBytes(65536),
			[]byte("END\r\nget x\r\n"), bytes.Repeat([]byte{0}, 1000), e.largeData(),
		} {
			created := e.newRecord(long)
			created.Data = data
			e.ok(e.b.Create(e.ctx, created), "Create")
			e.mustHold(created)
			rec.Data = data
			e.ok(e.a.Update(e.ctx, rec), "Update")
			e.mustHold(rec)
		}
	},
}, {
	name: "TooLarge",
	text: "If the storage does not take a record of this size, Create and Update answer ErrTooLarge, and what was stored stays.",
	run: func(e *env) {
		if e.h.MaxData == 0 {
			e.Skip("Harness.MaxData is 0: no limit to exceed")
		}
		rec := e.newRecord(long)
		data := rec.Data
		rec.Data = randomBytes(2 * e.h.MaxData)
		e.mustFail(e.a.Create(e.ctx, rec), driver.ErrTooLarge, "Create")
		e.mustBeAbsent(e.b, rec.ID)

		rec.Data = data
		e.ok(e.a.Create(e.ctx, rec), "Create")
		change := *rec
		change.Data, change.Subject = randomBytes(2*e.h.MaxData), ""
		before := change
		e.mustFail(e.b.Update(e.ctx, &change), driver.ErrTooLarge, "Update")
		e.mustEqual(change, before, "the record given")
		e.mustHold(rec)
	},
}}

// largeData returns 1 MiB, or MaxData if that is less.
func (e *env) largeData() []byte {
	if 0 < e.h.MaxData && e.h.MaxData < 1<<20 {
		return randomBytes(e.h.MaxData)
	}
	return randomBytes(1 << 20)
}

// largestData returns MaxData bytes, or 1 MiB if there is no such limit.
func (e *env) largestData() []byte {
	if e.h.MaxData > 0 {
		return randomBytes(e.h.MaxData)
	}
	return randomBytes(1 << 20)
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
