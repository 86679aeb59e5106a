// Package cookiestore keeps nothing on the server: the session itself, encrypted
// and authenticated, travels in the client's cookie. It is for small sessions in
// services that want no session storage, or only a small one of ended sessions.
//
//	keys, err := keyring.Parse(os.Getenv("SESSION_KEYS"))
//	store, err := cookiestore.New(keys, cookiestore.RevokeIn(memory), cookiestore.Config{})
//	m, err := core.New(core.Config{Store: store})
//
// A [Revocation] must be chosen, because a cookie that was copied stays a valid
// session after the logout unless the server remembers that it ended:
// [RevokeIn] or [NoRevocation].
//
// # Expiry
//
// The deadline is inside the seal and checked at every Open; what the browser
// does with the cookie does not matter. Every extension of an idle timeout is a new
// cookie, and copies of former ones live until the deadlines they carry.
//
// # Concurrency
//
// All methods may be called concurrently. A conflict cannot be seen: of two
// responses that write, the browser keeps the one that arrives last, and the
// other's changes are lost. Where that matters use a server-side store. A request that comes with the cookie
// from before a Login, Logout or RotateID is anonymous, if sessions can be revoked, and no different from a new visitor's: what
// it writes may replace the cookie of the sign-in. With NoRevocation it still is that session's.
//
// Two live cookies in one request, of sessions that differ, are ended by its first write if sessions can be
// revoked. With NoRevocation they cannot, so that write is answered with 400, a Logout included, until one
// of them has expired.
//
// A key id that is not in the ring, a newer format, or a codec that is not configured makes no outage,
// since anybody can write one into a cookie: core takes the request for anonymous, tells the Observer,
// and logs nothing above DEBUG. The browser keeps the cookie until a Login or a write replaces it. So give
// every server a new key, or codec, before one seals with it. While a release with a newer format is
// deployed, users whose next request reaches an older server are anonymous there.
//
// # Capabilities
//
// [driver.Sweeper] and [driver.Pinger], both for the store of revoked sessions. Sessions
// cannot be listed, found by subject, or read by the server without their cookie.
//
// # Limits
//
// Browsers drop a cookie of more than 4096 bytes, name and value together. Under
// the name __Host-session, with a key id of two characters and no subject, 2956 bytes
// are left for Record.Data at core's default timeouts, and up to 6 more while the session
// is young. Each byte of the subject takes one, each label one more than its
// length, and 128 writes of one session take one. Past that Seal answers ErrTooLarge with
// the numbers, and the cookie that the client has stays valid.
// The whole cookie is sent along with every request.
//
// # Durability
//
// The client's. A revocation lasts as its store does: with a store in memory,
// a restart brings ended sessions back to whoever copied their cookie, and with a
// store that is Local, other processes do not hear of it. Info says both.
package cookiestore

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
)

// Store is a driver.TokenStore. Make one with New.
type Store struct {
	keys      *keyring.Keyring
	revoked   driver.Store     // nil: NoRevocation
	abilities driver.Abilities // of revoked
	now       func() time.Time
}

var (
	_ driver.TokenStore = (*Store)(nil)
	_ driver.Sweeper    = (*Store)(nil)
	_ driver.Pinger     = (*Store)(nil)
)

// Config sets up a Store. The zero value is ready to use.
type Config struct {
	// Now is the clock, for tests. Default: time.Now.
	Now func() time.Time
}

// New returns a store that seals with the primary key of keys and opens with all of them.
func New(keys *keyring.Keyring, revocation Revocation, config Config) (*Store, error) {
	switch {
	case keys == nil || *keys == keyring.Keyring{}:
		return nil, errors.New("cookiestore: keys is nil, or has no key: make a keyring with keyring.New or keyring.Parse")
	case !revocation.chosen:
		return nil, errors.New("cookiestore: choose a revocation: RevokeIn with a store, or NoRevocation()")
	case !revocation.none && revocation.store == nil:
		return nil, errors.New("cookiestore: RevokeIn got no store: give it one, or choose NoRevocation()")
	}
	s := &Store{keys: keys, revoked: revocation.store, abilities: driver.AbilitiesOf(revocation.store), now: config.Now}
	if s.now == nil {
		s.now = time.Now
	}
	return s, nil
}

// Close closes the store of revoked sessions, if that can be closed.
func (s *Store) Close() error {
	if s.abilities.Closer == nil {
		return nil
	}
	return s.abilities.Closer.Close()
}

// Info says of InMemory and Local what the store of revoked sessions says; a Local
// one means that other processes accept what was revoked here.
func (s *Store) Info() driver.Info {
	info := driver.Info{InMemory: true, NoRevocation: s.revoked == nil}
	if s.revoked != nil {
		info = s.revoked.Info()
	}
	info.Name = "cookiestore"
	return info
}

// purpose keeps records that core seals with the same keys from being taken for tokens.
const purpose = "coatcheck/cookiestore/v1\x00"

var (
	errToken   = driver.Corrupt("cookiestore: this is no token of ours")
	errNewer   = driver.Unreadable("cookiestore: a token of a newer format")
	errExpired = fmt.Errorf("cookiestore: %w: its deadline has passed", driver.ErrNotFound)
)

// Strict, so that the unused bits of the last character give one token one spelling.
var encoding = base64.RawURLEncoding.Strict()

// OpenToken returns the record in token. See driver.TokenStore for the errors;
// ErrUnavailable means that the store of revoked sessions did not answer.
func (s *Store) OpenToken(ctx context.Context, token string, binding []byte) (driver.Record, error) {
	// The decoder skips line breaks, which would be other spellings.
	if strings.IndexByte(token, '\n') >= 0 || strings.IndexByte(token, '\r') >= 0 {
		return driver.Record{}, errToken
	}
	w := getWorkspace()
	defer w.put()
	ad, text := w.add(purpose, binding), w.add(token, nil)
	start := len(w.buf)
	var err error
	if w.buf, err = encoding.AppendDecode(w.buf, text); err != nil {
		return driver.Record{}, errToken
	}
	payload, _, err := s.keys.Open(w.buf[start:], ad)
	if err != nil {
		return driver.Record{}, errToken
	}
	if id, newer := ofNewerFormat(payload); newer {
		return driver.Record{ID: id}, errNewer
	}
	rec, ok := decode(payload)
	if !ok {
		return driver.Record{}, errToken
	}
	if !rec.Live(s.now()) {
		return driver.Record{}, errExpired
	}
	if err := s.checkNotRevoked(ctx, rec.ID); err != nil {
		return driver.Record{}, err
	}
	return rec, nil
}

// SealToken returns the token that carries rec, sealed with the primary key whatever
// key opened the last one. A record that was sealed before, which its Version tells, is
// looked up among the revoked ones.
func (s *Store) SealToken(ctx context.Context, rec *driver.Record, binding []byte, limit int) (string, error) {
	next := *rec
	next.Version++
	w := getWorkspace()
	defer w.put()
	w.buf = encode(w.buf, &next)
	payload := w.buf
	if size := encoding.EncodedLen(len(payload) + s.keys.Overhead()); size > limit {
		return "", s.tooLarge(size, limit, len(payload), len(rec.Data))
	}
	if rec.Version > 0 {
		if err := s.checkNotRevoked(ctx, rec.ID); err != nil {
			return "", err
		}
	}
	ad := w.add(purpose, binding)
	start := len(w.buf)
	w.buf = s.keys.Seal(w.buf, payload, ad)
	end := len(w.buf)
	w.buf = encoding.AppendEncode(w.buf, w.buf[start:])
	rec.Version = next.Version
	return string(w.buf[end:]), nil
}

func (s *Store) tooLarge(size, limit, payload, data int) error {
	room := encoding.DecodedLen(limit) - s.keys.Overhead() - (payload - data)
	return fmt.Errorf("cookiestore: %w: its %d bytes of data make a token of %d bytes, the limit is %d, which has room for %d bytes of data; "+
		"keep less in the session, or keep it on the server (filestore, gormstore, redisstore, ...)",
		driver.ErrTooLarge, data, size, limit, max(room, 0))
}
