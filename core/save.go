package core

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// One save, from the session's changes to the store's answer. The kinds of saves are in update.go, begin.go,
// login.go, end.go and tokens.go.

// saving is one save under way. It takes the changes out of the session when it begins, so that the handler's
// goroutines need not wait for the store. It stays on the stack: the store is given a pointer to rec only.
type saving struct {
	m       *Manager
	ctx     context.Context
	now     int64     // microseconds
	started time.Time // of the first pause

	old       held // what the store is known to hold, if live
	live      bool
	rotate    bool
	fate      fate        // of old
	presented []presented // to be ended, too
	adopted   bool        // another system's session is to be ended, too
	onlyRead  bool        // all changes are of its Adoption
	ops       []op        // what the request did
	st        state       // the session after ops
	next      issued      // the token to come
	most      int         // sessions that the new session's user may have; 0: no limit

	rec      *driver.Record // the session's record after the save, if stored
	placed   bool           // rec, the first record of a new session, is in the store
	mark     uint64         // of the last write
	ending   uint64         // mark of the record that ends old for a Login
	token    string
	stored   bool
	replaced driver.ID // by a Login
	deliver  delivery

	reloaded  bool // st differs from what the handler last saw
	unknown   bool // nobody knows whether the store has carried out an update, or the end of old for a Login
	outdated  bool // the client has, or gets, a newer token from another request
	overtaken bool // old was ended by a Login of another request
	unseen    bool // no cookie can be sent
	passive   bool // Exchange.Passive
	inPassing bool // leaves the deadline, and an empty session, to the save or touch at commit
}

// save stores the changes of s. x.mu is held.
func (x *Exchange) save(ctx context.Context, s *Session) error {
	writing, cancel := x.m.writeContext(ctx)
	defer cancel()
	x.alsoEnds(ctx, s)
	j := saving{ctx: writing}
	if due, err := x.collect(ctx, s, &j); !due {
		return err
	}
	s.reruns.Add(1)
	defer s.reruns.Add(-1)
	var was ID
	if j.live {
		was = j.old.ID
	}
	defer s.afterSave(was, j.fate)
	err := j.run()
	if err == nil {
		s.done(&j)
		switch {
		case !j.adopted:
		case j.stored:
			if err = x.tell(writing, s); errors.Is(err, ErrEnded) && !j.signsIn() {
				return x.takenBefore(writing, s, j.onlyRead)
			}
			err = nil // logged
		case j.fate == fateEnd:
			err = x.tell(writing, s)
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, ErrEnded) {
			err = driver.Unavailable("coatcheck", fmt.Errorf("%w: %w", errAdoption, err))
		}
	}
	s.mu.Lock()
	tidied := !s.dirty() && s.emptied
	s.fixed, s.next = 0, issued{} // the failed save may have been carried out
	switch {
	case errors.Is(err, ErrRefused): // the handler is told, and a later save must not do what it says was refused
		s.spoilBy(err)
		s.rare.failed[len(s.rare.failed)-1].told = true
	case errors.Is(err, ErrEnded):
		s.ended()
	case j.unknown && (j.rotate || slices.ContainsFunc(j.ops, countsTwice)):
		s.spoil(nil, err) // the store may have it, and another save would apply it twice
		s.rare.failed[0].told = true
	}
	s.mu.Unlock()
	err = x.dropped(ctx, s, err)
	if tidied {
		return nil // the handler changed nothing, and its messages were claimed before
	}
	return err
}

// collect takes the changes out of s into j. It returns false if there are none, or if they cannot be saved.
func (x *Exchange) collect(ctx context.Context, s *Session, j *saving) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return false, s.err
	case s.failure() != nil:
		return false, s.failure()
	case !s.dirty() && !s.emptied:
		return false, nil
	}
	s.edit()
	var why error
	switch {
	case s.crowded:
		why = ErrCrowded
		s.spoil(nil, why)
	case s.late && len(s.ops) > 0 && !has(s.ops, opLogin):
		why = errLate
		s.ended()
		s.err = why
	case x.phase != phaseOpen && x.needsCookie(s):
		why = ErrHeaderSent
		s.spoil(nil, why)
	}
	if why != nil {
		if s.failure() != nil {
			s.rare.failed[0].told = true
		}
		return false, x.dropped(ctx, s, why)
	}
	*j = saving{
		m: x.m, ctx: j.ctx, now: max(x.m.now(), s.cur.created),
		old: s.rec, live: s.live, rotate: s.rotate, fate: s.fate, presented: s.toEnd(),
		ops: s.ops[:len(s.ops):len(s.ops)], st: s.cur, token: s.token, unseen: x.phase != phaseOpen,
		adopted: s.adopted(), onlyRead: s.adopted() && s.gen == s.rare.adopted, passive: x.passive,
	}
	switch {
	case j.creates():
		j.next = s.pending()
		if !has(j.ops, opLogin) {
			j.st.created = j.now // the rough clock may have slept with the machine
		}
	case j.rotate && s.next.id.IsZero(): // a save has failed before
		s.next = x.m.reissue(s.rec.ID)
		j.next = s.next
	case j.rotate:
		j.next = s.next
	}
	s.fixed, s.shared = uint32(len(s.ops)), true
	s.beforeSave()
	return true, nil
}

// toEnd returns the sessions that the request presented and now ends, beside its own. s.mu is held.
func (s *Session) toEnd() []presented {
	if s.rare == nil {
		return nil
	}
	over := s.fate == fateEnd
	login := has(s.ops, opLogin)
	return slices.DeleteFunc(slices.Clone(s.presented()), func(p presented) bool {
		switch p.end {
		case endOnLifecycle:
			return !over && !login
		case endOnLogout:
			return !over
		}
		return false
	})
}

// needsCookie reports whether the changes are of no use unless the client gets a cookie. s.mu is held.
func (x *Exchange) needsCookie(s *Session) bool {
	if x.m.tokens != nil {
		return s.live && s.fate == fateKeep || !s.cur.empty()
	}
	// The browser must forget the cookie, and no later page can say so.
	forgets := has(s.ops, opExpiry) && !x.m.persistent(s.cur.expiry)
	return s.rotate || forgets && s.live || (!s.live || s.fate != fateKeep) && !s.cur.empty()
}

// ended makes s what it has turned out to be: no session. s.mu is held.
func (s *Session) ended() {
	s.live, s.late, s.err = false, true, ErrEnded
	s.delivery = deliverNothing // also what an earlier Save wanted to send
	s.ops, s.rotate, s.fate, s.next, s.emptied = nil, false, fateKeep, issued{}, false
	s.endDone()
}

// done puts the outcome of j into s. What the handler did meanwhile stays on top.
func (s *Session) done(j *saving) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ops, s.fixed = slices.Clone(s.ops[s.fixed:]), 0
	s.rotate, s.fate, s.next, s.emptied = false, fateKeep, issued{}, false
	if len(j.presented) > 0 {
		s.rare.presented = nil
	}
	s.settle(j)
}

// settle makes j's stored record the base on which s.ops apply. s.mu is held, except while functions given to Update
// run: they may read the session.
func (s *Session) settle(j *saving) {
	s.live, s.token = j.stored, j.token
	s.late = s.late && !j.stored
	if s.rec = (held{}); j.stored {
		s.rec = hold(j.rec)
		s.remaining = time.Duration(s.rec.Expires-j.now) * time.Microsecond
	}
	// If nothing is stored any more, the cookie that an earlier Save wanted to send is dropped, too, unless it
	// deletes the client's.
	if !j.stored && s.delivery != deliverDeletion || j.deliver == deliverToken || s.delivery == deliverNothing {
		s.delivery = j.deliver
	}
	if j.outdated && s.delivery != deliverDeletion {
		s.delivery = deliverNothing
	}
	for tries := 0; len(s.ops) > 0 && j.reloaded; tries++ {
		ops, gen := slices.Clone(s.ops), s.gen
		st := j.st.clone()
		err := errPanic // cur would stand on s.rec, and not have what others have stored in it
		func() {
			defer func() {
				if err == errPanic {
					s.spoil(nil, err)
				}
			}()
			err = s.unlocked(func() error { return st.replay(ops) })
		}()
		if s.gen != gen && tries < maxRuns {
			continue
		}
		if err != nil {
			s.spoilBy(err)
		}
		s.cur, s.shared = st, false
		s.gen++ // an Update under way began with a value that another request has replaced
		return
	}
	if len(s.ops) == 0 {
		s.cur, s.shared = j.st, false
		s.gen++
	}
	if !j.stored { // what comes is another session
		codec := s.cur.codec
		s.cur.header = s.x.m.blank(j.now).header
		s.cur.codec = codec
		for i := range s.ops {
			if s.ops[i].kind == opExpiry {
				_ = s.cur.apply(&s.ops[i])
			}
		}
	}
}

// unlocked runs f without s.mu. Afterwards s.mu is held again, even if f panics: callers unlock it in a defer, and
// unlocking it twice ends the process.
func (s *Session) unlocked(f func() error) error {
	s.mu.Unlock()
	defer s.mu.Lock()
	return f()
}

// dropped reports changes that were not stored. What clients can cause again and again is logged at most once per
// quiet interval.
func (x *Exchange) dropped(ctx context.Context, s *Session, err error) error {
	level := slog.LevelWarn
	switch {
	case errors.Is(err, errHurried), errors.Is(err, ErrEnded), errors.Is(err, ErrCrowded), errors.Is(err, ErrConflict), errors.Is(err, ErrRefused):
		level = slog.LevelDebug
		args := []any{"error", err}
		if !s.rec.ID.IsZero() { // a late request has none
			args = []any{"session", s.rec.ID, "error", err}
		}
		x.m.warn(ctx, EventDropped, "session changes not stored", args...)
	case errors.Is(err, ErrTooManySessions):
		level = slog.LevelDebug // the limit did what it is for
	case errors.Is(err, errAdoption):
		level = slog.LevelDebug // tell has warned
	case errors.Is(err, ErrUnavailable):
		level = slog.LevelDebug
		x.m.down(ctx, err)
	}
	x.drop(ctx, s.rec.ID, err, level)
	return err
}

// creates reports whether a new record is due. An empty session never gets one.
func (j *saving) creates() bool { return (!j.live || j.fate != fateKeep) && !j.st.empty() }

// run does the save. It writes what is new before it removes what is old.
func (j *saving) run() error {
	if j.creates() {
		j.most = j.m.mostOf(j.ctx, j.st.subject)
	}
	switch {
	case j.m.tokens != nil:
		return j.runTokens()
	case j.live && j.fate == fateKeep:
		return j.update()
	case !j.creates():
		return j.finish()
	case j.live && j.fate == fateLogin:
		return j.login()
	}
	return j.begin()
}

func (j *saving) report(kind EventKind, id driver.ID) {
	j.m.observe(j.ctx, Event{Kind: kind, ID: id, Subject: j.st.subject})
}

// Save stores what the session did so far. It is for handlers whose request lasts long after its header: streams,
// sockets. They may also need Done and Refresh. Without changes it asks the store whether the session is still there.
// ErrHeaderSent: the change needs a cookie, and it is too late for one. ErrEnded: another request ended the session. ctx
// should still be alive.
func (s *Session) Save(ctx context.Context) error {
	if s.repeats() {
		return nil
	}
	if s.x == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.writable()
	}
	s.x.mu.Lock()
	defer s.x.mu.Unlock()
	s.mu.Lock()
	idle := s.err == nil && s.failure() == nil && !s.dirty() && !s.emptied && s.live
	s.mu.Unlock()
	var err error
	if idle {
		err = s.x.check(ctx, s)
	} else {
		err = s.x.save(ctx, s)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unsaved = err != nil; s.unsaved {
		s.rarely().unsaved = s.gen
	}
	return exposed(err)
}

// check asks whether a session that the request did not change is still there. x.mu is held.
func (x *Exchange) check(ctx context.Context, s *Session) error {
	calls, cancel := x.m.writeContext(ctx)
	defer cancel()
	err := x.m.lives(calls, s.rec)
	if errors.Is(err, driver.ErrNotFound) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ended()
		err = ErrEnded
	}
	if errors.Is(err, ErrUnavailable) {
		x.m.down(ctx, err)
	} else if err != nil {
		x.m.cfg.Logger.DebugContext(aside{ctx}, "coatcheck: Save found that the session is gone", "session", s.rec.ID, "error", err)
	}
	return err
}
