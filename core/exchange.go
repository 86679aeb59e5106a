package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Exchange is one request's use of a session: what an adapter works with.
//
//	x := m.Begin(ctx, lines)         // at the start; no I/O
//	x.Context()                      // for the rest of the request
//	out, err := x.Commit(ctx, code)  // before the first byte of the response
//	x.Finish(ctx)                    // when the handler has returned
//	x.Discard()                      // instead, when it panicked
//
// All methods may be called concurrently. After Finish or Discard the
// session answers ErrClosed. An Exchange holds nothing of the framework's.
type Exchange struct {
	m    *Manager
	ctx  exchangeContext
	line *string // header line with the token, nil if there is none
	raw  []byte  // the same where the adapter's memory is reused
	s    atomic.Pointer[Session]

	mu    sync.Mutex // held while the store is asked
	phase phase
	now   int64 // when the session was loaded, in microseconds; reading the clock costs as much as a map lookup
}

type phase byte

const (
	phaseOpen   phase = iota
	phaseSent         // Commit has said what the header holds
	phaseClosed       // Finish, Discard, or a Commit that failed
)

// Begin starts an Exchange for a request that carries these lines of Manager.Header. It
// looks at them only when the session is used.
func (m *Manager) Begin(ctx context.Context, lines []string) *Exchange {
	x := &Exchange{}
	m.BeginIn(x, ctx, lines)
	return x
}

// BeginIn is Begin in the caller's memory: an adapter that makes a struct for each request
// saves an allocation. x must be zero, and serves this one request.
func (m *Manager) BeginIn(x *Exchange, ctx context.Context, lines []string) {
	x.begin(m, ctx)
	switch len(lines) {
	case 0:
	case 1:
		x.line = &lines[0]
	default:
		all := strings.Join(lines, ";")
		x.line = &all
	}
}

// BeginBytes is Begin for frameworks that reuse a request's memory: it copies the line.
func (m *Manager) BeginBytes(ctx context.Context, line []byte) *Exchange {
	if len(line) == 0 {
		return m.Begin(ctx, nil)
	}
	x := &struct {
		Exchange
		buf [96]byte // one allocation for both, as long as our cookie is alone
	}{}
	x.begin(m, ctx)
	x.raw = append(x.buf[:0], line...)
	return &x.Exchange
}

func (x *Exchange) begin(m *Manager, ctx context.Context) {
	x.m = m
	x.ctx = exchangeContext{Context: ctx, x: x}
}

// Context returns the context given to Begin, extended so that FromContext finds the session.
func (x *Exchange) Context() context.Context { return &x.ctx }

// Session returns the request's session, and loads it at the first call. An error says
// that the store could not answer; the session is not nil even then, but of no use.
func (x *Exchange) Session(ctx context.Context) (*Session, error) {
	if x == nil {
		return deadSession(ErrNoSession), ErrNoSession
	}
	s := x.s.Load()
	if s == nil {
		x.mu.Lock()
		s = x.session(ctx)
		x.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accessed = true
	return s, s.err
}

// session returns the session, loaded. x.mu is held.
func (x *Exchange) session(ctx context.Context) *Session {
	if s := x.s.Load(); s != nil {
		return s
	}
	if x.phase == phaseClosed {
		return deadSession(ErrClosed)
	}
	s := &Session{x: x}
	s.cur.codec = x.m.cfg.Codec
	s.err = x.load(ctx, s)
	x.s.Store(s)
	return s
}

// load puts into s the one live session that the request's tokens stand for.
func (x *Exchange) load(ctx context.Context, s *Session) error {
	var array [maxCandidates + 1]string
	tokens := x.tokens(array[:0])
	live := 0
	if len(tokens) > maxCandidates {
		live = len(tokens)
		tokens = nil
	}
	if len(tokens) == 0 && live == 0 {
		return nil
	}
	x.now = x.m.now()
	ctx, cancel := x.m.storeContext(ctx)
	defer cancel()
	into := s
	for _, token := range tokens {
		if live > 0 {
			into = new(Session) // only to see whether there is a second one
		}
		err := x.open(ctx, token, &into.rec, &into.cur)
		switch {
		case err == nil && into.cur.kind == kindMarker:
			s.gone = true
		case err == nil:
			live++
			into.token = token
		case errors.Is(err, driver.ErrUnavailable), errors.Is(err, ErrFormat):
			x.m.cfg.Logger.ErrorContext(aside{ctx}, "coatcheck: session not loaded", "store", x.m.info.Name, "error", err)
			s.void(false)
			return err
		}
	}
	switch live {
	case 0:
		s.void(s.gone)
	case 1:
		s.live, s.gone = true, false
	default:
		// A browser holds one cookie of ours for a host. Somebody added another (cookie
		// tossing), and taking either would be a guess.
		s.void(false)
		x.m.observe(ctx, Event{Kind: EventAmbiguous})
	}
	return nil
}

// void makes s the session of a request that carries none.
func (s *Session) void(gone bool) {
	*s = Session{x: s.x, gone: gone, cur: state{header: header{codec: s.x.m.cfg.Codec}}}
}

// tokens returns what the request carries, whether it is well-formed or not.
func (x *Exchange) tokens(dst []string) []string {
	line := string(x.raw)
	if x.line != nil {
		line = *x.line
	}
	if x.m.cfg.TokenHeader == "" {
		return candidates(dst, line, x.m.cfg.Cookie.Name)
	}
	if line != "" {
		dst = append(dst, line)
	}
	return dst
}

var errJunk = errors.New("coatcheck: not a token")

// open reads the live session, or the marker, that token stands for.
func (x *Exchange) open(ctx context.Context, token string, rec *driver.Record, st *state) (err error) {
	m := x.m
	if m.tokens != nil {
		err = m.unseal(ctx, token, rec, st)
	} else if id, ok := m.hash.parseToken(token); ok {
		err = m.fetch(ctx, id, rec, st)
	} else {
		return errJunk
	}
	kind := EventKind("")
	switch {
	case err == nil && st.kind == kindMarker && x.now < st.expiry.micros:
		kind = EventRotated
	case err == nil && (st.kind == kindMarker || x.now >= m.end(&st.header)):
		kind, err = EventExpired, driver.ErrNotFound
	case errors.Is(err, driver.ErrNotFound):
		kind = EventUnknown
	case errors.Is(err, driver.ErrCorrupt):
		kind = EventCorrupt
		m.cfg.Logger.WarnContext(aside{ctx}, "coatcheck: session cannot be read, request goes on as anonymous", "session", rec.ID, "error", err)
	}
	if kind != "" {
		m.observe(ctx, Event{Kind: kind, ID: rec.ID, Err: err})
	}
	return err
}

// Save stores what the session did so far, for handlers whose request lasts long after its
// header: streams, sockets. ErrHeaderSent: the change needs a cookie, and it is too late
// for one. ErrEnded: another request ended the session. ctx should be one that still lives.
func (s *Session) Save(ctx context.Context) error {
	if s.x == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.writable()
	}
	s.x.mu.Lock()
	defer s.x.mu.Unlock()
	return s.x.save(ctx, s)
}

// Finish stores changes that were made after Commit, where that needs no
// cookie, and closes the session. The error says which changes were not stored;
// it was logged.
func (x *Exchange) Finish(ctx context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.s.Load()
	if s == nil || x.phase == phaseClosed {
		x.phase = phaseClosed
		return nil
	}
	s.mu.Lock()
	if !s.dirty() {
		x.phase = phaseClosed
		s.close(ErrClosed)
		s.mu.Unlock()
		return nil
	}
	s.mu.Unlock()
	var err error
	switch {
	case x.phase != phaseSent:
		err = x.dropped(ctx, s, errors.New("coatcheck: no response was committed"))
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = x.dropped(ctx, s, ctx.Err()) // the client was told that it took too long
	default:
		err = x.save(ctx, s)
	}
	x.close(s, ErrClosed)
	if errors.Is(err, ErrEnded) {
		err = nil // reported already; the response stands
	}
	return err
}

// Discard closes the session and stores nothing: the handler panicked.
func (x *Exchange) Discard() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.close(x.s.Load(), ErrClosed)
}

// Closed reports whether the session can no longer be used.
func (x *Exchange) Closed() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.phase == phaseClosed
}

func (x *Exchange) close(s *Session, why error) {
	x.phase = phaseClosed
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close(why)
}

// close makes all methods fail. s.mu is held.
func (s *Session) close(why error) {
	if s.err == nil {
		s.err = why
	}
}

// Format keeps the token out of a printed Exchange, whatever the verb.
func (x *Exchange) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "coatcheck.Exchange") }
