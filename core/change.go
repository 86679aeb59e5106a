package core

// The steps of every change to a session: whether it may be made, and how it is recorded.

// dirty reports whether there is something to save. s.mu is held.
func (s *Session) dirty() bool {
	return len(s.ops) > 0 || s.rotate || s.fate != fateKeep
}

// writable returns why the session cannot be changed. s.mu is held.
func (s *Session) writable() error {
	if s.err != nil {
		s.refused = true
		return s.err
	}
	if s.x == nil {
		return ErrReadOnly
	}
	return nil
}

// changeable is writable for changes of values. Such a change needs a cookie if it begins a session, or if the token
// carries the values. s.mu is held.
func (s *Session) changeable() error {
	if err := s.writable(); err != nil {
		return err
	}
	if s.sent && (s.x.m.tokens != nil || !s.live || s.fate != fateKeep) {
		return s.tooLate()
	}
	return nil
}

// do applies o, which cannot fail, and keeps it. s.mu is held.
func (s *Session) do(o op) {
	s.edit()
	_ = s.cur.apply(&o) // only opUpdate fails
	s.keep(o)
}

// edit prepares cur for a change. s.mu is held.
func (s *Session) edit() {
	if s.shared {
		s.cur, s.shared = s.cur.clone(), false
	}
	if !s.live && s.cur.created == 0 {
		s.cur = s.x.m.blank(s.x.m.roughly())
	}
}

// keep records that o was done. s.mu is held.
func (s *Session) keep(o op) {
	s.ops = record(s.ops, int(s.fixed), o)
	s.gen++
}
