package core

import (
	"bytes"
	"cmp"
	"context"
	"errors"
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

	// Values are put into the session under their keys, as by Key.Set. Default: none.
	Values map[string]any

	// Taken is called when our session has been stored. It should end the other session. Its error is logged and
	// reported; the request goes on. A Logout or Destroy before that stores nothing and calls Taken instead; if Taken
	// fails, so does the Logout. Without Taken, the next request adopts again. Default: nil.
	Taken func(context.Context) error

	// Forget are cookies of the other system that the browser deletes, with our session's cookie or after its Logout.
	// Give each the Name, Path, Domain, Secure and Partitioned that it was set with: a browser deletes no other one.
	// Path "" is "/". Default: none, the browser keeps them until their time is over.
	Forget []*http.Cookie
}

var errForget = errors.New("coatcheck: Adoption.Forget has a cookie whose Name, Path or Domain is not valid")

// deletions returns the lines that delete the cookies.
func deletions(cookies []*http.Cookie) (lines []Out, err error) {
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
		lines = append(lines, Out{Name: "Set-Cookie", Value: line})
	}
	return lines, nil
}

// adopt calls Config.Adopt. What that returns becomes the first operations of the request.
func (x *Exchange) adopt(ctx context.Context, s *Session) error {
	m := x.m
	if m.cfg.Adopt == nil {
		return nil
	}
	line := x.cookies()
	if line == "" {
		return nil
	}
	// A malformed cookie hides no other here. http.ParseCookie would refuse them all.
	cookies := (&http.Request{Header: http.Header{"Cookie": {line}}}).Cookies()
	if len(cookies) == 0 {
		return nil
	}
	calls, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.cfg.StoreTimeout)
	defer cancel()
	found, err := m.cfg.Adopt(aside{calls}, cookies)
	if err != nil {
		err = driver.Unavailable("coatcheck: Config.Adopt", err)
		m.observe(ctx, Event{Kind: EventAdopt, Err: err})
		m.warn(ctx, EventAdopt, "another system's session was not taken over", "error", err)
		return err
	}
	if found == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, v := range found.Values {
		if err := checkKey(name); err != nil {
			s.spoil([]byte(name), err)
			return nil
		}
		data, err := m.cfg.Codec.Encode(v)
		if err != nil {
			s.spoil([]byte(name), &ValueError{Key: name, Type: "Adoption.Values", Op: "encode", Err: err})
			return nil
		}
		s.do(op{kind: opSet, key: []byte(name), value: bytes.Clone(data)})
	}
	if n := len(found.Subject); n > driver.MaxSubject || !utf8.ValidString(found.Subject) {
		s.spoil(nil, errSubject)
	} else if n > 0 {
		at := m.now()
		s.do(op{kind: opLogin, key: []byte(found.Subject), value: []byte(x.device("")), micros: at})
		auth := int64(0)
		if !found.AuthTime.IsZero() {
			auth = min(micros(found.AuthTime), at)
		}
		s.do(op{kind: opAuth, micros: auth})
	}
	if lines, err := deletions(found.Forget); err != nil {
		s.spoil(nil, err)
	} else if lines != nil {
		s.rarely().forget = lines
	}
	if found.Taken != nil {
		s.rarely().taken = found.Taken
	}
	if x.phase != phaseOpen {
		// No cookie can be sent, so the next request adopts. This one can read, and its Logout ends the other
		// session.
		s.ops = nil
	}
	return nil
}

// forgotten returns the lines that delete the other system's cookies, once: for a response that carries our cookie or
// its deletion, or whose Logout has ended the other session. s.mu is held.
func (s *Session) forgotten(deliver delivery) (lines []Out) {
	if r := s.rare; r != nil && (deliver > deliverRefresh || r.over) {
		lines, r.forget = r.forget, nil
	}
	return lines
}

// adopted reports whether another system's session was taken over and Taken was not called yet. s.mu is held.
func (s *Session) adopted() bool { return s.rare != nil && s.rare.taken != nil }

// tellLate is tell at the end of the request: until then, an outer manager might have taken back what was stored.
// x.mu is held.
func (x *Exchange) tellLate(ctx context.Context, s *Session) {
	ctx, cancel := x.m.writeContext(ctx)
	defer cancel()
	_ = x.tell(ctx, s)
}

// tell calls Adoption.Taken, once. x.mu is held.
func (x *Exchange) tell(ctx context.Context, s *Session) error {
	taken := s.take()
	if taken == nil {
		return nil
	}
	err := taken(aside{ctx})
	if err == nil {
		s.mu.Lock()
		s.rare.over = true
		s.mu.Unlock()
	} else {
		x.m.observe(ctx, Event{Kind: EventAdopt, Err: err})
		x.m.warn(ctx, EventAdopt, "another system's session was taken over, but could not be ended there", "error", err)
	}
	return err
}

// take returns Adoption.Taken; nil if there is none, or if it was returned before.
func (s *Session) take() (taken func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.adopted() {
		taken, s.rare.taken = s.rare.taken, nil
	}
	return taken
}
