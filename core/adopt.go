package core

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var errAdoption = errors.New("Adoption.Taken")

// Adoption is what Config.Adopt returns: a session of another system that becomes one of ours.
type Adoption struct {
	// Subject is the user who is signed in there, as for Login. Default: "", nobody.
	Subject string

	// AuthTime is when the user signed in there. Default: the zero time, not known: RequireFresh then asks for a sign-in.
	AuthTime time.Time

	// Values are put into the session under their keys, as by Key.Set. A value that Codec refuses makes each request of
	// this user a 500, and nothing is taken over. Default: none.
	Values map[string]any

	// ExpireIn is the time without activity, as for Session.ExpireIn: "remember me". More than Config.AAL allows counts as
	// that. Default: 0, as for a new session.
	ExpireIn time.Duration

	// Taken is called when our session has been stored. It should end the other session. An error that matches ErrEnded
	// says that another request has taken it over first: our session is removed, and no cookie is sent. A request that
	// only reads goes on, and changes are ErrEnded. Any other error is logged and reported; the request goes on. A Logout
	// or Destroy before that stores nothing and calls Taken instead; if Taken fails, so does the Logout. Without Taken,
	// the next request adopts again. Default: nil.
	Taken func(context.Context) error

	// Forget are cookies of the other system that the browser deletes once Taken has ended its session.
	// Give each the Name, Path, Domain, Secure and Partitioned that it was set with: a browser deletes no other one.
	// Path "" is "/". Default: none, the browser keeps them until their time is over.
	Forget []*http.Cookie
}

var errForget = errors.New("coatcheck: Adoption.Forget has a cookie whose Name, Path or Domain is not valid")

var errForgetOurs = errors.New("coatcheck: Adoption.Forget has the Name, Path and Domain of Config.Cookie, so it would delete our own cookie: rename that")

// deletions returns the lines that delete the cookies.
func (m *Manager) deletions(cookies []*http.Cookie) (lines []Out, err error) {
	ours := &m.cfg.Cookie
	for _, c := range cookies {
		line := ""
		if c != nil {
			line = (&http.Cookie{
				Name: c.Name, Path: cmp.Or(c.Path, "/"), Domain: c.Domain, MaxAge: -1, Secure: c.Secure, HttpOnly: true,
				SameSite: c.SameSite, Partitioned: c.Partitioned,
			}).String()
		}
		if line == "" || c.Domain != "" && !strings.Contains(line, "; Domain=") {
			return nil, errForget
		}
		if c.Name == ours.Name && cmp.Or(c.Path, "/") == ours.Path && strings.EqualFold(strings.TrimPrefix(c.Domain, "."), strings.TrimPrefix(ours.Domain, ".")) {
			return nil, errForgetOurs
		}
		lines = append(lines, Out{Name: "Set-Cookie", Value: line})
	}
	return lines, nil
}

// errTakenBefore is for a request that has only read an adopted session, which another request took over first.
var errTakenBefore = fmt.Errorf("coatcheck: another request took the session over: %w", errLate)

// adopt calls Config.Adopt. What that returns becomes the first operations of the request: of a new session, or of a
// Login over a visitor's.
func (x *Exchange) adopt(ctx context.Context, s *Session) error {
	found, err := x.other(ctx)
	if errors.Is(err, ErrEnded) {
		if s.late = !s.live; s.late {
			// A Logout of this request must not be answered as done: the other one's cookie is on its way.
			s.rarely().taken = func(context.Context) error { return err }
		}
		return nil
	}
	if found == nil || err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live && (found.Subject == "" || x.phase != phaseOpen) {
		return nil // a visitor's session is there already
	}
	s.take(found) // also if a value is refused: a Logout then ends the other session
	for name, v := range found.Values {
		if err := checkKey(name); err != nil {
			s.spoil([]byte(name), err)
			return nil
		}
		data, err := x.m.cfg.Codec.Encode(v)
		if err != nil {
			s.spoil([]byte(name), &ValueError{Key: name, Type: "Adoption.Values", Op: "encode", Err: err})
			return nil
		}
		s.do(op{kind: opSet, key: []byte(name), value: bytes.Clone(data)})
	}
	if n := len(found.Subject); n > driver.MaxSubject || !utf8.ValidString(found.Subject) {
		s.spoil(nil, errSubject)
	} else if n > 0 {
		s.signIn(found)
	}
	if d := found.ExpireIn; d >= time.Second {
		if most, limited := s.idleLimit(); limited {
			d = min(d, most)
		}
		s.do(op{kind: opExpiry, mode: expireSliding, micros: d.Microseconds()})
	}
	if x.phase != phaseOpen {
		// No cookie can be sent, so the next request adopts. This one can read, and its Logout ends the other
		// session.
		s.ops = nil
	}
	s.rarely().adopted = s.gen
	return nil
}

// signIn is Login for an adopted session. s.mu is held.
func (s *Session) signIn(found *Adoption) {
	at := s.x.m.now()
	s.do(op{kind: opLogin, key: []byte(found.Subject), value: []byte(s.x.device("")), micros: at})
	auth := int64(0)
	if !found.AuthTime.IsZero() {
		auth = min(micros(found.AuthTime), at)
	}
	s.do(op{kind: opAuth, micros: auth})
	if s.live {
		s.fate = fateLogin
	}
}

// other asks Config.Adopt for a session of the other system.
func (x *Exchange) other(ctx context.Context) (*Adoption, error) {
	m := x.m
	if m.cfg.Adopt == nil {
		return nil, nil
	}
	line := x.cookies()
	if line == "" {
		return nil, nil
	}
	// A malformed cookie hides no other here. http.ParseCookie would refuse them all.
	cookies := (&http.Request{Header: http.Header{"Cookie": {line}}}).Cookies()
	if len(cookies) == 0 {
		return nil, nil
	}
	calls, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.cfg.StoreTimeout)
	defer cancel()
	found, err := m.cfg.Adopt(aside{calls}, cookies)
	if err != nil && !errors.Is(err, ErrEnded) {
		err = driver.Unavailable("coatcheck: Config.Adopt", err)
		m.observe(ctx, Event{Kind: EventAdopt, Err: err})
		m.warn(ctx, EventAdopt, "another system's session was not taken over", "error", err)
	}
	return found, err
}

// alsoEnds makes a Logout end the other system's session, too, if the request has one beside ours: it would be taken
// over afterwards.
func (x *Exchange) alsoEnds(ctx context.Context, s *Session) {
	if x.m.cfg.Adopt == nil {
		return
	}
	s.mu.Lock()
	due := s.fate == fateEnd && s.err == nil && !s.adopted() && !(s.rare != nil && s.rare.over)
	user := s.live && s.rec.Subject != ""
	s.mu.Unlock()
	if !due {
		return
	}
	found, err := x.other(ctx)
	if err != nil && !(user && errors.Is(err, ErrEnded)) { // a visitor's Logout was for what the other request has taken over
		found = &Adoption{Taken: func(context.Context) error { return err }}
	}
	if found != nil {
		s.mu.Lock()
		s.take(found)
		s.mu.Unlock()
	}
}

// take keeps what is to be done when found was taken over. s.mu is held.
func (s *Session) take(found *Adoption) {
	lines, err := s.x.m.deletions(found.Forget)
	if err != nil {
		s.spoil(nil, err)
	} else if lines != nil {
		s.rarely().forget = lines
	}
	if found.Taken != nil {
		s.rarely().taken, s.rare.ends = found.Taken, true
	}
}

// forgotten returns the lines that delete the other system's cookies, once: when the other session is over. If it could
// not be ended, the browser keeps its cookie, and our Logout tries again. Without Taken, they go with our cookie. s.mu is
// held.
func (s *Session) forgotten(deliver delivery) (lines []Out) {
	if r := s.rare; r != nil && (deliver > deliverRefresh && !r.ends || r.over) {
		lines, r.forget = r.forget, nil
	}
	return lines
}

// adopted reports whether another system's session was taken over and Taken was not called yet. s.mu is held.
func (s *Session) adopted() bool { return s.rare != nil && s.rare.taken != nil }

// tell calls Adoption.Taken, once. x.mu is held.
func (x *Exchange) tell(ctx context.Context, s *Session) error {
	taken := s.takeTaken()
	if taken == nil {
		return nil
	}
	err := taken(aside{ctx})
	switch {
	case err == nil:
		s.mu.Lock()
		s.rare.over = true
		s.mu.Unlock()
	case !errors.Is(err, ErrEnded):
		x.m.observe(ctx, Event{Kind: EventAdopt, Err: err})
		x.m.warn(ctx, EventAdopt, "another system's session was taken over, but could not be ended there", "error", err)
	}
	return err
}

// takenBefore removes our session, which another request was faster to take over. x.mu is held.
func (x *Exchange) takenBefore(ctx context.Context, s *Session, onlyRead bool) error {
	s.mu.Lock()
	rec := s.rec
	s.ended()
	s.mu.Unlock()
	if err := x.m.remove(ctx, rec.ID, fromMicros(rec.Expires)); err != nil {
		x.m.warn(ctx, EventDelete, "a session that another request took over first could not be removed; nobody has its token", "session", rec.ID, "error", err)
	}
	if onlyRead {
		return errTakenBefore
	}
	return x.dropped(ctx, s, errLate)
}

// signsIn reports whether the handler has called Login after the session was adopted. That needs no takeover.
func (j *saving) signsIn() bool {
	own := 0
	for _, o := range j.ops {
		switch o.kind {
		case opLogin:
			own++
		case opAuth: // comes with the Login of an adoption, and with no other
			own--
		}
	}
	return own > 0
}

// takeTaken returns Adoption.Taken; nil if there is none, or if it was returned before.
func (s *Session) takeTaken() (taken func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.adopted() {
		taken, s.rare.taken = s.rare.taken, nil
	}
	return taken
}
