package core

import "time"

// Done: streams and sockets learn that their session is over. watches.go reads the sessions for them.

const (
	defaultEvery = 10 * time.Second
	leastEvery   = 100 * time.Millisecond
	mostReaders  = 16 // at once, so that a hanging store does not pile up goroutines and connections
)

// Done returns a channel that is closed when the session is over for this request: when it ends, by a Logout, Login,
// Revoke or its deadline, on this server or any other; when RotateID of another request gives it another token; and
// when the request itself is over, or Manager.CloseStreams was called. It is for streams and sockets, which a sign-out in
// another tab should end:
//
//	select {
//	case <-s.Done(10 * time.Second):
//		return // s.Err() is ErrEnded if the session is over
//	case message := <-messages:
//		...
//	}
//
// What this Manager ends is known at once. For the rest, every says how often the store is asked: at most once in that
// time for each session and Manager, however many sockets follow it; the shortest time counts. 0 or less: 10 seconds.
// Less than 100 ms counts as 100 ms. If the store tells of changes itself (driver.Watcher), other servers' ends are
// known at once, too, and each change costs one more read, at most one in 100 ms. Reading is no use: the session
// expires, and Done with it, unless Refresh or other requests use it.
//
// A store that does not answer ends nothing: the channel stays open, the log has the outage, and the store is asked
// again after 10 seconds at the latest. A session that is not stored has not ended: Done follows it from its first save
// on. After a Login of this request it follows the new session. A session that cannot be used, see Err, or that is a
// view, is over: its channel is closed. With the cookie store's NoRevocation only the deadline and the request's end
// close it.
//
// Several calls return the same channel.
func (s *Session) Done(every time.Duration) <-chan struct{} {
	if every <= 0 {
		every = defaultEvery
	}
	every = max(every, leastEvery)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.x == nil || s.err != nil || s.tooLateForAny() {
		return closedForGood
	}
	r, w := s.rarely(), &s.x.m.watches
	if r.follower == nil {
		r.follower = w.begin(every, r.outside)
		if s.live && s.fate != fateLogin && !s.x.saving {
			w.follow(r.follower, &s.rec)
		}
	} else {
		w.hurry(r.follower, every)
	}
	return r.follower.done
}

var closedForGood = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// endDone closes the channel of Done. s.mu is held.
func (s *Session) endDone() {
	if s.rare != nil && s.rare.follower != nil {
		s.x.m.watches.end(s.rare.follower)
	}
}

// beforeSave pauses Done, also one that is called during the save: what a save does to its own session must not look
// like another request's doing. s.mu is held.
func (s *Session) beforeSave() {
	s.x.saving = true
	if s.rare != nil && s.rare.follower != nil {
		s.x.m.watches.pause(s.rare.follower)
	}
}

// afterSave lets Done follow the session as it is now. how is what the save was to do to the session was, the zero ID
// if none was stored.
func (s *Session) afterSave(was ID, how fate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.x.saving = false
	if s.rare == nil || s.rare.follower == nil {
		return
	}
	ended := !was.IsZero() && how == fateEnd && !(s.live && s.rec.ID == was)
	outdated := s.live && s.token == "" && !s.outside() // by RotateID of another request
	switch {
	case ended, outdated:
		s.rare.follower.ended.Store(true)
		s.endDone()
	case s.err != nil:
		s.endDone()
	case s.live:
		s.followOn()
	default: // the request has left it empty
		s.x.m.watches.unfollow(s.rare.follower)
	}
}

// followOn lets Done go on with the session as it is now stored. s.mu is held.
func (s *Session) followOn() {
	if s.live && s.rare != nil && s.rare.follower != nil {
		s.x.m.watches.follow(s.rare.follower, &s.rec)
	}
}
