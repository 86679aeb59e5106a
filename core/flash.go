package core

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// Flash is a message for the next page that the user sees.
type Flash struct {
	Level string `json:"level"` // the application's own: "info", "error", ...
	Text  string `json:"text"`
}

// Each message is a value of its own, so that messages of overlapping requests do not
// meet. The keys rise with time.
const flashKey = reserved + "flash."

// AddFlash leaves a message for the next call of Flashes, in this request or a later one. A *ValueError says that it
// is not UTF-8.
func (s *Session) AddFlash(level, text string) error {
	data, err := JSON.Encode(Flash{level, text})
	if err != nil {
		return s.fail("", &ValueError{Key: "flash", Type: "core.Flash", Op: "encode", Err: err})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.changeable(); err != nil || s.repeats() {
		return err
	}
	var name [12]byte
	binary.BigEndian.PutUint64(name[:], max(uint64(s.x.m.cfg.Now().UnixNano()), s.lastFlash()+1))
	rand.Read(name[8:])
	s.do(op{kind: opSet, key: hex.AppendEncode([]byte(flashKey), name[:]), value: data})
	return nil
}

// lastFlash is the time in the last message's key: a clock may stand still, or go back. s.mu is held.
func (s *Session) lastFlash() (nanos uint64) {
	for _, e := range s.cur.all() {
		if name, err := hex.DecodeString(strings.TrimPrefix(string(e.key), flashKey)); isFlash(e) && err == nil && len(name) >= 8 {
			nanos = binary.BigEndian.Uint64(name)
		}
	}
	return nanos
}

// Flashes returns the messages, oldest first, and removes them. Each goes to exactly one
// request: stored messages are removed from the store now and not when the response
// is committed, so if the response fails after that, they are gone. Without
// messages the store is not called. A cookie store removes them at commit.
func (s *Session) Flashes(ctx context.Context) ([]Flash, error) {
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
	if err := s.bad(); err != nil {
		return nil, err // the response will fail, and show none
	}
	if !slices.ContainsFunc(s.cur.all(), isFlash) {
		return nil, nil
	}
	if err := s.changeable(); err != nil {
		return nil, err
	}
	var taken []entry
	if !s.claims() {
		s.do(op{kind: opTake, taken: &taken})
		return decodeFlashes(taken), nil
	}
	err := s.claim(ctx, &taken)
	switch {
	case errors.Is(err, ErrEnded):
		return nil, nil // the save finds out again; a Login must not be lost
	case err != nil:
		s.spoil(nil, err)
		return nil, err
	}
	return decodeFlashes(taken), nil
}

// claims reports whether stored messages are this request's to show: not after a Clear, nor after the
// Login of another user. s.mu is held.
func (s *Session) claims() bool {
	if !s.live || s.x.m.tokens != nil || has(s.ops, opClear) {
		return false
	}
	mine := s.rec.Subject == "" || s.rec.Subject == s.cur.subject
	return s.fate == fateKeep || s.fate == fateLogin && mine
}

// claim takes the messages out of the stored session in an update of its own, which finds
// none where another request was faster. x.mu and s.mu are held; s.mu is not while the
// store is asked.
func (s *Session) claim(ctx context.Context, taken *[]entry) error {
	m := s.x.m
	ctx, cancel := m.writeContext(ctx)
	defer cancel()
	j := saving{
		m: m, ctx: ctx, now: m.now(), reloaded: true, inPassing: true,
		old: s.rec, live: true, token: s.token, ops: []op{{kind: opTake, taken: taken}},
	}
	s.saving.Store(true)
	defer s.saving.Store(false)
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
	// Messages of this very request are not stored yet.
	s.ops = slices.DeleteFunc(s.ops, func(o op) bool {
		mine := o.kind == opSet && hasPrefix(o.key, flashKey)
		if mine {
			*taken = append(*taken, entry{o.key, o.value})
		}
		return mine
	})
	s.gen++
	j.deliver = deliverNothing
	left := s.left
	s.settle(&j)
	s.left, s.emptied = left, s.cur.empty()
	return nil
}

func isFlash(e entry) bool { return hasPrefix(e.key, flashKey) }

func decodeFlashes(entries []entry) []Flash {
	list := make([]Flash, 0, len(entries))
	for _, e := range entries {
		var f Flash
		if err := JSON.Decode(e.value, &f); err == nil {
			list = append(list, f)
		}
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
