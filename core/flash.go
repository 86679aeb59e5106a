package core

import (
	"context"
	"errors"
	"slices"
)

// Flash is a message for the next page that the user sees.
type Flash struct {
	Level string `json:"level"` // the application's own: "info", "error", ...
	Text  string `json:"text"`
}

// AddFlash leaves a message for the next call of Flashes, in this request or a later one. A *ValueError says that the
// message is not UTF-8.
func (s *Session) AddFlash(level, text string) error {
	data, err := JSON{}.Encode(Flash{level, text})
	if err != nil {
		return s.fail(aboutFlash, &ValueError{Key: "flash", Type: "core.Flash", Op: "encode", Err: err})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.changeable(); err != nil || s.repeats() {
		return err
	}
	now := max(s.x.m.cfg.Now().UnixNano(), 0)
	s.mend([]byte(aboutFlash))
	s.do(op{kind: opFlash, micros: max(now, s.cur.lastFlash()+1), value: data})
	return nil
}

// Flashes returns the messages, oldest first, and removes them: all of them, or those of the levels named. Each
// message goes to one request at most. Stored messages are removed from the store now, and not when the response is
// committed. So if the response fails after that, they are gone. Without messages the store is not called. A cookie
// store removes them at commit, so requests that overlap may each get them. A message that cannot be read is left out
// and lost, with an event and a line in the log. It has no level, so a call with levels does not take it.
func (s *Session) Flashes(ctx context.Context, levels ...string) ([]Flash, error) {
	if s.repeats() {
		return nil, nil
	}
	if s.x != nil {
		s.x.mu.Lock()
		defer s.x.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writable(); err != nil {
		return nil, err
	}
	if err := s.failure(); err != nil {
		return nil, exposed(err) // the response will fail, and show none
	}
	t := &taking{levels: levels}
	if !slices.ContainsFunc(s.cur.all(), t.wants) {
		return nil, nil
	}
	if err := s.changeable(); err != nil {
		return nil, err
	}
	if !s.claims() {
		s.do(op{kind: opTake, take: t})
		return s.decodeFlashes(t.taken), nil
	}
	err := s.claim(ctx, t)
	switch {
	case errors.Is(err, ErrEnded):
		return nil, nil // the save finds out again; a Login must not be lost
	case err != nil:
		s.x.m.noteDown(ctx, err)
		s.spoilBy(err)
		return nil, exposed(err)
	}
	return s.decodeFlashes(t.taken), nil
}

// PeekFlashes returns the messages, oldest first, and leaves them in the session: all of them, or those of the levels
// named. It does not call the store, so another request may show the same messages.
func (s *Session) PeekFlashes(levels ...string) ([]Flash, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	t := taking{levels: levels}
	var list []Flash
	for _, e := range s.cur.all() {
		if f, ok := readFlash(e); ok && t.wants(e) {
			list = append(list, f)
		}
	}
	return list, nil
}

// claims reports whether this request may show stored messages. It may not after a Clear, nor after the Login of
// another user. s.mu is held.
func (s *Session) claims() bool {
	if !s.live || s.x.m.tokens != nil || has(s.ops, opClear) {
		return false
	}
	mine := s.rec.Subject == "" || s.rec.Subject == s.cur.subject
	return s.fate == fateKeep || s.fate == fateLogin && mine
}

// claim takes the messages out of the stored session, in an update of its own. That finds none if another request was
// faster. x.mu and s.mu are held; s.mu is released while the store is asked.
func (s *Session) claim(ctx context.Context, t *taking) error {
	m := s.x.m
	ctx, cancel := m.writeContext(ctx)
	defer cancel()
	j := saving{
		m: m, ctx: ctx, now: m.now(), reloaded: true, inPassing: true,
		old: s.rec, live: true, token: s.token, ops: []op{{kind: opTake, take: t}},
	}
	s.reruns.Add(1)
	defer s.reruns.Add(-1)
	err := s.unlocked(func() error {
		err := m.open(&j.old, &j.st) // without what this request did
		if err == nil {
			err = j.st.replay(j.ops)
		}
		if err == nil {
			err = j.update()
		}
		return err
	})
	if err != nil {
		return err
	}
	// Messages of this request itself are not stored yet. They are sorted in among the others.
	shown := state{changes: t.taken}
	s.ops = slices.DeleteFunc(s.ops, func(o op) bool {
		mine := o.kind == opFlash && t.wants(entry{flashAt(o.micros), o.value})
		if mine {
			_ = shown.apply(&o) // only opUpdate fails
		}
		return mine
	})
	t.taken = shown.all()
	s.gen++
	j.deliver = deliverNothing
	remaining := s.remaining
	s.settle(&j)
	s.remaining, s.emptied = remaining, s.cur.empty()
	return nil
}

// decodeFlashes decodes messages. One that cannot be read is lost, and reported. s.mu is held.
func (s *Session) decodeFlashes(entries []entry) []Flash {
	list := make([]Flash, 0, len(entries))
	for _, e := range entries {
		var f Flash
		if err := (JSON{}).Decode(e.value, &f); err != nil {
			m, ctx := s.x.m, s.x.Context()
			err = &ValueError{Key: "flash", Type: "core.Flash", Op: "decode", Err: err}
			m.observe(ctx, Event{Kind: EventDecode, ID: s.rec.ID, Err: err})
			m.warn(ctx, EventDecode, "a message cannot be read, and is lost", "session", s.rec.ID, "error", err)
			continue
		}
		list = append(list, f)
	}
	return list
}

// The test cookie tells a site whether the browser keeps cookies at all.
var testKey = []byte(reserved + "test")

// SetTestCookie leaves a mark for TestCookieWorked in the next request. Django: set_test_cookie().
func (s *Session) SetTestCookie() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.changeable(); err != nil || s.repeats() {
		return err
	}
	s.do(op{kind: opSet, key: testKey, value: []byte("true")})
	return nil
}

// TestCookieWorked reports whether the browser came back with the mark. Django: test_cookie_worked().
func (s *Session) TestCookieWorked() bool { return s.Has(string(testKey)) }

// DeleteTestCookie removes the mark. Django: delete_test_cookie().
func (s *Session) DeleteTestCookie() error { return s.remove(string(testKey)) }
