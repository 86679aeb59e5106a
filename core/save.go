package core

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// saving is one save under way. It is taken out of the session when the save begins, so
// that the handler's goroutines need not wait for the store. It stays on the stack: what a
// store is given a pointer to is rec.
type saving struct {
	m       *Manager
	ctx     context.Context
	now     int64     // microseconds
	started time.Time // of the first pause

	old    driver.Record // what the store is known to hold, if live
	live   bool
	rotate bool
	doomed bool
	ops    []op  // what the request did,
	st     state // and what that makes of the session
	next   pendingToken

	rec     *driver.Record // what stands for the session in the end, if stored
	token   string
	stored  bool
	deliver delivery

	reloaded  bool // st is not what the handler last saw
	inPassing bool // the deadline is left to the save or touch at commit
}

// save stores the changes of s. x.mu is held.
func (x *Exchange) save(ctx context.Context, s *Session) error {
	writing, cancel := x.m.writeContext(ctx)
	defer cancel()
	j := saving{ctx: writing}
	if due, err := x.collect(ctx, s, &j); !due {
		return err
	}
	err := j.run()
	if err == nil {
		s.done(&j)
		return nil
	}
	s.mu.Lock()
	s.fixed, s.next = 0, pendingToken{} // the store may have it all the same
	if errors.Is(err, ErrEnded) {
		s.ended()
	}
	s.mu.Unlock()
	return x.dropped(ctx, s, err)
}

// collect takes the changes out of s into j; false if there are none, or they cannot be saved.
func (x *Exchange) collect(ctx context.Context, s *Session, j *saving) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return false, s.err
	case s.bad != nil:
		return false, s.bad
	case !s.dirty():
		return false, nil
	}
	s.edit()
	var why error
	switch {
	case s.gone && !has(s.ops, opLogin):
		why = ErrEnded
		s.ended()
	case x.phase != phaseOpen && x.needsCookie(s):
		why = ErrHeaderSent
		s.bad = why
	}
	if why != nil {
		x.m.observe(ctx, Event{Kind: EventDropped, ID: s.rec.ID, Err: why})
		x.m.cfg.Logger.WarnContext(aside{ctx}, "coatcheck: session changes not stored", "error", why)
		return false, why
	}
	*j = saving{
		m: x.m, ctx: j.ctx, now: x.m.now(),
		old: s.rec, live: s.live, rotate: s.rotate, doomed: s.doomed,
		ops: s.ops[:len(s.ops):len(s.ops)], st: s.cur, token: s.token,
	}
	if j.rotate || j.creates() {
		j.next = s.pending()
	}
	s.fixed, s.shared = uint32(len(s.ops)), true
	return true, nil
}

// needsCookie reports whether the changes are of no use unless the client is told. s.mu is held.
func (x *Exchange) needsCookie(s *Session) bool {
	if x.m.tokens != nil {
		return s.live && !s.doomed || !s.cur.empty()
	}
	return s.rotate || (!s.live || s.doomed) && !s.cur.empty()
}

// ended makes s the session that it turned out to be: none. s.mu is held.
func (s *Session) ended() {
	s.live, s.gone, s.err = false, true, ErrEnded
	s.delivery = deliverNothing // whatever an earlier Save wanted the client to have
	s.ops, s.rotate, s.doomed, s.next = nil, false, false, pendingToken{}
}

// done puts the outcome of j into s, under what the handler did meanwhile.
func (s *Session) done(j *saving) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ops, s.fixed = slices.Clone(s.ops[s.fixed:]), 0
	s.rotate, s.doomed, s.next = false, false, pendingToken{}
	s.settle(j)
}

// settle makes what j stored the ground under s.ops. s.mu is held, but for the time
// in which functions given to Update run: they may read the session.
func (s *Session) settle(j *saving) {
	s.live, s.gone, s.token = j.stored, false, j.token
	if s.rec = (driver.Record{}); j.stored {
		s.rec, s.left = *j.rec, j.rec.Expires.Sub(fromMicros(j.now))
	}
	// Where nothing stands any more, neither does the cookie that an earlier Save wanted sent,
	// unless it wanted the cookie gone.
	if !j.stored && s.delivery != deliverDeletion || j.deliver == deliverToken || s.delivery == deliverNothing {
		s.delivery = j.deliver
	}
	for len(s.ops) > 0 && j.reloaded {
		ops, gen := slices.Clone(s.ops), s.gen
		st := j.st.clone()
		err := s.unlocked(func() error { return st.replay(ops) })
		if s.gen != gen {
			continue
		}
		if err != nil && s.bad == nil {
			s.bad = err
		}
		s.cur, s.shared = st, false
		s.gen++ // an Update under way began with what another request has replaced
		return
	}
	if len(s.ops) == 0 {
		s.cur, s.shared = j.st, false
		s.gen++
	}
}

// unlocked runs f without s.mu, which is held again afterwards, also if f panics: callers
// unlock it in a defer, and unlocking it twice ends the process.
func (s *Session) unlocked(f func() error) error {
	s.mu.Unlock()
	defer s.mu.Lock()
	return f()
}

// dropped reports changes that were not stored.
func (x *Exchange) dropped(ctx context.Context, s *Session, err error) error {
	x.m.observe(ctx, Event{Kind: EventDropped, ID: s.rec.ID, Err: err})
	x.m.cfg.Logger.WarnContext(aside{ctx}, "coatcheck: session changes not stored", "session", s, "error", err)
	return err
}

// creates reports whether a new record is due: never for an empty session.
func (j *saving) creates() bool { return (!j.live || j.doomed) && !j.st.empty() }

// run does the job. What is new is written before what is old goes.
func (j *saving) run() error {
	if j.creates() {
		if err := j.create(); err != nil {
			return err
		}
	}
	switch {
	case !j.live:
		return nil
	case j.doomed:
		return j.end()
	case !j.rotate:
		return j.update()
	}
	move := j.move
	if j.m.tokens != nil {
		move = j.reissue
	}
	err := move()
	if errors.Is(err, ErrEnded) && has(j.ops, opLogin) {
		return j.restart()
	}
	return err
}

// restart makes a Login of what was to be one, although the session that it was in has been
// ended meanwhile: a new session, with nothing of the old one.
func (j *saving) restart() error {
	j.live, j.reloaded = false, true
	codec := j.st.codec // the ops' values are in it
	j.st = j.m.blank(j.now)
	j.st.codec = codec
	if err := j.st.replay(j.ops); err != nil {
		return err
	}
	return j.create()
}

// create inserts a new session under the pending token.
func (j *saving) create() error {
	j.rec = &driver.Record{ID: j.next.id}
	if err := j.fill(); err != nil {
		return err
	}
	token, err := j.m.insert(j.ctx, j.rec, j.next.token)
	if err != nil {
		return err
	}
	j.written(token, deliverToken)
	return nil
}

// update rewrites a live record, again and again while others are faster.
func (j *saving) update() error {
	j.rec = new(driver.Record)
	for attempt := 0; ; attempt++ {
		*j.rec = j.old
		if err := j.fill(); err != nil {
			return err
		}
		if j.m.expired(&j.old) {
			return ErrEnded
		}
		token, err := j.m.replace(j.ctx, j.rec, j.token)
		if err == nil {
			deliver := deliverRefresh
			if token != j.token || has(j.ops, opExpiry) {
				deliver = deliverToken
			}
			j.written(token, deliver)
			return nil
		}
		if err = j.again(attempt, err); err != nil {
			return err
		}
	}
}

// end deletes the session that the request came with. If another request rotated or ended
// it first, the client may hold a newer cookie, which must not be touched.
func (j *saving) end() error {
	err := j.m.alive(j.ctx, j.old)
	if errors.Is(err, driver.ErrNotFound) {
		return nil
	}
	if err == nil {
		if err = j.retire(j.old); errors.Is(err, driver.ErrNotFound) {
			return nil
		}
	}
	if err != nil {
		j.undo()
		return err
	}
	j.report(EventDestroy, j.old.ID)
	if !j.stored {
		j.deliver = deliverDeletion
	}
	return nil
}

// retire makes sure that the token of rec is worth nothing any more, as far as the
// application wants that: a cookie store may have been told not to revoke.
func (j *saving) retire(rec driver.Record) error {
	err := j.m.remove(j.ctx, rec.ID, fromMicros(j.now).Add(j.m.cfg.Lifetime))
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// undo removes a record that this save wrote and that nobody will be told of. If it fails,
// the record expires like any other.
func (j *saving) undo() {
	if rec := j.rec; rec != nil && rec.Version > 0 && j.m.store != nil && j.ctx.Err() == nil {
		_ = j.m.remove(j.ctx, rec.ID, rec.Expires)
	}
}

func (j *saving) written(token string, deliver delivery) {
	j.token, j.deliver, j.stored = token, deliver, true
	if has(j.ops, opLogin) {
		j.report(EventLogin, j.rec.ID)
	}
}

func (j *saving) report(kind EventKind, id driver.ID) {
	j.m.observe(j.ctx, Event{Kind: kind, ID: id, Subject: j.st.subject})
}

// fill makes rec, whose ID is set, hold the state.
func (j *saving) fill() (err error) {
	rec := j.rec
	rec.Subject = j.st.subject
	rec.Created = fromMicros(j.st.created)
	if !j.inPassing {
		rec.Expires = fromMicros(j.m.deadline(&j.st.header, j.now))
	}
	rec.Data, err = j.m.seal(&j.st, rec.ID)
	return err
}

// again looks at why a write failed. After a conflict it loads what another request stored
// and does this request's ops to it; every other error it returns.
func (j *saving) again(attempt int, failed error) error {
	if errors.Is(failed, driver.ErrNotFound) {
		return ErrEnded
	}
	if !errors.Is(failed, driver.ErrConflict) {
		return failed
	}
	j.report(EventConflict, j.old.ID)
	if err := j.pause(attempt); err != nil {
		return err
	}
	return j.reload()
}

// reload starts anew from what the store holds now.
func (j *saving) reload() error {
	var rec driver.Record
	var st state
	err := j.m.fetch(j.ctx, j.old.ID, &rec, &st)
	if errors.Is(err, driver.ErrNotFound) || err == nil && st.kind == kindMarker {
		return ErrEnded
	}
	if err != nil {
		return err
	}
	if err := st.replay(j.ops); err != nil {
		return err
	}
	j.old, j.st, j.reloaded = rec, st, true
	return nil
}

// pause waits a random time that grows, within what StoreTimeout leaves.
func (j *saving) pause(attempt int) error {
	if attempt == 0 {
		j.started = time.Now()
	}
	if attempt < 4 {
		runtime.Gosched()
	} else {
		time.Sleep(rand.N(min(time.Duration(attempt)*500*time.Microsecond, 20*time.Millisecond)))
	}
	if err := j.ctx.Err(); err != nil {
		return driver.Unavailable("coatcheck: "+j.m.info.Name, err)
	}
	if time.Since(j.started) > j.m.cfg.StoreTimeout {
		return driver.ErrConflict
	}
	return nil
}
