// Package cookiestore keeps the session in the client's cookie, encrypted and authenticated, and not on the server. It
// is for small sessions, in services that want no session storage, or only a small one for ended sessions.
//
//	keys, err := keyring.Parse(os.Getenv("SESSION_KEYS"))
//	revoked, err := memstore.New(memstore.Config{})
//	store, err := cookiestore.New(keys, cookiestore.RevokeIn(revoked), cookiestore.Config{})
//	m, err := core.New(core.Config{Store: store})
//
// New needs a [Revocation]: [RevokeIn] or [NoRevocation]. A copied cookie is a valid session after the logout, unless
// the server remembers that the session has ended.
//
// # Expiry
//
// The deadline is inside the seal, and every OpenToken checks it. What the browser does with the cookie does not
// matter. Each extension of an idle timeout makes a new cookie. Copies of earlier cookies stay valid until the
// deadlines that they carry.
//
// # Concurrency
//
// All methods may be called concurrently. The store cannot detect conflicts: if two responses change one session, the
// browser keeps the cookie that arrives last, and the other changes are lost. Use a server-side store where that
// matters.
//
// A response that only reads takes back another one's change, too, if it sends the cookie: it has the values from when
// its request came. It sends the cookie once in a TouchInterval, to move the deadline. In a simulation of pages of six
// overlapping requests, one of which writes, 83 % of the writes were lost on pages on which a touch was due, and none
// on others. That was 4 % of all writes with core's default TouchInterval, 0.3 % with 7 days, and 83 % with
// SaveEveryRequest. Requests that the adapter's WithPassive names never send it. With NoRevocation, such a response
// can bring back a session after its Logout.
//
// If sessions can be revoked, a request with the cookie from before a Login, Logout or RotateID is anonymous. It
// cannot be told from a new visitor's request, and what it writes may replace the cookie of the sign-in. With
// NoRevocation such a request still belongs to that session.
//
// A request may carry two valid cookies of different sessions. If sessions can be revoked, its first write ends both.
// With NoRevocation they cannot be ended, so core answers that write with status 400, and a Logout, too, until one of
// the two has expired.
//
// A cookie with an unknown key id, a newer format or an unknown codec is no outage, because anybody can write one. Core
// treats the request as anonymous, tells the Observer, and logs nothing above DEBUG. The browser keeps the cookie until
// a Login or a write replaces it. So give every server a new key, or codec, before one of them seals with it. While a
// release with a newer format is deployed, a user whose next request reaches an older server is anonymous there.
//
// # Abilities
//
// A Store is a [driver.SubjectRevoker], a [driver.Sweeper], a [driver.Pinger] and an [io.Closer], all with the store of
// revoked sessions. Sessions cannot be listed or counted. The server cannot read a session without its cookie.
//
// Core's Manager.RevokeSubject ends all cookies of a user: sign out everywhere, a changed password. It begins an epoch
// of the user, and cookies of an earlier epoch are dead. A named session lives on, also if the same request calls
// RotateID or Login, before or after. Nobody knows how many sessions were ended. A user whose session is rotated by one
// tab while another one calls RevokeSubject may have to sign in again: the name was that of the former ID.
// With NoRevocation it returns errors.ErrUnsupported.
//
// # Limits
//
// Browsers drop a cookie of more than 4096 bytes, counting name and value. With the name __Host-session, a key id of
// two characters, no subject and core's default timeouts, 2956 bytes remain for Record.Data. A young session has up to 6
// more. Each byte of the subject takes one of them. Each label takes one more than its length. 128 writes of one session
// take one. After the first RevokeSubject of a user, that user's later sessions take 7.
//
// A larger session is refused: SealToken answers ErrTooLarge with the numbers, and the cookie that the client has stays
// valid. The browser sends the whole cookie with every request.
//
// # Durability
//
// The client keeps the sessions. A revocation, of a session or of a user, lasts as long as its store keeps it. If that
// store is in memory, a restart makes copied cookies of ended sessions valid again. So does a store that evicts. If
// that store is local, other processes do not know of the revocation. Info tells both.
//
// The guide is docs/choosing-a-store.md.
package cookiestore

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
)

// Store is a driver.TokenStore. New makes one. Its methods may be called concurrently.
type Store struct {
	keys      *keyring.Keyring
	revoked   driver.Store     // nil: NoRevocation
	abilities driver.Abilities // of revoked
	now       func() time.Time
}

var (
	_ driver.TokenStore     = (*Store)(nil)
	_ driver.SubjectRevoker = (*Store)(nil)
	_ driver.Sweeper        = (*Store)(nil)
	_ driver.Pinger         = (*Store)(nil)
	_ driver.Breaker        = (*Store)(nil)
	_ driver.Inspector      = (*Store)(nil)
	_ io.Closer             = (*Store)(nil)
)

// Config sets up a Store. The zero value is ready to use.
type Config struct {
	// Now returns the current time, for tests. Default: time.Now.
	Now func() time.Time
}

// New returns a store that seals with the primary key of keys, and opens with all of them. It returns an error if keys
// is nil or empty, if revocation is the zero value, or if it is RevokeIn without a store.
//
// After a nil error, the store of revoked sessions belongs to the Store, whose Close closes it. After an error it stays
// the caller's.
func New(keys *keyring.Keyring, revocation Revocation, config Config) (*Store, error) {
	switch {
	case keys == nil || *keys == keyring.Keyring{}:
		return nil, errors.New("cookiestore: keys is nil, or has no key: make a keyring with keyring.New or keyring.Parse")
	case !revocation.chosen:
		return nil, errors.New("cookiestore: choose a revocation: RevokeIn with a store, or NoRevocation()")
	case !revocation.none && isNil(revocation.store):
		return nil, errors.New("cookiestore: RevokeIn got no store: give it one, or choose NoRevocation()")
	}
	s := &Store{keys: keys, revoked: revocation.store, abilities: driver.AbilitiesOf(revocation.store), now: config.Now}
	if s.now == nil {
		s.now = time.Now
	}
	return s, nil
}

// Close closes the store of revoked sessions, if that can be closed. With NoRevocation it does nothing. Close the Store
// after the last request. If other parts of the application use that store, too, close the Store when they have ended.
func (s *Store) Close() error {
	if s.abilities.Closer == nil {
		return nil
	}
	return s.abilities.Closer.Close()
}

// Info implements driver.Backend. InMemory and Local are those of the store of revoked sessions. Local means that other
// processes accept tokens that were revoked here.
func (s *Store) Info() driver.Info {
	info := driver.Info{InMemory: true, NoRevocation: s.revoked == nil}
	if s.revoked != nil {
		info = s.revoked.Info()
	}
	info.Name = "cookiestore"
	return info
}

// purpose is part of the associated data. It makes sure that a record that core seals with the same keys does not open
// as a token.
const purpose = "coatcheck/cookiestore/v1\x00"

var (
	errToken   = driver.Corrupt("cookiestore: the token is damaged, or none of the keys sealed it for this cookie")
	errNewer   = driver.Unreadable("cookiestore: the token has a newer format")
	errExpired = fmt.Errorf("cookiestore: %w: its deadline has passed", driver.ErrNotFound)
)

// encoding is strict: the unused bits of the last character must be zero, so that each token has one spelling.
var encoding = base64.RawURLEncoding.Strict()

// OpenToken implements driver.TokenStore. ErrUnavailable means that the store of revoked sessions did not answer.
func (s *Store) OpenToken(ctx context.Context, token string, binding []byte) (driver.Record, error) {
	// The decoder ignores line breaks. With them, one token would have several spellings.
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
	if err := s.checkEpoch(ctx, &rec, binding); err != nil {
		return driver.Record{}, err
	}
	return rec, nil
}

// SealToken implements driver.TokenStore. It seals with the primary key, also if another key opened the last token. If
// rec.Version says that the record was sealed before, SealToken checks that the session was not revoked. If it has a
// Subject, SealToken asks for the subject's epoch.
func (s *Store) SealToken(ctx context.Context, rec *driver.Record, binding []byte, limit int) (string, error) {
	next := *rec
	if rec.Version > 0 {
		if err := s.checkNotRevoked(ctx, rec.ID); err != nil {
			return "", err
		}
	}
	if err := s.checkEpoch(ctx, &next, binding); err != nil {
		return "", err
	}
	next.Version++
	w := getWorkspace()
	defer w.put()
	w.buf = encode(w.buf, &next)
	payload := w.buf
	if size := encoding.EncodedLen(len(payload) + s.keys.Overhead()); size > limit {
		return "", s.tooLarge(size, limit, len(payload), len(rec.Data))
	}
	ad := w.add(purpose, binding)
	start := len(w.buf)
	w.buf = s.keys.Seal(w.buf, payload, ad)
	end := len(w.buf)
	w.buf = encoding.AppendEncode(w.buf, w.buf[start:])
	rec.Version, rec.Epoch = next.Version, next.Epoch
	return string(w.buf[end:]), nil
}

func (s *Store) tooLarge(size, limit, payload, data int) error {
	room := encoding.DecodedLen(limit) - s.keys.Overhead() - (payload - data)
	return fmt.Errorf("cookiestore: %w: its %d bytes of data make a token of %d bytes, the limit is %d, which has room for %d bytes of data; "+
		"keep less in the session, or keep it on the server (filestore, gormstore, redisstore, ...)",
		driver.ErrTooLarge, data, size, limit, max(room, 0))
}

// isNil also finds a nil pointer in an interface, as a New leaves it that has failed.
func isNil(store driver.Store) bool {
	v := reflect.ValueOf(store)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}
