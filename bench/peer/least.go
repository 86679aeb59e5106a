package peer

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/labstack/echo/v4"
)

// Least is the Library of the least code that does what coatcheck promises: a floor, and no library to use. Its token is
// random and only its hash is stored. A record has a deadline and a version, and a save of an older version fails. The
// session is stored before the header leaves, and the handler finds it in the context. It has no users, limits, rotation,
// flash messages, typed values or checks of what it reads, and does not look at the cookie's name in other headers. A
// conflict sets the values again: two requests that count count one.
const Least = "least code"

// IsFloor reports whether a library of an App is none, but shows what others cannot be cheaper than.
func IsFloor(library string) bool { return library == Least || library == "raw" }

var errLeast = errors.New("no record, or another version")

// leastStore keeps records by the hash of the token.
type leastStore interface {
	load(ctx context.Context, id leastID) (leastRecord, error)
	create(ctx context.Context, id leastID, rec leastRecord) error
	update(ctx context.Context, id leastID, rec leastRecord) error // of rec.version
	remove(ctx context.Context, id leastID) error
}

type leastID = [sha256.Size]byte

type leastRecord struct {
	version int64
	expires int64  // microseconds since 1970
	data    []byte // lines "key=value"; nobody changes them
}

func leastNow() int64 { return time.Now().UnixMicro() }

// leastSession is one request's session.
type leastSession struct {
	store  leastStore
	token  string // "": there is none
	id     leastID
	rec    leastRecord
	data   []byte // what the handler has made of rec.data
	sets   []leastSet
	cookie string // to be set

	asked, live, changed bool
}

type leastSet struct{ key, value string }

const leastCookie = "least="

// ask loads the session that the request's cookie names.
func (s *leastSession) ask(ctx context.Context) error {
	if s.asked {
		return nil
	}
	s.asked = true
	if s.token == "" {
		return nil
	}
	s.id = sha256.Sum256([]byte(s.token))
	rec, err := s.store.load(ctx, s.id)
	switch {
	case errors.Is(err, errLeast):
		return nil
	case err != nil:
		return err
	}
	s.rec, s.data, s.live = rec, rec.data, rec.expires > leastNow()
	return nil
}

// save stores what the handler has changed. s.cookie is to be sent then.
func (s *leastSession) save(ctx context.Context) error {
	if !s.changed {
		return nil
	}
	s.changed = false
	s.rec.data, s.rec.expires = s.data, leastNow()+int64(rawTTL/time.Microsecond)
	if s.live {
		return s.update(ctx)
	}
	var random [24]byte
	_, _ = rand.Read(random[:]) // it never fails
	token := base64.RawURLEncoding.EncodeToString(random[:])
	s.rec.version = 1
	s.cookie = leastCookie + token + "; Path=/; HttpOnly; Secure; SameSite=Lax"
	return s.store.create(ctx, sha256.Sum256([]byte(token)), s.rec)
}

// update sets the values once more after another request's update.
func (s *leastSession) update(ctx context.Context) error {
	for {
		err := s.store.update(ctx, s.id, s.rec)
		if !errors.Is(err, errLeast) {
			return err
		}
		expires := s.rec.expires
		if s.rec, err = s.store.load(ctx, s.id); err != nil {
			return err // it has ended
		}
		s.data = s.rec.data
		for _, set := range s.sets {
			s.put(set)
		}
		s.rec.data, s.rec.expires = s.data, expires
	}
}

// value returns where the value of key is in s.data.
func (s *leastSession) value(key string) (from, to int, ok bool) {
	for at := 0; at < len(s.data); {
		end := at + bytes.IndexByte(s.data[at:], '\n')
		if eq := at + len(key); eq < end && s.data[eq] == '=' && string(s.data[at:eq]) == key {
			return eq + 1, end, true
		}
		at = end + 1
	}
	return 0, 0, false
}

func (s *leastSession) get(key any) int {
	from, to, _ := s.value(key.(string))
	n, _ := strconv.Atoi(string(s.data[from:to]))
	return n
}

func (s *leastSession) set(key, value string) {
	set := leastSet{key, value}
	s.sets, s.changed = append(s.sets, set), true
	s.put(set)
}

func (s *leastSession) put(set leastSet) {
	key, value := set.key, set.value
	from, to, ok := s.value(key)
	data := make([]byte, 0, len(s.data)+len(key)+len(value)+2)
	if ok {
		data = append(append(append(data, s.data[:from]...), value...), s.data[to:]...)
	} else {
		data = append(append(append(append(append(data, s.data...), key...), '='), value...), '\n')
	}
	s.data = data
}

func (s *leastSession) end(ctx context.Context) error {
	s.changed, s.cookie = false, leastCookie+"; Path=/; Max-Age=0"
	return s.store.remove(ctx, s.id)
}

// leastUses are the same on each framework. ctx returns the request's context.
func leastUses[C any](ctx func(C) context.Context) library[C, *leastSession] {
	return library[C, *leastSession]{
		get: func(s *leastSession, key any) int { return s.get(key) },
		set: func(s *leastSession, key any, n int) { s.set(key.(string), strconv.Itoa(n)) },
		fill: func(s *leastSession, key string, value any) {
			if n, ok := value.(int); ok {
				value = strconv.Itoa(n)
			}
			s.set(key, value.(string))
		},
		end: func(c C, s *leastSession) error { return s.end(ctx(c)) },
	}
}

// leastApp is an App over the store that open returns.
func leastApp(framework, store string, open func(Env) (leastStore, func(), error)) App {
	return App{Least, "std", framework, store, func(env Env) (*Running, error) {
		backend, stop, err := open(env)
		if err != nil {
			return nil, err
		}
		running := leastOn[framework](backend)
		running.Close = stop
		return running, nil
	}}
}

var leastOn = map[string]func(leastStore) *Running{
	"net/http": func(store leastStore) *Running {
		return onHTTP(leastUses(func(c httpCall) context.Context { return c.r.Context() }), func(h func(httpCall, *leastSession)) func(httpCall) {
			return func(c httpCall) {
				s, err := leastOf(c.r.Context())
				if err != nil {
					http.Error(c.w, "not loaded", http.StatusServiceUnavailable)
					return
				}
				h(c, s)
			}
		}, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				call := &leastCall{ResponseWriter: w}
				next.ServeHTTP(call, call.begin(store, r))
				_ = call.pass()
			})
		})
	},
	"echo": func(store leastStore) *Running {
		return onEcho(leastUses(func(c echo.Context) context.Context { return c.Request().Context() }), func(h func(echo.Context, *leastSession) error) func(echo.Context) error {
			return func(c echo.Context) error {
				s, err := leastOf(c.Request().Context())
				if err != nil {
					return err
				}
				return h(c, s)
			}
		}, func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c echo.Context) error {
				call := &leastCall{ResponseWriter: c.Response().Writer}
				c.SetRequest(call.begin(store, c.Request()))
				c.Response().Writer = call
				if err := next(c); err != nil {
					return err
				}
				return call.pass()
			}
		})
	},
	"fiber v2": func(store leastStore) *Running {
		return onFiberV2(leastUses(func(c *fiber.Ctx) context.Context { return c.UserContext() }), func(h func(*fiber.Ctx, *leastSession) error) func(*fiber.Ctx) error {
			return func(c *fiber.Ctx) error {
				s := c.Locals(leastKey{}).(*leastSession)
				if err := s.ask(c.UserContext()); err != nil {
					return err
				}
				return h(c, s)
			}
		}, func(c *fiber.Ctx) error {
			s := &leastSession{store: store, token: c.Cookies(leastCookie[:len(leastCookie)-1])}
			if s.token != "" {
				s.token = strings.Clone(s.token) // Fiber reuses its memory
			}
			c.Locals(leastKey{}, s)
			if err := c.Next(); err != nil {
				return err
			}
			if !s.asked {
				return nil
			}
			err := s.save(c.UserContext())
			c.Vary("Cookie")
			if s.cookie != "" && err == nil {
				c.Append("Set-Cookie", s.cookie)
				c.Set("Cache-Control", "no-store")
			}
			return err
		})
	},
}

type leastKey struct{}

// leastCall is a response writer that stores the session before the header leaves.
type leastCall struct {
	http.ResponseWriter
	context.Context
	session leastSession
	mu      sync.Mutex // handlers may have goroutines
	passed  bool
	err     error
}

func (c *leastCall) begin(store leastStore, r *http.Request) *http.Request {
	c.Context, c.session.store = r.Context(), store
	if lines := r.Header["Cookie"]; len(lines) == 1 {
		c.session.token, _ = strings.CutPrefix(lines[0], leastCookie)
	}
	return r.WithContext(c)
}

func (c *leastCall) Value(key any) any {
	if _, ok := key.(leastKey); ok {
		return c
	}
	return c.Context.Value(key)
}

func leastOf(ctx context.Context) (*leastSession, error) {
	c := ctx.Value(leastKey{}).(*leastCall)
	c.mu.Lock()
	defer c.mu.Unlock()
	return &c.session, c.session.ask(ctx)
}

func (c *leastCall) pass() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.session
	if c.passed || !s.asked {
		return c.err
	}
	c.passed = true
	c.err = s.save(c.Context)
	h := c.Header()
	h["Vary"] = append(h["Vary"], "Cookie")
	if s.cookie != "" && c.err == nil {
		h["Set-Cookie"] = append(h["Set-Cookie"], s.cookie)
		h["Cache-Control"] = []string{"no-store"}
	}
	return c.err
}

func (c *leastCall) WriteHeader(status int) {
	if c.pass() != nil {
		status = http.StatusInternalServerError
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *leastCall) Write(p []byte) (int, error) {
	if err := c.pass(); err != nil {
		return 0, err
	}
	return c.ResponseWriter.Write(p)
}

func (c *leastCall) WriteString(text string) (int, error) { return c.Write([]byte(text)) }

func (c *leastCall) FlushError() error {
	if err := c.pass(); err != nil {
		return err
	}
	return http.NewResponseController(c.ResponseWriter).Flush()
}

func (c *leastCall) Flush() { _ = c.FlushError() }
