package core

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// RevokeAll ends the sessions of all users, and those of visitors, that began before the time given, and returns how
// many it ended. It is for a restored backup: with it, sessions come back that had ended since it was made. Give it
// the time of the restore, before the application takes requests: see "After a restored backup" in SECURITY.md.
//
// A session is as old as [Session.Created] says, so a RotateID makes it no younger. If a Login of the same user
// replaced a session from before in the last 30 seconds, or meanwhile, the new session is ended, too. So is what else
// this user began up to 30 seconds before such a Login, on another device, say. Any other sign-in since then stays.
// If a walk through the store takes longer than 30 seconds while users sign in, it may miss such a Login, and no
// error says so: call RevokeAll before the application takes requests, or give it the present as the time.
//
// Records that this process cannot open are ended, too, so a program that only calls RevokeAll needs no Keys. Those
// of another Namespace are not: without the application's Namespace, or its Cookie.Name or Sources, nothing is
// found, and the result is 0 and nil. RevokeAll walks through all sessions twice at least. Only the deadline of ctx
// ends it. The number counts after every error, too. errors.ErrUnsupported: the store has no list of all sessions.
// ErrUnreadable, ErrCorrupt: all others were ended, and the store has records that it cannot read itself.
// ErrConflict: users signed in again and again meanwhile.
//
// With the context of a request whose own session is among them, RevokeAll works like Logout at that place of the
// handler.
func (m *Manager) RevokeAll(ctx context.Context, before time.Time) (int, error) {
	if m.can.Lister == nil {
		return 0, m.unsupported("list sessions")
	}
	x := m.exchange(ctx)
	own, _ := x.stored()
	r := revokeBefore{m: m, before: micros(before), own: own, seen: map[ID]bool{}, taken: map[string][]span{}}
	err := r.run(ctx)
	m.noteDown(ctx, err)
	if r.ownEnded {
		x.revoked(func(s *Session) (stored, coming bool) {
			stored = s.live && s.rec.ID == own
			return stored, stored && s.fate == fateLogin
		})
	}
	return r.ended, err
}

// revokeBefore is a RevokeAll at work. It walks in passes, as revokeAll does and for the same reason.
type revokeBefore struct {
	m        *Manager
	before   int64
	own      ID
	ended    int
	ownEnded bool

	seen     map[ID]bool       // sessions that a Login has replaced
	logins   []login           // those of seen that are not known to be from before
	followed int               // how many are known to be from before
	taken    map[string][]span // by user: a session that began in one of these spans is to end, too
}

// login is a Login that replaced a session.
type login struct {
	subject     string
	created, at int64 // when the session began, and when the Login replaced it
}

// span is the time after from, up to and including to.
type span struct{ from, to int64 }

func (r *revokeBefore) run(ctx context.Context) error {
	var left error // the error of the first walk that could not read all
	for range 20 {
		ended, followed := r.ended, r.followed
		err := r.pass(ctx)
		r.follow()
		if left == nil {
			left = err
		}
		switch {
		case errors.Is(err, driver.ErrUnavailable):
			return err
		case r.ended == ended && r.followed == followed:
			return left
		}
	}
	err := fmt.Errorf("coatcheck: RevokeAll: users signed in again and again meanwhile: %w", driver.ErrConflict)
	return errors.Join(err, left)
}

func (r *revokeBefore) pass(ctx context.Context) error {
	for rec, err := range r.m.can.Lister.All(ctx) {
		if err != nil {
			return r.m.known(err)
		}
		if !r.m.space.owns(rec.ID) {
			continue
		}
		if b, ok := blockOf(rec.Data); ok && b.kind() != kindSession {
			r.note(&rec, b)
		} else if r.covers(rec.Subject, micros(rec.Created)) {
			if err := r.end(ctx, rec); err != nil {
				return err
			}
		}
	}
	return nil
}

// end ends a session: it replaces the version that the walk has seen by a record that has expired. If a Login has
// just ended the session, this Update fails. A Delete would succeed, and remove the trace of that Login. A Login that
// comes later finds no session.
func (r *revokeBefore) end(ctx context.Context, rec driver.Record) error {
	calls, cancel := r.m.storeContext(ctx)
	defer cancel()
	var err error
	for range 20 {
		now, over := r.m.now(), rec
		r.m.makeEnded(&over, kindEnded, now)
		over.Expires = fromMicros(now - lateFor) // for a store's clock that is behind
		if _, err = r.m.replace(calls, &over, ""); err == nil {
			r.m.observe(ctx, Event{Kind: EventDestroy, ID: rec.ID, Subject: rec.Subject})
			break
		}
		var h held
		failed := err
		unsure := errors.Is(err, driver.ErrUnavailable) // it may have been done, or be a conflict with a Login
		if unsure || errors.Is(err, driver.ErrConflict) {
			err = r.m.fetchPastCaches(calls, rec.ID, &h)
		}
		switch {
		case errors.Is(err, driver.ErrUnavailable):
			return r.m.known(err)
		case errors.Is(err, driver.ErrNotFound) && !unsure:
			return nil
		}
		if err != nil || h.Version == rec.Version {
			err = failed
			break
		}
		if b, ok := blockOf(h.Data); ok && b.kind() != kindSession {
			rec = h.record()
			r.note(&rec, b)
			return nil
		}
		rec, err = h.record(), driver.ErrConflict
	}
	if err != nil { // it cannot be written, or changes all the time
		if err := r.m.revoke(ctx, rec.ID, rec.Subject); err != nil {
			return r.m.known(err)
		}
	}
	r.ended++
	r.ownEnded = r.ownEnded || rec.ID == r.own
	return nil
}

// covers reports whether a session began before, or replaced one that did: its Login was called at most lateFor
// before that was stored.
func (r *revokeBefore) covers(subject string, created int64) bool {
	if created < r.before {
		return true
	}
	for _, t := range r.taken[subject] {
		if t.from < created && created <= t.to {
			return true
		}
	}
	return false
}

// note keeps an ended session, if a Login of its user ended it.
func (r *revokeBefore) note(rec *driver.Record, b block) {
	if b.kind() == kindEndedByLogin && rec.Subject != "" && !r.seen[rec.ID] {
		r.seen[rec.ID] = true
		r.logins = append(r.logins, login{rec.Subject, micros(rec.Created), b.replaced()})
	}
}

// follow finds the Logins that replaced a session which is to end. What they began is to end, too: it began in the
// lateFor before. The Logins may be a long chain.
func (r *revokeBefore) follow() {
	slices.SortFunc(r.logins, func(a, b login) int { return cmp.Compare(a.created, b.created) })
	for followed := -1; followed < r.followed; {
		followed = r.followed
		r.logins = slices.DeleteFunc(r.logins, func(l login) bool {
			if !r.covers(l.subject, l.created) {
				return false
			}
			r.take(l.subject, span{l.at - lateFor, l.at})
			r.followed++
			return true
		})
	}
}

func (r *revokeBefore) take(subject string, all span) {
	apart := slices.DeleteFunc(r.taken[subject], func(t span) bool {
		if t.to < all.from || all.to < t.from {
			return false
		}
		all = span{min(all.from, t.from), max(all.to, t.to)}
		return true
	})
	r.taken[subject] = append(apart, all)
}
