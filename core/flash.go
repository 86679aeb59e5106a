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

// AddFlash leaves a message for the next call of Flashes, in this request or a later one.
func (s *Session) AddFlash(level, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writable(); err != nil {
		return err
	}
	var name [12]byte
	binary.BigEndian.PutUint64(name[:], uint64(s.x.m.cfg.Now().UnixNano()))
	rand.Read(name[8:])
	data, err := JSON.Encode(Flash{level, text})
	if err == nil {
		s.do(op{kind: opSet, key: flashKey + hex.EncodeToString(name[:]), value: data})
	}
	return err
}

// Flashes returns the messages, oldest first, and removes them. Each goes to exactly one
// request: stored messages are removed from the store now and not when the response
// is committed, so if the response fails after that, they are gone. Without
// messages the store is not called. A cookie store removes them at commit.
func (s *Session) Flashes(ctx context.Context) ([]Flash, error) {
	if s.x != nil {
		s.x.mu.Lock()
		defer s.x.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writable(); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(s.cur.all(), isFlash) {
		return nil, nil
	}
	var taken []entry
	// After a Clear or a Login what is stored is not for this request to show.
	if !s.live || s.doomed || s.x.m.tokens != nil || has(s.ops, opClear) || has(s.ops, opLogin) {
		s.do(op{kind: opTake, taken: &taken})
		return decodeFlashes(taken), nil
	}
	err := s.claim(ctx, &taken)
	switch {
	case errors.Is(err, ErrEnded):
		return nil, nil // the save finds out again; a Login must not be lost
	case err != nil:
		s.bad = err
		return nil, err
	}
	return decodeFlashes(taken), nil
}

// claim takes the messages out of the stored session in an update of its own, which finds
// none where another request was faster. x.mu and s.mu are held; s.mu is not while the
// store is asked.
func (s *Session) claim(ctx context.Context, taken *[]entry) error {
	m := s.x.m
	ctx, cancel := m.writeContext(ctx)
	defer cancel()
	// Another request may have moved a deadline that is due; the old one must not come back.
	was := s.rec.Expires
	due := m.touchDue(&s.cur.header, micros(was), s.x.now)
	j := saving{
		m: m, ctx: ctx, now: m.now(), reloaded: true, inPassing: !due,
		old: s.rec, live: true, token: s.token, ops: []op{{kind: opTake, taken: taken}},
	}
	err := s.unlocked(func() error {
		err := m.open(&j.old, j.old.ID, &j.st) // without what this request did
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
		mine := o.kind == opSet && strings.HasPrefix(o.key, flashKey)
		if mine {
			*taken = append(*taken, entry{o.key, o.value})
		}
		return mine
	})
	s.gen++
	j.deliver = deliverNothing
	s.settle(&j)
	if due {
		s.rec.Expires = was // the touch at commit is due all the same, and refreshes the cookie
	}
	return nil
}

func isFlash(e entry) bool { return strings.HasPrefix(e.key, flashKey) }

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
const testKey = reserved + "test"

// SetTestCookie leaves a mark for TestCookieWorked in the next request. Django: set_test_cookie().
func (s *Session) SetTestCookie() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writable(); err != nil {
		return err
	}
	s.do(op{kind: opSet, key: testKey, value: []byte("true")})
	return nil
}

// TestCookieWorked reports whether the browser came back with the mark. Django: test_cookie_worked().
func (s *Session) TestCookieWorked() bool { return s.Has(testKey) }

// DeleteTestCookie removes the mark. Django: delete_test_cookie().
func (s *Session) DeleteTestCookie() error { return s.remove(testKey) }
