package storetest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

const textRule = "The text of an error begins with the package's name and a colon, and shows no Subject, Label or Data of a record: it goes into logs."

var textRules = []rule{{
	name: "ErrorTexts",
	text: textRule,
	run: func(e *env) {
		rec, absent := e.createMarked(), e.newMarked()
		marked, seen := []*driver.Record{rec, absent}, map[string]bool{}
		see := func(err error, what string) {
			if err == nil {
				return // other rules say which call must fail
			}
			if wrong := wrongText(e.b, err, marked...); wrong != "" && !seen[wrong] {
				seen[wrong] = true
				e.Errorf("%s: %s", what, wrong)
			}
		}
		all := func(ctx context.Context, rec *driver.Record, what string) {
			for _, c := range calls(e.b, *rec) {
				see(c.run(ctx, e.b), c.name+" ("+what+")")
			}
		}
		again := *absent
		again.ID = rec.ID
		see(e.b.Create(e.ctx, &again), "Create of a record that exists")
		if limiter := abilitiesOf(e.b).Limiter; limiter != nil {
			over := *rec
			over.ID = newID()
			_, err := limiter.CreateLimited(e.ctx, &over, driver.Limit{Most: 1, Refuse: true})
			see(err, "CreateLimited beyond the limit")
		}
		if e.h.MaxData > 0 {
			large := *absent
			large.Data = append(large.Data, randomBytes(2*e.h.MaxData)...)
			see(e.b.Create(e.ctx, &large), "Create of a record that is too large")
		}
		if e.h.Newer != nil {
			newer := e.createMarked()
			marked = append(marked, newer)
			back := e.makeNewer(newer.ID)
			all(e.ctx, newer, "a newer format")
			back()
		}
		if e.h.Damage != nil {
			damaged := e.createMarked()
			marked = append(marked, damaged)
			e.h.Damage(e.TB, damaged.ID)
			all(e.ctx, damaged, "damaged")
		}
		stale := *rec
		stale.Version--
		all(e.ctx, &stale, "an old version")
		all(e.ctx, absent, "absent")
		ended, cancel := context.WithDeadline(e.ctx, time.Now().Add(-time.Second))
		defer cancel()
		all(ended, rec, "the context has ended")
	},
}}

// newMarked returns a record whose Subject, Label and Data are marks that are in no text by chance.
func (e *env) newMarked() *driver.Record {
	rec := e.newRecord(long)
	rec.Subject, rec.Labels, rec.Data = mark(), []string{mark()}, []byte("\x01\x00"+mark()) // no driver.Ended
	return rec
}

const markSize = 12

func mark() string { return rand.Text()[:markSize] }

func (e *env) createMarked() *driver.Record {
	e.Helper()
	rec := e.newMarked()
	e.ok(e.a.Create(e.ctx, rec), "Create")
	return rec
}

// inner is how the error of a store begins that a wrapper passes on.
var inner = regexp.MustCompile(`^[a-z][a-z0-9_]*: `)

// wrongText says what is wrong with the text of an error of s, "" if nothing is. The records are those of newMarked that
// it may be about.
func wrongText(s driver.Store, err error, recs ...*driver.Record) string {
	text, name := err.Error(), s.Info().Name
	_, wrapper := s.(interface{ Abilities() driver.Abilities })
	if !strings.HasPrefix(text, name+": ") && !(wrapper && inner.MatchString(text)) {
		return fmt.Sprintf("the error %q does not begin with %q", text, name+": ")
	}
	for _, rec := range recs {
		for _, part := range []struct{ name, mark string }{{"Subject", rec.Subject}, {"Label", rec.Labels[0]}, {"Data", string(rec.Data[2 : 2+markSize])}} {
			if shows(text, part.mark) {
				return fmt.Sprintf("the error %q shows the %s", text, part.name)
			}
		}
	}
	return ""
}

// shows reports whether the text has the mark in it, as it is or as Go prints bytes.
func shows(text, mark string) bool {
	for _, form := range []string{
		mark, hex.EncodeToString([]byte(mark)), strings.Trim(fmt.Sprint([]byte(mark)), "[]"), base64.StdEncoding.EncodeToString([]byte(mark)),
	} {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}
