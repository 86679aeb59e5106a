package adopt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// maxValues is how many values of the old cookie's name one request may present. A browser has two if the cookie was
// once set with another Path or Domain.
const maxValues = 4

// Adopter takes over the sessions of one other library. NewGorilla and NewSCS make one. Its methods may be called
// concurrently.
type Adopter struct {
	cookie http.Cookie
	find   func(ctx context.Context, value string) (*session, error) // nil, nil: value is nobody's
	taken  *taken

	log     *slog.Logger
	nobodys atomic.Int32 // values of the cookie that were nobody's, before the first genuine one; then below 0
}

func newAdopter(c http.Cookie, find func(context.Context, string) (*session, error), t *taken, log *slog.Logger) *Adopter {
	if log == nil {
		log = slog.Default()
	}
	return &Adopter{cookie: c, find: find, taken: t, log: log}
}

// suspicious is after how many values that are nobody's the settings are doubted.
const suspicious = 20

// count doubts the settings, once, if no value of the cookie has been genuine.
func (a *Adopter) count(genuine bool) {
	switch {
	case genuine:
		a.nobodys.Store(-1 << 30)
	case a.nobodys.Load() >= 0 && a.nobodys.Add(1) == suspicious:
		a.log.Warn("adopt: cookies of the other library came, and none was a session of it. Are the keys, the cookie's name and the store its own?",
			"cookie", a.cookie.Name, "values", suspicious)
	}
}

// session is a session of the other library.
type session struct {
	id     driver.ID // in TakenIn
	gone   bool      // its record is not there; what follows is not set
	until  time.Time // its deadline
	read   func(context.Context) (*core.Adoption, error)
	remove func(context.Context) error // nil: it has no record
	chosen bool                        // Read has made the Adoption of this one
}

// Adopt is for core.Config.Adopt. A cookie that is malformed, forged, expired or not known is nobody's: it returns nil
// and nil, and so it does for a session that was taken over before. If that was less than 30 seconds ago, the error matches
// core.ErrEnded, and core takes the request for late. If a store does not answer, or if the values of a
// genuine session cannot be decoded, it returns an error.
//
// If the request has several live sessions under the cookie's name, the first one for which Read returns an Adoption is
// taken over, and all of them end: the others must not come back after a Logout.
func (a *Adopter) Adopt(ctx context.Context, cookies []*http.Cookie) (*core.Adoption, error) {
	found, live, err := a.look(ctx, cookies)
	if err != nil {
		return nil, fmt.Errorf("adopt: cookie %s: %w", a.cookie.Name, err)
	}
	if found == nil {
		return nil, nil
	}
	out := *found
	out.Forget = append(slices.Clip(out.Forget), &a.cookie)
	out.Taken = func(ctx context.Context) error {
		var errs []error
		for _, s := range live {
			errs = append(errs, a.end(ctx, s))
		}
		if found.Taken != nil {
			errs = append(errs, found.Taken(ctx))
		}
		return errors.Join(errs...)
	}
	return &out, nil
}

// look returns all live sessions that the cookies name, and what Read makes of one of them.
func (a *Adopter) look(ctx context.Context, cookies []*http.Cookie) (found *core.Adoption, live []*session, err error) {
	var late error
	for _, value := range a.values(cookies) {
		s, err := a.find(ctx, value)
		if err != nil {
			return nil, nil, err
		}
		if s == nil {
			a.count(false)
			continue
		}
		// After find: what another request has taken over meanwhile is seen.
		over, err := a.taken.has(ctx, s.id)
		a.count(over || !s.gone)
		if over {
			late = cmp.Or(late, err)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if s.gone {
			continue
		}
		live = append(live, s)
		if found == nil {
			if found, err = s.read(ctx); err != nil {
				return nil, nil, err
			}
			s.chosen = found != nil
		}
	}
	if found != nil {
		late = nil
	}
	return found, live, late
}

// values returns the different values of the old cookie, at most maxValues.
func (a *Adopter) values(cookies []*http.Cookie) (values []string) {
	for _, c := range cookies {
		if c.Name == a.cookie.Name && c.Value != "" && len(values) < maxValues && !slices.Contains(values, c.Value) {
			values = append(values, c.Value)
		}
	}
	return values
}

// end remembers that s was taken over before it removes the record. A request of the old application that is under way
// may write the record back. If another request has taken over the session that was chosen, end returns core.ErrEnded.
func (a *Adopter) end(ctx context.Context, s *session) error {
	err := a.taken.add(ctx, s.id, s.until)
	before := errors.Is(err, core.ErrEnded)
	if before {
		err = nil
	}
	if err == nil && s.remove != nil {
		err = s.remove(ctx)
	}
	if before && s.chosen {
		err = errors.Join(core.ErrEnded, err) // whether or not the old record could be removed: TakenIn has the session
	}
	if err != nil {
		return fmt.Errorf("adopt: cookie %s: %w", a.cookie.Name, err)
	}
	return nil
}
