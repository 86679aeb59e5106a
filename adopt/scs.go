package adopt

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// SCSStore is what every store of alexedwards/scs has. If the store has the methods FindCtx and DeleteCtx, they are
// called instead, as scs does.
type SCSStore interface {
	// Find returns a session's record; false if there is none.
	Find(token string) ([]byte, bool, error)

	// Delete removes it. A record that is absent is no error.
	Delete(token string) error
}

// SCS describes the sessions of alexedwards/scs, version 2.
type SCS struct {
	// Cookie has the Name, Path, Domain, Secure and Partitioned of the old cookie, which are fields of
	// SessionManager.Cookie. Default: the name "session", and the path "/".
	Cookie http.Cookie

	// Store is SessionManager.Store. Required.
	Store SCSStore

	// HashTokenInStore is as in SessionManager. Default: false.
	HashTokenInStore bool

	// Decode is the method of that name of SessionManager.Codec. Default: that of scs.GobCodec.
	Decode func([]byte) (deadline time.Time, values map[string]any, err error)

	// Read says which user the values belong to. It sets Subject, AuthTime and Values of the Adoption; what
	// it does not put into Values is left behind. If it returns nil and nil, the session is not taken over. Required.
	Read func(ctx context.Context, values map[string]any) (*core.Adoption, error)

	// TakenIn keeps which sessions were taken over, as hashes, until their deadlines: so two requests that come at once
	// take over one session, and nothing comes back after a Logout. It may be the store of core.Config, and must be one
	// that all servers share and that does not evict. Required.
	TakenIn driver.Store

	// MaxSize is how many bytes a record may have. A longer one is an error. Default: 64 KiB.
	MaxSize int

	// Logger gets one line if the first 20 values of the old cookie are all nobody's: a key, the cookie's name or the store
	// is another one then. It never gets a cookie or a value. Default: slog.Default().
	Logger *slog.Logger

	// Now is the clock, for tests. Default: time.Now.
	Now func() time.Time
}

// scs is a SCS that was checked.
type scs struct {
	SCS
	get    func(ctx context.Context, token string) ([]byte, bool, error)
	remove func(ctx context.Context, token string) error
}

// NewSCS checks the settings. Its error names the field that is wrong.
func NewSCS(c SCS) (*Adopter, error) {
	s := &scs{SCS: c}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("adopt: SCS.%w", err)
	}
	return newAdopter(s.Cookie, s.find, newTaken(s.TakenIn, s.Now), s.Logger), nil
}

// check sets the defaults, and refuses what cannot work.
func (s *scs) check() (err error) {
	if s.Cookie.Name == "" {
		s.Cookie.Name = "session"
	}
	if s.Cookie, err = cookieOf(s.Cookie); err != nil {
		return err
	}
	if s.MaxSize, err = sizeOf(s.MaxSize); err != nil {
		return err
	}
	if s.Now, err = clockOf(s.TakenIn, s.Now); err != nil {
		return err
	}
	switch {
	case s.Store == nil || isNil(s.Store):
		return wrong("Store", "is not set: give it SessionManager.Store")
	case s.Read == nil:
		return wrong("Read", "is not set: only the application knows what its values mean")
	}
	if s.Decode == nil {
		s.Decode = decodeSCS
	}
	s.get = func(_ context.Context, token string) ([]byte, bool, error) { return s.Store.Find(token) }
	s.remove = func(_ context.Context, token string) error { return s.Store.Delete(token) }
	if with, ok := s.Store.(interface {
		FindCtx(context.Context, string) ([]byte, bool, error)
	}); ok {
		s.get = with.FindCtx
	}
	if with, ok := s.Store.(interface {
		DeleteCtx(context.Context, string) error
	}); ok {
		s.remove = with.DeleteCtx
	}
	return nil
}

func (s *scs) find(ctx context.Context, token string) (*session, error) {
	// scs makes tokens of 32 random bytes, and no others.
	if raw, err := base64.RawURLEncoding.Strict().DecodeString(token); err != nil || len(raw) != 32 || len(token) != 43 {
		return nil, nil
	}
	key := token
	if s.HashTokenInStore {
		hash := sha256.Sum256([]byte(token))
		key = base64.RawURLEncoding.EncodeToString(hash[:])
	}
	data, found, err := s.get(ctx, key)
	switch {
	case err != nil:
		return nil, fmt.Errorf("find: %w", err)
	case !found:
		return &session{id: idOf("scs", s.Cookie.Name, token), gone: true}, nil
	case len(data) > s.MaxSize:
		return nil, tooLarge(len(data), s.MaxSize)
	}
	deadline, values, err := s.Decode(data)
	if err != nil {
		return nil, err
	}
	if !s.Now().Before(deadline) {
		return nil, nil
	}
	return &session{
		id:     idOf("scs", s.Cookie.Name, token),
		until:  deadline,
		read:   func(ctx context.Context) (*core.Adoption, error) { return s.Read(ctx, values) },
		remove: func(ctx context.Context) error { return s.remove(ctx, key) },
	}, nil
}
